"""Reads records back, from a log directory or from TensorBoard; one class for notebooks and for the plugin."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin import areas, comparison, differences, judgement, stability, wire
from tb_xai_plugin.comparison import REPEAT, Comparison
from tb_xai_plugin.events import Event
from tb_xai_plugin.probes import KINDS, ProbeSet
from tb_xai_plugin.probes.text import Piece, pieces_of
from tb_xai_plugin.record import ClassPlaces, Record, RecordError
from tb_xai_plugin.sources import DirectorySource, has_events
from tb_xai_plugin.stability import ArgumentError

if TYPE_CHECKING:
    import pandas

    from tb_xai_plugin.alignment import Pairing

# Answers that are kept: of each class and explainer that was looked at, and of differences from as many epochs.
JUDGED_KEPT = 64


class Run(Record):
    """One run's explanations over its epochs.

    Epochs are aligned with `steps`; what is missing is absent from it. Of a resumed or restarted run, the newest write of a step counts,
    and whatever was written earlier at the same or a later step is dropped.

    Attributes:
        name: of the run.
        probe_set: name of the probe set.
        whole: False where epochs went away while they were read: a restarted run replaces them.
    """

    def __repr__(self) -> str:
        gaps = f", {len(self.gaps)} with gaps" if self.gaps else ""
        return (
            f"Run({self.name!r}, {len(self.steps)} epochs{gaps} of {self.record['shape']['probes']} probes: {', '.join(self.explainers)})"
        )

    @property
    def _trained(self) -> np.ndarray:
        return self.all_steps != wire.UNTRAINED

    @property
    def steps(self) -> np.ndarray:
        """int64 (epochs,): Keras's 0-based epochs that were explained."""
        return self.all_steps[self._trained]

    @property
    def explainers(self) -> list[str]:
        return list(self.settings["explainers"])

    @cached_property
    def probes(self) -> ProbeSet:
        """The probes, as logged."""
        kind = self.record["probes"]["kind"]
        if kind not in KINDS:
            raise RecordError(f"{self.name}: probes of kind {kind!r}, which this version can't read; upgrade tb_xai_plugin.")
        arrays = {name: self.static(name) for name in self.record["arrays"]}
        with self._damage():
            return KINDS[kind].from_record(self.record["probes"], arrays)

    def of_class(self, wanted: str | int, *quantities: str) -> list[np.ndarray]:
        """(all_steps, probes, …) of one class, of each quantity of the wire; NaN where that class was not explained (0 for whole numbers).

        Read in one go, and kept without the other classes, which take many times the memory.
        """
        with self._lock, self._damage():
            absent = [quantity for quantity in quantities if not {quantity, f"{wanted}@{quantity}"} & self._arrays.keys()]
            if absent:
                self._arrays |= {f"{wanted}@{quantity}": array for quantity, array in self._read_class(wanted, absent).items()}
            return [
                self.toward(self._arrays[quantity], wanted)[0] if quantity in self._arrays else self._arrays[f"{wanted}@{quantity}"]
                for quantity in quantities
            ]

    def _read_class(self, wanted: str | int, quantities: Sequence[str]) -> dict[str, np.ndarray]:
        places, found = self._class_places(wanted)[1]
        arrays = self._read(quantities, (places, found))
        for array in arrays.values():
            array[~found] = np.nan if array.dtype.kind == "f" else 0
        return arrays

    def _class_places(self, wanted: str | int) -> tuple[np.ndarray, ClassPlaces]:
        """The class wanted, (all_steps, probes), and where it is among the targets."""
        classes = self.wanted_class(wanted)
        match = self.all_targets() == classes[..., None]
        return classes, (match.argmax(axis=-1), match.any(axis=-1))

    def target_of(self, wanted: str | int) -> np.ndarray:
        """int32 (all_steps, probes): the class wanted; -1 where it was not explained."""
        classes, (_, found) = self._class_places(wanted)
        return np.where(found, classes, -1).astype(np.int32)

    def all_values(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets, players)."""
        return self._series(f"values/{self._known(explainer)}")

    def all_errors(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets, players), standard errors."""
        return self._series(f"errors/{self._known(explainer)}")

    def all_base_values(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets)."""
        return self._series(f"base/{self._known(explainer)}")

    def all_outputs(self) -> np.ndarray:
        """float32 (all_steps, probes, 2, classes): probabilities (a regression: the output) on the full and the empty probe."""
        return self._series("outputs")

    def all_targets(self) -> np.ndarray:
        """int32 (all_steps, probes, targets), the explained classes."""
        constant = self.record["targets"]
        if constant is None:
            return self._series("targets")
        return np.broadcast_to(np.array(constant, dtype=np.int32), (len(self._explained), self.record["shape"]["probes"], len(constant)))

    def all_fidelity(self, explainer: str) -> np.ndarray:
        """float32 (all_steps, probes, targets, measures), in the order of `measures`."""
        if not self.measures(explainer):
            return np.empty((*self.all_targets().shape, 0), dtype=np.float32)
        return self._series(f"fidelity/{explainer}")

    def all_interactions(self, explainer: str) -> np.ndarray | None:
        """float32 (all_steps, probes, targets, pairs, 3): player, player and strength, strongest first, NaN past the last; or None."""
        return self._optional(f"interactions/{self._known(explainer)}")

    def all_noise(self, explainer: str) -> np.ndarray | None:
        """int8 (all_steps, probes, targets, numbers), sketches of the sampling errors; None where nothing is drawn."""
        return self._optional(f"noise/{self._known(explainer)}")

    def _optional(self, quantity: str) -> np.ndarray | None:
        return self._series(quantity) if quantity in self._quantities else None

    @property
    def interacting(self) -> list[str]:
        """Explainers whose interactions were logged."""
        return [explainer for explainer in self.explainers if f"interactions/{explainer}" in self._quantities]

    def measures(self, explainer: str) -> list[str]:
        """Names of what tells how far an explainer's values can be trusted."""
        return list(self.record["details"][self._known(explainer)]["fidelity"])

    @property
    def units(self) -> dict[str, str]:
        """{explainer: what its values are in}."""
        return {name: details.get("unit", self.settings["unit"]) for name, details in self.record["details"].items()}

    def _known(self, explainer: str) -> str:
        if explainer not in self.explainers:
            raise ArgumentError(f"{self.name}: no explainer {explainer!r} in this record; it has {self.explainers}.")
        return explainer

    def values(self, explainer: str) -> np.ndarray:
        """float32 (epochs, probes, targets, players), signed attributions."""
        return self.all_values(explainer)[self._trained]

    def errors(self, explainer: str) -> np.ndarray:
        """float32 (epochs, probes, targets, players), standard errors."""
        return self.all_errors(explainer)[self._trained]

    def base_values(self, explainer: str) -> np.ndarray:
        """float32 (epochs, probes, targets)."""
        return self.all_base_values(explainer)[self._trained]

    def fidelity(self, explainer: str) -> dict[str, np.ndarray]:
        """{measure: float32 (epochs, probes, targets)}: how far the values can be trusted."""
        measures = self.measures(explainer)
        return dict(zip(measures, np.moveaxis(self.all_fidelity(explainer)[self._trained], -1, 0), strict=True)) if measures else {}

    def interactions(self, explainer: str) -> np.ndarray | None:
        """float32 (epochs, probes, targets, pairs, 3): player, player and strength of the strongest pairs; None where not logged."""
        found = self.all_interactions(explainer)
        return None if found is None else found[self._trained]

    def change_errors(self, explainer: str, step: int, other_step: int, other: Run | None = None, *, shared: bool = True) -> np.ndarray:
        """Standard errors of values at `step` less values at `other_step`, of this run or `other`: float32 (probes, targets, players).

        Smaller than of either where the same coalitions were asked: what errors have in common cancels out. NaN for a probe and target that
        stand for another class at the other step.

        Args:
            step, other_step: -1 is the untrained model.
            other: a run that can be compared in this explainer; by default this one.
            shared: False treats the errors as independent.

        Raises:
            ArgumentError (a ValueError): a step that was not explained, or runs that can't be compared.
        """
        return differences.of_step(self, other or self, explainer, step, other_step, shared=shared)

    def all_change_errors(self, explainer: str, other: Run, at: int | Pairing, target: str | int, probes: Sequence[int]) -> np.ndarray:
        """`change_errors` of one class: at all steps, less `other` at the step `at`; or row by row of a Pairing with `other`.

        Returns:
            float32 (all_steps or rows, len(probes), players), NaN where there is nothing to subtract.
        """
        return differences.of_class(self, other, explainer, at, target, probes)

    @property
    def changes(self) -> dict[int, str]:
        """{step: what is different from there on}: fewer evaluations or a sparser schedule, to keep `max_overhead`."""
        return {step: epoch["change"] for step, _, epoch in self.writes if epoch["change"]}

    @property
    def targets(self) -> np.ndarray:
        """int32 (epochs, probes, targets), the explained classes."""
        return self.all_targets()[self._trained]

    @property
    def outputs(self) -> np.ndarray:
        """float32 (epochs, probes, classes): probabilities on the whole probe (a regression: the output)."""
        return self.all_outputs()[self._trained][:, :, 0]

    @property
    def empty_outputs(self) -> np.ndarray:
        """float32 (epochs, probes, classes): the same with every player absent."""
        return self.all_outputs()[self._trained][:, :, 1]

    def untrained(self, explainer: str) -> np.ndarray | None:
        """float32 (probes, targets, players) before the first epoch; None where it was not logged."""
        untrained = self.all_values(explainer)[~self._trained]
        return untrained[0] if len(untrained) else None

    @property
    def logs(self) -> dict[str, np.ndarray]:
        """{"loss": float64 (epochs,), …}: Keras's logs at `steps`, NaN where a metric was not logged."""
        steps, logs = self.log_series()
        return {name: series[np.isin(steps, self.steps)] for name, series in logs.items()}

    def log_series(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Steps of all logged epochs (explained or not), and Keras's logs there."""
        steps, logs = self._log_series
        return steps.copy(), {name: series.copy() for name, series in logs.items()}

    @cached_property
    def _log_series(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        writes = [write for write in self.writes if write[0] != wire.UNTRAINED]
        names = dict.fromkeys(name for _, _, epoch in writes for name in epoch["logs"])
        logs = {name: np.array([epoch["logs"].get(name, np.nan) for _, _, epoch in writes], dtype=np.float64) for name in names}
        return np.array([step for step, _, _ in writes], dtype=np.int64), logs

    @property
    def cost(self) -> dict[str, np.ndarray]:
        """{"seconds", "evaluations", "share" (of the epoch's training time), "level" (evaluations per probe)}: float64, aligned with `all_steps`."""
        return {
            name: np.array([np.nan if epoch[name] is None else epoch[name] for _, _, epoch in self._explained], dtype=np.float64)
            for name in ("seconds", "evaluations", "share", "level")
        }

    @property
    def overhead(self) -> float | None:
        """What explanations took in all, as a share of the training time; None before the first epoch."""
        training = sum(epoch["training"] or 0.0 for _, _, epoch in self.writes)
        return sum(epoch["seconds"] for _, _, epoch in self.writes) / training if training else None

    @property
    def wall_times(self) -> np.ndarray:
        """float64, seconds since 1970, aligned with `all_steps`."""
        return np.array([wall_time for _, wall_time, _ in self._explained])

    def wanted_class(self, wanted: str | int) -> np.ndarray:
        """int (all_steps, probes): class number of "label", "predicted" or a class; -1 where there is no answer."""
        shape = (len(self._explained), self.record["shape"]["probes"])
        labels = self.record["probes"]["labels"]
        if isinstance(wanted, str) and wanted not in ("label", "predicted"):
            raise ArgumentError(f"unknown class {wanted!r}; choose 'label', 'predicted' or a class number.")
        if self.settings["regression"] and isinstance(wanted, str):
            return np.zeros(shape, dtype=np.int32)
        if isinstance(wanted, str):
            return np.broadcast_to(labels, shape) if wanted == "label" and labels is not None else self.predicted()
        if not 0 <= wanted < self.settings["number_of_classes"]:
            raise ArgumentError(f"class {wanted} is out of range: the model answers for {self.settings['number_of_classes']} classes.")
        return np.full(shape, wanted)

    def predicted(self) -> np.ndarray:
        """int32 (all_steps, probes): the likeliest class; 0 for a regression, -1 where there is no answer."""
        return self.answers()["predicted"]

    def answers(self) -> dict[str, np.ndarray]:
        """(all_steps, probes) each: "predicted", "probability" of it (a regression: the output), and "label_probability", of the true class.

        All classes of a thousand take a thousand times the memory.
        """
        with self._lock, self._damage():
            if "answers/predicted" not in self._arrays:
                self._arrays |= {f"answers/{name}": array for name, array in self._read_answers().items()}
            return {name: self._arrays[f"answers/{name}"] for name in ("predicted", "probability", "label_probability")}

    def _read_answers(self) -> dict[str, np.ndarray]:
        shape = (len(self._explained), self.record["shape"]["probes"])
        found = {"predicted": np.full(shape, -1, dtype=np.int32)}
        found |= {name: np.full(shape, np.nan, dtype=np.float32) for name in ("probability", "label_probability")}
        labels = None if self.settings["regression"] else self.record["probes"]["labels"]
        for _, probes, read in self._blocks(["outputs"]):
            there = self._counting(read["outputs"])
            if not there:
                continue
            places, full = list(there), np.stack([tensor[:, 0] for tensor in there.values()])
            silent = np.isnan(full).any(axis=-1)
            predicted = np.where(silent, -1, np.nan_to_num(full).argmax(axis=-1))
            found["predicted"][places, probes] = predicted
            found["probability"][places, probes] = np.take_along_axis(full, np.maximum(predicted, 0)[..., None], axis=2)[..., 0]
            if labels is not None:
                found["label_probability"][places, probes] = full[:, np.arange(full.shape[1]), labels[probes]]
        return found

    def outputs_of(self, probes: Sequence[int]) -> np.ndarray:
        """`all_outputs` of some probes, without the others."""
        if "outputs" in self._arrays:
            return self.all_outputs()[:, probes]
        ends = self.record["blocks"]
        within = np.searchsorted([stop for _, stop in ends], probes, side="right")
        with self._lock, self._damage():
            kept = {block: self._arrays[f"outputs/{block}"] for block in set(within.tolist()) if f"outputs/{block}" in self._arrays}
            for block, where, read in self._blocks(["outputs"], set(within.tolist()) - kept.keys()):
                kept[block] = self._room("outputs", probes=where.stop - where.start)
                for place, tensor in self._counting(read["outputs"]).items():
                    kept[block][place] = tensor
            self._arrays |= {f"outputs/{block}": array for block, array in kept.items()}
        return np.stack([kept[block][:, probe - ends[block][0]] for block, probe in zip(within.tolist(), probes, strict=True)], axis=1)

    def toward(self, array: np.ndarray, wanted: str | int) -> tuple[np.ndarray, np.ndarray]:
        """Pick one class out of (all_steps, probes, targets, …).

        Returns:
            (all_steps, probes, …), NaN where that class was not explained (0 for whole numbers); and the class, int32 (all_steps, probes),
            -1 there.
        """
        classes, (places, found) = self._class_places(wanted)
        picked = np.take_along_axis(array, places.reshape(*found.shape, *[1] * (array.ndim - 2)), axis=2)[:, :, 0]
        nothing = array.dtype.type(np.nan if array.dtype.kind == "f" else 0)
        picked = np.where(found.reshape(*found.shape, *[1] * (picked.ndim - 2)), picked, nothing)
        return picked, np.where(found, classes, -1).astype(np.int32)

    def drift(self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: str | int = "label") -> np.ndarray:
        """How far each explanation is from a reference of the same run: (epochs, probes), NaN where there is nothing to compare, or another class.

        Args:
            against: "previous" | "untrained" | "final" | a step.
            measure: "tv" (total variation of unit-L1 maps) | "cosine" | "spearman" (of |values|) | "top-k" | "magnitude" (log10 of sums of
                |values|, apart).
            target: the class: "label" (the predicted one where there are no labels) | "predicted" | a class number.
        """
        return judgement.distances(self, self._known(explainer), against, measure, target)[self._trained]

    def noise_floor(
        self, explainer: str, against: str | int = "previous", measure: str = "tv", *, target: str | int = "label"
    ) -> np.ndarray:
        """What of `drift` sampling makes: (epochs, probes), the distance that it leaves below in 95 of 100 cases; NaN where errors are unknown.

        A change is real above it. The arguments are those of `drift`.
        """
        return self.all_drift(explainer, against, measure, target).floor[self._trained]

    def all_drift(self, explainer: str, against: str | int, measure: str, target: str | int) -> judgement.Drift:
        """`drift` and `noise_floor`, aligned with `all_steps`."""
        known = self._known(explainer)
        return self.judged("drift", known, against, measure, target, make=lambda: judgement.drift(self, known, against, measure, target))

    def changed(self, explainer: str, against: str | int = "previous", *, target: str | int = "label") -> np.ndarray:
        """bool (epochs, probes, players): which changed by more than noise since the reference; of those, at most 5 % did not, on average.

        See `noise.really_changed`; the arguments are those of `drift`.
        """
        return judgement.changed(self, self._known(explainer), against, target)[self._trained]

    def events(self, explainer: str | None = None, *, target: str | int = "label") -> list[Event]:
        """What happened to the probes, by epoch: learned, forgotten, relearned, reason changed, onset of a region, collapsed; see `events.Event`.

        explainer: whose values tell; all by default.
        """
        chosen = self.explainers if explainer is None else [self._known(explainer)]
        return sorted({event for each in chosen for event in judgement.found_events(self, each, target)})

    def onset(self, explainer: str, region: str | np.ndarray | Sequence[str], *, target: str | int = "label") -> int | None:
        """The first epoch from which a run leans on a region, or None: its mean share stays above the lowest it has been by more than noise (see
        `events.mean_rises`), or where that has no such epoch the shares of enough probes do, each by itself (see `events.onset_of_some`).
        """
        place = self.all_region_share(explainer, region, target).onset_of_run
        return int(self.all_steps[place]) if place >= 0 else None

    def steady_since(self, explainer: str, measure: str = "tv", *, target: str | int = "label") -> judgement.Steady:
        """Since when explanations are what they are at the end, for each probe and for the run, beside the validation metric."""
        known = self._known(explainer)
        return self.judged("steady", known, measure, target, make=lambda: judgement.steady(self, known, measure, target))

    def trust(self, explainer: str, *, target: str | int = "label") -> judgement.Trust:
        """How far each explanation can be trusted, aligned with `all_steps`: fidelity, error, what it adds up to, likeness to the untrained model."""
        known = self._known(explainer)
        return self.judged("trust", known, target, make=lambda: judgement.trust(self, known, target))

    def compare(
        self,
        other: Run,
        explainer: str,
        align: str = "epoch",
        *,
        measure: str = "tv",
        target: str | int = "label",
        repeats: Mapping[str, Run] | None = None,
        pattern: str = REPEAT,
    ) -> Comparison:
        """How far the reasons of two runs are apart, and whether that is more than noise.

        Args:
            other: a run that can be compared in this explainer.
            align: "epoch" | "val_accuracy" | "best"; see `alignment.pair`.
            measure, target: as in `drift`.
            repeats: further runs, e.g. `read_runs("logs")`: those that are repeats of either run's recipe tell how far apart another seed would be.
            pattern: of the part of a name that tells repeats apart, e.g. "-seed[0-9]+".

        Raises:
            ArgumentError (a ValueError): runs that can't be compared, with the reason.
        """
        if not isinstance(other, Run):
            raise TypeError(f"{self.name}: compare is given {type(other).__name__} to compare with; give a run, as read_run has it.")
        if repeats is not None and not isinstance(repeats, Mapping):
            raise TypeError(f"{self.name}: repeats is a {type(repeats).__name__}; give {{name: run}}, as read_runs has it.")
        known = (
            {} if repeats is None else {name: run for name, run in repeats.items() if not differences.incomparable(self, run, explainer)}
        )
        pairs = [(known[a], known[b]) for a, b in comparison.repeats_of(list(known), (self.name, other.name), pattern)]
        return comparison.compare(self, other, explainer, align, measure, target, pairs)

    def judged(self, *key: Any, make: Callable[[], Any]) -> Any:
        """What takes a while to find out, kept until other things were asked for.

        Not made under the lock: a comparison reads another run, which may be reading this one.
        """
        with self._lock:
            if key in self._judged:
                self._judged.move_to_end(key)
                return self._judged[key]
        found = make()
        with self._lock:
            self._judged[key] = found
            while len(self._judged) > JUDGED_KEPT:
                self._judged.popitem(last=False)
        return found

    def region_share(self, explainer: str, region: str | np.ndarray | Sequence[str], *, target: str | int = "label") -> np.ndarray:
        """Share of |attribution| inside a region: (epochs, probes), 0 to 1; NaN for probes that have no part of it.

        region: its name; of images any bool mask (H, W) or (probes, H, W); of other probes the names of players (features, tokens).
        """
        return self.all_region_share(explainer, region, target).share[self._trained]

    def share(self, explainer: str, region: str | np.ndarray | Sequence[str], *, target: str | int = "label") -> judgement.Share:
        """All that is known of a region, aligned with `all_steps`: its share with errors, the positive one, the pointing game, onsets; see `judgement.Share`."""
        return self.all_region_share(explainer, region, target)

    def all_region_share(
        self,
        explainer: str,
        region: str | np.ndarray | Sequence[str] | Sequence[int],
        target: str | int,
        chosen: Sequence[int] | None = None,
    ) -> judgement.Share:
        """`region_share` aligned with `all_steps`, with its errors, onset and what it was before, of all probes or of those chosen.

        region: also numbers of players.
        """
        known = self._known(explainer)
        if not isinstance(region, str):
            return judgement.share(self, known, region, target, chosen)
        whole = self.judged("share", known, region, target, make=lambda: judgement.share(self, known, region, target))
        return (
            whole
            if chosen is None or list(chosen) == list(range(len(whole.before)))
            else judgement.share(self, known, region, target, chosen)
        )

    def regions(self, names: Sequence[str], chosen: Sequence[int] | None = None) -> np.ndarray:
        """bool (regions, probes, height, width): the masks of named regions."""
        places = [self.record["probes"]["regions"].index(name) for name in names]
        count, height, width = self.record["arrays"]["images"]["shape"][:3]
        if not places:
            return np.zeros((0, count if chosen is None else len(chosen), height, width), dtype=bool)
        bits = self.static("regions")[slice(None) if chosen is None else list(chosen)][:, places]
        return np.moveaxis(np.unpackbits(bits, axis=-1, count=width).astype(bool), 1, 0)

    @property
    def kind(self) -> str:
        """Of the probes: "image" | "tabular" | "text" | "sequence"."""
        return self.record["probes"]["kind"]

    def inside(self, region: str | np.ndarray | Sequence[str] | Sequence[int], chosen: Sequence[int] | None = None) -> np.ndarray:
        """(probes, players): the part of each player inside a region."""
        which = slice(None) if chosen is None else list(chosen)
        if self.kind != "image":
            return self._inside_players(region)[which]
        named = isinstance(region, str) and region in self.record["probes"]["regions"]
        segments = self.statics("segments", *["regions"] * named)[0]
        if not isinstance(region, str):
            mask = areas.checked_mask(region, segments.shape)
        elif named:
            (mask,) = self.regions([region])
        else:
            raise ArgumentError(f"{self.name}: no region {region!r} in this record; it has {self.record['probes']['regions']}.")
        return stability.overlap(segments[which], mask[which] if mask.ndim == 3 else mask, max(self.record["probes"]["players"]))

    def pieces(self) -> list[list[Piece]]:
        """Of each text, its pieces and the player each belongs to (-1: none)."""
        names = ("text", "length", "player", "pieces")
        with self._damage():
            return pieces_of(dict(zip(names, self.statics(*names), strict=True)))

    def membership(self, names: Sequence[str]) -> np.ndarray:
        """float64 (probes, regions, players): of probes that are no images, the part of each player inside named regions."""
        places = [self.record["probes"]["regions"].index(name) for name in names]
        return self.static("membership")[:, places]

    def _inside_players(self, region: str | Sequence[str] | Sequence[int]) -> np.ndarray:
        """float64 (probes, players), of a named region, or of players given by name or number."""
        names = self.record["probes"]["regions"]
        if isinstance(region, str):
            if region not in names:
                raise ArgumentError(f"{self.name}: no region {region!r} in this record; it has {names}.")
            return self.membership([region])[:, 0]
        count, players = self.record["shape"]["probes"], self.record["shape"]["players"]
        part = np.zeros((count, players))
        called = [self._called(probe) for probe in range(count)] if any(isinstance(item, str) for item in region) else []
        for item in region:
            if isinstance(item, str):
                here = [[name == self._as_called(item) for name in each] for each in called]
                if not any(map(any, here)):
                    raise ArgumentError(f"{self.name}: no player is called {item!r}; see run.probes.player_names(0).")
                for probe, found in enumerate(here):
                    part[probe, : len(found)] += found
            elif isinstance(item, bool | np.bool_) or not isinstance(item, int | np.integer) or not 0 <= item < players:
                raise ArgumentError(f"{self.name}: there is no player {item}; they are numbered 0 to {players - 1}.")
            else:
                part[:, item] = 1
        if not part.any():
            raise ArgumentError(f"{self.name}: the region has no player; give names, as run.probes.player_names(0) has them, or numbers.")
        return np.minimum(part, 1)

    def _called(self, probe: int) -> list[str]:
        return [self._as_called(name) for name in self.probes.player_names(probe) or []]

    def _as_called(self, name: str) -> str:
        """A player's name as it is compared: tokens in whatever case, as those of named regions."""
        return name.casefold() if self.kind == "text" else name

    def importance(self, explainer: str, *, target: str | int = "label") -> np.ndarray:
        """Mean |attribution| of each player over probes: (epochs, players), NaN where no probe has a number. For players that mean the same in every probe."""
        return self.all_importance(explainer, target)[self._trained]

    def all_importance(self, explainer: str, target: str | int) -> np.ndarray:
        """`importance` aligned with `all_steps`."""
        (values,) = self.of_class(target, f"values/{self._known(explainer)}")
        return stability.importance(values)

    def to_dataframe(self) -> pandas.DataFrame:
        """One row for each step (the untrained model is -1), explainer, probe, target and player, with value and error."""
        try:
            import pandas
        except ImportError as error:
            raise ImportError("to_dataframe needs pandas; install it with 'pip install pandas'.") from error

        labels, names = self.record["probes"]["labels"], self.record["probes"]["names"]
        frames = []
        for explainer in self.explainers:
            values = self.all_values(explainer)
            step, probe, target, player = np.indices(values.shape).reshape(4, -1)
            frame = pandas.DataFrame(
                {
                    "step": self.all_steps[step],
                    "explainer": explainer,
                    "probe": probe,
                    "target": self.all_targets()[step, probe, target],
                    "player": player,
                    "value": values.ravel(),
                    "error": self.all_errors(explainer).ravel(),
                }
            )
            frame.insert(3, "name", np.array(names, dtype=object)[probe] if names else None)
            frame.insert(4, "label", np.array(labels)[probe] if labels else None)
            frame.insert(6, "class", _named(frame["target"].to_numpy(), self.record["probes"]["class_names"]))
            frames.append(frame[player < self.probes.players[probe]])
        return pandas.concat(frames, ignore_index=True)


def _named(classes: np.ndarray, class_names: Sequence[str] | None) -> np.ndarray | None:
    """Names of class numbers; None for one that has none, as -1."""
    if class_names is None:
        return None
    names = np.array([*class_names, None], dtype=object)
    return names[np.where(classes < len(class_names), classes, -1)]


def read_run(path: str | os.PathLike[str], probe_set: str | None = None) -> Run:
    """Read one run's explanations from its log directory; no TensorBoard process is needed.

    Args:
        path: the log_dir given to ExplanationLogger.
        probe_set: which one, where the run has several; by default the first.

    Raises:
        FileNotFoundError: no such directory, or no record in it; RecordError (a ValueError): a record that can't be read.
    """
    path = os.fspath(path)
    if not os.path.isdir(path):
        raise FileNotFoundError(f"read_run: there is no directory {path!r}; give the log_dir of an ExplanationLogger.")
    inner = os.path.join(path, wire.DIRECTORY)
    directory = inner if has_events(inner) else path
    if not has_events(directory):
        hint = "; read_runs reads a directory of runs" if any(_record_directories(path)) else ""
        raise FileNotFoundError(f"read_run: no explanations in {path!r}; give the log_dir of an ExplanationLogger{hint}.")
    source = DirectorySource(directory)
    if not any(map(wire.probe_set_of, source.tags())):
        raise FileNotFoundError(
            f"read_run: the event files in {directory!r} hold no explanations; give the log_dir of an ExplanationLogger."
        )
    return Run(source, os.path.basename(os.path.abspath(path)), probe_set)


def read_runs(logdir: str | os.PathLike[str]) -> dict[str, Run]:
    """Read every run below a directory: {name as in TensorBoard: Run}, in alphabetical order; one that can't be read is left out with a warning.

    Raises:
        FileNotFoundError: no such directory.
    """
    logdir = os.fspath(logdir)
    if not os.path.isdir(logdir):
        raise FileNotFoundError(f"read_runs: there is no directory {logdir!r}; give TensorBoard's logdir.")
    runs = {}
    for name, directory in sorted(_record_directories(logdir)):
        try:
            runs[name] = Run(DirectorySource(directory), name)
        except RecordError as error:
            warnings.warn(f"read_runs: left out {error}", stacklevel=2)
    return runs


def _record_directories(logdir: str) -> list[tuple[str, str]]:
    """(run name, directory of its record) below a directory."""
    found = []
    for parent, directories, _ in os.walk(logdir):
        directory = os.path.join(parent, wire.DIRECTORY)
        if wire.DIRECTORY in directories and has_events(directory):
            found.append((os.path.relpath(parent, logdir).replace(os.sep, "/"), directory))
    return found
