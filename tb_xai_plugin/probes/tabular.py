"""Rows of a table as probes: features or groups of features are the players, and rows of a background replace absent ones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tb_xai_plugin.probes import checks
from tb_xai_plugin.probes.arguments import Categories, Display, Feature, Features, Labels, Names, SideInputs, Table
from tb_xai_plugin.probes.contract import ProbeSet
from tb_xai_plugin.probes.hashes import hash_of
from tb_xai_plugin.probes.tables.frames import Tables
from tb_xai_plugin.probes.tables.references import SUMMARIES, chosen, summarised

WHO = "TabularProbes"
ABSENT = ("paired", "average")
MISSING = ("refuse", "baseline", "keep")
# Features are as many as memory allows; what takes time is players.
MOST_PLAYERS = 1000
# A record holds a sample of a background with more numbers than this: a training set of 25 MB would take seconds to write, in every run.
MOST_RECORDED = 2**18


class TabularProbes(ProbeSet):
    """Rows of a table to explain. Their features, or groups of features, are the players.

    Args:
        rows: (n, d) numbers as the model takes them, with categorical features as codes 0, 1, …; or a DataFrame of pandas or polars, with columns of
            numbers, truths, categories, words, times or Python objects. A callable model is given masked rows in the same form: an array or a
            DataFrame with the same columns in the same order and dtypes, and the very values of rows and background. Inside, words are codes (in
            the order of `categorical`, of their dtype, else sorted), and times are days since the earliest.
        labels: true classes, as (n,) int, (n,) names from `class_names`, or (n, classes) one-hot; sets of labels, as (n, classes) 0 and 1; or the
            true values of a regression, (n,) or (n, outputs). The model decides how they are read. Default: no labels.
        background: (b, d) rows that replace absent features, as the model takes them: training rows, a few hundred are enough. LIME takes its
            quartiles, means and frequencies from all of them; SHAP and the others use the reference rows that summarise them.
        feature_names: list of d str; default: the DataFrame's columns, or "feature 0", "feature 1", …
        class_names: list of str, one name per class.
        names: list of str, one name per probe.
        categorical: {feature (name or number): [name of code 0, name of code 1, …]}.
        groups: {name: [features]}; the features of a group are one player, present or absent together, e.g. the columns of a one-hot code.
        regions: sets of features to watch, {name: [features or groups]}.
        display: rows to show instead, (n, d) in their own units, or a callable rows -> rows, e.g. `scaler.inverse_transform`.
        absent: how reference rows replace absent features: "paired" (each coalition and its complement take one reference row in turn; this
            costs no further evaluations, and the standard errors include the error that the choice of the row adds) | "average" (every coalition
            is averaged over all reference rows and costs that many evaluations; this is the interventional Shapley value without that error).
        summary: how reference rows are chosen from the background: "sample" (a fixed sample) | "kmeans" (cluster centres, as in `shap.kmeans`).
        references: the largest number of reference rows; default 100.
        missing: what to do with missing values (NaN, None, NA, NaT) in rows and background: "refuse" | "keep" (the model is given them, for models
            that take them: a missing value is a value like others, of the probe where the feature is present, of the reference row where it is
            absent) | "baseline" (replace it by the background's mean, for codes by the most frequent one). With "baseline" the completed row is what
            is explained: a missing value is not an absent player, and its attribution is that of its replacement. LIME's quartiles and frequencies
            count the replacements too. The record and the tab mark every replaced value.
        unit: the unit of a regression's outputs, e.g. "€/m²", for people: it stands beside outputs, true values and attributions. One for all outputs. It is
            no part of the digest, and a classifier refuses it.
        side_inputs: the other inputs of a model with several inputs, one row per probe: {name as in the model: (n, …)}, or a list in the model's order;
            None in it marks the place of the probes themselves (default: the first). Each probe keeps its own in all its masked inputs.
        model_input: callable that turns a batch of masked rows into what a model with several inputs or dict inputs takes, or into a DataFrame.

    Attributes:
        player_of: int64 (d,), the player that each feature belongs to.
        references: float32 (k, d), the reference rows.
        weights: float64 (k,), the weight of each reference row; they sum to 1.
        background: float32 (b, d); in probes that are read back from a record, a sample of it where it had more than 2**18 numbers.
        imputed: bool (n, d), the values that were missing and were replaced; `inputs` holds their replacements.
        imputed_background: int, how many values were replaced in the background.
        words: {number of a feature: its values in the order of their codes}, for columns of words.
        ordered: numbers of the features whose order of codes was given, by `categorical` or by the dtype of the column; of others it is alphabetical.
        times: numbers of the features that are times; their numbers are days since the earliest.
        grids: {number of a feature: the numbers that stand for one of its values}, for features in which not all numbers do, such as whole numbers.
        rounded: a sentence about different values that are the same number in float32, which a callable can be given, and a Keras model can not;
            None where there are none.

    Raises:
        ValueError: an option does not fit the rows; the message says what to give instead.
        TypeError: an option has the wrong type.
    """

    kind = "tabular"
    regions: dict[str, list[int]]

    def __init__(
        self,
        rows: Table,
        labels: Labels | None = None,
        *,
        background: Table,
        feature_names: Names | None = None,
        class_names: Names | None = None,
        names: Names | None = None,
        categorical: Categories | None = None,
        groups: Mapping[str, Features] | None = None,
        regions: Mapping[str, Features] | None = None,
        display: Display | None = None,
        absent: str = "paired",
        summary: str = "sample",
        references: int = 100,
        missing: str = "refuse",
        unit: str | None = None,
        side_inputs: SideInputs | None = None,
        model_input: Callable[..., Any] | None = None,
    ) -> None:
        for what, choice, choices in (("absent", absent, ABSENT), ("summary", summary, SUMMARIES), ("missing", missing, MISSING)):
            if choice not in choices:
                raise ValueError(f"{WHO}: unknown {what} {choice!r}; choose from {list(choices)}.")
        if isinstance(references, bool) or not isinstance(references, int) or references < 1:
            raise ValueError(f"{WHO}: references is {references!r}; give a whole number of rows, e.g. 100.")
        named_codes = checks.mapping(WHO, "categorical", categorical, "{feature: [value names]}")
        for feature, values in named_codes.items():
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise TypeError(f"{WHO}: categorical has {values!r} for {feature!r}; give a list with the names of its codes 0, 1, ….")
        tables = Tables.of(WHO, rows, background, named_codes)
        self.inputs, self.background = tables.rows, tables.background
        n, d = self.inputs.shape
        self.feature_names = (
            checks.names_of(WHO, feature_names, "feature_names", d, "features") or tables.names or [f"feature {i}" for i in range(d)]
        )
        if len(set(self.feature_names)) < d:
            twice = next(name for name in self.feature_names if self.feature_names.count(name) > 1)
            raise ValueError(f"{WHO}: two features are called {twice!r}; give each feature its own name.")
        self.class_names = checks.names_of(WHO, class_names, "class_names", None)
        self.names = checks.names_of(WHO, names, "names", n)
        self._keep_labels(WHO, labels, n)
        self.categorical = {place: [str(value) for value in values] for place, values in tables.words.items()}
        named_places = {self._feature(key, "categorical"): [str(name) for name in names] for key, names in named_codes.items()}
        self.categorical |= named_places
        self.words, self.times, self.grids = tables.words, tables.times, tables.grids
        self.starts = tables.starts
        self.ordered = tables.in_order | frozenset(named_places)
        self.imputed, self.imputed_background, fills = self._complete(missing)
        self.rounded = self._to_float32()
        for column, value_names in self.categorical.items():
            self._check_codes(column, value_names)
        self.groups = {
            str(k): self._features(v, f"group {k!r}") for k, v in checks.mapping(WHO, "groups", groups, "{name: [features]}").items()
        }
        self.player_of, self._player_names = self._players()
        self.players = np.full(n, len(self._player_names), dtype=np.int64)
        if len(self._player_names) > MOST_PLAYERS:
            raise ValueError(
                f"{WHO}: rows have {len(self._player_names)} players; give at most {MOST_PLAYERS}, with the features of a one-hot code or a family in "
                "one group: groups={name: [features]}."
            )
        watched = checks.mapping(WHO, "regions", regions, "{name: [features or groups]}")
        self.regions = {str(name): self._features(self._of_groups(value), f"region {name!r}") for name, value in watched.items()}
        self.absent = absent
        self._background_hash = ""
        self.shown = self._displayed(display)
        places, self.weights = chosen(self.background, summary, references)
        self._plain = self.inputs, np.take_along_axis(self.background, places, axis=0)
        self.inputs, self.references = self._plain
        codes, self._form = tables.form(places, fills)
        if not self._form.as_is and not np.array_equal(codes, np.concatenate(self._plain), equal_nan=True):
            self.inputs, self.references = codes[:n], codes[n:]
        self._coded = self.inputs, self.references
        self._given = tables.given
        self.model_input = checks.optional_callable(WHO, "model_input", model_input, "maps a batch of rows")
        self.unit = checks.unit_of(WHO, unit)
        self._keep_sides(WHO, side_inputs)
        self._freeze()

    def __repr__(self) -> str:
        n, d = self.inputs.shape
        grouped = f" in {self.players[0]} players" if self.players[0] < d else ""
        replaced = int(self.imputed.sum())
        filled = f", {replaced} missing value{'s' if replaced > 1 else ''} filled in" if replaced else ""
        return f"TabularProbes({n} rows of {d} features{grouped}, {len(self.references)} reference rows{filled}{self._in_unit})"

    def given(self) -> Any:
        """The rows as they were given: an array, a list, or a DataFrame of pandas (without its index) or polars, with their missing values."""
        return copy.deepcopy(self._given)

    def as_given(self, rows: np.ndarray) -> Any:
        """Masked rows in the form in which the rows were given, with the same dtypes and columns.

        rows: float32 (k, d), values of probes and reference rows, which come back exactly; others are rounded to the nearest that the column can hold.
        """
        if not isinstance(rows, np.ndarray):
            raise TypeError(self.not_for_tensors or f"{WHO}: rows are {type(rows).__name__}; give an array.")
        return self._form(rows)

    def as_array(self, rows: np.ndarray) -> np.ndarray:
        """Masked rows as an array, for callables that take no DataFrame: of float64 with the exact numbers, or of codes where there are words or times.

        rows: float32 (k, d), as in `as_given`.
        """
        return rows if self.words or self.times else self._form.numbers(rows)

    def completed(self) -> Any:
        """The rows as they were given, with replacements in the place of missing values where `missing` is "baseline"."""
        return self.as_given(self.inputs)

    @property
    def not_for_tensors(self) -> str | None:
        """Why a model that takes numbers can not take these rows as they are; None where it can."""
        if self.words or self.times:
            what = "words" if self.words else "times"
            name = self.feature_names[min(self.words or self.times)]
            return (
                f"{WHO}: {name!r} is a column of {what}, which can only be given to a callable that takes DataFrames; for a Keras model give "
                f"{'codes' if self.words else 'numbers'}."
            )
        return self.rounded

    @property
    def parts(self) -> dict[str, str]:
        # Attributions depend on the value that replaces a missing one, not on its being a replacement.
        return {
            "inputs": hash_of(self._recorded(self.inputs, 0)),
            **self._label_parts,
            "players": hash_of(self.player_of, *self.feature_names, *self._player_names, *map(str, sorted(self.categorical))),
            "background": self._background_hash or hash_of(self._recorded(self.references, 1), self.weights, self.background, self.absent),
            **self._side_parts,
        }

    @classmethod
    def from_dataset(cls, dataset: Iterable[Any], n: int = 16, **options: Any) -> TabularProbes:
        """Take the first n rows of a dataset, balanced over classes.

        Args:
            dataset: (x, y) with rows x (d,), batched or not; see `ImageProbes.from_dataset`.
            n: number of probes.
            options: further arguments of TabularProbes; `background` is required.
        """
        from tb_xai_plugin.probes.sampling import take_balanced

        if "background" not in options:
            raise TypeError(f"{WHO}.from_dataset: background is missing; give rows that show what is usual, e.g. background=x_train[:200].")
        class_names = checks.names_of(WHO, options.get("class_names"), "class_names", None)
        rows, labels = take_balanced(WHO, dataset, n, class_names, axes=1, regression=options.get("unit") is not None)
        return cls(rows, labels, **options)

    def player_names(self, probe: int) -> list[str]:
        return self._player_names

    def player_values(self, probe: int) -> list[Any]:
        values = [self._value(feature, float(shown)) for feature, shown in enumerate(self.shown[probe])]
        of_players: list[dict[str, Any]] = [{} for _ in self._player_names]
        for name, player, value in zip(self.feature_names, self.player_of.tolist(), values, strict=True):
            of_players[player][name] = value
        return [
            features if name in self.groups else next(iter(features.values()))
            for name, features in zip(self._player_names, of_players, strict=True)
        ]

    def _value(self, feature: int, shown: float) -> float | str:
        """A value as people see it: the name of a category, else the number."""
        names = self.categorical.get(feature, [])
        return names[int(shown)] if shown in range(len(names)) else shown

    def inside(self, features: Sequence[int]) -> np.ndarray:
        """float64 (players,): the share of each player's features that are among `features`, a list of feature numbers."""
        size = np.bincount(self.player_of, minlength=len(self._player_names))
        return np.bincount(self.player_of[list(features)], minlength=len(size)) / size

    def as_record(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        n = len(self)
        names = {
            **self._common_record(),
            "features": self.feature_names,
            "categorical": {str(feature): values for feature, values in self.categorical.items()},
            "starts": {str(feature): start for feature, start in self.starts.items()},
            "player_of": self.player_of.tolist(),
            "player_names": self._player_names,
            "groups": self.groups,
            "regions_of": self.regions,
            "absent": self.absent,
            "imputed_background": self.imputed_background,
            "background_hash": self.parts["background"],
        }
        arrays = {
            "inputs": self._recorded(self.inputs, 0),
            "shown": self.shown,
            "missing": self.imputed,
            "references": self._recorded(self.references, 1),
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
            missing="keep",
        )
        probes.references, probes.weights = arrays["references"], arrays["weights"]
        probes.imputed = arrays["missing"].astype(bool)
        probes.imputed_background = names.get("imputed_background", 0)
        probes._background_hash = names.get("background_hash", "")
        probes.starts = {int(feature): start for feature, start in names.get("starts", {}).items()}
        return probes

    def _recorded(self, rows: np.ndarray, which: int) -> np.ndarray:
        """Values of the probes (which=0) or reference rows (1) as plain float32; `rows` may hold neighbouring numbers where those are equal."""
        return self._plain[which] if rows is self._coded[which] else rows

    def _feature(self, key: Feature, what: str) -> int:
        """Number of a feature given by name or number. what: the option that names it, for the message."""
        # A DataFrame may have numbers as names: then a number means the name.
        if str(key) in self.feature_names and not isinstance(key, bool):
            return self.feature_names.index(str(key))
        if isinstance(key, int | np.integer) and not isinstance(key, bool) and 0 <= key < len(self.feature_names):
            return int(key)
        raise ValueError(f"{WHO}: {what} names the feature {key!r}, which does not exist; choose from {self.feature_names[:20]}.")

    def _features(self, keys: Features, what: str) -> list[int]:
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            keys = [keys]
        features = [self._feature(key, what) for key in keys]
        if not features or len(set(features)) < len(features):
            raise ValueError(f"{WHO}: {what} is {list(keys)}; give at least one feature, and each feature once.")
        return features

    def _of_groups(self, keys: Features) -> Features:
        """The same features, with those of a group in the place of its name."""
        named: list[Feature] = []
        for key in [keys] if isinstance(keys, str) or not isinstance(keys, Iterable) else keys:
            is_group = isinstance(key, str) and key in self.groups and key not in self.feature_names
            named += [self.feature_names[feature] for feature in self.groups[str(key)]] if is_group else [key]
        return named

    def _players(self) -> tuple[np.ndarray, list[str]]:
        """The player of each feature, int64 (d,), and the names of the players, in the order of the table."""
        group_of: dict[int, str] = {}
        for name, features in self.groups.items():
            for feature in features:
                if feature in group_of:
                    raise ValueError(
                        f"{WHO}: {self.feature_names[feature]!r} is in the groups {group_of[feature]!r} and {name!r}; put it in one group."
                    )
                group_of[feature] = name
        owners = [("group", group_of[i]) if i in group_of else ("feature", name) for i, name in enumerate(self.feature_names)]
        players = list(dict.fromkeys(owners))
        for name in self.groups:
            if ("feature", name) in players:
                raise ValueError(f"{WHO}: the group {name!r} has the name of a feature that is not in it; give it another name.")
        return np.array([players.index(owner) for owner in owners]), [name for _, name in players]

    def _complete(self, missing: str) -> tuple[np.ndarray, int, dict[int, float]]:
        """Replace missing values by the background's mean, for codes by the most frequent one, unless they are kept.

        Returns:
            bool (n, d), the replaced values of the rows, the number of replaced values of the background, and {feature: its replacement}.
        """
        for table, what in ((self.background, "background"), (self.inputs, "rows")):
            wrong = np.abs(table) > np.finfo(np.float32).max
            if missing == "refuse":
                wrong |= np.isnan(table)
            if wrong.any():
                row, column = np.argwhere(wrong)[0]
                value = table[row, column]
                hint = (
                    ", missing='keep' if the model takes missing values, or missing='baseline' to put the background's mean there"
                    if np.isnan(value)
                    else ""
                )
                raise ValueError(f"{WHO}: {what}, row {row}, {self.feature_names[column]!r} is {value:g}; give finite numbers{hint}.")
        missing_here, missing_in_background = np.isnan(self.inputs), np.isnan(self.background)
        if missing_in_background.all(axis=0).any():
            name = self.feature_names[int(missing_in_background.all(axis=0).argmax())]
            raise ValueError(f"{WHO}: background has no value of {name!r}: all its rows miss it; leave the column out.")
        if missing == "keep":
            return np.zeros_like(missing_here), 0, {}
        usual = np.nanmean(self.background, axis=0)
        for feature in self.categorical:
            values, counts = np.unique(self.background[~missing_in_background[:, feature], feature], return_counts=True)
            usual[feature] = values[counts.argmax()]
        self.inputs = np.where(missing_here, usual, self.inputs)
        self.background = np.where(missing_in_background, usual, self.background)
        replaced = np.flatnonzero(missing_here.any(axis=0) | missing_in_background.any(axis=0))
        return missing_here, int(missing_in_background.sum()), {int(feature): float(usual[feature]) for feature in replaced}

    def _to_float32(self) -> str | None:
        """Convert rows and background to float32, as models take them.

        Returns:
            A sentence where this makes different numbers equal, else None.
        """
        rounded = None
        for name, *column in zip(self.feature_names, self.inputs.T, self.background.T, strict=True):
            numbers = np.concatenate(column)
            if pair := checks.merged(numbers[~np.isnan(numbers)]):
                rounded = (
                    f"{WHO}: {name!r} has {pair[0]:.17g} and {pair[1]:.17g}, which are the same number in float32; "
                    "subtract an offset first, give codes 0, 1, …, or leave the column out."
                )
                break
        self.inputs, self.background = self.inputs.astype(np.float32), self.background.astype(np.float32)
        return rounded

    def _check_codes(self, feature: int, value_names: list[str]) -> None:
        for table, what in ((self.inputs, "rows"), (self.background, "background")):
            codes = table[:, feature]
            wrong = ~np.isnan(codes) & ((codes != np.floor(codes)) | (codes < 0) | (codes >= len(value_names)))
            if wrong.any():
                row = int(wrong.argmax())
                raise ValueError(
                    f"{WHO}: {what}, row {row}, {self.feature_names[feature]!r} is {codes[row]:g}, but categorical names the codes 0 to "
                    f"{len(value_names) - 1}; name every code in categorical, or correct the value."
                )

    def _displayed(self, display: Display | None) -> np.ndarray:
        """float32 (n, d): the rows as people see them."""
        shown = self.inputs if display is None else np.asarray(display(self.inputs.copy()) if callable(display) else display)
        if shown.shape != self.inputs.shape or shown.dtype.kind not in "fiub":
            raise ValueError(
                f"{WHO}: display has shape {shown.shape} and dtype {shown.dtype} for rows of shape {self.inputs.shape}; give numbers of the same shape."
            )
        return shown.astype(np.float32)
