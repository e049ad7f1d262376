"""Repeats are runs that are recorded alike and whose names differ in what counts repeats; nothing else is one."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from support.records import FakeRun

from tb_xai_plugin import read_run, read_runs
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.judgement.repeats import Repeats, find, listed, recorded, without


def groups(*names: str) -> list[list[str]]:
    """The groups of runs that are all recorded alike."""
    return sorted(sorted(group) for group in find(dict.fromkeys(names, "alike")).groups.values())


# What the number of a repeat looks like; each is tried beside two recipes, and alone.
COUNTED = [
    *(
        "{}-seed{n}",
        "{}/seed={n}",
        "{}_run_{n}",
        "{} trial {n}",
        "seed{n}-{}",
        "{}_s{n}",
        "{}/s{n}",
        "{}/version_{n}",
        "{}[seed={n}]",
        "{},seed={n}",
    ),
    *(
        "{}-fold{n}",
        "{}.rep-{n}",
        "{}(seed: {n})",
        "{}/execution{n}",
        "{}-20261130-10150{n}",
        "{}/2026-11-30T10:15:0{n}",
    ),
    *(
        "{}Seed{n}",
        "{}seed{n}",
        "{}Run{n}",
        "{}_rs{n}",
        "{}_init{n}",
        "{}-cv{n}",
        "{}_graine{n}",
        "{}_种子{n}",
        "{} ({n})",
        "{}_s1{n}37",
        "{}/s4{n}",
    ),
    *("{{'lr': '{}', 'seed': {n}}}", "{} seed={n}e3", "{}-random_seed{n}", "{}__seed__{n}", "{}&seed={n}", "seed={n}|{}"),
    *("{}_Nov30_10-15-0{n}", "{}-179605000{n}", "run-{}-random_state={n}", "{}-seed{n}-20261130-10150{n}", "20261130_10150{n}_{}_seed{n}"),
]


@pytest.mark.parametrize("pattern", COUNTED)
@pytest.mark.parametrize("recipes", [("plain", "mark"), ("lr=0.1", "lr=0.2"), ("cnn-lr0.1-bs32", "cnn-lr0.1-bs64"), ("a", "b")])
def test_repeats_are_found_in_names_of_all_kinds(pattern: str, recipes: tuple[str, str]) -> None:
    if recipes[0] != "plain" and pattern in ("{}seed{n}", "{}Seed{n}", "{}Run{n}"):
        recipes = ("plain", "tall")
    names = {recipe: [pattern.format(recipe, n=n) for n in (0, 1, 2)] for recipe in recipes}
    assert groups(*names[recipes[0]], *names[recipes[1]]) == sorted(names.values())


@pytest.mark.parametrize(
    "names", [("a_s1", "a_s2", "a_s12"), ("plain_s1337", "plain_s42"), ("plain/s10", "plain/s20", "plain/s30"), ("cnn_s3", "cnn_s7")]
)
def test_the_numbers_of_seeds_need_not_follow_each_other(names: tuple[str, ...]) -> None:
    assert groups(*names) == [sorted(names)]


# The number is one of data, of a setting, of a part, of a switch, or of anything; runs may be recorded alike all the same.
OTHERS = [
    *(
        "train-20{n}0101",
        "sales-20{n}-01-01",
        "data_version={n}",
        "dataset-version_{n}",
        "bert-version{n}",
        "forest-bootstrap={n}",
        "bootstrap={n}",
    ),
    *("crop-random={n}", "random={n}", "aug-random{n}", "lstm-state={n}", "cell_state_{n}", "state={n}", "stride_s{n}", "weight_init={n}"),
    *(
        "n_init={n}",
        "num_trial={n}",
        "folds={n}",
        "runs={n}",
        "seeds={n}",
        "num_seeds={n}",
        "seed-words={n}",
        "max_try={n}",
        "k_fold={n}",
        "vit-s{n}",
    ),
    *(
        "stage_{n}",
        "freeze-{n}",
        "ablation-{n}",
        "variant-{n}",
        "config/{n}",
        "week-{n}",
        "task-{n}",
        "client/{n}",
        "round_{n}",
        "aug_{n}",
        "convs-{n}",
    ),
    *(
        "poly-{n}",
        "checkpoint-{n}",
        "loss_{n}",
        "experiment-{n}",
        "use_bn-{n}",
        "plain/{n}",
        "plain-{n}",
        "linseed{n}",
        "reseed{n}",
        "study/trial_{n}",
    ),
]


@pytest.mark.parametrize("numbers", [("0", "1"), ("1", "2", "3"), ("5", "10"), ("16", "32"), ("20", "21")])
@pytest.mark.parametrize("pattern", OTHERS)
def test_words_beside_others_and_numbers_alone_make_no_repeats(pattern: str, numbers: tuple[str, ...]) -> None:
    assert groups(*(pattern.format(n=n) for n in numbers)) == []


@pytest.mark.parametrize(
    "names",
    [
        ("fold=5", "fold=10"),
        ("cnn-cv5", "cnn-cv10"),
        ("yolo_x_s1", "yolo_x_s2", "yolo_x_s4"),
        ("cnn_s16", "cnn_s32"),
        ("trial_0001", "trial_0002"),
    ],
)
def test_words_of_repeats_with_numbers_of_settings_make_none(names: tuple[str, ...]) -> None:
    assert groups(*names) == []


def test_what_has_no_group_is_proposed_beside_groups_of_others() -> None:
    found = find(dict.fromkeys(["cnn-seed1", "cnn-seed2", "plain-42", "plain-1337", "mark-42", "mark-1337"], "alike"))
    assert dict(found.groups) == {"cnn": ("cnn-seed1", "cnn-seed2")}
    assert (found.pattern, sorted(found.proposed)) == ("-[0-9]+$", ["mark", "plain"])


@pytest.mark.parametrize(
    "names",
    [
        *(
            ("lr=0.1", "lr=0.2", "lr=0.3"),
            ("layer2", "layer3"),
            ("layer-1", "layer-2", "layer-3"),
            ("epochs10", "epochs20"),
            ("cnn-32", "cnn-64", "cnn-128"),
        ),
        *(
            ("vit-s16", "vit-s32"),
            ("resnet18", "resnet50"),
            ("resnet-18", "resnet-50"),
            ("run_1", "run_2", "run_3"),
            ("reseed4", "reseed5"),
        ),
        *(
            ("lr1", "lr2", "lr3"),
            ("wd=0", "wd=1", "wd=2"),
            ("depth/0", "depth/1", "depth/2"),
            ("cnn_v1", "cnn_v2", "cnn_v3"),
            ("n=1", "n=2", "n=3"),
        ),
        *(
            ("search/0000", "search/0001", "search/0002"),
            ("cnn-d1", "cnn-d2", "cnn-d3"),
            ("lr=0.1,seed=1", "lr=0.2,seed=2"),
            ("cnn-1.5", "cnn-2.5"),
        ),
        *(
            ("20261130-101500", "20261130-111500"),
            ("lr1e-3", "lr1e-4", "lr1e-5"),
            ("k=3/l=1", "k=3/l=2", "k=3/l=3"),
            ("plain-seed1", "mark-seed2"),
        ),
        *(
            ("top-1", "top-2", "top-3"),
            ("size 1", "size 2", "size 3"),
            ("conv1", "conv2", "conv3"),
            ("exp1", "exp2", "exp3"),
            ("cnn-7", "cnn-42"),
        ),
    ],
)
def test_numbers_that_may_be_settings_make_no_repeats(names: tuple[str, ...]) -> None:
    assert groups(*names) == []


def test_of_two_places_one_counts() -> None:
    grid = [f"lr={lr}/fold{fold}-seed{seed}" for lr, fold, seed in product((0.1, 0.2), (1, 2), (1, 2, 3))]
    assert groups(*grid) == sorted([f"lr={lr}/fold{fold}-seed{seed}" for seed in (1, 2, 3)] for lr in (0.1, 0.2) for fold in (1, 2))
    assert groups(*(f"cnn-seed{seed}/version_0" for seed in (1, 2))) == [["cnn-seed1/version_0", "cnn-seed2/version_0"]], (
        "the place that differs"
    )
    assert groups("version_0", "version_1", "version_3") == [["version_0", "version_1", "version_3"]]
    assert groups("[seed=3]", "[seed=4]") == [["[seed=3]", "[seed=4]"]]


def test_runs_that_are_recorded_differently_are_no_repeats_whatever_their_names() -> None:
    found = find({"cnn-seed1": "sgd", "cnn-seed2": "sgd", "cnn-seed3": "adam", "cnn-seed4": "adam", "cnn-seed5": "other"})
    assert sorted(found.groups.values()) == [("cnn-seed1", "cnn-seed2"), ("cnn-seed3", "cnn-seed4")]
    assert len(set(found.groups)) == 2, "and the groups have different names"


def test_a_record_tells_recipes_apart(tmp_path: Path) -> None:
    for name, rate in (("a", 0.1), ("b", 0.1), ("c", 0.2)):
        FakeRun(tmp_path / name, seed=0).write([0], logs={"loss": float(len(name)), "learning_rate": rate})
    FakeRun(tmp_path / "d", seed=0, explainers=("lime",)).write([0], logs={"loss": 1.0, "learning_rate": 0.1})
    FakeRun(tmp_path / "e", seed=1).write([0], logs={"loss": 1.0, "learning_rate": 0.1})
    said = {name: recorded(run) for name, run in read_runs(tmp_path).items()}
    assert said["a"] == said["b"]
    assert len(set(said.values())) == 4, "another learning rate, other explainers, other probes"


@pytest.mark.parametrize(
    ("names", "proposed"),
    [
        (("plain-42", "plain-7", "mark-42", "mark-7"), [["mark-42", "mark-7"], ["plain-42", "plain-7"]]),
        (("exp1", "exp2", "exp3"), [["exp1", "exp2", "exp3"]]),
        (("20261130-101500", "20261130-111500"), [["20261130-101500", "20261130-111500"]]),
        (("cnn[w3]", "cnn[w7]", "rnn"), [["cnn[w3]", "cnn[w7]"]]),
        (("run_1", "run_2"), [["run_1", "run_2"]]),
        (("plain.try(a7)", "plain.try(a9)"), []),
        (("plain/trial_00000_seed=1", "plain/trial_00001_seed=2"), [["plain/trial_00000_seed=1", "plain/trial_00001_seed=2"]]),
        (("plain-v0-seed1", "plain-v1-seed2"), [["plain-v0-seed1", "plain-v1-seed2"]]),
        (("plain-abc12f", "plain-de34f0"), [["plain-abc12f", "plain-de34f0"]]),
        (
            ("w/run-20261130_101500-abc1xyzw", "w/run-20261130_111500-de3fuvws"),
            [["w/run-20261130_101500-abc1xyzw", "w/run-20261130_111500-de3fuvws"]],
        ),
        (("plain-3f2504e0-4f89", "plain-1b9d6bcd-bbfd"), [["plain-1b9d6bcd-bbfd", "plain-3f2504e0-4f89"]]),
        (("plain/seed-one", "plain/seed-two"), [["plain/seed-one", "plain/seed-two"]]),
        (("2026-11-30_plain", "2026-12-01_plain"), [["2026-11-30_plain", "2026-12-01_plain"]]),
        (("plain/0", "plain/1", "plain/2"), [["plain/0", "plain/1", "plain/2"]]),
        (("cnn-layer2", "cnn-layer3"), []),
        (("lr=1", "lr=2"), []),
        (("plain", "mark"), []),
    ],
)
def test_where_nothing_is_found_the_proposed_pattern_makes_the_groups_that_it_names(
    names: tuple[str, ...], proposed: list[list[str]]
) -> None:
    found = find(dict.fromkeys(names, "alike"))
    assert not found.groups
    assert sorted(sorted(group) for group in found.proposed.values()) == proposed
    made = find(dict.fromkeys(names, "alike"), found.pattern) if found.pattern else Repeats()
    assert sorted(sorted(group) for group in made.groups.values()) == proposed, "as they come from the pattern when it is given back"


def test_the_verdict_proposes_a_pattern_and_the_pattern_is_taken(tmp_path: Path) -> None:
    for name in ("plain-7", "plain-42", "plain-99", "mark-7", "mark-42", "mark-99"):
        FakeRun(tmp_path / name, seed=0, players=(5, 5, 5)).write([0, 1])
    runs = read_runs(tmp_path)
    compared = runs["plain-7"].compare(runs["mark-7"], "shap", repeats=runs)
    match = re.search(r"if they are repeats, the pattern '(.*)' groups (.*)\)\.$", compared.verdict())
    assert match is not None
    assert (match[1], match[2]) == ("-[0-9]+$", "mark-42, mark-7, mark-99; plain-42, plain-7, plain-99")
    again = runs["plain-7"].compare(runs["mark-7"], "shap", repeats=runs, pattern=match[1])
    assert len(again.repeats) == 6
    assert again.grouped == {"plain": ("plain-42", "plain-7", "plain-99"), "mark": ("mark-42", "mark-7", "mark-99")}


def test_of_many_repeats_a_few_are_enough_and_no_run_is_part_of_its_own_scale() -> None:
    found = find({f"cnn-seed{seed}": "" for seed in range(50)})
    assert len(found.pairs(["cnn-seed3"])) == 28
    assert not {"cnn-seed3", "cnn-seed4"} & {name for pair in found.pairs(["cnn-seed3", "cnn-seed4"]) for name in pair}
    assert found.pairs(["elsewhere"]) == []


def test_a_pattern_of_the_users_decides_alone() -> None:
    names = {"cnn-1": 0, "cnn-2": 1, "wide-1": 2}
    assert find(names).groups == {}
    assert find(names, "-[0-9]+").groups == {"cnn": ("cnn-1", "cnn-2")}
    assert without("cnn12", "[0-9]*") == "cnn", "an empty match is none"
    assert without("run_1-seed2", "[0-9]+") == "run_1-seed", "of several the last"
    with pytest.raises(ArgumentError, match=re.escape("'(' is not a regular expression")):
        find(names, "(")
    with pytest.raises(ArgumentError, match="the pattern has 201 characters"):
        find(names, "a" * 201)
    assert listed({"a": ("a1", "a2", "a3"), "b": ("b1", "b2")}) == "a1, a2, a3; b1, b2"


def test_repeats_of_runs_outside_of_the_folder_are_found_too(tmp_path: Path) -> None:
    for seed in range(4):
        FakeRun(tmp_path / "logs" / f"cnn-seed{seed}", seed=0, players=(5, 5)).write([0])
    FakeRun(tmp_path / "elsewhere" / "other", seed=0, players=(5, 5)).write([0])
    runs, other = read_runs(tmp_path / "logs"), read_run(tmp_path / "elsewhere" / "other")
    assert len(runs["cnn-seed0"].compare(other, "shap", repeats=runs).repeats) == 6
