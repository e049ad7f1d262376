"""What runs, explanations and comparisons show in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from tb_xai_plugin.plots import html
from tb_xai_plugin.plots.moment import RETURNED, UNTRAINED, method, number, when_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tb_xai_plugin.plots.moment import Moment

# Probes that are drawn.
SHOWN = 6
# A record with more numbers of one class is not read for a display: its words are shown.
MOST_NUMBERS = 20_000_000
# Rows of a comparison's table.
MOST_ROWS = 10


def of_moment(moment: Moment) -> str:
    """The display of an Explanation."""
    return html.framed(html.paragraph(_heading(moment, "Explanation")) + _probes(moment))


def of_run(run: Any, last: Callable[[], Moment]) -> str:
    """The display of a Run: what it is, its metrics, its regions' shares, and its last explanations. last: reads them."""
    content = html.paragraph(repr(run))
    shape = run.record["shape"]
    if not len(run.all_steps) or len(run.all_steps) * shape["probes"] * shape["players"] > MOST_NUMBERS:
        return html.framed(content)
    moment = last()
    content += _metrics(run) + _regions(run, moment.explainer)
    return html.framed(content + html.paragraph(_heading(moment, ""), "muted") + _probes(moment))


def of_comparison(comparison: Any) -> str:
    """The display of a Comparison or a SideBySide: the verdict, shares of regions, and the probes to look at first."""
    names = f"A: {comparison.run}, B: {comparison.other}"
    content = html.paragraph(names, "muted")
    if not len(comparison.steps):
        return html.framed(content + html.paragraph("Neither run has an explained epoch yet."))
    row = comparison.place()
    content += html.paragraph(comparison.verdict()) + _shares(comparison, row)
    return html.framed(content + _first(comparison, row))


def _heading(moment: Moment, otherwise: str) -> str:
    count = len(moment.values)
    many = f", the first {SHOWN} of {count} probes" if count > SHOWN else ""
    parts = [method(moment.explainer) or otherwise, moment.when]
    return f"{', '.join(part for part in parts if part)}: attributions in {moment.unit}{many}"


def _probes(moment: Moment) -> str:
    probes = range(min(SHOWN, len(moment.values)))
    drawn = moment.values[: len(probes)]
    end = float(np.abs(np.nan_to_num(drawn)).max(initial=0)) or 1.0
    made = []
    for probe in probes:
        toward = f" · toward “{moment.target(probe)}”" if moment.targets[probe] >= 0 and not moment.regression else ""
        made.append(html.card(f"{moment.probes.probe_name(probe)}{toward}", html.picture(moment, probe, end)))
    scale = (
        ""
        if moment.probes.kind == "tabular"
        else html.paragraph(f"red speaks for the class, blue against it; the full colour is {number(end)} {moment.unit}", "muted")
    )
    return html.cards(made) + scale


def _metrics(run: Any) -> str:
    """Small curves of the metrics with their last values."""
    drawn = []
    for name, series in list(run.logs.items())[:4]:
        known = series[np.isfinite(series)]
        if len(known):
            drawn.append(f"<td>{escape(name)} {number(float(known[-1]))}{html.line(run.steps, series, 'var(--muted)')}</td>")
    return f"<table><tr>{''.join(drawn)}</tr></table>" if drawn else ""


def _regions(run: Any, explainer: str) -> str:
    """The share of each declared region at the last epoch that has numbers, as the pictures are of it, with its error and onset."""
    rows = []
    for name in run.record["probes"]["regions"][:MOST_ROWS]:
        share = run.all_region_share(explainer, name, "label")
        epochs = [place for place in np.flatnonzero(run.is_epoch) if np.isfinite(share.share[place]).any()]
        last = epochs[-1] if epochs else -1
        now, error = _mean(share.share[last], share.errors[last])
        onset = run.all_steps[share.onset_of_run] if share.onset_of_run >= 0 else None
        said = "no onset" if onset is None else f"leans on it since {when_words(int(onset))}"
        own = share.own[np.isfinite(share.own)]
        size = f"own part {100 * own.mean():.0f} %" if len(own) else ""
        rows.append(f"<tr><td>{escape(name)}</td><td class=n>{_percent(now, error)}</td><td>{size}</td><td>{said}</td></tr>")
    return (
        f"<table><tr><th>region</th><th>share of |{escape(method(explainer))}|</th><th></th><th></th></tr>{''.join(rows)}</table>"
        if rows
        else ""
    )


def _shares(comparison: Any, row: int) -> str:
    """Shares of regions in both runs at a row."""
    found: dict[str, list[float]] = {}
    regions: Mapping[str, Any] = comparison.regions
    for name, pair in list(regions.items())[:MOST_ROWS]:
        found[name] = pair.now(row) if comparison.comparable else pair[row].tolist()
    rows = [
        f"<tr><td>{escape(name)}</td><td class=n>{_percent(a)}</td><td class=n>{_percent(b)}</td></tr>" for name, (a, b) in found.items()
    ]
    return f"<table><tr><th>share of</th><th>A</th><th>B</th></tr>{''.join(rows)}</table>" if rows else ""


def _first(comparison: Any, row: int) -> str:
    """The probes to look at first, with their distances and noise floors."""
    distance, floor = comparison.distance[row], comparison.floor[row]
    column = {int(probe): place for place, probe in enumerate(comparison.pairs[:, 0])} if not comparison.comparable else None
    chosen = comparison.look_first()[:MOST_ROWS]
    if not chosen:
        return html.paragraph("No probe has other reasons by more than noise.", "muted")
    end = float(np.nanmax(np.append(distance, floor)))
    rows = []
    for probe in chosen:
        place = probe if column is None else column[probe]
        rows.append(
            f"<tr><td>probe {probe}</td><td>{html.meter(float(distance[place]), float(floor[place]), end)}</td>"
            f"<td class=n>{number(float(distance[place]))}</td><td class=n>{number(float(floor[place]))}</td></tr>"
        )
    step = int(comparison.steps[row])
    when = when_words(step) if step in (UNTRAINED, RETURNED) else f"epoch {step}"
    head = f"<tr><th>look first, {when}</th><th>distance ({escape(comparison.measure)})</th><th></th><th>noise floor (dashed)</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _mean(share: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    known = np.isfinite(share)
    if not known.any():
        return float("nan"), float("nan")
    return float(share[known].mean()), float(np.sqrt((errors[known] ** 2).sum()) / known.sum())


def _percent(share: float, error: float = float("nan")) -> str:
    if not np.isfinite(share):
        return "–"
    return f"{100 * share:.0f} %" if not np.isfinite(error) else f"{100 * share:.1f} ± {100 * error:.1f} %"
