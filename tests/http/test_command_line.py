"""`vouchsafe keys` and `vouchsafe openapi`, beside a server that runs."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.patience import PatientTransport
from tests.support.receiver import until
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def four_workers(tmp_path_factory):
    """A server whose workers each have their own cache of keys."""
    running = RunningServer(data_dir=tmp_path_factory.mktemp("keys") / "data", workers=4)
    running.start()
    yield running
    running.stop()


def statuses(server: RunningServer, headers: dict[str, str], count: int) -> list[int]:
    """One connection per request, so that the kernel spreads them over the workers."""

    def one(_: int) -> int:
        with httpx.Client(headers=headers, timeout=60, transport=PatientTransport()) as client:
            return client.get(f"{server.base_url}/v1/customers").status_code

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(count)))


def test_keys_are_printed_once_and_open_the_project(four_workers):
    """Seven members as JSON on standard output, and nothing else there."""
    first, again = (
        json.loads(four_workers.command("keys", "create", "--project", "printed", "--json").stdout)
        for _ in range(2)
    )
    headers = {"X-App-Id": first["app_id"], "X-App-Token": first["app_token"]}
    assert set(statuses(four_workers, headers, 8)) == {200}
    assert again["project_id"] == first["project_id"]
    assert again["app_id"] != first["app_id"]
    listed = four_workers.command("keys", "list", "--project", "printed", "--json").stdout
    assert first["app_token"] not in listed
    assert {key["id"] for key in json.loads(listed)} >= {first["app_id"], first["client_id"], again["app_id"]}


def test_a_revoked_key_is_refused_by_each_of_four_workers_once_the_command_has_ended(four_workers):
    """Every request after the acknowledgement, whichever worker takes it."""
    project = four_workers.create_project("revoked")
    assert set(statuses(four_workers, project.headers, 40)) == {200}
    four_workers.command("keys", "revoke", project.app_id)
    assert set(statuses(four_workers, project.headers, 40)) == {401}


def test_one_key_alone_is_made_with_its_role_its_end_and_its_networks(four_workers):
    """Without a key of another kind beside it; and what cannot be is a sentence."""
    command = ("keys", "create", "--project", "alone", "--json")
    limited = ("--role", "support", "--expires", "30d", "--address", "127.0.0.1", "--address", "::1")
    made = json.loads(four_workers.command(*command, *limited).stdout)
    assert set(made) == {"project_id", "app_id", "app_token"}
    headers = {"X-App-Id": made["app_id"], "X-App-Token": made["app_token"]}
    assert set(statuses(four_workers, headers, 8)) == {200}
    listed = json.loads(four_workers.command("keys", "list", "--project", "alone", "--json").stdout)
    assert [(key["role"], key["addresses"], bool(key["expires_at"])) for key in listed] == [
        ("SUPPORT", "127.0.0.1, ::1", True)
    ]
    alone = json.loads(four_workers.command("keys", "create", "--kind", "management", "--json").stdout)
    assert set(alone) == {"management_id", "management_token"}
    for wrong in (("--expires", "soon"), ("--address", "localhost"), ("--role", "owner")):
        finished = four_workers.command(*command, *wrong, check=False)
        assert (finished.returncode, finished.stdout) == (2, "")


def test_a_rotated_key_opens_on_each_of_four_workers_with_both_tokens_or_the_new_one(four_workers):
    """From the end of the command on."""
    project = four_workers.create_project("rotated")
    assert set(statuses(four_workers, project.headers, 16)) == {200}
    rotated = json.loads(four_workers.command("keys", "rotate", project.app_id, "--json").stdout)
    new = {"X-App-Id": rotated["id"], "X-App-Token": rotated["token"]}
    assert set(statuses(four_workers, new, 16) + statuses(four_workers, project.headers, 16)) == {200}
    last = four_workers.command("keys", "rotate", project.app_id, "--overlap", "0s", "--json").stdout
    assert set(statuses(four_workers, new, 16)) == {401}
    newest = {"X-App-Id": rotated["id"], "X-App-Token": json.loads(last)["token"]}
    assert set(statuses(four_workers, newest, 16)) == {200}


def test_a_revoked_token_is_refused_by_each_of_four_workers(four_workers):
    """Every request after the answer, whichever worker takes it."""
    project = four_workers.create_project("tokens")
    oauth = f"{four_workers.base_url}/v1/oauth/token"
    form = {"grant_type": "client_credentials", "scope": "customers"}
    token = httpx.post(oauth, headers=project.headers, data=form).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert set(statuses(four_workers, bearer, 40)) == {200}
    revoked = httpx.post(f"{oauth}/revoke", headers=project.headers, data={"access_token": token})
    assert revoked.status_code == 204
    assert set(statuses(four_workers, bearer, 40)) == {401}


def test_revoking_what_does_not_exist_fails_with_a_sentence(four_workers):
    """Exit code 1, nothing on standard output."""
    finished = four_workers.command("keys", "revoke", "app_nobody", check=False)
    assert (finished.returncode, finished.stdout) == (1, "")
    assert "there is no key app_nobody" in finished.stderr


def test_a_wrong_setting_ends_the_command_with_exit_code_2(four_workers):
    """And says which was meant."""
    four_workers.environment = {"VOUCHSAFE_LOG_LEVLE": "info"}
    finished = four_workers.command("keys", "list", check=False)
    four_workers.environment = {}
    assert finished.returncode == 2
    assert "Did you mean VOUCHSAFE_LOG_LEVEL?" in finished.stderr


def test_the_documentation_needs_nothing_from_elsewhere(four_workers):
    """The page, its script and the document come from this server, under a policy that allows no other."""
    page = httpx.get(f"{four_workers.base_url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text.replace("https://www.w3.org", "")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js", "favicon-32x32.png"):
        asset = httpx.get(f"{four_workers.base_url}/docs/assets/{name}")
        assert (asset.status_code, asset.headers["x-content-type-options"]) == (200, "nosniff")
    assert httpx.get(f"{four_workers.base_url}/docs/assets/..%2Fcore.py").status_code == 404
    assert httpx.get(f"{four_workers.base_url}/openapi.json").json()["openapi"] == "3.1.0"


def test_readiness_names_each_part(four_workers):
    """For the load balancer a status, for people which part it is."""
    names = ("database", "redis", "partitions", "durability")

    def checks() -> dict[str, str]:
        return dict(httpx.get(f"{four_workers.base_url}/readyz").json()["checks"])

    assert checks().keys() == set(names)
    until(lambda: checks() == dict.fromkeys(names, "ok"), "all parts are well")
    assert httpx.get(f"{four_workers.base_url}/livez").json() == {"status": "live"}
