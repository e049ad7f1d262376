"""Plain models: a callable behind a masker, e.g. a random forest's `predict_proba`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tb_xai_plugin.games.contract import Masker
from tb_xai_plugin.games.sided_masker import Sided
from tb_xai_plugin.models.batches import Batches, MaskedModel, filled
from tb_xai_plugin.models.choice import Choice, WrongOutputError, as_columns
from tb_xai_plugin.models.inputs import rows_as_given, with_sides
from tb_xai_plugin.probes import ProbeSet, TabularProbes, TextProbes


@dataclass(frozen=True)
class PlainForward:
    """Masks the probe and calls a callable.

    Attributes:
        model: the callable.
        masker: makes the masked inputs.
        probes: the probes.
        choice: chooses the explained output among all outputs.
        as_given: whether a table comes back to the callable in the form in which it was given; else it is an array of its numbers.
        read: what the callable returned -> what is explained; for callables that return labels.
    """

    model: Callable[[Any], Any]
    masker: Masker
    probes: ProbeSet
    choice: Choice
    as_given: bool = True
    read: Callable[[np.ndarray], np.ndarray] = np.asarray

    def masked_inputs(self, masked: Any) -> Any:
        """What the callable takes, from the result of `Masker.mask`."""
        sides: list[np.ndarray] = []
        if isinstance(masked, Sided):
            numbers = np.asarray(masked.probes).astype(np.float64).astype(np.int64)
            assert self.probes.side_inputs is not None
            sides = [array[numbers] for array in self.probes.side_inputs.arrays]
            masked = masked.masked
        assemble = getattr(self.probes, "assemble", None)
        own = assemble(np, masked) if assemble else masked
        if self.probes.model_input is None and isinstance(self.probes, TabularProbes):
            own = self.probes.as_given(own) if self.as_given else self.probes.as_array(own)
        if getattr(self.probes, "ids", False) and self.probes.model_input is None:
            own = np.rint(own).astype(np.asarray(self.probes.given()).dtype)
        return self._arranged(own, sides)

    def given_inputs(self) -> Any:
        """What the callable takes for all unmasked probes, as the user gave them."""
        probes = self.probes
        sides = list(probes.side_inputs.arrays) if probes.side_inputs else []
        if isinstance(probes, TextProbes):
            texts = [str(text) for text in probes.inputs.tolist()]
            own: Any = probes.encode(texts) if probes.encode else texts
            own = dict(own) if isinstance(own, Mapping) else own
        elif probes.model_input is not None:
            own = probes.inputs.astype(np.float32)
        elif isinstance(probes, TabularProbes) and not self.as_given:
            own = probes.as_array(probes.inputs)
        else:
            own = rows_as_given(probes)
        return self._arranged(own, sides)

    def _arranged(self, own: Any, sides: Sequence[Any]) -> Any:
        probes = self.probes
        if probes.model_input is None:
            return with_sides(probes, own, sides)
        if probes.side_inputs is None:
            return probes.model_input(own)
        names = probes.side_inputs.names
        return probes.model_input(own, dict(zip(names, sides, strict=True)) if names else list(sides))

    def outputs(self, inputs: Any, batch: int) -> np.ndarray:
        """Outputs, float32 (k, columns), from what the callable takes. batch: k."""
        chosen = self.read(_array(self.choice(_rows_together(self.model(inputs), batch), inputs)))
        outputs: np.ndarray = as_columns(chosen, batch, computed=self.choice.computed)
        if outputs.dtype.kind in "UO" and outputs.size and isinstance(outputs.flat[0], str):
            raise WrongOutputError(
                f"the model returns words, such as {str(outputs.flat[0])!r}; give a function that returns probabilities, e.g. predict_proba, or head='labels'."
            )
        return outputs.astype(np.float32)

    def behind_masker(self, batch: int) -> MaskedModel:
        """The callable as a function of coalitions."""

        def compile_for(size: int) -> Callable[..., np.ndarray]:
            def run(rows: np.ndarray, parts: np.ndarray) -> np.ndarray:
                # A copy: a callable may write into its input, and the rows are evaluated again.
                masked = self.masker.mask(np, np.array(filled(rows, size)), parts)
                return self.outputs(self.masked_inputs(masked), size)[: len(rows)]

            return run

        return MaskedModel(self.masker, self.masker.parts, Batches(compile_for, batch))

    def accepts(self, evaluate: Callable[[], np.ndarray]) -> bool:
        """Whether the callable takes its inputs without an error and without a warning about feature names (as scikit-learn's models give)."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                evaluate()
            except Exception:
                return False
        return not any("feature names" in str(warning.message) for warning in caught)


def _rows_together(outputs: Any, batch: int) -> Any:
    """A list with a number, a label or a row of numbers for each input as one array; a list of several outputs as it is."""
    if not isinstance(outputs, list | tuple) or len(outputs) != batch:
        return outputs
    # Several outputs are arrays with a row for each input.
    several = any(np.shape(one)[:1] == (batch,) for one in outputs if not isinstance(one, list | tuple))
    return outputs if several else np.asarray(outputs)


def _array(outputs: Any) -> np.ndarray:
    # Tensors of PyTorch that need gradients refuse to become arrays.
    detach = getattr(outputs, "detach", None)
    return np.asarray(detach().cpu() if detach else outputs)
