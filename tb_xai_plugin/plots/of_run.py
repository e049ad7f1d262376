"""The plots of a Run: those of one moment at any epoch, and those over its epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tb_xai_plugin.errors import ArgumentError, usual_explainer
from tb_xai_plugin.plots import of_explanation
from tb_xai_plugin.plots.moment import RETURNED, UNTRAINED, Epochs, Moment, checked_probe, method, when_words

if TYPE_CHECKING:
    import shap
    from matplotlib.axes import Axes

    from tb_xai_plugin.probes import ProbeSet

Target = str | int

# Below it, and this far below 1, a probability has no finite log-odds.
CLIPPED = 1e-12


class Recorded(Protocol):
    """What plots ask of a run: its arrays, and what `judgement` says of them."""

    name: str

    @property
    def all_steps(self) -> np.ndarray: ...
    @property
    def is_epoch(self) -> np.ndarray: ...
    @property
    def explainers(self) -> list[str]: ...
    @property
    def probes(self) -> ProbeSet: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def units(self) -> dict[str, str]: ...
    def of_class(self, wanted: Target, *quantities: str) -> list[np.ndarray]: ...
    def target_of(self, wanted: Target) -> np.ndarray: ...
    def all_outputs(self) -> np.ndarray: ...
    def all_drift(self, explainer: str, against: str | int, measure: str, target: Target) -> Any: ...
    def all_region_share(self, explainer: str, region: Any, target: Target) -> Any: ...


class RunPlots:
    """Plots for matplotlib in the tab's colours, shap's own form, and the display in notebooks.

    Every plot takes `explainer` (by default "shap", else the run's first), `target` ("label" | "predicted" | a class number), `ax`, the Axes to draw on (by
    default a new figure), and `dark` (by default as the figure, or matplotlib's style), and returns its Axes. A plot of one moment takes `step`: an
    epoch, -1 for the untrained model, None for the last epoch. Whiskers are standard errors.
    """

    def plot_overlay(
        self: Recorded,
        explainer: str | None = None,
        probe: int = 0,
        step: int | None = None,
        *,
        target: Target = "label",
        ax: Axes | None = None,
        dark: bool | None = None,
        **look: Any,
    ) -> Axes:
        """One explanation over its probe; look: as in `Explanation.plot_overlay`."""
        from tb_xai_plugin.plots import overlay

        return overlay.plot("plot_overlay", moment("plot_overlay", self, explainer, step, target), probe, ax, dark, look)

    def plot_text(
        self: Recorded,
        explainer: str | None = None,
        probe: int = 0,
        step: int | None = None,
        *,
        target: Target = "label",
        ax: Axes | None = None,
        dark: bool | None = None,
        **look: Any,
    ) -> Axes:
        """`plot_overlay` of texts.

        Raises:
            TypeError: the probes are not texts.
        """
        from tb_xai_plugin.plots import overlay

        of_explanation.refuse_other_kinds("plot_text", self.probes, "text")
        return overlay.plot("plot_text", moment("plot_text", self, explainer, step, target), probe, ax, dark, look)

    def plot_waterfall(
        self: Recorded,
        explainer: str | None = None,
        probe: int = 0,
        step: int | None = None,
        *,
        target: Target = "label",
        most: int = 10,
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """How the players lead from the empty coalition's output to the model's; see `Explanation.plot_waterfall`."""
        return of_explanation.waterfall(moment("plot_waterfall", self, explainer, step, target), probe, most, ax, dark)

    def plot_force(
        self: Recorded,
        explainer: str | None = None,
        probe: int = 0,
        step: int | None = None,
        *,
        target: Target = "label",
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """The same in one band; see `Explanation.plot_force`."""
        return of_explanation.force_plot(moment("plot_force", self, explainer, step, target), probe, ax, dark)

    def plot_beeswarm(
        self: Recorded,
        explainer: str | None = None,
        step: int | None = None,
        *,
        target: Target = "label",
        most: int = 12,
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """All probes at once; see `Explanation.plot_beeswarm`."""
        return of_explanation.beeswarm_plot(moment("plot_beeswarm", self, explainer, step, target), most, ax, dark)

    def plot_importance(
        self: Recorded,
        explainer: str | None = None,
        step: int | None = None,
        *,
        target: Target = "label",
        most: int = 15,
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """Mean |attribution| over probes; see `Explanation.plot_importance`."""
        return of_explanation.importance_plot(moment("plot_importance", self, explainer, step, target), most, ax, dark)

    def plot_filmstrip(
        self: Recorded,
        explainer: str | None = None,
        probe: int = 0,
        *,
        frames: int | Sequence[int] = 6,
        target: Target = "label",
        ax: Any = None,
        dark: bool | None = None,
        **look: Any,
    ) -> np.ndarray:
        """One probe over the epochs, on one scale.

        Args:
            explainer, probe, target, dark, look: as in `plot_overlay`.
            frames: how many steps, spread evenly from the first to the last; or a list of steps.
            ax: as many Axes as frames; by default those of a new figure.

        Returns:
            The Axes, an array (frames,).
        """
        from tb_xai_plugin.plots import strips

        return strips.filmstrip("plot_filmstrip", epochs(self, explainer, target), probe, frames, ax, dark, look)

    def plot_drift(
        self: Recorded,
        explainer: str | None = None,
        probe: int | None = None,
        *,
        against: str | int = "previous",
        measure: str = "tv",
        target: Target = "label",
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """The drift over epochs with its noise floor; filled points are above it.

        Args:
            explainer, target, ax, dark: as in all plots.
            probe: the number of a probe; None for the median and the middle half of all probes.
            against, measure: as in `drift`.
        """
        from tb_xai_plugin.plots import axes, colors, curves

        explainer = chosen_explainer(self, explainer)
        if probe is not None:
            probe = checked_probe("plot_drift", probe, len(self.probes))
        found, trained = self.all_drift(explainer, against, measure, target), self.is_epoch
        if not trained.any():
            raise ArgumentError(f"plot_drift: {self.name} has no explained epochs, so nothing drifts; use plot_overlay.")
        made, theme = axes.axes("plot_drift", ax, (6.0, 2.6), dark)
        reference = {"previous": "the epoch before", "untrained": "the untrained model", "final": "the last epoch"}.get(str(against), "")
        about = reference or when_words(int(against))
        color = colors.run_color(self.name, theme)
        curves.drift(made, theme, self.all_steps[trained], found.distance[trained], found.floor[trained], probe, color, measure, about)
        axes.titled(made, theme, _title(self, explainer, "drift", probe))
        return made

    def plot_share(
        self: Recorded,
        region: Any,
        explainer: str | None = None,
        probe: int | None = None,
        *,
        target: Target = "label",
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """The share of |attribution| in a region over epochs, with its errors, the region's own size, and the onset.

        Args:
            region: as in `region_share`.
            explainer, target, ax, dark: as in all plots.
            probe: the number of a probe; None for the mean over all that have a part of the region.
        """
        from tb_xai_plugin.plots import axes, colors, curves

        explainer = chosen_explainer(self, explainer)
        share, shown = self.all_region_share(explainer, region, target), self.all_steps != RETURNED
        if not shown.any():
            raise ArgumentError(f"plot_share: {self.name} has no explained epochs; use plot_overlay, or region_share of the explanation.")
        steps, own, onset = self.all_steps[shown], share.own, share.onset_of_run
        if probe is None:
            mean, error = curves.mean_and_error(share.share[shown], share.errors[shown])
        else:
            probe = checked_probe("plot_share", probe, len(self.probes))
            mean, error, own, onset = share.share[shown, probe], share.errors[shown, probe], share.own[[probe]], share.onset[probe]
        size = float(own[np.isfinite(own)].mean()) if np.isfinite(own).any() else float("nan")
        made, theme = axes.axes("plot_share", ax, (6.0, 2.6), dark)
        name = region if isinstance(region, str) else "the region"
        at = int(self.all_steps[onset]) if onset >= 0 else None
        curves.share(made, theme, steps, mean, error, size, at, colors.run_color(self.name, theme), name, share.whole)
        axes.titled(made, theme, _title(self, explainer, f"share of {name}", probe))
        return made

    def plot_evolution(
        self: Recorded,
        explainer: str | None = None,
        probe: int | None = None,
        *,
        target: Target = "label",
        most: int = 15,
        scale: float | None = None,
        ax: Axes | None = None,
        dark: bool | None = None,
    ) -> Axes:
        """Players over epochs as a map, the `most` strongest ones.

        Args:
            explainer, target, ax, dark: as in all plots.
            probe: the number of a probe, for its signed values; None for the mean |attribution| over all probes, of players that all probes share.
            most: the most players.
            scale: the |value| with the full colour; None for the largest.
        """
        from tb_xai_plugin.plots import axes, evolution

        if probe is not None:
            probe = checked_probe("plot_evolution", probe, len(self.probes))
        found = epochs(self, explainer, target)
        players = int(self.probes.players.max()) if probe is None else int(self.probes.players[probe])
        made, theme = axes.axes("plot_evolution", ax, (6.4, 1.0 + 0.22 * min(most, players)), dark)
        evolution.draw(made, theme, found, probe, most, scale)
        axes.titled(made, theme, _title(self, found.explainer, "players over epochs", probe))
        return made

    def plot_pair(
        self: Recorded,
        other: Any,
        explainer: str | None = None,
        probe: int = 0,
        step: int | None = None,
        *,
        other_step: int | None = None,
        target: Target = "label",
        ax: Any = None,
        dark: bool | None = None,
        **look: Any,
    ) -> np.ndarray:
        """One probe in two runs and their difference A − B, on one scale; whiskers of the difference are its own standard errors.

        Args:
            other: another run of the same probes, e.g. for which `compare` says `comparable`.
            explainer, probe, target, dark, look: as in `plot_overlay`.
            step, other_step: the step of each run; by default the last epoch of each, and `step` for both where it alone is given.
            ax: three Axes; by default those of a new figure.

        Returns:
            The Axes, an array (3,).

        Raises:
            TypeError: something that is not a run. ArgumentError (a ValueError): runs that can't be compared.
        """
        from tb_xai_plugin.plots import strips

        if not isinstance(other, RunPlots):
            raise TypeError(f"plot_pair got a {type(other).__name__}; give a run, as read_run returns it.")
        explainer = chosen_explainer(self, explainer)
        one = moment("plot_pair", self, explainer, step, target)
        two = moment("plot_pair", other, explainer, step if other_step is None else other_step, target)  # type: ignore[arg-type]
        errors = _change_errors(self, other, explainer, step, step if other_step is None else other_step, target)
        return strips.pair("plot_pair", one, two, errors, probe, ax, dark, look)

    def to_shap(self: Recorded, explainer: str | None = None, step: int | None = None, *, target: Target = "label") -> shap.Explanation:
        """The attributions of one class at one step as a `shap.Explanation`; see `Explanation.to_shap`."""
        from tb_xai_plugin.plots import shap_values

        return shap_values.to_shap(moment("to_shap", self, explainer, step, target))

    def _repr_html_(self: Recorded) -> str:
        from tb_xai_plugin.plots import cards

        return cards.of_run(self, lambda: moment("Run", self, None, None, "label"))


def chosen_explainer(run: Recorded, explainer: str | None) -> str:
    """The explainer that a plot draws: by default "shap" where the run has it, else its first."""
    if explainer is None:
        return usual_explainer(run)
    if explainer not in run.explainers:
        raise ArgumentError(f"{run.name}: no explainer {explainer!r} in this record; it has {run.explainers}.")
    return explainer


def epochs(run: Recorded, explainer: str | None, target: Target) -> Epochs:
    """One explainer's attributions of one class at all steps."""
    explainer = chosen_explainer(run, explainer)
    values, errors, base = run.of_class(target, *(f"{what}/{explainer}" for what in ("values", "errors", "base")))
    targets, unit = run.target_of(target), run.units[explainer]
    outputs = _explained(run.all_outputs()[:, :, 0], targets, unit)
    regression = bool(run.settings["regression"])
    return Epochs(
        *(run.probes, run.all_steps, values, errors, base, outputs, targets),
        unit=run.probes.unit_of(unit),
        regression=regression,
        explainer=explainer,
        run=run.name,
    )


def moment(who: str, run: Recorded, explainer: str | None, step: int | None, target: Target) -> Moment:
    """The same at one step; see `Epochs.place`."""
    found = epochs(run, explainer, target)
    return found.at(found.place(who, step))


def _explained(outputs: np.ndarray, targets: np.ndarray, unit: str) -> np.ndarray:
    """(steps, probes): the explained quantity on the unmasked probes, from logged outputs; NaN where they do not tell it.

    outputs: (steps, probes, classes), probabilities, or a regression's outputs.
    """
    of_class = np.take_along_axis(outputs.astype(np.float64), np.maximum(targets, 0)[..., None], axis=2)[..., 0]
    of_class = np.where(targets >= 0, of_class, np.nan)
    if unit == "log-odds":
        clipped = np.clip(of_class, CLIPPED, 1 - CLIPPED)
        # float32 has no probabilities between 1 - 6e-8 and 1: close to it the logged output does not tell the log-odds.
        return np.where((of_class > 1e-6) & (of_class < 1 - 1e-5), np.log(clipped / (1 - clipped)), np.nan)
    return of_class if unit == "probability" else np.full(of_class.shape, np.nan)


def _change_errors(run: Any, other: Any, explainer: str, step: int | None, other_step: int | None, target: Target) -> np.ndarray:
    """(probes, players): standard errors of the difference of two runs' values at their steps.

    Raises:
        ArgumentError (a ValueError): runs that can't be compared.
    """
    places = [epochs(side, explainer, target).place("plot_pair", at) for side, at in ((run, step), (other, other_step))]
    steps = [int(side.all_steps[place]) for side, place in zip((run, other), places, strict=True)]
    errors: np.ndarray = run.change_errors(explainer, *steps, other)
    classes = run.all_targets()[places[0]] == run.target_of(target)[places[0]][:, None]
    of_class = np.take_along_axis(errors, classes.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    return np.where(classes.any(axis=1)[:, None], of_class, np.nan)


def _title(run: Recorded, explainer: str, what: str, probe: int | None) -> str:
    which = f"{len(run.probes)} probes" if probe is None else run.probes.probe_name(probe)
    return " · ".join((method(explainer), what, which, run.name))


__all__ = ["RETURNED", "UNTRAINED", "RunPlots", "epochs", "moment"]
