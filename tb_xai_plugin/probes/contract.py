"""The contract of all kinds of probes."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from tb_xai_plugin.probes import files, naming
from tb_xai_plugin.probes.cuts.montage import Montage
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.labels import GivenLabels, Reading, wanted_classes
from tb_xai_plugin.probes.sides import SideInputs

logger = logging.getLogger("tb_xai_plugin")

_Self = TypeVar("_Self", bound="ProbeSet")


class ProbeSet:
    """Inputs to explain, with labels, names, and a hash of everything that explanations depend on.

    Attributes:
        kind: "image" | "tabular" | "text" | "sequence".
        inputs: (n, ...) as the model takes them; for texts, the strings.
        labels: int64 (n,) true classes, or None.
        truth: float64 (n, outputs) true values of a regression, or None.
        label_sets: bool (n, classes), the true labels of a model with independent outputs, where a probe may have several labels or none; or None.
        label_fractions: float64 (n, columns), the fractions from which `labels` or `label_sets` were read; or None.
        class_names: list of str, one per class, or None.
        names: list of str, one per probe, or None.
        players: int64 (n,) number of players (segments, features, tokens) of each probe.
        regions: {name: the pixels, steps, features or tokens that belong to it}.
        unit: the unit of a regression's outputs and true values, for people, e.g. "€/m²"; or None.
        side_inputs: the other inputs of a model with several inputs, or None. A record has only their hash, `side_digest`.
        model_input: callable that turns a batch of masked probes into what a model with several inputs or dict inputs takes; or None. Where there
            are side inputs, it takes them as its second argument: a dict of those with names, else a list.
    """

    kind: ClassVar[str]
    inputs: np.ndarray
    labels: np.ndarray | None
    truth: np.ndarray | None = None
    label_sets: np.ndarray | None = None
    label_fractions: np.ndarray | None = None
    class_names: list[str] | None
    names: list[str] | None
    players: np.ndarray
    regions: dict[str, Any]
    unit: str | None = None
    side_inputs: SideInputs | None = None
    side_digest: str | None = None
    model_input: Callable[..., Any] | None
    _given_labels: GivenLabels | None = None

    # The probes as they were given, where `inputs` has them in another form.
    _given: Any = None

    def __len__(self) -> int:
        return len(self.inputs)

    def given(self) -> Any:
        """The probes as the user gave them, (n, …): in their own dtypes, and as a DataFrame or list where they were one."""
        if isinstance(self._given, list | dict):  # of several arrays: what is done to the list changes no probes
            return self._given.copy()
        return self.inputs if self._given is None else self._given

    def _freeze(self) -> None:
        """Make all arrays read-only. They must be copies: what is explained, and its hash, may not change any more."""
        for array in _arrays_in(vars(self)):
            array.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Copied and unpickled arrays could be written to.
        self.__dict__.update(state)
        self._freeze()

    @property
    def parts(self) -> dict[str, str]:
        """Content hashes of the parts that attributions depend on; two records can be compared where all of them are equal."""
        raise NotImplementedError

    @property
    def _side_parts(self) -> dict[str, str]:
        """The part "side inputs", where there are some."""
        return {"side_inputs": self.side_digest} if self.side_digest else {}

    @property
    def _in_unit(self) -> str:
        """The unit, for `repr`."""
        return f", in {self.unit}" if self.unit else ""

    def unit_of(self, unit: str) -> str:
        """The unit of attributions for people: that of the regression's outputs, where they are explained. unit: "output", or another unit."""
        return self.unit if self.unit and unit == "output" else unit

    def _keep_sides(self, who: str, given: Any) -> None:
        self.side_inputs = SideInputs.of(who, given, len(self))
        self.side_digest = self.side_inputs.digest if self.side_inputs else None

    @property
    def digest(self) -> str:
        """Content hash: equal if and only if all `parts` are."""
        return hash_of(*sorted(f"{name}={value}" for name, value in self.parts.items()))

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """The content of the record: names and numbers for JSON, and arrays (n, ...)."""
        raise NotImplementedError

    @classmethod
    def from_record(cls, names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> ProbeSet:
        """The probes that `as_record` was called on, without their functions (`model_input`, `encode`)."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the probes into a file, e.g. "probes.npz", from which `load` makes equal ones; `files` describes it.

        Raises:
            TypeError: they have a function (`encode`, `model_input`), or columns of words or times, which a file does not hold.
        """
        content = files.content_of(self)
        if type(self)._of_file(content).parts != self.parts:
            raise ValueError(
                f"{type(self).__name__}: a file does not hold these probes exactly; give them to explain_checkpoints in Python."
            )
        files.write(content, path)

    @classmethod
    def load(cls: type[_Self], path: str | os.PathLike[str]) -> _Self:
        """The probes of a file that `save` wrote. A DataFrame comes back as an array with the names of its columns.

        Raises:
            FileNotFoundError, ValueError: there is no such file, or it is no file of probes. TypeError: it has another kind of probes.
        """
        content = files.read(path)
        if content.kind != cls.kind:
            raise TypeError(f"{cls.__name__}: {os.fspath(path)!r} has probes of kind {content.kind!r}; load them with load_probes.")
        probes = cls._of_file(content)
        if probes.digest != content.header["digest"]:
            raise ValueError(f"{os.fspath(path)!r} is damaged: its probes are not those that were saved; save them again.")
        return probes

    @classmethod
    def _of_file(cls: type[_Self], content: files.Content) -> _Self:
        names = content.header["probes"]
        probes = cls.from_record(names, content.recorded)
        assert isinstance(probes, cls)
        probes.unit, probes.side_inputs = names.get("unit"), files.sides_in(content)
        probes.side_digest = probes.side_inputs.digest if probes.side_inputs else None
        probes._given_labels = files.labels_in(content, cls.__name__)
        probes._read_labels(probes._given_labels.unread() if probes._given_labels else Reading())
        if "given" in content.arrays:
            probes._given = content.arrays["given"]
        if "background" in content.arrays:
            vars(probes)["background"] = content.arrays["background"]
        probes._freeze()
        return probes

    def player_names(self, probe: int) -> list[str] | None:
        """Names of the players of a probe; None where players have no names (superpixels)."""
        return None

    def player_values(self, probe: int) -> list[Any]:
        """What the players of a probe are: the value of a feature (a float, or its category), {feature: value} of a group, the mean of a stretch of a
        series (a tuple where it has several channels), the token itself; None for superpixels."""
        return [None] * int(self.players[probe])

    def first_words(self, probe: int) -> str | None:
        """The first words of a text; None where probes are no texts."""
        return None

    def probe_name(self, probe: int) -> str:
        """What a probe is called in sentences, e.g. 'probe 12 “7”': its number, its label, and its name or first words."""
        return naming.name_in(self._common_record(), probe, self.first_words(probe))

    def players_named(self) -> list[list[str]]:
        """Names of the players of each probe; superpixels are numbered."""
        return [
            self.player_names(probe) or [f"superpixel {player}" for player in range(players)]
            for probe, players in enumerate(self.players.tolist())
        ]

    def read_by(self, head_kind: str, columns: int) -> ProbeSet:
        """The probes with their labels as a model reads them; before a model is known, attributes show the likeliest reading.

        Args:
            head_kind: "softmax" | "logits" | "sigmoid" | "sigmoid logits" | "regression", see `models.outputs.Head`.
            columns: number of the model's outputs.

        Raises:
            ValueError: labels that do not fit such a model.
        """
        if self.unit and head_kind != "regression":
            raise ValueError(
                f"{type(self).__name__}: unit is {self.unit!r}, but the model's outputs are read as those of classes, which have no unit; leave unit out, or give "
                "head='regression' if they are numbers."
            )
        if self._given_labels is None:
            return self
        reading = self._given_labels.read_by(head_kind, columns)
        if reading.said:
            logger.warning("%s: %s.", type(self).__name__, reading.said)
        probes = copy.copy(self)
        probes._read_labels(reading)
        probes._freeze()
        return probes

    @property
    def label_words(self) -> tuple[str, ...] | None:
        """Labels that are names of classes which no `class_names` tell; else None."""
        return self._given_labels.unknown_words if self._given_labels and self._given_labels.unknown_words else None

    def with_classes(self: _Self, class_names: list[str] | None, labels: np.ndarray | None) -> _Self:
        """A copy with other names of classes, and with other class numbers as labels unless these are None."""
        probes = copy.copy(self)
        probes.class_names = class_names
        if labels is not None:
            probes._keep_labels(type(self).__name__, labels, len(self))
            probes._freeze()
        return probes

    def wanted_classes(self, outputs: np.ndarray, targets: Sequence[int] | None = None, *, regression: bool) -> np.ndarray:
        """The class that "label" means, see `labels.wanted_classes`."""
        return wanted_classes(self.labels, self.label_sets, outputs, targets, regression=regression)

    def _keep_labels(self, who: str, labels: Any, n: int) -> None:
        """Keep labels as they were given, or as a record has them (a Reading); `class_names` must be known."""
        if isinstance(labels, Reading):
            self._given_labels, reading = GivenLabels.recorded(who, labels), labels
        else:
            self._given_labels = GivenLabels.of(who, labels, n, self.class_names)
            reading = self._given_labels.unread() if self._given_labels else Reading()
        self._read_labels(reading)

    def _read_labels(self, reading: Reading) -> None:
        self.labels, self.truth = reading.labels, reading.truth
        self.label_sets, self.label_fractions = reading.label_sets, reading.fractions

    @property
    def _label_parts(self) -> dict[str, str]:
        """The part "labels". It is that of the labels as given: a model that reads them in another way does not change it."""
        if self.label_words is not None:
            return {"labels": hash_of(*self.label_words)}
        reading = self._given_labels.unread() if self._given_labels else Reading()
        known = reading.labels if reading.labels is not None else reading.label_sets
        return {"labels": hash_of(known if known is not None else "none")}

    def _common_record(self) -> dict[str, Any]:
        common = {"kind": self.kind, "names": self.names, "class_names": self.class_names, "regions": list(self.regions)}
        sides = {"side_inputs": self.side_digest} if self.side_digest else {}
        unit = {"unit": self.unit} if self.unit else {}
        return {**common, **unit, **Reading(self.labels, self.truth, self.label_sets, self.label_fractions).to_json(), **sides}

    @staticmethod
    def _labels_in(names: Mapping[str, Any]) -> Any:
        """The labels of a record, as they were read."""
        return Reading.from_json(names)


def _arrays_in(value: Any) -> Iterator[np.ndarray]:
    """The arrays of probes: in lists, in dicts, and in side inputs, labels as they were given, and montages."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping | list | tuple | SideInputs | GivenLabels | Montage):
        parts = vars(value) if isinstance(value, SideInputs | GivenLabels | Montage) else value
        for part in parts.values() if isinstance(parts, Mapping) else parts:
            yield from _arrays_in(part)
