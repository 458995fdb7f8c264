"""Rows of black and white modules as SVG or PNG."""

import struct
import zlib
from collections.abc import Sequence

from app.api.assets import barcode

BAR_HEIGHT = 40
"""Modules."""
Matrix = Sequence[Sequence[bool]]


def qr_matrix(text: str) -> Matrix:
    """With error correction M and the quiet zone of four modules."""
    import segno

    code = segno.make_qr(text, error="m")
    return [[bool(module) for module in row] for row in code.matrix_iter(border=4)]


def barcode_matrix(text: str) -> Matrix:
    """Raises: ValueError for characters that a barcode does not have."""
    row = barcode.modules(text)
    blank = [False] * len(row)
    return [blank] * 4 + [row] * BAR_HEIGHT + [blank] * 4


def svg(matrix: Matrix, scale: int) -> bytes:
    """One path of rectangles, each a run of black modules."""
    runs = []
    for y, row in enumerate(matrix):
        start = None
        for x, module in enumerate([*row, False]):
            if module and start is None:
                start = x
            elif not module and start is not None:
                runs.append(f"M{start} {y}h{x - start}v1h-{x - start}z")
                start = None
    width, height = len(matrix[0]), len(matrix)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * scale}" height="{height * scale}" '
        f'viewBox="0 0 {width} {height}" shape-rendering="crispEdges">'
        f'<rect width="{width}" height="{height}" fill="#fff"/><path d="{"".join(runs)}"/></svg>'
    ).encode()


def png(matrix: Matrix, scale: int) -> bytes:
    """One bit a pixel, black on white."""
    rows = []
    for row in matrix:
        bits = "".join(("0" if module else "1") * scale for module in row)
        bits += "1" * (-len(bits) % 8)
        line = b"\x00" + int(bits, 2).to_bytes(len(bits) // 8, "big")
        rows.append(line * scale)
    width, height = len(matrix[0]) * scale, len(matrix) * scale
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
