"""Montages: the images of a probe that has several, side by side in one picture, and the way back to what the model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

# The label of pixels of a montage that belong to no image, and so to no player.
NOBODY = -1

# The shape that a montage should have: width / height.
ASPECT = 1.5

# The gap between images, as a share of their smallest side.
GAP = 14


@dataclass(frozen=True)
class Tile:
    """One image of a montage.

    Attributes:
        array: number of the array that it comes from.
        image: its number in that array.
        place: the rows, columns and channels of the montage that it takes.
    """

    array: int
    image: int
    place: tuple[slice, slice, slice]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        rows, columns, _ = self.place
        return rows.stop - rows.start, columns.stop - columns.start


@dataclass(frozen=True)
class Montage:
    """Where the images of a probe lie in one picture (H', W', C'). What lies between them is 0, and belongs to no player.

    Attributes:
        form: what the model takes: a "list" of arrays, a "dict" of them, or one "array".
        names: names of the arrays.
        shapes: shape of each array for one probe: (H, W), (H, W, C), or (k, H, W, C) for k images.
        dtypes: dtype of each array, as it was given.
        corners: (top, left) of each image of each array.
        size: (H', W', C').
        ordered: whether the images of the one array follow each other, as in a video or a volume.
    """

    form: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    corners: tuple[tuple[tuple[int, int], ...], ...]
    size: tuple[int, int, int]
    ordered: bool = False

    @classmethod
    def of(cls, form: str, arrays: Mapping[str, np.ndarray]) -> Montage:
        """The montage of arrays (n, H, W), (n, H, W, C) or (n, k, H, W, C)."""
        shapes = [array.shape[1:] for array in arrays.values()]
        gap = max(1, round(min(min(_image(shape)[:2]) for shape in shapes) / GAP))
        inner = [_arranged([_image(shape)[:2]] * _count(shape), gap) for shape in shapes]
        corners, (height, width) = _arranged([size for _, size in inner], gap if max(map(_count, shapes)) == 1 else 3 * gap)
        placed = tuple(tuple((top + y, left + x) for y, x in within) for (top, left), (within, _) in zip(corners, inner, strict=True))
        ordered = form == "array" and all(map(is_ordered, arrays.values()))
        size = height, width, max(_image(shape)[2] for shape in shapes)
        return cls(form, tuple(arrays), tuple(shapes), tuple(array.dtype.name for array in arrays.values()), placed, size, ordered)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Montage:
        corners = tuple(tuple((top, left) for top, left in of_array) for of_array in written["corners"])
        tuples = {name: tuple(written[name]) for name in ("names", "dtypes", "size")}
        return cls(written["form"], shapes=tuple(map(tuple, written["shapes"])), corners=corners, ordered=written["ordered"], **tuples)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @cached_property
    def tiles(self) -> list[Tile]:
        """All images, array by array."""
        return [
            Tile(array, image, (slice(top, top + height), slice(left, left + width), slice(0, channels)))
            for array, (shape, corners) in enumerate(zip(self.shapes, self.corners, strict=True))
            for height, width, channels in [_image(shape)]
            for image, (top, left) in enumerate(corners)
        ]

    @cached_property
    def inside(self) -> np.ndarray:
        """bool (H', W', C'): the numbers that belong to an image."""
        inside = np.zeros(self.size, dtype=bool)
        for tile in self.tiles:
            inside[tile.place] = True
        inside.flags.writeable = False
        return inside

    @cached_property
    def outside(self) -> np.ndarray:
        """bool (H', W'): the pixels that belong to no image."""
        outside = np.logical_not(self.inside.any(axis=-1))
        outside.flags.writeable = False
        return outside

    def assemble(self, xp: Any, masked: Any) -> Any:
        """What the model takes, from masked montages (k, H', W', C'). xp: numpy, or keras.ops inside a graph."""
        images = [masked[(slice(None), *tile.place)] for tile in self.tiles]
        arrays = []
        for shape, corners in zip(self.shapes, self.corners, strict=True):
            own, images = images[: len(corners)], images[len(corners) :]
            arrays.append(xp.stack(own, axis=1) if len(shape) == 4 else own[0] if len(shape) == 3 else own[0][..., 0])
        return self.in_form(arrays)

    def in_form(self, arrays: list[Any]) -> Any:
        """Arrays, one per array of the probes, in the form in which the model takes them."""
        return arrays[0] if self.form == "array" else dict(zip(self.names, arrays, strict=True)) if self.form == "dict" else arrays

    def cut(self, pictures: np.ndarray) -> Any:
        """The arrays in their own dtypes and form, from montages (n, H', W', C')."""
        arrays = self.listed(self.assemble(np, pictures))
        return self.in_form([array.astype(dtype) for array, dtype in zip(arrays, self.dtypes, strict=True)])

    def listed(self, given: Any) -> list[Any]:
        """Arrays that are in the form in which the model takes them, as a list."""
        return list(given.values()) if self.form == "dict" else list(given) if self.form == "list" else [given]

    def lay(self, arrays: Sequence[np.ndarray], fill: float = 0, channels: int | None = None) -> np.ndarray:
        """Montages (n, H', W', channels) of arrays (n, H, W, …) or (n, k, H, W, …), with as many channels as the widest has by default."""
        dtype = arrays[0].dtype if len({array.dtype for array in arrays}) == 1 else np.dtype(np.float32)
        n = max(len(array) for array in arrays)
        pictures = np.full((n, *self.size[:2], channels or self.size[2]), fill, dtype=dtype)
        for tile in self.tiles:
            array, shape = arrays[tile.array], self.shapes[tile.array]
            images = array[:, tile.image] if len(shape) == 4 else array
            images = images.reshape(len(array), *tile.size, -1)
            pictures[:, tile.place[0], tile.place[1], : images.shape[-1]] = images
        return pictures

    def each(self, given: Any, who: str, what: str) -> list[Any] | None:
        """An option that is given per array, as a list with one entry per array; None where it is not.

        Raises:
            ValueError: it has another number of entries, or names that the arrays do not have.
        """
        if isinstance(given, Mapping) and self.form == "dict":
            unknown = [name for name in given if name not in self.names]
            if unknown:
                raise ValueError(f"{who}: {what} has {unknown[0]!r}, which is not among the images {list(self.names)}; give their names.")
            return [given.get(name) for name in self.names]
        if isinstance(given, list | tuple) and self.form != "array" and len(given) == len(self.shapes):
            return list(given)
        try:
            shape = np.shape(given)
        except ValueError:  # entries of different sizes
            shape = ()
        whole = self.size[:2] in (shape[-2:], shape[-3:-1])
        if isinstance(given, list | tuple) and self.form != "array" and not whole:
            raise ValueError(
                f"{who}: {what} has {len(given)} entries for images of {len(self.shapes)} arrays; give one for each, None where there is none."
            )
        return [given] if self.form == "array" and not whole else None

    def maps(self, given: Any, n: int, who: str, what: str, fill: int) -> np.ndarray:
        """Maps of pixels (n, H', W'), from maps of the montage, (H', W') or (n, H', W'), or from one map per array.

        fill: the value where there is no map.
        """
        entries = self.each(given, who, what)
        if entries is None:
            whole = np.asarray(given)
            if whole.shape[-2:] != self.size[:2] or whole.ndim not in (2, 3):
                raise ValueError(
                    f"{who}: {what} has shape {whole.shape}; give one map per array of images, {self._shapes()}, or one of the whole montage, {self.size[:2]}."
                )
            return np.broadcast_to(whole, (n, *self.size[:2]))
        arrays = []
        for entry, shape in zip(entries, self.shapes, strict=True):
            wanted = (n, *(shape[:-1] if len(shape) > 2 else shape))
            array = np.full(wanted, fill) if entry is None else np.asarray(entry)
            if array.shape == (n, *wanted[-2:]) and len(wanted) == 4 and n != wanted[1]:
                array = array[:, None]
            try:
                arrays.append(np.broadcast_to(array, wanted))
            except ValueError:
                raise ValueError(
                    f"{who}: {what} has shape {array.shape} for images of shape {shape}; give a map {wanted[1:]} or one per probe {wanted}."
                ) from None
        kinds = np.result_type(*arrays)
        return self.lay([array.astype(kinds) for array in arrays], fill, channels=1)[..., 0]

    def _shapes(self) -> str:
        return ", ".join(str(shape[:-1] if len(shape) > 2 else shape) for shape in self.shapes)

    def image_name(self, tile: Tile) -> str:
        alone = len(self.corners[tile.array]) == 1
        if self.form == "array":
            return f"{'frame' if self.ordered else 'image'} {tile.image}"
        name = self.names[tile.array]
        return name if alone else f"{name}, image {tile.image}"

    def player_names(self, segments: np.ndarray) -> list[str]:
        """Names of the players of one probe: their images, and their number among the players of the same images. segments: (H', W')."""
        tiles_of: dict[int, list[int]] = {}
        for number, tile in enumerate(self.tiles):
            for player in np.unique(segments[tile.place[:2]]).tolist():
                tiles_of.setdefault(player, []).append(number)
        together: dict[tuple[int, ...], list[int]] = {}
        for player in sorted(tiles_of):
            together.setdefault(tuple(tiles_of[player]), []).append(player)
        names = {}
        for numbers, players in together.items():
            images = self._names_of([self.tiles[number] for number in numbers])
            for place, player in enumerate(players):
                names[player] = images if len(players) == 1 else f"{images}, patch {place}"
        return [names[player] for player in sorted(names)]

    def _names_of(self, tiles: list[Tile]) -> str:
        first, last = tiles[0], tiles[-1]
        if len(tiles) == 1:
            return self.image_name(first)
        if len(tiles) == len(self.tiles):
            return f"all {'frames' if self.ordered else 'images'}"
        if len({tile.array for tile in tiles}) == 1 and last.image - first.image == len(tiles) - 1:
            noun = "frames" if self.ordered else "images"
            return f"{'' if self.form == 'array' else f'{self.names[first.array]}, '}{noun} {first.image}\u2013{last.image}"
        return " + ".join(map(self.image_name, tiles[:3])) + (f" + {len(tiles) - 3} more" if len(tiles) > 3 else "")


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Height, width and channels of the images of an array whose shape for one probe is given."""
    height, width, channels = shape[-3:] if len(shape) > 2 else (*shape, 1)
    return height, width, channels


def _count(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) == 4 else 1


def _arranged(sizes: Sequence[tuple[int, int]], gap: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Places things of given sizes (height, width) in rows, in their order: the (top, left) of each, and the size of all."""

    def in_columns(columns: int) -> tuple[list[tuple[int, int]], tuple[int, int]]:
        rows = [sizes[at : at + columns] for at in range(0, len(sizes), columns)]
        widths = [max(row[column][1] for row in rows if column < len(row)) for column in range(columns)]
        heights = [max(height for height, _ in row) for row in rows]
        lefts = [sum(widths[:column]) + gap * column for column in range(columns)]
        tops = [sum(heights[:row]) + gap * row for row in range(len(rows))]
        places = [(tops[number // columns], lefts[number % columns]) for number in range(len(sizes))]
        return places, (sum(heights) + gap * (len(rows) - 1), sum(widths) + gap * (columns - 1))

    def cost(columns: int) -> float:
        _, (height, width) = in_columns(columns)
        empty = -len(sizes) % columns / len(sizes)
        return float(abs(np.log(width / height / ASPECT)) + empty)

    return in_columns(min(range(1, len(sizes) + 1), key=cost))


def is_ordered(array: np.ndarray) -> bool:
    """Whether the images (n, k, H, W, C) of each probe follow each other: neighbours are more alike than images that are far apart."""
    count = array.shape[1]
    if count < 4:
        return False
    images = array.astype(np.float32)
    near = np.abs(images[:, 1:] - images[:, :-1]).mean()
    far = np.abs(images[:, count // 2 :] - images[:, : count - count // 2]).mean()
    return bool(near < 0.7 * far)


def parts_of(who: str, given: Any, labels: Any, *, shown_otherwise: bool) -> tuple[str, dict[str, np.ndarray]] | None:
    """The arrays of probes that have several images, and their form; None for probes of one image.

    A list may hold arrays that a model takes together, each with all n probes, or the n probes one by one. It is told by the number of labels
    and by the shapes.
    """
    if isinstance(given, Mapping):
        return "dict", _copies(who, {str(name): array for name, array in given.items()})
    if not isinstance(given, list | tuple):
        return ("array", _copies(who, {"images": given})) if np.ndim(given) == 5 else None
    try:
        shapes = [np.shape(entry) for entry in given]
    except ValueError:  # rows of different lengths
        return None
    if not shapes or min(map(len, shapes)) < 3:
        return None
    count = len(labels) if labels is not None and hasattr(labels, "__len__") else None
    together = len({shape[0] for shape in shapes}) == 1
    n, k = shapes[0][0], len(shapes)
    one_shape = len(set(shapes)) == 1
    if max(map(len, shapes)) == 3:
        looks_like_images = one_shape and (shapes[0][2] <= 4 or shown_otherwise)
        as_parts = together and (count == n if count is not None and (count == n) != (count == k) else not looks_like_images)
        return ("list", _copies(who, _numbered(given))) if as_parts else None
    if one_shape and len(shapes[0]) == 4 and (count == k or not hasattr(given[0], "shape")):
        if count == n and n == k and hasattr(given[0], "shape"):
            raise ValueError(
                f"{who}: images is a list of {k} arrays {shapes[0]} for {n} labels: these may be {k} inputs of the model, or {k} probes; give "
                "{'name': array, …} for inputs of the model, or np.stack(images) for probes of several images each."
            )
        return "array", _copies(who, {"images": np.stack([np.asarray(entry) for entry in given])})
    if not together:
        raise ValueError(
            f"{who}: images is a list of arrays {', '.join(map(str, shapes[:4]))}, with different numbers of images; give arrays that hold all probes, "
            "(n, H, W, C) each, or, for several images a probe, one array (n, images, H, W, C)."
        )
    return "list", _copies(who, _numbered(given))


def _numbered(given: Sequence[Any]) -> dict[str, Any]:
    return {f"{'input' if np.ndim(array) == 5 else 'image'} {number}": array for number, array in enumerate(given)}


def _copies(who: str, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    arrays = {name: np.array(array) for name, array in given.items()}
    for name, array in arrays.items():
        if array.ndim not in (3, 4, 5):
            raise ValueError(
                f"{who}: {name!r} has shape {array.shape}, which is no image; give images (n, H, W), (n, H, W, C) or (n, images, H, W, C), and other inputs of the "
                f"model as side_inputs={{{name!r}: …}}, one row per probe."
            )
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{who}: the arrays of images have different numbers of probes, {lengths}; give one image per probe in each.")
    return arrays
