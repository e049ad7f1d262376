"""Runs with different probes or settings: what differs is said as it was made to differ, and what both have is compared with numbers of the models."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tb_xai_plugin as xai
from tb_xai_plugin import cli, read_run
from tb_xai_plugin.games import coalitions
from tb_xai_plugin.judgement import findings
from tb_xai_plugin.judgement.beside import SideBySide
from tb_xai_plugin.judgement.rounding import take_as_same

NAMES = ["age", "income", "debt", "tenure"]
WEIGHTS = {"age": 2.0, "income": -1.0, "debt": 1.0, "tenure": 0.0, "years": 2.0}
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


def logit(names: Sequence[str]) -> Callable[[np.ndarray], np.ndarray]:
    """A model that is a weighted sum of the named columns."""

    def model(x: np.ndarray) -> np.ndarray:
        value = np.asarray(x, dtype=float) @ [WEIGHTS[name] for name in names]
        return np.stack([1 / (1 + np.exp(value)), 1 / (1 + np.exp(-value))], axis=1)

    return model


def table(names: Sequence[str] = NAMES, rows: np.ndarray = ROWS[:12], **options: Any) -> xai.TabularProbes:
    known = [NAMES.index("age" if name == "years" else name) for name in names]
    background = options.pop("background", ROWS[12:52])
    labels = options.pop("labels", (rows[:, 0] > 0).astype(int))
    return xai.TabularProbes(rows[:, known], labels, background=background[:, known], feature_names=list(names), **options)


def images(count: int = 8, mark: Sequence[int] = (), side: int = 12, **options: Any) -> xai.ImageProbes:
    pictures = np.random.default_rng(1).random((count, side, side)).astype(np.float32)
    pictures[list(mark), 8:11, 1:4] = 2.0
    return xai.ImageProbes(pictures, np.arange(count) % 2, **{"segments": "grid", "baseline": 0.0, **options})


def brightness(x: np.ndarray) -> np.ndarray:
    """A model that looks at the lower left corner."""
    value = np.asarray(x, dtype=float)[:, 8:11, 1:4].mean(axis=(1, 2)) * 4 + np.asarray(x, dtype=float).mean(axis=(1, 2))
    return np.stack([1 / (1 + np.exp(value)), 1 / (1 + np.exp(-value))], axis=1)


def words_model(texts: Sequence[str]) -> np.ndarray:
    value = np.array([text.split().count("good") - text.split().count("bad") for text in texts], dtype=float)
    return np.stack([1 / (1 + np.exp(value)), 1 / (1 + np.exp(-value))], axis=1)


def texts(*given: str) -> xai.TextProbes:
    return xai.TextProbes(list(given), [1] * len(given), encode=None)


def beside(
    tmp_path: Path, a: tuple[Any, Any], b: tuple[Any, Any], a_options: Mapping[str, Any] = {}, b_options: Mapping[str, Any] = {}
) -> SideBySide:
    for name, (model, probes), options in (("a", a, a_options), ("b", b, b_options)):
        xai.explain(model, probes, ("shap",), log_dir=str(tmp_path / name), **{"evaluations": "auto", **options})
    found = read_run(tmp_path / "a").compare(read_run(tmp_path / "b"))
    assert isinstance(found, SideBySide)
    assert not found.comparable
    assert found.verdict().startswith("Side by side, not compared as a whole: ")
    return found


def test_a_run_without_a_column_is_compared_on_those_that_both_have(tmp_path: Path) -> None:
    fewer = ["income", "debt", "tenure"]
    found = beside(tmp_path, (logit(NAMES), table()), (logit(fewer), table(fewer)))
    assert found.differs[:2] == ("B lacks 1 of A's 4 columns: “age”", "rows and background are the same in the columns that both have")
    assert found.pairs.tolist() == [[probe, probe] for probe in range(12)]
    # Of a sum, the Shapley value of a column is its weight times the distance from the mean of the background.
    size = np.abs((ROWS[:12] - ROWS[12:52].mean(axis=0)) * [WEIGHTS[name] for name in NAMES])
    row = found.place()
    assert found.only["age"][row] == pytest.approx([np.mean(size[:, 0] / size.sum(axis=1)), np.nan], abs=0.05, nan_ok=True)
    of_common = (size[:, 1:] / size[:, 1:].sum(axis=1, keepdims=True)).mean(axis=0)
    for place, name in enumerate(fewer):
        assert found.features[name][row] == pytest.approx([of_common[place]] * 2, abs=0.05)
    assert np.nanmax(found.distance) < 0.1, "on the other columns, both models are the same sum"
    assert not found.other_reasons.any()


def test_regions_that_are_asked_for_are_those_that_each_run_can_have(tmp_path: Path) -> None:
    beside(tmp_path, (logit(NAMES), table()), (logit(NAMES[1:]), table(NAMES[1:])))
    a, b = read_run(tmp_path / "a"), read_run(tmp_path / "b")
    regions = a.compare(b, regions=["age", "debt"]).regions
    assert [np.isfinite(regions[name][-1]).tolist() for name in ("age", "debt")] == [[True, False], [True, True]]
    with pytest.raises(ValueError, match="nowhere"):
        a.compare(b, regions=["nowhere"])


def test_columns_that_are_new_renamed_or_in_another_order_are_named(tmp_path: Path) -> None:
    moved = ["debt", "years", "income"]
    found = beside(tmp_path, (logit(NAMES), table()), (logit(moved), table(moved)))
    assert found.differs[:3] == (
        "B lacks 1 of A's 4 columns: “tenure”",
        "“age” of A is named “years” in B",
        "the columns stand in another order",
    )
    assert set(found.features) == {"age", "income", "debt"}
    assert found.features["age"][found.place(), 0] == pytest.approx(found.features["age"][found.place(), 1], abs=0.05)


@pytest.mark.parametrize("names", [NAMES[1:], NAMES[:1] + NAMES[2:], ["debt", "years", "income"]])
def test_columns_that_were_prepared_alike_are_the_same_but_for_rounding(names: list[str], tmp_path: Path) -> None:
    """As after a StandardScaler in another precision, or over other columns."""
    step = np.nextafter(ROWS, np.float32(np.inf), dtype=np.float32)
    found = beside(tmp_path, (logit(NAMES), table()), (logit(names), table(names, step[:12], background=step[12:52])))
    assert found.pairs.tolist() == [[probe, probe] for probe in range(12)]
    assert found.same.all()
    assert "rows and background are the same in the columns that both have" in found.differs
    assert f"numbers of {len(names)} columns differ by rounding alone, and count as the same" in found.differs
    assert np.nanmax(found.distance) < 0.1


def test_of_many_numbers_close_together_those_far_apart_are_not_the_same() -> None:
    dense = np.linspace(0, 1, 300_000)
    columns = [np.array([repr(number).encode() for number in part.tolist()], dtype=object) for part in (dense[::2], dense[1::2])]
    assert take_as_same(columns)
    for column, part in zip(columns, (dense[::2], dense[1::2]), strict=True):
        np.testing.assert_allclose(column.astype(float), part, rtol=0, atol=1e-5)


def test_runs_that_differ_by_rounding_alone_say_so_and_nothing_else(tmp_path: Path) -> None:
    step = np.nextafter(ROWS, np.float32(np.inf), dtype=np.float32)
    found = beside(tmp_path, (logit(NAMES), table()), (logit(NAMES), table(rows=step[:12], background=step[12:52])))
    assert found.differs == ("numbers of 4 columns differ by rounding alone, and count as the same",)
    shown = images()
    rounded = xai.ImageProbes(np.nextafter(shown.inputs, np.float32(9)), np.arange(8) % 2, segments="grid", baseline=0.0)
    found = beside(tmp_path / "images", (brightness, shown), (brightness, rounded))
    assert found.differs == ("pixels that differ by rounding alone count as the same",)


@pytest.mark.parametrize(
    ("probes", "words"),
    [
        (
            lambda: table(
                rows=np.where(np.arange(48).reshape(12, 4) == 9, 9.0, ROWS[:12]).astype(np.float32), labels=(ROWS[:12, 0] > 0).astype(int)
            ),
            "1 of 12 rows differs: probe 2, in “income”",
        ),
        (lambda: table(rows=ROWS[:6]), "A has 12 rows, B 6; 6 of them are the same"),
        (lambda: table(rows=ROWS[11::-1]), "the rows are the same, in another order"),
        (lambda: table(rows=ROWS[40:52]), "none of A's 12 rows is among B's 12"),
        (lambda: table(background=ROWS[12:40]), "A's background has 40 rows, B's 28; 28 of them are the same"),
        (lambda: table(labels=np.r_[1 - (ROWS[:2, 0] > 0), ROWS[2:12, 0] > 0].astype(int)), "2 labels differ: probes 0, 1"),
        (lambda: table(labels=np.r_[1 - (ROWS[:1, 0] > 0), ROWS[1:12, 0] > 0].astype(int)), "1 label differs: probe 0"),
    ],
)
def test_what_was_changed_of_a_table_is_said(probes: Callable[[], Any], words: str, tmp_path: Path) -> None:
    changed = probes()
    found = beside(tmp_path, (logit(NAMES), table()), (logit(NAMES), changed))
    assert words in found.differs


def three_classes(x: np.ndarray) -> np.ndarray:
    return np.concatenate([logit(NAMES)(x) / 2, np.full((len(x), 1), 0.5)], axis=1)


@pytest.mark.parametrize(
    ("model", "probes", "words"),
    [
        (brightness, lambda: images(), "A explains tables, B images"),
        (words_model, lambda: texts("a good film", "a bad film"), "A explains tables, B texts"),
        (
            lambda x: np.asarray(x, dtype=float) @ [1.0, 0.0, 2.0, 0.0],
            lambda: table(labels=ROWS[:12, 0] * 10),
            "A explains a classification, B a regression",
        ),
        (three_classes, lambda: table(), "A has 2 classes, B 3"),
        (logit(NAMES), lambda: table(class_names=["dog", "cat"]), "the classes have the same names in another order"),
        (logit(NAMES), lambda: table(rows=ROWS[:6], class_names=["cat", "fox"]), "the classes have other names: A has “dog”, B has “fox”"),
        (logit(NAMES), lambda: table(rows=ROWS[:6], class_names=["dog", "cat"]), "the classes have the same names in another order"),
        (
            logit(NAMES),
            lambda: xai.TabularProbes(ROWS[:12], [0, 1] * 6, background=ROWS[12:52], feature_names=list("efgh")),
            "the tables have no column in common",
        ),
    ],
)
def test_runs_that_have_nothing_in_common_are_refused_with_the_reason(
    model: Any, probes: Callable[[], Any], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    xai.explain(logit(NAMES), table(class_names=["cat", "dog"]), ("shap",), log_dir=str(tmp_path / "a"))
    xai.explain(model, probes(), ("shap",), log_dir=str(tmp_path / "b"))
    with pytest.raises(ValueError, match=re.escape(f"a (A) and b (B) have nothing to compare: {words}.")):
        read_run(tmp_path / "a").compare(read_run(tmp_path / "b"))
    assert cli.main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 2
    assert words in capsys.readouterr().err


def test_a_mark_in_some_images_is_found_by_its_pixels_and_both_runs_shares_of_it(tmp_path: Path) -> None:
    found = beside(tmp_path, (brightness, images()), (brightness, images(mark=[1, 4, 5])))
    assert found.differs == (
        "3 of 8 images differ: probes 1, 4, 5, in 9 of 144 pixels each, all within the box from x 1 to 3 and y 8 to 10",
    )
    assert np.flatnonzero(~found.same).tolist() == [1, 4, 5]
    assert np.isnan(found.distance[:, [1, 4, 5]]).all(), "explanations of different images are not subtracted"
    assert np.isfinite(found.distance[:, [0, 2, 3, 6, 7]]).all()
    mask = np.zeros((12, 12), dtype=bool)
    mask[8:11, 1:4] = True
    for column, name in enumerate("ab"):
        share = read_run(tmp_path / name).share("shap", mask).share[-1, [1, 4, 5]]
        assert found.regions["the pixels that differ"][-1, column] == pytest.approx(share.mean())


@pytest.mark.parametrize(
    ("probes", "words"),
    [
        (lambda: images(side=16), "A's images are 12 × 12, B's 16 × 16"),
        (lambda: images(count=4), "A has 8 images, B 4; 4 of them are the same"),
        (lambda: images(segments=np.arange(144).reshape(12, 12) // 72), "the segments differ in 8 of 8 images (A has 16 an image, B 2)"),
        (lambda: images(baseline=1.0), "what stands for absent segments (the baseline) differs"),
    ],
)
def test_what_was_changed_of_images_is_said(probes: Callable[[], Any], words: str, tmp_path: Path) -> None:
    xai.explain(brightness, images(), ("shap",), evaluations="auto", log_dir=str(tmp_path / "a"))
    xai.explain(brightness, probes(), ("shap",), evaluations="auto", seed=1, log_dir=str(tmp_path / "b"))
    found = read_run(tmp_path / "a").compare(read_run(tmp_path / "b"))
    assert isinstance(found, SideBySide)
    assert words in found.differs


def test_texts_and_settings_that_differ_are_named(tmp_path: Path) -> None:
    given = ["a good film indeed", "a bad film indeed", "not a good day"]
    found = beside(
        tmp_path,
        (words_model, texts(*given)),
        (words_model, texts(given[0], "a bad movie indeed", given[2])),
        {},
        {"output": "probability"},
    )
    assert found.differs[0] == "1 of 3 texts differs: probe 1; where they differ, A has “film” and B has “movie”"
    assert "values are of the output “log-odds” in A, “probability” in B" in found.differs
    assert np.isnan(found.distance).all(), "log-odds are not subtracted from probabilities"


def test_coalitions_of_another_version_are_not_taken_for_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xai.explain(brightness, images(), ("shap",), log_dir=str(tmp_path / "a"))
    monkeypatch.setattr(coalitions, "CHOICE", "something else")
    monkeypatch.setattr(coalitions, "ALTOGETHER", 1)
    xai.explain(brightness, images(), ("shap",), log_dir=str(tmp_path / "b"))
    found = read_run(tmp_path / "a").compare(read_run(tmp_path / "b"))
    assert isinstance(found, SideBySide)
    assert found.differs == (
        "the coalitions are chosen by least fourth moment in A, something else in B; explain both with one version of the package",
    )


def test_the_command_line_says_it_with_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside(tmp_path, (logit(NAMES), table()), (logit(NAMES[1:]), table(NAMES[1:])))
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert cli.main(["compare", *paths]) == 0
    printed = capsys.readouterr().out
    assert "do not explain the same, and are shown side by side:\n  B lacks 1 of A's 4 columns: “age”" in printed
    assert cli.main(["compare", *paths, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["comparable"] is False
    assert report["only"]["age"]["B"] is None
    assert report["features"]["debt"]["A"] == pytest.approx(report["features"]["debt"]["B"], abs=0.05)


def test_an_explainer_is_chosen_where_none_is_named(tmp_path: Path) -> None:
    for name, explainers in (("a", ("lime", "shap")), ("b", ("shap", "occlusion")), ("c", ("occlusion",))):
        xai.explain(logit(NAMES), table(), explainers, evaluations="auto", log_dir=str(tmp_path / name))
    a, b, c = (read_run(tmp_path / name) for name in "abc")
    assert a.compare(b).explainer == "shap"
    assert b.compare(c).explainer == "occlusion"
    assert np.array_equal(b.returned(), b.returned("shap"))
    with pytest.raises(
        ValueError, match="no explainer is common to these runs: a has lime, shap and c has occlusion; log them with the same explainer"
    ):
        a.compare(c)


def test_explanations_of_different_classes_have_no_distance(tmp_path: Path) -> None:
    labels = (ROWS[:12, 0] > 0).astype(int)
    other = labels.copy()
    other[3] = 1 - other[3]
    found = beside(tmp_path, (logit(NAMES), table(labels=labels)), (logit(NAMES), table(labels=other)))
    assert found.differs == ("1 label differs: probe 3",)
    assert np.flatnonzero(np.isnan(found.distance[-1])).tolist() == [3]
    assert not found.other_reasons.any(), "one model twice"


@pytest.mark.parametrize("declaring", ["a", "b"])
def test_a_region_that_one_run_declares_is_found_by_its_name_in_the_other_too(declaring: str, tmp_path: Path) -> None:
    options = {name: {"regions": {"debt": ["debt"]}} if name == declaring else {} for name in "ab"}
    beside(tmp_path, (logit(NAMES), table(**options["a"])), (logit(NAMES[1:]), table(NAMES[1:], **options["b"])))
    a, b = read_run(tmp_path / "a"), read_run(tmp_path / "b")
    shares = a.compare(b, regions=["debt"]).regions["debt"][-1]
    assert shares == pytest.approx([run.share("shap", "debt").share[-1].mean() for run in (a, b)])


def test_sentences_begin_with_a_capital_and_say_nothing_of_an_unknown_floor(tmp_path: Path) -> None:
    for name, probes in (("a", images()), ("b", images(mark=[1]))):
        xai.explain(brightness, probes, ("shap",), evaluations="auto", log_dir=str(tmp_path / name))
    found = read_run(tmp_path / "a").compare(read_run(tmp_path / "b"))
    unknown = dataclasses.replace(found, floor=np.full_like(found.floor, np.nan), distance=np.where(np.isnan(found.distance), np.nan, 0.9))
    assert re.search(r"(^|\. )[a-z]", unknown.verdict()) is None
    assert "how much of it is noise is unknown" in unknown.verdict()
    listed = [finding.text for finding in findings.of_beside(unknown, read_run(tmp_path / "a"))]
    assert any("distance 0.90 on what both have." in text for text in listed)
    assert not any("nan" in text for text in listed)


def test_a_group_of_other_columns_is_another_player_whatever_its_name(tmp_path: Path) -> None:
    found = beside(
        tmp_path,
        (logit(NAMES), table(groups={"money": ["age", "income"]})),
        (logit(NAMES), table(groups={"money": ["age", "debt"]})),
    )
    assert "the groups have other columns: “money”" in found.differs
    assert "money" not in found.features
    assert not found.only, "both have all columns, in other groups"


def test_columns_in_another_order_have_the_same_background(tmp_path: Path) -> None:
    found = beside(tmp_path, (logit(NAMES), table()), (logit(NAMES[::-1]), table(NAMES[::-1])))
    assert found.differs == ("the columns stand in another order",)


def test_findings_name_the_region_of_their_sentence(tmp_path: Path) -> None:
    declared = {"regions": {"money": ["income", "debt"]}}
    beside(tmp_path, (logit(NAMES), table(**declared)), (logit(NAMES[1:]), table(NAMES[1:], **declared)))
    a, b = read_run(tmp_path / "a"), read_run(tmp_path / "b")
    found = {finding.kind: finding for finding in findings.of_beside(a.compare(b), a)}
    assert found["region"].region == "money"
    assert "on money" in found["region"].text
    assert "right in both" in found["predictions"].text
