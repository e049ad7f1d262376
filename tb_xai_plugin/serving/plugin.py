"""XaiPlugin: the HTTP routes of the XAI tab; http_api.md describes them. A route parses its arguments, calls a method of Run, and replies."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

import numpy as np
from tensorboard import errors
from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from tb_xai_plugin.errors import RecordError
from tb_xai_plugin.explainers.contract import PAIRS
from tb_xai_plugin.judgement import alignment, comparison, differences, findings, summaries
from tb_xai_plugin.judgement.beside import SideBySide, beside
from tb_xai_plugin.judgement.repeats import Repeats, find
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.series import Target
from tb_xai_plugin.run import Run
from tb_xai_plugin.serving import contents, regions
from tb_xai_plugin.serving.catalog import Catalog, display_name, returned_of
from tb_xai_plugin.serving.container import Arrays, encode_arrays, plain
from tb_xai_plugin.serving.files import frontend_files, get_only, static_file
from tb_xai_plugin.serving.request import WHOLE_NUMBER, Request, invalid_argument

T = TypeVar("T")

# The quantile of |values| at the end of the colour scale. A model that leans on one spot has a few values far above all others, and a scale up to
# the largest would leave all others pale. Values beyond the end have the end colour, as the legend says. A table's scale goes up to the largest: its leading
# feature has more than 2 % of the values, and its row would be one colour.
SCALE_QUANTILE = 0.98

# Replies of at least so many bytes are compressed.
COMPRESS_FROM = 2**12


class XaiPlugin(base_plugin.TBPlugin):  # type: ignore[misc]  # TensorBoard has no types
    """Serves records to the page. It is read-only, and makes every reply from TensorBoard's DataProvider."""

    plugin_name = wire.PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext, catalog: Any = None) -> None:
        """catalog: what has the runs, with the methods of a Catalog; by default the runs of the context's data provider."""
        self._catalog = catalog or Catalog(context.data_provider)

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        routes: dict[str, Callable[..., Any]] = {
            "/runs": self._json(self._list_runs),
            "/run": self._json(self._one_run),
            "/probes": self._arrays(self._probes),
            "/values": self._arrays(_with_since(self._values)),
            "/pairing": self._arrays(self._pairing),
            "/difference": self._arrays(self._difference),
            "/fidelity": self._arrays(_with_since(self._fidelity)),
            "/interactions": self._arrays(_with_since(self._interactions)),
            "/answers": self._arrays(_with_since(self._answers)),
            "/outputs": self._arrays(_with_since(self._outputs)),
            "/drift": self._arrays(self._drift),
            "/share": self._arrays(self._share),
            "/importance": self._arrays(_with_since(self._importance)),
            "/trust": self._arrays(_with_since(self._trust)),
            "/events": self._json(self._events),
            "/repeats": self._json(self._list_repeats),
            "/compare": self._arrays(self._compare),
            "/findings": self._json(self._findings),
        }
        # Only existing files have a route, so a request can't name any other path.
        return routes | {f"/static/{path}": static_file(file) for path, file in frontend_files().items()}

    def is_active(self) -> bool:
        return False  # TensorBoard itself checks whether there is data with this plugin's name

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        self._catalog.prefetch()  # TensorBoard calls this whenever its page is loaded, or reloads its data
        return base_plugin.FrontendMetadata(es_module_path="/static/index.js", tab_name="XAI")

    # Routes: arguments -> JSON, or (header, arrays).

    def _list_runs(self, request: Request) -> dict[str, Any]:
        return {"schema": wire.SCHEMA, "runs": self._catalog.entries(request.context, request.experiment)}

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
            "gaps": [{"step": step, "reason": reason} for step, reason in run.all_gaps.items()],
            "changes": [{"step": step, "change": change} for step, change in run.changes.items()],
            "missing": run.missing,
            "returned": None if run.returned_how is None else {**returned_of(run), "step": run.returned_step},
            "explainers": run.explainers,
            "interacting": run.interacting,
            "units": run.units,
            "regions": names["regions"],
            "comparable": run.comparable,
            "settings": run.settings,
            "probes": {
                "kind": names["kind"],
                "count": names["count"],
                **contents.about_kind(record),
                "regression": run.settings["regression"],
                "players": names["players"],
                "names": names["names"],
                "labels": names["labels"],
                **{key: names[key] for key in ("truth", "label_sets", "unit") if names.get(key) is not None},
                **({"words": run.first_words} if run.first_words else {}),
                "classes": run.settings["number_of_classes"],
                "class_names": names["class_names"],
            },
        }

    def _probes(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        return contents.of_probes(self._run(request)[0], request)

    def _importance(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        return {}, {"steps": run.all_steps, "importance": run.all_importance(explainer, wanted)}

    def _values(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        chosen, players = request.probes(run), run.record["shape"]["players"]
        request.refuse_large(chosen, request.epochs(run), 4 * (2 * players + 2))
        values, errors, base = run.of_class(wanted, f"values/{explainer}", f"errors/{explainer}", f"base/{explainer}")
        target = run.target_of(wanted)
        header = {"probes": chosen, **run.cached("scale", explainer, wanted, make=lambda: _scale(values))}
        arrays = {"values": values, "errors": errors, "base": base, "target": target}
        return header, {"steps": run.all_steps, **{name: array[:, chosen] for name, array in arrays.items()}}

    def _pairing(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, _ = self._run(request)
        with invalid_argument(request.route):
            rows = alignment.pair(run, self._other(request), request.arguments.get("by") or "epoch")
        return {"metric": rows.metric, "best": rows.best}, {"steps": rows.steps, "here": rows.here, "there": rows.there}

    def _difference(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        other = self._other(request)
        chosen, at = request.probes(run), request.arguments.get("at", "same")
        if at != "same" and not WHOLE_NUMBER.fullmatch(at):
            raise errors.InvalidArgumentError(f"difference: at is {at[:100]!r}; give 'same' or a step.")
        with invalid_argument(request.route):
            by = request.arguments.get("by") or "epoch"
            rows = alignment.pair(run, other, by) if at == "same" else alignment.against_step(run, other, int(at))
            request.refuse_large(chosen, len(rows.steps), 4 * run.record["shape"]["players"])
            change_errors = run.all_change_errors(explainer, other, rows, wanted, chosen)
            # Of all probes, not only the chosen ones: the false discovery rate depends on all players.
            real = run.cached(
                "real",
                other.serial,
                explainer,
                wanted,
                by,
                at,
                make=lambda: comparison.significant_differences(run, other, explainer, wanted, rows),
            )
        return {"probes": chosen}, {"steps": rows.steps, "errors": change_errors, "real": real[:, chosen].astype(np.uint8)}

    def _fidelity(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        measures = run.measures(explainer)
        fidelity = run.of_class(wanted, f"fidelity/{explainer}")[0] if measures else np.empty((*run.wanted_class(wanted).shape, 0))
        return {"measures": measures}, {"steps": run.all_steps, "fidelity": fidelity, "median": summaries.quartiles(fidelity)[1]}

    def _interactions(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        if explainer not in run.interacting:
            raise errors.NotFoundError(
                f"interactions: {explainer!r} has none in this run; explainers with interactions: {run.interacting}."
            )
        chosen = request.probes(run)
        request.refuse_large(chosen, request.epochs(run), 4 * 3 * PAIRS)
        pairs = run.of_class(wanted, f"interactions/{explainer}")[0][:, chosen]
        players = np.nan_to_num(pairs[..., :2], nan=-1).astype(np.int32)
        return {"probes": chosen}, {"steps": run.all_steps, "players": players, "strength": pairs[..., 2]}

    def _answers(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, _ = self._run(request)
        return {}, {"steps": run.all_steps, **run.answers()}

    def _outputs(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, _ = self._run(request)
        chosen = request.probes(run)
        shape = run.record["shape"]
        request.refuse_large(chosen, request.epochs(run), 4 * (2 * shape["classes"] + shape["targets"]))
        both, targets = run.outputs_of(chosen), run.all_targets()[:, chosen]
        return {"probes": chosen}, {"steps": run.all_steps, "full": both[:, :, 0], "empty": both[:, :, 1], "targets": targets}

    def _drift(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        against = request.arguments.get("against", "previous")
        reference = int(against) if WHOLE_NUMBER.fullmatch(against) else against
        with invalid_argument(request.route):
            drift = run.all_drift(explainer, reference, request.arguments.get("measure", "tv"), wanted)
        arrays = {"drift": drift.distance, "quartiles": summaries.quartiles(drift.distance)}
        return {}, {"steps": run.all_steps, **arrays, "floor": drift.floor, "floor_quartiles": summaries.quartiles(drift.floor)}

    def _share(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        chosen = request.probes(run)
        with invalid_argument(request.route):
            region, key, unknown = regions.of_share(request, run)
            make = partial(run.all_region_share, explainer, region, wanted, chosen)
            share = make() if isinstance(region, str) else run.cached("part", explainer, wanted, *key, *chosen, make=make)
        arrays = {"share": share.share, "errors": share.errors, "positive": share.positive, "pointed": share.pointed}
        if key[0] == "names":
            arrays["inside"] = (run.inside(region, chosen) > 0).astype(np.uint8)
        onset = _step(run, share.onset_of_run)
        header = {
            "probes": chosen,
            "onset": onset,
            "in_few": share.in_few,
            "measured": share.measured,
            "of": share.whole,
            "unknown": unknown,
        }
        onsets = np.array([alignment.ABSENT if (step := _step(run, place)) is None else step for place in share.onset.tolist()])
        return header, {
            "steps": run.all_steps,
            **arrays,
            "mean": summaries.mean_of_known(share.share),
            "quartiles": summaries.quartiles(share.share),
            "before": share.before,
            "own": share.own,
            "onsets": onsets,
        }

    def _trust(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        trust = run.trust(explainer, target=wanted)
        names = {"r_squared": trust.r_squared_name, "gap": trust.gap_name, "warnings": list(trust.warnings)}
        arrays = {name: getattr(trust, name) for name in ("r_squared", "gap", "error", "untrained", "untrained_floor")}
        return names, {"steps": run.all_steps, **arrays, "warnings": np.stack(list(trust.warnings.values()), axis=-1).astype(np.uint8)}

    def _events(self, request: Request) -> dict[str, Any]:
        run, explainer, wanted = self._explanations(request)
        asked = regions.asked_of(request, run)
        events, steady = run.events(explainer, target=wanted, regions=asked), run.steady_since(explainer, target=wanted)
        return {
            "events": [asdict(event) for event in events],
            "steady": {
                "probes": [_epoch_or_none(step) for step in steady.step.tolist()],
                "run": steady.of_run,
                "metric": steady.metric,
                "of_metric": steady.of_metric,
            },
        }

    def _compare(self, request: Request) -> tuple[dict[str, Any], Arrays]:
        run, explainer, wanted = self._explanations(request)
        with invalid_argument(request.route):
            compared = self._compared(request, run, explainer, wanted, request.arguments.get("measure", "tv"))
        rows = compared.pairing
        arrays: Arrays = {
            "steps": rows.steps,
            "here": rows.here,
            "there": rows.there,
            "distance": compared.distance,
            "floor": compared.floor,
        }
        arrays |= {"right": compared.right.astype(np.uint8), "typical": compared.typical, "typical_floor": compared.typical_floor}
        arrays["spread"] = np.full((len(rows.steps), 3), np.nan) if compared.spread is None else compared.spread
        # The rows of the route `pairing`: two returned models that are epochs have no place of their own on the page.
        shown = (rows.steps != wire.RETURNED) | (rows.here == wire.RETURNED) | (rows.there == wire.RETURNED)
        header = {"metric": rows.metric, "best": rows.best, "repeats": len(compared.repeats), "labelled": compared.labelled}
        return header, {name: array[shown] for name, array in arrays.items()}

    def _compared(self, request: Request, run: Run, explainer: str, wanted: Target, measure: str) -> comparison.Comparison:
        other, by = self._other(request), request.arguments.get("by") or "epoch"
        pattern = request.arguments.get("repeats", "")
        found, repeats = self._repeats(request, run, other, pattern)
        # The key has the versions of the repeats, so a cached comparison needs none of their arrays.
        said = (found.pattern, *found.only((run.name, other.name)).items())
        key = ("compared", other.serial, explainer, wanted, measure, by, pattern, request.arguments.get("asked"), *said, *repeats.items())

        asked = regions.asked_of(request, run)

        def make() -> comparison.Comparison:
            by_run = self._catalog.runs(request.context, request.experiment, dict(repeats.values()), request.arguments.get("set"))
            runs = {name: by_run[of] for name, (of, _) in repeats.items() if of in by_run}
            return comparison.compare(run, other, explainer, by, measure, wanted, found, runs, asked)

        return run.cached(*key, make=make)

    def _beside(self, request: Request, run: Run, explainer: str, wanted: Target) -> SideBySide:
        other, by = self._other(request), request.arguments.get("by") or "epoch"
        differences.refuse_absent(run, other, explainer)
        # A column that A lacks is a region of B alone.
        asked = {**regions.asked_of(request, other), **regions.asked_of(request, run)}
        key = ("beside", other.serial, explainer, wanted, by, request.arguments.get("asked"))
        return run.cached(*key, make=lambda: beside(run, other, explainer, by, "tv", wanted, asked))

    def _repeats(self, request: Request, run: Run, other: Run, pattern: str) -> tuple[Repeats, dict[str, tuple[str, str]]]:
        """What the runs say of repeats; and {name: (TensorBoard's name, version)} of those that repeat the recipe of either run.

        A client that names versions in its requests also polls `runs`, and learns there of repeats that have grown. Its repeats have the versions
        of the last reply of `runs`, without a call to the server, which would take time for each of them.
        """
        now = not all(of_version for _, of_version in request.used)
        request.used.append((run, False))  # the address does not name the repeats, so browsers must not keep the reply
        found, readable = self._found_repeats(request, run.probe_set, pattern, now=now)
        pairs = found.pairs((run.name, other.name))
        return found, {
            name: (readable[name]["run"], readable[name]["version"]) for name in dict.fromkeys(name for pair in pairs for name in pair)
        }

    def _found_repeats(
        self, request: Request, probe_set: str | None, pattern: str, *, now: bool
    ) -> tuple[Repeats, dict[str, dict[str, Any]]]:
        """What the names and records of all runs say of repeats, and the entries of the runs. Without a probe set, the first of each run."""
        entries = self._catalog.readable(request.context, request.experiment, now=now)
        recipes = {name: entry["recipes"].get(probe_set or next(iter(entry["sets"]), "")) for name, entry in entries.items()}
        return find(recipes, pattern), entries

    def _list_repeats(self, request: Request) -> dict[str, Any]:
        with invalid_argument(request.route):
            found, entries = self._found_repeats(request, request.arguments.get("set"), request.arguments.get("repeats", ""), now=True)

        def runs(groups: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
            return [{"recipe": recipe, "runs": [entries[name]["run"] for name in names]} for recipe, names in groups.items()]

        return {"groups": runs(found.groups), "pattern": found.pattern, "proposed": runs(found.proposed)}

    def _findings(self, request: Request) -> dict[str, Any]:
        run, explainer, wanted = self._explanations(request)
        step = request.arguments.get("step")
        if step and not WHOLE_NUMBER.fullmatch(step):
            raise errors.InvalidArgumentError(f"findings: step is {step[:100]!r}; give a step, or leave it out.")
        with invalid_argument(request.route):
            at = int(step) if step else None
            if not request.arguments.get("other"):
                verdict, listed = "", findings.of_run(run, explainer, wanted, regions.asked_of(request, run))
            elif differences.incomparable(run, self._other(request), explainer):
                side_by_side = self._beside(request, run, explainer, wanted)
                verdict, listed = side_by_side.verdict(at), findings.of_beside(side_by_side, run, at)
            else:
                compared, other = self._compared(request, run, explainer, wanted, "tv"), self._other(request)
                verdict, listed = compared.verdict(at), findings.of_pair(compared, run, other, at)
        return {"verdict": verdict, "findings": [asdict(finding) for finding in listed]}

    # The arguments of a request.

    def _explanations(self, request: Request) -> tuple[Run, str, Target]:
        """The run, explainer and class of a request, checked."""
        run, _ = self._run(request)
        explainer = request.required("explainer")
        if explainer not in run.explainers:
            raise errors.NotFoundError(f"{request.route}: no explainer {explainer!r} in this run; it has {run.explainers}.")
        text = request.required("class")
        wanted = int(text) if WHOLE_NUMBER.fullmatch(text) else text
        with invalid_argument(request.route):
            run.wanted_class(wanted)
        return run, explainer, wanted

    def _other(self, request: Request) -> Run:
        """The run that the argument `other` names; that of `run` where it is left out."""
        return self._run(request, "other" if request.arguments.get("other") else "run")[0]

    def _run(self, request: Request, argument: str = "run") -> tuple[Run, str]:
        """The run that an argument names, and its version. A run that has not changed is cached with its decoded arrays."""
        known = request.arguments.get({"run": "version", "other": "other_version"}[argument])
        name, probe_set = request.required(argument), request.arguments.get("set")
        run, version = self._catalog.run(request.context, request.experiment, name, probe_set, known)
        request.used.append((run, version == known))
        return run, version

    # Replies.

    def _json(self, route: Callable[[Request], dict[str, Any]]) -> Callable[..., Any]:
        def reply(request: wrappers.Request) -> wrappers.Response:
            parsed = Request(request)
            text = json.dumps(plain(_handled(route, parsed)))
            return parsed.cacheable(http_util.Respond(request, text, "application/json"))

        return get_only(reply)

    def _arrays(self, route: Callable[[Request], tuple[dict[str, Any], Arrays]]) -> Callable[..., Any]:
        def reply(request: wrappers.Request) -> wrappers.Response:
            parsed = Request(request)
            body, encoding = encode_arrays(*_handled(route, parsed)), None
            if len(body) >= COMPRESS_FROM:
                body, encoding = gzip.compress(body, compresslevel=1), "gzip"
            return parsed.cacheable(http_util.Respond(request, body, "application/octet-stream", content_encoding=encoding))

        return get_only(reply)


def _handled(route: Callable[[Request], T], request: Request) -> T:
    """The result of a route; a record that can't be read is a 404."""
    try:
        return route(request)
    except RecordError as error:
        raise errors.NotFoundError(f"{request.route}: {error}") from error


def _scale(values: np.ndarray) -> dict[str, float | None]:
    """The end of the colour scale, and the largest |value|; None where no value is a number. Of all probes and epochs, whichever are asked for."""
    finite = np.abs(values[np.isfinite(values)])
    if not finite.size:
        return {"scale": None, "largest": None}
    return {"scale": float(np.quantile(finite, SCALE_QUANTILE)), "largest": float(finite.max())}


def _step(run: Run, place: int) -> int | None:
    """The step at an index of `all_steps`; None at index -1."""
    return int(run.all_steps[place]) if place >= 0 else None


def _epoch_or_none(step: int) -> int | None:
    return None if step == alignment.ABSENT else step


def _with_since(route: Callable[[Request], tuple[dict[str, Any], Arrays]]) -> Callable[[Request], tuple[dict[str, Any], Arrays]]:
    """Add the argument `since` to a route: only epochs after that step. The first axis of all its arrays is the epochs."""

    def later(request: Request) -> tuple[dict[str, Any], Arrays]:
        since = request.arguments.get("since")
        if since and not WHOLE_NUMBER.fullmatch(since):
            raise errors.InvalidArgumentError(f"{request.route}: since is {since[:100]!r}; give a step.")
        header, arrays = route(request)
        first = np.searchsorted(arrays["steps"], int(since), side="right") if since else 0
        return header, {name: array[first:] for name, array in arrays.items()}

    return later
