"""XaiPlugin: the XAI tab's HTTP routes; see http_api.md. Thin: parse, ask reader.py, respond."""

from __future__ import annotations

import gzip
import json
import logging
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
from tb_xai_plugin.container import Arrays, encode_arrays, plain
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

# Records that tell how long an epoch takes.
RECENT = 11

# Replies from this many bytes are compressed.
COMPRESS_FROM = 2**12

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,9}")
PROBE_NUMBERS = re.compile(r"[0-9]{0,9}:[0-9]{0,9}|[0-9]{1,9}(,[0-9]{1,9})*")


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
            "/values": self._arrays(_later(self._values)),
            "/difference": self._arrays(_later(self._difference)),
            "/fidelity": self._arrays(_later(self._fidelity)),
            "/interactions": self._arrays(_later(self._interactions)),
            "/answers": self._arrays(_later(self._answers)),
            "/outputs": self._arrays(_later(self._outputs)),
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
            "overhead": run.overhead,
            "gaps": [{"step": step, "reason": reason} for step, reason in run.gaps.items()],
            "changes": [{"step": step, "change": change} for step, change in run.changes.items()],
            "missing": run.missing,
            "explainers": run.explainers,
            "interacting": run.interacting,
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

    def _difference(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        other, _ = self._run(request, "other" if request.arguments.get("other") else "run")
        chosen, at = request.probes(run), request.arguments.get("at", "same")
        if at != "same" and not WHOLE_NUMBER.fullmatch(at):
            raise errors.InvalidArgumentError(f"difference: at is {at[:100]!r}; give 'same' or a step.")
        with invalid_argument(request.route):
            found = run.all_change_errors(explainer, other, None if at == "same" else int(at), wanted, chosen)
        return {"probes": chosen}, {"steps": run.all_steps, "errors": found}

    def _fidelity(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        each, _ = run.toward(run.all_fidelity(explainer), wanted)
        median = stability.quartiles(each)[1]
        return {"measures": run.measures(explainer)}, {"steps": run.all_steps, "fidelity": each, "median": median}

    def _interactions(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        found = run.all_interactions(explainer)
        if found is None:
            raise errors.NotFoundError(f"interactions: {explainer!r} has none in this run.")
        chosen = request.probes(run)
        pairs = run.toward(found, wanted)[0][:, chosen]
        players = np.nan_to_num(pairs[..., :2], nan=-1).astype(np.int32)
        return {"probes": chosen}, {"steps": run.all_steps, "players": players, "strength": pairs[..., 2]}

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

    def _run(self, request: Request, argument: str = "run") -> tuple[Run, str]:
        """The run that an argument names and its version; one that has not changed since is kept, with its decoded arrays."""
        name, probe_set = request.required(argument), request.arguments.get("set")
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


def _later(answer: Callable[[Request], tuple[dict[str, Any], Arrays]]) -> Callable[[Request], tuple[dict[str, Any], Arrays]]:
    """For routes whose arrays all begin with the epochs: only those after the argument `since`."""

    def answered(request: Request) -> tuple[dict[str, Any], Arrays]:
        since = request.arguments.get("since")
        if since and not WHOLE_NUMBER.fullmatch(since):
            raise errors.InvalidArgumentError(f"{request.route}: since is {since[:100]!r}; give a step.")
        header, arrays = answer(request)
        first = np.searchsorted(arrays["steps"], int(since), side="right") if since else 0
        return header, {name: array[first:] for name, array in arrays.items()}

    return answered


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
    entry |= {"epochs": 0, "last_step": None, "wall_time": None, "epoch_seconds": None, "error": None}
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
        entry["epoch_seconds"] = max((usual for run in runs if (usual := _usual_interval(run.wall_times)) is not None), default=None)
    return entry


def _usual_interval(wall_times: np.ndarray) -> float | None:
    """Median seconds between the last records; None where there are less than two."""
    return float(np.median(np.diff(wall_times[-RECENT:]))) if len(wall_times) > 1 else None


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
