"""The files of the page, and replies to GET alone."""

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

logger = logging.getLogger(__name__)


# What is served of frontend/. Not from `mimetypes`: on Windows that asks the registry.
CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css"}


def frontend_files() -> dict[str, Traversable]:
    """{path below frontend/: file} of everything the page is made of; {} where it was not installed."""
    try:
        root = resources.files("tb_xai_plugin.frontend")
    except ModuleNotFoundError:
        logging.getLogger(__name__).warning("The XAI tab's page is not installed. Reinstall it with 'pip install tb_xai_plugin'.")
        return {}
    found: dict[str, Traversable] = {}
    folders = [("", root)]
    while folders:
        prefix, folder = folders.pop()
        for item in folder.iterdir():
            if item.is_dir() and not item.name.startswith("__"):
                folders.append((f"{prefix}{item.name}/", item))
            elif item.is_file() and PurePosixPath(item.name).suffix in CONTENT_TYPES:
                found[prefix + item.name] = item
    return found


def static_file(file: Traversable) -> Callable[..., Any]:
    """Read at every request, so that a page under development is never old; sent where the browser has another one."""
    content_type, kept = CONTENT_TYPES[PurePosixPath(file.name).suffix], [("", b"")]

    def reply(request: wrappers.Request) -> wrappers.Response:
        content = file.read_bytes()
        tag, packed = hashlib.sha256(content).hexdigest(), kept[0]
        if packed[0] != tag:
            packed = kept[0] = (tag, gzip.compress(content, mtime=0))
        response = http_util.Respond(request, packed[1], content_type, content_encoding="gzip")
        response.set_etag(tag, weak=True)
        return response.make_conditional(request)

    return get_only(reply)


def get_only(reply: Callable[[wrappers.Request], wrappers.Response]) -> Callable[..., Any]:
    @wrappers.Request.application
    def application(request: wrappers.Request) -> wrappers.Response:
        if request.method in ("GET", "HEAD"):
            return reply(request)
        sentence = f"The XAI plugin is read-only: use GET, not {request.method}."
        return http_util.Respond(request, sentence, "text/plain", code=405, headers=[("Allow", "GET")])

    return application
