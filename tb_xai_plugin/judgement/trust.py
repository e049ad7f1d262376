"""How far each explanation can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tb_xai_plugin.judgement import drift
from tb_xai_plugin.records.series import Series, Target

# A picture deserves a word of warning from here on.
ADDITIVE_LEAST = 0.5  # R² of the fit


ERROR_MOST = 0.25


GAP_MOST = 0.1


FLOOR_MOST = 0.25


R_SQUARED = ("additive_r2", "unseen_r2")


GAPS = ("efficiency_gap", "completeness_gap")


# By definition, others need not sum to the answer.
ADD_UP = ("shap", "ig")


@dataclass(frozen=True, eq=False, repr=False)
class Trust:
    """How far each explanation can be trusted; (all_steps, probes) each, NaN where not known.

    Attributes:
        r_squared: how much of how the answers vary the players' sum explains; the measure is `r_squared_name`, "" where there is none.
        gap: |sum of values - what they should add up to|, relative; `gap_name`.
        error: length of the standard errors over that of the values, as vectors.
        untrained: total variation from the untrained model; `untrained_floor`: what of it is noise.
    """

    r_squared: np.ndarray
    r_squared_name: str
    gap: np.ndarray
    gap_name: str
    error: np.ndarray
    untrained: np.ndarray
    untrained_floor: np.ndarray

    def __repr__(self) -> str:
        return f"Trust({len(self.error)} steps of {self.error.shape[1]} probes; {', '.join(f'{name}: {int(each.sum())}' for name, each in self.warnings.items())})"

    @property
    def warnings(self) -> dict[str, np.ndarray]:
        """{what is wrong: bool (all_steps, probes)}."""
        with np.errstate(invalid="ignore"):
            return {
                "not additive": self.r_squared < ADDITIVE_LEAST,
                "does not add up": self.gap > GAP_MOST,
                "uncertain": self.error > ERROR_MOST,
                # Where noise hides any difference, that none is seen says nothing.
                "like the untrained model": (self.untrained <= self.untrained_floor) & (self.untrained_floor < FLOOR_MOST),
            }


def trust(run: Series, explainer: str, target: Target) -> Trust:
    """See `Run.trust`; kept."""
    return run.cached("trust", explainer, target, make=lambda: _trust(run, explainer, target))


def _trust(run: Series, explainer: str, target: Target) -> Trust:
    values, errors = run.of_class(target, f"values/{explainer}", f"errors/{explainer}")
    nothing = np.full(values.shape[:2], np.nan)
    measures = run.measures(explainer)
    wanted = (R_SQUARED, GAPS if explainer in ADD_UP else ())
    names = [next((name for name in each if name in measures), "") for each in wanted]
    each = run.of_class(target, f"fidelity/{explainer}")[0] if measures else None
    r_squared, gap = (nothing if not name or each is None else each[..., measures.index(name)] for name in names)
    size, noise_size = (np.sqrt(np.nansum(array.astype(np.float64) ** 2, axis=-1)) for array in (values, errors))
    known = np.isfinite(errors).any(axis=-1) & (size > 0)
    since = drift.drift(run, explainer, "untrained", "tv", target)
    return Trust(
        *(r_squared, names[0], gap, names[1]),
        error=np.where(known, noise_size / np.where(size > 0, size, 1), np.nan),
        untrained=since.distance,
        untrained_floor=since.floor,
    )
