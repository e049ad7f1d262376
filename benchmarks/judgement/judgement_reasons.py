"""Parts of benchmarks/judgement/judgement.py on models whose reasons are known: since when they use an artefact, and which recipes have other reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
from judgement_runs import TASKS, USES, Recipe, Uses, recipes, train
from judgement_tables import percent, table
from judgement_tasks import Task
from judgement_twins import RECIPES, TWINS

from tb_xai_plugin import read_run
from tb_xai_plugin.judgement.comparison import Comparison
from tb_xai_plugin.judgement.distances import total_variation
from tb_xai_plugin.run import Run

EPOCHS, SEEDS, QUICK_SEEDS = 14, 5, 2

# Total variation: that much of an explanation is elsewhere.
MOVED = 0.25


# ---------------------------------------------------------------- artefacts


def artefact_runs(folder: Path, kind: str, quick: bool, first: int) -> dict[str, Run]:
    """{"leaked-seed0": run, …}, trained where they are not there."""
    return _runs(folder / f"artefact-{kind}", TASKS[kind], {seed: recipes(seed - first) for seed in _seeds(quick, first)}, uses=True)


def twin_runs(folder: Path, kind: str, quick: bool, first: int) -> dict[str, Run]:
    """{"one-seed0": run, …}."""
    return _runs(folder / f"twins-{kind}", TWINS[kind], dict.fromkeys(_seeds(quick, first), RECIPES), uses=False)


def _seeds(quick: bool, first: int) -> range:
    return range(first, first + (QUICK_SEEDS if quick else SEEDS))


def _runs(folder: Path, make: Callable[[], Task], wanted: Mapping[int, Sequence[Recipe]], *, uses: bool) -> dict[str, Run]:
    task, runs = None, {}
    for seed, each in wanted.items():
        for recipe in each:
            name = f"{recipe.name}-seed{seed}"
            if not (folder / name).exists():
                task = task or make()
                train(folder / name, task, recipe, seed, EPOCHS, *[Uses(task)] * uses)
            runs[name] = read_run(folder / name)
            runs[name].name = name
    return runs


def true_onset(run: Run) -> int | None:
    """The first epoch from which the true class's mean probability falls by USES at least, to the end, where the artefact says nothing."""
    below = np.flatnonzero(run.logs["uses"] < USES)
    first = 0 if not len(below) else int(below[-1]) + 1
    return int(run.steps[first]) if first < len(run.steps) else None


def artefacts(folder: Path, quick: bool, first: int) -> None:
    each = [["", "explainer", "truth", "onset", "error", "share before", "after", "probes", "median error", "early %", "late %"]]
    errors, alarms = [], [["", "explainer", "runs", "with onset", "probes", "with onset", "reason changed", "collapsed"]]
    for kind in TASKS:
        runs = artefact_runs(folder, kind, quick, first)
        region = next(iter(runs.values())).record["probes"]["regions"][0]
        for explainer in ("shap", "lime"):
            for name, run in runs.items():
                if not name.startswith("clean"):
                    row = _of_onset(run, explainer, region)
                    each.append([f"{kind} {name}", explainer, *row])
                    errors.append((kind, explainer, row[2]))
            clean = [run for name, run in runs.items() if name.startswith("clean")]
            counts = Counter(event.kind for run in clean for event in run.events(explainer))
            probes = len(clean) * clean[0].record["shape"]["probes"]
            onsets = sum(run.onset(explainer, region) is not None for run in clean)
            alarms.append([kind, explainer, len(clean), onsets, probes, counts["onset"], counts["reason changed"], counts["collapsed"]])
    table(
        f"artefacts: since when the model uses it, and since when the explanations say so ({EPOCHS} epochs)",
        f"truth: first epoch from which the true class's mean probability on validation data is by {USES} or more lower, to the end, with an artefact "
        "that says nothing;\nonset: Run.onset; share before (the epoch before the truth, or untrained) and after (last epoch): mean over probes; "
        "probes: % with an onset event;\nmedian error, early, late: of their epochs against the truth, and those off by more than one.",
        each,
    )
    summary = [["", "explainer", "runs", "exact", "within 1", "worst", "missed"]]
    for kind, explainer in dict.fromkeys((kind, explainer) for kind, explainer, _ in errors):
        of = [error for *about, error in errors if tuple(about) == (kind, explainer)]
        known = np.array([error for error in of if isinstance(error, int)])
        worst = f"{known[np.abs(known).argmax()]:+d}" if len(known) else "-"
        summary.append([kind, explainer, len(of), int((known == 0).sum()), int((np.abs(known) <= 1).sum()), worst, len(of) - len(known)])
    table("artefacts: error of Run.onset in epochs", "missed: there is a truth and no onset, or the reverse.", summary)
    _reasons_changed(folder, quick, first)
    table("clean twins: the artefact is there and says nothing in training", "with onset: runs and probes; these are false alarms.", alarms)


def _reasons_changed(folder: Path, quick: bool, first: int) -> None:
    rows = [["", "explainer", "clean", "leaked", "delayed: moved", "found %", "other events"]]
    for kind, explainer in product(TASKS, ("shap", "lime")):
        told, probes, moved, found = Counter(), Counter(), 0, 0
        for name, run in artefact_runs(folder, kind, quick, first).items():
            recipe, seed = name.split("-seed")
            events = {(event.probe, event.step) for event in run.events(explainer) if event.kind == "reason changed"}
            told[recipe] += len(events)
            probes[recipe] += run.record["shape"]["probes"]
            if recipe != "delayed":
                continue
            since = next(each.since for each in recipes(int(seed) - first) if each.name == recipe)
            within = {probe for probe, step in events if since <= step <= since + 2}
            told["other"] += sum(not since <= step <= since + 2 for _, step in events)
            for probe in _moved(run, explainer, since):
                moved, found = moved + 1, found + (probe in within)
        of = [f"{told[recipe]} / {probes[recipe]}" for recipe in ("clean", "leaked")]
        rows.append([kind, explainer, *of, moved, f"{100 * found / max(moved, 1):.0f}", told["other"]])
    table(
        'artefacts: events "reason changed"',
        f"clean, leaked: events / probes of runs whose training data never changed (goal none); delayed: probes that are right throughout and move "
        f"by a total variation of {MOVED}\nfrom the epoch before the artefact begins to tell the truth to three later, those with an event within "
        "two epochs of its beginning, and all events at other epochs.",
        rows,
    )


def _moved(run: Run, explainer: str, since: int) -> list[int]:
    (values,) = (values[run.all_steps >= 0].astype(float) for values in run.of_class("label", f"values/{explainer}"))
    right = run.predicted()[run.all_steps >= 0] == np.array(run.record["probes"]["labels"])
    before, after = since - 1, min(since + 3, len(values) - 1)
    far = total_variation(values[before], values[after]) > MOVED
    return np.flatnonzero(far & right[before : after + 1].all(axis=0)).tolist()


def _of_onset(run: Run, explainer: str, region: str) -> list[object]:
    truth, onset = true_onset(run), run.onset(explainer, region)
    share = np.nanmean(run.all_region_share(explainer, region, "label").share, axis=1)
    events = [event.step for event in run.events(explainer) if event.kind == "onset"]
    probes = run.record["shape"]["probes"]
    if truth is None:
        return ["never", "never" if onset is None else onset, 0 if onset is None else "false", "-", f"{100 * share[-1]:.0f}", *["-"] * 4]
    off = np.array(events) - truth
    before = share[np.searchsorted(run.all_steps, truth) - 1]
    return [
        truth,
        "never" if onset is None else onset,
        "missed" if onset is None else onset - truth,
        *(f"{100 * each:.0f}" for each in (before, share[-1], len(events) / probes)),
        *((f"{np.median(off):+.0f}", percent(off < -1), percent(off > 1)) if len(off) else ("-",) * 3),
    ]


# ---------------------------------------------------------------- ranking


def ranking(folder: Path, quick: bool, first: int) -> None:
    rows = [
        ["", "explainer", "at", "accuracy", "within", "lowest", "highest", "between", "lowest", "highest", "apart", "more", "within: more"]
    ]
    for kind in TASKS:
        runs = twin_runs(folder, kind, quick, first)
        one, two = ([name for name in runs if name.startswith(f"{recipe.name}-")] for recipe in RECIPES)
        # Ten of each kind: every run is in as many pairs as the others.
        between = [(one[i], two[(i + apart) % len(two)]) for i in range(len(one)) for apart in (0, 2 % len(two))]
        within = [*combinations(one, 2), *combinations(two, 2)]
        for explainer, (at, align) in product(("shap", "lime"), (("best", "best"), ("last", "epoch"))):
            apart = {(a, b): runs[a].compare(runs[b], explainer, align) for a, b in (*between, *within)}
            near, far = (np.array([apart[pair].typical[_row(apart[pair])] for pair in pairs]) for pairs in (within, between))
            more = [_more(runs, pair, explainer, align, runs) for pair in between]
            # A pair that is itself among the repeats is never farther apart than all of them.
            alike = [_more(runs, pair, explainer, align, runs.keys() - set(pair)) for pair in within]
            accuracy = [[_metric(runs[name], at) for name in names] for names in (one, two)]
            numbers = [f"{number:.3f}" for of in (near, far) for number in (np.median(of), of.min(), of.max())]
            yes = "every pair" if far.min() > near.max() else f"{percent(far > near.max())} %"
            said = f"{sum(more)} of {len(far)}", f"{sum(alike)} of {len(near)}"
            rows.append([kind, explainer, at, " / ".join(f"{np.mean(of):.3f}" for of in accuracy), *numbers, yes, *said])
    table(
        "ranking: typical distance (tv) of two runs, within a recipe (other seeds) and between two recipes",
        "The recipes are as good as each other: each has an artefact that tells it the truth, another one. at: the epochs of best validation accuracy, or "
        "the last; accuracy: there, of one / the other, on validation data with both telling the truth; within, between: median, lowest and highest of the "
        "pairs;\napart: between-pairs farther than every within-pair; more: verdicts "
        "“differ by more than the seed explains” between recipes (goal all), and within them, compared with the repeats that are left (goal none).",
        rows,
    )


def _row(compared: Comparison) -> int:
    return compared.place(compared.pairing.best)


def _more(runs: Mapping[str, Run], pair: tuple[str, str], explainer: str, align: str, repeats: Iterable[str]) -> bool:
    compared = runs[pair[0]].compare(runs[pair[1]], explainer, align, repeats={name: runs[name] for name in repeats})
    words = compared.verdict(compared.pairing.best)
    return words.startswith("The runs differ by more than the seed explains") and "too little" not in words


def _metric(run: Run, at: str) -> float:
    series = run.logs["val_accuracy"]
    return float(series.max() if at == "best" else series[-1])


# ---------------------------------------------------------------- forgetting


def forgetting(folder: Path, quick: bool, first: int) -> None:
    rows = [["", "runs", "learned", "forgotten", "relearned", "counted by hand", "equal"]]
    for kind in TASKS:
        runs = artefact_runs(folder, kind, quick, first)
        told = [
            (name, event.step, event.probe, event.kind)
            for name, run in runs.items()
            for event in run.events("shap")
            if event.kind in ("learned", "forgotten", "relearned")
        ]
        counted = [(name, *event) for name, run in runs.items() for event in _by_hand(run)]
        numbers = Counter(kind for *_, kind in told)
        by_hand = Counter(kind for *_, kind in counted)
        kinds = ("learned", "forgotten", "relearned")
        same = sorted(told) == sorted(counted)
        rows.append([kind, len(runs), *(numbers[k] for k in kinds), " / ".join(str(by_hand[k]) for k in kinds), same])
    table(
        "forgetting: events of all runs against a count from the predictions",
        "equal: the same run, epoch, probe and kind, all of them.",
        rows,
    )


def _by_hand(run: Run) -> Iterator[tuple[int, int, str]]:
    outputs, labels = run.outputs.tolist(), run.record["probes"]["labels"]
    for probe, label in enumerate(labels):
        right_before, ever_right = False, False
        for step, answers in zip(run.steps.tolist(), outputs, strict=True):
            answer = answers[probe].index(max(answers[probe]))
            if answer == label and not right_before:
                yield step, probe, "relearned" if ever_right else "learned"
            if answer != label and right_before:
                yield step, probe, "forgotten"
            right_before = answer == label
            ever_right = ever_right or right_before
