"""Superpixels: the pixels of an image that are present or absent together. Each superpixel is one player of the game."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import numpy as np

from tb_xai_plugin.probes.cuts.montage import NOBODY, Montage

SEGMENTERS = ("auto", "grid", "slic")

# Those of probes of several images.
MONTAGE_SEGMENTERS = ("auto", "parts", "grid", "blocks", "slic")

# A probe of several images has about so many players, and each image at least FEWEST_CELLS, up to MOST_CUT images. With more images, each is one player.
CELLS = 49
FEWEST_CELLS = 4
MOST_CUT = 15

# Fewer players say nothing about where a model looks. SLIC gives so few on nearly flat images.
FEWEST_SLIC = 8


def grid(height: int, width: int, rows: int, columns: int) -> np.ndarray:
    """Label map of a regular grid: int32 (height, width), 0 to rows * columns - 1. Cell sides differ by at most one pixel."""
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    return (row[:, None] * columns + column[None, :]).astype(np.int32)


def default_grid(height: int, width: int) -> np.ndarray:
    """The default grid for images of a size: about 16 nearly square cells up to 16 px, about 49 above."""
    return grid_of(height, width, 16 if max(height, width) <= 16 else CELLS)


def grid_of(height: int, width: int, cells: int) -> np.ndarray:
    """A grid of about so many nearly square cells."""
    side = (height * width / cells) ** 0.5
    rows = int(np.clip(round(height / side), 1, height))
    columns = int(np.clip(round(width / side), 1, width))
    if min(height, width) == 1:  # a strip: its cells cannot be square
        rows, columns = min(rows, cells), min(columns, cells)
    return grid(height, width, rows, columns)


def slic(image: np.ndarray, cells: int | None = None) -> np.ndarray:
    """Superpixels by SLIC (Achanta et al., 2012): int32 (height, width), contiguous from 0.

    image: uint8 (height, width, channels), as shown to people. cells: about how many; by default 50, and 36 up to 160 px.
    """
    try:
        from skimage.segmentation import slic as skimage_slic
    except ImportError as error:
        raise ImportError(
            "ImageProbes: superpixels for images above 40 px need scikit-image; "
            "install it with 'pip install scikit-image', or use segments='grid'."
        ) from error
    height, width = image.shape[:2]
    grey = image.shape[-1] == 1
    labels = skimage_slic(
        image[..., 0] if grey else image[..., :3],
        n_segments=cells or (50 if max(height, width) > 160 else 36),
        compactness=10,
        sigma=1,
        start_label=0,  # from 1, players and columns are off by one: the `lime` package's own defect
        channel_axis=None if grey else -1,
    )
    labels = merge_crumbs(contiguous(labels))
    enough = labels.max() + 1 >= FEWEST_SLIC
    return labels if enough else default_grid(height, width) if cells is None else grid_of(height, width, cells)


def merge_crumbs(labels: np.ndarray, share: float = 0.002) -> np.ndarray:
    """Join every segment below `share` of the image to the neighbour it shares the longest border with."""
    labels = labels.copy()
    smallest = share * labels.size
    while True:
        counts = np.bincount(labels.ravel())
        crumb = int(counts.argmin())
        if counts[crumb] >= smallest or len(counts) == 1:
            return labels
        labels[labels == crumb] = _longest_neighbour(labels, crumb)
        labels = contiguous(labels)


def _longest_neighbour(labels: np.ndarray, label: int) -> int:
    """The neighbour with which a segment shares the longest border."""
    pairs = [(labels[1:], labels[:-1]), (labels[:-1], labels[1:]), (labels[:, 1:], labels[:, :-1]), (labels[:, :-1], labels[:, 1:])]
    neighbours = np.concatenate([second[(first == label) & (second != label)] for first, second in pairs])
    return int(np.bincount(neighbours).argmax())


def contiguous(labels: np.ndarray) -> np.ndarray:
    """The same segments numbered 0, 1, 2, … in the order of their old numbers; int32."""
    _, inverse = np.unique(labels, return_inverse=True)
    return inverse.reshape(labels.shape).astype(np.int32)


def contiguous_inside(labels: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The same, with NOBODY where `outside` is true."""
    numbered = np.full(labels.shape, NOBODY, dtype=np.int32)
    numbered[~outside] = contiguous(labels[~outside])
    return numbered


def segment(images: np.ndarray, how: str) -> np.ndarray:
    """Label maps of images: int32 (n, height, width), each contiguous from 0.

    Args:
        images: uint8 (n, height, width, channels), as shown to people.
        how: "grid" | "slic" | "auto" (a grid up to 40 px, SLIC above). On a 28 px digit SLIC gives few and ragged segments, while a grid is
            the same for every probe and every version of scikit-image.
    """
    n, height, width, _ = images.shape
    if how == "slic" or (how == "auto" and max(height, width) > 40 and min(height, width) > 1):
        return np.stack([slic(image) for image in images])
    return np.broadcast_to(default_grid(height, width), (n, height, width)).copy()


def segment_montage(montage: Montage, images: np.ndarray, how: str) -> np.ndarray:
    """Label maps of montages: int32 (n, H', W'), each contiguous from 0, and NOBODY between the images.

    Args:
        images: uint8 (n, H', W', channels), the montages as shown to people.
        how: "parts" (each image is one player) | "grid" (a grid in each image) | "blocks" (stretches of images in order, as frames of a video, in quarters) |
            "slic" | "auto": a grid, or SLIC where there are at most three images and they are above 40 px; from 16 images on "blocks" where
            they are ordered, else "parts".
    """
    tiles = montage.tiles
    count = len(tiles)
    cells = max(FEWEST_CELLS, round(CELLS / count))
    if how == "auto":
        large = max(max(tile.size) for tile in tiles) > 40 and cells >= 2 * FEWEST_SLIC
        how = ("slic" if large else "grid") if count <= MOST_CUT else "blocks" if montage.ordered else "parts"
    if how == "slic":
        cuts = [np.stack([slic(image[tile.place[:2]], max(cells, FEWEST_SLIC)) for image in images]) for tile in tiles]
        maps = players_of_tiles(montage, cuts)
        return np.stack([contiguous_inside(labels, montage.outside) for labels in maps])
    if how == "blocks":
        length = -(-count * FEWEST_CELLS // CELLS)  # images of a block
        groups = [(tile.array, tile.image // length) for tile in tiles]
        maps = players_of_tiles(montage, [grid_of(*tile.size, FEWEST_CELLS) for tile in tiles], groups)
    else:
        maps = players_of_tiles(montage, [grid_of(*tile.size, cells if how == "grid" else 1) for tile in tiles])
    return np.broadcast_to(maps, (len(images), *maps.shape)).copy()


def segment_each(montage: Montage, pictures: np.ndarray, cut: Callable[[np.ndarray], object]) -> np.ndarray:
    """Label maps of montages (n, H', W', C'), from what a callable makes of each image (H, W, C)."""
    cuts = [np.stack([contiguous(np.asarray(cut(picture[tile.place].copy()))) for picture in pictures]) for tile in montage.tiles]
    return np.stack([contiguous_inside(labels, montage.outside) for labels in players_of_tiles(montage, cuts)])


def players_of_tiles(montage: Montage, cuts: list[np.ndarray], groups: Sequence[Hashable] | None = None) -> np.ndarray:
    """Label maps (H', W') or (n, H', W') of a montage, from the maps of its tiles, in each of which numbers begin at 0.

    groups: tiles of an equal group share their players. Default: each tile has its own.
    """
    lead = cuts[0].shape[:-2]
    labels = np.full((*lead, *montage.size[:2]), NOBODY, dtype=np.int32)
    first: dict[Hashable, int] = {}
    players = 0
    for tile, cut, group in zip(montage.tiles, cuts, groups or range(len(cuts)), strict=True):
        if group not in first:
            first[group] = players
            players += int(cut.max()) + 1
        labels[(..., *tile.place[:2])] = cut + first[group]
    return labels
