"""Files of any kind: a row that cannot be read is refused alone, and its neighbours are read."""

import pytest

from app.api.csv_files import CELL_MAX, HEADERS_MAX, LINES_MAX, rows_of_csv
from app.api.products.csv_rows import products_layout, skus_layout
from app.api.vouchers.csv_rows import campaign_layout, single_layout
from app.http.errors import ApiError
from rules.metadata import compile_metadata

HEAD = b"name,source_id,price,attributes,image_url,colour\n"
FIRST, LAST = b"Mug,mug,12.50,,,red\n", b"Lamp,lamp,30,,,blue\n"

MALFORMED = {
    "a cell too few": b"Cup,cup,1,,\n",
    "a cell too many": b"Cup,cup,1,,,red,more\n",
    "one cell alone": b"Cup\n",
    "a price in words": b"Cup,cup,cheap,,,red\n",
    "a price below zero": b"Cup,cup,-1,,,red\n",
    "a price of half a cent": b"Cup,cup,1.005,,,red\n",
    "a price beyond all bounds": b"Cup,cup,1e30,,,red\n",
    "a price that is no number": b"Cup,cup,NaN,,,red\n",
    "a price without end": b"Cup,cup,Infinity,,,red\n",
    "a comma for the decimal point": b'Cup,cup,"1,50",,,red\n',
    "bytes that are no UTF-8": b"Caf\xe9,cup,1,,,red\n",
    "bytes that are no UTF-8, unmapped": b"Cup,cup,1,,,\xff\xfe\n",
    "a zero byte": b"Cup,cup,1,,,re\0d\n",
    "a zero byte in a quoted name": b'"C\0up",cup,1,,,red\n',
    "a cell too long": b"Cup,cup,1,,," + b"x" * (CELL_MAX + 1) + b"\n",
    "a cell longer than any reader takes": b"Cup,cup,1,,," + b"x" * 200_000 + b"\n",
    "a quote in the middle of a quoted cell": b'"Cu"p",cup,1,,,red\n',
    "text after a closing quote": b'"Cup" big,cup,1,,,red\n',
    "another delimiter": b"Cup;cup;1;;;red\n",
    "a line of commas and more": b"Cup,cup,1,,,red,,,,,,,\n",
    "an exponent without digits": b"Cup,cup,1e,,,red\n",
}


def read(raw, layout=None, schema=None):
    return list(rows_of_csv(raw, layout or products_layout(2), schema))


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_row_that_cannot_be_read_is_refused_alone(kind):
    """It says why; the rows before and after it are as they were sent."""
    rows = read(HEAD + FIRST + MALFORMED[kind] + LAST)
    assert rows[0] == {
        "row": 1,
        "name": "Mug",
        "source_id": "mug",
        "price": 1250,
        "metadata": {"colour": "red"},
    }
    assert rows[1]["refused"]
    assert set(rows[1]) == {"row", "source_id", "refused"}
    assert (rows[2]["row"], rows[2]["source_id"], rows[2]["price"]) == (3, "lamp", 3000)


def test_a_quote_that_is_never_closed_takes_no_row_with_it():
    """Its line is refused, whatever comes after; also as the last line, and once in every line."""
    rows = read(HEAD + b'"Cup,cup,1,,,red\n' + FIRST + LAST)
    assert [row["source_id"] for row in rows] == ["", "mug", "lamp"]
    assert ["refused" in row for row in rows] == [True, False, False]
    assert ["refused" in row for row in read(HEAD + FIRST + b'"Cup,cup')] == [False, True]
    closed_too_late = HEAD + b'Mug,"mug,1,,,\n' + FIRST + b'Cup,cup",1\n' + LAST
    assert [row["source_id"] for row in read(closed_too_late)] == ["", "mug", 'cup"', "lamp"]
    many = read(HEAD + b'"x\n' * 3 * LINES_MAX)
    assert len(many) == 3 * LINES_MAX
    assert all("refused" in row for row in many[-LINES_MAX:])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["unix", "windows", "mac"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
def test_ends_of_lines_marks_and_semicolons_make_no_difference(end, mark):
    """Neither does an empty line, nor spaces around a cell, nor the case of a header."""
    text = mark + b"NAME; Source_ID ;Price" + end + end + b" Mug ;mug;  1 " + end + b";;" + end
    assert read(text) == [{"row": 1, "name": "Mug", "source_id": "mug", "price": 100}]


def test_a_quoted_cell_holds_commas_quotes_and_lines():
    """As spreadsheets write it."""
    (row,) = read(HEAD + b'"Mug, ""big""\nand blue",mug,1,"colour, size",,\n')
    assert (row["name"], row["attributes"]) == ('Mug, "big"\nand blue', ["colour", "size"])


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        (b"", "no column name"),
        (b"source_id\nmug\n", "no column name"),
        (HEAD, "no rows"),
        (HEAD + b"\n \n,,,,,\n", "no rows"),
        (b"name,name\na,b\n", "two columns for name"),
        (b"name,colour,colour\na,b,c\n", "two columns for metadata.colour"),
        (b"name,\xff\na,b\n", "not encoded in UTF-8"),
        (b'name,"colour\na,b\n', "cannot be read"),
        (b"name" + b",x" * HEADERS_MAX + b"\n", "more than 200 columns"),
        (b"\xff\xfen\0a\0m\0e\0", "not encoded in UTF-8"),
    ],
    ids=range(10),
)
def test_a_file_without_a_header_is_no_file(raw, details):
    """400 before anything is stored."""
    with pytest.raises(ApiError) as refused:
        read(raw)
    assert refused.value.status == 400
    assert details in str(refused.value.details)


def test_cells_become_what_the_schema_defines():
    """Numbers, booleans, arrays; what is not of the type stays text, so that the check names it."""
    definitions = {
        name: {"type": kind, "array": array, "optional": True}
        for name, kind, array in (
            ("count", "number", False),
            ("on", "boolean", False),
            ("sizes", "number", True),
            ("when", "date", False),
            ("more", "object", False),
        )
    }
    schema = compile_metadata(definitions, allow_defined_only=False)
    head = b"name,count,on,sizes,when,more,free\n"
    good = b'Mug,5,TRUE,"1, 2.5",2026-11-22,"{""a"":1}",7\n'
    first, second = read(head + good + b"Cup,x,yes,,,[,\n", schema=schema)
    assert first["metadata"] == {
        "count": 5,
        "on": True,
        "sizes": [1, 2.5],
        "when": "2026-11-22",
        "more": {"a": 1},
        "free": "7",
    }
    assert second["metadata"] == {"count": "x", "on": "yes", "more": "["}


def test_skus_have_documents_of_attributes():
    """In JSON, or in the single quotes of the published example."""
    head = b"source_id,product_id,sku,price,attributes\n"
    good = b"s1,p1,Small,1.5,\"{'colour':'blue'}\"\n" + b's2,p1,Big,2,"{""colour"":""red""}"\n'
    rows = read(head + good + b"s3,p1,Odd,2,blue\n", skus_layout(2))
    assert [row.get("attributes") for row in rows] == [{"colour": "blue"}, {"colour": "red"}, None]
    assert rows[2]["refused"] == "attributes must be an object of JSON (actual value is 'blue')"


def test_a_currency_without_cents_has_none():
    """Prices are read with the digits of the project's currency."""
    assert read(b"name,price\nMug,1200\n", products_layout(0))[0]["price"] == 1200
    assert "decimals" in read(b"name,price\nMug,1.5\n", products_layout(0))[0]["refused"]


VOUCHERS_HEAD = b"code,voucher_type,value,discount_type,shop\n"


def test_rows_that_differ_in_the_key_alone_are_read_as_if_each_were_alone():
    """Whatever the keys hold, quoted or not, and whatever stands between them."""
    lines = [
        b"A-1,DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b"A-2,DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b'"A-3",DISCOUNT_VOUCHER,10,PERCENT,Paris\n',
        b'"A,4",DISCOUNT_VOUCHER,10,PERCENT,Paris\n',
        b"A-5,DISCOUNT_VOUCHER,10,PERCENT,London\n",
        "Ä-6,DISCOUNT_VOUCHER,10,PERCENT,Paris\n".encode(),
        b"A-\xff,DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b"A-\0,DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b"x" * (CELL_MAX + 1) + b",DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b" ,DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b" A-7 ,DISCOUNT_VOUCHER,10,PERCENT,Paris\n",
        b"A-8,DISCOUNT_VOUCHER,10,PERCENT\n",
        b"A-9,DISCOUNT_VOUCHER,ten,PERCENT,Paris\n",
        b"A-10,DISCOUNT_VOUCHER,ten,PERCENT,Paris\n",
        b"A-11,DISCOUNT_VOUCHER,10,PERCENT,Par\xff\n",
        b"A-12,DISCOUNT_VOUCHER,10,PERCENT, \n",
        b"A-13,DISCOUNT_VOUCHER,10,PERCENT, Rome \n",
    ]
    together = read(VOUCHERS_HEAD + b"".join(lines), single_layout(2))
    alone = [read(VOUCHERS_HEAD + line, single_layout(2))[0] for line in lines]
    assert [{**row, "row": 1} for row in together] == alone
    assert [row["row"] for row in together] == list(range(1, len(lines) + 1))
    assert together[1]["code"] == "A-2"
    assert together[1]["discount"]["percent_off"] == 10
    assert together[4]["metadata"] == {"shop": "London"}


def test_what_needs_no_reader_of_csv_is_split_as_it_would():
    """Any ends of lines and delimiters, cells that are empty, and one quote in the file."""
    for end in (b"\n", b"\r\n", b"\r"):
        plain = end.join([b"code;value;shop", b"a;;x", b";;", b"", b"b; 1 ;", b"c\x0bd;2;\xc2\x85e", b""])
        quoted = plain.replace(b"a;;x", b'"a";;x').replace(b"b;", b'"b";').replace(b"c\x0bd;", b'"c\x0bd";')
        rows = read(plain, campaign_layout(2))
        assert rows == read(quoted, campaign_layout(2))
        assert [(row["row"], row["code"]) for row in rows] == [(1, "a"), (2, "b"), (3, "c\x0bd")]
