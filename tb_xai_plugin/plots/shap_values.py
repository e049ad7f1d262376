"""Attributions in the form in which shap's own plots take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.plots.moment import alike

if TYPE_CHECKING:
    import shap

    from tb_xai_plugin.plots.moment import Moment
    from tb_xai_plugin.probes import ImageProbes, TextProbes


def to_shap(moment: Moment) -> shap.Explanation:
    """See `Explanation.to_shap`."""
    try:
        import shap
    except ImportError as error:
        raise ImportError("to_shap needs shap; install it with 'pip install shap'.") from error
    if np.isnan(moment.values).all():
        raise ArgumentError("to_shap: there is no number at this step; choose another step=.")
    parts = {"image": _of_images, "text": _of_texts}.get(moment.probes.kind, _of_features)(moment)
    return shap.Explanation(base_values=moment.base.astype(np.float64), **parts)


def _padded(array: np.ndarray, players: np.ndarray) -> np.ndarray:
    """float64 (p, players): 0 past a probe's last player, as shap has no ragged arrays; what has no number stays NaN, which is not 0."""
    return np.where(np.arange(array.shape[1]) < players[:, None], array.astype(np.float64), 0.0)


def _of_features(moment: Moment) -> dict[str, Any]:
    """Values (p, players), with the values of features as numbers, and as people see them."""
    values = _padded(moment.values, moment.probes.players)
    shown = np.full(values.shape, None, dtype=object)
    for probe, row in enumerate(shown):
        of_probe = moment.probes.player_values(probe)
        row[: len(of_probe)] = [str(value) if isinstance(value, dict) else value for value in of_probe]
    numbers = np.array([[value if isinstance(value, float) else np.nan for value in row] for row in shown], dtype=np.float64)
    names = moment.names(0) if alike(moment.probes) else [f"segment {player}" for player in range(values.shape[1])]
    return {
        "values": values,
        "data": numbers,
        "display_data": shown,
        "feature_names": names[: values.shape[1]],
        "error_std": _padded(moment.errors, moment.probes.players),
    }


def _of_images(moment: Moment) -> dict[str, Any]:
    """Values (p, H, W, 1), each segment's spread evenly over its pixels, so that they still sum to the output less the base value."""
    probes = cast("ImageProbes", moment.probes)
    maps = []
    for values, segments in zip(_padded(moment.values, probes.players), probes.segments, strict=True):
        pixels = np.bincount(segments[segments >= 0], minlength=len(values))
        maps.append(np.where(segments >= 0, (values / np.maximum(pixels, 1))[np.maximum(segments, 0)], 0.0))
    return {"values": np.stack(maps)[..., None], "data": probes.images[..., :3].astype(np.float64)}


def _of_texts(moment: Moment) -> dict[str, Any]:
    """For each text its pieces and their values: what is between tokens is written with the token before it, and has none of its own."""
    probes = cast("TextProbes", moment.probes)
    values_of, pieces_of = [], []
    for probe, pieces in enumerate(probes.pieces):
        players = np.array([player for _, player in pieces if player >= 0])
        count = np.bincount(players, minlength=int(probes.players[probe]))
        own = moment.values[probe].astype(np.float64)
        written, values, before = [], [], ""
        for piece, player in pieces:
            if player >= 0:
                written.append(before + piece)
                values.append(own[player] / count[player])
                before = ""
            elif written:
                written[-1] += piece
            else:
                before = piece
        values_of.append(np.array(values))
        pieces_of.append(np.array(written, dtype=object))
    return {"values": _ragged(values_of), "data": _ragged(pieces_of), "feature_names": _ragged(pieces_of)}


def _ragged(rows: list[np.ndarray]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    return array
