"""Areas that the user drew; the oracle is a loop over pixels and edges, and areas that a closed form tells."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.probes import areas, regions

pytestmark = pytest.mark.viewing


def inside_by_hand(x: float, y: float, corners: list[tuple[float, float]]) -> bool:
    """Even-odd: whether a ray to the left crosses an odd number of edges."""
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 <= y) != (y2 <= y) and x1 + (y - y1) * (x2 - x1) / (y2 - y1) <= x:
            odd = not odd
    return odd


def mask_by_hand(corners: list[tuple[float, float]], height: int, width: int) -> np.ndarray:
    return np.array([[inside_by_hand(column + 0.5, row + 0.5, corners) for column in range(width)] for row in range(height)])


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=float)


@pytest.mark.parametrize("seed", range(20))
def test_a_polygon_covers_the_pixels_whose_centre_is_inside_by_the_even_odd_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Corners in halves of pixels, too, some of them outside: edges run through centres, along rows and along columns.
    corners = rng.integers(-6, 40, (rng.integers(3, 12), 2)) / 2 if seed % 2 else rng.uniform(-3, 20, (rng.integers(3, 12), 2))
    found = areas.polygon_mask(corners, 13, 17)
    assert (found.shape, found.dtype) == ((13, 17), bool)
    np.testing.assert_array_equal(found, mask_by_hand([tuple(corner) for corner in corners.tolist()], 13, 17))


def test_a_box_on_the_edges_of_pixels_covers_exactly_its_pixels() -> None:
    expected = np.zeros((6, 8), dtype=bool)
    expected[1:4, 2:7] = True
    corners = box(2, 1, 7, 4)
    for turned in (corners, corners[::-1], np.roll(corners, 1, axis=0)):
        np.testing.assert_array_equal(areas.polygon_mask(turned, 6, 8), expected)
    assert areas.polygon_mask(box(0, 0, 8, 6), 6, 8).all()
    assert areas.polygon_mask(box(-5, -5, 50, 50), 6, 8).all()


def test_boxes_that_touch_share_no_pixel_and_leave_none_out() -> None:
    # Their common edge runs through the centres of a column.
    left, right = (areas.polygon_mask(box(a, 0, b, 5), 5, 9) for a, b in ((0, 3.5), (3.5, 9)))
    assert not (left & right).any()
    assert (left | right).all()


def test_what_is_inside_twice_is_outside() -> None:
    # Once around the outer box, once around the inner one.
    outer, inner = box(0, 0, 10, 10), box(3, 3, 7, 7)
    ring = np.concatenate([outer, outer[:1], inner, inner[:1]])
    mask = areas.polygon_mask(ring, 10, 10)
    assert mask.sum() == 100 - 16
    assert not mask[3:7, 3:7].any()


def test_a_circle_covers_pi_r_squared() -> None:
    angle = np.linspace(0, 2 * np.pi, 500, endpoint=False)
    mask = areas.polygon_mask(100 + 80 * np.stack([np.cos(angle), np.sin(angle)], axis=1), 200, 200)
    assert mask.sum() == pytest.approx(np.pi * 80**2, rel=2e-3)


def test_corners_are_read_as_they_are_written() -> None:
    np.testing.assert_array_equal(areas.parse("0,0,8.5,0,-1e1, 7"), [(0, 0), (8.5, 0), (-10, 7)])
    assert areas.parse(",".join(["1,2"] * 500)).shape == (500, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "left",
        "0,0,8,0",
        "0,0,8,0,8",
        "0,0,8,0,8,",
        "0,0,8,0,8,nan",
        "0,0,8,0,8,inf",
        "0,0,8,0,8,1e300",
        "0;0,8;0,8;8",
        ",".join("12" * 501),
    ],
)
def test_what_is_no_polygon_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ArgumentError, match=r"^area is '.*'; give x and y of 3 to 500 corners in pixels, e\.g\.") as caught:
        areas.parse(text)
    assert len(str(caught.value)) < 250
    example = re.search(r"e\.g\. '(.+)'", str(caught.value))
    assert areas.parse(example[1]).shape == (4, 2)


@pytest.mark.parametrize("text", ["20,20,30,20,30,30", "1.1,1.1,1.2,1.1,1.2,1.2", "0,0,8,8,4,4", "1,1,1,1,1,1"])
def test_an_area_without_a_pixel_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="covers no pixel of images of 6 x 8"):
        areas.drawn(text, 6, 8)


@pytest.mark.parametrize("shape", [(6, 8), (3, 6, 8)])
def test_the_part_of_a_segment_inside_an_area_is_counted_pixel_by_pixel(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    segments, mask = rng.integers(0, 5, (3, 6, 8)).astype(np.uint16), rng.random(shape) < 0.4
    found = regions.overlap(segments, mask, 6)
    for probe, player in np.ndindex(3, 6):
        pixels = [(row, column) for row, column in np.ndindex(6, 8) if segments[probe, row, column] == player]
        here = [(mask if mask.ndim == 2 else mask[probe])[pixel] for pixel in pixels]
        assert found[probe, player] == (sum(here) / len(here) if here else 0)
