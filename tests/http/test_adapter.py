"""Every operation behaves the same at the edge."""

import msgspec
import pytest
from litestar import Litestar

from tests.http.conftest import worker_of


async def test_an_answer_names_its_request_and_the_durability_level(worker, shop):
    """A caller can quote the request id, and see what an acknowledgement means."""
    response = await worker.client.get("/v1/things", headers=shop.headers)
    assert response.status_code == 200
    assert response.headers["x-request-id"].startswith("v-")
    assert response.headers["vouchsafe-durability"] in ("journal", "ledger")
    assert response.headers["content-type"] == "application/json"
    assert response.json()["project"] == shop.id


async def test_rate_headers_are_there_without_a_limit(worker, shop):
    """Clients read the three headers of the contract in every answer."""
    response = await worker.client.get("/v1/things", headers=shop.headers)
    assert int(response.headers["x-rate-limit-remaining"]) > 1_000_000
    assert {"x-rate-limit-limit", "x-rate-limit-retry"} <= set(response.headers)


async def test_a_code_with_an_encoded_slash_is_one_segment(worker, shop):
    """Paths are decoded after routing, once."""
    response = await worker.client.get("/v1/things/AB%20C%2Fd%3F%C3%A9%23%2B%25", headers=shop.headers)
    assert response.json()["path"] == {"code": "AB C/d?é#+%"}


async def test_parameters_of_two_segments_are_both_decoded(worker, shop):
    """Each parameter has its own text."""
    response = await worker.client.get("/v1/things/a%2Fb/parts/%252F", headers=shop.headers)
    assert response.json()["path"] == {"code": "a/b", "part": "%2F"}


@pytest.mark.parametrize("path", ["/v1/things/x%00y", "/v1/things/%ff", "/v1/things/" + "x" * 600])
async def test_a_path_that_can_name_nothing_is_not_found(worker, shop, path):
    """No byte sequence in a path gives a fault."""
    response = await worker.client.get(path, headers=shop.headers)
    assert response.status_code == 404
    assert response.json()["key"] == "not_found"


async def test_a_hot_path_needs_no_router(worker, shop, monkeypatch):
    """It is answered where Litestar itself is not asked; every other path goes through it."""
    body = {"amount": 1}
    through = await worker.client.post("/v1/hot/", headers=shop.headers, json=body)

    async def broken(*_):
        raise AssertionError("Litestar was asked")

    monkeypatch.setattr(Litestar, "__call__", broken)
    past = await worker.client.post("/v1/hot", headers=shop.headers, json=body)
    assert (past.status_code, past.content) == (through.status_code, through.content)
    assert past.headers.keys() == through.headers.keys()
    with pytest.raises(AssertionError, match="Litestar was asked"):
        await worker.client.get("/v1/things", headers=shop.headers)


async def test_a_trailing_slash_is_served_directly(worker, shop):
    """Clients that append one are not redirected."""
    response = await worker.client.get("/v1/things/", headers=shop.headers)
    assert response.status_code == 200


async def test_a_static_segment_wins_over_a_parameter(worker, shop):
    """/v1/things/special is its own operation, and has no POST."""
    assert (await worker.client.get("/v1/things/special", headers=shop.headers)).json()["path"] == {}
    response = await worker.client.post("/v1/things/special", headers=shop.headers, json={})
    assert response.status_code == 405


async def test_405_names_the_methods_that_are_allowed(worker, shop):
    """In the header and in the contract's error object, without a key."""
    response = await worker.client.patch("/v1/things/abc", headers=shop.headers)
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, POST"
    assert response.json()["code"] == 405
    assert "key" not in response.json()


async def test_404_for_a_path_that_nobody_serves(worker):
    """The error object, with an id of its own."""
    response = await worker.client.get("/v1/nowhere")
    assert response.status_code == 404
    assert response.json()["code"] == 404
    assert response.json()["request_id"] == response.headers["x-request-id"]


async def test_head_answers_as_get_without_its_body(worker, shop):
    """The length is that of GET."""
    response = await worker.client.head("/v1/things", headers=shop.headers)
    assert response.status_code == 200
    assert response.content == b""
    assert int(response.headers["content-length"]) > 0


async def test_options_needs_no_key_and_names_the_methods(worker):
    """Nothing else is told on the server side."""
    response = await worker.client.options("/v1/things", headers={"Origin": "https://shop.example"})
    assert response.status_code == 204
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert "access-control-allow-origin" not in response.headers


async def test_a_preflight_of_the_client_side_is_answered(worker):
    """A browser may then send the headers of the client side."""
    response = await worker.client.options(
        "/client/v1/things",
        headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"},
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert "X-Client-Token" in response.headers["access-control-allow-headers"]


async def test_no_content_has_no_body(worker, shop):
    """204 as it is published for deletions."""
    response = await worker.client.delete("/v1/things/abc", headers=shop.headers)
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}])
async def test_a_body_that_is_not_required_may_be_absent(worker, shop, headers):
    """Official clients send Content-Length: 0, with and without a type."""
    response = await worker.client.post("/v1/things/abc", headers={**shop.headers, **headers})
    assert response.status_code == 200
    assert response.json()["body"] is None


async def test_a_required_body_that_is_absent_names_what_is_missing(worker, shop):
    """As if {} had been sent."""
    response = await worker.client.post("/v1/things", headers=shop.headers)
    assert response.status_code == 400
    assert response.json()["details"] == "Payload should have required property 'name'"


async def test_another_media_type_is_refused(worker, shop):
    """415 in the contract's shape."""
    response = await worker.client.post("/v1/things", headers=shop.headers, data={"name": "x"})
    assert response.status_code == 415
    assert response.json()["code"] == 415


async def test_a_body_above_the_limit_is_413_with_the_published_message(settings, shop, worker):
    """Announced or not: a stream without length is cut too."""
    async with worker_of(settings, body_bytes_max=2048) as small:

        async def chunks():
            for _ in range(10):
                yield b" " * 1024

        for content in (b" " * 4096, chunks()):
            response = await small.client.post("/v1/things", headers=shop.headers, content=content)
            assert response.status_code == 413
            assert response.json()["message"] == "Payload content length greater than maximum allowed: 2048"


async def test_a_fault_tells_nothing_of_the_program(worker, shop):
    """The caller gets the request id, the log gets the rest."""
    response = await worker.client.get("/v1/faults", headers=shop.headers)
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "ZeroDivision" not in response.text


async def test_unknown_properties_and_headers_are_ignored(worker, shop):
    """Extras of clients do no harm."""
    headers = {
        **shop.headers,
        "X-Voucherify-Channel": "Python-SDK",
        "X-Voucherify-API-Version": "v2018-08-01",
    }
    response = await worker.client.post("/v1/things", headers=headers, json={"name": "x", "more": [1]})
    assert response.status_code == 200


async def test_a_hot_handler_takes_admission_into_its_own_trip(worker, shop):
    """One read trip carries the key's version and the handler's own commands."""
    response = await worker.client.post("/v1/hot", headers=shop.headers)
    assert response.json() == {"mine": ["mine"]}
    assert "x-rate-limit-limit" in response.headers


async def test_redis_away_is_503_with_retry_after_and_reads_of_the_catalogue_go_on(settings, shop, worker):
    """The engine fails closed where counters matter; what needs SQL alone is answered (D10)."""
    gone = f"unix://{settings.data_dir}/nobody"
    async with worker_of(settings, redis_url=gone) as alone:
        closed = await alone.client.post("/v1/hot", headers=shop.headers)
        assert closed.status_code == 503
        assert int(closed.headers["retry-after"]) >= 1
        assert closed.json()["key"] == "service_unavailable"
        assert (await alone.client.get("/v1/things", headers=shop.headers)).status_code == 200


async def test_a_database_that_is_away_is_503(settings, shop, worker):
    """A key that this process does not know cannot be looked up."""
    async with worker_of(settings, database_url="postgresql://nobody@127.0.0.1:1/none") as alone:
        response = await alone.client.get("/v1/things", headers=shop.headers)
        assert response.status_code == 503
        assert "retry-after" in response.headers


async def test_bytes_of_utf8_that_were_not_encoded_name_the_same_code(worker, shop):
    """Some clients send them as they are; they arrive as the server received them."""
    status, body = await raw_request(worker, shop, "/v1/things/é".encode())
    assert status == 200
    assert body["path"] == {"code": "é"}
    assert (await raw_request(worker, shop, b"/v1/things/\xff"))[0] == 404


async def test_headers_that_are_not_ascii_are_only_wrong(worker, shop):
    """401 for a key of bytes, and no fault for an origin of bytes."""
    for name in (
        b"x-app-id",
        b"x-app-token",
        b"origin",
        b"content-type",
        b"content-length",
        b"idempotency-key",
    ):
        status, _ = await raw_request(worker, shop, b"/v1/things", [(name, b"\xff\xfe")])
        assert status == (401 if name.startswith(b"x-app") else 200)


async def raw_request(worker, shop, raw_path, more=()):
    """What a server hands over, without a client library in between."""
    headers = {name.lower().encode(): value.encode() for name, value in shop.headers.items()} | dict(more)
    scope = {
        "type": "http",
        "method": "GET",
        "path": raw_path.decode("latin-1"),
        "raw_path": raw_path,
        "query_string": b"",
        "headers": list(headers.items()),
        "client": None,
        "state": {},
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await worker.application(scope, receive, send)
    return sent[0]["status"], msgspec.json.decode(sent[1]["body"])
