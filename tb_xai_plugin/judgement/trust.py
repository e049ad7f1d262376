"""How far each explanation can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement import drift, summaries
from tb_xai_plugin.records.series import Series, Target

# Beyond these limits an explanation has a warning.
ADDITIVE_LEAST = 0.5  # R² of the fit


ERROR_MOST = 0.25


GAP_MOST = 0.1


FLOOR_MOST = 0.25


R_SQUARED = ("additive_r2", "unseen_r2")


GAPS = ("efficiency_gap", "completeness_gap")


# Explainers whose values sum to the model output minus the base value, by definition. Those of others need not.
ADD_UP = ("shap", "ig")


# All that `certain` says of one explanation is right in this share of cases, as far as sampling errors go.
CERTAIN = 0.95


@dataclass(frozen=True, eq=False, repr=False)
class Trust:
    """How far each explanation can be trusted: fidelity, efficiency, sampling error, and distance from the untrained model.

    Arrays are float (all_steps, probes), NaN where not known.

    Attributes:
        r_squared: the part of the variance of the model outputs on coalitions that a sum of players explains, at most 1.
        r_squared_name: the name of that measure, as in `Run.fidelity`; "" where none was logged.
        gap: the difference between the sum of the values and the model output minus the base value, relative to the latter.
        gap_name: the name of that measure; "" where none was logged, or the explainer's values need not add up.
        error: the Euclidean norm of the standard errors, relative to that of the values.
        untrained: the total variation from the untrained model's explanation, 0 to 1 (a sanity check, Adebayo et al. 2018).
        untrained_floor: the noise floor of `untrained`.
    """

    r_squared: np.ndarray
    r_squared_name: str
    gap: np.ndarray
    gap_name: str
    error: np.ndarray
    untrained: np.ndarray
    untrained_floor: np.ndarray

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {int(which.sum())}" for name, which in self.warnings.items())
        return f"Trust({len(self.error)} steps of {self.error.shape[1]} probes; {counts})"

    @property
    def warnings(self) -> dict[str, np.ndarray]:
        """Which explanations have a warning: {warning: bool (all_steps, probes)}.

        "not additive": `r_squared` is below 0.5; "does not add up": `gap` is above 0.1; "uncertain": `error` is above 0.25;
        "like the untrained model": `untrained` is within its noise floor, and that floor is below 0.25.
        """
        with np.errstate(invalid="ignore"):
            return {
                "not additive": self.r_squared < ADDITIVE_LEAST,
                "does not add up": self.gap > GAP_MOST,
                "uncertain": self.error > ERROR_MOST,
                # Where the floor is high, noise could hide any difference.
                "like the untrained model": (self.untrained <= self.untrained_floor) & (self.untrained_floor < FLOOR_MOST),
            }


class Certain(Series):
    """A run's players that are certain to be the strongest."""

    def certain(self, explainer: str, k: int | None = None, *, target: Target = "label") -> np.ndarray:
        """Which players are certain to be the strongest, as far as sampling errors go.

        All that is said of one explanation is right in 95 of 100 cases, whatever `k` is looked at.

        Args:
            explainer: a name of `explainers`.
            k: with a number, the players that are certain to be among the k strongest: at most k. By default the ranking as far as it is certain: the
                strongest player, where it is certain to be the strongest, the second, where it is certain to be the second as well, and so on;
                `run.certain("shap").sum(axis=-1)` is how many places are certain.
            target: the explained class: "label" | "predicted" | a class number.

        Returns:
            bool (epochs, probes, players).

        Raises:
            ArgumentError (a ValueError): an unknown explainer or class, or a k below 1.
        """
        if k is not None and (isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1):
            raise ArgumentError(f"{self.name}: certain has k={k!r}; give a number of players, at least 1, or leave it out.")
        values, errors = self.of_class(target, f"values/{self._known(explainer)}", f"errors/{explainer}")
        # One epoch after the other: of a long record, the intervals of all take many times its memory.
        found = np.zeros(values[self.is_epoch].shape, dtype=bool)
        for row, place in zip(found, np.flatnonzero(self.is_epoch), strict=True):
            row[:] = certain(values[place], errors[place], k)
        return found


def trust(run: Series, explainer: str, target: Target) -> Trust:
    """See `Run.trust`; cached."""
    return run.cached("trust", explainer, target, make=lambda: _trust(run, explainer, target))


def _trust(run: Series, explainer: str, target: Target) -> Trust:
    values, errors = run.of_class(target, f"values/{explainer}", f"errors/{explainer}")
    nothing = np.full(values.shape[:2], np.nan)
    measures = run.measures(explainer)
    wanted = (R_SQUARED, GAPS if explainer in ADD_UP else ())
    names = [next((name for name in choices if name in measures), "") for choices in wanted]
    fidelity = run.of_class(target, f"fidelity/{explainer}")[0] if measures else None
    r_squared, gap = (nothing if not name or fidelity is None else fidelity[..., measures.index(name)] for name in names)
    size, noise_size = summaries.in_parts(lambda *arrays: tuple(_length(array) for array in arrays), values, errors)
    known = summaries.known_rows(errors) & (size > 0)
    from_untrained = drift.drift(run, explainer, "untrained", "tv", target)
    return Trust(
        *(r_squared, names[0], gap, names[1]),
        error=np.where(known, noise_size / np.where(size > 0, size, 1), np.nan),
        untrained=from_untrained.distance,
        untrained_floor=from_untrained.floor,
    )


def _length(array: np.ndarray) -> np.ndarray:
    """float64 (…,): the Euclidean norm of the numbers of the last axis."""
    length: np.ndarray = np.sqrt(summaries.sum_of_known(array.astype(np.float64) ** 2))
    return length


def certain(values: np.ndarray, errors: np.ndarray, k: int | None = None) -> np.ndarray:
    """Which players are certain to be the strongest: bool (…, players); see `Certain.certain`.

    Each player has an interval of |value|, and the intervals of one explanation hold together with probability CERTAIN: by Bonferroni's inequality,
    whatever the correlation of the errors. Whatever follows from the intervals is then certain with that probability, for any k at once.

    values, errors: (…, players), NaN past the last player; a player whose error is unknown is certain of nothing, and neither are the others.
    """
    known = np.isfinite(values)
    players = known.sum(axis=-1, keepdims=True)
    quantiles = np.array([0.0, *(NormalDist().inv_cdf(1 - (1 - CERTAIN) / (2 * count)) for count in range(1, values.shape[-1] + 1))])
    size, half = np.abs(values.astype(np.float64)), quantiles[players] * errors.astype(np.float64)
    low, high = (np.where(known, size + sign * np.where(np.isfinite(half), half, np.inf), -np.inf) for sign in (-1, 1))
    order = np.argsort(np.where(known, -size, np.inf), axis=-1, kind="stable")
    if k is not None:
        # At most k - 1 others may be as strong: those whose interval ends at or above the beginning of this one, itself not counted.
        rows = zip(np.sort(high, axis=-1).reshape(-1, values.shape[-1]), low.reshape(-1, values.shape[-1]), strict=True)
        reach = np.stack([len(begins) - np.searchsorted(ends, begins) for ends, begins in rows]).reshape(values.shape)
        among: np.ndarray = known & np.isfinite(low) & (reach - 1 < k)
        return among
    low, high = (np.take_along_axis(array, order, axis=-1) for array in (low, high))
    # A place is certain where its interval begins above the ends of all later ones; the ranking is certain as far as all places are.
    later = np.maximum.accumulate(high[..., ::-1], axis=-1)[..., ::-1]
    above = np.concatenate([low[..., :-1] > later[..., 1:], np.zeros((*low.shape[:-1], 1), dtype=bool)], axis=-1)
    first = np.logical_and.accumulate(above, axis=-1)
    ranked = np.zeros(values.shape, dtype=bool)
    np.put_along_axis(ranked, order, first, axis=-1)
    certainly: np.ndarray = ranked & known
    return certainly
