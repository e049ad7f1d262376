"""The requests that the page makes of its records, as it makes them: what a report has the replies to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tb_xai_plugin.judgement.alignment import WAYS

Request = tuple[str, dict[str, str]]

# How many values of the first table's rows the page asks for at once is its own matter: it is answered from the reply on all probes.
Info = Mapping[str, Any]

# What the page shows before anything is chosen.
FIRST_WAY = next(iter(WAYS))


@dataclass(frozen=True)
class Topic:
    """What is explained of a run: `info` is its reply of the `run` route."""

    info: Info
    explainer: str
    target: str

    @property
    def arguments(self) -> dict[str, str]:
        return {"run": self.info["run"], "set": self.info["set"], "explainer": self.explainer, "class": self.target}


def classes_of(info: Info) -> tuple[list[str], list[str]]:
    """The classes that every report has, and further ones, as the argument `class` names them."""
    probes = info["probes"]
    labelled = probes["labels"] is not None or probes.get("label_sets") is not None
    numbers = [str(number) for number in range(probes["classes"])] if probes["classes"] > 1 else []
    return (["label", "predicted"] if labelled and not probes["regression"] else ["label"]), numbers


def topics(info: Info, targets: Iterable[str]) -> list[Topic]:
    return [Topic(info, explainer, target) for target in targets for explainer in info["explainers"]]


def of_run(info: Info) -> Iterator[Request]:
    """What does not depend on the explainer."""
    run = {"run": info["run"], "set": info["set"]}
    for route in ("run", "probes", "answers", "outputs"):
        yield route, run


def of_topic(topic: Topic) -> Iterator[Request]:
    """One explainer's values of one class, and what they mean."""
    info, arguments = topic.info, topic.arguments
    for route in ("values", "fidelity", "drift", "trust", "events", "findings"):
        yield route, arguments
    if info["probes"]["kind"] == "tabular":
        yield "importance", arguments
    if topic.explainer in info["interacting"]:
        yield "interactions", arguments
    for region in info["regions"]:
        yield "share", {**arguments, "region": region}
    for against in ("untrained", "final"):
        if against == "final" or info["steps"][0] < 0:
            yield "drift", {**arguments, "against": against}
    yield "difference", {**arguments, "at": str(usual_pin(info))}


def usual_pin(info: Info) -> int:
    """The step that stands beside the cursor's before one is pinned: the untrained model, or the step closest to it."""
    return int(min(info["steps"], key=lambda step: abs(step + 1)))


def pins(topic: Topic) -> Iterator[Request]:
    """The drift since any pinned step."""
    for step in topic.info["steps"]:
        yield "drift", {**topic.arguments, "against": str(step)}


def errors_since_pins(topic: Topic) -> Iterator[Request]:
    """The errors of the change since any pinned step."""
    for step in topic.info["steps"]:
        yield "difference", {**topic.arguments, "at": str(step)}


def of_pair(topic: Topic, other: Info, way: str, steps: Sequence[int], comparable: bool) -> Iterator[Request]:
    """Run A beside run B. steps: those of `pairing`; comparable: whether values can be subtracted."""
    arguments = {**topic.arguments, "other": other["run"], "by": way}
    if comparable:
        yield "difference", arguments
        yield "compare", arguments
    for step in steps:
        yield "findings", {**arguments, "step": str(step)}


def pairing(info: Info, other: Info, way: str) -> Request:
    return "pairing", {"run": info["run"], "set": info["set"], "other": other["run"], "by": way}
