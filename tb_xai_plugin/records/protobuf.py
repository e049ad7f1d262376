"""The few parts of TensorBoard's Event messages that a record needs, taken from their bytes where they lie.

The encoding: https://protobuf.dev/programming-guides/encoding. A message is not parsed as a whole, because that copies all of its tensors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

# Keys of fields: their number and wire type. Of Event:
WALL_TIME, STEP, SUMMARY = 1 << 3 | 1, 2 << 3, 5 << 3 | 2
# … the others of which an event has at most one: file_version, graph_def, log_message, session_log, tagged_run_metadata, meta_graph_def.
NO_SUMMARY = frozenset(number << 3 | 2 for number in (3, 4, 6, 7, 8, 9))
# Of Summary, Summary.Value, SummaryMetadata and PluginData:
VALUE = 1 << 3 | 2
TAG, TENSOR, METADATA = 1 << 3 | 2, 8 << 3 | 2, 9 << 3 | 2
# … simple_value, an old histogram, image, histogram, audio, in place of a tensor.
NO_TENSOR = frozenset((2 << 3 | 5, *(number << 3 | 2 for number in (3, 4, 5, 6))))
PLUGIN_DATA, PLUGIN_NAME, CONTENT = 1 << 3 | 2, 1 << 3 | 2, 2 << 3 | 2
# Of TensorProto, TensorShapeProto and its Dim:
DTYPE, SHAPE, TENSOR_CONTENT, STRING_VAL = 1 << 3, 2 << 3 | 2, 4 << 3 | 2, 8 << 3 | 2
DIM, SIZE = 2 << 3 | 2, 1 << 3

# DT_FLOAT and so on: the types of numbers that TensorFlow stores in tensor_content as they lie in memory.
DTYPES = {
    1: np.float32,
    2: np.float64,
    3: np.int32,
    4: np.uint8,
    5: np.int16,
    6: np.int8,
    9: np.int64,
    10: np.bool_,
    17: np.uint16,
    19: np.float16,
    22: np.uint32,
    23: np.uint64,
}
DT_STRING = 7

_DOUBLE = struct.Struct("<d")

# Bytes of a field by its wire type, where they are always as many.
_FIXED = {1: 8, 5: 4}


class Value(NamedTuple):
    """A value of a summary: where its TensorProto and its SummaryMetadata lie in the bytes of the event, (start, stop); None where it has none."""

    tag: str
    tensor: tuple[int, int] | None
    metadata: tuple[int, int] | None


class Layout(NamedTuple):
    """Where the parts of a value lie, relative to its begin: its tag, then a tensor, then metadata up to its end.

    Two values of one size that have the same bytes before and after the tensor are laid out alike: those before say how long the tensor is.
    """

    tag: str
    size: int
    before: bytes
    start: int
    stop: int
    after: bytes
    metadata: int


# The most layouts, and the most heads of tensors, that are remembered: a record has some dozens.
KNOWN_MOST = 1024

# {bytes of a serialized tensor: (those before its numbers, the type, the shape)}, of the last one of each length.
_heads: dict[int, tuple[bytes, np.dtype[Any], list[int]]] = {}


def fields(data: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """(key, begin, end) of each field of a message; of a number without fixed size, (key, the number, end).

    Raises:
        ValueError: bytes that are no message.
    """
    while at < stop:
        key = data[at]
        at += 1
        if key > 127:
            key, at = _varint(data, at - 1, stop)
        wire_type = key & 7
        if wire_type == 2:
            size = data[at] if at < stop else 128
            at += 1
            if size > 127:
                size, at = _varint(data, at - 1, stop)
            begin, at = at, at + size
        elif wire_type == 0:
            begin, at = _varint(data, at, stop)
        elif wire_type in _FIXED:
            begin, at = at, at + _FIXED[wire_type]
        else:
            raise ValueError("a group, or no protocol buffer")
        if at > stop:
            raise ValueError("a field that ends after its message")
        yield key, begin, at


def _varint(data: bytes, at: int, stop: int) -> tuple[int, int]:
    number = shift = 0
    while at < stop and shift < 70:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise ValueError("a number without an end")


def signed(number: int, bits: int = 64) -> int:
    """A number of a field as an int64, or an int32."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> (bits - 1) else number


def values_of(event: bytes, known: dict[bytes, Layout] | None = None) -> tuple[int, float, list[Value]]:
    """Step, wall time, and the values of an event.

    known: the layouts of the values of earlier events, which those of later ones mostly have, too; they are added to.

    Raises:
        ValueError: bytes that are no event.
    """
    step, wall_time, values = 0, 0.0, []
    known = {} if known is None else known
    for key, begin, end in fields(event, 0, len(event)):
        if key == WALL_TIME:
            (wall_time,) = _DOUBLE.unpack_from(event, begin)
        elif key == STEP:
            step = signed(begin)
        elif key == SUMMARY:
            values += [_known_value(event, at, stop, known) for field, at, stop in fields(event, begin, end) if field == VALUE]
        elif key in NO_SUMMARY:
            values.clear()
    return step, wall_time, values


def _known_value(event: bytes, begin: int, end: int, known: dict[bytes, Layout]) -> Value:
    """`_value`, without a look at each field where the value is laid out as an earlier one of its tag."""
    tag = event[begin + 2 : begin + 2 + event[begin + 1]] if end - begin > 2 and event[begin] == TAG else b""
    layout = known.get(tag)
    if layout is not None and layout.size == end - begin:
        start, stop = begin + layout.start, begin + layout.stop
        if event.startswith(layout.before, begin) and event.startswith(layout.after, stop):
            return Value(layout.tag, (start, stop), (stop + layout.metadata, end))
    value = _value(event, begin, end)
    if value.tensor is not None and value.metadata is not None and value.metadata[1] == end and value.tensor[1] < value.metadata[0]:
        start, stop = value.tensor
        if len(known) >= KNOWN_MOST:
            known.clear()
        known[tag] = Layout(
            *(value.tag, end - begin, event[begin:start], start - begin, stop - begin, event[stop:end], value.metadata[0] - stop)
        )
    return value


def _value(event: bytes, begin: int, end: int) -> Value:
    tag, tensor, metadata = "", None, None
    for key, start, stop in fields(event, begin, end):
        if key == TAG:
            tag = event[start:stop].decode()
        elif key == TENSOR:
            tensor = start, stop
        elif key == METADATA:
            metadata = start, stop
        elif key in NO_TENSOR:
            tensor = None
    return Value(tag, tensor, metadata)


def plugin_of(data: bytes, begin: int, end: int) -> tuple[str, bytes]:
    """Name and content of the plugin in a SummaryMetadata.

    Raises:
        ValueError: bytes that are none.
    """
    name, content = "", b""
    for key, start, stop in fields(data, begin, end):
        if key == PLUGIN_DATA:
            for field, at, over in fields(data, start, stop):
                if field == PLUGIN_NAME:
                    name = data[at:over].decode()
                elif field == CONTENT:
                    content = data[at:over]
    return name, content


def array_of(tensor: bytes) -> np.ndarray:
    """The array of a serialized TensorProto, read-only where it shares the memory of the bytes.

    Raises:
        ValueError: bytes that are no tensor.
    """
    known = _heads.get(len(tensor))
    if known is not None and tensor.startswith(known[0]):
        return np.frombuffer(tensor, known[1], -1, len(known[0])).reshape(known[2])
    dtype, shape, content, strings, other = 0, [], None, [], False
    for key, begin, end in fields(tensor, 0, len(tensor)):
        if key == DTYPE:
            dtype = begin
        elif key == SHAPE:
            shape += [_size(tensor, at, stop) for field, at, stop in fields(tensor, begin, end) if field == DIM]
        elif key == TENSOR_CONTENT:
            content = begin, end
        elif key == STRING_VAL:
            strings.append(tensor[begin:end])
        else:
            other = True
    if content is not None and not strings and not other and dtype in DTYPES:
        kind = np.dtype(DTYPES[dtype]).newbyteorder("<")
        count, rest = divmod(content[1] - content[0], kind.itemsize)
        if count and not rest:
            if content[1] == len(tensor):  # what comes before the numbers, the length of all included, says what they are
                if len(_heads) >= KNOWN_MOST:
                    _heads.clear()
                _heads[len(tensor)] = tensor[: content[0]], kind, shape
            return np.frombuffer(tensor, kind, count, content[0]).reshape(shape)
    elif dtype == DT_STRING and len(strings) == 1 and not shape and content is None and not other:
        return np.array(strings[0], dtype=object)
    return _any_array(tensor)


def _size(data: bytes, begin: int, end: int) -> int:
    sizes = [number for key, number, _ in fields(data, begin, end) if key == SIZE]
    return signed(sizes[-1]) if sizes else 0


def _any_array(tensor: bytes) -> np.ndarray:
    """Tensors whose numbers are listed one by one, as TensorFlow writes small and constant ones: by TensorBoard's own code."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.util.tensor_util import make_ndarray

    try:
        array: np.ndarray = make_ndarray(TensorProto.FromString(tensor))
    except (DecodeError, TypeError) as error:
        raise ValueError(str(error)) from error
    return array
