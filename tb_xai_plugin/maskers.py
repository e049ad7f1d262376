"""Maskers: coalitions of players become masked inputs, one masker a kind of probes.

What depends on a coalition alone is worked out beforehand (`feed`); what remains is array arithmetic that also runs inside a compiled graph (`mask`).
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from tb_xai_plugin.coalitions import Design
from tb_xai_plugin.probes import ImageProbes, ProbeSet, SequenceProbes, TabularProbes, TextProbes
from tb_xai_plugin.probes.references import in_turn

# Encoded texts that are kept between epochs; what does not fit is encoded again each time.
CACHE_BYTES = 256 * 2**20

# What to do where encoded texts have different lengths.
PAD = "pad to one length (in Keras: pad_sequences(..., maxlen=...) or TextVectorization(output_sequence_length=...))."

# Prior length scale of what a reference row adds, in standard deviations of each feature.
REFERENCE_SCALE = 1.0


class Masker(Protocol):
    """How coalitions of one probe set become masked inputs.

    Attributes:
        players: of the probe that has most.
        shape: of one masked input, for messages.
        nbytes: of one masked input.
        repeats: evaluations of the model for each coalition.
        stacked: whether rows of `feed` need nothing else of their probe, so that those of many probes can share batches.
        differentiable: the same where players are present to some degree.
    """

    repeats: int
    stacked: bool

    @property
    def players(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def nbytes(self) -> int: ...

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """What the graph is given: one row a coalition, of the same length and dtype for every probe."""

    def parts(self, probe: int) -> np.ndarray:
        """What the graph is given once for a probe."""

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Masked inputs from rows of `feed`. xp: numpy, keras.ops or another module like them."""

    def evaluations(self, design: Design) -> Design:
        """A design as it is asked: with what several reference rows add to it."""

    def asked(self, masks: np.ndarray) -> np.ndarray:
        """The coalitions to evaluate for a design's."""

    def nobody(self) -> np.ndarray | None:
        """Rows of `feed` without a player, which all probes share; None where they share none."""

    def folded(self, masks: np.ndarray, explained: np.ndarray, nobody: np.ndarray | None) -> np.ndarray:
        """Of evaluations (asked, k), the game: (coalitions, k)."""

    def mean(self, each: np.ndarray) -> np.ndarray:
        """(k,): of (rows of `nobody`, k), what an empty coalition has."""

    def once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """Where rows are stacked, those for coalitions that are asked for once and are no design's: exact, and not kept."""

    def of_once(self, answers: np.ndarray) -> np.ndarray:
        """(coalitions, k) of the answers to `once`."""


class OneBaseline:
    """What maskers have in common where one baseline stands for what is absent: an evaluation is a coalition."""

    repeats = 1
    stacked = False

    @property
    def differentiable(self) -> Any:
        """The same where players are present to some degree."""
        return self

    def evaluations(self, design: Design) -> Design:
        return design

    def asked(self, masks: np.ndarray) -> np.ndarray:
        return masks

    def nobody(self) -> np.ndarray | None:
        return None

    def folded(self, masks: np.ndarray, explained: np.ndarray, nobody: np.ndarray | None) -> np.ndarray:
        return explained

    def mean(self, each: np.ndarray) -> np.ndarray:
        return each[0]

    def of_once(self, answers: np.ndarray) -> np.ndarray:
        return answers


class Kept:
    """Rows that were worked out once, kept up to CACHE_BYTES; the oldest go first."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[int, bytes], np.ndarray] = OrderedDict()
        self._bytes = 0

    def __call__(self, probe: int, coalitions: np.ndarray, make: Callable[[], np.ndarray]) -> np.ndarray:
        key = probe, coalitions.shape[0].to_bytes(8, "little") + np.packbits(coalitions).tobytes()
        if key not in self._rows:
            self._rows[key] = make()
            self._bytes += _size(self._rows[key])
        self._rows.move_to_end(key)
        while len(self._rows) > 1 and self._bytes > CACHE_BYTES:
            self._bytes -= _size(self._rows.popitem(last=False)[1])
        return self._rows[key]


def _size(rows: np.ndarray) -> int:
    """Bytes of numbers; of strings theirs, not those of the references to them."""
    return sum(map(sys.getsizeof, rows.ravel())) if rows.dtype == object else rows.nbytes


@dataclass(frozen=True)
class SegmentMasker(OneBaseline):
    """Pixels of absent segments (steps of a series) are replaced by the baseline.

    A masked image is the baseline plus what each present player adds to it, so a whole batch of them is one matrix product: four times as
    fast as choosing pixel by pixel. Held are one batch of masked images, and one probe's parts. The full coalition is the image to float32
    rounding.

    Attributes:
        probes: images or series.
    """

    probes: ImageProbes | SequenceProbes

    @property
    def players(self) -> int:
        return int(self.probes.players.max())

    @property
    def shape(self) -> tuple[int, ...]:
        return self.probes.inputs.shape[1:]

    @property
    def nbytes(self) -> int:
        return 4 * self.probes.inputs[0].size

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, players): up to the widest probe; the players added have no pixels."""
        wide = np.ones((len(coalitions), self.players), dtype=np.float32)
        wide[:, : coalitions.shape[1]] = coalitions
        return wide

    def parts(self, probe: int) -> np.ndarray:
        """float32 (players + 1, pixels): what each player adds to the baseline, and in the last row the baseline itself."""
        labels, baselines = self.probes.segments[probe].ravel(), self.probes.baseline
        baseline = baselines[probe if len(baselines) > 1 else 0].reshape(len(labels), -1)
        pixels = self.probes.inputs[probe].reshape(baseline.shape).astype(np.float32)
        parts = np.zeros((self.players + 1, *pixels.shape), dtype=np.float32)
        parts[labels, np.arange(len(labels))] = pixels - baseline
        parts[-1] = baseline
        return parts.reshape(len(parts), -1)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Masked inputs, float32 (k, H, W[, C]) or (k, T[, C]); rows: 1 where a player keeps its own pixels, 0 where it is absent."""
        with_baseline = xp.concatenate([rows, xp.ones_like(rows[:, :1])], axis=1)
        return xp.reshape(xp.matmul(with_baseline, parts), (-1, *self.shape))


@dataclass(frozen=True)
class TabularMasker:
    """Features of absent players are those of a reference row.

    A game that is averaged over many reference rows would cost as many evaluations of each coalition. Here each pair of coalitions takes one row (or
    a few) in turn: the mean over the draw is the same, and what the choice adds is taken off again as far as it is known. It is known how a
    row's own answer differs from the mean of all rows' answers; of that, a coalition that lacks a share of the players sees about that share:

        v(S) = f(x_S, b) - (1 - |S| / n) (f(b) - mean f)                   (a control variate: the correction is 0 on average over b)

    What is left is part of the noise, modelled by `reference_covariance`.

    Attributes:
        probes: rows of a table.
        repeats: reference rows for each coalition.
    """

    stacked = True

    probes: TabularProbes
    repeats: int
    _turns: list[np.ndarray] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, probes: TabularProbes, coalitions: int, evaluations: int) -> TabularMasker:
        """With as many reference rows a coalition as the evaluations allow."""
        every = len(probes.references)
        return cls(probes, every if probes.absent == "average" else int(np.clip(evaluations // max(coalitions, 1), 1, every)))

    @property
    def players(self) -> int:
        return int(self.probes.players[0])

    @property
    def shape(self) -> tuple[int, ...]:
        return self.probes.inputs.shape[1:]

    @property
    def nbytes(self) -> int:
        return 4 * self.probes.inputs.shape[1]

    @property
    def averaged(self) -> bool:
        """Whether every coalition is averaged over all reference rows: nothing is left to chance."""
        return self.repeats == len(self.probes.references)

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, features): the masked rows."""
        present = np.asarray(coalitions).astype(bool)[:, self.probes.player_of]
        # In pairs, as `asked` has them.
        turns = self._rows(-(-len(present) // (2 * self.repeats))).repeat(2, axis=0).ravel()[: len(present)]
        return np.where(present, self.probes.inputs[probe], self.probes.references[turns])

    def parts(self, probe: int) -> np.ndarray:
        return np.zeros(1, dtype=np.float32)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        return rows

    @property
    def differentiable(self) -> BlendedRows:
        """The same where players are present to some degree."""
        return BlendedRows(self)

    def evaluations(self, design: Design) -> Design:
        return design if self.averaged else replace(design, noise=self.reference_covariance(design))

    def asked(self, masks: np.ndarray) -> np.ndarray:
        """Each pair's coalitions as often as it has reference rows: S with each of them, then its complement with the same."""
        pairs = masks.reshape(-1, 2, self.players)
        return np.repeat(pairs, self.repeats, axis=1).reshape(-1, self.players)

    def nobody(self) -> np.ndarray:
        return self.probes.references

    def mean(self, each: np.ndarray) -> np.ndarray:
        return self.probes.weights @ each

    def once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """With every reference row."""
        present = np.asarray(coalitions).astype(bool)[:, self.probes.player_of]
        mixed = np.where(present[:, None], self.probes.inputs[probe], self.probes.references)
        return mixed.reshape(-1, mixed.shape[-1])

    def of_once(self, answers: np.ndarray) -> np.ndarray:
        return np.einsum("r,crk->ck", self.probes.weights, answers.reshape(-1, len(self.probes.weights), answers.shape[-1]))

    def folded(self, masks: np.ndarray, explained: np.ndarray, nobody: np.ndarray | None) -> np.ndarray:
        assert nobody is not None
        mean = self.mean(nobody)
        each = explained.reshape(len(masks), self.repeats, -1)
        if self.averaged:
            order = self._rows(len(masks) // 2).repeat(2, axis=0)
            game = (each * self.probes.weights[order][..., None]).sum(axis=1)
        else:
            off = (nobody - mean)[self._rows(len(masks) // 2)].mean(axis=1).repeat(2, axis=0)
            # A product: many times as fast as a mean of truth values.
            absent = ~masks @ np.full((self.players, 1), 1 / self.players)
            game = each.mean(axis=1) - absent * off
        game[0], game[1] = each[0].mean(axis=0), mean
        return game

    def _rows(self, pairs: int) -> np.ndarray:
        """int (pairs, repeats): the reference rows of each pair; where all of them are averaged, each once."""
        if self.averaged:
            return np.broadcast_to(np.arange(self.repeats), (pairs, self.repeats))
        # Kept: the first so many are the same for any number of them.
        if not self._turns or len(self._turns[0]) < pairs * self.repeats:
            self._turns[:] = [in_turn(self.probes.weights, pairs * self.repeats)]
        return self._turns[0][: pairs * self.repeats].reshape(pairs, self.repeats)

    def reference_covariance(self, design: Design) -> np.ndarray:
        """float64 (pairs, pairs): prior covariance of what the choice of reference rows adds to each pair's answer.

        That is sum_i h_i u_i(b): h_i = S_i - |S| / n, because the control variate has taken off the players' common part, and u_i, a Gaussian
        process over reference rows, depends smoothly on the player's own features there: its kernel is exp(-D^2 / 2), D^2 the mean squared
        distance of those features in standard deviations (2 for different codes), centred so that it is 0 on average over the references.
        """
        pairs, h = len(design.pairs), design.pairs - design.pairs.mean(axis=1, keepdims=True)
        references, weights = self.probes.references.astype(np.float64), self.probes.weights
        deviation = references.std(axis=0)
        scaled = references / np.where(deviation > 0, deviation, 1) / REFERENCE_SCALE
        rows = self._rows(pairs)
        often = np.zeros((pairs, len(references)))
        np.add.at(often, (np.arange(pairs)[:, None], rows), 1 / self.repeats)
        centred = np.eye(len(references)) - weights[None]
        found = np.zeros((pairs, pairs))
        for player in range(self.players):
            features = np.flatnonzero(self.probes.player_of == player)
            distance = np.zeros((len(references),) * 2)
            for feature in features:
                column = scaled[:, feature]
                off = (column[:, None] - column[None]) ** 2
                distance += (off > 0) * 4.0 if feature in self.probes.categorical else off
            kernel = centred @ np.exp(-distance / len(features) / 2) @ centred.T
            found += np.outer(h[:, player], h[:, player]) * (often @ kernel @ often.T)
        return found


@dataclass(frozen=True)
class BlendedRows(OneBaseline):
    """Rows between a reference row and the probe, player by player: what gradients are taken of.

    Attributes:
        rows: the masker of whole players.
    """

    rows: TabularMasker

    @property
    def players(self) -> int:
        return self.rows.players

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape

    @property
    def nbytes(self) -> int:
        return self.rows.nbytes

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """float32 (k, players + 1): how far each is present, and the number of the reference row."""
        turns = in_turn(self.rows.probes.weights, len(coalitions))
        return np.concatenate([coalitions, turns[:, None]], axis=1).astype(np.float32)

    def parts(self, probe: int) -> np.ndarray:
        """float32 (1 + references, features): the row, and the reference rows."""
        return np.concatenate([self.rows.probes.inputs[probe][None], self.rows.probes.references])

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """Inputs, float32 (k, features). xp: keras.ops."""
        present = xp.take(rows[:, :-1], self.rows.probes.player_of, axis=1)
        absent = xp.take(parts[1:], xp.cast(rows[:, -1], "int32"), axis=0)
        return present * parts[0] + (1 - present) * absent


@dataclass(frozen=True)
class TextMasker(OneBaseline):
    """Absent tokens are left out of the text, or replaced; each masked text is encoded once and kept.

    Attributes:
        probes: texts.
    """

    stacked = True

    probes: TextProbes
    _kept: Kept = field(default_factory=Kept, repr=False, compare=False)

    @property
    def players(self) -> int:
        return int(self.probes.players.max())

    @cached_property
    def _layout(self) -> _Layout:
        return _Layout.of(self.probes)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._layout.shapes[0]

    @cached_property
    def nbytes(self) -> int:
        if self._layout.encode is None:
            return max(map(sys.getsizeof, self.probes.inputs.tolist()))
        return 4 * self._layout.width

    def feed(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        """(k, width): the encoded texts, int32 or float32; or strings where the model encodes them itself."""
        return self._kept(probe, np.asarray(coalitions).astype(bool), lambda: self.once(coalitions, probe))

    def encoded(self, texts: list[str], probe: int) -> np.ndarray:
        """Rows as those of `feed`, of texts made from a probe."""
        return self._layout.encoded(texts, probe)

    def once(self, coalitions: np.ndarray, probe: int) -> np.ndarray:
        # A trial has columns for the widest probe.
        present = np.asarray(coalitions)[:, : int(self.probes.players[probe])].astype(bool)
        return self.encoded([self.probes.masked(probe, each) for each in present], probe)

    def parts(self, probe: int) -> np.ndarray:
        return np.zeros(1, dtype=np.float32)

    def mask(self, xp: Any, rows: Any, parts: Any) -> Any:
        """What `encode` gives; or the strings: a tensor (k, 1), for callables a list."""
        return self._layout.decoded(xp, rows)


@dataclass(frozen=True)
class _Layout:
    """How what `encode` gives lies in one row of numbers.

    Attributes:
        encode: of the probes; None for strings.
        keys: of a dict; None for an array, () for a tuple.
        shapes, dtypes: of each array, without the axis of texts.
    """

    encode: Any
    keys: tuple[str, ...] | None
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]

    @classmethod
    def of(cls, probes: TextProbes) -> _Layout:
        encode, texts = probes.encode, probes.inputs.tolist()
        if encode is None:
            return cls(None, None, ((1,),), ("string",))
        by_length = sorted(range(len(texts)), key=lambda probe: len(texts[probe]))
        shortest, longest = by_length[0], by_length[-1]
        arrays, keys = _arrays(_asked_to_encode(encode, [texts[longest]], longest), 1, longest)
        layout = cls(encode, keys, tuple(array.shape[1:] for array in arrays), tuple(array.dtype.name for array in arrays))
        # One by one: what pads to the longest text of a list gives each of these its own length.
        for text in (texts[shortest], probes.masked(shortest, np.zeros(probes.players[shortest]))):
            layout.encoded([text], shortest)
        return layout

    @property
    def width(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def whole(self) -> bool:
        return all(np.dtype(dtype).kind in "iub" for dtype in self.dtypes)

    def encoded(self, texts: list[str], probe: int) -> np.ndarray:
        """(k, width), of texts made from a probe."""
        if self.encode is None:
            return np.array(texts, dtype=object)[:, None]
        arrays, keys = _arrays(_asked_to_encode(self.encode, texts, probe), len(texts), probe)
        shapes = tuple(array.shape[1:] for array in arrays)
        if shapes != self.shapes or keys != self.keys:
            raise ValueError(f"TextProbes: encode gave shape {shapes[0]} for text {probe} and {self.shapes[0]} for another; {PAD}")
        if self.whole and any(array.dtype.kind == "f" for array in arrays):
            raise ValueError(f"TextProbes: encode gave whole numbers for one text and fractions for text {probe}; give one dtype.")
        dtype = np.int32 if self.whole else np.float32
        if self.whole and any(array.size and array.max() > np.iinfo(np.int32).max for array in arrays):
            raise ValueError(
                f"TextProbes: encode gave {max(int(array.max()) for array in arrays)}, beyond int32; give numbers of tokens below 2**31."
            )
        return np.concatenate([array.reshape(len(texts), -1).astype(dtype) for array in arrays], axis=1)

    def decoded(self, xp: Any, rows: Any) -> Any:
        if self.encode is None:
            return rows[:, 0].tolist() if isinstance(rows, np.ndarray) else rows
        arrays, at = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            size = int(np.prod(shape))
            piece = xp.reshape(rows[:, at : at + size], (-1, *shape))
            arrays.append(piece.astype(dtype) if isinstance(piece, np.ndarray) else xp.cast(piece, dtype))
            at += size
        if self.keys is None:
            return arrays[0]
        return dict(zip(self.keys, arrays, strict=True)) if self.keys else tuple(arrays)


def _asked_to_encode(encode: Callable[[list[str]], Any], texts: list[str], probe: int) -> Any:
    try:
        return encode(texts)
    except Exception as error:
        which = f"{texts[0][:40]!r}" if len(texts) == 1 else f"{len(texts)} texts"
        raise ValueError(f"TextProbes: encode failed on {which}, made from text {probe}: {type(error).__name__}: {error}") from error


def _arrays(encoded: Any, count: int, probe: int) -> tuple[list[np.ndarray], tuple[str, ...] | None]:
    """What `encode` gave for texts made from a probe, as a list of arrays (count, …)."""
    # Not `dict`: what tokenizers of Hugging Face give is a mapping of its own.
    keys = tuple(str(key) for key in encoded) if isinstance(encoded, Mapping) else () if isinstance(encoded, tuple) else None
    given = list(encoded.values()) if isinstance(encoded, Mapping) else list(encoded) if isinstance(encoded, tuple) else [encoded]
    try:
        arrays = [np.asarray(each) for each in given]
    except ValueError as error:
        raise ValueError(f"TextProbes: encode gave rows of different lengths for text {probe}; {PAD}") from error
    if not arrays:
        raise ValueError(f"TextProbes: encode gave nothing for text {probe}; give numbers, one row a text.")
    for array in arrays:
        if array.dtype == object:
            raise ValueError(f"TextProbes: encode gave rows of different lengths, or no numbers, for text {probe}; {PAD}")
        if array.dtype.kind not in "iubf" or array.ndim < 1 or len(array) != count:
            raise ValueError(
                f"TextProbes: encode gave shape {array.shape} and dtype {array.dtype} for {count} texts made from text {probe}; "
                "give numbers, one row a text."
            )
    return arrays, keys


def build_masker(probes: ProbeSet, coalitions: int, evaluations: int) -> Masker:
    """The masker of a kind of probes, for so many coalitions and evaluations."""
    if isinstance(probes, TabularProbes):
        return TabularMasker.of(probes, coalitions, evaluations)
    return TextMasker(probes) if isinstance(probes, TextProbes) else SegmentMasker(probes)
