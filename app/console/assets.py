"""Files of the pages: styles and scripts of ours, and the vendored libraries. Nothing is loaded from
elsewhere.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from litestar import Response, get

from app.console.session import AnyRequest

HERE: Final = Path(__file__).parent
JAVASCRIPT: Final = "text/javascript; charset=utf-8"
STYLES: Final = "text/css; charset=utf-8"
FILES: Final = {
    "console.css": ("static", STYLES),
    "icon.svg": ("static", "image/svg+xml"),
    "console.js": ("static", JAVASCRIPT),
    "live.js": ("static", JAVASCRIPT),
    "htmx.min.js": ("vendor", JAVASCRIPT),
    "uplot.min.js": ("vendor", JAVASCRIPT),
    "uplot.min.css": ("vendor", STYLES),
}


@cache
def _read(name: str) -> tuple[bytes, str]:
    """The file and its ETag."""
    content = (HERE / FILES[name][0] / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:20]}"'


@get([f"/files/{name}" for name in FILES], sync_to_thread=False)
def asset(request: AnyRequest) -> Response[bytes]:
    """A path for each: beside an application that is mounted at "/", Litestar finds no parameters."""
    name = request.url.path.rpartition("/")[2]
    content, tag = _read(name)
    headers = {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers)
    return Response(content, media_type=FILES[name][1], headers=headers)
