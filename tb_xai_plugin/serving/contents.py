"""What the page is sent of probes: names and sizes once a run, and the contents of some."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.probes.cuts.joined import Joined
from tb_xai_plugin.probes.cuts.montage import Montage
from tb_xai_plugin.probes.sequence import names_of
from tb_xai_plugin.run import Run
from tb_xai_plugin.serving.container import Arrays
from tb_xai_plugin.serving.request import Request


def about_kind(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the `run` route that depends on the kind of the probes."""
    names, arrays = record["probes"], record["arrays"]
    if names["kind"] == "image":
        return dict(zip(("height", "width", "channels"), arrays["images"]["shape"][1:], strict=True))
    if names["kind"] == "tabular":
        starts = {"starts": names["starts"]} if names.get("starts") else {}
        return {key: names[key] for key in ("features", "categorical", "player_names", "player_of")} | starts
    if names["kind"] == "sequence":
        return {
            "length": arrays["shown"]["shape"][1],
            "channels": arrays["shown"]["shape"][2],
            "channel_names": names["channel_names"],
            "alike": names["alike"],
        }
    return {}


def of_probes(run: Run, request: Request) -> tuple[dict[str, Any], Arrays]:
    chosen, names = request.probes(run), run.record["probes"]["regions"]
    if run.kind != "image":
        return _without_images(run, request, chosen, names)
    height, width, channels = run.record["arrays"]["images"]["shape"][1:]
    request.refuse_large(chosen, 1, height * width * (channels + 2 + len(names)))
    images, segments, *_ = run.statics("images", "segments", *["regions"] * bool(names))
    arrays = {"images": images[chosen], "segments": segments[chosen].astype(np.uint16)}
    header: dict[str, Any] = {"probes": chosen}
    if layout := run.record["probes"].get("montage"):
        montage = Montage.from_json(layout)
        header["player_names"] = [montage.player_names(labels) for labels in arrays["segments"]]
    return header, arrays | {"regions": run.regions(names, chosen).astype(np.uint8)}


def _without_images(run: Run, request: Request, chosen: list[int], names: list[str]) -> tuple[dict[str, Any], Arrays]:
    """The `probes` route for probes that are not images."""
    header: dict[str, Any] = {"probes": chosen}
    arrays: Arrays = {}
    about, players = run.record["arrays"], run.record["shape"]["players"]
    served = {"text": ("text", "player"), "tabular": ("shown", "missing"), "sequence": ("shown", "segments")}[run.kind]
    of_probe = sum(np.dtype(about[name]["dtype"]).itemsize * math.prod(about[name]["shape"][1:]) for name in served)
    request.refuse_large(chosen, 1, of_probe + 4 * len(names) * players)
    if run.kind == "text":
        pieces = run.pieces()
        header["pieces"] = [pieces[probe] for probe in chosen]
    elif run.kind == "tabular":
        shown, missing = run.statics("shown", "missing")
        arrays = {"rows": shown[chosen], "missing": missing[chosen]}
    else:
        shown, segments = run.statics("shown", "segments")
        arrays = {"series": shown[chosen], "segments": segments[chosen].astype(np.uint16)}
        if layout := run.record["probes"].get("joined"):
            counts = run.record["probes"]["players"]
            header["player_names"] = [names_of(segments[probe], counts[probe], Joined.from_json(layout)) for probe in chosen]
    inside = run.membership(names)[chosen] if names else np.zeros((len(chosen), 0, players))
    return header, arrays | {"regions": inside.astype(np.float32)}
