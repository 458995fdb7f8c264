"""Run as `python -m tests.support.receiver_process FOLDER`: answers as the folder's file `behaviour` says."""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

LOCK = Lock()


def handler_of(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True
                return  # Whoever sent it was killed on the way.
            behaviour = json.loads((folder / "behaviour").read_text())
            record = {
                "at": time.time(),
                "path": self.path,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "body": body.decode(),
            }
            time.sleep(behaviour["seconds"])
            if behaviour["status"] == 200:
                with LOCK, (folder / "received").open("a") as file:
                    file.write(json.dumps(record) + "\n")
            else:
                with LOCK, (folder / "refused").open("a") as file:
                    file.write(json.dumps(record) + "\n")
            try:
                self.send_response(behaviour["status"])
                for name, value in behaviour["headers"].items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                return  # Whoever asked has gone.

        def log_message(self, *_: Any) -> None:
            """Silent."""

    return Handler


class Server(ThreadingHTTPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """Silent: a connection that is cut by a kill is what tests are about."""


def main() -> None:
    folder = Path(sys.argv[1])
    port_file = folder / "port"
    port = int(port_file.read_text()) if port_file.exists() else 0
    server = Server(("127.0.0.1", port), handler_of(folder))
    port_file.write_text(str(server.server_address[1]))
    (folder / f"ready-{os.getpid()}").touch()
    server.serve_forever()


if __name__ == "__main__":
    main()
