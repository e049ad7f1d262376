"""What a route needs of an HTTP request, checked."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tensorboard import errors, plugin_util
from werkzeug import wrappers

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.run import Run

if TYPE_CHECKING:
    pass

logger = logging.getLogger(__name__)


# A reply is in memory several times while it is made, in as many threads as there are requests; the page asks for a tenth at once.
REPLY_BYTES = 2**26


# A reply to a request that names the version of its record: the address names the content, as long as a browser cares to keep it.
LASTING = "private, max-age=86400, immutable"


WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")


PROBE_NUMBERS = re.compile(r"[0-9]{0,9}:[0-9]{0,9}|[0-9]{1,9}(,[0-9]{1,9})*")


class Request:
    """What a route needs of an HTTP request."""

    def __init__(self, request: wrappers.Request) -> None:
        self.context = plugin_util.context(request.environ)
        self.experiment = plugin_util.experiment_id(request.environ)
        self.arguments: Mapping[str, str] = request.args
        self.route = request.path.rpartition("/")[2]
        self.used: list[tuple[Run, bool]] = []  # and whether it is of the version that was asked for

    def kept(self, response: wrappers.Response) -> wrappers.Response:
        """The response, which a browser may keep where all that it was made of is named by the address, and was there."""
        if self.used and all(of_version and run.whole and not run.missing for run, of_version in self.used):
            response.headers["Cache-Control"] = LASTING
            del response.headers["Expires"]
        return response

    def required(self, name: str) -> str:
        if not self.arguments.get(name):
            raise errors.InvalidArgumentError(f"{self.route}: the argument {name!r} is missing; see http_api.md.")
        return self.arguments[name]

    def probes(self, run: Run) -> list[int]:
        """Probe numbers of the argument `probes`: "0:16" or "3,7,9"; all where it is left out."""
        count = run.record["shape"]["probes"]
        asked = self.arguments.get("probes") or f"0:{count}"
        if not PROBE_NUMBERS.fullmatch(asked):
            raise errors.InvalidArgumentError(f"{self.route}: probes is {asked[:100]!r}; give e.g. '0:16' or '3,7,9'.")
        start, colon, stop = asked.partition(":")
        # Cut off just past the last probe: a client must not make the server count to a billion.
        numbers = list(range(int(start or 0), min(int(stop or count), count + 1))) if colon else [int(n) for n in asked.split(",")]
        if not numbers or max(numbers) >= count or len(set(numbers)) < len(numbers):
            raise errors.InvalidArgumentError(f"{self.route}: probes is {asked[:100]!r}; this run has probes 0 to {count - 1}, each once.")
        return numbers

    def epochs(self, run: Run) -> int:
        """How many the reply has."""
        since = self.arguments.get("since")
        return int((run.all_steps > int(since)).sum()) if since else len(run.all_steps)

    def refuse_large(self, probes: Sequence[int], epochs: int, nbytes: int) -> None:
        """nbytes: of one probe at one epoch."""
        size = len(probes) * epochs * nbytes
        if size > REPLY_BYTES:
            raise errors.InvalidArgumentError(
                f"{self.route}: {len(probes)} probes are {size / 2**20:.0f} MiB and a reply has at most {REPLY_BYTES >> 20}; ask for fewer probes."
            )


@contextmanager
def invalid_argument(route: str) -> Iterator[None]:
    """What the reader does not find in a record is the client's mistake."""
    try:
        yield
    except ArgumentError as error:
        raise errors.InvalidArgumentError(f"{route}: {error}") from error
