"""Who may look: a key pair becomes a session that is bounded, tells nobody the key, and ends with it."""

import re
from http.cookies import SimpleCookie

import httpx

from app.asgi import create_app
from app.settings import Settings
from tests.console.visitor import Visitor, agent_of, visiting
from tests.support.server import Project, RunningServer


def session_cookie(answer: httpx.Response):
    """The cookie that the sign-in set, with its attributes."""
    (line,) = [one for one in answer.history[0].headers.get_list("set-cookie") if "vouchsafe_console" in one]
    return SimpleCookie(line)["vouchsafe_console"]


async def test_there_is_no_console_unless_somebody_wants_one() -> None:
    """Off by default: its paths are paths that do not exist."""
    transport = httpx.ASGITransport(app=create_app(Settings()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/console", "/console/sign-in", "/console/files/console.css", "/console/live"):
            assert (await client.get(path)).status_code == 404


def test_a_key_pair_opens_a_session_that_does_not_hold_the_key(
    server: RunningServer, project: Project
) -> None:
    """The cookie is out of reach of scripts and other sites, ends by itself, and is no key."""
    with visiting(server) as visitor:
        assert visitor.seen.url.path == "/console/sign-in"
        answer = visitor.sign_in(project.app_id, project.app_token)
        assert answer.url.path.startswith("/console/")
        assert "Sign out" in visitor.text
        cookie = session_cookie(answer)
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/console")
        assert 0 < int(cookie["max-age"]) <= 8 * 3600
        assert project.app_token not in cookie.value
        assert project.app_token not in answer.text
        assert project.app_token not in server.log.read_text()


def test_whoever_had_to_sign_in_first_goes_on_to_where_they_wanted(
    server: RunningServer, project: Project
) -> None:
    """To a page of the console, and never elsewhere."""
    with visiting(server) as visitor:
        visitor.open("/console/mint")
        fields = {"key_id": project.app_id, "secret": project.app_token}
        assert visitor.hidden("to") == "mint"
        wanted = visitor.client.post("/console/sign-in", data={**fields, "to": "mint"})
        assert wanted.url.path == "/console/mint"
        elsewhere = visitor.client.post("/console/sign-in", data={**fields, "to": "https://evil.example"})
        assert elsewhere.url.path == "/console/live"


def test_what_is_no_key_of_a_server_opens_nothing(server: RunningServer, project: Project) -> None:
    """A wrong secret, a publishable key, a management key and nothing at all: told, without a cookie."""
    pairs = [
        (project.app_id, "not-the-secret"),
        (project.client_id, project.client_token),
        (project.management_id, project.management_token),
        ("", ""),
        ("x" * 5, "é\0"),
        ("é☃", "a\nb"),
    ]
    with visiting(server) as visitor:
        for key_id, secret in pairs:
            answer = visitor.sign_in(key_id, secret)
            assert answer.status_code in (400, 401)
            assert not visitor.client.cookies
            assert secret not in answer.text or not secret.strip()
            assert "Sign out" not in visitor.text


def test_a_sign_out_ends_the_session_wherever_its_cookie_was_copied_to(
    server: RunningServer, project: Project
) -> None:
    """Not only in the browser that signs out."""
    with visiting(server) as visitor, visiting(server) as thief:
        visitor.sign_in(project.app_id, project.app_token)
        thief.client.cookies = httpx.Cookies(visitor.client.cookies)
        assert thief.open("/console/mint", q="somebody").url.path == "/console/mint"
        visitor.send("/console/sign-out")
        assert visitor.seen.url.path == "/console/sign-in"
        assert not visitor.client.cookies
        assert thief.open("/console/mint", q="somebody").url.path == "/console/sign-in"


def test_a_session_ends_with_its_key(server: RunningServer, project: Project) -> None:
    """A revoked key is signed out with its next request, and told that the session is over."""
    agent = agent_of(server, project, "SUPPORT")
    with visiting(server) as visitor:
        visitor.sign_in(agent.id, agent.secret)
        assert visitor.open("/console/mint", q="somebody").url.path == "/console/mint"
        agent.revoke(server)
        visitor.open("/console/mint", q="somebody")
        assert visitor.seen.url.path == "/console/sign-in"
        assert "session is over" in visitor.text


def test_a_key_opens_the_console_from_its_own_addresses_alone(
    server: RunningServer, project: Project
) -> None:
    """The visitor's address goes along with every request of a page."""
    far = agent_of(server, project, "ADMIN", allowed_addresses=["192.0.2.1"])
    near = agent_of(server, project, "ADMIN", allowed_addresses=["127.0.0.1"])
    with visiting(server) as visitor:
        assert visitor.sign_in(far.id, far.secret).status_code == 403
        assert visitor.sign_in(near.id, near.secret).url.path == "/console/live"
        assert visitor.open("/console/mint", q="x").status_code == 200


def test_a_form_from_elsewhere_changes_nothing(server: RunningServer, project: Project) -> None:
    """Without the session's own value, with another session's, or from another site: 403."""
    with visiting(server) as visitor, visiting(server) as other:
        for one in (visitor, other):
            one.sign_in(project.app_id, project.app_token)
        own, foreign = visitor.hidden("csrf"), other.hidden("csrf")
        assert own != foreign
        for fields, headers in [
            ({}, {}),
            ({"csrf": foreign}, {}),
            ({"csrf": own}, {"Sec-Fetch-Site": "cross-site"}),
            ({"csrf": own}, {"Sec-Fetch-Site": "same-site"}),
            ({"csrf": own}, {"Origin": "https://evil.example"}),
            ({"csrf": own}, {"Origin": "null"}),
        ]:
            answer = visitor.client.post("/console/sign-out", data=fields, headers=headers)
            assert answer.status_code == 403
        assert visitor.open("/console/mint").url.path == "/console/mint"


def test_nobody_is_signed_in_from_another_site(server: RunningServer, project: Project) -> None:
    """Somebody else's page cannot make a visitor work with its own key."""
    with visiting(server) as visitor:
        answer = visitor.client.post(
            "/console/sign-in",
            data={"key_id": project.app_id, "secret": project.app_token},
            headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        )
        assert answer.status_code == 403
        assert not visitor.client.cookies


def test_a_page_loads_nothing_from_elsewhere_and_may_not(server: RunningServer, project: Project) -> None:
    """Sources are paths of this server, there is no script inside a page, and the policy says so."""
    with visiting(server) as visitor:
        pages = [visitor.seen, visitor.sign_in(project.app_id, project.app_token)]
        paths = ("/console/mint", "/console/mint?email=a@b.example", "/console/live")
        pages += [visitor.open(path) for path in paths]
        for page in pages:
            assert page.headers["content-security-policy"].startswith("default-src 'self';")
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["x-content-type-options"] == "nosniff"
            sources = re.findall(r'(?:src|href|action)="([^"]*)"', page.text)
            assert sources
            assert [source for source in sources if not re.match(r"/(?!/)|#", source)] == []
            assert re.findall(r"<script(?![^>]*src=)|<style|\bstyle=|\bon\w+=", page.text) == []
        for name in set(re.findall(r'(?:src|href)="(/console/files/[^"]+)"', "".join(p.text for p in pages))):
            answer = visitor.client.get(name)
            assert answer.status_code == 200
            unchanged = visitor.client.get(name, headers={"If-None-Match": answer.headers["etag"]})
            assert unchanged.status_code == 304


def test_odd_requests_are_refused_as_pages(server: RunningServer, project: Project) -> None:
    """What no form of ours sends: not a form, too large, too many fields, ids that look like parts of a path,
    a cookie of nonsense.
    """
    with visiting(server) as visitor:
        visitor.sign_in(project.app_id, project.app_token)
        csrf = visitor.hidden("csrf")
        bodies = [b"\xff\xfe", b"&".join(b"a=1" for _ in range(100)), f"csrf={csrf}&q={'x' * 2000}".encode()]
        for body in bodies:
            answer = visitor.client.post("/console/mint", content=body)
            assert answer.status_code == 400
            assert "Not done" in answer.text
        assert visitor.client.post("/console/mint", content=b"x" * 100_000).status_code == 413
        for text in (".", "..", "%2E", "a/b", "?x=1", "#", "☃"):
            for path in ("/console/mint?q", "/console/mint?customer", "/console/live/stop?campaign"):
                page, _, name = path.partition("?")
                assert visitor.open(page, **{name: text}).status_code in (200, 404), (path, text)
            visitor.open("/console/mint")
            assert visitor.send("/console/mint/revoke", publication=text).status_code == 404
    for value in ("=x", "=" + "x" * 900, ";;=;", "=a.b"):
        with visiting(server, Cookie="vouchsafe_console" + value) as stranger:
            assert isinstance(stranger, Visitor)
            assert stranger.open("/console/mint", q="x").url.path == "/console/sign-in"
