"""Probes of several images: the model is given what the user gives it, and attributions belong to the right image."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from support.games import shapley_by_enumeration
from support.server import Server

import tb_xai_plugin as xai
from tb_xai_plugin.games.segment_masker import SegmentMasker
from tb_xai_plugin.probes.cuts.montage import NOBODY

RNG = np.random.default_rng(0)
N = 6
LABELS = np.arange(N) % 2
PAIR = [RNG.random((N, 28, 28, 1)).astype(np.float32) for _ in range(2)]
VIEWS = [RNG.random((N, 64, 48, 3)) for _ in range(3)]
MIXED = {
    "photo": (RNG.random((N, 24, 32, 3)) * 255).astype(np.uint8),
    "depth": RNG.normal(size=(N, 10, 14)),
    "mask": RNG.random((N, 8, 8)) > 0.5,
}
BAG = RNG.random((N, 9, 16, 16, 1)).astype(np.float32)
VIDEO = np.cumsum(RNG.normal(size=(N, 30, 12, 16, 3)), axis=1).astype(np.float32)
TOGETHER = [VIDEO[:, :5], VIEWS[0]]
GIVEN = {"pair": PAIR, "views": VIEWS, "mixed": MIXED, "bag": BAG, "video": VIDEO, "video and image": TOGETHER}


def leaves(given) -> list[np.ndarray]:
    return [given] if isinstance(given, np.ndarray) else list(given.values()) if isinstance(given, dict) else list(given)


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("segments", ["auto", "parts", "grid", "blocks", "slic"])
def test_the_full_coalition_is_what_the_user_gives_the_model_and_the_empty_one_the_baseline(name: str, segments: str) -> None:
    given = GIVEN[name]
    probes = xai.ImageProbes(given, LABELS, segments=segments, baseline=0.25)
    masker = SegmentMasker(probes)
    for probe in range(N):
        coalitions = np.repeat([[1], [0]], probes.players[probe], axis=1).astype(np.float32)
        assembled = probes.assemble(np, masker.mask(np, masker.feed(coalitions, probe), masker.parts(probe)))
        assert type(assembled) is (dict if isinstance(given, dict) else list if isinstance(given, list) else np.ndarray)
        if isinstance(given, dict):
            assert list(assembled) == list(given)
        for array, own in zip(leaves(assembled), leaves(given), strict=True):
            assert array.shape == (2, *own.shape[1:])
            np.testing.assert_allclose(array[0], own[probe].astype(float), atol=1e-5 * max(1, np.abs(own).max()))
            assert np.all(array[1] == 0.25)


@pytest.mark.parametrize("name", GIVEN)
def test_given_is_a_copy_of_the_users_arrays_in_their_own_dtypes(name: str) -> None:
    probes = xai.ImageProbes(GIVEN[name], LABELS)
    for array, own in zip(leaves(probes.given()), leaves(GIVEN[name]), strict=True):
        assert array.dtype == own.dtype
        assert np.array_equal(array, own)
        assert not np.shares_memory(array, own)
        assert not array.flags.writeable


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("baseline", ["auto", "mean", "segment-mean", "blur", 0.5])
def test_the_record_keeps_everything(name: str, baseline) -> None:
    probes = xai.ImageProbes(GIVEN[name], LABELS, baseline=baseline, names=list("abcdef"))
    again = xai.ImageProbes.from_record(*probes.as_record())
    assert again.parts == probes.parts
    assert again.montage == probes.montage
    for attribute in ("inputs", "images", "segments", "baseline"):
        assert np.array_equal(getattr(again, attribute), getattr(probes, attribute))
    assert [again.player_names(i) for i in range(N)] == [probes.player_names(i) for i in range(N)]
    for array, own in zip(leaves(again.given()), leaves(probes.given()), strict=True):
        assert array.dtype == own.dtype
        np.testing.assert_allclose(array.astype(float), own.astype(float), rtol=1e-6)


def siamese() -> keras.Model:
    keras.utils.set_random_seed(0)
    tower = keras.Sequential([layers.Conv2D(4, 5, strides=3, activation="relu"), layers.Flatten(), layers.Dense(8)])
    inputs = [keras.Input((28, 28, 1)) for _ in range(2)]
    a, b = map(tower, inputs)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(keras.ops.abs(a - b)))


def explained(model, probes: xai.ImageProbes, **options) -> xai.Explanation:
    return xai.explain(model, probes, "shap", output="probability", **options)["shap"]


def test_a_siamese_network_is_explained_to_predict_and_its_values_add_up() -> None:
    model, probes = siamese(), xai.ImageProbes(PAIR, LABELS)
    shap = explained(model, probes)
    predicted = model.predict(PAIR, verbose=0)[:, 0]
    positive = shap.targets == 1
    np.testing.assert_allclose(shap.outputs[positive], np.repeat(predicted[:, None], shap.targets.shape[1], 1)[positive], atol=1e-6)
    np.testing.assert_allclose(shap.values.sum(axis=-1), shap.outputs - shap.base_values, atol=1e-5)


def test_values_of_whole_images_are_the_shapley_values_of_the_game_over_the_users_arrays() -> None:
    keras.utils.set_random_seed(1)
    inputs = [keras.Input((64, 48, 3)) for _ in range(3)]
    pooled = [layers.GlobalAveragePooling2D()(layers.Conv2D(3, 9, strides=9, activation="relu")(image)) for image in inputs]
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Concatenate()(pooled)))
    probes = xai.ImageProbes(VIEWS, LABELS, segments="parts", baseline="mean")
    shap = explained(model, probes, classes=[0, 1, 2])
    assert probes.players.tolist() == [3] * N
    absent = [view.mean(axis=0) for view in VIEWS]
    for probe in range(N):
        for target in range(3):

            def game(coalitions: np.ndarray, probe=probe, target=target) -> np.ndarray:
                batch = [
                    np.where(c[:, None, None, None], view[probe], none) for c, view, none in zip(coalitions.T, VIEWS, absent, strict=True)
                ]
                return model.predict(batch, verbose=0)[:, target]

            np.testing.assert_allclose(shap.values[probe, target], shapley_by_enumeration(game, 3), atol=2e-6)


def test_a_dict_of_images_reaches_named_inputs_and_a_callable_gets_what_the_user_has() -> None:
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input(array.shape[1:], name=name) for name, array in MIXED.items()}
    flat = [
        layers.Flatten()(layers.Rescaling(1 / 255)(inputs["photo"])),
        layers.Flatten()(inputs["depth"]),
        layers.Flatten()(inputs["mask"]),
    ]
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(layers.Concatenate()(flat)))
    probes = xai.ImageProbes(MIXED, LABELS, segments="parts", baseline=0)
    given = {name: array.astype("float32") for name, array in MIXED.items()}
    predicted = model.predict(given, verbose=0)
    of_model = xai.explain(model, probes, "shap", output="probability", classes=[1])["shap"]

    def function(images: dict[str, np.ndarray]) -> np.ndarray:
        assert list(images) == list(MIXED)
        return model.predict(images, verbose=0)

    of_callable = xai.explain(function, probes, "shap", output="probability", classes=[1])["shap"]
    for shap in (of_model, of_callable):
        np.testing.assert_allclose(shap.outputs[:, 0], predicted[:, 1], atol=1e-6)
        assert shap.player_names[0] == ["photo", "depth", "mask"]
    np.testing.assert_allclose(of_model.values, of_callable.values, atol=1e-6)
    for probe in range(N):

        def game(coalitions: np.ndarray, probe=probe) -> np.ndarray:
            batch = {
                name: np.stack([array[probe] * float(there) for there in own])
                for own, (name, array) in zip(coalitions.T, given.items(), strict=True)
            }
            return model.predict(batch, verbose=0)[:, 1]

        np.testing.assert_allclose(of_model.values[probe, 0], shapley_by_enumeration(game, 3), atol=2e-6)


def test_two_images_and_a_side_input_go_to_one_model() -> None:
    keras.utils.set_random_seed(0)
    meta = RNG.normal(size=(N, 3)).astype(np.float32)
    left, right, third = keras.Input((28, 28, 1), name="left"), keras.Input((28, 28, 1), name="right"), keras.Input((3,), name="meta")
    joined = layers.Concatenate()([layers.Flatten()(left), layers.Flatten()(right), third])
    model = keras.Model({"left": left, "right": right, "meta": third}, layers.Dense(2, activation="softmax")(joined))
    probes = xai.ImageProbes({"left": PAIR[0], "right": PAIR[1]}, LABELS, side_inputs={"meta": meta})
    shap = xai.explain(model, probes, "shap", output="probability", classes=[1])["shap"]
    predicted = model.predict({"left": PAIR[0], "right": PAIR[1], "meta": meta}, verbose=0)
    np.testing.assert_allclose(shap.outputs[:, 0], predicted[:, 1], atol=1e-6)


def test_a_bag_of_images_gives_its_values_to_the_image_that_matters() -> None:
    class Brightest(keras.Layer):
        def call(self, bags):
            assert bags.shape[1:] == (9, 16, 16, 1)
            return keras.ops.stack([keras.ops.mean(bags[:, 4], axis=(1, 2, 3)), 0 * bags[:, 0, 0, 0, 0]], axis=1)

    model = keras.Sequential([keras.Input((9, 16, 16, 1)), Brightest()])
    probes = xai.ImageProbes(BAG, LABELS, baseline=0)
    shap = xai.explain(model, probes, "shap", output="raw", classes=[0], head="regression")["shap"]
    names = probes.player_names(0)
    inside = np.array([name.startswith("image 4,") for name in names])
    assert inside.sum() == 4
    np.testing.assert_allclose(shap.values[:, 0, inside].sum(axis=-1), BAG[:, 4].mean(axis=(1, 2, 3)), atol=1e-5)
    np.testing.assert_allclose(shap.values[:, 0, ~inside], 0, atol=1e-5)


def test_maps_are_those_of_the_montage_with_nan_between_the_images() -> None:
    model, probes = siamese(), xai.ImageProbes(PAIR, LABELS)
    shap = explained(model, probes)
    maps = shap.to_pixels()
    assert maps.shape == (N, shap.targets.shape[1], 28, 58)
    assert np.array_equal(np.isnan(maps[0, 0]), probes.montage.outside)
    assert np.isnan(maps[..., 28:30]).all()
    left, right = (np.unique(maps[0, 0][:, columns]) for columns in (slice(28), slice(30, 58)))
    players = [name.startswith("image 0") for name in probes.player_names(0)]
    assert set(left) == set(shap.values[0, 0][players])
    assert set(right) == set(shap.values[0, 0][np.logical_not(players)])


def test_players_are_about_49_each_in_one_image_or_blocks_of_a_video() -> None:
    ordered = np.cumsum(RNG.normal(size=(3, 64, 8, 8, 1)), axis=1)
    shuffled = RNG.random((3, 20, 8, 8, 1))
    for given, players in ((PAIR, 50), (BAG, 36), (VIDEO[:, :12], 48), (ordered, 44), (shuffled, 20), (TOGETHER, 36)):
        probes = xai.ImageProbes(given)
        assert probes.players.tolist() == [players] * len(probes)
    blocks = xai.ImageProbes(ordered)
    assert blocks.player_names(0)[:5] == [*(f"frames 0\u20135, patch {i}" for i in range(4)), "frames 6\u201311, patch 0"]
    for segments in ("auto", "grid", "slic"):
        probes = xai.ImageProbes(VIEWS, segments=segments)
        for tile in probes.montage.tiles:
            own = probes.segments[:, tile.place[0], tile.place[1]]
            others = np.where(
                np.isin(np.arange(64)[:, None], np.r_[tile.place[0]]) & np.isin(np.arange(150), np.r_[tile.place[1]]),
                NOBODY,
                probes.segments,
            )
            for mine, rest in zip(own, others, strict=True):
                assert not set(mine.ravel()) & set(rest[rest >= 0].ravel())


def test_between_images_there_is_no_player_and_the_picture_is_white() -> None:
    probes = xai.ImageProbes(MIXED, LABELS)
    outside = probes.montage.outside
    assert outside.any()
    assert np.all(probes.segments[:, outside] == NOBODY)
    assert np.all(probes.segments[:, ~outside] >= 0)
    assert np.all(probes.images[:, outside] == 255)
    assert np.all((probes.inputs - probes.baseline)[:, ~probes.montage.inside] == 0)


def test_each_array_is_shown_as_if_it_were_alone() -> None:
    probes = xai.ImageProbes(MIXED, LABELS)
    for tile, (name, array) in zip(probes.montage.tiles, MIXED.items(), strict=True):
        alone = xai.ImageProbes(array).images
        assert np.array_equal(probes.images[:, tile.place[0], tile.place[1]], np.broadcast_to(alone, (*alone.shape[:3], 3))), name
    shown = xai.ImageProbes(PAIR, display=lambda pair: [255 * pair[0], 255 - 255 * pair[1]]).images
    assert np.array_equal(shown[:, :, :28], np.rint(255 * PAIR[0]).astype(np.uint8))
    assert np.array_equal(shown[:, :, 30:], np.rint(255 - 255 * PAIR[1]).astype(np.uint8))


def test_baselines_of_an_array_are_those_it_has_alone() -> None:
    for baseline in ("auto", "mean", "blur", 3, {"photo": 127, "depth": "mean", "mask": np.zeros((8, 8))}):
        probes = xai.ImageProbes(MIXED, LABELS, baseline=baseline)
        for tile, (name, array) in zip(probes.montage.tiles, MIXED.items(), strict=True):
            alone = xai.ImageProbes(array, baseline=baseline[name] if isinstance(baseline, dict) else baseline).baseline
            np.testing.assert_allclose(
                probes.baseline[(slice(None), *tile.place)], np.broadcast_to(alone, (len(probes.baseline), *alone.shape[1:]))
            )
    assert np.all(xai.ImageProbes(PAIR, baseline=[0.25, None]).baseline[:, :, :28] == 0.25)
    grid = xai.ImageProbes(PAIR, segments="grid", baseline="segment-mean")
    cell = grid.segments[0] == 30
    np.testing.assert_allclose(grid.baseline[3][cell], grid.pixels[3][cell].mean(), atol=1e-6)


def test_segments_may_be_given_per_array_as_a_montage_or_as_a_callable() -> None:
    halves = (np.arange(28) // 14)[None].repeat(28, axis=0)
    per_array = xai.ImageProbes(PAIR, segments=[halves, np.eye(28, dtype=int)])
    assert per_array.player_names(0) == ["image 0, patch 0", "image 0, patch 1", "image 1, patch 0", "image 1, patch 1"]
    assert np.array_equal(per_array.segments[0, :, 30:] - 2, np.eye(28, dtype=int))
    whole = xai.ImageProbes(PAIR, segments=per_array.segments)
    assert whole.digest == per_array.digest
    callable_ = xai.ImageProbes(PAIR, segments=lambda image: (image[..., 0] > 0.5).astype(int))
    assert np.array_equal(callable_.segments[2, :, :28], PAIR[0][2, ..., 0] > 0.5)
    assert callable_.players.tolist() == [4] * N
    organs = np.zeros((9, 16, 16), int)
    organs[3:5, 4:9] = 1
    volume = xai.ImageProbes(BAG, segments=organs)
    assert volume.players.tolist() == [2] * N
    assert volume.player_names(0) == ["all images", "images 3\u20134"]
    assert xai.ImageProbes({"a": PAIR[0], "b": PAIR[1]}, segments={"a": halves, "b": halves}).player_names(0)[2] == "b, patch 0"


def test_regions_are_given_per_array() -> None:
    corner = np.zeros((28, 28), bool)
    corner[:4, :4] = True
    for regions in ([None, corner], [None, np.repeat(corner[None], N, axis=0)], [corner & False, corner]):
        mask = xai.ImageProbes(PAIR, regions={"corner": regions}).regions["corner"]
        assert mask.sum() == 16 * N
        assert mask[:, :4, 30:34].all()
    first = np.zeros((9, 1, 1), bool)
    first[2] = True
    frame = xai.ImageProbes(BAG, regions={"frame": np.broadcast_to(first, (9, 16, 16))})
    from tb_xai_plugin.probes.regions import overlap

    share = overlap(frame.segments, frame.regions["frame"], int(frame.players.max()))
    assert share[0].tolist() == [float(name.startswith("image 2,")) for name in frame.player_names(0)]


def test_a_list_is_read_by_its_labels_and_shapes() -> None:
    grey = RNG.random((N, 28, 28))
    two = np.array([0, 1])
    assert xai.ImageProbes([grey, grey], LABELS).montage is not None  # two inputs of the model
    assert xai.ImageProbes([grey, grey]).montage is not None  # images of 28 channels are none
    assert xai.ImageProbes(list(VIEWS[0]), LABELS).montage is None  # n images
    assert xai.ImageProbes(list(VIEWS[0])).montage is None
    assert xai.ImageProbes(grey.tolist(), LABELS).montage is None
    assert len(xai.ImageProbes(list(BAG[:2]), two)) == 2  # two bags of nine images
    assert len(xai.ImageProbes(BAG.tolist())) == N
    assert xai.ImageProbes(BAG, LABELS).given().shape == BAG.shape
    assert len(xai.ImageProbes(tuple(PAIR), LABELS)) == N
    colour = RNG.random((3, 8, 8, 3))
    assert xai.ImageProbes([colour[0], colour[1], colour[2]], [0, 1, 0]).montage is None


REFUSED = {
    "as many arrays as probes": (
        {"images": [PAIR[0][:2], PAIR[1][:2]], "labels": [0, 1]},
        r"2 arrays \(2, 28, 28, 1\) for 2 labels.*np.stack",
    ),
    "other lengths": ({"images": [PAIR[0], PAIR[1][:3]]}, r"different numbers of images; give"),
    "other lengths by name": ({"images": {"a": PAIR[0], "b": PAIR[1][:3]}}, r"different numbers of probes, {'a': 6, 'b': 3}"),
    "bags of other sizes": ({"images": [BAG[0], BAG[1][:4]], "labels": [0, 1]}, "with different numbers of images"),
    "rows among images": ({"images": {"a": PAIR[0], "b": np.zeros((N, 4))}}, r"'b' has shape \(6, 4\)"),
    "NaN in one": ({"images": [PAIR[0], PAIR[1] * np.nan]}, "in 'image 1', image 0 has NaN"),
    "channels first in one": (
        {"images": [PAIR[0], np.moveaxis(RNG.random((N, 32, 32, 3)), -1, 1)]},
        "in 'image 1', images has shape .* channels first",
    ),
    "unknown segments": ({"images": PAIR, "segments": "quickshift"}, "choose from .*'parts'"),
    "a map too few": ({"images": PAIR, "segments": [np.eye(28, dtype=int)]}, "segments has 1 entries for images of 2 arrays"),
    "a map of another size": (
        {"images": PAIR, "segments": np.eye(28, dtype=int)},
        r"segments has shape \(28, 28\); give one map per array",
    ),
    "a map of another size in a list": (
        {"images": PAIR, "segments": [np.eye(28, dtype=int), np.eye(27, dtype=int)]},
        r"segments has shape \(27, 27\)",
    ),
    "a map that is missing": ({"images": PAIR, "segments": [np.eye(28, dtype=int), None]}, "segments has none for 'image 1'"),
    "region of an unknown array": ({"images": MIXED, "regions": {"r": {"colour": True}}}, "region 'r' has 'colour', which is not among"),
    "empty region": ({"images": PAIR, "regions": {"r": [None, None]}}, "region 'r' has not a single pixel"),
    "baseline of another size": ({"images": PAIR, "baseline": [np.zeros((3, 3)), 0]}, "baseline has shape"),
    "labels of another length": ({"images": PAIR, "labels": [0, 1, 0]}, "for 6 probes"),
    "too many players": (
        {"images": RNG.random((1, 30, 8, 8, 1)), "segments": lambda image: np.arange(64).reshape(8, 8)},
        "1920 segments; give fewer",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_a_sentence(name: str) -> None:
    arguments, sentence = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=f"^ImageProbes: .*{sentence}"):
        xai.ImageProbes(**arguments)


def test_grad_cam_says_that_it_explains_one_image() -> None:
    model, probes = siamese(), xai.ImageProbes(PAIR, LABELS)
    with pytest.raises(ValueError, match="several images"):
        xai.explain(model, probes, "grad-cam")


def test_pixel_values_of_a_custom_explainer_are_summed_over_the_images_only() -> None:
    model, probes = siamese(), xai.ImageProbes(PAIR, LABELS)
    own = xai.explain(model, probes, xai.Custom("ones", lambda model, probes: np.ones(probes.inputs.shape[:3])))["ones"]
    values = own.values[np.isfinite(own.values)].reshape(N, -1)
    np.testing.assert_allclose(values.sum(axis=1), 2 * 28 * 28)


def test_integrated_gradients_reach_every_image() -> None:
    model, probes = siamese(), xai.ImageProbes(PAIR, LABELS)
    ig = xai.explain(model, probes, "ig", output="probability")["ig"]
    np.testing.assert_allclose(np.nansum(ig.values, axis=-1), ig.outputs - ig.base_values, atol=0.01)


def test_a_run_keeps_the_probes_and_the_page_is_sent_names_and_gaps(tmp_path: Path) -> None:
    model, probes = siamese(), xai.ImageProbes(PAIR, LABELS, regions={"left": [np.ones((28, 28), bool), None]})
    model.compile("adam", "binary_crossentropy")
    model.fit(PAIR, LABELS, epochs=1, verbose=0, callbacks=[xai.ExplanationLogger(tmp_path / "a", probes, on_error="raise")])
    run = xai.read_run(tmp_path / "a")
    assert run.probes.parts == probes.parts
    assert run.probes.montage == probes.montage
    # The share of a region that covers one of two images is that of its players.
    left = np.array([name.startswith("image 0") for name in probes.player_names(0)])
    values = np.abs(run.values("shap")[0, np.arange(N), LABELS])
    np.testing.assert_allclose(run.region_share("shap", "left")[0], values[:, left].sum(1) / values.sum(1), rtol=1e-5)
    header, arrays = Server(tmp_path).reply("probes", run="a/xai", probes="4,1")
    assert header["player_names"] == [probes.player_names(4), probes.player_names(1)]
    assert np.array_equal(arrays["segments"][1], np.where(probes.segments[1] < 0, 0xFFFF, probes.segments[1]))


def test_one_row_of_pixels_is_an_image() -> None:
    strip = RNG.random((9, 1, 100, 1))
    assert xai.ImageProbes(strip).players.tolist() == [49] * 9
    assert xai.ImageProbes(np.moveaxis(strip, 1, 2)).players.tolist() == [49] * 9
    assert xai.ImageProbes(RNG.random((9, 124, 129, 1))).players.min() >= 8
    with pytest.raises(ValueError, match="at least 2 pixels"):
        xai.ImageProbes(np.zeros((3, 1, 1)))


def test_probes_say_in_one_line_what_they_are() -> None:
    assert repr(xai.ImageProbes(PAIR)) == "ImageProbes(6 montages of 2 images, 28 x 58 x 1, 50 segments)"
