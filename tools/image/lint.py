"""Lints Dockerfile and compose.yaml: what makes an image safe to run, and a start in the right order.

`python -m tools.image.lint` prints what is wrong and exits 1 when anything is.
"""

import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import yaml

from app.settings import SETTINGS, VERSION
from tools.image.dockerfile import DockerfileError, Stage, stages_of

ROOT: Final = Path(__file__).resolve().parents[2]
BUILDING: Final = {"WORKDIR", "RUN", "ENV", "COPY", "LABEL", "ARG"}
STARTING: Final = {"USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
LABELS: Final = ("title", "description", "licenses", "version")
SECRET: Final = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL", re.IGNORECASE)
PINNED: Final = re.compile(r".+:\d+(\.\d+)?[\w.-]*(@sha256:[0-9a-f]{64})?$|.+@sha256:[0-9a-f]{64}$")
CARELESS: Final = re.compile(r"\bsudo\b|(curl|wget)[^|]*\|\s*(ba)?sh|chmod\s+(-R\s+)?777")
PROFILES: Final = frozenset({"single", "sentinel", "cluster"})
CONDITIONS: Final = {"service_started", "service_healthy", "service_completed_successfully"}
OURS: Final = "vouchsafe"

Service = dict[str, Any]


def dockerfile_faults(text: str, root: Path = ROOT) -> list[str]:
    """Every fault with its line; none for a good file."""
    try:
        stages = stages_of(text)
        return [*_bases(stages), *_steps(stages, root), *_shipped(stages[-1])]
    except DockerfileError as error:
        return [str(error)]


def _bases(stages: list[Stage]) -> Iterator[str]:
    names = {stage.name for stage in stages}
    for stage in stages:
        if stage.base not in names and not PINNED.fullmatch(stage.base):
            yield f"FROM {stage.base}: not pinned to a version or a digest"


def _steps(stages: list[Stage], root: Path) -> Iterator[str]:
    allowed = _allowed(root)
    earlier: set[str] = set()
    for stage in stages:
        for step in stage.steps:
            at = f"line {step.line}: "
            if step.word == "ADD":
                yield at + "ADD fetches and unpacks as it pleases: COPY"
            elif step.word not in BUILDING | STARTING:
                yield at + f"{step.word} is no instruction for this image"
            if step.word in ("ENV", "ARG") and any(SECRET.search(name) for name in step.pairs):
                yield at + "a secret would stay in the image"
            if step.word == "RUN" and CARELESS.search(step.rest):
                yield at + "runs what it fetched, as somebody else, or opens a folder to everybody"
            if step.word == "COPY":
                yield from (at + fault for fault in _copied(step.options, step.words, earlier, allowed, root))
            is_start = step.word in ("CMD", "ENTRYPOINT", "HEALTHCHECK") and step.rest != "NONE"
            if is_start and step.form is None:
                yield at + f"{step.word} starts a shell, which takes no signals: a list of strings"
        earlier.add(stage.name)


def _copied(
    options: dict[str, str], words: list[str], earlier: set[str], allowed: set[str], root: Path
) -> Iterator[str]:
    if "from" in options:
        if options["from"] not in earlier:
            yield f"copies from {options['from']}, which is no stage before"
        return
    for source in words[:-1]:
        if source in (".", "./"):
            yield "copies everything that lies about"
        elif not (root / source).exists():
            yield f"{source} does not exist"
        elif source.split("/")[0] not in allowed:
            yield f".dockerignore keeps {source} out"


def _allowed(root: Path) -> set[str]:
    """What .dockerignore lets through, when it begins by keeping all out."""
    lines = (root / ".dockerignore").read_text(encoding="utf-8").split()
    return {line[1:] for line in lines if line.startswith("!")} if lines and lines[0] == "*" else set()


def _shipped(stage: Stage) -> Iterator[str]:
    words = [step.word for step in stage.steps]
    user = stage.last("USER")
    if user is None:
        yield "runs as root: no USER"
    elif not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user.rest):
        yield f"line {user.line}: USER {user.rest} is not a number with a group, and not 0"
    elif "RUN" in words[words.index("USER") :]:
        yield f"line {user.line}: RUN stands behind USER"
    health = stage.last("HEALTHCHECK")
    if health is None or "NONE" in health.rest.split():
        yield "has no HEALTHCHECK"
    for word in ("ENTRYPOINT", "EXPOSE", "VOLUME"):
        if stage.last(word) is None:
            yield f"has no {word}"
    labels = stage.last("LABEL")
    shown = labels.pairs if labels is not None else {}
    for name in LABELS:
        if not shown.get(f"org.opencontainers.image.{name}"):
            yield f"has no label org.opencontainers.image.{name}"
    if shown.get("org.opencontainers.image.version") not in (VERSION, None):
        yield f"its label says version {shown['org.opencontainers.image.version']}, this is {VERSION}"
    settings = {setting.variable for setting in SETTINGS}
    for step in stage.steps:
        names = step.pairs if step.word == "ENV" else ()
        yield from (
            f"line {step.line}: {name} is no setting"
            for name in names
            if name.startswith("VOUCHSAFE_") and name not in settings
        )


def compose_faults(text: str) -> list[str]:
    """Every fault with its service; none for a good file."""
    try:
        document = yaml.safe_load(text)
        services: dict[str, Service] = document["services"]
    except (yaml.YAMLError, TypeError, KeyError) as error:
        return [f"compose.yaml cannot be read: {error}"]
    found = [*_volumes(document, services), *_order(services), *_profiles(services)]
    for name, service in services.items():
        found += [f"{name}: {fault}" for fault in _service(name, service)]
        if _is_ours(service):
            found += [f"{name}: {fault}" for fault in _hardened(service)]
    settings = {setting.variable for setting in SETTINGS}
    unknown = set(re.findall(r"\bVOUCHSAFE_[A-Z_]+", text)) - settings
    return found + [f"{name} is no setting" for name in sorted(unknown)]


def _is_ours(service: Service) -> bool:
    return str(service.get("image", "")).startswith(OURS + ":")


def _command(service: Service) -> list[str]:
    command = service.get("command") or []
    return command.split() if isinstance(command, str) else [str(word) for word in command]


def _does(service: Service, verb: str) -> bool:
    return _is_ours(service) and _command(service)[:1] == [verb]


def _needs(service: Service) -> dict[str, str]:
    """The services that it waits for, and until when."""
    needs = service.get("depends_on") or {}
    if isinstance(needs, list):
        return dict.fromkeys(needs, "service_started")
    return {name: one.get("condition", "service_started") for name, one in needs.items()}


def _service(name: str, service: Service) -> Iterator[str]:
    image = str(service.get("image", ""))
    if not PINNED.fullmatch(image):
        yield f"image {image or '(none)'} is not pinned"
    if _is_ours(service) and image != f"{OURS}:{VERSION}":
        yield f"image {image}, this is {VERSION}"
    for port in service.get("ports") or ():
        if not str(port).startswith("127.0.0.1:"):
            yield f"port {port} is open to every network"
    if service.get("privileged") or service.get("network_mode") == "host" or service.get("pid") == "host":
        yield "has the host's rights"
    if any("docker.sock" in str(volume) for volume in service.get("volumes") or ()):
        yield "holds the engine's socket"
    environment = service.get("environment") or {}
    for variable, value in environment.items():
        if SECRET.search(variable) and "${" not in str(value):
            yield f"{variable} stands in the file"
        if re.search(r"://[^/:@]*:[^$@/][^@]*@", str(value)):
            yield f"the password of {variable} stands in the file"
    command = _command(service)
    is_store = command[:1] == ["valkey-server"] and "--sentinel" not in command
    if is_store and ("--maxmemory-policy", "noeviction") not in pairwise(command):
        yield "may evict counters: --maxmemory-policy noeviction"


def _hardened(service: Service) -> Iterator[str]:
    if service.get("read_only") is not True:
        yield "its root can be written"
    if service.get("cap_drop") != ["ALL"]:
        yield "keeps capabilities"
    if "no-new-privileges:true" not in (service.get("security_opt") or ()):
        yield "may gain privileges"
    if str(service.get("user", "10001")).split(":")[0] in ("0", "root"):
        yield "runs as root"
    if _command(service)[:1] not in (["serve"], ["migrate"]):
        yield f"has no command of ours: {_command(service)}"


def _volumes(document: dict[str, Any], services: dict[str, Service]) -> Iterator[str]:
    named = set(document.get("volumes") or ())
    used = {
        str(volume).split(":")[0]
        for service in services.values()
        for volume in service.get("volumes") or ()
        if not str(volume).startswith((".", "/"))
    }
    yield from (f"volume {name} is not declared" for name in sorted(used - named))
    yield from (f"volume {name} is used by nobody" for name in sorted(named - used))
    if "version" in document:
        yield "`version` means nothing any more"


def _order(services: dict[str, Service]) -> Iterator[str]:
    """What is waited for exists and can come to pass; database, then migration, then application."""
    for name, service in services.items():
        for other, condition in _needs(service).items():
            target = services.get(other)
            if target is None:
                yield f"{name}: waits for {other}, which does not exist"
                continue
            if condition not in CONDITIONS:
                yield f"{name}: {condition} is no condition"
            if condition == "service_healthy" and not target.get("healthcheck"):
                yield f"{name}: {other} has no healthcheck to wait for"
            ends = target.get("restart") in ("no", "on-failure")
            if condition == "service_completed_successfully" and not ends:
                yield f"{name}: {other} is started again when it ends"
        if name in _before(services, name):
            yield f"{name}: waits for itself"
    migrations = {name for name, one in services.items() if _does(one, "migrate")}
    for name in sorted(migrations):
        if "service_healthy" not in _needs(services[name]).values():
            yield f"{name}: does not wait for a healthy database"
    for name, service in services.items():
        if _does(service, "serve"):
            migrated = {
                other
                for other, condition in _needs(service).items()
                if other in migrations and condition == "service_completed_successfully"
            }
            if not migrated:
                yield f"{name}: serves before anything migrated"


def _before(services: dict[str, Service], name: str) -> set[str]:
    """Everything that is waited for on the way, the service itself too when it is a ring."""
    found: set[str] = set()
    pending = list(_needs(services[name]))
    while pending:
        one = pending.pop()
        if one in services and one not in found:
            found.add(one)
            pending += _needs(services[one])
    return found


def _profiles(services: dict[str, Service]) -> Iterator[str]:
    """Each profile is whole by itself, and has one Redis and one Vouchsafe."""
    of = {name: set(service.get("profiles") or ()) for name, service in services.items()}
    for name, profiles in of.items():
        yield from (f"{name}: profile {one} is unknown" for one in sorted(profiles - PROFILES))
        for other in _needs(services[name]):
            if of.get(other) and not (profiles and profiles <= of[other]):
                yield f"{name}: waits for {other}, which its profiles do not start"
    for profile in sorted(PROFILES):
        serving = [
            name
            for name, service in services.items()
            if (not of[name] or profile in of[name]) and _does(service, "serve")
        ]
        if len(serving) != 1:
            yield f"profile {profile} starts {len(serving)} of {OURS}: {', '.join(serving) or 'none'}"


def main() -> int:
    found = dockerfile_faults((ROOT / "Dockerfile").read_text(encoding="utf-8"))
    found += compose_faults((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    print("\n".join(found) or "Dockerfile and compose.yaml: no fault")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
