"""Checks of the loggers' arguments before training begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.probes import ProbeSet
from tb_xai_plugin.records import wire
from tb_xai_plugin.run import Run


def check_pace(every: Any, max_overhead: Any) -> None:
    """Check the arguments about pace, of the callback and of the loggers of other frameworks.

    Raises:
        ValueError: the first one that is wrong, with one sentence that says what to give.
    """
    if max_overhead is not None and (
        isinstance(max_overhead, bool) or not isinstance(max_overhead, int | float) or not 0 < max_overhead <= 1
    ):
        raise ValueError(f"ExplanationLogger: max_overhead is {max_overhead!r}; give a share of the training time, e.g. 0.05 for 5 %.")
    if not callable(every) and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise ValueError(f"ExplanationLogger: every is {every!r}; give a whole number from 1, or a callable epoch -> bool.")


def check_place(log_dir: Any, on_error: Any, who: str) -> None:
    """Check the arguments that both loggers have, and `explain` has not. who: the logger.

    Raises:
        ValueError, TypeError: the first one that is wrong, with one sentence that says what to give.
    """
    if on_error not in ("warn", "raise"):
        raise ValueError(f"{who}: unknown on_error {on_error!r}; choose from ['warn', 'raise'].")
    if not isinstance(log_dir, str | os.PathLike):
        raise TypeError(f"{who}: log_dir is {log_dir!r}; give the run's directory, the same as that of other TensorBoard callbacks.")


def named(probes: ProbeSet | Mapping[str, ProbeSet]) -> dict[str, ProbeSet]:
    """{name: probe set}; a single probe set has the default name.

    Raises:
        ValueError: no probe set, or a name that can't be part of a tag.
    """
    if not isinstance(probes, Mapping):
        return {wire.DEFAULT_SET: probes}
    if not probes:
        raise ValueError("probes is an empty dict; give one ProbeSet, or {name: ProbeSet}.")
    for name in probes:
        if not isinstance(name, str) or not name or "/" in name:
            raise ValueError(f"probes has the name {name!r}; give names without '/'.")
    return dict(probes)


def of_set(what: str, option: Any, name: str, sets: Mapping[str, ProbeSet]) -> Any:
    """The value of an option for one probe set; a mapping has one for each set, or for some.

    Raises:
        ValueError: the mapping names a probe set that does not exist.
    """
    if not isinstance(option, Mapping):
        return option
    unknown = [key for key in option if key not in sets]
    if unknown:
        raise ValueError(
            f"{what} names the probe set {unknown[0]!r}, and the probe sets are {sorted(sets)}; give one value, or {{name of a probe set: value}}."
        )
    return option.get(name)


def differing_parts(plan: Plan, run: Run) -> list[str]:
    """The parts in which a record that is there differs from what is to be logged, in words."""
    here = plan.comparable
    differing = wire.differing(here, {part: run.comparable.get(part) for part in here})
    if differing:
        return differing
    names, arrays = plan.probes.as_record()
    differing = [part.replace("_", " ") for part in ("class_names", "names") if names[part] != run.record["probes"][part]]
    if names["regions"] != run.record["probes"]["regions"]:
        differing.append("regions")
    shown = {"images": "display", "shown": "display", "regions": "regions", "membership": "regions"}
    for array, word in shown.items():
        if array in arrays and word not in differing and not np.array_equal(arrays[array], run.static(array)):
            differing.append(word)
    return differing
