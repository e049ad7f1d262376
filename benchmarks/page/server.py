"""What the plugin's routes cost on a large log: milliseconds at first, milliseconds with many clients at once, bytes; and its memory.

    python benchmarks/page/page_log.py FOLDER && python benchmarks/page/server.py FOLDER

"first" is the first time that a route is asked of a run, in the order of the table, which is about that of the page: what an earlier route has read is
there; "slowest" is that of the run for which it took longest. `compare` and `findings` of a pair are asked for as the page does, beside repeats that are
found by name, and "alone", with a pattern that matches none. Then, after another round, the clients ask random routes of random runs, all at once,
without waiting in between. Clients and server share this machine's cores. Requests name the version of their record, as the page's do, and are never answered by a browser's cache. Memory is that of
TensorBoard's process, and of its data server's, against TensorBoard on the same log without the plugin. Linux only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))
from support.records import Reply, http_get, wait_until

START = """
import sys
from tensorboard import default, program
server = program.TensorBoard(plugins=default.{plugins}())
server.configure([None, *sys.argv[1:]])
server.main()
"""

# {line of the table: what to ask of a run}: `here` is the run, `other` one to compare it with. The first word is the route.
ROUTES: dict[str, Callable[[dict, dict], dict[str, str]]] = {
    "run": lambda here, other: {},
    "drift": lambda here, other: explained(here),
    "answers": lambda here, other: {},
    "share": lambda here, other: (
        {**explained(here), "region": here["regions"][0]} if here["regions"] else {**explained(here), "area": CORNER}
    ),
    "fidelity": lambda here, other: explained(here),
    "probes": lambda here, other: {"probes": few(here)},
    "values": lambda here, other: {**explained(here), "probes": few(here)},
    "outputs": lambda here, other: {"probes": "0"},
    "pairing": lambda here, other: {"other": other["run"], "other_version": other["version"]},
    "difference": lambda here, other: {**explained(here), "other": other["run"], "other_version": other["version"], "probes": "0"},
    "trust": lambda here, other: explained(here),
    "events": lambda here, other: explained(here),
    "compare alone": lambda here, other: {**compared(here, other), "repeats": NO_REPEATS},
    "compare": lambda here, other: compared(here, other),
    "findings alone": lambda here, other: {**compared(here, other), "repeats": NO_REPEATS, "step": last(here)},
    "findings": lambda here, other: {**compared(here, other), "step": last(here)},
}
CORNER = "0,0,8,0,8,8,0,8"
PROBES = 16
NO_REPEATS = "(?!)"


def explained(run: dict) -> dict[str, str]:
    return {"explainer": run["explainers"][-1], "class": "label"}


def compared(run: dict, other: dict) -> dict[str, str]:
    return {**explained(run), "other": other["run"], "other_version": other["version"]}


def last(run: dict) -> str:
    return str(run["steps"][-1])


def few(run: dict) -> str:
    return f"0:{min(PROBES, run['probes']['count'])}"


@contextmanager
def tensorboard(folder: Path, scratch: Path, *, plugin: bool) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A TensorBoard process of its own, and its address; the log is read in full whether or not the plugin is there."""
    log = scratch / f"tensorboard-{plugin}.log"
    code = START.format(plugins="get_plugins" if plugin else "get_static_plugins")
    arguments = ["--host=127.0.0.1", "--port=0", f"--logdir={folder.resolve()}", "--samples_per_plugin=xai=1000000"]
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        found = wait_until(lambda: re.search(r"^TensorBoard \S+ at (http://\S+)", log.read_text(encoding="utf-8"), re.MULTILINE), 90)
        yield process, found[1].rstrip("/")
    finally:
        process.terminate()
        process.wait(20)


def memory(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """{name: MiB} of the process and of the one that it started."""
    statuses = [path.read_text(encoding="ascii") for path in Path("/proc").glob("[0-9]*/status") if path.exists()]
    servers = [status for status in statuses if _field(status, "PPid") == process.pid]
    own = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    found = {"TensorBoard": own} | ({"data server": servers[0]} if servers else {})
    return {name: _field(status, "VmRSS") / 1024 for name, status in found.items()}


def _field(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0


class Client:
    """Asks one server, and remembers what each route cost: {route: [(milliseconds, bytes on the wire)]}."""

    def __init__(self, url: str) -> None:
        self._host = urllib.parse.urlsplit(url).netloc
        self.costs: dict[str, list[tuple[float, int]]] = defaultdict(list)

    def get(self, line: str, **arguments: str) -> None:
        start = time.perf_counter()
        connection = http.client.HTTPConnection(self._host, timeout=120)
        path = f"/data/plugin/xai/{line.split()[0]}?{urllib.parse.urlencode(arguments)}"
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:300]!r}")
        self.costs[line].append((1000 * (time.perf_counter() - start), len(body)))

    def ask(self, line: str, run: dict, other: dict) -> None:
        if line == "runs":
            self.get(line)
        else:
            self.get(line, run=run["run"], set=run["set"], version=run["version"], **ROUTES[line](run, other))


def served(url: str, route: str, **arguments: str) -> Reply:
    return http_get(f"{url}/data/plugin/xai/{route}?{urllib.parse.urlencode(arguments)}")


def measure(url: str, clients: int, requests: int) -> tuple[Client, list[Client]]:
    """What routes cost at first, and under many clients."""
    first = Client(url)
    first.get("runs")
    infos = [json.loads(served(url, "run", run=entry["run"]).text) for entry in served(url, "runs").json["runs"] if not entry["error"]]
    # One half the list away, of those that it can be compared with: of page_log's runs it is of the other recipe. Itself where there is none.
    half = max(1, len(infos) // 2)
    others = [
        next((o for o in [*infos[i + half :], *infos[: i + half]] if o["comparable"] == info["comparable"] and o is not info), info)
        for i, info in enumerate(infos)
    ]
    pairs = list(zip(infos, others, strict=True))
    for client in (first, Client(url)):
        for pair in pairs:
            for route in ROUTES:
                client.ask(route, *pair)
    many = [Client(url) for _ in range(clients)]

    def work(client: Client, seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(requests):
            client.ask(str(rng.choice(["runs", *ROUTES])), *pairs[rng.integers(len(pairs))])

    threads = [threading.Thread(target=work, args=(client, seed)) for seed, client in enumerate(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return first, many


def table(first: Client, many: list[Client]) -> str:
    lines = [f"{'route':16s}{'first, ms':>12s}{'slowest, ms':>13s}{f'{len(many)} clients, ms':>16s}{'95 %, ms':>12s}{'KB':>10s}"]
    for line in ["runs", *ROUTES]:
        at_first = [cost for cost, _ in first.costs[line]]
        costs = np.array([pair for client in many for pair in client.costs[line]])
        middle, high = np.quantile(costs[:, 0], (0.5, 0.95)) if len(costs) else (np.nan, np.nan)
        size = np.median([size for _, size in first.costs[line]]) / 1000
        lines.append(f"{line:16s}{np.median(at_first):12.0f}{max(at_first):13.0f}{middle:16.0f}{high:12.0f}{size:10.1f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--requests", type=int, default=100, help="of each client")
    parser.add_argument("--settle", type=float, default=20, help="seconds that TensorBoard gets to read the events")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        with tensorboard(asked.folder, Path(scratch), plugin=False) as (process, _):
            time.sleep(asked.settle)
            without = memory(process)
        with tensorboard(asked.folder, Path(scratch), plugin=True) as (process, url):
            time.sleep(asked.settle)
            before = memory(process)
            print(table(*measure(url, asked.clients, asked.requests)))
            after = memory(process)
    for name in without:
        print(
            f"{name}: {without[name]:.0f} MiB without the plugin, {before[name]:.0f} with it and not asked, {after[name]:.0f} after all that"
        )


if __name__ == "__main__":
    main()
