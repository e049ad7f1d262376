"""Fixtures: real TensorBoard processes, a real browser, and clean environments that have the package as users install it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, Error, FrameLocator, Page, expect, sync_playwright
from support.browsing import Open, is_complaint, stand_in
from support.records import ROOT, FakeRun, Serve, TensorBoard, serving

# A machine that has other work to do draws a page slowly; what is right is there sooner.
expect.set_options(timeout=20_000)

# What a unit test does without: a browser, a TensorBoard process, a package index.
OUTSIDE = {"browser", "tensorboard", "package_index"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the unit tests, wherever their files lie: by the fixtures they use. A test that is marked `slow` is none. Files with others come first."""
    for item in items:
        if OUTSIDE.isdisjoint(getattr(item, "fixturenames", ())) and not item.get_closest_marker("slow"):
            item.add_marker("unit")
    # They take longest: at the end, one process would work on them alone.
    long = {item.path for item in items if not item.get_closest_marker("unit")}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show what TensorBoard said, where a test that started it fails."""
    report = yield
    started = getattr(item, "tensorboards", ())
    if report.failed:
        report.sections += [("TensorBoard's log", process.log) for process in started]
    return report


@pytest.fixture
def tensorboard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Serve]:
    """Start TensorBoard: tensorboard("--logdir", folder, python=…, environment={…}). It ends with the test."""
    request.node.tensorboards = []
    with contextlib.ExitStack() as stack:

        def start(*arguments: str | Path, **options: Any) -> TensorBoard:
            process = stack.enter_context(serving(tmp_path / "tensorboard", *map(str, arguments), **options))
            request.node.tensorboards.append(process)
            return process

        yield start


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium: the machine's own, else the one that Playwright brought."""
    own = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=own, args=["--no-sandbox", "--disable-gpu"])
        except Error as error:
            pytest.skip(f"no Chromium: install it, or run `playwright install chromium` ({error.message.splitlines()[0]})")
        yield chromium
        chromium.close()


@pytest.fixture
def open_tab(browser: Browser) -> Iterator[Open]:
    """open_tab(server, "probe=1&epoch=3", dark=True): a page and the tab in its frame.

    Around the frame is a page that stands for TensorBoard's, which takes two seconds more to open; whole=True is TensorBoard's own. alone=True is no frame.
    At the end of the test there must have been no error in the browser's console: the content security policy reports there.
    """
    complaints: list[str] = []
    pages: list[Page] = []

    def start(
        server: TensorBoard, state: str = "", *, dark: bool = False, whole: bool = False, alone: bool = False, errors: bool = False
    ) -> tuple[Page, FrameLocator]:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        pages.append(page)
        if not errors:
            page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        fields = [
            f"p.xai.{name}={quote(value, safe='')}" for name, value in (pair.split("=", 1) for pair in filter(None, state.split("&")))
        ]
        hash_ = "#" + "&".join(["xai", *fields])
        path = "/data/plugin_entry.html?name=xai" if alone else f"/?darkMode={'true' if dark else 'false'}"
        if not whole and not alone:
            page.route(server.url + path, lambda route: route.fulfill(body=stand_in(dark), content_type="text/html"))
        page.goto(server.url + path + hash_)
        return page, page.frame_locator('iframe[src*="name=xai"]')

    yield start
    for page in pages:
        page.close()
    assert complaints == []


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TensorBoard]:
    """TensorBoard with runs a and b of 6 epochs and the untrained models."""
    logdir = tmp_path_factory.mktemp("logs")
    FakeRun(logdir / "a").write(range(-1, 6))
    other = FakeRun(logdir / "b")
    other.rng = np.random.default_rng(1)
    other.write(range(-1, 6))
    with serving(tmp_path_factory.mktemp("tensorboard"), "--logdir", str(logdir)) as process:
        for name in "ab":
            process.wait_for_epochs(f"{name}/xai", 6)
        yield process


@pytest.fixture(scope="session")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> FakeRun:
    """300 epochs and the untrained model, in <logdir>/long. Read-only."""
    return FakeRun(tmp_path_factory.mktemp("logdir") / "long").write(range(-1, 300))


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository as it is now: building leaves files behind."""
    copy = tmp_path_factory.mktemp("sources") / "tb_xai_plugin"
    unwanted = shutil.ignore_patterns(".*", "node_modules", "build", "dist", "logs", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=unwanted)
    return copy


def pip(*arguments: str | Path, python: Path | None = None) -> None:
    """This environment's pip, for any environment."""
    into = ["--python", str(python)] if python else []
    command = [sys.executable, "-m", "pip", *into, *map(str, arguments), "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


@pytest.fixture(scope="session")
def package_index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip where no package can be downloaded."""
    try:
        pip("download", "--no-deps", "--dest", tmp_path_factory.mktemp("index"), "werkzeug")
    except AssertionError:
        pytest.skip("pip reaches no package index here; connect to PyPI, or set PIP_INDEX_URL to a mirror, to run this test.")


@pytest.fixture(scope="session")
def wheel(sources: Path, package_index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", sources, "--no-deps", "--wheel-dir", folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def clean_environment(package_index: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """The python of a new virtual environment that has only what `pip install <arguments>` puts there."""
    with contextlib.ExitStack() as stack:

        def make(*arguments: str | Path) -> Path:
            folder = tmp_path_factory.mktemp("environment")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)  # 200 MB that pytest would keep for three sessions
            venv.create(folder, with_pip=False)
            (python,) = [path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists()]
            pip("install", *arguments, python=python)
            return python

        yield make


@pytest.fixture(scope="session")
def viewer(wheel: Path, clean_environment: Callable[..., Path]) -> Path:
    """The python of a viewing machine: the wheel and what it requires; no TensorFlow."""
    return clean_environment(wheel)


@pytest.fixture(scope="session")
def startup_trick(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], dict[str, str]]:
    """Environment variables under which a process fails to import the modules named."""

    def block(modules: Sequence[str]) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("trick")
        (folder / "sitecustomize.py").write_text(BLOCKER.format(modules=tuple(modules)), encoding="utf-8")
        return {"PYTHONPATH": str(folder)}

    return block


BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked by a test)", name=name)

sys.meta_path.insert(0, Blocker())
"""
