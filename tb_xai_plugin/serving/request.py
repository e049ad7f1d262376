"""The arguments of an HTTP request, checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from tensorboard import errors, plugin_util
from werkzeug import wrappers

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.run import Run

# The largest reply. Several copies of it are in memory while it is made, in as many threads as there are requests; the page requests a tenth of it
# at once.
REPLY_BYTES = 2**26


# For a reply to a request that names the version of its record: the content of that address never changes, so browsers may keep it.
LASTING = "private, max-age=86400, immutable"


WHOLE_NUMBER = re.compile(r"-?[0-9]{1,10}")  # the returned model's step has ten digits


PROBE_NUMBERS = re.compile(r"[0-9]{0,9}:[0-9]{0,9}|[0-9]{1,9}(,[0-9]{1,9})*")


class Request:
    """The arguments of an HTTP request, and which runs its reply is made from."""

    def __init__(self, request: wrappers.Request) -> None:
        self.context = plugin_util.context(request.environ)
        self.experiment = plugin_util.experiment_id(request.environ)
        self.arguments: Mapping[str, str] = request.args
        self.route = request.path.rpartition("/")[2]
        self.used: list[tuple[Run, bool]] = []  # the runs of the reply, and whether each has the version that was requested

    def cacheable(self, response: wrappers.Response) -> wrappers.Response:
        """The response, which a browser may keep where the address names the versions of all runs it is made from, and they were complete."""
        if self.used and all(of_version and run.whole and not run.missing for run, of_version in self.used):
            response.headers["Cache-Control"] = LASTING
            del response.headers["Expires"]
        return response

    def required(self, name: str) -> str:
        if not self.arguments.get(name):
            raise errors.InvalidArgumentError(f"{self.route}: the argument {name!r} is missing; http_api.md describes it.")
        return self.arguments[name]

    def probes(self, run: Run) -> list[int]:
        """Probe numbers of the argument `probes`: "0:16" or "3,7,9"; all where it is left out."""
        count = run.record["shape"]["probes"]
        text = self.arguments.get("probes") or f"0:{count}"
        if not PROBE_NUMBERS.fullmatch(text):
            raise errors.InvalidArgumentError(f"{self.route}: probes is {text[:100]!r}; give e.g. '0:16' or '3,7,9'.")
        start, colon, stop = text.partition(":")
        # Cut off just past the last probe: a client must not make the server count to a billion.
        numbers = list(range(int(start or 0), min(int(stop or count), count + 1))) if colon else [int(n) for n in text.split(",")]
        if not numbers or max(numbers) >= count or len(set(numbers)) < len(numbers):
            raise errors.InvalidArgumentError(f"{self.route}: probes is {text[:100]!r}; give numbers from 0 to {count - 1}, each once.")
        return numbers

    def epochs(self, run: Run) -> int:
        """The number of epochs in the reply."""
        since = self.arguments.get("since")
        return int((run.all_steps > int(since)).sum()) if since else len(run.all_steps)

    def refuse_large(self, probes: Sequence[int], epochs: int, nbytes: int) -> None:
        """Refuse a reply larger than REPLY_BYTES. nbytes: bytes of one probe at one epoch."""
        size = len(probes) * epochs * nbytes
        if size > REPLY_BYTES:
            raise errors.InvalidArgumentError(
                f"{self.route}: {len(probes)} probes are {size / 2**20:.0f} MiB, and a reply has at most {REPLY_BYTES >> 20} MiB; ask for fewer probes."
            )


@contextmanager
def invalid_argument(route: str) -> Iterator[None]:
    """Turn an ArgumentError, of a name or number that the record does not have, into a 400."""
    try:
        yield
    except ArgumentError as error:
        raise errors.InvalidArgumentError(f"{route}: {error}") from error
