"""Probes: what is accepted, what is refused with which sentence, and what stays the same in another process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from skimage import data

from tb_xai_plugin import ImageProbes
from tb_xai_plugin.probes.cuts.segments import contiguous, default_grid, grid, merge_crumbs

RNG = np.random.default_rng(0)
DIGITS = RNG.random((16, 28, 28)).astype(np.float32)


def test_a_small_image_has_many_segments_where_limes_default_finds_one_or_two() -> None:
    for side, players in ((8, 16), (16, 16), (28, 49), (32, 49), (40, 49)):
        probes = ImageProbes(RNG.random((2, side, side, 3)))
        assert probes.players.tolist() == [players, players]


@pytest.mark.parametrize("side", [64, 96, 224])
def test_photographs_fall_into_16_to_64_superpixels_numbered_from_0_without_gaps(side: int) -> None:
    from skimage.transform import resize

    photos = np.stack([resize(photo[..., :3], (side, side)) for photo in (data.astronaut(), data.coffee(), data.rocket())])
    probes = ImageProbes(photos)
    for labels, players in zip(probes.segments, probes.players, strict=True):
        assert np.array_equal(np.unique(labels), np.arange(players))
        assert 16 <= players <= 64
        assert np.bincount(labels.ravel()).min() >= 0.002 * labels.size


def test_a_flat_image_falls_back_to_the_grid() -> None:
    flat = np.zeros((2, 96, 96, 3), np.float32)
    flat[:, 0, 0] = 1
    assert ImageProbes(flat).players.min() >= 16


def test_grid_cells_are_equal_to_within_a_pixel() -> None:
    labels = grid(28, 30, 7, 7)
    areas = np.bincount(labels.ravel())
    assert len(areas) == 49
    assert areas.min() >= 16
    assert areas.max() <= 20
    assert default_grid(28, 56).max() + 1 == pytest.approx(49, abs=3)
    assert default_grid(3, 2).max() + 1 == 6


def test_a_crumb_joins_the_neighbour_with_the_longest_border() -> None:
    labels = np.zeros((20, 20), int)
    labels[:, 10:] = 1
    labels[5, 9:11] = 2  # inside both, nearer to neither: 3 edges with 0, 3 with 1; ties go to the smaller number
    labels[0, 0] = 3
    merged = merge_crumbs(contiguous(labels), share=0.01)
    assert merged.max() == 1
    assert merged[0, 0] == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int16])
def test_any_value_range_is_shown_without_clipping(dtype: type) -> None:
    values = np.linspace(0, 255, 28 * 28).reshape(1, 28, 28).astype(dtype)
    shown = ImageProbes(np.concatenate([values, values[:, ::-1]]), baseline=7.5).images
    assert shown.dtype == np.uint8
    assert (shown.min(), shown.max()) == (0, 255)
    assert np.array_equal(shown[0, ..., 0], np.rint(values[0].astype(float)).astype(np.uint8))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (-2.1, 2.6), (0, 4000)])
def test_standardised_and_signed_inputs_are_stretched_to_the_full_range(low: float, high: float) -> None:
    images = np.linspace(low, high, 2 * 8 * 8).reshape(2, 8, 8)
    shown = ImageProbes(images).images
    assert (shown.min(), shown.max()) == (0, 255)
    assert (np.diff(shown.reshape(-1).astype(int)) >= 0).all()


def test_labels_may_be_one_hot_a_column_or_left_out() -> None:
    labels = np.arange(16) % 10
    assert np.array_equal(ImageProbes(DIGITS, np.eye(10)[labels]).labels, labels)
    assert np.array_equal(ImageProbes(DIGITS, labels[:, None].astype(np.float32)).labels, labels)
    assert ImageProbes(DIGITS).labels is None
    words = [f"digit {label}" for label in range(10)]
    assert np.array_equal(ImageProbes(DIGITS, [words[label] for label in labels], class_names=words).labels, labels)


def test_baselines_have_their_closed_forms() -> None:
    images = RNG.random((16, 28, 28, 3)).astype(np.float32)
    assert np.allclose(ImageProbes(images).baseline, images.mean(axis=0), atol=1e-6)
    assert np.allclose(ImageProbes(images[:2]).baseline, images[:2].mean(axis=(0, 1, 2)), atol=1e-6)
    assert np.all(ImageProbes(images, baseline=0.5).baseline == 0.5)
    corner = np.zeros((28, 28))
    assert ImageProbes(images, baseline=corner).baseline.shape == (1, 28, 28, 3)
    segment_mean = ImageProbes(images, baseline="segment-mean").baseline
    assert np.allclose(segment_mean[3, :4, :4], images[3, :4, :4].mean(axis=(0, 1)), atol=1e-6)
    assert ImageProbes(images, baseline="blur").baseline.std() < images.std() / 4


def test_the_digest_is_the_same_in_another_process_and_differs_with_every_part() -> None:
    code = (
        "import numpy as np; from tb_xai_plugin import ImageProbes;"
        "print(ImageProbes(np.random.default_rng(0).random((16, 28, 28)).astype(np.float32), np.arange(16)).digest)"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    probes = ImageProbes(DIGITS, np.arange(16))
    assert probes.digest == elsewhere
    others = [
        ImageProbes(DIGITS + 1, np.arange(16)),
        ImageProbes(DIGITS, np.arange(16)[::-1]),
        ImageProbes(DIGITS, np.arange(16), segments=grid(28, 28, 4, 4)),
        ImageProbes(DIGITS, np.arange(16), baseline=0.0),
    ]
    assert len({probes.digest, *(other.digest for other in others)}) == 5
    assert ImageProbes(DIGITS, np.arange(16), names=[str(i) for i in range(16)]).digest == probes.digest


def test_probes_survive_the_record_unchanged() -> None:
    mask = np.zeros((16, 28, 28), bool)
    mask[3, :4, 7:9] = True
    probes = ImageProbes(DIGITS, np.arange(16) % 2, class_names=["no", "yes"], names=list("abcdefghijklmnop"), regions={"patch": mask})
    again = ImageProbes.from_record(*probes.as_record())
    assert again.digest == probes.digest
    assert again.names == probes.names
    assert np.array_equal(again.regions["patch"], mask)
    assert np.array_equal(again.images, probes.images)
    assert again.inputs.dtype == probes.inputs.dtype


def _batches(images: np.ndarray, labels: np.ndarray, size: int = 10) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, len(images), size)]


def test_from_dataset_takes_the_first_of_each_class_in_the_datasets_order() -> None:
    labels = np.array([0] * 30 + [1, 2] * 5)
    images = np.arange(40, dtype=np.float32)[:, None, None] + RNG.random((40, 6, 6)).astype(np.float32)
    one_hot = np.eye(3, dtype=np.float32)[labels]
    singles = list(zip(images[..., None], one_hot, strict=True))
    datasets = [_batches(images, labels), _batches(images[..., None], one_hot), singles, (images, labels), iter(_batches(images, labels))]
    for dataset in datasets:
        probes = ImageProbes.from_dataset(dataset, 6)
        assert probes.inputs.reshape(6, -1)[:, 0].astype(int).tolist() == [0, 1, 30, 31, 32, 33]
        assert probes.labels.tolist() == [0, 0, 1, 2, 1, 2]


def test_from_dataset_with_more_classes_than_probes_takes_the_first_that_come() -> None:
    labels = np.arange(100)[::-1]
    images = RNG.random((100, 6, 6, 1)).astype(np.float32)
    assert ImageProbes.from_dataset((images, labels), 4).labels.tolist() == [99, 98, 97, 96]


def test_from_dataset_reads_tf_data_without_end_and_keras_sequences() -> None:
    import keras
    import tensorflow as tf

    images, labels = RNG.random((40, 8, 8, 1)).astype(np.float32), np.arange(40) % 4

    class Sequence(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, i: int) -> tuple[np.ndarray, np.ndarray]:
            return images[i * 10 : (i + 1) * 10], labels[i * 10 : (i + 1) * 10]

    endless = tf.data.Dataset.from_tensor_slices((images, labels)).batch(7).repeat()
    for dataset in (endless, Sequence()):
        assert np.array_equal(ImageProbes.from_dataset(dataset, 8).inputs, images[:8])


def test_from_dataset_without_labels_takes_the_first() -> None:
    assert np.array_equal(ImageProbes.from_dataset(iter(DIGITS[..., None]), 3).inputs[..., 0], DIGITS[:3])


REFUSED = {
    "channels first": ({"images": RNG.random((4, 3, 32, 32))}, "channels last"),
    "one image without a batch axis": ({"images": RNG.random((28, 28))}, r"\(n, H, W\)"),
    "no images": ({"images": np.zeros((0, 28, 28))}, "at least one"),
    "ragged": ({"images": [np.zeros((3, 3)), np.zeros((4, 4))]}, "one size"),
    "text": ({"images": np.array([["a"]])}, "numbers"),
    "NaN": ({"images": np.where(np.arange(16)[:, None, None] == 5, np.nan, DIGITS)}, "image 5 has NaN"),
    "infinity": ({"images": np.where(np.arange(16)[:, None, None] == 2, np.inf, DIGITS)}, "image 2 has NaN or infinite"),
    "too few labels": ({"images": DIGITS, "labels": [1, 2]}, "for 16 (images|probes)"),
    "negative labels with names of classes": (
        {"images": DIGITS, "labels": np.arange(16) % 3 - 1, "class_names": ["a", "b"]},
        "label -1 has no name among 2 class_names",
    ),
    "maps of labels": ({"images": DIGITS, "labels": np.zeros((16, 4, 4))}, r"labels has shape \(16, 4, 4\) for 16 probes"),
    "lists of labels": ({"images": DIGITS, "labels": [[0], [1, 2]] * 8}, "rows of different lengths"),
    "a label that is missing": ({"images": DIGITS, "labels": [None, *range(15)]}, "labels are not finite: that of probe 0 is nan"),
    "unnamed class": ({"images": DIGITS, "labels": np.arange(16), "class_names": ["a", "b"]}, "label 2 has no name"),
    "too few names": ({"images": DIGITS, "names": ["a"]}, "names has 1 entries for 16 images"),
    "unknown segments": ({"images": DIGITS, "segments": "quickshift"}, "choose from .*slic"),
    "segments of another size": ({"images": DIGITS, "segments": np.zeros((27, 28), int)}, "segments has shape"),
    "one segment": ({"images": DIGITS, "segments": np.zeros((28, 28), int)}, "one segment"),
    "unknown baseline": ({"images": DIGITS, "baseline": "black"}, "choose from .*blur"),
    "baseline of another size": ({"images": DIGITS, "baseline": np.zeros((3, 3))}, "baseline has shape"),
    "baseline equal to the image": ({"images": DIGITS[:1], "baseline": "mean"}, "equal to probe 0"),
    "region of another size": ({"images": DIGITS, "regions": {"r": np.zeros((3, 3), bool)}}, "region 'r' has shape"),
    "region of no pixel": ({"images": DIGITS, "regions": {"r": np.zeros((28, 28), bool)}}, "region 'r' has not a single pixel.*mark"),
    "region of numbers": ({"images": DIGITS, "regions": {"r": np.full((28, 28), 2)}}, "bool mask"),
    "one colour image": ({"images": RNG.random((32, 32, 3))}, "looks like one colour image; give a batch"),
    "infinite labels": ({"images": DIGITS, "labels": [np.inf] * 16}, "labels are not finite: that of probe 0 is inf"),
    "regions in a list": ({"images": DIGITS, "regions": [1]}, "give {name: bool mask}"),
    "a number of classes": ({"images": DIGITS, "class_names": 5}, "give a list of names"),
    "baseline in a dict": ({"images": DIGITS, "baseline": {}}, "baseline is dict"),
    "five channels": ({"images": RNG.random((4, 8, 8, 5))}, "or display="),
    "display of another size": ({"images": DIGITS, "display": DIGITS[:, :3]}, "display has shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_probes_are_refused_at_construction_with_a_sentence(name: str) -> None:
    arguments, sentence = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=sentence):
        ImageProbes(**arguments)


def test_one_probe_is_enough_with_the_automatic_baseline() -> None:
    assert len(ImageProbes(DIGITS[:1])) == 1


def test_a_dataset_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="16 examples and n is 20"):
        ImageProbes.from_dataset((DIGITS, np.arange(16)), 20)
    with pytest.raises(ValueError, match="n is 0"):
        ImageProbes.from_dataset((DIGITS, np.arange(16)), 0)
    with pytest.raises(TypeError, match="map it to"):
        ImageProbes.from_dataset([({"image": DIGITS[0]}, 1)], 1)
    with pytest.raises(ValueError, match="labels must be class numbers"):
        ImageProbes.from_dataset([(DIGITS[0], None), (DIGITS[0], np.nan)][1:], 1)


def test_dark_images_are_shown_as_dark_after_they_were_logged() -> None:
    probes = ImageProbes(DIGITS * 0.05)
    assert probes.images.max() < 15
    assert np.array_equal(ImageProbes.from_record(*probes.as_record()).images, probes.images)


def test_class_names_may_be_a_dict_of_class_numbers() -> None:
    names = {1: "cat", 0: "dog", 2: "owl"}
    assert ImageProbes(DIGITS, class_names=names).class_names == ["dog", "cat", "owl"]
    with pytest.raises(TypeError, match="give a list of names"):
        ImageProbes(DIGITS, class_names={"dog": 0, "cat": 1})


def test_probes_say_in_one_line_what_they_are() -> None:
    assert repr(ImageProbes(np.random.default_rng(0).random((5, 28, 28)))) == "ImageProbes(5 images of 28 x 28 x 1, 49 segments)"


def test_a_region_that_only_some_images_have_is_a_region() -> None:
    mask = np.zeros(DIGITS.shape, bool)
    mask[3, :5] = True
    assert ImageProbes(DIGITS, regions={"watermark": mask}).regions["watermark"].sum() == 5 * 28


def test_a_record_with_a_region_of_no_pixel_is_still_read() -> None:
    names, arrays = ImageProbes(DIGITS, regions={"r": np.ones((28, 28), bool)}).as_record()
    arrays["regions"] = np.zeros_like(arrays["regions"])
    assert not ImageProbes.from_record(names, arrays).regions["r"].any()
