"""Records with known numbers, written without training; and a real TensorBoard process to serve them."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tb_xai_plugin import __version__
from tb_xai_plugin.engine.engine import CHANGING_TARGETS
from tb_xai_plugin.engine.explanation import Explanation
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.engine.snapshot import ModelOutputs, Snapshot
from tb_xai_plugin.explainers.contract import RANK
from tb_xai_plugin.probes import ImageProbes
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.writer import Writer

ROOT = Path(__file__).resolve().parent.parent.parent
FRONTEND = ROOT / "frontend"

SIDE = 8  # pixels
PAIRS = 3  # of each game that has interactions; the rest of the wire's room is empty

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 30) -> T:
    """The first true answer of a condition; the only place in the tests that sleeps."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s; the last answer was {answer!r}")
        time.sleep(0.05)
    return answer


def stripes(players: int, side: int = SIDE) -> np.ndarray:
    """int (side, side): label map of `players` segments, in reading order."""
    return (np.arange(side * side) * players // (side * side)).reshape(side, side)


def make_probes(players: Sequence[int], classes: int = 2, *, labels: bool = True, side: int = SIDE, seed: int = 0) -> ImageProbes:
    """Random grey pictures; region "left" is their left half. players: of each probe."""
    rng = np.random.default_rng(seed)
    left = np.zeros((side, side), dtype=bool)
    left[:, : side // 2] = True
    images = rng.integers(0, 256, (len(players), side, side)).astype(np.uint8)
    images[:, 0, 0] = 255  # shown as 8-bit brightness, not as a class map
    return ImageProbes(
        images,
        rng.integers(0, classes, len(players)) if labels else None,
        class_names=[f"class {c}" for c in range(classes)],
        names=[f"#{i}" for i in range(len(players))],
        segments=np.stack([stripes(n, side) for n in players]),
        baseline=0,
        regions={"left": left},
    )


@dataclass
class Truth:
    """What one step was given to the writer: the oracle of everything that reads."""

    values: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    base: dict[str, np.ndarray]
    fidelity: dict[str, np.ndarray]
    noise: dict[str, np.ndarray | None]
    interactions: dict[str, np.ndarray | None]
    full: np.ndarray
    empty: np.ndarray
    targets: np.ndarray
    logs: dict[str, float]


@dataclass
class FakeRun:
    """A run of random numbers, written with the project's own Writer as ExplanationLogger does, and remembered.

    `truth` keeps the rule of http_api.md in its simplest form: a write of a step drops every step from there on.

    Attributes:
        measures: of fidelity, of every explainer.
        sketched: whether sampling errors have sketches.
        correlated: whether the record has loadings too; without, it is like one that version 0.1.0 began and this one goes on with.
        interacting: explainers that have interactions.
        exact: explainers whose values have no error.
        one_class: explainers that give values for class 0 alone, with unknown errors.
        changes: {step: sentence}; from the first on, values are made from half of the evaluations.
    """

    log_dir: Path | str
    players: Sequence[int] = (5, 4, 3)
    classes: int = 2
    explainers: tuple[str, ...] = ("lime", "shap")
    labels: bool = True
    changing_targets: bool = False
    probe_set: str = wire.DEFAULT_SET
    side: int = SIDE
    seed: int = 0
    measures: tuple[str, ...] = ("r2", "gap")
    sketched: bool = True
    correlated: bool = False
    interacting: tuple[str, ...] = ()
    exact: tuple[str, ...] = ()
    one_class: tuple[str, ...] = ()
    changes: Mapping[int, str] = field(default_factory=dict)
    truth: dict[int, Truth] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.probes = self.make_probes()
        least = {"evaluations": "auto", "output": "log-odds", "classes": "auto", "seed": 0, "batch_size": "auto"}
        self.plan = Plan(self.probes, self.explainers, **least)
        self.rng = np.random.default_rng(self.seed)
        self.targets = CHANGING_TARGETS if self.changing_targets else self.classes
        self.constant_targets = None if self.changing_targets else list(range(self.classes))

    def make_probes(self) -> Any:
        return make_probes(self.players, self.classes, labels=self.labels, side=self.side, seed=self.seed)

    @property
    def steps(self) -> list[int]:
        return sorted(self.truth)

    def stack(self, what: str, explainer: str | None = None) -> np.ndarray:
        """(steps, …) of one quantity as written, at `steps`."""
        parts = [getattr(self.truth[step], what) for step in self.steps]
        return np.stack([part if explainer is None else part[explainer] for part in parts])

    def write(self, steps: Iterable[int], **options: Any) -> FakeRun:
        """One process's session: its own event file, from the first step given to the last. options: those of `write_step`."""
        writer = Writer(str(self.log_dir))
        if not self.truth:
            self.write_record(writer)
        for step in steps:
            self.write_step(writer, step, **options)
        writer.close()
        return self

    def write_record(self, writer: Writer) -> None:
        record = self.record()
        writer.write_record(self.probe_set, record, self.probes.as_record()[1])
        self.about = {**record, "blocks": wire.step_blocks(record)}

    def record(self) -> dict[str, Any]:
        names, _ = self.probes.as_record()
        found = {"head": "softmax", "clipped": False, "unit": "log-odds", "regression": False, "number_of_classes": self.classes}
        return {
            "probes": {**names, "count": len(self.probes), "players": self.probes.players.tolist()},
            "settings": {**self.plan.settings, **found, "versions": {"tb_xai_plugin": __version__}},
            "comparable": {**self.plan.comparable, "unit": "log-odds", "answers": f"{self.classes} classes"},
            "targets": self.constant_targets,
            "shape": {"probes": len(self.players), "targets": self.targets, "players": max(self.players), "classes": self.classes},
            "details": {
                name: {
                    "fidelity": list(self.measures),
                    "sketched": self.sketched,
                    "correlated": self.correlated,
                    "interacting": name in self.interacting,
                }
                for name in self.explainers
            },
        }

    def write_returned(self, how: str = "averages", epoch: int | None = None, *, explained: bool = True, **options: Any) -> FakeRun:
        """The last write of a finished fit, or of a model that was explained once."""
        step = 1 + max((step for step in self.truth if step != wire.RETURNED), default=wire.UNTRAINED)
        return self.write([step], returned={"epoch": epoch, "how": how}, explained=explained, logs={}, **options)

    @property
    def evaluations(self) -> int:
        return self.plan.evaluations

    def write_step(
        self,
        writer: Writer,
        step: int,
        *,
        logs: Mapping[str, float] | None = None,
        explained: bool = True,
        reason: str | None = None,
        silent: Sequence[int] = (),
        returned: Any = None,
        weights: str | None = None,
    ) -> None:
        """silent: probes for which the model answered NaN; returned: what is said of the returned model, for the write of one; weights: their digest."""
        made = self._made(step, logs, silent)
        level = self.evaluations // 2 if any(step >= first for first in self.changes) else self.evaluations
        self.truth = {s: truth for s, truth in self.truth.items() if s < step}
        self.truth[wire.RETURNED if returned else step] = made
        epoch = {
            "logs": made.logs,
            "explained": explained,
            "reason": reason,
            "evaluations": 64,
            "level": level,
            "change": self.changes.get(step),
            "seconds": 0.5,
            "training": 2.0,
            "share": 0.25,
            "fresh": False,
            **({"returned": returned} if returned else {}),
            **({"weights": weights} if weights else {}),
        }
        snapshot = None
        if explained:
            answers = np.take_along_axis(made.full, made.targets, axis=1)
            explanations = {
                name: Explanation(
                    *(made.values[name], made.errors[name], made.base[name], answers, made.targets, self.probes),
                    fidelity=dict(zip(self.measures, np.moveaxis(made.fidelity[name], -1, 0), strict=True)),
                    noise=self.with_loadings(made.noise[name], step),
                    interactions=made.interactions[name],
                )
                for name in self.explainers
            }
            snapshot = Snapshot(explanations, ModelOutputs([], made.targets, made.full, made.empty, 64, reason), level)
        epoch["logged"] = len(self.truth)
        constant = self.constant_targets is not None
        writer.write_step(self.probe_set, step, epoch, snapshot, constant_targets=constant, record=self.about)

    def _made(self, step: int, logs: Mapping[str, float] | None, silent: Sequence[int]) -> Truth:
        probes, players = len(self.players), max(self.players)
        shape = (probes, self.targets, players)
        absent = np.arange(players) >= np.array(self.players)[:, None, None]
        absent = np.broadcast_to(absent, shape).copy()
        absent[list(silent)] = True

        def normal(*size: int) -> np.ndarray:
            return self.rng.standard_normal(size).astype(np.float32)

        def probabilities() -> np.ndarray:
            scores = np.exp(normal(probes, self.classes))
            answers = scores / scores.sum(axis=1, keepdims=True)
            answers[list(silent)] = np.nan
            return answers

        targets = np.broadcast_to(np.arange(self.targets), (probes, self.targets))
        if self.changing_targets:
            targets = np.stack([self.rng.permutation(self.classes)[: self.targets] for _ in range(probes)])
        values = {name: np.where(absent, np.float32(np.nan), normal(*shape)) for name in self.explainers}
        errors = {name: np.where(absent, np.float32(np.nan), np.abs(normal(*shape)) + np.float32(0.01)) for name in self.explainers}
        for name in self.exact:
            errors[name] = np.where(absent, np.float32(np.nan), np.float32(0))
        for name in self.one_class:
            values[name][:, 1:] = np.nan
            errors[name][:] = np.nan
        return Truth(
            values=values,
            errors=errors,
            base={name: normal(probes, self.targets) for name in self.explainers},
            fidelity={name: normal(probes, self.targets, len(self.measures)) for name in self.explainers},
            noise={name: normal(probes, self.targets, wire.SKETCH) if self.sketched else None for name in self.explainers},
            interactions={name: self._pairs(step) if name in self.interacting else None for name in self.explainers},
            full=probabilities(),
            empty=probabilities(),
            targets=targets.astype(np.int32),
            logs=dict(logs) if logs is not None else ({} if step == wire.UNTRAINED else {"loss": 1 / (step + 1), "val_accuracy": 0.5}),
        )

    def with_loadings(self, sketch: np.ndarray | None, step: int) -> np.ndarray | None:
        """Sketches and loadings, as an engine gives them to a writer."""
        if sketch is None:
            return None
        loadings = np.random.default_rng(step + 2).uniform(-1, 1, (*sketch.shape[:2], RANK * max(self.players)))
        return np.concatenate([sketch, loadings.astype(np.float32)], axis=-1)

    def _pairs(self, step: int) -> np.ndarray:
        rng = np.random.default_rng(step + 2)
        found = np.full((len(self.players), self.targets, wire.PAIRS, 3), np.nan, dtype=np.float32)
        found[..., :PAIRS, 0] = rng.integers(0, 2, (*found.shape[:2], PAIRS))
        found[..., :PAIRS, 1] = 2
        found[..., :PAIRS, 2] = rng.choice([-1, 1], (*found.shape[:2], PAIRS)) * np.array([3.25, 2.25, 1.25])
        return found


def event_files(log_dir: Path | str) -> list[Path]:
    """The event files of a run, in the order they were written."""
    return sorted((Path(log_dir) / wire.DIRECTORY).iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))


def contents(folder: Path) -> dict[str, bytes]:
    """{path: bytes} of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def decode(body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a reply, as http_api.md describes it."""
    length = int.from_bytes(body[:4], "little")
    assert length % 8 == 4, "the length of the header is a multiple of 8 less 4"
    header = json.loads(body[4 : 4 + length].decode("utf-8"))
    data = body[4 + length :]
    arrays, end = {}, 0
    for name, about in header["arrays"].items():
        assert about["dtype"] in ("float32", "int32", "uint16", "uint8"), about
        assert about["offset"] % 8 == 0, about
        assert about["offset"] == end, "arrays lie one after another, each padded to a multiple of 8 bytes"
        count = int(np.prod(about["shape"]))
        dtype = np.dtype(about["dtype"]).newbyteorder("<")
        arrays[name] = np.frombuffer(data, dtype, count, about["offset"]).reshape(about["shape"]).astype(about["dtype"])
        end = about["offset"] + -(-count * dtype.itemsize // 8) * 8
    assert end == len(data), "nothing follows the last array"
    return header, arrays


@dataclass(frozen=True)
class Reply:
    """An HTTP reply, its body decompressed."""

    status: int
    type: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        def refuse(constant: str) -> None:
            raise ValueError(f"{constant} is not JSON")

        return json.loads(self.text, parse_constant=refuse)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        assert self.type == "application/octet-stream", (self.type, self.body[:500])
        return decode(self.body)[1]


def http_get(url: str) -> Reply:
    """GET, past any proxy that the machine is set up with."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    try:
        response = opener.open(request, timeout=60)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        body = response.read()
        if response.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return Reply(response.status, response.headers.get_content_type(), dict(response.headers), body)


# TensorBoard starts in 0.7 s instead of 4, and ends at once: it imports TensorFlow wherever that is installed, and does without where it is not.
WITHOUT_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None; from tensorboard.main import run_main; run_main()"


class TensorBoard:
    """A TensorBoard process on a free port of 127.0.0.1."""

    def __init__(self, log: Path, arguments: Sequence[str], python: str | Path, environment: Mapping[str, str], tensorflow: bool) -> None:
        self._log = log
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        module = ["-m", "tensorboard.main"] if tensorflow else ["-c", WITHOUT_TENSORFLOW]
        command = [str(python), *module, "--host=127.0.0.1", "--port=0", "--reload_interval=1", *arguments]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,  # -m and -c put it on sys.path
                env={**inherited, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            )
        self.url = ""

    def wait(self, seconds: float = 90) -> TensorBoard:
        """Until it answers requests."""

        def address() -> re.Match[str] | None:
            if self._process.poll() is not None:
                raise AssertionError(f"TensorBoard ended with status {self._process.returncode}:\n{self.log}")
            return re.search(r"^TensorBoard \S+ at (http://\S+)", self.log, re.MULTILINE)

        self.url = wait_until(address, seconds)[1].rstrip("/")
        return self

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, **arguments: Any) -> Reply:
        """path: below the address, e.g. "data/plugins_listing"."""
        query = "?" + urllib.parse.urlencode(arguments) if arguments else ""
        return http_get(f"{self.url}/{path}{query}")

    def xai(self, route: str, **arguments: Any) -> Reply:
        return self.get(f"data/plugin/xai/{route}", **arguments)

    def runs(self) -> dict[str, dict[str, Any]]:
        """{run: its entry in the `runs` route}."""
        return {entry["run"]: entry for entry in self.xai("runs").json["runs"]}

    def wait_for_epochs(self, run: str, epochs: int, seconds: float = 60) -> dict[str, Any]:
        """The run's entry, once so many epochs are served."""

        def there() -> dict[str, Any] | None:
            entry = self.runs().get(run)
            return entry if entry and entry["epochs"] == epochs else None

        try:
            return wait_until(there, seconds)
        except TimeoutError as error:
            raise AssertionError(f"{run} never had {epochs} epochs; the runs are {self.runs()}") from error

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# Starts a TensorBoard: see the fixture `tensorboard`.
Serve = Callable[..., TensorBoard]


@contextlib.contextmanager
def serving(
    folder: Path,
    *arguments: str,
    python: str | Path = sys.executable,
    environment: Mapping[str, str] | None = None,
    tensorflow: bool = False,
) -> Iterator[TensorBoard]:
    """A TensorBoard process that answers, ended afterwards. folder: where its log goes; tensorflow: whether it may import TensorFlow."""
    folder.mkdir(parents=True, exist_ok=True)
    process = TensorBoard(folder / f"tensorboard-{time.monotonic_ns()}.log", arguments, python, environment or {}, tensorflow)
    try:
        yield process.wait()
    finally:
        process.end()


def run_python(python: str | Path, code: str, *, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a piece of code prints in a process of its own; warnings are errors there, as in the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(python), "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**inherited, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
