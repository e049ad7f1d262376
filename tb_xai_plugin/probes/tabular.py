"""Rows of a table as probes: features or groups of them are the players, and rows of a background stand where one is absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.probes import checks
from tb_xai_plugin.probes.contract import ProbeSet, hash_of
from tb_xai_plugin.probes.frames import Tables
from tb_xai_plugin.probes.references import SUMMARIES, summarised

WHO = "TabularProbes"
ABSENT = ("paired", "average")
MISSING = ("refuse", "baseline")
MOST_FEATURES = 1000
# Of a background of more numbers, a record has a sample: a training set of 25 MB would take seconds to write and be in every run.
MOST_RECORDED = 2**18


class TabularProbes(ProbeSet):
    """Rows of a table to explain.

    Args:
        rows: (n, d) numbers as the model takes them, categorical features as codes 0, 1, …; or a DataFrame. Columns of words in DataFrames
            become codes (in the order of `categorical`, or sorted), and a callable is given DataFrames with the words again. Of DataFrames of numbers
            alone it is given arrays, or DataFrames where it fails on arrays or asks for the names of features.
        labels: (n,) int, names out of `class_names`, or (n, classes) one-hot: true classes; or (n,) or (n, outputs) fractions, what a regression should
            answer; None where there are none.
        background: (b, d) rows that stand for "feature absent", as the model takes them: training rows, a few hundred are enough. LIME takes its
            quartiles, means and frequencies from all of them, SHAP and the others a summary.
        feature_names: d names; by default a DataFrame's columns, or "feature 0", …
        class_names, names: one name a class, one a probe.
        categorical: {feature (name or number): [name of code 0, of code 1, …]}.
        groups: {name: [features]}: they are one player, present or absent together (the columns of a one-hot code, say).
        regions: {name: [features]}: what to watch.
        display: rows in their own units to show instead, (n, d), or a callable rows -> rows, e.g. `scaler.inverse_transform`.
        absent: "paired" (each coalition and its complement take one reference row in turn, at no further cost; what the choice adds to the
            error is modelled, and part of the standard errors) | "average" (every coalition is averaged over all reference rows, and costs as
            many evaluations: the interventional Shapley value without that error).
        summary, references: which rows of the background are reference rows: a "sample" of so many, or the centres of so many clusters ("kmeans").
        missing: "refuse" NaN in rows and background | "baseline": the mean of the background (of codes the commonest) is put where a value is
            missing, in both. What is explained is the row so completed: a missing value is not an absent player, its attribution is what its
            stand-in adds. LIME's quartiles and frequencies count the stand-ins too. The record knows which values they are (`imputed`), and
            the tab says so beside each.
        model_input: callable, maps a batch of masked rows to what a multi-input or dict-input model takes, or to a DataFrame.

    Attributes:
        player_of: int64 (d,), the player that each feature belongs to.
        references, weights: float32 (k, d) and float64 (k,): the rows that stand for absent features, and how much each counts.
        background: of probes read back from a record, an even sample where it had more than MOST_RECORDED numbers.
        imputed: bool (n, d), values that were missing, and what stands for them is in `inputs`; imputed_background: how many there were there.

    Raises:
        ValueError, TypeError: with one sentence, at construction.
    """

    kind = "tabular"

    def __init__(
        self,
        rows: Any,
        labels: Any = None,
        *,
        background: Any,
        feature_names: Sequence[str] | None = None,
        class_names: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        categorical: Mapping[Any, Sequence[str]] | None = None,
        groups: Mapping[str, Sequence[Any]] | None = None,
        regions: Mapping[str, Sequence[Any]] | None = None,
        display: Any = None,
        absent: str = "paired",
        summary: str = "sample",
        references: int = 100,
        missing: str = "refuse",
        model_input: Any = None,
    ) -> None:
        for what, given, choices in (("absent", absent, ABSENT), ("summary", summary, SUMMARIES), ("missing", missing, MISSING)):
            if given not in choices:
                raise ValueError(f"{WHO}: unknown {what} {given!r}; choose from {list(choices)}.")
        if isinstance(references, bool) or not isinstance(references, int) or references < 1:
            raise ValueError(f"{WHO}: references is {references!r}; give a whole number of rows, e.g. 100.")
        given = checks.mapping(WHO, "categorical", categorical, "{feature: [value names]}")
        for feature, values in given.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(f"{WHO}: categorical gives {values!r} for {feature!r}; give the names of its codes 0, 1, …, a list.")
        tables = Tables.of(WHO, rows, background, given)
        self.inputs, self.background = tables.rows, tables.background
        n, d = self.inputs.shape
        if not 2 <= d <= MOST_FEATURES:
            raise ValueError(f"{WHO}: rows have {d} features; give 2 to {MOST_FEATURES}.")
        self.feature_names = (
            checks.names_of(WHO, feature_names, "feature_names", d, "features") or tables.columns or [f"feature {i}" for i in range(d)]
        )
        if len(set(self.feature_names)) < d:
            twice = next(name for name in self.feature_names if self.feature_names.count(name) > 1)
            raise ValueError(f"{WHO}: two features are called {twice!r}; give each a name of its own.")
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n)
        self.labels, self.truth = checks.labels_or_truth(WHO, labels, n, self.class_names)
        self.categorical = {place: [str(value) for value in values] for place, values in tables.words.items()}
        self.categorical |= {self._feature(key, "categorical"): [str(name) for name in value] for key, value in given.items()}
        self.imputed, self.imputed_background = self._complete(missing)
        self._to_float32()
        for feature, value_names in self.categorical.items():
            self._check_codes(feature, value_names)
        self.groups = {
            str(k): self._features(v, f"group {k!r}") for k, v in checks.mapping(WHO, "groups", groups, "{name: [features]}").items()
        }
        self.player_of, self._player_names = self._players()
        self.players = np.full(n, len(self._player_names), dtype=np.int64)
        if len(self._player_names) < 2:
            raise ValueError(f"{WHO}: all features are in one group; leave at least 2 players.")
        given = checks.mapping(WHO, "regions", regions, "{name: [features]}")
        self.regions = {str(name): self._features(value, f"region {name!r}") for name, value in given.items()}
        self.absent = absent
        self._background_hash = ""
        self.references, self.weights = summarised(self.background, summary, references)
        self.shown = self._displayed(display)
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of rows")
        if self.model_input is None and tables.words:
            self.model_input = tables.back
        elif self.model_input is None and len(tables.called):
            self.for_callables = tables.back

    def __repr__(self) -> str:
        n, d = self.inputs.shape
        grouped = f" in {self.players[0]} players" if self.players[0] < d else ""
        stand_ins = int(self.imputed.sum())
        filled = f", {stand_ins} missing value{'s' if stand_ins > 1 else ''} filled in" if stand_ins else ""
        return f"TabularProbes({n} rows of {d} features{grouped}, {len(self.references)} reference rows{filled})"

    @property
    def parts(self) -> dict[str, str]:
        # Attributions depend on what stands for a missing value, not on that it does.
        return {
            "inputs": hash_of(self.inputs),
            "labels": hash_of(self.labels if self.labels is not None else "none"),
            "players": hash_of(self.player_of, *self.feature_names, *self._player_names, *map(str, sorted(self.categorical))),
            "background": self._background_hash or hash_of(self.references, self.weights, self.background, self.absent),
        }

    @classmethod
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> TabularProbes:
        """Take the first n rows of a dataset of (x, y), balanced over classes; see `ImageProbes.from_dataset`."""
        from tb_xai_plugin.probes.sampling import take_balanced

        class_names = checks.names_of(WHO, options.get("class_names"), "class_names", None)
        rows, labels = take_balanced(dataset, n, classes=len(class_names) if class_names is not None else None, axes=1)
        return cls(rows, labels, **options)

    def player_names(self, probe: int) -> list[str]:
        return self._player_names

    def inside(self, features: Sequence[int]) -> np.ndarray:
        """float64 (players,): the share of each player's features that are among some."""
        size = np.bincount(self.player_of, minlength=len(self._player_names))
        return np.bincount(self.player_of[list(features)], minlength=len(size)) / size

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        n = len(self)
        names = {
            **self._common_record(),
            "features": self.feature_names,
            "categorical": {str(feature): values for feature, values in self.categorical.items()},
            "player_of": self.player_of.tolist(),
            "player_names": self._player_names,
            "groups": self.groups,
            "regions_of": self.regions,
            "absent": self.absent,
            "imputed_background": self.imputed_background,
            "background_hash": self.parts["background"],
        }
        arrays = {
            "inputs": self.inputs,
            "shown": self.shown,
            "missing": self.imputed,
            "references": self.references,
            "weights": self.weights,
            "background": summarised(self.background, "sample", max(1, MOST_RECORDED // self.background.shape[1]))[0],
        }
        if self.regions:
            arrays["membership"] = np.stack([np.broadcast_to(self.inside(r), (n, self.players[0])) for r in self.regions.values()], axis=1)
        return names, {name: array.astype(np.uint8) if array.dtype == bool else array for name, array in arrays.items()}

    @classmethod
    def from_record(cls, names: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> TabularProbes:
        probes = cls(
            arrays["inputs"],
            cls._labels_in(names),
            background=arrays["background"],
            feature_names=names["features"],
            class_names=names["class_names"],
            names=names["names"],
            categorical={int(feature): values for feature, values in names["categorical"].items()},
            groups=names["groups"],
            regions=names["regions_of"],
            display=arrays["shown"],
            absent=names["absent"],
        )
        probes.references, probes.weights = arrays["references"], arrays["weights"]
        probes.imputed = arrays["missing"].astype(bool)
        probes.imputed_background = names.get("imputed_background", 0)
        probes._background_hash = names.get("background_hash", "")
        return probes

    def _feature(self, key: Any, what: str) -> int:
        """Number of a feature given by name or number."""
        # A DataFrame may have numbers for names: then they mean the name.
        if str(key) in self.feature_names and not isinstance(key, bool):
            return self.feature_names.index(str(key))
        if isinstance(key, int | np.integer) and not isinstance(key, bool) and 0 <= key < len(self.feature_names):
            return int(key)
        raise ValueError(f"{WHO}: {what} names the feature {key!r}, which is not there; choose from {self.feature_names[:20]}.")

    def _features(self, keys: Any, what: str) -> list[int]:
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            keys = [keys]
        found = [self._feature(key, what) for key in keys]
        if not found or len(set(found)) < len(found):
            raise ValueError(f"{WHO}: {what} is {list(keys)}; give at least one feature, each once.")
        return found

    def _players(self) -> tuple[np.ndarray, list[str]]:
        """The player of each feature, in the order of the table, and their names."""
        group_of: dict[int, str] = {}
        for name, features in self.groups.items():
            for feature in features:
                if feature in group_of:
                    raise ValueError(
                        f"{WHO}: {self.feature_names[feature]!r} is in the groups {group_of[feature]!r} and {name!r}; give it one."
                    )
                group_of[feature] = name
        called = [("group", group_of[i]) if i in group_of else ("feature", name) for i, name in enumerate(self.feature_names)]
        order = list(dict.fromkeys(called))
        for name in self.groups:
            if ("feature", name) in order:
                raise ValueError(f"{WHO}: the group {name!r} is called like a feature that is not in it; give it another name.")
        return np.array([order.index(one) for one in called]), [name for _, name in order]

    def _complete(self, missing: str) -> tuple[np.ndarray, int]:
        """Put the background's mean (of codes the commonest) where a value is missing; bool (n, d), where in rows, and how many in the background."""
        for table, what in ((self.background, "background"), (self.inputs, "rows")):
            wrong = np.abs(table) > np.finfo(np.float32).max
            if missing == "refuse":
                wrong |= np.isnan(table)
            if wrong.any():
                row, column = np.argwhere(wrong)[0]
                value = table[row, column]
                hint = ", or missing='baseline' to put the background's mean there" if np.isnan(value) else ""
                raise ValueError(f"{WHO}: {what}, row {row}, {self.feature_names[column]!r} is {value:g}; give finite numbers{hint}.")
        nowhere, in_background = np.isnan(self.inputs), np.isnan(self.background)
        if in_background.all(axis=0).any():
            name = self.feature_names[int(in_background.all(axis=0).argmax())]
            raise ValueError(f"{WHO}: background has no value of {name!r}, which is missing in all rows; leave the column out.")
        usual = np.nanmean(self.background, axis=0)
        for feature in self.categorical:
            values, counts = np.unique(self.background[~in_background[:, feature], feature], return_counts=True)
            usual[feature] = values[counts.argmax()]
        self.inputs, self.background = np.where(nowhere, usual, self.inputs), np.where(in_background, usual, self.background)
        return nowhere, int(in_background.sum())

    def _to_float32(self) -> None:
        """As models have numbers; refuse to make two of one column the same."""
        for name, *column in zip(self.feature_names, self.inputs.T, self.background.T, strict=True):
            if pair := checks.merged(np.concatenate(column)):
                raise ValueError(
                    f"{WHO}: {name!r} has {pair[0]:.17g} and {pair[1]:.17g}, which are one number in float32; "
                    "subtract what they have in common, give codes 0, 1, …, or leave the column out."
                )
        self.inputs, self.background = self.inputs.astype(np.float32), self.background.astype(np.float32)

    def _check_codes(self, feature: int, value_names: list[str]) -> None:
        for table, what in ((self.inputs, "rows"), (self.background, "background")):
            codes = table[:, feature]
            wrong = (codes != np.floor(codes)) | (codes < 0) | (codes >= len(value_names))
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(
                    f"{WHO}: {what}, row {row}, {self.feature_names[feature]!r} is {codes[row]:g}, and categorical names the codes 0 to "
                    f"{len(value_names) - 1}; name every value, or give the codes of those that are named."
                )

    def _displayed(self, display: Any) -> np.ndarray:
        """float32 (n, d): what people see."""
        shown = self.inputs if display is None else np.asarray(display(self.inputs) if callable(display) else display)
        if shown.shape != self.inputs.shape or shown.dtype.kind not in "fiub":
            raise ValueError(
                f"{WHO}: display has shape {shown.shape} and dtype {shown.dtype} for rows of shape {self.inputs.shape}; give numbers, one for each value."
            )
        return shown.astype(np.float32)
