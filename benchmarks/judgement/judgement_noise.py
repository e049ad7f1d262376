"""Parts of benchmarks/judgement/judgement.py on noise: what is called real where nothing changed, and what is found where something did."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from judgement_runs import TASKS, blended, trained, write_snapshots
from judgement_tables import percent, table

from tb_xai_plugin import read_run
from tb_xai_plugin.engine.engine import Engine
from tb_xai_plugin.engine.plan import Plan
from tb_xai_plugin.judgement.distances import MEASURES
from tb_xai_plugin.run import Run

DRAWS, QUICK_DRAWS = 50, 15
SIZES = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

# Two-sided, at 5 %.
Z = 1.96


# ---------------------------------------------------------------- calibration


def calibration(folder: Path, quick: bool, first: int) -> None:
    draws = QUICK_DRAWS if quick else DRAWS
    alone = [["", "explainer", "differences", "player z", "BH players", "BH epochs", *MEASURES]]
    happened = [["", "explainer", "reason changed", "collapsed", "onset of probe", "of run", "steady since", "like untrained"]]
    for kind in TASKS:
        for coalitions in ("fresh", "same"):
            run = fixed_model(folder / f"fixed-{kind}-{coalitions}-{first}", kind, draws, first, shared=coalitions == "same")
            for explainer in run.explainers:
                name = f"{kind}, {coalitions}"
                for against in ("previous", 0) if coalitions == "fresh" else ("previous",):
                    alone.append(
                        [name, explainer, "previous" if against == "previous" else "one epoch", *_called_real(run, explainer, against)]
                    )
                happened.append([name, explainer, *_happened(run, explainer)])
    table(
        f"calibration: one model, {draws} epochs; false alarms in %",
        "player z: differences of players beyond 1.96 standard errors (goal 5); BH players, epochs: players, and epochs with one at least, that "
        "Run.changed names (goal 5);\ntv … magnitude: drifts above their noise floor (goal 5). The same coalitions must give 0.0 everywhere.",
        alone,
    )
    table(
        f"calibration: events of {draws} epochs of a model that does not change",
        "reason changed, collapsed, onset of probe: events over all probes; of run: Run.onset; steady since: goal epoch 0; like untrained: % of "
        "explanations called no farther from the untrained model than noise (goal 95 and more: it is the same model).",
        happened,
    )


def fixed_model(folder: Path, kind: str, draws: int, seed: int, *, shared: bool) -> Run:
    """One trained model, as the untrained one and at every epoch."""
    if not folder.exists():
        task = TASKS[kind]()
        model = trained(kind, seed)
        snapshots = []
        for draw in range(draws + 1):
            if draw == 0 or not shared:
                plan = Plan(task.probes, ("lime", "shap"), seed=seed + draw)
                engine = Engine(plan, model)
            snapshots.append(engine.run())
        write_snapshots(folder, plan, engine, snapshots, shared=shared)
    return read_run(folder)


def _called_real(run: Run, explainer: str, against: str | int) -> list[str]:
    values, errors = run.of_class("label", f"values/{explainer}", f"errors/{explainer}")
    changed = run.changed(explainer, against)
    here = np.arange(1 if against == "previous" else 2, len(values))
    there = here - 1 if against == "previous" else np.ones_like(here)
    difference = values[here] - values[there]
    drawn = np.isfinite(difference)
    spread = np.sqrt(errors[here].astype(float) ** 2 + errors[there].astype(float) ** 2)
    # With the same coalitions there is no sampling error to divide by: any difference would be one.
    z = np.abs(difference) > (Z * spread if drawn.any() and (difference[drawn] != 0).any() else 0)
    trained_rows = slice(None) if against == "previous" else slice(1, None)
    named = changed[trained_rows]
    real = []
    for measure in MEASURES:
        judged = run.all_drift(explainer, against, measure, "label")
        there_is = np.isfinite(judged.distance) & np.isfinite(judged.floor)
        there_is[run.all_steps < 0] = False
        real.append(percent(judged.real[there_is]))
    return [percent(z[drawn]), percent(named[np.isfinite(values[1:][trained_rows])]), percent(named.any(axis=(1, 2))), *real]


def _happened(run: Run, explainer: str) -> list[object]:
    count = Counter(event.kind for event in run.events(explainer))
    region = run.record["probes"]["regions"][0]
    steady = run.steady_since(explainer)
    likeness = run.trust(explainer).warnings["like the untrained model"][1:]
    onset = run.onset(explainer, region)
    return [
        *(count[kind] for kind in ("reason changed", "collapsed", "onset")),
        "never" if onset is None else f"epoch {onset}",
        "never" if steady.of_run is None else f"epoch {steady.of_run}",
        percent(likeness),
    ]


# ---------------------------------------------------------------- power


def power(folder: Path, quick: bool, _: int) -> None:
    del quick
    for coalitions in ("same", "fresh"):
        rows = [["", "explainer", "change %", "players", "large ones", "false", *MEASURES]]
        for kind in ("image", "table"):
            record = folder / f"power-{kind}-{coalitions}"
            game = blended(kind)
            if not record.exists():
                snapshots = []
                for place, size in enumerate(SIZES):
                    plan = Plan(game.probes, ("lime", "shap"), seed=0 if coalitions == "same" else place)
                    engine = Engine(plan, game.answers(size))
                    snapshots.append(engine.run())
                write_snapshots(record, plan, engine, snapshots, shared=coalitions == "same", first=0)
            run = read_run(record)
            for explainer in run.explainers:
                changed = run.changed(explainer, 0)
                values = run.of_class("label", f"values/{explainer}")[0]
                there = np.isfinite(values[0]) & (np.abs(values[0]) > 0)
                # What it would be with the largest change, nearly free of noise.
                added = np.abs(values[-1] - values[0])
                large = game.concerned & (added > added.mean(axis=-1, keepdims=True))
                drifts = {measure: run.all_drift(explainer, 0, measure, "label").real for measure in MEASURES}
                for place, size in enumerate(SIZES[1:], 1):
                    found = changed[place]
                    rows.append(
                        [
                            kind,
                            explainer,
                            f"{100 * size:.0f}",
                            percent(found[game.concerned & there]),
                            percent(found[large]),
                            percent(~game.concerned[found]),
                            *(percent(drifts[measure][place]) for measure in MEASURES),
                        ]
                    )
        table(
            f"power with {'the same' if coalitions == 'same' else 'fresh'} coalitions: log-odds plus c times those of another net that sees a third "
            "of the players; in % found",
            "change: sum of |attribution| of what is added, of that before; players: concerned ones that Run.changed names; large ones: those whose "
            "change is above the mean of all;\nfalse: % of the named that the other net does not see (goal 5 at most): by SHAP these exactly did not "
            "change, LIME's penalised regression on samples gives them a little; tv … magnitude: probes whose drift is above its floor (all of them changed).",
            rows,
        )
