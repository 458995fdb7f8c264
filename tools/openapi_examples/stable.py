"""Makes two tellings alike: ids are counted, moments of today are one moment, chance has names."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from tools.openapi_examples.recorder import Recorder

MOMENT: Final = "2026-11-22T09:30:00.000Z"
_ID: Final = re.compile(r"\b([a-z]+(?:_[a-z]+)*_)([0-9a-hjkmnp-tv-z]{26})\b")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_SEALED: Final = re.compile(r"/v1/assets/(qr|barcode)/([A-Za-z0-9_%.=+-]+)")
_REQUEST: Final = re.compile(r"\bv-[0-9a-hjkmnp-tv-z]{26}\b")
_SEALED_ID: Final = re.compile(r'("id":")[A-Za-z0-9_-]{60,}(")')
_ACTIVITY: Final = re.compile(r"\bevcus_[0-9a-f]+ev_[0-9a-hjkmnp-tv-z]{26}\b")
_CODE: Final = re.compile(r"\bSPRING-[A-Za-z0-9]{4}\b")
_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")
_TRACKING: Final = re.compile(r"track_[A-Za-z0-9+/=_-]{16,}")
_FINGERPRINT: Final = re.compile(r"\b[0-9a-f]{64}\b")
MICROSECONDS_MIN: Final = 1_500_000_000_000_000
SECONDS_MIN: Final = 1_500_000_000
"""Larger than every amount of the story."""


def stable_text(recorder: Recorder) -> str:
    """All examples as they are kept in the repository."""
    document = {
        "shared": recorder.shared,
        "operations": {name: recorder.examples[name] for name in sorted(recorder.examples)},
    }
    text = msgspec.json.encode(document).decode()
    for found in sorted(recorder.aliases, key=len, reverse=True):
        text = text.replace(found, recorder.aliases[found])
    text = _ACTIVITY.sub("evcus_01k9example", text)
    text = _Counted().sub(_ID, text)
    text = _Codes().sub(text)
    text = _INSTANT.sub(_moment, text)
    text = _TOKEN.sub("a-secret-that-nobody-else-has", text)
    text = _SEALED.sub(lambda found: f"/v1/assets/{found[1]}/asset-of-the-code", text)
    text = _SEALED_ID.sub(r"\1asset-of-the-code\2", text)
    text = _REQUEST.sub("v-01k9example000000000000001", text)
    text = _TRACKING.sub("track_5mDkWmW8Q3fVnYx0r2sB7w", text)
    text = _FINGERPRINT.sub("0" * 64, text)
    return msgspec.json.format(_without_time(msgspec.json.decode(text)), indent=1).decode() + "\n"


class _Counted:
    """The n-th id of a kind, wherever it stands."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}
        self.counts: dict[str, int] = {}

    def sub(self, pattern: re.Pattern[str], text: str) -> str:
        return pattern.sub(self._one, text)

    def _one(self, found: re.Match[str]) -> str:
        if found[0] not in self.shown:
            number = self.counts[found[1]] = self.counts.get(found[1], 0) + 1
            self.shown[found[0]] = found[1] + "01k9example" + "0" * 12 + f"{number:03d}"
        return self.shown[found[0]]


class _Codes:
    """The n-th code of the campaign whose codes chance makes."""

    def __init__(self) -> None:
        self.shown: dict[str, str] = {}

    def sub(self, text: str) -> str:
        return _CODE.sub(self._one, text)

    def _one(self, found: re.Match[str]) -> str:
        return self.shown.setdefault(found[0], f"SPRING-{7000 + len(self.shown)}")


def _moment(found: re.Match[str]) -> str:
    """Today's moments are one; days that the story names stay."""
    at = datetime.fromisoformat(found[0])
    return MOMENT if abs(at - datetime.now(UTC)) < timedelta(days=1) else found[0]


def _without_time(document: Any) -> bytes:
    """How long something took, how much of it there was in this minute, and the clock in numbers."""

    def walk(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: _shown(name, walk(inner)) for name, inner in value.items()}
        return [walk(inner) for inner in value] if isinstance(value, list) else value

    return msgspec.json.encode(walk(document))


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, float) or name in ("milliseconds", "processing_time"):
        return value if isinstance(value, Mapping) else 2
    if type(value) is int and value > MICROSECONDS_MIN:
        return MICROSECONDS_MIN
    if type(value) is int and SECONDS_MIN < value < 2 * SECONDS_MIN:
        return int(datetime.fromisoformat(MOMENT).timestamp())
    return value
