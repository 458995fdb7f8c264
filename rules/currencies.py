"""How many digits of minor units a currency has (ISO 4217). Two, unless listed."""

from typing import Final

EXPONENTS: Final = {
    **dict.fromkeys(
        (
            *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"),
            *("VUV", "XAF", "XOF", "XPF"),
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def exponent_of(currency: str | None) -> int:
    """Digits of minor units: 0 for JPY, 3 for KWD, 2 for everything else and for an unknown currency."""
    return 2 if currency is None else EXPONENTS.get(currency.upper(), 2)
