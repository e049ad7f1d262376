"""What an explainer is: fitted once to a design and applied to a model's answers at every epoch, or one that asks the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from tb_xai_plugin.games.coalitions import Design

if TYPE_CHECKING:
    from tb_xai_plugin.probes import ProbeSet

# Numbers of a noise sketch: the correlation of two games' errors is told to about 1 / sqrt(SKETCH).
SKETCH = 64


# How many of the strongest pairs of players an explainer that knows of interactions keeps.
PAIRS = 32


@dataclass(frozen=True)
class Attribution:
    """Games explained at once (a game: one probe, one class). Between `by_game` and the engine its arrays begin with (probes, targets).

    Attributes:
        values: float64 (..., players), in units of the answers.
        base: float64 (...), the explainer's value of the empty coalition.
        errors: float64 (..., players), standard errors over the draw of the coalitions; 0 where nothing is drawn, NaN where unknown.
        fidelity: {measure: float64 (...)}, how far the values can be trusted; the explainer's `fidelity` names the measures.
        noise: float64 (..., wire.SKETCH), a sketch of the sampling errors (see `errors.sketch`): the cosine of two games' sketches is the
            correlation of their errors, which is what the error of their difference needs. None where nothing is drawn.
        interactions: float64 (..., wire.PAIRS, 3): player, player and strength of the strongest pairs, NaN past the last; or None.
    """

    values: np.ndarray
    base: np.ndarray
    errors: np.ndarray
    fidelity: Mapping[str, np.ndarray] = field(default_factory=dict)
    noise: np.ndarray | None = None
    interactions: np.ndarray | None = None


# Answers, float (evaluations, probes, targets), rows as in Design.masks -> Attribution with arrays that begin with (probes, targets).
Fitted = Callable[[np.ndarray], Attribution]


@runtime_checkable
class Explainer(Protocol):
    """A frozen dataclass of options that explains from a model's answers on coalitions.

    Attributes:
        name: in records and on the page.
        laws: the laws of `coalitions.LAWS` that its coalitions must obey.
        fidelity: names of the measures that come with its values.
        sketched: whether its attributions come with a noise sketch.
        interacting: whether they come with interactions.
    """

    name: ClassVar[str]
    laws: ClassVar[frozenset[str]]
    fidelity: ClassVar[tuple[str, ...]]
    sketched: ClassVar[bool]
    interacting: ClassVar[bool]

    def fit(self, design: Design) -> Fitted:
        """Do all the work that does not need the model."""


class Asked(Protocol):
    """A model that can be asked about the probes, as an asking explainer sees it.

    Attributes:
        model: the model itself.
        probes: what is explained.
        classes: of the model's answers.
        regression: whether those are not classes, but numbers that a regression gives.
        targets: int (probes, targets), the explained classes.
        full, empty: float64 (probes, targets), what is explained on the whole probe and with every player absent.
    """

    model: Any
    probes: ProbeSet
    classes: int
    regression: bool
    targets: np.ndarray
    full: np.ndarray
    empty: np.ndarray

    def gradients(self, points: np.ndarray, probe: int) -> np.ndarray:
        """Gradients of what is explained with respect to the players.

        points: float32 (k, players of the probe), 0 to 1: how far each player is present; between 0 and 1 its input is between its
            baseline and its own.

        Returns:
            float64 (k, targets, players).
        """

    def last_convolution(self, probe: int, layer: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Feature maps of the last convolution (or of a layer by name) for the whole probe, and gradients of what is explained there.

        Returns:
            float32 (h, w, channels), and float32 (targets, h, w, channels).
        """


@runtime_checkable
class AskingExplainer(Protocol):
    """A frozen dataclass of options that asks the model itself, for gradients say. See `Explainer` for the attributes.

    Where it has a `unit`, that is what its values are in, in a word or two; without one they are in units of the explained output. Where it
    has `passes(targets) -> int`, that is what explaining a probe costs, in evaluations of the model; it helps to plan the first time.
    """

    name: ClassVar[str]
    fidelity: ClassVar[tuple[str, ...]]

    def check(self, model: Any) -> None:
        """Raise ValueError, with one sentence, where the model can't be asked."""

    def explain(self, asked: Asked) -> Attribution:
        """Attributions of all probes and targets: values float64 (probes, targets, players), NaN past a probe's last player."""


@runtime_checkable
class SamplingExplainer(Protocol):
    """A frozen dataclass of options that draws inputs of its own around each probe, and fits to the model's answers there.

    See `Explainer` for the attributes. What `neighbours` returns has `inputs`, (evaluations, …) as the model takes them, row 0 the probe itself,
    and `first(k)`, the sample of fewer evaluations.
    """

    name: ClassVar[str]
    fidelity: ClassVar[tuple[str, ...]]
    sketched: ClassVar[bool]

    def neighbours(self, probes: ProbeSet, probe: int, evaluations: int, seed: int) -> Any:
        """Draw inputs, the same in every process."""

    def fit(self, neighbours: Any, player_of: np.ndarray) -> Fitted:
        """Do all the work that does not need the model. player_of: int (features,), the player of each feature."""


def by_game(apply: Callable[[np.ndarray], Attribution]) -> Fitted:
    """For explainers that treat every game alone: `apply` sees answers (evaluations, k) and returns arrays whose last axis is k."""

    def fitted(answers: np.ndarray) -> Attribution:
        games = answers.shape[1:]
        found = apply(answers.reshape(len(answers), -1))

        def unfold(array: np.ndarray) -> np.ndarray:
            return np.moveaxis(array, -1, 0).reshape(*games, *array.shape[:-1])

        return replace(
            found,
            values=unfold(found.values),
            base=unfold(found.base),
            errors=unfold(found.errors),
            fidelity={measure: unfold(array) for measure, array in found.fidelity.items()},
            noise=None if found.noise is None else unfold(found.noise),
            interactions=None if found.interactions is None else unfold(found.interactions),
        )

    return fitted
