"""The contract of explainers: fitted once to a design and applied to the model's outputs at every epoch, or working on the model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from tb_xai_plugin.games.coalitions import Design

if TYPE_CHECKING:
    from tb_xai_plugin.probes import ProbeSet, TabularProbes

# Numbers in a noise sketch. It gives the correlation of two games' errors to about 1 / sqrt(SKETCH).
SKETCH = 64

# Loadings of a player: how its error goes with those of others. They are computed for up to MOST_CORRELATED players: with more, the sums over players
# that floors are made of hardly depend on correlations.
RANK = 4
MOST_CORRELATED = 64


def correlates(players: int) -> bool:
    """Whether explanations with at most so many players have loadings."""
    return 1 < players <= MOST_CORRELATED


# Number of strongest pairs of players that an explainer with interactions keeps.
PAIRS = 32


@dataclass(frozen=True)
class Attribution:
    """Attributions of several games; a game is one probe and one class.

    An explainer's `fit` returns arrays that begin with (probes, targets). Inside `by_game`, the axis of games is the last one.

    Attributes:
        values: float64 (..., players), in units of the outputs.
        base: float64 (...), the explainer's value of the empty coalition.
        errors: float64 (..., players), standard errors over the draw of the coalitions; 0 where nothing is drawn, NaN where unknown.
        fidelity: {measure: float64 (...)}, how far the values can be trusted; the explainer's `fidelity` names the measures.
        noise: float64 (..., SKETCH) or (..., SKETCH + RANK * players), a sketch of the sampling errors (see `errors.sketch`), and how those of players
            go together (see `errors.loadings`). The cosine of two games' sketches is the correlation of their errors, from which the error of their
            difference follows. None where nothing is drawn.
        interactions: float64 (..., PAIRS, 3): player, player and strength of the strongest pairs, NaN past the last pair; or None.
    """

    values: np.ndarray
    base: np.ndarray
    errors: np.ndarray
    fidelity: Mapping[str, np.ndarray] = field(default_factory=dict)
    noise: np.ndarray | None = None
    interactions: np.ndarray | None = None


# Outputs, float (evaluations, probes, targets), with rows as in Design.masks -> Attribution with arrays that begin with (probes, targets).
Fitted = Callable[[np.ndarray], Attribution]


@runtime_checkable
class Explainer(Protocol):
    """An explainer that works from a model's outputs on coalitions: a frozen dataclass of options.

    Attributes:
        name: its name in records and on the page.
        laws: the laws of `coalitions.LAWS` that its coalitions must obey.
        fidelity: names of the measures that come with its values.
        sketched: whether its attributions have a noise sketch.
        interacting: whether its attributions have interactions.
    """

    name: ClassVar[str]
    laws: ClassVar[frozenset[str]]
    fidelity: ClassVar[tuple[str, ...]]
    sketched: ClassVar[bool]
    interacting: ClassVar[bool]

    def fit(self, design: Design) -> Fitted:
        """Do all the work that does not need the model, and return a function from outputs to attributions."""


class ModelAccess(Protocol):
    """The model and its outputs on the probes, as a `ModelExplainer` sees them.

    Attributes:
        model: the model itself.
        probes: the probes to explain.
        classes: number of classes (or of outputs, for a regression).
        regression: whether the outputs are those of a regression.
        targets: int (probes, targets), the explained classes.
        full: float64 (probes, targets), the explained output on the unmasked probes.
        empty: float64 (probes, targets), the explained output with every player absent.
    """

    @property
    def model(self) -> Any: ...
    @property
    def probes(self) -> ProbeSet: ...
    @property
    def classes(self) -> int: ...
    @property
    def regression(self) -> bool: ...
    @property
    def targets(self) -> np.ndarray: ...
    @property
    def full(self) -> np.ndarray: ...
    @property
    def empty(self) -> np.ndarray: ...

    def gradients(self, points: np.ndarray, probe: int) -> np.ndarray:
        """Gradients of the explained output with respect to the players.

        Args:
            points: float32 (k, players of the probe), the degree between 0 and 1 to which each player is present; in between, its input lies
                between the baseline and its own value.
            probe: number of the probe.

        Returns:
            float64 (k, targets, players).
        """

    def last_convolution(self, probe: int, layer: str | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Feature maps of the last convolution (or of a named layer) on the unmasked probe, and the gradients of the explained output there.

        Returns:
            float32 (h, w, channels), and float32 (targets, h, w, channels).
        """


@runtime_checkable
class ModelExplainer(Protocol):
    """An explainer that works on the model itself, e.g. by gradients: a frozen dataclass of options.

    `Explainer` describes the attributes. Two more are optional. `unit`, a word or two, is the unit of its values; by default it is that of the
    explained output. `passes(targets) -> int` is the cost of explaining a probe, in model evaluations; it helps to plan the first explanation.
    """

    fidelity: ClassVar[tuple[str, ...]]

    @property
    def name(self) -> str:
        """Of the class; of each object only in `Custom`."""

    def check(self, model: Any) -> None:
        """Raise ValueError, with one sentence, where this explainer cannot work on the model."""

    def explain(self, access: ModelAccess, /) -> Attribution:
        """Attributions of all probes and targets: values float64 (probes, targets, players), NaN past a probe's last player."""


class DrawnInputs(Protocol):
    """What a `SamplingExplainer` draws around a probe. `inputs`: (evaluations, …) as the model takes them; row 0 is the probe itself."""

    @property
    def inputs(self) -> np.ndarray: ...

    def first(self, evaluations: int) -> DrawnInputs:
        """The first inputs: the same sample as if only this many had been drawn."""


@runtime_checkable
class SamplingExplainer(Protocol):
    """An explainer that draws its own inputs around each probe and fits to the model's outputs there: a frozen dataclass of options.

    `Explainer` describes the attributes.
    """

    name: ClassVar[str]
    fidelity: ClassVar[tuple[str, ...]]
    sketched: ClassVar[bool]

    def neighbours(self, probes: TabularProbes, probe: int, evaluations: int, seed: int) -> DrawnInputs:
        """Draw inputs around a probe, the same in every process."""

    def fit(self, neighbours: Any, player_of: np.ndarray) -> Fitted:
        """Do all the work that does not need the model.

        neighbours: a result of `neighbours`, or the first part of it; player_of: int (features,), the player of each feature.
        """


def by_game(apply: Callable[[np.ndarray], Attribution]) -> Fitted:
    """Adapt an explainer that treats each game separately: `apply` takes outputs (evaluations, k) and returns arrays whose last axis is k."""

    def fitted(outputs: np.ndarray) -> Attribution:
        games = outputs.shape[1:]
        attribution = apply(outputs.reshape(len(outputs), -1))

        def unfold(array: np.ndarray) -> np.ndarray:
            return np.moveaxis(array, -1, 0).reshape(*games, *array.shape[:-1])

        return replace(
            attribution,
            values=unfold(attribution.values),
            base=unfold(attribution.base),
            errors=unfold(attribution.errors),
            fidelity={measure: unfold(array) for measure, array in attribution.fidelity.items()},
            noise=None if attribution.noise is None else unfold(attribution.noise),
            interactions=None if attribution.interactions is None else unfold(attribution.interactions),
        )

    return fitted
