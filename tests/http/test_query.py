"""A query string is understood in every encoding of the official clients."""

from datetime import UTC, datetime, timedelta

import pytest

from app.http.errors import ApiError
from app.http.query import Between, Condition, Order, Query


@pytest.mark.parametrize(
    "raw",
    [
        b"ids=%5B%27a%27%2C%20%27b%27%5D",
        b"ids[0]=a&ids[1]=b",
        b"ids%5B1%5D=b&ids%5B0%5D=a",
        b"ids[]=a&ids[]=b",
        b"ids=a,b",
        b"ids=a&ids=b",
        b'ids=["a","b"]',
    ],
)
def test_an_array_is_the_same_in_every_encoding(raw):
    """Python's str() of a list, indices, empty brackets, commas, repetition, JSON."""
    assert Query(raw).texts("ids") == ("a", "b")


def test_ten_and_more_indices_keep_their_order():
    """Indices are numbers, not texts."""
    raw = "&".join(f"ids[{n}]={n}" for n in range(12)).encode()
    assert Query(raw).texts("ids") == tuple(str(n) for n in range(12))


@pytest.mark.parametrize(
    "raw",
    [
        b"filters[code][conditions][$in][0]=a&filters[code][conditions][$in][1]=b&filters[junction]=OR",
        b"[filters][code][conditions][$in][0]=a&[filters][code][conditions][$in][1]=b&[filters][junction]=or",
        b"filters%5Bcode%5D%5Bconditions%5D%5B%24in%5D=%5B%27a%27%2C+%27b%27%5D&filters[junction]=or",
    ],
)
def test_filters_are_the_same_in_every_encoding(raw):
    """Brackets first or not, encoded or not; junction in any case."""
    filters = Query(raw).filters()
    assert filters.conditions == (Condition("code", "$in", ("a", "b")),)
    assert filters.junction == "or"


@pytest.mark.parametrize("raw", [b"filters[a]=&filters[b]=None", b"filters[junction]=and&filters[a]=None"])
def test_a_filter_that_is_null_is_absent(raw):
    """Clients send the members of their models that nobody has set."""
    assert not Query(raw).filters()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2025-01-02", datetime(2025, 1, 2, tzinfo=UTC)),
        ("2025-01-02T03:04:05.678000%2B0000", datetime(2025, 1, 2, 3, 4, 5, 678000, UTC)),
        ("2025-01-02T03:04:05Z", datetime(2025, 1, 2, 3, 4, 5, 0, UTC)),
        ("2025-01-02T03:04:05", datetime(2025, 1, 2, 3, 4, 5, 0, UTC)),
        ("2025-01-02T03:04:05+02:00", datetime(2025, 1, 2, 1, 4, 5, 0, UTC)),
        ("2025-01-02T03:04:05.678Z", datetime(2025, 1, 2, 3, 4, 5, 678000, UTC)),
    ],
)
def test_an_instant_is_read_from_a_date_and_any_date_time(text, instant):
    """A plus sign that arrived as a space included."""
    query = Query(f"created_at[before]={text}".encode())
    assert query.between("created_at") == Between(None, instant)
    assert Query(f"[created_at][before]={text}".encode()).between("created_at") == Between(None, instant)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59.999999Z", "9999-12-31", "0001-01-01"])
def test_the_ends_of_time_have_neighbours(text):
    """A day more or less is counted from what was asked."""
    instant = Query(f"at={text}".encode()).instant("at")
    assert instant is not None
    assert instant - timedelta(days=1) < instant < instant + timedelta(days=1)


def test_an_empty_value_is_absent():
    """JavaScript clients send null that way."""
    query = Query(b"created_at[before]=&limit=&campaign=")
    assert query.between("created_at") == Between()
    assert query.limit == 10
    assert query.text("campaign") is None


def test_paging_has_the_published_bounds_and_defaults():
    """limit 1 to 100, page 1 to 100, newest first."""
    assert Query(b"").paging().limit == 10
    paging = Query(b"page=3&limit=20&order=-updated_at").paging()
    assert (paging.offset, paging.limit, paging.order) == (40, 20, Order("updated_at", True))


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        (b"limit=0", lambda query: query.limit),
        (b"limit=101", lambda query: query.limit),
        (b"limit=1.5", lambda query: query.limit),
        ("limit=١".encode(), lambda query: query.limit),
        (b"limit=%D9%A1", lambda query: query.limit),
        (b"limit[0]=1", lambda query: query.limit),
        (b"page=0", lambda query: query.page),
        (b"page=99999999999999999999", lambda query: query.page),
        (b"order=name", lambda query: query.paging()),
        (b"flag=yes", lambda query: query.flag("flag")),
        (b"created_at=2025", lambda query: query.between("created_at")),
        (b"created_at[before]=yesterday", lambda query: query.between("created_at")),
        (b"created_at[before]=2025-13-41", lambda query: query.between("created_at")),
        (b"created_at[before]=0001-01-01T00:00:00%2B14:00", lambda query: query.between("created_at")),
        (b"created_at[before]=2025-01-01T00:00:00%2B99:99", lambda query: query.between("created_at")),
        (b"created_at[before][x]=1", lambda query: query.between("created_at")),
        (b"filters=x", lambda query: query.filters()),
        (b"filters[a]=x", lambda query: query.filters()),
        (b"filters[junction]=xor", lambda query: query.filters()),
        (b"filters[junction][x]=1", lambda query: query.filters()),
        (b"ids=[open('x')]", lambda query: query.texts("ids")),
        (b"ids=" + b"[" * 5_000 + b"]", lambda query: query.texts("ids")),
        (b"ids=[[1]]", lambda query: query.texts("ids")),
        (b"ids[a][b]=1", lambda query: query.texts("ids")),
        (b"a" + b"[b]" * 20 + b"=1", lambda query: query.text("a")),
        (b"a=%ff", lambda query: query.text("a")),
        (b"a=%00", lambda query: query.text("a")),
        (b"&".join(b"a%d=1" % n for n in range(300)), lambda query: query.text("a")),
        (b"a=" + b"x" * 20_000, lambda query: query.text("a")),
    ],
)
def test_400_for_what_cannot_be_read(raw, read):
    """Never a fault, never a guess."""
    with pytest.raises(ApiError) as refused:
        read(Query(raw))
    assert refused.value.status == 400
