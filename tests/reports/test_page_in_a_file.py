"""The file of a report has the replies of TensorBoard's server, byte for byte, and the page's modules, and asks for nothing else."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.records import FRONTEND, FakeRun
from support.server import Server

from tb_xai_plugin.cli.main import main
from tb_xai_plugin.errors import ArgumentError
from tb_xai_plugin.reports import archive, html, page
from tb_xai_plugin.reports.sources import sources_of


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs a and b that can be compared, the folder deep/c with other players, and two probe sets in b."""
    folder = tmp_path_factory.mktemp("logs")
    for seed, name in enumerate(("a", "b")):
        run = FakeRun(folder / name, interacting=("shap",))
        run.rng.bit_generator.advance(seed)
        run.write(range(-1, 2))
    FakeRun(folder / "b", probe_set="second", explainers=("lime",)).write(range(2))
    FakeRun(folder / "deep" / "c", players=(2, 3)).write(range(2))
    return folder


@pytest.fixture(scope="module")
def text(logdir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert main(["export", str(logdir), "--to", str(path)]) == 0
    return path.read_text(encoding="utf-8")


def part(text: str, name: str) -> str:
    return re.search(rf'<script[^>]* id="{name}">(.*?)</script>', text, re.DOTALL)[1]


def unpacked(packed: str) -> bytes:
    return gzip.decompress(base64.b64decode(packed))


def replies(text: str) -> list[tuple[str, dict[str, str], bytes | str]]:
    bodies = json.loads(part(text, "bodies"))
    requests = json.loads(unpacked(part(text, "requests")))["requests"]
    return [(route, given, unpacked(bodies[place]) if isinstance(place, int) else place) for route, given, place in requests]


def without_version(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_version(part) for key, part in value.items() if key not in ("version", "pairs")}
    return [without_version(part) for part in value] if isinstance(value, list) else value


def test_every_reply_in_the_file_is_the_servers(logdir: Path, text: str):
    server, routes = Server(logdir), set()
    for route, given, body in replies(text):
        reply = server.get(route, given)
        routes.add(route)
        if isinstance(body, str):
            assert (reply.status_code, reply.text) in ((400, body), (404, body)), (route, given)
        elif reply.mimetype == "application/json":
            assert without_version(json.loads(body)) == without_version(reply.get_json()), (route, given)
        else:
            assert body == reply.data, (route, given)
    assert routes == {name.removeprefix("/") for name in server.plugin.get_plugin_apps() if not name.startswith("/static/")} - {
        "importance"
    }


def test_the_file_names_nothing_outside_itself(text: str):
    head = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert re.findall(r"""(?:src|href|action|url)\s*[=(]\s*["']?([^"'\s>)]*)""", head) == ["data:,"]
    assert len(re.findall("<script", text)) == len(re.findall("</script>", text)) == 5
    for path, module in json.loads(unpacked(part(text, "files"))).items():
        assert "@import" not in module or not path.endswith(".css"), path
        assert not re.search(r"url\((?!\s*[\"']?(?:data:|#))", module) or not path.endswith(".css"), path


def test_modules_name_each_other_by_names_that_are_all_there():
    files = page.modules()
    sources = {path.relative_to(FRONTEND).as_posix() for path in FRONTEND.rglob("*") if path.suffix in (".js", ".css")}
    assert set(files) == sources - {"index.js", "boot.js"}
    for path, text in files.items():
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        named = re.findall(r"""\b(?:from|import)\s*\(?\s*["']((?:xai/|\.)[^"']+)["']""", code) if path.endswith(".js") else []
        assert {name for name in named if name.removeprefix("xai/") not in files} == set(), path
        assert "vendor" in path or len(named) >= len(re.findall(r"^import .*? from ", code, re.MULTILINE)), path


def test_the_same_records_make_the_same_file(logdir: Path, tmp_path: Path):
    for name in ("once.html", "again.html"):
        assert main(["export", str(logdir / "a"), "--to", str(tmp_path / name)]) == 0
    assert (tmp_path / "once.html").read_bytes() == (tmp_path / "again.html").read_bytes()


def test_names_of_runs_are_text_in_the_file(tmp_path: Path):
    run = FakeRun(tmp_path / "<script>alert(1)<" / "script>").write(range(2))
    assert main(["export", str(run.log_dir), "--to", str(tmp_path / "report.html")]) == 0
    assert "alert(1)" not in re.sub(r"&lt;.*?&gt;", "", (tmp_path / "report.html").read_text(encoding="utf-8"))


def test_a_file_keeps_to_its_limit_where_what_is_vital_does(logdir: Path, tmp_path: Path):
    def size(limit: float) -> tuple[int, list[str]]:
        size, absent = html.write(sources_of([str(logdir / "a")]), tmp_path / "report.html", limit)
        assert (tmp_path / "report.html").stat().st_size == size
        return size, absent

    (least, some), (most, nothing) = size(0.001), size(5)
    between, less = size((least + most) / 2e6)
    assert least < between <= (least + most) / 2 < most
    assert len(some) > len(less) > len(nothing) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "--to", "report.html"], "export: there is no directory 'nowhere'"),
        ([".", "--to", "report.html"], "export: no explanations in '.'"),
        (["runs", "--to", "report.docx"], "export: --to 'report.docx' ends with none of .html"),
        (["runs", "--to", "nowhere/report.html"], "export: there is no directory"),
        (["runs", "--to", "report.html", "--limit", "0"], "export: --limit is 0; give a number of MB above 0."),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path if arguments[0] == "runs" else tmp_path / "empty")
    if arguments[0] == "runs":
        FakeRun(tmp_path / "runs" / "a").write(range(2))
    assert main(["export", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_records_that_no_browser_opens_are_refused_before_the_work(logdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archive, "MOST_BYTES", 2**10)
    with pytest.raises(ArgumentError, match="give fewer runs"):
        html.write(sources_of([str(logdir)]), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
