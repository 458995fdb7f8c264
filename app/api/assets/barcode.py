"""Code 128, sets B and C: which modules of a barcode are black (ISO/IEC 15417)."""

WIDTHS = [
    "212222",
    "222122",
    "222221",
    "121223",
    "121322",
    "131222",
    "122213",
    "122312",
    "132212",
    "221213",
    "221312",
    "231212",
    "112232",
    "122132",
    "122231",
    "113222",
    "123122",
    "123221",
    "223211",
    "221132",
    "221231",
    "213212",
    "223112",
    "312131",
    "311222",
    "321122",
    "321221",
    "312212",
    "322112",
    "322211",
    "212123",
    "212321",
    "232121",
    "111323",
    "131123",
    "131321",
    "112313",
    "132113",
    "132311",
    "211313",
    "231113",
    "231311",
    "112133",
    "112331",
    "132131",
    "113123",
    "113321",
    "133121",
    "313121",
    "211331",
    "231131",
    "213113",
    "213311",
    "213131",
    "311123",
    "311321",
    "331121",
    "312113",
    "312311",
    "332111",
    "314111",
    "221411",
    "431111",
    "111224",
    "111422",
    "121124",
    "121421",
    "141122",
    "141221",
    "112214",
    "112412",
    "122114",
    "122411",
    "142112",
    "142211",
    "241211",
    "221114",
    "413111",
    "241112",
    "134111",
    "111242",
    "121142",
    "121241",
    "114212",
    "124112",
    "124211",
    "411212",
    "421112",
    "421211",
    "212141",
    "214121",
    "412121",
    "111143",
    "111341",
    "131141",
    "114113",
    "114311",
    "411113",
    "411311",
    "113141",
    "114131",
    "311141",
    "411131",
    "211412",
    "211214",
    "211232",
]
"""Bar, space, bar, space, bar, space of each symbol, in modules; the last three begin in set A, B and C."""
STOP = "2331112"
START_B, START_C, TO_B, TO_C = 104, 105, 100, 99
QUIET = 10
"""Modules of white on either side."""


def modules(text: str) -> list[bool]:
    """Black and white from left to right, quiet zones included.

    Raises: ValueError for characters that the code does not have.
    """
    symbols = _symbols(text)
    checksum = (symbols[0] + sum(place * symbol for place, symbol in enumerate(symbols))) % 103
    row: list[bool] = [False] * QUIET
    for widths in [*(WIDTHS[symbol] for symbol in [*symbols, checksum]), STOP]:
        for number, width in enumerate(widths):
            row += [number % 2 == 0] * int(width)
    return row + [False] * QUIET


def _symbols(text: str) -> list[int]:
    """Pairs of digits in set C where at least four follow one another, everything else in set B."""
    if not text or not all(32 <= ord(character) < 127 for character in text):
        raise ValueError("a barcode has printable ASCII characters only")
    symbols: list[int] = []
    in_c = False
    at = 0
    while at < len(text):
        digits = 0
        while at + digits < len(text) and text[at + digits].isdigit():
            digits += 1
        if digits >= 4:
            if not in_c:
                symbols.append(TO_C if symbols else START_C)
                in_c = True
            pairs = digits // 2
            symbols += [int(text[at + 2 * pair : at + 2 * pair + 2]) for pair in range(pairs)]
            at += 2 * pairs
            continue
        if in_c or not symbols:
            symbols.append(TO_B if symbols else START_B)
            in_c = False
        symbols.append(ord(text[at]) - 32)
        at += 1
    return symbols
