"""What users install: the wheel, a plain and an editable installation, and what importing costs."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import entry_points, requires
from pathlib import Path

import pytest
from support.records import FRONTEND, ROOT, FakeRun, Serve, run_python

import tb_xai_plugin
from tb_xai_plugin import loader
from tb_xai_plugin.cli.main import COMMANDS
from tb_xai_plugin.records import wire
from tb_xai_plugin.serving.plugin import XaiPlugin

pytestmark = pytest.mark.slow  # starts a Python for every module

VENDOR = FRONTEND / "vendor"


# Installing


@pytest.fixture(params=["wheel", "plain", "editable"])
def installed(request: pytest.FixtureRequest, sources: Path) -> Path:
    """The python of an environment that has the package in one of three ways."""
    if request.param == "wheel":
        return request.getfixturevalue("viewer")
    make: Callable[..., Path] = request.getfixturevalue("clean_environment")
    return make(sources) if request.param == "plain" else make("--editable", sources)


def page(frontend: Path) -> list[str]:
    """What the page is made of."""
    return sorted(path.relative_to(frontend).as_posix() for path in frontend.rglob("*") if path.suffix in (".js", ".css"))


def test_every_way_of_installing_serves_the_page_and_the_numbers(
    installed: Path, sources: Path, tensorboard: Serve, tmp_path: Path
) -> None:
    run = FakeRun(tmp_path / "logs" / "run").write([0, 1])
    server = tensorboard("--logdir", tmp_path / "logs", python=installed, tensorflow=True)
    server.wait_for_epochs("run/xai", 2)
    assert server.xai("values", run="run/xai", explainer="shap", **{"class": 0}).arrays["values"].shape == (2, 3, 5)
    assert "static/index.js" in server.get("data/plugin_entry.html", name="xai").text
    for name in page(sources / "frontend"):
        reply = server.xai(f"static/{name}")
        assert (reply.status, reply.body) == (200, (sources / "frontend" / name).read_bytes()), name
        assert reply.type == ("text/css" if name.endswith(".css") else "text/javascript"), name
    assert "Traceback" not in server.log
    assert run.steps == [0, 1]


def test_the_wheel_has_the_page_the_types_marker_and_the_api_and_nothing_else(wheel: Path, sources: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert {f"tb_xai_plugin/frontend/{name}" for name in page(sources / "frontend")} <= names
    assert {"tb_xai_plugin/py.typed", "tb_xai_plugin/serving/http_api.md", "tb_xai_plugin/frontend/vendor/README.md"} <= names
    modules = {path.relative_to(sources).as_posix() for path in (sources / "tb_xai_plugin").rglob("*.py")}
    assert modules <= names
    licences = {f"tb_xai_plugin/frontend/vendor/{path.name}" for path in (sources / "frontend" / "vendor").glob("*LICENSE*")}
    assert licences <= names
    assert not {name for name in names if not name.startswith("tb_xai_plugin/")}, "tests and benchmarks stay at home"
    assert {f"tb_xai_plugin/cli/schemas/{command}-1.json" for command in COMMANDS} <= names
    assert not {name for name in names if name.endswith((".d.ts", ".pyc")) or (name.endswith(".json") and "/schemas/" not in name)}


def test_viewing_requires_tensorboard_numpy_and_werkzeug_only() -> None:
    always = {re.match(r"[\w-]+", line)[0] for line in requires("tb_xai_plugin") if "extra ==" not in line}
    assert always == {"tensorboard", "numpy", "werkzeug"}


def test_tensorboard_finds_the_loader_by_its_entry_point() -> None:
    (found,) = {(point.name, point.value) for point in entry_points(group="tensorboard_plugins") if point.value.startswith("tb_xai_plugin")}
    assert found == ("xai", "tb_xai_plugin.loader:XaiLoader")


def test_the_version_is_one(wheel: Path) -> None:
    assert wheel.name.startswith(f"tb_xai_plugin-{tb_xai_plugin.__version__}-py3-none-any")


# Vendored files


def vendored() -> list[tuple[str, str]]:
    """(file, sha256) of the table in vendor/README.md."""
    text = (VENDOR / "README.md").read_text(encoding="utf-8")
    assert "| file | package | version | licence | sha256 |" in text
    return re.findall(r"^\| (\S+) \| \S+ \| \d\S* \| \S+ \| ([0-9a-f]{64}) \|$", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "digest"), vendored(), ids=lambda value: value[:16])
def test_a_vendored_file_is_the_published_one(name: str, digest: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_is_in_the_table() -> None:
    ours = {"README.md", *(path.name for path in VENDOR.glob("*.d.ts")), "__pycache__", "__init__.py"}
    assert {path.name for path in VENDOR.iterdir()} - ours == {name for name, _ in vendored()}


def test_every_vendored_package_has_its_licence() -> None:
    packages = {name.split(".")[0] for name, _ in vendored()}
    assert {f"{package}.LICENSE" for package in packages} <= {name for name, _ in vendored()}


def test_the_page_asks_no_other_origin() -> None:
    # TensorBoard's content security policy would refuse it.
    for name in page(FRONTEND):
        text = (FRONTEND / name).read_text(encoding="utf-8")
        assert not re.search(
            r"""(?:\b(?:import|from)\s*\(?\s*["'`]|\bfetch\(\s*["'`]|\burl\(\s*["']?|\bsrc\s*=\s*["'`])(?:https?:)?//""", text
        ), name


# What importing costs


def imported_by(code: str, folder: Path, python: str | Path = sys.executable) -> set[str]:
    """Names in sys.modules after a piece of code."""
    lines = run_python(python, f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))", folder=folder)
    return set(json.loads(lines.splitlines()[-1]))


HEAVY = {"tensorflow", "keras", "sklearn", "skimage", "scipy", "pandas", "matplotlib", "lime", "shap", "torch", "jax"}


def test_importing_the_package_imports_nothing_heavy(tmp_path: Path) -> None:
    assert not imported_by("import tb_xai_plugin", tmp_path) & {*HEAVY, "numpy", "tensorboard", "werkzeug", "google.protobuf"}


def test_the_loader_imports_tensorboards_base_plugin_and_nothing_else_of_weight(tmp_path: Path) -> None:
    base = imported_by("from tensorboard.plugins import base_plugin", tmp_path)
    added = imported_by("from tb_xai_plugin.loader import XaiLoader", tmp_path) - base
    ours = {"tb_xai_plugin", "tb_xai_plugin.loader", "tb_xai_plugin.version"}
    assert ours <= added
    assert {name.partition(".")[0] for name in added - ours} <= sys.stdlib_module_names


def test_all_modules_but_those_for_frameworks_are_imported_without_tensorflow_and_keras(tmp_path: Path) -> None:
    package = ROOT / "tb_xai_plugin"
    files = [file.relative_to(ROOT) for file in sorted(package.rglob("*.py")) if not file.is_relative_to(package / "frontend")]
    names = [".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files]
    of_frameworks = {f"tb_xai_plugin.integrations.{name}" for name in ("lightgbm", "lightning", "mlflow", "transformers", "xgboost")}
    of_frameworks |= {"tb_xai_plugin.training.callback", "tb_xai_plugin.models.gradients"}
    first = "\n".join(f"import {name}" for name in names if name not in of_frameworks)
    assert not imported_by(first, tmp_path) & HEAVY


def imports_of(room: str) -> dict[str, set[str]]:
    """{file: top-level packages and rooms that it imports, inside functions too}, of every module of a room."""
    package = ROOT / "tb_xai_plugin"
    files = sorted((package / room).rglob("*.py")) if (package / room).is_dir() else [package / f"{room}.py"]
    pattern = re.compile(r"^\s*(?:from|import) (tb_xai_plugin\.\w+|\w+)", re.MULTILINE)
    return {file.relative_to(package).as_posix(): set(pattern.findall(file.read_text(encoding="utf-8"))) for file in files}


@pytest.mark.parametrize("room", ["probes", "games", "models", "explainers", "engine", "records", "training"])
def test_training_does_not_import_what_serves(room: str) -> None:
    assert {name: found for name, each in imports_of(room).items() if (found := each & {"werkzeug", "tb_xai_plugin.serving"})} == {}


def test_frameworks_are_named_in_models_and_by_the_callback_that_keras_calls() -> None:
    rooms = ("probes", "games", "explainers", "engine", "records", "judgement", "run", "training", "reports", "gates", "cli", "serving")
    named = {name for room in rooms for name, each in imports_of(room).items() if each & {"keras", "tensorflow", "jax", "torch"}}
    assert named == {"training/callback.py"}


def test_both_sides_have_one_plugin_name() -> None:
    assert loader.PLUGIN_NAME == wire.PLUGIN_NAME == XaiPlugin.plugin_name == "xai"


# Without TensorFlow


def test_a_record_is_read_where_tensorflow_is_not_installed(viewer: Path, tmp_path: Path) -> None:
    run = FakeRun(tmp_path / "run").write([-1, 0, 1])
    code = f"""
import importlib.util, json, tb_xai_plugin as xai
assert all(importlib.util.find_spec(name) is None for name in ("tensorflow", "keras", "skimage", "pandas"))
run = xai.read_run({str(run.log_dir)!r})
assert list(xai.read_runs({str(tmp_path)!r})) == ["run"]
print(json.dumps([run.steps.tolist(), float(run.values("shap")[1, 0, 0, 0]), run.drift("shap").shape, run.region_share("shap", "left").shape]))
"""
    steps, value, drift, share = json.loads(run_python(viewer, code, folder=tmp_path))
    assert (steps, drift, share) == ([0, 1], [2, 3], [2, 3])
    assert value == run.truth[1].values["shap"][0, 0, 0]


def test_runs_are_compared_on_the_command_line_where_tensorflow_is_not_installed(viewer: Path, tmp_path: Path) -> None:
    for name in "ab":
        FakeRun(tmp_path / name, seed=1).write([-1, 0, 1])
    command = viewer.parent / ("tb-xai.exe" if sys.platform == "win32" else "tb-xai")
    done = subprocess.run([command, "compare", tmp_path / "a", tmp_path / "b"], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "A a" in done.stdout
    assert "B b" in done.stdout
    for arguments in (["show"], ["summary"], ["check", "--rule", "share(left) < 2"]):
        done = subprocess.run([command, *arguments, tmp_path], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), arguments


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("xai.ExplanationLogger", "keras"),
        ("xai.read_run(path).to_dataframe()", "pandas"),
        ("xai.ImageProbes(np.random.default_rng(0).random((2, 64, 64)), segments='slic')", "scikit-image"),
        ("xai.ImageProbes(np.random.default_rng(0).random((2, 8, 8)), baseline='blur')", "scikit-image"),
    ],
)
def test_what_is_not_installed_is_named_with_what_to_install(code: str, word: str, viewer: Path, tmp_path: Path) -> None:
    FakeRun(tmp_path / "run").write([0])
    program = f"""
import numpy as np, tb_xai_plugin as xai
path = {str(tmp_path / "run")!r}
try:
    {code}
except ImportError as error:
    print(error)
"""
    said = run_python(viewer, program, folder=tmp_path)
    assert word in said
    assert "pip install" in said


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    root = Path(__file__).parent.parent
    links = []
    for document in [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("tb_xai_plugin/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text(encoding="utf-8")):
            if not link.startswith("http"):
                links.append(document.parent / link)
    assert len(links) >= 4
    assert [str(link) for link in links if not link.exists()] == []
