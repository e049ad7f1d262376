"""The replies that a report has: all that the page needs, then what else a limit has room for."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

import numpy as np
from tensorboard import errors

from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.judgement.alignment import WAYS
from tb_xai_plugin.reports import requests
from tb_xai_plugin.reports.requests import FIRST_WAY, Info, Request, Topic
from tb_xai_plugin.reports.words import listed
from tb_xai_plugin.serving.shelf import Replies
from tb_xai_plugin.version import __version__

# The most that a report has whatever its limit is: browsers open larger pages slowly, or not at all.
MOST_BYTES = 100 * 2**20

# What the list of requests takes of a file for each of them, in about.
BYTES_OF_REQUEST = 12

# Numbers barely get smaller; base64 makes them larger.
BYTES_IN_FILE = 4 / 3


class Archive:
    """Requests and their replies, packed. Equal replies are there once.

    Attributes:
        requests: (route, arguments, the place of the reply in `bodies`, or the sentence of its refusal).
        bodies: gzip-compressed, in base64.
        size: bytes of all of it in a file.
    """

    def __init__(self, replies: Replies, limit: int) -> None:
        """limit: bytes in all of what is optional."""
        self.requests: list[tuple[str, dict[str, str], int | str]] = []
        self.bodies: list[str] = []
        self.size = 0
        self._replies, self._limit = replies, limit
        self._known: set[str] = set()
        self._places: dict[bytes, int] = {}

    def add(self, wanted: Iterable[Request], *, vital: bool = False) -> bool:
        """Add the replies to some requests, all or none; returns whether there was room. What is vital has room always."""
        found: list[tuple[str, dict[str, str], bytes | str]] = []
        packed: dict[bytes, str] = {}
        for route, arguments in wanted:
            if str((route, arguments)) in self._known or any(one[:2] == (route, arguments) for one in found):
                continue
            try:
                body: bytes | str = self._replies.body(route, arguments)
            except errors.PublicError as refusal:
                body = str(refusal)
            found.append((route, arguments, body))
            if isinstance(body, bytes) and body not in self._places and body not in packed:
                packed[body] = pack(body)
                if not vital and self.size + sum(map(len, packed.values())) > self._limit:
                    return False
        for body, text in packed.items():
            self._places[body] = len(self.bodies)
            self.bodies.append(text)
            self.size += len(text)
        for route, arguments, reply in found:
            self._known.add(str((route, arguments)))
            self.requests.append((route, arguments, self._places[reply] if isinstance(reply, bytes) else reply))
        self.size += BYTES_OF_REQUEST * len(found)
        return True


def pack(body: bytes) -> str:
    """gzip-compressed, in base64: the same bytes for the same content."""
    return base64.b64encode(gzip.compress(body, 9, mtime=0)).decode()


class Collector:
    """Fills an archive with what the page asks of some runs, the most important first."""

    def __init__(self, replies: Replies, limit: int, progress: Progress) -> None:
        self.replies, self.progress = replies, progress
        self.rows: list[dict[str, Any]] = replies.json("runs")["runs"]
        readable = [row for row in self.rows if not row["error"] and row["epochs"] + (row["returned"] is not None) > 0]
        if not readable:
            raise RecordError(next((row["error"] for row in self.rows if row["error"]), "export: no run has an explanation yet."))
        self.infos: list[Info] = [replies.json("run", run=row["run"], set=name) for row in readable for name in row["sets"]]
        self.infos = [info for info in self.infos if info["steps"]]
        self.archive = Archive(replies, limit)
        self._sequences: dict[tuple[str, str], list[int]] = {}
        vital, further = zip(*map(requests.classes_of, self.infos), strict=True)
        self.classes = list(dict.fromkeys(itertools.chain(*vital)))
        self._further = list(dict.fromkeys(itertools.chain(*further)))
        self.ways, self.pins, self.whole = [FIRST_WAY], False, True
        self.beside: dict[str, list[str]] = {row["run"]: [] for row in self.rows}

    def collect(self) -> None:
        self._refuse_large()
        with self.progress.phase("what every view needs"):
            for info in self.infos:
                self.archive.add(requests.of_run(info), vital=True)
                self.archive.add((one for topic in requests.topics(info, self.classes) for one in requests.of_topic(topic)), vital=True)
            if len(self.rows) > 2:
                self.archive.add([("repeats", {"run": info["run"], "set": info["set"]}) for info in self.infos], vital=True)
            pairs = list(itertools.combinations(dict.fromkeys(info["run"] for info in self.infos), 2))
            for pair in pairs[:1]:
                self._add_pair(pair, self.classes, vital=True)
        with self.progress.phase("what else there is room for"):
            if pairs and self.archive.add(one for way in list(WAYS)[1:] for one in self._of_pair(pairs[0], self.classes, way)):
                self.ways = list(WAYS)
            self.pins = self.archive.add(
                one for info in self.infos for topic in requests.topics(info, self.classes) for one in requests.pins(topic)
            )
            for pair in pairs[1:]:
                self._add_pair(pair, self.classes)
            # Beside another run no epoch is pinned.
            if not pairs:
                self._add_errors()
            for target in self._further:
                if self.archive.add(self._of_class(target)):
                    self.classes.append(target)
            if pairs:
                self._add_errors()

    def _add_pair(self, pair: tuple[str, str], classes: list[str], *, vital: bool = False) -> None:
        if self.archive.add((one for way in self.ways for one in self._of_pair(pair, classes, way)), vital=vital):
            for one, other in (pair, pair[::-1]):
                self.beside[one].append(other)

    def _add_errors(self) -> None:
        topics = (topic for info in self.infos for topic in requests.topics(info, self.classes))
        added = [self.pins and self.archive.add(requests.errors_since_pins(topic)) for topic in topics]
        self.whole = all(added)

    def _of_class(self, target: str) -> Iterable[Request]:
        """One class more, with all that the others have."""
        for info in self.infos:
            if target not in requests.classes_of(info)[1]:
                continue
            for topic in requests.topics(info, [target]):
                yield from requests.of_topic(topic)
                if self.pins:
                    yield from requests.pins(topic)
        for one, others in self.beside.items():
            for other in others:
                if one < other:
                    for way in self.ways:
                        yield from self._of_pair((one, other), [target], way)

    def _of_pair(self, pair: tuple[str, str], classes: Iterable[str], way: str) -> Iterable[Request]:
        """Two runs, either of them as A, in every probe set that both have."""
        for one, other in (pair, pair[::-1]):
            for a, b in itertools.product(self._infos_of(one), self._infos_of(other)):
                if a["set"] != b["set"]:
                    continue
                request = requests.pairing(a, b, way)
                yield request
                steps = self._steps(request)
                for topic in requests.topics(a, classes):
                    if topic.explainer in b["explainers"]:
                        yield from requests.of_pair(topic, b, way, steps, self._comparable(topic, b))

    def _infos_of(self, run: str) -> list[Info]:
        return [info for info in self.infos if info["run"] == run]

    def _comparable(self, topic: Topic, other: Info) -> bool:
        """Whether the server subtracts the one run from the other."""
        key = (topic.info["run"], topic.info["set"], topic.explainer, other["run"])
        known = self._sequences.setdefault(("comparable", str(key)), [])
        if not known:
            arguments = {**topic.arguments, "other": other["run"], "class": "label"}
            try:
                self.replies.body("compare", arguments)
                known.append(1)
            except errors.PublicError:
                known.append(0)
        return bool(known[0])

    def _steps(self, request: Request) -> list[int]:
        """The steps of a `pairing`; none where two runs have no such rows."""
        key = ("pairing", str(request))
        if key not in self._sequences:
            try:
                self._sequences[key] = array_of(self.replies.body(*request), "steps")
            except errors.PublicError:
                self._sequences[key] = []
        return self._sequences[key]

    def _refuse_large(self) -> None:
        """Refuse records that would make a file that no browser opens, before the work is done."""
        numbers = sum(
            len(info["steps"])
            * info["probes"]["count"]
            * (2 * max(info["probes"]["players"]) + 2)
            * len(info["explainers"])
            * len(self.classes)
            for info in self.infos
        )
        size = 4 * numbers * BYTES_IN_FILE
        if size > MOST_BYTES:
            names = list(dict.fromkeys(repr(info["name"]) for info in self.infos))
            runs = listed(names) if len(names) < 4 else f"{len(names)} runs"
            raise ArgumentError(
                f"export: a page with {runs} would have about {size / 2**20:.0f} MB, and browsers open some {MOST_BYTES >> 20} MB at most; give fewer runs."
            )

    def report(self) -> dict[str, Any]:
        """What the page is told: the classes that it has, what can't be chosen, and a note in sentences."""
        fixed: dict[str, Any] = {"areas": [], "repeats": ""}
        if self.ways != list(WAYS):
            fixed["align"] = FIRST_WAY
        if not self.pins:
            fixed["pin"] = None
        return {"note": self._note(), "classes": self.classes, "fixed": fixed}

    def _note(self) -> str:
        newest = max((row["wall_time"] for row in self.rows if row["wall_time"] is not None), default=None)
        until = f" with records up to {datetime.fromtimestamp(newest, timezone.utc):%Y-%m-%d %H:%M} UTC" if newest else ""
        absent = self.left_out()
        return f"A report of tb_xai_plugin {__version__}{until}." + (f" For its size it leaves out {listed(absent)}." if absent else "")

    def left_out(self) -> list[str]:
        """What there was no room for, in words."""
        absent = []
        numbers = [target for target in self._further if target not in self.classes]
        if numbers:
            count = f"all {len(numbers)}" if len(numbers) == len(self._further) else f"{len(numbers)} of {len(self._further)}"
            absent.append(f"{count} classes by number")
        runs = [run for run, others in self.beside.items() if self._infos_of(run)]
        pairs = sum(len(self.beside[run]) for run in runs) // 2
        most = len(runs) * (len(runs) - 1) // 2
        if pairs < most:
            absent.append(f"{most - pairs} of {most} comparisons")
        if pairs and self.ways != list(WAYS):
            absent.append("alignment by metric or best epoch")
        if not self.pins:
            absent.append("pinned epochs")
        elif not self.whole:
            absent.append("errors of changes since some pinned epochs")
        return absent


def array_of(body: bytes, name: str) -> list[int]:
    """One int32 array of a reply, in the format of container.py."""
    length = int.from_bytes(body[:4], "little")
    about: Mapping[str, Any] = json.loads(body[4 : 4 + length])["arrays"][name]
    numbers: list[int] = np.frombuffer(body, "<i4", int(np.prod(about["shape"])), 4 + length + about["offset"]).tolist()
    return numbers
