"""Regions that were not declared: their shares are computed here by numpy, from the values that were written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from support.named import TEXTS, NamedRun, table, texts
from support.records import SIDE, FakeRun

from tb_xai_plugin import read_run
from tb_xai_plugin.cli import main
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement.region_pairs import RegionPair, leaning_words
from tb_xai_plugin.probes import TextProbes

STEPS = range(-1, 6)
AGE, FARE, DECK = range(3)


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def of_table(logdir: Path) -> NamedRun:
    return NamedRun(logdir / "table", given=table()).write(STEPS)


@pytest.fixture(scope="module")
def of_texts(logdir: Path) -> NamedRun:
    return NamedRun(logdir / "texts", given=texts()).write(STEPS)


@pytest.fixture(scope="module")
def of_images(logdir: Path) -> FakeRun:
    return FakeRun(logdir / "images").write(STEPS)


def by_hand(run: FakeRun, parts: Sequence[Sequence[float]]) -> np.ndarray:
    """(epochs, probes): the share of |SHAP| of the label inside, where `parts` has the part of each player."""
    shares = np.full((len(run.steps), len(run.players)), np.nan)
    for row, step in enumerate(run.steps):
        for probe, count in enumerate(run.players):
            sizes = np.abs(run.truth[step].values["shap"][probe, run.probes.labels[probe], :count].astype(np.float64))
            if np.any(parts[probe]):
                shares[row, probe] = (sizes * parts[probe]).sum() / sizes.sum()
    return shares[1:]


def each(run: FakeRun, *part: float) -> list[Sequence[float]]:
    return [part] * len(run.players)


@pytest.mark.parametrize(
    ("region", "part"),
    [
        ("age", (1, 0, 0)),
        ("deck", (0, 0, 1)),
        ("deck_B", (0, 0, 1 / 3)),
        (["age", "deck"], (1, 0, 1)),
        (["age", "deck_A", "deck_B"], (1, 0, 2 / 3)),
        (["deck_A", "deck_A"], (0, 0, 1 / 3)),
        (["age", FARE], (1, 1, 0)),
    ],
)
def test_features_and_groups_are_asked_by_name(region: str | list[str], part: tuple[float, ...], of_table: NamedRun) -> None:
    run = read_run(of_table.log_dir)
    np.testing.assert_allclose(run.region_share("shap", region), by_hand(of_table, each(of_table, *part)), rtol=1e-5)
    np.testing.assert_allclose(run.region_size(region), [sum(part) / 3] * 4)


def test_a_declared_region_wins_over_the_feature_of_its_name(of_table: NamedRun) -> None:
    run = read_run(of_table.log_dir)
    np.testing.assert_allclose(run.region_share("shap", "fare"), by_hand(of_table, each(of_table, 1, 1, 0)), rtol=1e-5)
    np.testing.assert_allclose(run.region_share("shap", ["fare"]), by_hand(of_table, each(of_table, 0, 1, 0)), rtol=1e-5)
    with pytest.warns(UserWarning, match="'money' is declared with the probes; the declared region is used"):
        run.events("shap", regions={"money": ["age"]})


def test_tokens_are_asked_in_any_case_and_all_of_them_count(of_texts: NamedRun) -> None:
    run = read_run(of_texts.log_dir)
    tokens = [run.probes.player_names(probe) for probe in range(3)]
    for asked in ("good", "FILM"):
        parts = [[float(token.lower() == asked.lower()) for token in own] for own in tokens]
        np.testing.assert_allclose(run.region_share("shap", asked), by_hand(of_texts, parts), rtol=1e-5)
        np.testing.assert_array_equal(run.region_share("shap", [asked]), run.region_share("shap", asked))


def test_a_token_that_no_text_has_is_a_warning_when_declared_and_when_asked(of_texts: NamedRun) -> None:
    run = read_run(of_texts.log_dir)
    with pytest.warns(UserWarning, match=r"no text has the token 'Spielberg'; give tokens as they are in the texts"):
        both = run.region_share("shap", ["film", "Spielberg"])
    np.testing.assert_array_equal(both, run.region_share("shap", "film"))
    with pytest.raises(ArgumentError, match=r"no region 'Spielberg' in this record; it has .*every token of its texts"):
        run.region_share("shap", "Spielberg")
    with pytest.warns(UserWarning, match=r"region 'watched': no text has the tokens 'Lucas', 'Allen'; "):
        TextProbes(TEXTS, regions={"watched": ["film", "Lucas", "Allen"]})


def test_a_box_and_its_mask_hold_the_same_part_of_an_image(of_images: FakeRun) -> None:
    run = read_run(of_images.log_dir)
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[1:5, 2:8] = True
    parts = [
        [mask[of_images.probes.segments[probe] == player].mean() for player in range(count)]
        for probe, count in enumerate(of_images.players)
    ]
    for region in ("2,1,8,5", " 2, 1, 8 ,5", "2,1,8,1,8,5,2,5", mask):
        np.testing.assert_allclose(run.region_share("shap", region), by_hand(of_images, parts), rtol=1e-5)
        np.testing.assert_allclose(run.region_size(region), [mask.mean()] * 3, rtol=1e-6)
    for nowhere in ("20,20,30,30", "1,2,3", "corner", "nan,0,1,1", "0,0,1e9,1", "1,1,1,1"):
        with pytest.raises(ArgumentError):
            run.region_share("shap", nowhere)


def test_onsets_events_and_comparisons_take_asked_regions_as_declared_ones(tmp_path: Path) -> None:
    class Leaning(NamedRun):
        """The model reads the age from epoch 3 on."""

        def _made(self, step: int, *rest: object) -> object:
            made = super()._made(step, *rest)
            for name in self.explainers:
                made.values[name][...] = [0.1, 1, 1] if step < 3 or not self.leans else [4, 1, 1]
                made.errors[name][...] = 0.01
            return made

    runs = {}
    for name, leans in (("a", False), ("b", True)):
        Leaning.leans = leans
        for kind, regions in (("asked", {}), ("declared", {"age": ["age"]})):
            runs[name, kind] = read_run(Leaning(tmp_path / kind / name, given=table(regions=regions)).write(range(-1, 8)).log_dir)
    asked, declared = runs["b", "asked"], runs["b", "declared"]
    assert asked.onset("shap", "age") == declared.onset("shap", "age") == 3
    assert asked.events("shap", regions="age") == declared.events("shap")
    assert asked.events("shap", regions={"age": [0]}) == declared.events("shap")
    assert {event.region for event in asked.events("shap", regions=["age"]) if event.kind == "onset"} == {"age"}
    assert not any(event.kind == "onset" for event in asked.events("shap"))
    one, other = (
        runs["a", kind].compare(runs["b", kind], "shap", regions=given) for kind, given in (("asked", ["age"]), ("declared", None))
    )
    assert one.verdict() == other.verdict()
    # 4 of 6 on one feature of three.
    assert one.verdict().startswith("B leans on age (67 % on 33 % of the features), A does not (5 %). ")


def test_an_asked_region_takes_no_declared_one_out_of_the_verdict() -> None:
    class Pair(RegionPair):
        """A region on which B leans: so much of its attribution, and nothing of A's."""

        def __init__(self, of_b: float, *, asked: bool) -> None:
            object.__setattr__(self, "of_b", of_b)
            object.__setattr__(self, "asked", asked)

        def now(self, row: int) -> list[float]:
            return [0.0, self.of_b]

        def words(self, name: str, row: int) -> str:
            return f"B leans on {name}. " if self.of_b > 0.1 else ""

    corner, smudge, login = Pair(0.5, asked=False), Pair(0.2, asked=False), Pair(0.9, asked=True)
    assert leaning_words({"login": login, "smudge": smudge, "corner": corner}, 0) == "B leans on corner. "
    assert leaning_words({"login": login, "smudge": smudge}, 0) == "B leans on smudge. "
    assert leaning_words({"login": login, "smudge": Pair(0, asked=False)}, 0) == "B leans on login. "


def test_the_command_line_compares_asked_regions(of_table: NamedRun, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(of_table.log_dir)
    assert main(["compare", path, path, "--region", "age", "--region", "deck_B", "--region", "fare"]) == 0
    said = capsys.readouterr()
    share = 100 * by_hand(of_table, each(of_table, 0, 0, 1 / 3))[-1].mean()
    (row,) = [line for line in said.out.splitlines() if line.startswith("deck_B ")]
    assert f"{share:.0f} " in row or f"{share:.1f} " in row
    assert said.err == "tb-xai: fare is the region declared with the probes, not the feature of that name.\n"
    assert main(["compare", path, path, "--region", "cabin"]) == 2
    assert "no region 'cabin' in this record" in capsys.readouterr().err


def test_a_region_asked_of_two_runs_is_the_same_in_both_whoever_declares_it(tmp_path: Path) -> None:
    runs = {
        name: read_run(NamedRun(tmp_path / name, given=table(regions=regions)).write(range(3)).log_dir)
        for name, regions in (("plain", {}), ("money", {"money": ["fare"]}), ("age", {"age": ["fare"]}))
    }
    wanted = {name: runs["plain"].share("shap", name).share for name in ("age", "fare")}
    for a, b in (("plain", "money"), ("money", "plain")):
        for share in runs[a].compare(runs[b], "shap", regions=["money"]).regions["money"].shares:
            np.testing.assert_array_equal(share.share, wanted["fare"])
    for a, b, meant in (("plain", "age", "age"), ("age", "plain", "fare")):
        expected = (
            pytest.warns(UserWarning, match="declares another region 'age'; that of plain is used") if a == "plain" else nullcontext()
        )
        with expected:
            shares = runs[a].compare(runs[b], "shap", regions=["age"]).regions["age"].shares
        for share in shares:
            np.testing.assert_array_equal(share.share, wanted[meant])
    with pytest.raises(ArgumentError, match="no region 'cabin' in this record"):
        runs["plain"].compare(runs["money"], "shap", regions=["money", "cabin"])


def test_a_token_that_no_text_has_leaves_the_answer_about_others(of_texts: NamedRun, capsys: pytest.CaptureFixture[str]) -> None:
    run, path = read_run(of_texts.log_dir), str(of_texts.log_dir)
    with pytest.warns(UserWarning, match="no text has the token 'Spielberg'"):
        assert list(run.compare(run, "shap", regions=["film", "Spielberg"]).regions) == list(
            run.compare(run, "shap", regions=["film"]).regions
        )
    with pytest.warns(UserWarning, match="no text has the token 'Spielberg'"):
        run.events("shap", regions=["film", "Spielberg"])
    with pytest.warns(UserWarning, match="no text has the token 'Spielberg'"):
        assert main(["compare", path, path, "--region", "film", "--region", "Spielberg"]) == 0
    assert "film" in capsys.readouterr().out
