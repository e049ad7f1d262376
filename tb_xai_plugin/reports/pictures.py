"""Pictures of one probe over the epochs of some runs, as PNG and GIF, on one scale; drawn by plots/."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.probes.files import complete
from tb_xai_plugin.records.series import Target
from tb_xai_plugin.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Epochs in a strip, and pixels an inch.
FRAMES = 8
DPI = 144

# Inches that the label of a strip's scale needs.
LEAST_WIDTH = 3.2

# Milliseconds of a frame, and of the last one.
FRAME_MS, LAST_MS = 600, 2400

# The quantile of |values| with the full colour, as in the tab; of tables the largest has it.
SCALE_QUANTILE = 0.98

# Kinds whose probes are pictures beside each other; others are a map of players over epochs.
DRAWN = ("image", "sequence")


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def png(runs: Sequence[Run], path: str | os.PathLike[str], explainer: str, probe: int, target: Target = "label") -> None:
    """Write one probe at some epochs of each run: a row of pictures each, or a map of players over epochs."""
    save(strip(runs, explainer, probe, target), path)


def gif(runs: Sequence[Run], path: str | os.PathLike[str], explainer: str, probe: int, target: Target = "label") -> int:
    """Write one probe epoch by epoch, the runs beside each other; returns the number of frames.

    Raises:
        ArgumentError (a ValueError): probes that are no images.
    """
    for run in runs:
        if run.kind != "image":
            raise ArgumentError(f"export: {run.name} has no images but {run.kind} probes, which a GIF can't show; give --to FILE.png.")
    from PIL import Image

    steps = np.unique(np.concatenate([run.all_steps for run in runs]))
    end = _scale(runs, explainer, probe, target)
    frames = []
    for step in steps.tolist():
        figure = _figure(3.6 * len(runs), 3.9)
        for run, ax in zip(runs, np.atleast_1d(figure.subplots(1, len(runs))), strict=True):
            # A run that has ended, or has not explained this epoch, keeps its last picture.
            at = int(run.all_steps[max(0, int(np.searchsorted(run.all_steps, step, side="right")) - 1)])
            run.plot_overlay(explainer, probe, at, target=target, ax=ax, scale=end)
        frames.append(Image.open(io.BytesIO(_bytes(figure, 100))).convert("RGB"))
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    with complete("export", path) as part:
        frames[0].save(part, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    return len(frames)


def strip(runs: Sequence[Run], explainer: str, probe: int, target: Target) -> Figure:
    """One probe over the epochs of each run."""
    end = _scale(runs, explainer, probe, target)
    if runs[0].kind not in DRAWN:
        figure = _figure(6.8 * len(runs), 4.4)
        for run, ax in zip(runs, np.atleast_1d(figure.subplots(1, len(runs))), strict=True):
            run.plot_evolution(explainer, probe, target=target, scale=end, ax=ax)
        return figure
    counts = [min(FRAMES, len(run.all_steps)) for run in runs]
    wide, high = (1.5, 2.2) if runs[0].kind == "image" else (2.6, 2.3)
    figure = _figure(max(LEAST_WIDTH, wide * max(counts)), high * len(runs))
    rows = figure.subfigures(len(runs), 1, squeeze=False)[:, 0]
    for run, row, count in zip(runs, rows, counts, strict=True):
        axes = np.atleast_1d(row.subplots(1, count))
        run.plot_filmstrip(explainer, probe, frames=count, target=target, ax=axes, scale=end)
        row.suptitle(run.name, x=0.01, ha="left", fontsize=10)
    return figure


def shares(runs: Sequence[Run], explainer: str, regions: Sequence[str], target: Target) -> Figure:
    """The share of each region over the epochs, one column a run."""
    figure = _figure(5.6 * len(runs), 2.6 * len(regions))
    places = figure.subplots(len(regions), len(runs), squeeze=False, sharey="row")
    for row, region in zip(places, regions, strict=True):
        for ax, run in zip(row, runs, strict=True):
            run.plot_share(region, explainer, target=target, ax=ax)
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    content = _bytes(figure, DPI)
    with complete("export", path) as part, open(part, "wb") as file:
        file.write(content)


def _bytes(figure: Figure, dpi: int) -> bytes:
    made = io.BytesIO()
    # No date and no version: the same numbers make the same file.
    figure.savefig(made, dpi=dpi, format="png", metadata={"Software": None})
    return made.getvalue()


def _figure(width: float, height: float) -> Figure:
    """A figure that no window and no other figure of this process knows."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ArgumentError("export: pictures need matplotlib; install it with 'pip install matplotlib'.") from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _scale(runs: Sequence[Run], explainer: str, probe: int, target: Target) -> float:
    """The |value| with the full colour, for all runs."""
    for run in runs:
        if explainer not in run.explainers:
            raise ArgumentError(f"export: no explainer {explainer!r} in {run.name}; it has {run.explainers}.")
        count = run.record["shape"]["probes"]
        if not 0 <= probe < count:
            raise ArgumentError(f"export: there is no probe {probe} in {run.name}; give a number from 0 to {count - 1}.")
    values = np.concatenate([run.of_class(target, f"values/{explainer}")[0][:, probe].ravel() for run in runs])
    finite = np.abs(values[np.isfinite(values)])
    # The leading feature of a table has more values than the few that may lie beyond.
    return float(np.quantile(finite, 1.0 if runs[0].kind == "tabular" else SCALE_QUANTILE)) or 1.0 if finite.size else 1.0
