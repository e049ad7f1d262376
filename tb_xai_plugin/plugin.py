"""XaiPlugin: the XAI tab's HTTP routes; see http_api.md. Thin: parse, ask reader.py, respond."""

from __future__ import annotations

import gzip
import json
import logging
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from tensorboard import errors, plugin_util
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from tb_xai_plugin import stability, wire
from tb_xai_plugin.reader import RecordError, Run, probe_sets
from tb_xai_plugin.sources import ProviderSource

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

logger = logging.getLogger(__name__)

# What is served of frontend/. Not from `mimetypes`: on Windows that asks the registry.
CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css"}

# Memory of what is kept decoded over all runs; the run that was not asked for longest goes first.
DECODED_BYTES = 2**29
RUNS_KEPT = 200

# End of the colour scale. A model that leans on one spot has a few values far above all others: a scale up to the largest would leave
# everything else pale. What is beyond has the end colour; the legend says so, and pointing at it tells the number.
SCALE_QUANTILE = 0.98

# Replies from this many bytes are compressed.
COMPRESS_FROM = 2**12

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
PROBE_NUMBERS = re.compile(r"[0-9]{0,9}:[0-9]{0,9}|[0-9]{1,9}(,[0-9]{1,9})*")

Arrays = dict[str, np.ndarray]


class XaiPlugin(base_plugin.TBPlugin):
    """Serves records to the page. Read-only; every reply is made from TensorBoard's DataProvider."""

    plugin_name = wire.PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        self._provider = context.data_provider
        self._runs: OrderedDict[tuple[str, ...], Run] = OrderedDict()
        self._entries: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.Lock()

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        routes: dict[str, Callable[..., Any]] = {
            "/runs": self._json(self._list_runs),
            "/run": self._json(self._one_run),
            "/probes": self._arrays(self._probes),
            "/values": self._arrays(self._values),
            "/answers": self._arrays(self._answers),
            "/outputs": self._arrays(self._outputs),
            "/drift": self._arrays(self._drift),
            "/share": self._arrays(self._share),
        }
        # Only files that exist have a route: there is no path to traverse.
        return routes | {f"/static/{path}": _static(file) for path, file in frontend_files().items()}

    def is_active(self) -> bool:
        return False  # TensorBoard itself finds out whether there is data of this plugin's name

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        return base_plugin.FrontendMetadata(es_module_path="/static/index.js", tab_name="XAI")

    # Routes: arguments -> JSON, or (header, arrays).

    def _list_runs(self, request: Request) -> dict[str, Any]:
        series = self._provider.list_tensors(request.context, experiment_id=request.experiment, plugin_name=wire.PLUGIN_NAME)
        entries = []
        for name in sorted(series):
            source = ProviderSource(self._provider, request.context, request.experiment, name, series[name])
            key = (request.experiment, name)
            with self._lock:
                entry = self._entries.get(key)
            if entry is None or entry["version"] != source.version:
                entry = _run_entry(name, source)
                with self._lock:
                    self._entries[key] = entry
            entries.append(entry)
        return {"schema": wire.SCHEMA, "runs": entries}

    def _one_run(self, request: Request) -> dict[str, Any]:
        run, version = self._run(request)
        record = run.record
        log_steps, logs = run.log_series()
        names = record["probes"]
        return {
            "run": request.arguments["run"],
            "name": display_name(request.arguments["run"]),
            "set": run.probe_set,
            "version": version,
            "steps": run.all_steps.tolist(),
            "wall_times": run.wall_times.tolist(),
            "log_steps": log_steps.tolist(),
            "logs": {name: series.tolist() for name, series in logs.items()},
            "cost": {name: series.tolist() for name, series in run.cost.items()},
            "gaps": [{"step": step, "reason": reason} for step, reason in run.gaps.items()],
            "missing": run.missing,
            "explainers": run.explainers,
            "regions": names["regions"],
            "comparable": run.comparable,
            "settings": run.settings,
            "probes": {
                "kind": names["kind"],
                "count": names["count"],
                **dict(zip(("height", "width", "channels"), record["arrays"]["images"]["shape"][1:], strict=True)),
                "regression": run.settings["regression"],
                "players": names["players"],
                "names": names["names"],
                "labels": names["labels"],
                "classes": run.settings["number_of_classes"],
                "class_names": names["class_names"],
            },
        }

    def _probes(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, _ = self._run(request)
        chosen = request.probes(run)
        images = run.static("images")[chosen]
        regions = np.zeros((len(run.record["probes"]["regions"]), *images.shape[:3]), dtype=np.uint8)
        for place, mask in enumerate(run.probes.regions.values()):
            regions[place] = mask[chosen]
        return {"probes": chosen}, {"images": images, "segments": run.static("segments")[chosen].astype(np.uint16), "regions": regions}

    def _values(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        chosen = request.probes(run)
        values, target = run.toward(run.all_values(explainer), wanted)
        errors, _ = run.toward(run.all_errors(explainer), wanted)
        base, _ = run.toward(run.all_base_values(explainer), wanted)
        finite = np.abs(values[np.isfinite(values)])
        header = {"probes": chosen, "scale": float(np.quantile(finite, SCALE_QUANTILE)) if finite.size else None}
        arrays = {"values": values, "errors": errors, "base": base, "target": target}
        return header, {"steps": run.all_steps, **{name: array[:, chosen] for name, array in arrays.items()}}

    def _answers(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, _ = self._run(request)
        full, predicted = run.all_outputs()[:, :, 0], run.predicted()
        labels = run.record["probes"]["labels"]
        of_label = np.full(predicted.shape, np.nan, dtype=np.float32)
        if labels is not None and not run.settings["regression"]:
            of_label = full[:, np.arange(len(labels)), labels]
        probability = np.take_along_axis(full, np.maximum(predicted, 0)[..., None], axis=2)[..., 0]
        return {}, {"steps": run.all_steps, "predicted": predicted, "probability": probability, "label_probability": of_label}

    def _outputs(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, _ = self._run(request)
        chosen = request.probes(run)
        both = run.all_outputs()[:, chosen]
        return {"probes": chosen}, {"steps": run.all_steps, "full": both[:, :, 0], "empty": both[:, :, 1]}

    def _drift(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        against = request.arguments.get("against", "previous")
        reference = int(against) if WHOLE_NUMBER.fullmatch(against) else against
        with invalid_argument(request.route):
            series = run.all_drift(explainer, reference, request.arguments.get("measure", "tv"), wanted)
        return {}, {"steps": run.all_steps, "drift": series, "quartiles": stability.quartiles(series)}

    def _share(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        region = request.required("region")
        if region not in run.record["probes"]["regions"]:
            raise errors.NotFoundError(f"share: no region {region!r} in this run; it has {run.record['probes']['regions']}.")
        series = run.all_region_share(explainer, region, wanted)
        return {}, {"steps": run.all_steps, "share": series, "quartiles": stability.quartiles(series)}

    # What a request asks for.

    def _explanations(self, request: Request) -> tuple[Run, str, str | int]:
        """The run, explainer and class of a request, checked."""
        run, _ = self._run(request)
        explainer = request.required("explainer")
        if explainer not in run.explainers:
            raise errors.NotFoundError(f"{request.route}: no explainer {explainer!r} in this run; it has {run.explainers}.")
        asked = request.required("class")
        wanted = int(asked) if WHOLE_NUMBER.fullmatch(asked) else asked
        with invalid_argument(request.route):
            run.wanted_class(wanted)
        return run, explainer, wanted

    def _run(self, request: Request) -> tuple[Run, str]:
        """The run of a request and its version; one that has not changed since is kept, with its decoded arrays."""
        name, probe_set = request.required("run"), request.arguments.get("set")
        source = ProviderSource(self._provider, request.context, request.experiment, name)
        key = (request.experiment, name, probe_set or "", source.version)
        with self._lock:
            run = self._runs.get(key)
            if run is None:
                run = Run(source, display_name(name), probe_set)
                for stale in [k for k in self._runs if k[:3] == key[:3]]:
                    del self._runs[stale]
                self._runs[key] = run
            self._runs.move_to_end(key)
            while len(self._runs) > 1 and (len(self._runs) > RUNS_KEPT or sum(r.nbytes for r in self._runs.values()) > DECODED_BYTES):
                self._runs.popitem(last=False)
        run.record, run.writes  # noqa: B018  damaged records are found out here
        return run, source.version

    # Replies.

    def _json(self, answer: Callable[[Request], dict[str, Any]]) -> Callable[..., Any]:
        def reply(request: wrappers.Request) -> wrappers.Response:
            return http_util.Respond(request, json.dumps(plain(_answered(answer, request))), "application/json")

        return _get_only(reply)

    def _arrays(self, answer: Callable[[Request], tuple[dict[str, Any], Arrays]]) -> Callable[..., Any]:
        def reply(request: wrappers.Request) -> wrappers.Response:
            body = encode_arrays(*_answered(answer, request))
            if len(body) < COMPRESS_FROM:
                return http_util.Respond(request, body, "application/octet-stream")
            return http_util.Respond(request, gzip.compress(body, compresslevel=1), "application/octet-stream", content_encoding="gzip")

        return _get_only(reply)


def _answered(answer: Callable[[Request], Any], request: wrappers.Request) -> Any:
    """A record that can't be read is not there, as far as HTTP goes."""
    asked = Request(request)
    try:
        return answer(asked)
    except RecordError as error:
        raise errors.NotFoundError(f"{asked.route}: {error}") from error


class Request:
    """What a route needs of an HTTP request."""

    def __init__(self, request: wrappers.Request) -> None:
        self.context = plugin_util.context(request.environ)
        self.experiment = plugin_util.experiment_id(request.environ)
        self.arguments: Mapping[str, str] = request.args
        self.route = request.path.rpartition("/")[2]

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


def _run_entry(name: str, source: ProviderSource) -> dict[str, Any]:
    """One entry of the `runs` route."""
    entry = {"run": name, "name": display_name(name), "sets": [], "version": source.version}
    entry |= {"epochs": 0, "last_step": None, "wall_time": None, "error": None}
    try:
        sets = probe_sets(source, entry["name"])
        runs = [Run(source, entry["name"], probe_set) for probe_set in sets]
        for run in runs:
            run.record, run.writes  # noqa: B018  damaged records are found out here
    except RecordError as error:
        return entry | {"error": str(error)}
    steps, wall_times = np.concatenate([run.steps for run in runs]), np.concatenate([run.wall_times for run in runs])
    entry |= {"sets": sets, "epochs": max(len(run.steps) for run in runs)}
    if len(steps):
        entry["last_step"] = int(steps.max())
    if len(wall_times):
        entry["wall_time"] = float(wall_times.max())
    return entry


def display_name(run: str) -> str:
    """What a person calls a run: TensorBoard's name without the trailing "xai"; both kinds of slashes occur."""
    parts = run.replace("\\", "/").split("/")
    return "/".join(parts[:-1] if parts[-1] == wire.DIRECTORY else parts) or "."


@contextmanager
def invalid_argument(route: str) -> Iterator[None]:
    """What the reader does not find in a record is the client's mistake."""
    try:
        yield
    except stability.ArgumentError as error:
        raise errors.InvalidArgumentError(f"{route}: {error}") from error


def encode_arrays(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The container described in http_api.md."""
    parts: list[bytes] = []
    index, offset = {}, 0
    for name, array in arrays.items():
        dtype = {"f": "float32", "i": "int32", "u": f"uint{array.itemsize * 8}"}[array.dtype.kind]
        content = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
        index[name] = {"dtype": dtype, "shape": list(array.shape), "offset": offset}
        parts.append(content + b"\0" * (-len(content) % 8))
        offset += len(parts[-1])
    text = json.dumps(plain({**header, "arrays": index})).encode()
    text += b" " * (-(len(text) + 4) % 8)
    return b"".join([len(text).to_bytes(4, "little"), text, *parts])


def plain(value: Any) -> Any:
    """The same with null for NaN and infinity, which JSON does not have."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _get_only(reply: Callable[[wrappers.Request], wrappers.Response]) -> Callable[..., Any]:
    @wrappers.Request.application
    def application(request: wrappers.Request) -> wrappers.Response:
        if request.method in ("GET", "HEAD"):
            return reply(request)
        sentence = f"The XAI plugin is read-only: use GET, not {request.method}."
        return http_util.Respond(request, sentence, "text/plain", code=405, headers=[("Allow", "GET")])

    return application


def frontend_files() -> dict[str, Traversable]:
    """{path below frontend/: file} of everything the page is made of; {} where it was not installed."""
    try:
        root = resources.files("tb_xai_plugin.frontend")
    except ModuleNotFoundError:
        logger.warning("The XAI tab's page is not installed. Reinstall it with 'pip install tb_xai_plugin'.")
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


def _static(file: Traversable) -> Callable[..., Any]:
    content_type = CONTENT_TYPES[PurePosixPath(file.name).suffix]
    return _get_only(lambda request: http_util.Respond(request, file.read_bytes(), content_type))
