"""Later outputs, held against what was found when the model was bound: how they are read, and that they are the model's own."""

from __future__ import annotations

import warnings

import numpy as np

from tb_xai_plugin.models import outputs
from tb_xai_plugin.models.heads import contradicts
from tb_xai_plugin.models.outputs import Head
from tb_xai_plugin.models.predictors import Predictor

# A share of the size of outputs. What was right when the model was bound differs by rounding, in half precision too, or altogether.
ALTOGETHER = 5e-2

# The same model on the same input, evaluated twice.
SLIGHTLY = 1e-4


class Watch:
    """Looks at the outputs of every explanation.

    Args:
        predictor: the model, with the outputs that were found when it was bound.

    Attributes:
        own: (columns,) the model's own outputs on the first probe when it was explained last; None before, and where they depend on more than the probe.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._contradicted = False
        self.own: np.ndarray | None = None
        finite = np.isfinite(predictor.checked.outputs)
        self._size = float(np.median(np.abs(predictor.checked.outputs[finite]))) if finite.any() else 0.0

    def __call__(self, probe: int, raw: np.ndarray) -> None:
        """Look at a probe's outputs. raw: float32 (rows, columns), of which the first is its full coalition.

        Raises:
            ValueError: they are no longer the model's own.
        """
        head = self._predictor.head
        if not self._contradicted and (why := contradicts(head, raw[:2])):
            self._contradicted = True
            warnings.warn(f"the model's outputs are not what they were taken for: {why} ({head.by}); give head=.", stacklevel=6)
        if probe > 0 or self._predictor.again is None:
            return
        own, explained = self._own_now(), as_the_model_gives(head, raw[:1])[0]
        self.own = own
        difference = np.abs(own - explained)
        if np.isfinite(difference).all() and difference.max() > ALTOGETHER * max(np.abs(own).max(), self._size):
            raise ValueError(
                f"on probe 0, unmasked, the model gives {own[difference.argmax()]:.4g} now, and {explained[difference.argmax()]:.4g} would be explained: the model has "
                "changed in another way than by its weights since training began, such as by an attribute, and its compiled form has not; begin another fit."
            )

    def _own_now(self) -> np.ndarray:
        assert self._predictor.again is not None, "asked only where outputs depend on the probe alone"
        return np.asarray(self._predictor.again()[0], dtype=np.float64)

    def differs(self, own: np.ndarray) -> bool:
        """Whether the model's own outputs on the first probe are no longer those that they were."""
        if self._predictor.again is None:
            return False
        with self._predictor.preserving_state():
            now = self._own_now()
        return not np.allclose(now, own, rtol=SLIGHTLY, atol=SLIGHTLY * self._size, equal_nan=True)


def as_the_model_gives(head: Head, raw: np.ndarray) -> np.ndarray:
    """Raw outputs, (rows, columns), after the last activation where they were read below it."""
    if not head.below:
        return raw.astype(np.float64)
    after = outputs.probabilities(head, head.scores(raw))
    return after[:, 1:] if head.one_sigmoid else after
