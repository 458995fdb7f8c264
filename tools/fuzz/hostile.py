"""What goes wrong in requests: wrong types and sizes, broken JSON, odd queries, paths and headers."""

import copy
import json
import random
from typing import Any

TEXTS = (
    "", " ", "null", "x" * 5_000, "\0", "a\0b", "\ud800", "\U0001f381", "\u202e\u0000", "' OR 1=1 --",
    "../../etc/passwd", "%00", "{{7*7}}", "<script>", "\r\nX-Injected: 1", "NaN", "-1", "1e999", "0x10",
    "2024-02-30T25:61:00Z", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00+14:00", "P1Y",
    "P99999999D", "order.amount", "__proto__", "camp_", "v_", "promo_x", "stack_y", "cust_" + "z" * 60,
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63, -(2**63), 10**30, 0.1, -0.0, 1e-300, 1e300, 1.5, 10**12, 10**13,
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": ""}, {"$is": []}, [{}] * 40)
RAW_BODIES = (
    b"", b"null", b"[]", b"{", b'{"a":', b"\xff\xfe\xff", b'"text"', b"123", b"\xef\xbb\xbf{}", b"{}{}",
    b'{"a":1e999999}', b'{"a":NaN}', b'{"a":' + b"[" * 60 + b"]" * 60 + b"}", b'{"a":"\\ud800"}',
    b'{"a":' + b"9" * 400 + b"}", b"{" + b'"k":1,' * 2_000 + b'"k":1}',
)  # fmt: skip
HEADERS = (
    {"Idempotency-Key": "x" * 300}, {"Idempotency-Key": '""'}, {"Idempotency-Key": "k1"}, {"X-Explain": "1"},
    {"Accept-Language": "pl;q=zz,*;q=-1"}, {"Content-Type": "text/plain"},
    {"Content-Type": "application/xml"},
    {"If-Match": "*"}, {"If-Match": '"7"'}, {"If-Match": "garbage"}, {"X-Voucherify-Channel": "\xff\xfe"},
    {"X-Forwarded-For": "nobody, , 1.2.3.4.5"}, {"Expect": "nothing"}, {"Range": "bytes=5-1"},
    {"Accept": "image/png"}, {"X-Voucherify-API-Version": "v0"}, {"Cookie": "a=" + "b" * 3_000},
)  # fmt: skip
QUERIES = (
    "limit=0", "limit=101", "limit=-1", "limit=x", "limit=9" + "9" * 30, "page=0", "page=101", "page=1e3",
    "order=nothing", "order=-", "order=-created_at", "order=created_at", "created_at[before]=yesterday",
    "created_at[after]=2020-01-01", "[created_at][before]=2030-01-01T00:00:00Z", "filters[junction]=xor",
    "filters[code][conditions][$is][0]=a", "filters[nothing][conditions][$is][0]=a", "filters[][][]=",
    "filters[code][conditions][$nope][0]=a", "filters[created_at][conditions][$before][0]=x",
    "a[" * 12 + "]" * 12,
    "ids=[']", "ids[]=a&ids[]=b", "ids[0]=a", "campaign=%00", "campaign=%ff%fe", "customer=%F0%9F%8E%81",
    "force=maybe", "force=true", "explain=perhaps", "result=FAILURE-x", "is_available=2", "q=" + "x" * 9_000,
    "starting_after_id=nobody", "starting_after=x", "metadata[a][b]=c", "=&&=", "vouchers_count=2",
    "vouchers_count=-5", "filters[metadata.a][conditions][$contains][0]=%25", "start_date=2020-13-01",
)  # fmt: skip
PATH_PARTS = (
    "%00", "nobody", "x" * 600, "%F0%9F%8E%81", "a%2Fb", "%25", "..%2F", "%ff", "'", "v_none", "camp_none",
    "+",
)  # fmt: skip


def value(chance: random.Random) -> Any:
    """Something that hardly any property expects."""
    return copy.deepcopy(chance.choice(chance.choice((TEXTS, NUMBERS, OTHERS))))


def mutated(body: Any, chance: random.Random) -> Any:
    """A copy with one to three things changed, somewhere."""
    found = copy.deepcopy(body)
    for _ in range(chance.randint(1, 3)):
        _mutate(found, chance)
    return found


def _mutate(root: Any, chance: random.Random) -> None:
    places = list(_places(root))
    if not places:
        return
    holder, key = chance.choice(places)
    action = chance.random()
    if action < 0.2:
        del holder[key]
    elif action < 0.3 and isinstance(holder, dict):
        holder[chance.choice(("extra", "id", "object", "$or", "", "x" * 300))] = value(chance)
    elif action < 0.4 and isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[key]) for _ in range(chance.choice((1, 5, 40))))
    else:
        holder[key] = value(chance)


def _places(node: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    pending = [node]
    while pending:
        held = pending.pop()
        keys = list(held) if isinstance(held, dict) else range(len(held)) if isinstance(held, list) else ()
        for key in keys:
            found.append((held, key))
            pending.append(held[key])
    return found


def encoded(body: Any) -> bytes:
    """JSON, with what JSON allows and UTF-8 does not as escapes."""
    return json.dumps(body).encode()
