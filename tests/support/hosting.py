"""Pages of another origin that show the tab, or TensorBoard, in a frame: notebooks, editors, portals."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Host:
    """A small web server on a free port of 127.0.0.1: another origin than TensorBoard's."""

    def __init__(self) -> None:
        self._pages: dict[str, bytes] = {}
        pages = self._pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = pages.get(self.path, b"")
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def page(self, body: str) -> str:
        """The address of a new page."""
        path = f"/{len(self._pages)}.html"
        self._pages[path] = f"<!doctype html><title>host</title><body>{body}".encode()
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def framing(self, address: str, *, before: str = "", width: int = 860, height: int = 700, attributes: str = "") -> str:
        """The address of a new page that shows another in a frame, below some markup."""
        return self.page(
            f'{before}<iframe id="framed" {attributes} src="{address}" style="display: block; width: {width}px; height: {height}px; border: 0"></iframe>'
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def hosting() -> Iterator[Host]:
    host = Host()
    try:
        yield host
    finally:
        host.close()
