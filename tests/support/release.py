"""A release, made and tried, up to but without the upload.

    make release        leaves the source distribution and the wheel in dist/

What is built is the last commit, in a folder of its own: a stale build/ or a file that is not committed can't get in.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"


class NotAReleaseError(Exception):
    """Why this is no release."""


def said_by(*command: str | Path, folder: Path = ROOT) -> str:
    # A PYTHONPATH of the user's would be tried in place of the wheel.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, cwd=folder, env=inherited)
    if done.returncode:
        raise NotAReleaseError("\n".join([" ".join(map(str, command)), *(done.stdout + done.stderr).strip().splitlines()[-20:]]))
    return done.stdout


def assert_committed() -> None:
    if changes := said_by("git", "status", "--porcelain").splitlines():
        raise NotAReleaseError("\n".join(["commit or remove these first:", *changes]))


def section(changelog: str, name: str) -> str | None:
    """The text below a heading such as "## 0.1.0 - 2026-01-31"; None where there is no such heading."""
    found = re.search(rf"^## \[?{re.escape(name)}\]?(?![\w.]).*\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    return found[1].strip() if found else None


def assert_in_changelog(version: str) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if not section(changelog, version):
        raise NotAReleaseError(f"CHANGELOG.md has nothing about {version}; give it a section `## {version} - DATE`.")
    if section(changelog, "Unreleased"):
        print(f"Note: CHANGELOG.md has changes under Unreleased. Those that are in {version} belong in its section.")


def committed(folder: Path) -> Path:
    """A copy of the last commit."""
    archive = folder / "commit.tar"
    said_by("git", "archive", "--output", archive, "HEAD")
    shutil.unpack_archive(archive, folder / "commit")
    return folder / "commit"


def build(what: str, source: Path, folder: Path) -> Path:
    said_by(sys.executable, "-m", "build", f"--{what}", "--outdir", folder, source)
    (built,) = folder.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return built


def contents(wheel: Path) -> dict[str, str]:
    """sha256 of every file in a wheel. RECORD has the same."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def assert_same_from_source(source: Path, wheel: Path, folder: Path) -> None:
    """The source distribution lacks nothing: a wheel built from it is the wheel built from the commit."""
    shutil.unpack_archive(source, folder / "source")
    (unpacked,) = (folder / "source").iterdir()
    ours, theirs = contents(wheel), contents(build("wheel", unpacked, folder / "again"))
    if different := sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)):
        raise NotAReleaseError("\n".join([f"a wheel from {source.name} has other files than one from the commit:", *different]))


def tried(wheel: Path, folder: Path) -> str:
    """Install the wheel where nothing else is, and open it. Returns what it showed."""
    environment = folder / "environment"
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    said_by(scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    logs = folder / "logs"
    logs.mkdir()
    if "compare" not in said_by(scripts / "tb-xai", "--help", folder=logs):
        raise NotAReleaseError("`tb-xai --help` of the installed wheel does not name its commands.")
    place, served = said_by(scripts / "python", ROOT / "tests" / "support" / "serve_once.py", logs, folder=logs).strip().splitlines()[-2:]
    if not Path(place).is_relative_to(environment):
        raise NotAReleaseError(f"what was tried is {place}, not the wheel.")
    return served


def release() -> None:
    assert_committed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commit = committed(folder)
        source = build("sdist", commit, folder / "dist")
        wheel = build("wheel", commit, folder / "dist")
        version = wheel.name.split("-")[1]
        assert_in_changelog(version)
        said_by(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
        assert_same_from_source(source, wheel, folder)
        shown = tried(wheel, folder)
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(folder / "dist", DIST)
    said = said_by("git", "log", "-1", "--format=%h %s").strip()
    print(f"tb_xai_plugin {version} of {said}")
    for path in sorted(DIST.iterdir()):
        print(f"  dist/{path.name}  {path.stat().st_size / 1024:,.0f} KB  sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    print(f"  {len(contents(DIST / wheel.name))} files in the wheel; the same from the source distribution. twine has nothing to add.")
    print(f"  Installed alone: it imports, `tb-xai --help` answers, TensorBoard serves {shown}.")
    print("Nothing was uploaded. To do so: python -m twine upload dist/*")


if __name__ == "__main__":
    try:
        release()
    except NotAReleaseError as refused:
        sys.exit(f"No release: {refused}")
