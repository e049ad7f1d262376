"""How far each explanation can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import drift
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
    size, noise_size = (np.sqrt(np.nansum(array.astype(np.float64) ** 2, axis=-1)) for array in (values, errors))
    known = np.isfinite(errors).any(axis=-1) & (size > 0)
    from_untrained = drift.drift(run, explainer, "untrained", "tv", target)
    return Trust(
        *(r_squared, names[0], gap, names[1]),
        error=np.where(known, noise_size / np.where(size > 0, size, 1), np.nan),
        untrained=from_untrained.distance,
        untrained_floor=from_untrained.floor,
    )
