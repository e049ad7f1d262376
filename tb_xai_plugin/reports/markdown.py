"""A report as Markdown: the verdict, shares of regions, onsets, events, what to look at, and pictures in a folder beside the file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import numpy as np

from tb_xai_plugin.engine.progress import Progress
from tb_xai_plugin.errors import ArgumentError, usual_explainer
from tb_xai_plugin.judgement import events, findings, summaries, words
from tb_xai_plugin.judgement.beside import SideBySide
from tb_xai_plugin.judgement.comparison import Comparison
from tb_xai_plugin.judgement.findings import Finding
from tb_xai_plugin.probes.files import complete
from tb_xai_plugin.records import wire
from tb_xai_plugin.records.series import Target
from tb_xai_plugin.reports import pictures
from tb_xai_plugin.reports.words import listed, plain
from tb_xai_plugin.run import Run

# Probes with a picture, and rows of a table of events.
MOST_PICTURES = 3
MOST_EVENTS = 20


@dataclass(frozen=True)
class Report:
    """Some runs, and what of them is reported."""

    runs: Mapping[str, Run]
    explainer: str
    target: Target

    def lines(self, folder: str | None) -> Iterator[str]:
        """The lines of the file. folder: where pictures are written, "" with the place of the file; None for no pictures."""
        runs = list(self.runs.values())
        yield f"# What {plain(listed([run.name for run in runs]))} {'looks' if len(runs) == 1 else 'look'} at"
        compared = runs[0].compare(runs[1], self.explainer, target=self.target) if len(runs) == 2 else None
        found = self._findings(runs, compared)
        if compared is not None:
            yield f"\n**{plain(compared.verdict())}**"
            yield f"\nA is {plain(runs[0].name)}, B is {plain(runs[1].name)}."
        probes = runs[0].record["shape"]["probes"]
        about = f"{self.explainer}, {words.count_words(probes, 'probe')}, values in {runs[0].units[self.explainer]}"
        yield f"\n{plain(about)}. Means over probes; ± is one standard error of sampling."
        yield "\n## Runs\n"
        yield from table(["run", "epochs", "metric", *events.KINDS, "steady since"], [self._of_run(run) for run in runs])
        regions = [name for name in runs[0].record["probes"]["regions"] if all(name in run.record["probes"]["regions"] for run in runs)]
        if regions:
            yield "\n## Shares of regions\n"
            rows = [self._of_region(run, name) for name in regions for run in runs]
            yield from table(["region", "its size", "run", "share at first", "share at last", "leans on it since"], rows)
        yield "\n## What to look at\n"
        yield from [f"- {plain(f'{name}: {one.text}' if name else one.text)}" for name, one in found] or ["Nothing stands out."]
        happened = [self._event(run, event) for run in runs for event in run.events(self.explainer, target=self.target) if event.step > 0]
        if happened:
            yield "\n## Events after the first epoch\n"
            yield from table(["epoch", "run", "probe", "what"], [cells for _, cells in sorted(happened)][:MOST_EVENTS])
            if len(happened) > MOST_EVENTS:
                yield f"\nThe first {MOST_EVENTS} of {len(happened)}."
        if folder is not None:
            yield "\n## Pictures"
            chosen = compared.look_first() if compared is not None else [one.probe for _, one in found if one.probe is not None]
            yield from self._pictures(runs, list(dict.fromkeys([*chosen, *range(probes)]))[:MOST_PICTURES], regions, folder)

    def _findings(self, runs: Sequence[Run], compared: Comparison | SideBySide | None) -> list[tuple[str, Finding]]:
        """(name of the run, finding); no name where it is about a pair."""
        if isinstance(compared, SideBySide):
            return [("", one) for one in findings.of_beside(compared, runs[0])]
        if compared is not None:
            return [("", one) for one in findings.of_pair(compared, runs[0], runs[1])]
        return [("" if len(runs) == 1 else run.name, one) for run in runs for one in findings.of_run(run, self.explainer, self.target, {})]

    def _of_run(self, run: Run) -> list[str]:
        happened = Counter(event.kind for event in run.events(self.explainer, target=self.target))
        steady = run.steady_since(self.explainer, target=self.target)
        series = run.log_series()[1].get(steady.metric, np.empty(0))
        series = series[np.isfinite(series)]
        metric = f"{steady.metric} {series[-1]:.3g}" if len(series) else ""
        since = "-" if run.once else "not yet" if steady.of_run is None else f"epoch {steady.of_run}"
        return [run.name, str(len(run.steps)), metric, *(str(happened[kind]) for kind in events.KINDS), since]

    def _of_region(self, run: Run, name: str) -> list[str]:
        share = run.share(self.explainer, name, target=self.target)
        known = [
            place
            for place in range(len(share.share))
            if np.isfinite(share.share[place]).any() and (run.once or run.all_steps[place] != wire.RETURNED)
        ]
        at = [self._share(share.share[place], share.errors[place]) for place in (known[0], known[-1])] if known else ["?", "?"]
        onset = run.onset(self.explainer, name, target=self.target)
        size = summaries.mean_of_known(share.own)
        first = f" ({words.step_words(int(run.all_steps[known[0]]))})" if known else ""
        last = f" ({words.step_words(int(run.all_steps[known[-1]]))})" if known else ""
        since = "-" if run.once else "never" if onset is None else words.step_words(onset)
        return [name, f"{words.percent(float(size))} of {share.whole}", run.name, at[0] + first, at[1] + last, since]

    def _share(self, shares: np.ndarray, errors: np.ndarray) -> str:
        errors = errors[np.isfinite(shares)]
        error = float(np.sqrt((errors**2).sum()) / len(errors)) if np.isfinite(errors).all() else np.nan
        return words.share_words(float(summaries.mean_of_known(shares)), error)

    def _event(self, run: Run, event: events.Event) -> tuple[tuple[int, str, int], list[str]]:
        what = f"{event.kind} ({event.region})" if event.region else event.kind
        return (event.step, run.name, event.probe), [str(event.step), run.name, words.probe_name(run, event.probe), what]

    def _pictures(self, runs: Sequence[Run], probes: Sequence[int], regions: Sequence[str], folder: str) -> Iterator[str]:
        os.makedirs(folder, exist_ok=True)
        name = os.path.basename(folder)
        for place in Progress("Drawing")(range(len(probes)), unit="picture"):
            probe = probes[place]
            pictures.png(runs, os.path.join(folder, f"probe-{probe}.png"), self.explainer, probe, self.target)
            yield f"\n![{plain(words.probe_name(runs[0], probe))} over the epochs]({quote(name)}/probe-{probe}.png)"
        if regions and (trained := [run for run in runs if not run.once]):
            pictures.save(pictures.shares(trained, self.explainer, regions, self.target), os.path.join(folder, "shares.png"))
            yield f"\n![Share of the attribution on {plain(listed(regions))}]({quote(name)}/shares.png)"


def write(runs: Mapping[str, Run], path: str, explainer: str | None = None, target: Target = "label") -> list[str]:
    """Write a report; returns the files that were written, the report first.

    Args:
        runs: {name: run}; two of them are compared.
        path: of the file. Pictures are in a folder beside it, `report_files/` for report.md, where matplotlib is installed.
        explainer: by default shap where all runs have it, else the first that all have.
        target: "label" | "predicted" | a class number.
    """
    report = Report(runs, explainer or usual_explainer(*runs.values()), target)
    for run in runs.values():
        if report.explainer not in run.explainers:
            raise ArgumentError(f"export: no explainer {report.explainer!r} in {run.name}; it has {run.explainers}.")
    folder = f"{os.path.splitext(path)[0]}_files" if pictures.can_draw() else None
    lines = list(report.lines(folder))
    with complete("export", path) as part, open(part, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    written = [line[line.rindex("/") + 1 : -1] for line in lines if line.startswith("\n![")]
    return [path, *(os.path.join(folder or "", name) for name in written)]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for cells in rows:
        yield f"| {' | '.join(plain(cell) for cell in cells)} |"
