"""This package's SHAP against the newest `shapiq`, against `shap`, and its LIME against `lime`, on the same games at equal evaluations.

    python benchmarks/accuracy/peers.py [--python ~/.pyenv/versions/3.12.1/bin/python] [--games 4] [--draws 1] [--first 100] [--keep FOLDER]
        [--into docs/benchmarks.md]

The newest `shapiq` needs Python 3.12, so the others run in an environment of their own: `--environment` where there is one with
`peers-requirements.txt`, else one is made from `--python` in a temporary folder. Both sides read the same tables of model outputs, those of
`families.py`: all 2^n coalitions of each game, and exact Shapley values. Options are the defaults of the libraries (see `peers_side.py`).

Numbers are squared errors relative to ours: 2 means twice our squared error, below 1 is better than ours. The geometric mean over games of the
family (`--games`, of the seeds from `--first` on, which nothing in this package was chosen with) and draws of the coalitions (`--draws`). Relative errors below 1e-10 of the squared length of the exact vector count as
1e-10: exact. Where a number of evaluations covers all coalitions, a game is left out.

`--into` puts the tables between the marks of a page, in place of those of the last time. Six minutes on one core.

Ours is what `explain` takes by default: the design that serves LIME too. LIME has no exact value, so it is held against its own limit, the
same regression on all coalitions; there ours has all evaluations for itself.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
from families import games as games_of

from tb_xai_plugin import KernelShap, Lime
from tb_xai_plugin.explainers.lime import lime_rows, locality
from tb_xai_plugin.games.coalitions import LAWS, build_design

HERE = Path(__file__).parent
BUDGETS = (64, 128, 256, 512, 1024, 2048)
EXACT = 1e-10

# The marks of a page between which the tables stand.
BEGIN, END = "<!-- tables of peers.py -->", "<!-- end of the tables of peers.py -->"

# Game -> (players, outputs (2^players,), exact Shapley values (players,)).
Games = dict[str, tuple[int, np.ndarray, np.ndarray]]


def all_games(folder: Path, first: int, count: int) -> Games:
    """Games by "family#seed"."""
    found = {}
    for seed in range(first, first + count):
        for family, game in games_of(folder, seed).items():
            found[f"{family}#{seed}"] = game
    return found


# ---- this package


def ours(outputs: np.ndarray, players: int, evaluations: int, seed: int) -> np.ndarray:
    design = build_design(players, evaluations, LAWS, seed)
    return KernelShap().fit(design)(look_up(outputs, design.masks)[:, None, None]).values[0, 0]


def our_lime(outputs: np.ndarray, players: int, evaluations: int, seed: int) -> tuple[np.ndarray, int]:
    """Values, and the number of rows that they are fitted to."""
    design = build_design(players, evaluations, Lime.laws, seed)
    return Lime().fit(design)(look_up(outputs, design.masks)[:, None, None]).values[0, 0], len(lime_rows(design))


def look_up(outputs: np.ndarray, masks: np.ndarray) -> np.ndarray:
    return outputs[masks @ (1 << np.arange(masks.shape[1]))]


def lime_limit(outputs: np.ndarray, players: int, rows: int) -> np.ndarray:
    """LIME's ridge regression on all coalitions, weighted as if they were so many rows; the full one once, as in the package."""
    Z = (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(np.float64)
    w = locality(Z, Lime().kernel_width) * (rows - 1) / (2**players - 1)
    w[-1] = 1
    Zc, yc = Z - w @ Z / w.sum(), outputs - w @ outputs / w.sum()
    return np.linalg.solve(Zc.T @ (w[:, None] * Zc) + Lime().alpha * np.eye(players), Zc.T @ (w * yc))


# ---- the other side


def environment(python: str, folder: Path) -> str:
    """An interpreter that has the peers."""
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    made = str(folder / "venv" / "bin" / "python")
    subprocess.run([made, "-m", "pip", "install", "-q", "-r", HERE / "peers-requirements.txt"], check=True)
    return made


def theirs(python: str, folder: Path, data: Games, draws: int) -> tuple[dict[str, np.ndarray], dict]:
    """Estimates (budgets, draws, players) by "game/method", and notes."""
    np.savez(folder / "games.npz", budgets=np.array(BUDGETS), draws=draws, **{name: outputs for name, (_, outputs, _) in data.items()})
    command = [python, HERE / "peers_side.py", folder / "games.npz", folder / "estimates.npz"]
    # Boosting libraries write a line for each tree.
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = dict(np.load(folder / "estimates.npz"))
    return found, json.loads(str(found.pop("notes")))


# ---- errors


def relative(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Squared errors over the squared length of the exact vector, at least EXACT: (…,) of (…, players)."""
    return np.maximum(((values - exact) ** 2).sum(axis=-1) / (exact**2).sum(), EXACT)


def log_errors(data: Games, estimates: dict[str, np.ndarray], draws: int) -> dict[str, dict[str, np.ndarray]]:
    """{method: {family: log of relative squared errors (games, budgets, draws)}}, NaN where a game is left out or refused; ours is "ours"."""
    found: dict[str, dict[str, list[np.ndarray]]] = {}

    def keep(method: str, family: str, errors: np.ndarray) -> None:
        found.setdefault(method, {}).setdefault(family, []).append(np.log(errors))

    for name, (players, outputs, exact) in data.items():
        family = name.rpartition("#")[0]
        shap, lime, package = (np.full((len(BUDGETS), draws), np.nan) for _ in range(3))
        for k, evaluations in enumerate(BUDGETS):
            if evaluations >= 2**players:
                continue
            limit = lime_limit(outputs, players, evaluations)
            for seed in range(draws):
                shap[k, seed] = relative(ours(outputs, players, evaluations, seed), exact)
                values, rows = our_lime(outputs, players, evaluations, seed)
                lime[k, seed] = relative(values, lime_limit(outputs, players, rows))
            package[k] = relative(estimates[f"{name}/lime"][k], limit)
        keep("ours", family, shap)
        keep("our LIME", family, lime)
        keep("lime", family, package)
        for key, values in estimates.items():
            game, _, method = key.rpartition("/")
            if game == name and method != "lime":
                keep(method, family, relative(values, exact))
    return {method: {family: np.stack(parts) for family, parts in families.items()} for method, families in found.items()}


def mean_log(errors: np.ndarray) -> np.ndarray:
    """Over games and draws: (budgets,); NaN where there is none."""
    of_budget = np.moveaxis(errors, 1, 0).reshape(len(BUDGETS), -1)
    counts = np.isfinite(of_budget).sum(axis=1)
    return np.where(counts, np.nansum(of_budget, axis=1) / np.maximum(counts, 1), np.nan)


def ratios(errors: dict[str, dict[str, np.ndarray]], base: str = "ours") -> dict[str, dict[str, np.ndarray]]:
    """{method: {family: (budgets,)}}: geometric means of squared errors, over ours where both have a number."""
    table: dict[str, dict[str, np.ndarray]] = {}
    for method, families in errors.items():
        if method not in ("ours", "our LIME"):
            table[method] = {family: np.exp(mean_log(of_family - errors[base][family])) for family, of_family in families.items()}
    return table


def spread(errors: dict[str, dict[str, np.ndarray]], method: str, family: str, budget: int) -> float:
    """The factor of one standard error of a ratio."""
    apart = (errors[method][family] - errors["ours"][family])[:, budget].ravel()
    apart = apart[np.isfinite(apart)]
    return float(np.exp(apart.std(ddof=1) / np.sqrt(len(apart)))) if len(apart) > 1 else np.nan


# ---- tables


def number(value: float) -> str:
    return "" if not np.isfinite(value) else f"{value:.2g}" if value < 10 else f"{value:.0f}" if value < 1000 else f"{value:,.0f}"


def heading(*columns: str) -> None:
    print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|")


def print_best(data: Games, table: dict[str, dict[str, np.ndarray]]) -> None:
    heading("family", "players", *(f"{m:,}" for m in BUDGETS))
    for family in next(iter(table.values())):
        cells = []
        for k in range(len(BUDGETS)):
            found = {method: families[family][k] for method, families in table.items() if np.isfinite(families[family][k])}
            best = min(found, key=found.__getitem__, default=None)
            cells.append("" if best is None else f"{number(found[best])} {short(best)}")
        players = next(players for name, (players, _, _) in data.items() if name.rpartition("#")[0] == family)
        print(f"| {family} | {players} | " + " | ".join(cells) + " |")
    print()


def short(method: str) -> str:
    package, _, name = method.partition(".")
    return name if package == "shapiq" else method


def print_methods(table: dict[str, dict[str, np.ndarray]]) -> None:
    heading("method", *(f"{m:,}" for m in BUDGETS))
    for method, families in table.items():
        stacked = np.stack(list(families.values()))
        cells = []
        for column in stacked.T:
            known = column[np.isfinite(column)]
            cells.append(f"{number(np.exp(np.log(known).mean()))} ({number(known.min())})" if len(known) else "refuses")
        print(f"| `{method}` | " + " | ".join(cells) + " |")
    print()


def print_exceptions(errors: dict[str, dict[str, np.ndarray]], table: dict[str, dict[str, np.ndarray]]) -> None:
    better: Counter[tuple[int, str]] = Counter()
    lines = []
    for method, families in table.items():
        for family, of_family in families.items():
            for k in np.flatnonzero(of_family < 1):
                better[BUDGETS[k], family] += 1
                factor = spread(errors, method, family, k)
                lines.append((BUDGETS[k], family, of_family[k], f"{short(method)} {of_family[k]:.2g} (×÷ {factor:.2f})"))
    heading("evaluations", "family", "ahead of ours, by ratio and one standard error of it")
    for evaluations, family in sorted(better):
        cells = [line[3] for line in sorted(lines, key=lambda line: line[2]) if line[:2] == (evaluations, family)]
        print(f"| {evaluations:,} | {family} | " + ", ".join(cells) + " |")
    total = [sum(np.isfinite(next(iter(table.values()))[family][k]) for family in next(iter(table.values()))) for k in range(len(BUDGETS))]
    first = [total[k] - sum(evaluations == m for evaluations, _ in better) for k, m in enumerate(BUDGETS)]
    print("\nFirst on " + ", ".join(f"{won} of {of} at {m:,}" for won, of, m in zip(first, total, BUDGETS, strict=True) if of) + ".\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", default="python3.12", help="an interpreter of Python 3.12 or newer, to make an environment from")
    parser.add_argument("--environment", help="an interpreter that has peers-requirements.txt")
    parser.add_argument("--games", type=int, default=4, help="games of each family")
    parser.add_argument("--first", type=int, default=100, help="the seed of the first game of each family")
    parser.add_argument("--draws", type=int, default=1, help="draws of the coalitions of each game")
    parser.add_argument("--into", type=Path, help="put the tables into this page, between its marks")
    parser.add_argument("--keep", type=Path, help="keep games and estimates in this folder")
    asked = parser.parse_args()
    page = asked.into.read_text(encoding="utf-8") if asked.into else ""
    if asked.into and not 0 <= page.find(BEGIN) < page.find(END):
        sys.exit(f"{asked.into} lacks the marks {BEGIN} and {END}; put them where the tables shall stand.")
    made = io.StringIO()
    with redirect_stdout(made):
        print_all(asked)
    print(made.getvalue())
    if asked.into:
        tables = f"{BEGIN}\n{made.getvalue().strip()}\n{END}"
        asked.into.write_text(page[: page.find(BEGIN)] + tables + page[page.find(END) + len(END) :], encoding="utf-8")


def print_all(asked: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        python = asked.environment or environment(asked.python, folder)
        data = all_games(folder, asked.first, asked.games)
        estimates, notes = theirs(python, folder, data, asked.draws)
    errors = log_errors(data, estimates, asked.draws)
    of_lime = {"lime": errors.pop("lime")}, errors.pop("our LIME")
    table = ratios(errors)
    packages = ", ".join(f"{package} {number}" for package, number in notes["packages"].items())
    print(f"{packages}, Python {notes['python']}; {len(data)} games, draws of the coalitions of each: {asked.draws}.\n")
    print("The best of all others in each cell, its squared error over ours:\n")
    print_best(data, table)
    print("Every method: geometric mean of the ratios over families (and its best family).\n")
    print_methods(table)
    print_exceptions(errors, table)
    print("`lime`, against its own limit, over ours against its own:\n")
    print_methods(ratios({**of_lime[0], "ours": of_lime[1]}))
    if notes["refused"]:
        print("Refused: " + "; ".join(f"{where}: {why}" for where, why in notes["refused"].items()) + ".\n")
    over = {method: share for method, share in notes["most"].items() if share > 1}
    if over:
        print("More evaluations than given: " + ", ".join(f"{method} {share:.2f} times" for method, share in over.items()) + ".\n")
    print("Seconds of all estimates: " + ", ".join(f"{short(method)} {taken:.0f}" for method, taken in notes["seconds"].items()) + ".")


if __name__ == "__main__":
    sys.exit(main())
