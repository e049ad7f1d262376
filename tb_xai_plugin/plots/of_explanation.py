"""The plots of an Explanation: one moment, without epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.plots.moment import Moment, chosen_class, method

if TYPE_CHECKING:
    import shap
    from matplotlib.axes import Axes

    from tb_xai_plugin.probes import ProbeSet

Target = str | int


class ExplanationPlots:
    """Plots for matplotlib in the tab's colours, shap's own form, and the display in notebooks.

    Every plot takes `ax`, the Axes to draw on (by default a new figure), and `dark` (by default as the figure, or matplotlib's style), and returns its Axes.
    Whiskers are standard errors.
    """

    if TYPE_CHECKING:
        values: np.ndarray
        errors: np.ndarray
        base_values: np.ndarray
        outputs: np.ndarray
        targets: np.ndarray
        probes: ProbeSet
        unit: str
        explainer: str

    def plot_overlay(
        self, probe: int = 0, *, target: Target = "label", ax: Axes | None = None, dark: bool | None = None, **look: Any
    ) -> Axes:
        """The explanation over its probe: a tinted image, bars of a row of a table, a text on colours, a series on colours.

        Args:
            probe: the number of the probe.
            target: the explained class: "label" (the likeliest explained one where there are no labels) | "predicted" | a class number.
            ax, dark: as in all plots.
            look: of any kind of probes: sign="both" | "for" | "against", strongest=k, least=0.0 (as in lime's `positive_only`, `num_features` and
                `min_weight`), rest="show" | "hide" (as in `hide_rest`), scale= the |value| with the full colour, legend=True, opacity=0.8,
                most=12 bars. Of images: classic=True (the picture that LIME's users know), outlines=True | a colour (of chosen segments, as
                `mark_boundaries` draws them), view="overlay" | "map" | "image", region= the name of a region to outline.

        Raises:
            ArgumentError (a ValueError): a probe, class or value of an option that there is not. TypeError: an unknown option.
        """
        from tb_xai_plugin.plots import overlay

        return overlay.plot("plot_overlay", self._moment(target), probe, ax, dark, look)

    def plot_text(self, probe: int = 0, *, target: Target = "label", ax: Axes | None = None, dark: bool | None = None, **look: Any) -> Axes:
        """`plot_overlay` of texts.

        Raises:
            TypeError: the probes are not texts.
        """
        refuse_other_kinds("plot_text", self.probes, "text")
        return self.plot_overlay(probe, target=target, ax=ax, dark=dark, **look)

    def plot_waterfall(
        self, probe: int = 0, *, target: Target = "label", most: int = 10, ax: Axes | None = None, dark: bool | None = None
    ) -> Axes:
        """How the players lead from the empty coalition's output to the model's: the `most` strongest, and all others together.

        The other arguments are those of `plot_overlay`.
        """
        return waterfall(self._moment(target), probe, most, ax, dark)

    def plot_force(self, probe: int = 0, *, target: Target = "label", ax: Axes | None = None, dark: bool | None = None) -> Axes:
        """The same in one band: players that raise the output push from the left, those that lower it from the right."""
        return force_plot(self._moment(target), probe, ax, dark)

    def plot_beeswarm(self, *, target: Target = "label", most: int = 12, ax: Axes | None = None, dark: bool | None = None) -> Axes:
        """All probes at once: a row of points for each of the `most` strongest players, in the colours of the feature's values."""
        return beeswarm_plot(self._moment(target), most, ax, dark)

    def plot_importance(self, *, target: Target = "label", most: int = 15, ax: Axes | None = None, dark: bool | None = None) -> Axes:
        """Mean |attribution| of the `most` strongest players over all probes; of texts, of each word over its occurrences."""
        return importance_plot(self._moment(target), most, ax, dark)

    def to_shap(self, *, target: Target = "label") -> shap.Explanation:
        """The attributions of one class as a `shap.Explanation`, for shap's own plots: beeswarm, waterfall, bar, image, text.

        Of tables and series: values (p, players), the features' values as data, and standard errors as `error_std`. Of images: values (p, H, W, 1), each
        segment's spread evenly over its pixels, so that they sum to what the segments do. Of texts: one array a text, a value a token. Missing
        numbers become 0, because shap's plots take none.

        Raises:
            ImportError: shap is not installed.
        """
        from tb_xai_plugin.plots import shap_values

        return shap_values.to_shap(self._moment(target))

    def _repr_html_(self) -> str:
        from tb_xai_plugin.plots import cards

        return cards.of_moment(self._moment("label"))

    def _moment(self, target: Target) -> Moment:
        regression = self.unit == "output" and self.probes.labels is None and self.probes.label_sets is None
        if regression and isinstance(target, str):
            index = np.zeros(len(self.targets), dtype=int)
        else:
            index = chosen_class(method(self.explainer) or "Explanation", self.targets, self.probes, self.outputs, target)
        rows, known = np.arange(len(index)), index >= 0
        values, errors, base, outputs = (
            np.where(known.reshape(-1, *[1] * (array.ndim - 2)), array[rows, index], np.nan)
            for array in (self.values, self.errors, self.base_values, self.outputs)
        )
        targets = np.where(known, self.targets[rows, index], -1)
        return Moment(
            *(self.probes, values, errors, base, outputs, targets, self.probes.unit_of(self.unit)), regression, explainer=self.explainer
        )


def refuse_other_kinds(who: str, probes: ProbeSet, kind: str) -> None:
    """Raise TypeError where probes are not of the kind that a plot draws."""
    if probes.kind != kind:
        raise TypeError(f"{who}: the probes are of kind {probes.kind!r}; use plot_overlay, which draws every kind.")


def waterfall(moment: Moment, probe: int, most: int, ax: Axes | None, dark: bool | None) -> Axes:
    """See `ExplanationPlots.plot_waterfall`."""
    from tb_xai_plugin.plots import axes, bars

    values, _ = moment.of("plot_waterfall", probe)
    size = 6.0, bars.AROUND + 0.5 + bars.ROW * min(most + 1, len(values))
    ax, theme = axes.axes("plot_waterfall", ax, size, dark)
    bars.waterfall(ax, theme, moment, probe, most)
    _titled(ax, theme, moment.title(probe), above=True)
    return ax


def force_plot(moment: Moment, probe: int, ax: Axes | None, dark: bool | None) -> Axes:
    """See `ExplanationPlots.plot_force`."""
    from tb_xai_plugin.plots import axes, force

    moment.of("plot_force", probe)
    ax, theme = axes.axes("plot_force", ax, (8.0, 2.1), dark)
    force.draw(ax, theme, moment, probe)
    _titled(ax, theme, moment.title(probe))
    return ax


def beeswarm_plot(moment: Moment, most: int, ax: Axes | None, dark: bool | None) -> Axes:
    """See `ExplanationPlots.plot_beeswarm`."""
    from tb_xai_plugin.plots import axes, bars, beeswarm

    ax, theme = axes.axes("plot_beeswarm", ax, (6.2, bars.AROUND + 0.32 * min(most, moment.values.shape[1])), dark)
    beeswarm.draw(ax, theme, moment, most)
    _titled(ax, theme, moment.title(None))
    return ax


def importance_plot(moment: Moment, most: int, ax: Axes | None, dark: bool | None) -> Axes:
    """See `ExplanationPlots.plot_importance`."""
    from tb_xai_plugin.plots import axes, bars

    ax, theme = axes.axes("plot_importance", ax, (5.6, bars.AROUND + bars.ROW * min(most, moment.values.shape[1])), dark)
    bars.importance(ax, theme, moment, most)
    _titled(ax, theme, moment.title(None))
    return ax


def _titled(ax: Axes, theme: Any, title: str, *, above: bool = False) -> None:
    """above: leave room for words between the title and the axes."""
    from tb_xai_plugin.plots import axes

    axes.titled(ax, theme, title)
    if above:
        ax.set_title(title, loc="left", color=theme.ink, fontsize=axes.NORMAL, pad=16)
