"""A run's arrays over its epochs, as they were logged: values, errors, outputs, logs, classes and regions. What they mean is told in `judgement`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tb_xai_plugin.errors import ArgumentError, RecordError
from tb_xai_plugin.probes import KINDS, ProbeSet
from tb_xai_plugin.probes.regions import checked_mask, overlap
from tb_xai_plugin.probes.text import Piece, pieces_of
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.record import ClassPlaces, Record

# A region by its name; of images a bool mask (H, W) or (probes, H, W); of other probes the names or numbers of players.
Region = str | np.ndarray | Sequence[str] | Sequence[int]

# A class number, "label" (the true class; the predicted one where there are no labels), or "predicted".
Target = str | int

# Results that are kept: of each class and explainer that was looked at, and of differences from as many epochs.
CACHED_MOST = 64


class Series(Record):
    """One probe set of one run: its arrays, aligned with `steps` (trained epochs) or `all_steps` (the untrained model, -1, included).

    What is missing is absent from `steps`. See `Record` for which writes count.
    """

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

    @property
    def kind(self) -> str:
        """Of the probes: "image" | "tabular" | "text" | "sequence"."""
        return self.record["probes"]["kind"]

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

    def cached(self, *key: Any, make: Callable[[], Any]) -> Any:
        """What takes a while to find out, kept until other things were asked for.

        Not made under the lock: a comparison reads another run, which may be reading this one.
        """
        with self._lock:
            if key in self._cached:
                self._cached.move_to_end(key)
                return self._cached[key]
        found = make()
        with self._lock:
            self._cached[key] = found
            while len(self._cached) > CACHED_MOST:
                self._cached.popitem(last=False)
        return found

    def regions(self, names: Sequence[str], chosen: Sequence[int] | None = None) -> np.ndarray:
        """bool (regions, probes, height, width): the masks of named regions."""
        places = [self.record["probes"]["regions"].index(name) for name in names]
        count, height, width = self.record["arrays"]["images"]["shape"][:3]
        if not places:
            return np.zeros((0, count if chosen is None else len(chosen), height, width), dtype=bool)
        bits = self.static("regions")[slice(None) if chosen is None else list(chosen)][:, places]
        return np.moveaxis(np.unpackbits(bits, axis=-1, count=width).astype(bool), 1, 0)

    def inside(self, region: str | np.ndarray | Sequence[str] | Sequence[int], chosen: Sequence[int] | None = None) -> np.ndarray:
        """(probes, players): the part of each player inside a region."""
        which = slice(None) if chosen is None else list(chosen)
        if self.kind != "image":
            return self._inside_players(region)[which]
        named = isinstance(region, str) and region in self.record["probes"]["regions"]
        segments = self.statics("segments", *["regions"] * named)[0]
        if not isinstance(region, str):
            mask = checked_mask(region, segments.shape)
        elif named:
            (mask,) = self.regions([region])
        else:
            raise ArgumentError(f"{self.name}: no region {region!r} in this record; it has {self.record['probes']['regions']}.")
        return overlap(segments[which], mask[which] if mask.ndim == 3 else mask, max(self.record["probes"]["players"]))

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
