"""multipart/form-data, as browsers and official clients send one file with a few fields."""

import re

from msgspec import Struct

from app.http.errors import invalid_payload

PARTS_MAX = 20
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^;\s]{1,200}))', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name=(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


class FormPart(Struct, frozen=True):
    """One field of the form; a file is one whose content is bytes like any other."""

    name: str
    body: bytes


def form_parts(content_type: str, raw: bytes) -> list[FormPart]:
    """The form's fields in their order.

    Raises: ApiError 400 invalid_payload for what is no form.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise invalid_payload("Payload is not multipart/form-data: the boundary is missing")
    boundary = b"--" + (found.group(1) or found.group(2)).encode("latin-1")
    pieces = (b"\r\n" + raw).split(b"\r\n" + boundary)
    if len(pieces) < 2 or len(pieces) > PARTS_MAX + 2:
        raise invalid_payload("Payload is not multipart/form-data")
    parts: list[FormPart] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, separator, body = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head.decode("utf-8", "replace"))
        if not separator or name is None:
            raise invalid_payload("Payload is not multipart/form-data: a part has no name")
        parts.append(FormPart(name=name.group(1) or name.group(2) or "", body=body))
    return parts


def without_boundary(content_type: str, raw: bytes) -> bytes:
    """A body without the mark between its parts, which clients draw anew each time that they send a form; any
    other body as it is.
    """
    found = _BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/") else None
    if found is None:
        return raw
    return raw.replace((found.group(1) or found.group(2)).encode("latin-1"), b"")


def form_field(parts: list[FormPart], name: str) -> bytes:
    """Raises: ApiError 400 invalid_payload when it is missing."""
    for part in parts:
        if part.name == name:
            return part.body
    raise invalid_payload(f"Payload should have required property '{name}'")
