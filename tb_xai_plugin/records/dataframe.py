"""A run's attributions as a pandas DataFrame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

    from tb_xai_plugin.records.series import Series


def of_series(series: Series) -> pandas.DataFrame:
    """See `Run.to_dataframe`."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("to_dataframe needs pandas; install it with 'pip install pandas'.") from error

    labels, names, truth = (series.record["probes"].get(name) for name in ("labels", "names", "truth"))
    of_outputs = series.label_sets if truth is None else np.array(truth)
    probes = series.probes
    player_names = np.full((len(probes), int(probes.players.max())), None, dtype=object)
    player_values = np.full_like(player_names, None)
    for number, of_probe in enumerate(probes.players_named()):
        player_names[number, : len(of_probe)] = of_probe
        for place, value in enumerate(probes.player_values(number)):
            player_values[number, place] = value
    frames = []
    for explainer in series.explainers:
        values = series.all_values(explainer)
        step, probe, target, player = np.indices(values.shape).reshape(4, -1)
        targets = series.all_targets()[step, probe, target]
        label = np.array(labels)[probe] if labels else None
        if of_outputs is not None:
            label = _of_targets(of_outputs, probe, targets)
        frame = pandas.DataFrame(
            {
                "step": series.all_steps[step],
                "explainer": explainer,
                "probe": probe,
                "name": np.array(names, dtype=object)[probe] if names else None,
                "label": label,
                "target": targets,
                "class": _named(targets, series.record["probes"]["class_names"]),
                "player": player,
                "player_name": player_names[probe, player],
                "player_value": player_values[probe, player],
                "value": values.ravel(),
                "error": series.all_errors(explainer).ravel(),
            }
        )
        if probes.unit:
            frame["unit"] = probes.unit_of(series.units[explainer])
        frames.append(frame[player < probes.players[probe]])
    return pandas.concat(frames, ignore_index=True)


def _of_targets(of_outputs: np.ndarray, probe: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The true value, or whether the label is true, of each target; None where nothing was explained."""
    known: np.ndarray = of_outputs[probe, np.maximum(target, 0)]
    if (target < 0).any():
        known = known.astype(object)
        known[target < 0] = None
    return known


def _named(classes: np.ndarray, class_names: Sequence[str] | None) -> np.ndarray | None:
    """Names of class numbers; None for a number without a name, such as -1."""
    if class_names is None:
        return None
    names = np.array([*class_names, None], dtype=object)
    return names[np.where(classes < len(class_names), classes, -1)]
