"""The unit tests on every supported Python, with the lowest and the newest versions of what setup.py requires.

    make test-versions                    every Python that setup.py names, but for the one that `make test` runs on
    make test-versions PYTHONS="3.11"     these
    python tests/support/versions.py --bounds

Each Python has four environments in .venvs/: lowest and newest, with TensorFlow and on a viewing machine. They are kept. One of the
lowest versions is made again when setup.py has other bounds; one of the newest is brought up to date every time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venvs"
MODES = ("lowest", "newest")
SHOWN = ("tensorboard", "numpy", "keras", "tensorflow", "werkzeug")
NO_WHEEL = {"lime"}  # published as source only
# TensorBoard before 2.21 imports pkg_resources, which setuptools 82 no longer has, and does not say so in what it requires.
PKG_RESOURCES = ("setuptools<82", Version("2.21"))


@dataclass(frozen=True)
class Machine:
    """What is installed, and which tests run there."""

    name: str
    extra: str


MACHINES = (Machine("training", "test"), Machine("viewing", "test-viewing"))


# What setup.py says


def declared() -> dict[str, Any]:
    """The arguments of setup.py's call of setup()."""
    arguments: dict[str, Any] = {}
    stand_in = ModuleType("setuptools")
    stand_in.setup = arguments.update
    with mock.patch.dict(sys.modules, setuptools=stand_in):
        runpy.run_path(str(ROOT / "setup.py"))
    return arguments


def supported() -> list[str]:
    """Versions of Python among setup.py's classifiers, e.g. "3.10"."""
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in declared()["classifiers"])
    return [match[1] for match in found if match]


def requirements(python: str, *extras: str) -> dict[str, SpecifierSet]:
    """What an installation with these extras requires directly, by name; where a name comes twice, both hold."""
    said = declared()
    lines = [*said["install_requires"], *(line for extra in extras for line in said["extras_require"][extra])]
    found: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python, "python_full_version": f"{python}.0"}):
            name = canonicalize_name(requirement.name)
            found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def bound(specifier: SpecifierSet) -> Version:
    """The lowest version that a specifier names."""
    return max(Version(part.version) for part in specifier if part.operator in (">=", "==", "~="))


# The environments


def pythons() -> dict[str, Path]:
    """Interpreters by their version, "3.12": pyenv's newest of each where there is pyenv, otherwise those on the PATH."""
    found = {version: Path(path) for version in supported() if (path := shutil.which(f"python{version}"))}
    if pyenv := shutil.which("pyenv"):
        root = Path(said_by([pyenv, "root"]).strip())
        names = said_by([pyenv, "versions", "--bare"]).split()
        for name in sorted((name for name in names if re.fullmatch(r"3(\.\d+){2}", name)), key=Version):
            found[name.rpartition(".")[0]] = root / "versions" / name / "bin" / "python"
    return found


def surroundings() -> dict[str, str]:
    """This process's environment variables, without those that could put another package in the place of the tested one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def said_by(command: Sequence[str | Path]) -> str:
    """What a command prints; where it fails, what it says is the error."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=ROOT, env=surroundings())
    if done.returncode:
        # pip says on one what failed, and on the other why.
        raise NotInstalledError(
            "\n    ".join([" ".join(map(str, command)), *done.stdout.splitlines()[-15:], *done.stderr.splitlines()[-15:]])
        )
    return done.stdout


class NotInstalledError(Exception):
    """An environment that could not be made."""


@dataclass
class Environment:
    """A virtual environment with one choice of versions."""

    version: str
    interpreter: Path
    mode: str
    machine: Machine

    def __post_init__(self) -> None:
        self.folder = FOLDER / f"{self.version}-{self.mode}-{self.machine.name}"
        self.python = self.folder / "bin" / "python"
        self.constraints = self.folder / "constraints.txt"
        self.stamp = self.folder / "stamp.json"
        self.required = requirements(self.version, self.machine.extra)

    def pip(self, *arguments: str | Path) -> str:
        return said_by([self.python, "-m", "pip", *arguments, "--disable-pip-version-check"])

    def make(self) -> None:
        """Install; what is there already and right is left."""
        bounds = {name: str(one) for name, one in sorted(self.required.items())}
        stamp = json.dumps([said_by([self.interpreter, "-VV"]), bounds, PKG_RESOURCES[0]])
        kept = self.stamp.exists() and self.stamp.read_text(encoding="utf-8") == stamp
        if not kept:
            shutil.rmtree(self.folder, ignore_errors=True)
            said_by([self.interpreter, "-m", "venv", self.folder])
            self.pip("install", "--upgrade", "pip")
        # To build an old release would say nothing about this package.
        wheels = ["--only-binary", ":all:", *(word for name in sorted(NO_WHEEL & set(self.required)) for word in ("--no-binary", name))]
        install = ["install", *wheels, "--editable", f".[{self.machine.extra}]"]
        if self.mode == "newest":
            self.pip(*install, "--upgrade", "--upgrade-strategy", "eager")
        elif not kept:
            pins = self.lowest()
            lines = [f"{name}=={version}" for name, version in pins.items()]
            if pins["tensorboard"] < PKG_RESOURCES[1]:
                lines.append(PKG_RESOURCES[0])
            self.constraints.write_text("\n".join(lines), encoding="utf-8")
            self.pip(*install, "--constraint", self.constraints)
        self.stamp.write_text(stamp, encoding="utf-8")

    def lowest(self) -> dict[str, Version]:
        """The lowest versions that setup.py allows, that have a wheel for this Python, and that allow each other.

        An old TensorFlow may ask for a newer Keras than we do. So what the chosen versions require of each other is added until nothing changes.
        """
        wanted = dict(self.required)
        released: dict[str, list[Version]] = {name: self.releases(name) for name in wanted}
        while True:
            pins = {}
            for name, specifier in wanted.items():
                fitting = [version for version in released[name] if version in specifier]
                if not fitting:
                    raise NotInstalledError(f"no release of {name} for Python {self.version} is {specifier}")
                pins[name] = min(fitting)
            before = dict(wanted)
            for requirement in self.required_by(pins):
                name = canonicalize_name(requirement.name)
                if name in wanted:
                    wanted[name] &= requirement.specifier
            if wanted == before:
                return pins

    def releases(self, name: str) -> list[Version]:
        """Those with a wheel for this Python."""
        wheels = [] if name in NO_WHEEL else ["--only-binary", ":all:"]
        found = json.loads(self.pip("index", "versions", name, "--json", *wheels))["versions"]
        return [version for version in map(Version, found) if not version.is_prerelease]

    def required_by(self, pins: dict[str, Version]) -> Iterable[Requirement]:
        """What these versions require, on this Python."""
        exact = [f"{name}=={version}" for name, version in pins.items()]
        report = json.loads(self.pip("install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-", *exact))
        for item in report["install"]:
            for requirement in map(Requirement, item["metadata"].get("requires_dist", ())):
                if requirement.marker is None or requirement.marker.evaluate({**report["environment"], "extra": ""}):
                    yield requirement

    def versions(self) -> dict[str, str]:
        """Of what is installed, by name."""
        installed = {canonicalize_name(one["name"]): one["version"] for one in json.loads(self.pip("list", "--format", "json"))}
        return {"tensorflow": installed.get("tensorflow-cpu", "-"), **installed}

    def raised(self) -> list[str]:
        """Lowest versions that are higher than setup.py's bound."""
        if self.mode != "lowest":
            return []
        installed = self.versions()
        return [
            f"{name} {installed[name]} for {bound(specifier)}"
            for name, specifier in self.required.items()
            if Version(installed[name]) > bound(specifier)
        ]

    def test(self) -> tuple[int, str]:
        """Whether TensorBoard starts, then pytest: an exit code, and all that was said."""
        with tempfile.TemporaryDirectory() as empty:
            try:
                said_by([self.python, ROOT / "tests" / "support" / "serve_once.py", empty])
            except NotInstalledError as error:
                return 1, f"{error}\nERROR TensorBoard does not start\n1 error"
        selected = [] if self.machine.extra == "test" else viewing_files()
        command = [self.python, "-m", "pytest", "-m", "unit", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider", "-rfE", *selected]
        done = subprocess.run(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=ROOT,
            env=surroundings(),
        )
        return done.returncode, done.stdout


def viewing_files() -> list[Path]:
    """Test files that say that they need a viewing machine only. They are named to pytest: it could not import the others there."""
    found = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "pytestmark = pytest.mark.viewing" in path.read_text("utf-8")]
    if not found:
        raise NotInstalledError("no test file has `pytestmark = pytest.mark.viewing`")
    return found


# The table


def row(*cells: str) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, (7, 7, 9, *(11 for _ in SHOWN), 24, 7), strict=True)).rstrip()


def outcome(code: int, text: str) -> str:
    """ "1234 passed, 2 failed"."""
    counts = re.findall(r"\b(\d+ (?:passed|failed|errors?|skipped))\b", text.strip().splitlines()[-1])
    return ", ".join(sorted(counts, key=lambda count: "passed" not in count)) or f"pytest ended with {code}"


def run(environment: Environment) -> bool:
    """Print one line, and what failed below it. Returns whether all passed."""
    labels = (environment.version, environment.mode, environment.machine.name)
    try:
        environment.make()
        raised = environment.raised()
        start = time.monotonic()
        code, text = environment.test()
    except NotInstalledError as failed:
        print(row(*labels, *("-" for _ in SHOWN), "not installed", ""), f"    {failed}", sep="\n", flush=True)
        return False
    log = FOLDER / f"{environment.folder.name}.log"
    log.write_text(text, encoding="utf-8")
    installed = environment.versions()
    seconds = f"{time.monotonic() - start:.0f} s"
    print(row(*labels, *(installed.get(name, "-") for name in SHOWN), outcome(code, text), seconds), flush=True)
    if raised:
        print(f"    lowest with a wheel that fits the others: {', '.join(raised)}", flush=True)
    if environment.mode == "lowest" and Version(installed["tensorboard"]) < PKG_RESOURCES[1]:
        print(f"    with {PKG_RESOURCES[0]}, which this TensorBoard needs and does not ask for", flush=True)
    if code:
        failures = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
        print(*(f"    {line}" for line in [*failures[:20], f"all of it is in {log.relative_to(ROOT)}"]), sep="\n", flush=True)
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Runs the unit tests on every supported Python, with the lowest and the newest dependencies."
    )
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser.add_argument("pythons", nargs="*", help="versions such as 3.12; all that setup.py names, but for this one, by default")
    parser.add_argument("--mode", choices=MODES, action="append", help="only this choice of versions")
    parser.add_argument("--machine", choices=[machine.name for machine in MACHINES], action="append", help="only this kind of machine")
    parser.add_argument("--bounds", action="store_true", help="print what is lowest, and end")
    asked = parser.parse_args()
    if asked.bounds:
        lowest = {(name, bound(one)) for version in supported() for name, one in requirements(version, "test").items()}
        print(*(f"{name} {version}" for name, version in sorted(lowest)), sep="\n")
        return 0

    wanted = asked.pythons or [version for version in supported() if version != here]
    found = pythons()
    if not asked.pythons:
        print(f"Left out: Python {here}, which `make test` runs on (PYTHONS={here} runs it too).")
    for version in wanted:
        if version not in found:
            print(f"Left out: Python {version}, which neither pyenv nor the PATH has.")
    print(row("Python", "mode", "machine", *SHOWN, "result", "seconds"), flush=True)
    passed = [
        run(Environment(version, found[version], mode, machine))
        for version in wanted
        if version in found
        for machine in MACHINES
        if machine.name in (asked.machine or [machine.name])
        for mode in asked.mode or MODES
    ]
    return 0 if passed and all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
