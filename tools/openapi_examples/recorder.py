"""Sends requests by operation id and keeps the first exchange of each, a success and a refusal."""

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
from msgspec import Struct

from app.api.routes import ALL_ROUTES
from app.http.routing import Route, Scope
from tests.support.patience import PatientTransport
from tests.support.server import Project

ORIGIN: Final = "https://shop.example"
WAIT_SECONDS_MAX: Final = 60.0
NOBODY: Final = "nobody-knows-this"
CSV: Final = "text/csv"
FORM: Final = "application/x-www-form-urlencoded"
ROUTES: Final = {route.operation_id: route for route in ALL_ROUTES}


class Example(Struct, omit_defaults=True):
    """Of one operation. answers: by status; absent for those without JSON."""

    path: dict[str, str] = {}
    query: dict[str, str] = {}
    request: Any = None
    answers: dict[str, Any] = {}


class StoryFailed(AssertionError):
    """An answer that the story does not expect."""


class Recorder:
    """One telling, in one project."""

    def __init__(self, base_url: str, project: Project) -> None:
        self.project = project
        self.examples: dict[str, Example] = {}
        self.shared: dict[str, Any] = {}
        """Bodies of the answers that all operations share, by the name of the component."""
        self.aliases: dict[str, str] = {}
        """What chance made of codes and secrets, to what the document shows."""
        self._bodies: dict[str, Any] = {}
        self.http = httpx.Client(base_url=base_url, timeout=60, transport=PatientTransport())
        self.headers: dict[Scope, dict[str, str]] = {
            Scope.PROJECT: project.headers,
            Scope.CLIENT: {
                "X-Client-Application-Id": project.client_id,
                "X-Client-Token": project.client_token,
                "Origin": ORIGIN,
            },
            Scope.MANAGEMENT: {
                "X-Management-Id": project.management_id,
                "X-Management-Token": project.management_token,
            },
            Scope.PUBLIC: {},
        }

    def ask(self, operation_id: str, body: Any = None, *, query: Mapping[str, str] = {}, **path: str) -> Any:
        """The answer's document; None for one without. Raises: StoryFailed unless it is a success."""
        answer = self._send(ROUTES[operation_id], body, query, path)
        if answer.is_error:
            raise StoryFailed(f"{operation_id}: {answer.status_code} {answer.text}")
        self._keep(operation_id, body, query, path, answer)
        return answer.json() if _is_json(answer) else None

    def refused(
        self, operation_id: str, body: Any = None, *, query: Mapping[str, str] = {}, **path: str
    ) -> Any:
        """The same for a refusal that says something of the operation."""
        answer = self._send(ROUTES[operation_id], body, query, path)
        if not 400 <= answer.status_code < 500:
            raise StoryFailed(f"{operation_id}: {answer.status_code} {answer.text}")
        example = self.examples.setdefault(operation_id, Example())
        example.answers.setdefault(str(answer.status_code), answer.json())
        return answer.json()

    def common(self, name: str, answer: httpx.Response) -> None:
        """An answer that any operation may give."""
        self.shared[name] = answer.json()

    def done(self, answer: Mapping[str, Any]) -> None:
        """Until the async action of an answer is done. Raises: StoryFailed when it fails or takes long."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < deadline:
            found = self.ask("get-async-action", asyncActionId=str(answer["async_action_id"]))
            if found["status"] in ("DONE", "FAILED"):
                self.examples["get-async-action"].answers["200"] = found
                if found["status"] == "FAILED" or found["result"].get("failed_count"):
                    raise StoryFailed(f"not every row was done: {found}")
                return
            time.sleep(0.05)
        raise StoryFailed(f"not done: {answer}")

    def until(self, operation_id: str, member: str, wanted: Any, **path: str) -> Any:
        """Ask until the answer's member is as wanted; that answer becomes the example."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while (found := self.ask(operation_id, **path))[member] != wanted:
            if time.monotonic() > deadline:
                raise StoryFailed(f"{operation_id}: {member} is {found[member]}")
            time.sleep(0.05)
        self.examples[operation_id].answers["200"] = found
        return found

    def listed(
        self, operation_id: str, member: str, *, query: Mapping[str, str] = {}, **path: str
    ) -> list[dict[str, Any]]:
        """A page, as soon as there is something on it: refusals are written down a moment later."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := self.ask(operation_id, query=query, **path)[member]):
            if time.monotonic() > deadline:
                raise StoryFailed(f"{operation_id}: nothing is listed")
            time.sleep(0.05)
        return list(found)

    def alias(self, found: str, shown: str) -> str:
        """Show something else for what chance made; what was found."""
        self.aliases[found] = shown
        return found

    def forget(self, operation_id: str) -> None:
        """Keep the next exchange in place of the first."""
        self._bodies.pop(operation_id, None)

    def missing(self) -> list[str]:
        """Operations whose request body the story never sends."""
        return sorted(
            one for one, route in ROUTES.items() if route.body is not None and one not in self.examples
        )

    def refuse_the_rest(self) -> None:
        """For each operation of the story whose refusal it does not tell: asked for what is not there, or
        with a member of another type than it has.
        """
        for operation_id, example in sorted(self.examples.items()):
            route = ROUTES[operation_id]
            if any(status.startswith("4") for status in example.answers) or route.scope is Scope.PUBLIC:
                continue
            if example.path and self._refuse(route, self._bodies[operation_id], _elsewhere(example.path)):
                continue
            self._refuse(route, _broken(self._bodies[operation_id]), example.path)

    def _refuse(self, route: Route, body: Any, path: Mapping[str, str]) -> bool:
        query = self.examples[route.operation_id].query or {}
        if body is None and not path and "limit" in route.query:
            query = {"limit": "many"}
        answer = self._send(route, body, query, path)
        if answer.status_code not in (400, 404) or not _is_json(answer):
            return False
        self.examples[route.operation_id].answers[str(answer.status_code)] = answer.json()
        return True

    def _send(
        self, route: Route, body: Any, query: Mapping[str, str], path: Mapping[str, str]
    ) -> httpx.Response:
        target = route.path
        for name, value in path.items():
            target = target.replace("{" + name + "}", quote(value, safe=""))
        if "{" in target:
            raise StoryFailed(f"{route.operation_id}: {target}")
        if query:
            target += "?" + urlencode(query)
        headers = dict(self.headers[route.scope])
        if body is None:
            return self.http.request(route.method, target, headers=headers)
        if route.consumes == (FORM,):
            return self.http.request(route.method, target, headers=headers, data=body)
        if route.consumes == ("multipart/form-data",):
            rows = {"file": ("rows.csv", str(body["file"]).encode(), CSV)}
            return self.http.request(route.method, target, headers=headers, files=rows)
        return self.http.request(route.method, target, headers=headers, json=body)

    def _keep(
        self,
        operation_id: str,
        body: Any,
        query: Mapping[str, str],
        path: Mapping[str, str],
        answer: httpx.Response,
    ) -> None:
        if operation_id in self._bodies:
            return
        self._bodies[operation_id] = body
        example = self.examples.setdefault(operation_id, Example())
        example.path, example.query = dict(path), dict(query)
        example.request = json.loads(json.dumps(body))
        if _is_json(answer):
            example.answers[str(answer.status_code)] = answer.json()


def _is_json(answer: httpx.Response) -> bool:
    return answer.headers.get("Content-Type", "").startswith("application/json") and bool(answer.content)


def _elsewhere(path: Mapping[str, str]) -> dict[str, str]:
    """The same path with another last part."""
    names = list(path)
    return {**path, names[-1]: NOBODY}


def _broken(body: Any) -> Any:
    """The body with its first member of another type."""
    if isinstance(body, list):
        return {"rows": body}
    if isinstance(body, dict) and body:
        name = next(iter(body))
        if set(body) <= {"file"} or name in ("grant_type", "access_token"):
            return {"file": ""} if name == "file" else {}
        return {**body, name: 7 if isinstance(body[name], str) else "seven"}
    return body
