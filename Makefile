# Vouchsafe. `make` prints what there is. Needs make and Python 3.11 or newer; everything else goes into .venv.

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
DATA ?= data
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 2
USERS ?= 32
SECONDS_MAX ?= 60
SCENARIO ?= mixed
REQUESTS ?= 100000
PAIRS ?= 5000
WALK_SECONDS ?= 300
OUTAGE_SECONDS ?= 600
FILE ?= tests/vectors/peer_vectors.json
RULE_DOCUMENTS ?= 100000
RULE_REQUESTS ?= 50000
# Test processes have a Valkey and a server of their own each: as many as processors, between 2 and 8.
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n < 2 ? 2 : n > 8 ? 8 : n)))
PYTEST := $(BIN)/python -m pytest
UV ?= $(or $(wildcard $(BIN)/uv),uv)
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install run examples first-refusal image-steps alternations test second-try test-fast lint format types static check bench bench-all bench-compare bench-memory bench-size profile load bench-codes bench-segments bench-rebuild bench-oracle fuzz schemathesis bench-rules rules-many chaos chaos-all cluster kills bench-webhooks webhook-outage sentinel vectors lock openapi clean

help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(RUN_STAMP) ## Set up only; the command is then .venv/bin/vouchsafe

run: $(RUN_STAMP) ## Set up, then serve a demo shop with its story (DATA, HOST, PORT, WORKERS)
	@exec $(BIN)/vouchsafe demo --data-dir $(DATA) --host $(HOST) --port $(PORT) --workers $(WORKERS)

test: $(DEV_STAMP) ## Set up, then run every test; prints the minutes of each area
	$(PYTEST) -n $(TEST_PROCESSES) --dist worksteal

second-try: $(DEV_STAMP) ## What failed in the last `make test`, alone and twice in a row
	$(BIN)/python -m tools.second_try

test-fast: $(DEV_STAMP) ## The rules and the house rules: no server, a few seconds
	$(PYTEST) -q -m "not service and not slow" tests/rules tests/test_tidy.py tests/test_imports.py

lint: $(DEV_STAMP) ## Lint
	$(BIN)/ruff check .

format: $(DEV_STAMP) ## Let ruff mend what it can mend by itself
	$(BIN)/ruff check --fix .

types: $(DEV_STAMP) ## mypy, strict
	$(BIN)/mypy

static: lint types ## What CI looks at without running anything: lint, types, imports, taste, migrations, OpenAPI
	$(PYTEST) -q tests/test_imports.py tests/test_tidy.py
	$(BIN)/python tools/check_migrations.py
	$(BIN)/vouchsafe openapi --check --output openapi/vouchsafe.json
	$(BIN)/python -m tools.openapi_lint openapi/vouchsafe.json
	$(BIN)/python -m tools.image.lint
	$(BIN)/python tools/coverage.py

check: static test ## Everything that CI runs

examples: $(DEV_STAMP) ## Tell the story of the OpenAPI document's examples anew: app/http/examples.json
	$(BIN)/python -m tools.openapi_examples

first-refusal: ## Commands and seconds from a fresh clone to the first refusal that says why
	python3 -m tools.first_refusal

image-steps: $(DEV_STAMP) ## The Dockerfile's steps in a clean folder, without an engine, and its start (PYTHON; a minute)
	$(BIN)/python -m tools.image.steps $(if $(PYTHON),--python $(PYTHON))

openapi: $(DEV_STAMP) ## Write anew what is written from tables: openapi/vouchsafe.json, coverage.md, pages of the docs
	$(BIN)/vouchsafe openapi --output openapi/vouchsafe.json
	$(BIN)/python tools/coverage.py --write
	$(BIN)/python -m tools.permissions_page
	$(BIN)/python -m tools.configuration_page

alternations: $(DEV_STAMP) ## A change, then two decisions elsewhere, a thousand times on four workers (ALTERNATIONS=1000)
	VOUCHSAFE_TEST_ALTERNATIONS=$(or $(ALTERNATIONS),1000) $(BIN)/pytest -q tests/races/test_alternations.py

bench: $(DEV_STAMP) ## CPU and latency of validate and redeem beside the floor (BENCH_SECONDS=60; needs wrk)
	$(BIN)/python loadtests/bench.py

bench-all: $(DEV_STAMP) ## Every row: stacks, tiers, refusals, minting; both databases, 1 and 2 workers (ARGS; minutes)
	$(BIN)/python -m loadtests.bench_rows $(ARGS)

bench-compare: $(DEV_STAMP) ## Two runs of make bench-all, row by row (A=before.json B=after.json)
	$(BIN)/python -m loadtests.bench_compare $(A) $(B) $(ARGS)

bench-memory: $(DEV_STAMP) ## Bytes of campaigns, vouchers, codes and redemptions in a worker and in Valkey (ARGS)
	$(BIN)/python -m loadtests.bench_memory $(ARGS)

bench-size: $(DEV_STAMP) ## Bytes of a redemption on disk, on both databases, and what a year takes (ARGS; two minutes)
	$(BIN)/python -m loadtests.size $(ARGS)

profile: $(DEV_STAMP) ## Microseconds of a hot path, function by function and command by command (ROW=redeem, ARGS)
	$(BIN)/python -m loadtests.profile_hot_path $(or $(ROW),redeem) $(ARGS)

bench-rules: $(DEV_STAMP) ## CPU of decisions as multiples of decoding the request, and an index over 20 000 tiers (minutes)
	$(BIN)/python -m loadtests.bench_rules

rules-many: $(DEV_STAMP) ## Many random rule documents and requests (RULE_DOCUMENTS=100000, RULE_REQUESTS=50000; minutes)
	VOUCHSAFE_RULE_DOCUMENTS=$(RULE_DOCUMENTS) VOUCHSAFE_RULE_REQUESTS=$(RULE_REQUESTS) $(PYTEST) -q tests/rules/test_properties.py

bench-rebuild: $(DEV_STAMP) ## Rebuild of 1 000 000 counters beside a bare MSET of as many keys
	$(BIN)/python -m loadtests.rebuild

load: $(DEV_STAMP) ## locust against a server that runs (SCENARIO=mixed, USERS, SECONDS_MAX; see loadtests/README.md)
	$(BIN)/python -m locust -f loadtests/scenarios/$(SCENARIO).py --headless --users $(USERS) --spawn-rate 16 --run-time $(SECONDS_MAX)s --stop-timeout 60 --host http://$(HOST):$(PORT)

sentinel: $(DEV_STAMP) ## Serve on a primary, a replica and three Sentinels started here (HOST, PORT, WORKERS)
	$(BIN)/python -m tools.topology sentinel --host $(HOST) --port $(PORT) --workers $(WORKERS)

cluster: $(DEV_STAMP) ## Serve on a cluster of three masters started here (HOST, PORT, WORKERS)
	$(BIN)/python -m tools.topology cluster --host $(HOST) --port $(PORT) --workers $(WORKERS)

chaos: $(DEV_STAMP) ## Workloads under faults, judged; three minutes (SEED; see chaos/README.md)
	$(BIN)/python -m chaos $(if $(SEED),--seed $(SEED))

chaos-all: $(DEV_STAMP) ## The same for every pair of workload and fault, an hour (SEED; CHAOS=--full: and level)
	$(BIN)/python -m chaos --select pairs $(if $(SEED),--seed $(SEED)) $(CHAOS)

bench-segments: $(DEV_STAMP) ## CPU of a validation with 20 segments beside one with none, 1 000 000 customers (minutes)
	$(BIN)/python -m loadtests.segments

bench-codes: $(DEV_STAMP) ## A million codes, CSV, export, lookups on PostgreSQL, beside a bare COPY (a quarter of an hour)
	$(BIN)/python -m loadtests.codes

bench-oracle: $(DEV_STAMP) ## Can a stranger tell by the clock which codes exist? 5 000 pairs (PAIRS)
	$(BIN)/python -m loadtests.oracle --pairs $(PAIRS)

fuzz: $(DEV_STAMP) ## Odd requests to every operation: no fault, no status that the document does not name (REQUESTS)
	$(BIN)/python -m tools.fuzz --requests $(REQUESTS)

schemathesis: $(DEV_STAMP) ## schemathesis over every operation and along the links of the document (WALK_SECONDS, SEED)
	$(BIN)/python -m tools.schemathesis --walk-seconds $(WALK_SECONDS) $(if $(SEED),--seed $(SEED))

kills: $(DEV_STAMP) ## A hundred kills of Valkey, workers and writer in ten minutes, 16 clients (SEED)
	$(BIN)/python -m chaos.kills $(if $(SEED),--seed $(SEED))

bench-webhooks: $(DEV_STAMP) ## How soon a receiver is told, alone and beside receivers that hang or are away (ARGS; minutes)
	$(BIN)/python -m loadtests.webhooks $(ARGS)

webhook-outage: $(DEV_STAMP) ## Background process and receiver killed for ten minutes: is all told? (OUTAGE_SECONDS=600, SEED, ARGS=--postgresql)
	$(BIN)/python -m chaos.webhook_outage --seconds $(OUTAGE_SECONDS) $(if $(SEED),--seed $(SEED)) $(ARGS)

vectors: $(DEV_STAMP) ## Run a file of promotions and carts (FILE) through the HTTP API; see tests/vectors/README.md
	$(BIN)/python -m tools.vectors $(FILE)

lock: $(DEV_STAMP) ## Resolve pyproject.toml anew into requirements/*.txt (needs uv)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml -o requirements/run.txt
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --group dev -o requirements/dev.txt
	echo "setuptools>=80" | $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 - -o requirements/build.txt
	$(PIP) install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/python tools/third_party.py
	$(BIN)/python -m tools.sbom

clean: ## Remove what was built, but not data
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Two stamps, so that a second `make run` or `make test` starts at once. A changed lock makes them stale.
$(BIN)/python:
	@sh tools/make_venv.sh $(VENV)

$(RUN_STAMP): requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements/build.txt -r requirements/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(RUN_STAMP)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@touch $@
