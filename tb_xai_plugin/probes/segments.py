"""Superpixels: the pixels of an image that are present or absent together. Each superpixel is one player of the game."""

from __future__ import annotations

import numpy as np

SEGMENTERS = ("auto", "grid", "slic")

# Fewer players say nothing about where a model looks. SLIC gives so few on nearly flat images.
FEWEST_SLIC = 8


def grid(height: int, width: int, rows: int, columns: int) -> np.ndarray:
    """Label map of a regular grid: int32 (height, width), 0 to rows * columns - 1. Cell sides differ by at most one pixel."""
    row = np.arange(height) * rows // height
    column = np.arange(width) * columns // width
    return (row[:, None] * columns + column[None, :]).astype(np.int32)


def default_grid(height: int, width: int) -> np.ndarray:
    """The default grid for images of a size: about 16 nearly square cells up to 16 px, about 49 above."""
    cells = 16 if max(height, width) <= 16 else 49
    side = (height * width / cells) ** 0.5
    rows = int(np.clip(round(height / side), 1, height))
    columns = int(np.clip(round(width / side), 1, width))
    return grid(height, width, rows, columns)


def slic(image: np.ndarray) -> np.ndarray:
    """Superpixels by SLIC (Achanta et al., 2012): int32 (height, width), contiguous from 0.

    image: uint8 (height, width, channels), as shown to people.
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
        n_segments=50 if max(height, width) > 160 else 36,
        compactness=10,
        sigma=1,
        start_label=0,  # from 1, players and columns are off by one: the `lime` package's own defect
        channel_axis=None if grey else -1,
    )
    labels = merge_crumbs(contiguous(labels))
    return labels if labels.max() + 1 >= FEWEST_SLIC else default_grid(height, width)


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


def segment(images: np.ndarray, how: str) -> np.ndarray:
    """Label maps of images: int32 (n, height, width), each contiguous from 0.

    Args:
        images: uint8 (n, height, width, channels), as shown to people.
        how: "grid" | "slic" | "auto" (a grid up to 40 px, SLIC above). On a 28 px digit SLIC gives few and ragged segments, while a grid is
            the same for every probe and every version of scikit-image.
    """
    n, height, width, _ = images.shape
    if how == "slic" or (how == "auto" and max(height, width) > 40):
        return np.stack([slic(image) for image in images])
    return np.broadcast_to(default_grid(height, width), (n, height, width)).copy()
