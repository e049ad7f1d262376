"""What pictures are made of: one explainer's attributions of one class, at one moment or over a run's epochs, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.errors import ArgumentError, class_of
from tb_xai_plugin.probes import ProbeSet

UNTRAINED, RETURNED = -1, 2**31 - 1

# How people write the methods' names.
METHODS = {
    "lime": "LIME",
    "shap": "SHAP",
    "occlusion": "Occlusion",
    "banzhaf": "Banzhaf",
    "ig": "Integrated gradients",
    "grad-cam": "Grad-CAM",
    "lime-net": "LIME-Net",
}

# Characters of a name in a picture.
LONGEST_NAME = 32


@dataclass(frozen=True, eq=False)
class Moment:
    """Attributions of one class of each probe. p probes have up to n players.

    Attributes:
        values, errors: float (p, n), NaN past a probe's last player, and where the class was not explained.
        base, outputs: float (p,), the explained quantity on the empty coalition, as the explainer has it, and on the unmasked probe; NaN where unknown.
        targets: int (p,), the class, -1 where it was not explained.
        unit: of the values, for people.
        explainer: its name, "" where it is not known.
        when: the step in words, "" for a model that was explained once.
        run: the run's name, or "".
    """

    probes: ProbeSet
    values: np.ndarray
    errors: np.ndarray
    base: np.ndarray
    outputs: np.ndarray
    targets: np.ndarray
    unit: str
    regression: bool
    explainer: str = ""
    when: str = ""
    run: str = ""

    def of(self, who: str, probe: int) -> tuple[np.ndarray, np.ndarray]:
        """Values and errors of one probe: float64 (players,) each.

        Raises:
            ArgumentError (a ValueError): a number that no probe has, or a probe without numbers.
        """
        probe = checked_probe(who, probe, len(self.values))
        players = int(self.probes.players[probe])
        values, errors = (array[probe, :players].astype(np.float64) for array in (self.values, self.errors))
        if not np.isfinite(values).any():
            why = "its class was not explained" if self.targets[probe] < 0 else "they are missing"
            raise ArgumentError(
                f"{who}: probe {probe} has no numbers{f' at {self.when}' if self.when else ''}, {why}; choose another step or target."
            )
        return values, errors

    def names(self, probe: int) -> list[str]:
        """Names of the players of one probe."""
        return self.probes.player_names(probe) or [f"segment {player}" for player in range(int(self.probes.players[probe]))]

    def target(self, probe: int) -> str:
        """What the class, or the output of a regression, is called."""
        return target_name(self.probes, int(self.targets[probe]), regression=self.regression)

    def label(self, probe: int | None) -> str:
        """What an axis of attributions says: the class, where it is that of one probe, and the unit."""
        toward = "" if probe is None or self.regression else f" toward “{self.target(probe)}”"
        return f"attribution{toward} ({self.unit})"

    def title(self, probe: int | None) -> str:
        """E.g. "SHAP · probe 3 “7” · shortcut, epoch 11"."""
        where = ", ".join(part for part in (self.run, self.when) if part)
        which = None if probe is None else shortened(self.probes.probe_name(probe), 48)
        return " · ".join(part for part in (method(self.explainer), which, where) if part)


@dataclass(frozen=True, eq=False)
class Epochs:
    """Attributions of one class over a run's steps.

    Attributes:
        steps: int (steps,), with -1 for the untrained model and RETURNED for the returned one.
        values, errors: float (steps, p, n).
        base, outputs, targets: (steps, p).
    """

    probes: ProbeSet
    steps: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    base: np.ndarray
    outputs: np.ndarray
    targets: np.ndarray
    unit: str
    regression: bool
    explainer: str
    run: str

    def at(self, place: int) -> Moment:
        """The attributions of one step."""
        values, errors, base, outputs, targets = (
            array[place] for array in (self.values, self.errors, self.base, self.outputs, self.targets)
        )
        when = when_words(int(self.steps[place]))
        return Moment(
            *(self.probes, values, errors, base, outputs, targets, self.unit, self.regression, self.explainer), when=when, run=self.run
        )

    def place(self, who: str, step: int | None) -> int:
        """The index of a step; of the last epoch that has numbers by default, or of the returned model where there is no epoch.

        Raises:
            ArgumentError (a ValueError): a step that was not explained.
        """
        steps: list[int] = self.steps.tolist()
        if step is None:
            epochs = [place for place, one in enumerate(steps) if one not in (UNTRAINED, RETURNED)]
            if not steps:
                raise ArgumentError(f"{who}: {self.run} has no explained epoch yet; wait for the first one.")
            known = [place for place in epochs if np.isfinite(self.values[place]).any()]
            return (known or epochs or [len(steps) - 1])[-1]
        if step not in steps:
            returned = f", and {RETURNED} is the returned model" if RETURNED in steps else ""
            untrained = " (-1 is the untrained model)" if UNTRAINED in steps else ""
            numbers = [one for one in steps if one != RETURNED]
            raise ArgumentError(f"{who}: step {step} was not explained in {self.run}; choose from {_listed(numbers)}{untrained}{returned}.")
        return steps.index(step)


def checked_probe(who: str, probe: int, count: int) -> int:
    """The number of a probe.

    Raises:
        ArgumentError (a ValueError): no probe has that number.
    """
    if isinstance(probe, bool) or not isinstance(probe, int | np.integer) or not 0 <= probe < count:
        raise ArgumentError(f"{who}: there is no probe {probe!r}; give a number from 0 to {count - 1}.")
    return int(probe)


def target_name(probes: ProbeSet, target: int, *, regression: bool) -> str:
    """The name of a class, or of an output of a regression."""
    names = probes.class_names or []
    if 0 <= target < len(names):
        return shortened(names[target])
    return f"output {target}" if regression else str(target)


def when_words(step: int) -> str:
    """A step in words, e.g. "epoch 3"."""
    return {UNTRAINED: "untrained", RETURNED: "returned model"}.get(step, f"epoch {step}")


def method(explainer: str) -> str:
    """How people write a method's name."""
    return METHODS.get(explainer, explainer)


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """A name without its middle where it is long, on one line."""
    name = " ".join(name.split())
    if len(name) <= longest:
        return name
    end = (longest - 1) // 2
    return f"{name[: longest - 1 - end]}…{name[-end:]}"


def number(value: float) -> str:
    """A value with three digits, with a typographic minus."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def signed(value: float) -> str:
    """The same with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def alike(probes: ProbeSet) -> bool:
    """Whether player i is the same in every probe: the features of a table, segments that all images or series share."""
    if probes.kind == "tabular":
        return True
    segments = getattr(probes, "segments", None)
    return segments is not None and bool((segments == segments[:1]).all())


def chosen_class(who: str, moment_targets: np.ndarray, probes: ProbeSet, outputs: np.ndarray, target: str | int) -> np.ndarray:
    """The index into an explanation's targets of the wanted class, int (p,), -1 where it was not explained.

    Args:
        who: the call, for messages.
        moment_targets: int (p, t), the explained classes.
        probes: the probes.
        outputs: (p, t), the explained quantity of each.
        target: "label" (the true class; without labels, the likeliest explained one) | "predicted" (the likeliest explained one) | a class name | a
            class number.
    """
    try:
        target = class_of(target, probes.class_names)
    except ArgumentError as error:
        raise ArgumentError(f"{who}: {error}") from error
    if isinstance(target, str):
        likeliest = np.where(np.isfinite(outputs), outputs, -np.inf).argmax(axis=1)
        true = np.zeros(moment_targets.shape, dtype=bool)
        if target == "label" and probes.labels is not None:
            return _index(moment_targets == probes.labels[:, None])
        if target == "label" and probes.label_sets is not None:
            true = np.take_along_axis(probes.label_sets, np.maximum(moment_targets, 0), axis=1) & (moment_targets >= 0)
        index: np.ndarray = np.where(true.any(axis=1), true.argmax(axis=1), likeliest)
        return index
    index = _index(moment_targets == target)
    if (index < 0).all():
        raise ArgumentError(f"{who}: class {target} was not explained; choose from {np.unique(moment_targets).tolist()}.")
    return index


def _index(match: np.ndarray) -> np.ndarray:
    index: np.ndarray = np.where(match.any(axis=1), match.argmax(axis=1), -1)
    return index


def _listed(numbers: Sequence[int]) -> str:
    return str(list(numbers)) if len(numbers) <= 12 else f"[{numbers[0]}, {numbers[1]}, …, {numbers[-1]}]"
