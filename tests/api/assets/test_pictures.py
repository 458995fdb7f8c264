"""Pictures of codes: /v1/assets/..."""

import re
import struct
import zlib

import httpx
import pytest

from app.api.assets import barcode
from tests.support.shop import created, percent_off, single_voucher, unique

PATTERNS = {f"{widths}": number for number, widths in enumerate(barcode.WIDTHS)}


def read_barcode(row):
    """What a scanner reads: widths of the runs, back to symbols, back to text."""
    black = row[row.index(True) : len(row) - row[::-1].index(True)]
    runs = [len(list(run)) for run in re.findall(r"1+|0+", "".join("1" if one else "0" for one in black))]
    assert "".join(map(str, runs[-7:])) == barcode.STOP
    symbols = [PATTERNS["".join(map(str, runs[at : at + 6]))] for at in range(0, len(runs) - 7, 6)]
    *symbols, checksum = symbols
    assert checksum == (symbols[0] + sum(n * symbol for n, symbol in enumerate(symbols))) % 103
    text, in_c = "", symbols[0] == barcode.START_C
    for symbol in symbols[1:]:
        if in_c and symbol == barcode.TO_B:
            in_c = False
        elif not in_c and symbol == barcode.TO_C:
            in_c = True
        else:
            text += f"{symbol:02d}" if in_c else chr(symbol + 32)
    return text


@pytest.mark.parametrize(
    "text", ["SAVE10", "12345678", "A1234567B", "x12345", "~ !", "0001", "a12b3456c7890123"]
)
def test_a_scanner_reads_what_was_written(text):
    """Letters, digits in pairs, and from one to the other."""
    assert read_barcode(barcode.modules(text)) == text


def pixels(body):
    """Width, height and rows of a PNG of one bit a pixel."""
    assert body.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth = struct.unpack(">IIB", body[16:25])
    assert depth == 1
    data = b"".join(
        body[start + 4 : start + 4 + struct.unpack(">I", body[start - 4 : start])[0]]
        for start in (found.start() for found in re.finditer(b"IDAT", body))
    )
    raw, line = zlib.decompress(data), (width + 7) // 8 + 1
    rows = [raw[at + 1 : at + line] for at in range(0, len(raw), line)]
    return width, height, [f"{int.from_bytes(row, 'big'):0{8 * len(row)}b}"[:width] for row in rows]


def test_the_barcode_of_a_voucher_opens_without_a_key(server, api):
    """PNG and SVG in the size that was asked for, to be kept for long; the id is for this picture alone."""
    voucher = single_voucher(api, percent_off(10))
    url = server.base_url + voucher["assets"]["barcode"]["url"]
    answer = httpx.get(url, params={"size": 2})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert "immutable" in answer.headers["cache-control"]
    width, height, rows = pixels(answer.content)
    middle = rows[height // 2]
    assert read_barcode([bit == "0" for bit in middle[::2]]) == voucher["code"]
    assert len(middle) == width
    drawn = httpx.get(url, params={"format": "svg"})
    assert (drawn.headers["content-type"], drawn.text.startswith("<svg")) == ("image/svg+xml", True)
    wrong = url.replace("/barcode/", "/qr/")
    assert httpx.get(wrong).status_code == 404
    for params in ({"size": 0}, {"size": 101}, {"format": "gif"}):
        assert httpx.get(url, params=params).status_code == 400
    assert httpx.get(f"{server.base_url}/v1/assets/qr/nothing").status_code == 404
    assert api.delete(f"/v1/vouchers/{voucher['code']}").status_code == 204
    assert httpx.get(url).status_code == 404


def test_a_code_that_has_no_barcode_says_so(server, api):
    """Code 128 has no umlauts."""
    code = unique("Grüße")
    made = created(
        api.post("/v1/vouchers", json={"code": code, "type": "DISCOUNT_VOUCHER", "discount": percent_off(1)})
    )
    answer = httpx.get(server.base_url + made["assets"]["barcode"]["url"])
    assert (answer.status_code, answer.json()["key"]) == (400, "invalid_voucher")


def test_the_qr_code_of_a_voucher(server, api):
    """A square with its three corners, in PNG and SVG."""
    pytest.importorskip("segno")
    voucher = single_voucher(api, percent_off(10))
    url = server.base_url + voucher["assets"]["qr"]["url"]
    width, height, rows = pixels(httpx.get(url, params={"size": 1}).content)
    assert width == height >= 29
    corner = ["0000000", "0111110", "0100010", "0100010", "0100010", "0111110", "0000000"]
    assert [row[4:11] for row in rows[4:11]] == corner
    assert [row[-11:-4] for row in rows[4:11]] == corner
    assert [row[4:11] for row in rows[-11:-4]] == corner
    assert httpx.get(url, params={"format": "svg"}).text.startswith("<svg")


def test_the_table_of_symbols_is_sound():
    """106 different symbols of eleven modules, an even number of them black, as the standard has it."""
    assert len(set(barcode.WIDTHS)) == len(barcode.WIDTHS) == 106
    for widths in barcode.WIDTHS:
        assert sum(map(int, widths)) == 11
        assert sum(map(int, widths[::2])) % 2 == 0
    assert sum(map(int, barcode.STOP)) == 13
