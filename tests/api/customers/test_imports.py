"""Customers in bulk: CSV files, updates of each, one metadata for many."""

import time

import pytest
import voucherify

from tests.support.shop import created, unique

SECONDS_MAX = 30.0
HEADER = "Source_id,Name,Email,Birthdate,Address_City,loyalty number"


def ended(api, response):
    """The action, once it is done."""
    action_id = created(response)["async_action_id"]
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        action = created(api.get(f"/v1/async-actions/{action_id}"))
        if action["status"] in ("DONE", "FAILED"):
            return action
        assert time.monotonic() < deadline, action
        time.sleep(0.05)


def send_csv(api, content):
    raw = content if isinstance(content, bytes) else content.encode()
    return api.post("/v1/customers/importCSV", files={"file": ("customers.csv", raw, "text/csv")})


def test_a_file_makes_customers_and_overwrites_those_that_are_there(api):
    """Unmapped columns become metadata; what the file does not say of a customer is no longer so."""
    old, new = unique("old"), unique("new")
    made = created(
        api.post(
            "/v1/customers",
            json={"source_id": old, "name": "Before", "phone": "1", "metadata": {"kept": "no"}},
        )
    )
    sent = send_csv(
        api,
        f'{HEADER}\n{old},After,a@b.c,1990-02-28,Riga,L-1\n{new},"Name, with ""quotes""\nand a line",,,,\n',
    )
    assert sent.status_code == 202
    action = ended(api, sent)
    assert action["type"] == "CUSTOMERS.IMPORT_CSV"
    assert (action["result"]["done_count"], action["result"]["failed_count"]) == (2, 0)
    after = created(api.get(f"/v1/customers/{old}"))
    assert (after["id"], after["name"], after["phone"]) == (made["id"], "After", None)
    assert (after["email"], after["birthdate"], after["address"]) == ("a@b.c", "1990-02-28", {"city": "Riga"})
    assert after["metadata"] == {"loyalty number": "L-1"}
    assert created(api.get(f"/v1/customers/{new}"))["name"] == 'Name, with "quotes"\nand a line'


BROKEN = {
    "no source_id": ",Bob,,,,",
    "spaces for a source_id": "  ,Bob,,,,",
    "too few cells": "{id},Bob",
    "too many cells": "{id},Bob,,,,,extra",
    "a single word": "{id}",
    "a source_id that is too long": "x" * 600 + ",Bob,,,,",
    "a cell that is too long": "{id}," + "y" * 10_001 + ",,,,",
    "a cell beyond what a reader holds": "{id}," + "z" * 140_000 + ",,,,",
    "a date that is none": "{id},Bob,,1990-02-30,,",
    "a word for a date": "{id},Bob,,yesterday,,",
    "a number for a date": "{id},Bob,,19900228x,,",
    "text behind a closing quote": '{id},"Bob"by,,,,',
    "a quote that is never closed": '{id},"Bob,,,,',
    "an open quote at the end of the row": '{id},Bob,,,,"',
    "the character U+0000": "{id},Bo\0b,,,,",
    "bytes that are no UTF-8": b"{id},B\xf6b,,,,",
    "half of a character": b"{id},Bob\xe2\x82,,,,",
    "bytes that are no UTF-8 in the source_id": b"\xff\xfe{id},Bob,,,,",
    "a semicolon for a comma": "{id};Bob;;;;",
    "a tab for a comma": "{id}\tBob\t\t\t\t",
    "a quoted row in a row": '"{id},Bob,,,,"',
}


def test_malformed_rows_are_refused_alone(api):
    """Each of more than twenty kinds says its row and why, stores nothing of it, and leaves its neighbours
    whole.
    """
    assert len(BROKEN) >= 20
    lines, names, sound = [HEADER.encode()], [], []
    for number, broken in enumerate(BROKEN.values()):
        name = unique(f"broken{number}")
        raw = broken if isinstance(broken, bytes) else broken.encode()
        lines.append(raw.replace(b"{id}", name.encode()))
        names.append(name)
        sound.append(unique(f"sound{number}"))
        lines.append(f"{sound[-1]},Alice,,,Riga,".encode())
    result = ended(api, send_csv(api, b"\n".join(lines)))["result"]
    assert result["failed_count"] == len(BROKEN), result
    assert [one["row"] for one in result["failed"]] == list(range(1, 2 * len(BROKEN), 2))
    assert all(one["reason"] for one in result["failed"])
    assert result["done_count"] == len(sound)
    listed = {}
    for page in (1, 2, 3):
        answer = created(
            api.get("/v1/customers", params={"limit": 100, "page": page, "order": "-created_at"})
        )
        listed.update({one["source_id"]: one for one in answer["customers"]})
    assert all(listed[name]["address"] == {"city": "Riga"} for name in sound)
    assert not set(names) & set(listed)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEADER,
        "Name,Email\nBob,b@c.d",
        "Source_id,Name,name\na,b,c",
        b"Source_id,N\xf6me\na,b",
        "\n\n\n",
        '"Source_id,Name\na,b',
    ],
)
def test_a_file_without_a_header_of_customers_is_refused_at_once(api, content):
    """Nothing is started by it."""
    answer = send_csv(api, content)
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_payload"), answer.text


def test_files_of_other_machines_are_read(api):
    """A byte order mark, semicolons, line ends of any kind, headers with spaces, empty lines."""
    first, second = unique("a"), unique("b")
    text = f"\ufeffSource ID;Address Line 1\r\n\r\n{first};Main St. 1\r{second};Main St. 2\n\n"
    assert ended(api, send_csv(api, text))["result"]["done_count"] == 2
    assert created(api.get(f"/v1/customers/{second}"))["address"] == {"line_1": "Main St. 2"}


def test_a_bulk_update_changes_what_it_says_and_makes_who_is_missing(api, stranger):
    """The report says of each whether it was found; the same twice in one request is one customer."""
    known, missing = unique("known"), unique("missing")
    created(api.post("/v1/customers", json={"source_id": known, "name": "A", "metadata": {"a": 1, "b": 1}}))
    rows = [
        {"source_id": known, "email": "a@b.c", "metadata": {"b": 2}},
        {"source_id": missing, "name": "New", "birthday": "1980-01-01"},
        {"source_id": missing, "phone": "2", "address": {"city": "Riga"}},
    ]
    sent = api.post("/v1/customers/bulk/async", json=rows)
    assert sent.status_code == 202
    action = ended(api, sent)
    assert (action["type"], action["result"]["done_count"]) == ("CUSTOMERS.BULK_UPDATE", 3)
    assert [one["found"] for one in action["result"]["results"]] == [True, False, False]
    after = created(api.get(f"/v1/customers/{known}"))
    assert (after["name"], after["email"], after["metadata"]) == ("A", "a@b.c", {"a": 1, "b": 2})
    made = created(api.get(f"/v1/customers/{missing}"))
    assert (made["name"], made["phone"], made["birthdate"]) == ("New", "2", "1980-01-01")
    assert stranger.get(f"/v1/customers/{missing}").status_code == 404
    assert api.post("/v1/customers/bulk/async", json=[{"name": "nobody"}]).status_code == 400
    assert api.post("/v1/customers/bulk/async", json=[]).status_code == 400


def test_one_metadata_for_many(api):
    """Laid over what each has; a customer who is missing is made with it; the key makes it once."""
    known, missing = unique("known"), unique("missing")
    created(api.post("/v1/customers", json={"source_id": known, "metadata": {"a": 1, "b": 1}}))
    body = {"source_ids": [known, missing], "metadata": {"b": {"deep": [1]}}}
    headers = {"Idempotency-Key": unique("key")}
    first = api.post("/v1/customers/metadata/async", json=body, headers=headers)
    assert ended(api, first)["result"]["done_count"] == 2
    assert created(api.get(f"/v1/customers/{known}"))["metadata"] == {"a": 1, "b": {"deep": [1]}}
    assert created(api.get(f"/v1/customers/{missing}"))["metadata"] == {"b": {"deep": [1]}}
    again = api.post("/v1/customers/metadata/async", json=body, headers=headers)
    assert again.json() == first.json()


def test_the_official_client_reads_the_answers(official):
    """Both bulk operations, through its own models."""
    client = voucherify.CustomersApi(official)
    row = voucherify.CustomersUpdateInBulkRequestBody(source_id=unique("c"), name="N")
    assert client.update_customers_in_bulk([row]).async_action_id.startswith("aa_")
    same = voucherify.CustomersMetadataUpdateInBulkRequestBody(source_ids=[unique("c")], metadata={"a": 1})
    assert client.update_customers_metadata_in_bulk(same).async_action_id.startswith("aa_")
