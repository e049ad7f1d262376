"""A run's arrays over its epochs, as they were logged: values, errors, outputs, logs, classes and regions. `judgement` analyses them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np

from tb_xai_plugin.errors import ArgumentError, class_of, usual_explainer
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.asked import Regional
from tb_xai_plugin.records.record import ClassPlaces, array_of, step_of

# A class name or number, "label" (the true class; the predicted one where there are no labels), or "predicted".
Target = str | int

T = TypeVar("T")

# The most results that are cached, for example one of each explainer and class.
CACHED_MOST = 64


class Series(Regional):
    """One probe set of one run: its arrays, aligned with `steps` (trained epochs) or with `all_steps`.

    `all_steps` also have the untrained model, -1, and RETURNED, the returned model where it is that of no explained epoch.

    Missing epochs are absent from `steps`. See `Record` for which writes count.
    """

    @property
    def is_epoch(self) -> np.ndarray:
        """bool (all_steps,): which are epochs; neither the untrained model nor the returned one is."""
        is_epoch: np.ndarray = ~np.isin(self.all_steps, (wire.UNTRAINED, wire.RETURNED))
        return is_epoch

    @property
    def steps(self) -> np.ndarray:
        """int64 (epochs,): the explained epochs, 0-based as in Keras."""
        steps: np.ndarray = self.all_steps[self.is_epoch]
        return steps

    @property
    def explainers(self) -> list[str]:
        """Names of the explainers, e.g. ["lime", "shap"]."""
        return list(self.settings["explainers"])

    def of_class(self, wanted: Target, *quantities: str) -> list[np.ndarray]:
        """The arrays of one class, (all_steps, probes, …), of each quantity of the wire, e.g. "values/shap"; NaN (0 for integers) where it was not explained.

        They are read together, and kept without the other classes, which take many times the memory.
        """
        with self._lock, self._damage():
            absent = [quantity for quantity in quantities if not {quantity, f"{wanted}@{quantity}"} & self._arrays.keys()]
            if absent:
                self._arrays |= {f"{wanted}@{quantity}": array for quantity, array in self._read_class(wanted, absent).items()}
            return [
                self.toward(self._arrays[quantity], wanted)[0] if quantity in self._arrays else self._arrays[f"{wanted}@{quantity}"]
                for quantity in quantities
            ]

    def _read_class(self, wanted: Target, quantities: Sequence[str]) -> dict[str, np.ndarray]:
        places, explained = self._class_places(wanted)[1]
        arrays = self._read(quantities, (places, explained))
        for array in arrays.values():
            array[~explained] = np.nan if array.dtype.kind == "f" else 0
        return arrays

    def _class_places(self, wanted: Target) -> tuple[np.ndarray, ClassPlaces]:
        """The wanted class, (all_steps, probes), and its index among the targets."""
        classes = self.wanted_class(wanted)
        match = self.all_targets() == classes[..., None]
        return classes, (match.argmax(axis=-1), match.any(axis=-1))

    def target_of(self, wanted: Target) -> np.ndarray:
        """int32 (all_steps, probes): the wanted class; -1 where it was not explained. wanted: "label" | "predicted" | a class number."""
        classes, (_, explained) = self._class_places(wanted)
        return np.where(explained, classes, -1).astype(np.int32)

    def all_values(self, explainer: str) -> np.ndarray:
        """`values` aligned with `all_steps`."""
        return self._series(f"values/{self._known(explainer)}")

    def all_errors(self, explainer: str) -> np.ndarray:
        """`errors` aligned with `all_steps`."""
        return self._series(f"errors/{self._known(explainer)}")

    def all_base_values(self, explainer: str) -> np.ndarray:
        """`base_values` aligned with `all_steps`."""
        return self._series(f"base/{self._known(explainer)}")

    def all_outputs(self) -> np.ndarray:
        """`outputs` and `empty_outputs` aligned with `all_steps`: float32 (all_steps, probes, 2, classes), on the full and the empty coalition."""
        return self._series("outputs")

    def all_targets(self) -> np.ndarray:
        """`targets` aligned with `all_steps`."""
        constant = self.record["targets"]
        if constant is None:
            return self._series("targets")
        return np.broadcast_to(np.array(constant, dtype=np.int32), (len(self._explained), self.record["shape"]["probes"], len(constant)))

    def all_fidelity(self, explainer: str) -> np.ndarray:
        """`fidelity` aligned with `all_steps`: float32 (all_steps, probes, targets, measures), in the order of `measures`."""
        if not self.measures(explainer):
            return np.empty((*self.all_targets().shape, 0), dtype=np.float32)
        return self._series(f"fidelity/{explainer}")

    def all_interactions(self, explainer: str) -> np.ndarray | None:
        """`interactions` aligned with `all_steps`; None where not logged."""
        return self._optional(f"interactions/{self._known(explainer)}")

    def all_noise(self, explainer: str) -> np.ndarray | None:
        """int8 (all_steps, probes, targets, numbers): sketches of the sampling errors; None for an explainer that does not sample."""
        return self._optional(f"noise/{self._known(explainer)}")

    def _optional(self, quantity: str) -> np.ndarray | None:
        return self._series(quantity) if quantity in self._quantities else None

    @property
    def interacting(self) -> list[str]:
        """Explainers whose interactions were logged."""
        return [explainer for explainer in self.explainers if f"interactions/{explainer}" in self._quantities]

    def measures(self, explainer: str) -> list[str]:
        """Names of the fidelity measures that were logged with an explainer, e.g. ["r2", "unseen_r2"]."""
        return list(self.record["details"][self._known(explainer)]["fidelity"])

    @property
    def units(self) -> dict[str, str]:
        """{explainer: the unit of its values}: "log-odds" | "probability" | "output", or a unit of its own."""
        return {name: details.get("unit", self.settings["unit"]) for name, details in self.record["details"].items()}

    def _known(self, explainer: str) -> str:
        if explainer not in self.explainers:
            raise ArgumentError(f"{self.name}: no explainer {explainer!r} in this record; it has {self.explainers}.")
        return explainer

    def values(self, explainer: str) -> np.ndarray:
        """Signed attributions at every explained epoch.

        Args:
            explainer: a name of `explainers`, e.g. "shap".

        Returns:
            float32 (epochs, probes, targets, players), in units of `units`; NaN past a probe's last player, and in gaps. `targets` has the
            explained classes.

        Raises:
            ArgumentError (a ValueError): an explainer that the record does not have.
        """
        values: np.ndarray = self.all_values(explainer)[self.is_epoch]
        return values

    def errors(self, explainer: str) -> np.ndarray:
        """Standard errors of `values`: float32 (epochs, probes, targets, players); 0 where values are exact, NaN where errors are unknown."""
        errors: np.ndarray = self.all_errors(explainer)[self.is_epoch]
        return errors

    def base_values(self, explainer: str) -> np.ndarray:
        """The explainer's value of the empty coalition: float32 (epochs, probes, targets), in the unit of `values`."""
        base_values: np.ndarray = self.all_base_values(explainer)[self.is_epoch]
        return base_values

    def fidelity(self, explainer: str) -> dict[str, np.ndarray]:
        """How well the values describe the model: {measure: float32 (epochs, probes, targets)}; {} where nothing was measured."""
        measures = self.measures(explainer)
        return dict(zip(measures, np.moveaxis(self.all_fidelity(explainer)[self.is_epoch], -1, 0), strict=True)) if measures else {}

    def interactions(self, explainer: str) -> np.ndarray | None:
        """The strongest interactions between two players, strongest first.

        Returns:
            float32 (epochs, probes, targets, pairs, 3), the numbers of the two players and the signed strength in the unit of `values`, NaN
            past the last pair; None where the explainer has none.
        """
        interactions = self.all_interactions(explainer)
        return None if interactions is None else interactions[self.is_epoch]

    @property
    def changes(self) -> dict[int, str]:
        """{step: what changed from that step on}: fewer evaluations or a sparser schedule, to keep `max_overhead`."""
        return {step_of(write): write[2]["change"] for write in self.writes if write[2]["change"]}

    @property
    def targets(self) -> np.ndarray:
        """int32 (epochs, probes, targets): the explained classes; -1 where there is none."""
        targets: np.ndarray = self.all_targets()[self.is_epoch]
        return targets

    @property
    def outputs(self) -> np.ndarray:
        """float32 (epochs, probes, classes): the model's probabilities on the unmasked probes; of a regression, its outputs."""
        outputs: np.ndarray = self.all_outputs()[self.is_epoch][:, :, 0]
        return outputs

    @property
    def empty_outputs(self) -> np.ndarray:
        """float32 (epochs, probes, classes): the same on the empty coalition, where every player is absent."""
        empty_outputs: np.ndarray = self.all_outputs()[self.is_epoch][:, :, 1]
        return empty_outputs

    def untrained(self, explainer: str) -> np.ndarray | None:
        """Attributions of the model before its first epoch: float32 (probes, targets, players); None where they were not logged."""
        return self._at(wire.UNTRAINED, explainer)

    def returned(self, explainer: str | None = None) -> np.ndarray | None:
        """Attributions of the model that `fit` returned: its own, or those of the epoch whose weights it has.

        Args:
            explainer: a name of `explainers`; by default "shap" if it is among them, else the first.

        Returns:
            float32 (probes, targets, players); None where training has not finished, where it was not explained, and in records of version 0.1.0.
        """
        return self._at(self.returned_step, explainer or usual_explainer(self))

    def _at(self, step: int | None, explainer: str) -> np.ndarray | None:
        """The values of one step of `all_steps`; None where there is no such step."""
        steps, values = self.all_steps.tolist(), self.all_values(explainer)
        return values[steps.index(step)] if step in steps else None

    @property
    def logs(self) -> dict[str, np.ndarray]:
        """Keras's logs at `steps`: {"loss": float64 (epochs,), "val_accuracy": …}; NaN where a metric was not logged."""
        steps, logs = self.log_series()
        return {name: series[np.isin(steps, self.steps)] for name, series in logs.items()}

    def log_series(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The steps of all logged epochs, explained or not, int64 (logged,), and Keras's logs at them, {name: float64 (logged,)}."""
        steps, logs = self._log_series
        return steps.copy(), {name: series.copy() for name, series in logs.items()}

    @cached_property
    def _log_series(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        names = dict.fromkeys(name for _, _, epoch in self.epochs for name in epoch["logs"])
        logs = {name: np.array([epoch["logs"].get(name, np.nan) for _, _, epoch in self.epochs], dtype=np.float64) for name in names}
        return np.array([step for step, _, _ in self.epochs], dtype=np.int64), logs

    @property
    def cost(self) -> dict[str, np.ndarray]:
        """The cost of the explanations of each step: {name: float64 (all_steps,)}.

        "seconds"; "evaluations" of the model; "share" of the epoch's training time; "level", evaluations per probe, 0 where explaining failed.
        """
        return {name: series.copy() for name, series in self._cost.items()}

    @cached_property
    def _cost(self) -> dict[str, np.ndarray]:
        return {
            name: np.array([np.nan if epoch[name] is None else epoch[name] for _, _, epoch in self._explained], dtype=np.float64)
            for name in ("seconds", "evaluations", "share", "level")
        }

    @property
    def overhead(self) -> float | None:
        """The time of all explanations, as a share of the training time; None before the first epoch."""
        training = sum(epoch["training"] or 0.0 for _, _, epoch in self.writes)
        return sum(epoch["seconds"] for _, _, epoch in self.writes) / training if training else None

    @property
    def wall_times(self) -> np.ndarray:
        """float64 (all_steps,): when each step was written, in seconds since 1970."""
        return np.array([wall_time for _, wall_time, _ in self._explained])

    def wanted_class(self, wanted: Target) -> np.ndarray:
        """int (all_steps, probes): the class number of "label", "predicted", a class name or a class number; -1 where there is no prediction.

        "label" is the true class; of several true labels, the first that is explained; without a label, the predicted class (of the explained ones,
        where probes have sets of labels). Of a regression, both words are the first explained output.

        Raises:
            ArgumentError (a ValueError): another word, or a number that is no class of the model.
        """
        shape = (len(self._explained), self.record["shape"]["probes"])
        wanted = class_of(wanted, self.record["probes"]["class_names"])
        if self.settings["regression"] and isinstance(wanted, str):
            return np.full(shape, min(self.record["targets"] or [0]), dtype=np.int32)
        labels = self.record["probes"]["labels"]
        if wanted == "label" and labels is not None:
            return np.broadcast_to(labels, shape)
        if wanted == "label" and self.label_sets is not None:
            return self._predictions()["label"]
        if isinstance(wanted, str):
            return self.predicted()
        if not 0 <= wanted < self.settings["number_of_classes"]:
            raise ArgumentError(
                f"class {wanted} is out of range: the model has {self.settings['number_of_classes']} classes, numbered from 0."
            )
        return np.full(shape, wanted)

    def each_step(self, *quantities: str) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """(index into `all_steps`, {quantity of the wire: (probes, …)}) of every step, in order; NaN (-1 for classes, 0 for noise) where missing.

        Nothing is kept. Of a directory, one step is in memory at a time; a server's record is read as a whole.
        """
        with self._damage():
            explainers = {quantity: f"values/{quantity.partition('/')[2]}" for quantity in quantities if quantity.startswith("errors/")}
            blocks = [
                (probes, {quantity: self._counting(data) for quantity, data in read.items()})
                for _, probes, read in self._blocks(dict.fromkeys([*explainers.values(), *quantities]))
            ]
            missing = {quantity: self._all_missing(quantity, steps=1)[0] for quantity in quantities}
            for place in range(len(self._explained)):
                arrays = {quantity: array.copy() for quantity, array in missing.items()}
                for probes, of_block in blocks:
                    for quantity in quantities:
                        if place in of_block[quantity]:
                            tensor = array_of(of_block[quantity][place])
                            if quantity in explainers:  # errors are in units of the values
                                unit = wire.error_unit(array_of(of_block[explainers[quantity]][place]))
                                tensor = wire.decode_errors(tensor, unit)
                            arrays[quantity][probes] = tensor
                yield place, arrays

    def outputs_of(self, probes: Sequence[int]) -> np.ndarray:
        """`all_outputs` of some probes, without reading the others."""
        if "outputs" in self._arrays:
            return self.all_outputs()[:, probes]
        ends = self.record["blocks"]
        within = np.searchsorted([stop for _, stop in ends], probes, side="right")
        with self._lock, self._damage():
            kept = {block: self._arrays[f"outputs/{block}"] for block in set(within.tolist()) if f"outputs/{block}" in self._arrays}
            for block, of_block, read in self._blocks(["outputs"], set(within.tolist()) - kept.keys()):
                kept[block] = self._all_missing("outputs", probes=of_block.stop - of_block.start)
                for place, datum in self._counting(read["outputs"]).items():
                    kept[block][place] = array_of(datum)
            self._arrays |= {f"outputs/{block}": array for block, array in kept.items()}
        return np.stack([kept[block][:, probe - ends[block][0]] for block, probe in zip(within.tolist(), probes, strict=True)], axis=1)

    def toward(self, array: np.ndarray, wanted: Target) -> tuple[np.ndarray, np.ndarray]:
        """Select one class from an array (all_steps, probes, targets, …).

        Args:
            wanted: "label" | "predicted" | a class number.

        Returns:
            The array without the axis of targets, (all_steps, probes, …), NaN (0 for integers) where that class was not explained; and the
            class, int32 (all_steps, probes), -1 where it was not explained.
        """
        classes, (places, explained) = self._class_places(wanted)
        selected = np.take_along_axis(array, places.reshape(*explained.shape, *[1] * (array.ndim - 2)), axis=2)[:, :, 0]
        nothing = array.dtype.type(np.nan if array.dtype.kind == "f" else 0)
        selected = np.where(explained.reshape(*explained.shape, *[1] * (selected.ndim - 2)), selected, nothing)
        return selected, np.where(explained, classes, -1).astype(np.int32)

    def cached(self, *key: Hashable, make: Callable[[], T]) -> T:
        """The result of `make`, from the cache where it was made before. Of more than CACHED_MOST results, the least recently used are dropped.

        `make` runs without the lock: a comparison reads another run, which may be reading this one.
        """
        with self._lock:
            if key in self._cached:
                self._cached.move_to_end(key)
                kept: T = self._cached[key]
                return kept
        result = make()
        with self._lock:
            self._cached[key] = result
            while len(self._cached) > CACHED_MOST:
                self._cached.popitem(last=False)
        return result
