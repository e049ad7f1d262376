"""Replies with the files of the page; and a wrapper that refuses all methods but GET."""

from __future__ import annotations

import gzip
import hashlib
import logging
from collections.abc import Callable
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from tensorboard.backend import http_util
from werkzeug import wrappers

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from wsgiref.types import WSGIEnvironment

    from werkzeug.datastructures import Headers


# The kinds of files of frontend/ that are served. Not from `mimetypes`, which reads the registry on Windows.
CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css"}


def frontend_files() -> dict[str, Traversable]:
    """{path below frontend/: file} of all files of the page; {} where the page is not installed."""
    try:
        root = resources.files("tb_xai_plugin.frontend")
    except ModuleNotFoundError:
        logging.getLogger(__name__).warning("The XAI tab's page is not installed. Reinstall it with 'pip install tb_xai_plugin'.")
        return {}
    files: dict[str, Traversable] = {}
    folders = [("", root)]
    while folders:
        prefix, folder = folders.pop()
        for item in folder.iterdir():
            if item.is_dir() and not item.name.startswith("__"):
                folders.append((f"{prefix}{item.name}/", item))
            elif item.is_file() and PurePosixPath(item.name).suffix in CONTENT_TYPES:
                files[prefix + item.name] = item
    return files


def static_file(file: Traversable) -> Callable[..., Any]:
    """A route that serves one file. It is read at every request, so that a page under development is up to date; unchanged content is a 304."""
    content_type, kept = CONTENT_TYPES[PurePosixPath(file.name).suffix], [("", b"")]

    def reply(request: wrappers.Request) -> wrappers.Response:
        content = file.read_bytes()
        tag, packed = hashlib.sha256(content).hexdigest(), kept[0]
        if packed[0] != tag:
            packed = kept[0] = (tag, gzip.compress(content, mtime=0))
        response = _Typed.force_type(http_util.Respond(request, packed[1], content_type, content_encoding="gzip"))
        # A page in a sandboxed frame has no origin: it may load these files, which hold nothing of anybody, and say why it gets no records.
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.set_etag(tag, weak=True)
        response.make_conditional(request)
        return response

    return get_only(reply)


class _Typed(wrappers.Response):
    """A response that says its type with a 304 too, where Werkzeug leaves it out: TensorBoard warns of every response without one."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        headers = super().get_wsgi_headers(environ)
        headers.setdefault("Content-Type", self.headers["Content-Type"])
        return headers


def get_only(reply: Callable[[wrappers.Request], wrappers.Response]) -> Callable[..., Any]:
    """A WSGI application that replies to GET and HEAD, and refuses other methods with 405."""

    @wrappers.Request.application
    def application(request: wrappers.Request) -> wrappers.Response:
        if request.method in ("GET", "HEAD"):
            return reply(request)
        sentence = f"The XAI plugin is read-only: use GET, not {request.method}."
        refusal: wrappers.Response = http_util.Respond(request, sentence, "text/plain", code=405, headers=[("Allow", "GET")])
        return refusal

    return application
