"""tb-xai check: exit codes, and what other programs read of it, read by programs of others where there are any."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from junitparser import JUnitXml
from support.analysed import given_run, noisy_series
from support.records import ROOT, FakeRun

import tb_xai_plugin as xai
from tb_xai_plugin import cli
from tb_xai_plugin.cli import show
from tb_xai_plugin.cli.main import COMMANDS
from tb_xai_plugin.cli.reply import reply
from tb_xai_plugin.gates import forms
from tb_xai_plugin.probes import ImageProbes
from tb_xai_plugin.reports.sources import sources_of
from tb_xai_plugin.reports.summary import rows_of

pytestmark = pytest.mark.viewing

RULES = ("share('0,0,8,4') < 0.5", "onset('0,0,8,4') == never", "val_accuracy > 0.4", "share('0,0,8,4') < 0.1005")


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may run in GitHub Actions themselves."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """honest keeps a share of 0.1 on the upper half, shortcut grows to 0.9."""
    folder = tmp_path_factory.mktemp("logs")

    def lying_on(share: float) -> np.ndarray:
        values = np.full((4, 8), (1 - share) / 4)
        values[:, :4] = share / 4
        return values

    given_run(folder / "honest", noisy_series(lying_on(0.1), 6), errors=0.002, accuracy=[0.5] * 6)
    given_run(folder / "shortcut", [lying_on(share) for share in (0.1, 0.1, 0.5, 0.9, 0.9, 0.9)], errors=0.002, accuracy=[0.5] * 6)
    return folder


def arguments(logdir: Path, *rules: str) -> list[str]:
    return ["check", str(logdir), *(part for rule in rules for part in ("--rule", rule))]


def test_the_exit_code_says_whether_rules_hold(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments(logs / "honest", RULES[0])) == 0
    assert cli.main(arguments(logs / "shortcut", RULES[0])) == 1
    assert cli.main(arguments(logs, *RULES)) == 1
    assert cli.main(arguments(logs, "share(nowhere) < 1", *RULES)) == 2
    out = capsys.readouterr().out
    assert re.search(r"^passes +honest +share\('0,0,8,4'\) < 0.5 +0.1", out, re.MULTILINE)
    assert re.search(r"^fails +shortcut +share\('0,0,8,4'\) < 0.5 +0.9", out, re.MULTILINE)
    assert out.endswith("fail, 2 with a mistake.\n")
    assert cli.main(arguments(logs, "share(left < 1")) == 2
    captured = capsys.readouterr()
    assert captured.out == "", "a text that is no rule is told before anything is read"
    assert captured.err.startswith("tb-xai: here stands '<', where ',' or ')' is expected.\n    share(left < 1\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "check needs a rule"),
        (["--rules", "nowhere.txt"], "the file of rules 'nowhere.txt' can't be read"),
        (["--rule", "epochs > 1", "--run", "hones"], "there is no run 'hones'; there are honest, shortcut"),
        (["--rule", "epochs > 1", "--reference", "nowhere"], "there is no directory 'nowhere'"),
        (["--rule", "epochs > 1", "--set", "other"], "no probe set 'other'"),
    ],
)
def test_mistakes_are_one_sentence(options: list[str], sentence: str, logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(logs), *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("tb-xai: ")
    assert sentence in captured.err
    assert captured.err.count("\n") == 1


def test_rules_come_from_files_too(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.txt").write_text("# of the image\n\nepochs == 6   # all of them\nshare('0,0,8,8#') < 1\n", encoding="utf-8")
    assert cli.main(["check", str(logs), "--rules", str(tmp_path / "rules.txt"), "--run", "honest"]) == 2
    captured = capsys.readouterr()
    assert re.search(r"^passes +honest +epochs == 6 +6$", captured.out, re.MULTILINE)
    assert "no region '0,0,8,8#'" in captured.out, "what stands in quotes is no comment"


def test_strict_lets_nothing_pass_within_noise(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    share = json_of(["check", str(logs / "honest"), "--rule", "share('0,0,8,4') < 1", "--json"], capsys)["outcomes"][0]["value"]
    rule = f"share('0,0,8,4') < {share + 1e-5}"
    assert cli.main(arguments(logs / "honest", rule)) == 0
    assert "passes within noise" in capsys.readouterr().out
    assert cli.main([*arguments(logs / "honest", rule), "--strict"]) == 1


# Other programs


def test_an_epoch_is_never_and_another_number_infinite(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "logs"
    FakeRun(folder / "a").write([0], logs={"loss": np.inf, "gain": -np.inf})
    FakeRun(folder / "b").write([0], logs={"loss": 1.0, "gain": 1.0})
    found = json_of([*arguments(folder, "loss > 5", "gain > 5"), "--run", "a", "--json"], capsys)
    jsonschema.validate(found, schema_of("check"), jsonschema.Draft202012Validator)
    assert [(one["value"], one["outcome"]) for one in found["outcomes"]] == [("infinite", "passes"), ("-infinite", "fails")]
    cli.main([*arguments(folder, "loss > 5", "gain > 5"), "--run", "a"])
    assert re.search(r"loss > 5 +inf .*\n.*gain > 5 +-inf ", capsys.readouterr().out)
    found = json_of([*arguments(logs / "honest", RULES[1]), "--json"], capsys)
    assert [one["value"] for one in found["outcomes"]] == ["never"]


def json_of(command: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    cli.main(command)
    return json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_junit_is_read_by_a_reader_of_junit(logs: Path, tmp_path: Path) -> None:
    assert cli.main([*arguments(logs, *RULES, "share(nowhere) < 1"), "--junit", str(tmp_path / "new" / "junit.xml")]) == 2
    suites = JUnitXml.fromfile(str(tmp_path / "new" / "junit.xml"))
    found = {(case.classname, case.name): [type(result).__name__ for result in case.result] for suite in suites for case in suite}
    assert {name for name, result in found.items() if result == ["Failure"]} >= {("shortcut", rule) for rule in RULES[:2]}
    assert {name for name, result in found.items() if result == ["Error"]} == {
        (run, "share(nowhere) < 1") for run in ("honest", "shortcut")
    }
    assert found["honest", RULES[0]] == []
    counts = [(suite.name, suite.tests, suite.failures, suite.errors) for suite in suites]
    for suite in suites:
        suite.update_statistics()
    assert counts == [(suite.name, suite.tests, suite.failures, suite.errors) for suite in suites], "as the reader counts them"


def test_junit_is_well_formed_whatever_names_are_made_of(tmp_path: Path) -> None:
    FakeRun(tmp_path / "logs" / "a <b> & \x01 “c”").write([0, 1])
    FakeRun(tmp_path / "logs" / "b").write([0, 1])
    cli.main([*arguments(tmp_path / "logs", 'share("]]>\x02") < 1', "share(left) < -1"), "--junit", str(tmp_path / "junit.xml")])
    assert {suite.name for suite in JUnitXml.fromfile(str(tmp_path / "junit.xml"))} == {"a <b> & � “c”", "b"}


def commands_of(text: str) -> list[tuple[str, dict[str, str], str]]:
    """(command, properties, message) as GitHub's runner reads them; from its description of workflow commands."""
    found = []
    for line in text.splitlines():
        if match := re.fullmatch(r"::(\w+)(?: (.*?))?::(.*)", line):
            properties = dict(part.split("=", 1) for part in (match[2] or "").split(",") if part)
            found.append((match[1], {name: unescaped(value) for name, value in properties.items()}, unescaped(match[3])))
    return found


def unescaped(text: str) -> str:
    for code, sign in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_github_is_told_by_annotations_and_the_step_summary(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("what another step said\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert cli.main(arguments(logs, RULES[0], "share('0,0,8,4', over=max) < 80%")) == 1
    found = commands_of(capsys.readouterr().out)
    assert [(command, properties["title"]) for command, properties, _ in found] == [
        ("error", "fails: share('0,0,8,4') < 0.5"),
        ("error", "fails: share('0,0,8,4', over=max) < 80%"),
    ]
    assert all(re.match(r"shortcut: 0\.9 \(95 %: 0\.\d+ to 0\.\d+\) at epoch 5", message) for _, _, message in found)
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("what another step said\n### ❌ tb-xai check: 4 checks: 2 pass, 2 fail.\n")
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {7}, "as many cells in every row"
    # With --json, standard output is the JSON's alone.
    cli.main([*arguments(logs, RULES[0]), "--json"])
    captured = capsys.readouterr()
    assert json.loads(captured.out)["exit code"] == 1
    assert [command for command, _, _ in commands_of(captured.err)] == ["error"]


def test_github_shows_ten_annotations_and_is_told_how_many_more_there_are(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*arguments(logs / "honest", *(f"epochs > {10 + number}" for number in range(15))), "--github"])
    found = commands_of(capsys.readouterr().out)
    assert len(found) == 10
    assert found[-1][2] == "and 6 more; see the step summary"


def test_cells_of_the_summary_are_text(tmp_path: Path) -> None:
    FakeRun(tmp_path / "logs" / "a|b*c*").write([0, 1])
    FakeRun(tmp_path / "logs" / "b").write([0, 1])
    cli.main([*arguments(tmp_path / "logs", 'share("x|`y`") < 1', "epochs > 9"), "--markdown", str(tmp_path / "summary.md")])
    rows = [line for line in (tmp_path / "summary.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}
    assert any(r"a\|b\*c\*" in row for row in rows)


def test_the_evidence_is_there_when_a_file_can_not_be_written(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert cli.main([*arguments(logs, RULES[0]), "--junit", str(tmp_path / "file" / "junit.xml")]) == 2
    captured = capsys.readouterr()
    assert "fails" in captured.out
    assert re.fullmatch(r"tb-xai: check: '.*junit.xml' can't be written \(.*\); give another path.\n", captured.err)


def test_a_file_that_can_not_be_written_does_not_keep_the_other_from_being_written(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    wrong, summary, junit = str(tmp_path / "file" / "x"), tmp_path / "summary.md", tmp_path / "junit.xml"
    assert cli.main([*arguments(logs, RULES[0]), "--junit", wrong, "--markdown", str(summary)]) == 2
    assert "tb-xai check" in summary.read_text(encoding="utf-8")
    assert cli.main([*arguments(logs, RULES[0]), "--junit", str(junit), "--markdown", wrong]) == 2
    assert junit.is_file()
    capsys.readouterr()
    assert cli.main([*arguments(logs, RULES[0]), "--junit", wrong, "--markdown", wrong]) == 2
    assert capsys.readouterr().err.count("can't be written") == 2, "each is named"


def test_a_reader_that_stops_reading_hides_no_failure(logs: Path, tmp_path: Path) -> None:
    code = "import sys; from tb_xai_plugin.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *arguments(logs, RULES[0]), "--junit", str(tmp_path / "junit.xml")]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert started.stdout is not None
    started.stdout.close()
    assert started.wait(60) == 1
    assert (tmp_path / "junit.xml").is_file()


class NamedByStrangers(FakeRun):
    """A run whose probes, classes and regions have names that are commands of GitHub Actions."""

    def make_probes(self) -> Any:
        made = super().make_probes()
        names = [f"p{number}\n::error::p ##[error]p" for number in range(len(made))]
        classes = [f"c{number}\r::error::c ##[error]c" for number in range(self.classes)]
        regions = {"r\n::error::r ##[error]r": made.regions["left"]}
        return ImageProbes(made.images, made.labels, class_names=classes, names=names, segments=made.segments, baseline=0, regions=regions)


@pytest.mark.parametrize("as_json", [False, True])
def test_names_of_strangers_are_no_commands(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    folder = tmp_path / "logs"
    for seed, name in enumerate(("a\n::error::a ##[error]a", "b")):
        NamedByStrangers(folder / name, seed=0).write(
            range(3), silent=[0] if seed else (), reason="x\n::error::x ##[error]x" if seed else None
        )
    a, b = (str(folder / name) for name in ("a\n::error::a ##[error]a", "b"))
    rules = ("share(nowhere) < 1", "share(left, class=nine) < 1", "noise(over=max, probes=1) < 0", "gaps < 0", "noise < 0", "gaps < 9")
    others = (["show", str(folder)], ["summary", str(folder)], ["compare", a, b], ["compare", b, a, "--region", "0,0,8,4"])
    for command in (arguments(folder, *rules), *others):
        cli.main([*command, *(["--json"] if as_json else [])])
        captured = capsys.readouterr()
        assert captured.out
        assert "##[" not in captured.out + captured.err
        begun = [line.strip() for line in re.split(r"[\r\n]", captured.out + captured.err) if line.strip().startswith("::")]
        allowed = ("::error title=", "::warning title=") if command[0] == "check" else ()
        assert [line for line in begun if not line.startswith(allowed)] == []
        if as_json:
            assert "##[error]" in str(json.loads(captured.out)), "JSON keeps names as they are"


def test_cells_of_the_summary_have_no_entities_and_mention_nobody() -> None:
    assert forms._cell("&lt;img&gt; @someone &#64;") == "&amp;lt;img&amp;gt; @\u200bsomeone &amp;\\#64;"


@pytest.mark.parametrize(
    ("overhead", "words"),
    [
        (None, "3.0 s"),
        (0.031, "3.0 s, 3 % of the training time"),
        (1.99, "3.0 s, 199 % of the training time"),
        (2.0, "3.0 s, 2.0 times the training time"),
        (565.84, "3.0 s, 566 times the training time"),
    ],
)
def test_a_cost_of_several_trainings_is_a_multiple(overhead: float | None, words: str) -> None:
    assert show._cost({"overhead": overhead, "seconds": 3.0}) == words


# JSON


def schema_of(command: str) -> Any:
    return json.loads((files("tb_xai_plugin.cli") / "schemas" / f"{command}-1.json").read_text(encoding="utf-8"))


EXAMPLES: dict[str, Callable[[Path], list[list[str]]]] = {
    "show": lambda logs: [["show", str(logs)], ["show", str(logs / "honest")]],
    "summary": lambda logs: [["summary", str(logs)], ["summary", str(logs), "--region", "0,0,8,4"]],
    "compare": lambda logs: [["compare", str(logs / "honest"), str(logs / name)] for name in ("shortcut", "once", "other")],
    "export": lambda logs: [["export", str(logs / "honest"), "--to", str(logs / f"x.{form}")] for form in ("npz", "md")],
    "check": lambda logs: [arguments(logs, *RULES, "share(nowhere) < 1", "verdict(honest) == same", "drift(untrained, at=every) < 1")],
}


@pytest.fixture(scope="module")
def all_kinds_of_logs(logs: Path) -> Path:
    FakeRun(logs / "once", players=(8,) * 4, explainers=("shap",)).write_returned("once")
    FakeRun(logs / "other", explainers=("shap", "lime"), labels=False, seed=5).write(range(3))
    FakeRun(logs / "gaps", explainers=("shap",)).write(range(2), silent=[0], reason="the model outputs NaN")
    return logs


@pytest.mark.parametrize("command", EXAMPLES)
def test_json_is_as_its_schema_says(command: str, all_kinds_of_logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = schema_of(command)
    jsonschema.Draft202012Validator.check_schema(schema)
    for example in EXAMPLES[command](all_kinds_of_logs):
        found = json_of([*example, "--json"], capsys)
        assert found["schema"] == f"tb-xai/{command}/1"
        jsonschema.validate(found, schema, jsonschema.Draft202012Validator)


def test_every_command_has_a_schema_that_says_whose_it_is() -> None:
    for command in COMMANDS:
        schema = schema_of(command)
        jsonschema.Draft202012Validator.check_schema(schema)
        assert all(form["properties"]["schema"] == {"const": f"tb-xai/{command}/1"} for form in schema.get("oneOf", [schema]))
        assert f"`tb-xai/{command}/1`" in (ROOT / "docs" / "json.md").read_text(encoding="utf-8")


def test_a_schema_refuses_what_it_does_not_name(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of([*arguments(logs, RULES[0]), "--json"], capsys)
    found["outcomes"][0]["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        jsonschema.validate(found, schema_of("check"))


def test_a_reply_is_json_whatever_numbers_it_has() -> None:
    content = {"a": np.float32(0.5), "b": [np.nan, np.inf, -np.inf], "c": np.arange(2), "d": np.array([[np.nan]]), 3: (True, None, "ß")}
    text = reply("test", content)
    expected = {"schema": "tb-xai/test/1", "a": 0.5, "b": [None] * 3, "c": [0, 1], "d": [[None]], "3": [True, None, "ß"]}
    assert json.loads(text, parse_constant=pytest.fail) == expected


def test_records_kept_aside_are_left_out_unless_they_are_named(tmp_path: Path) -> None:
    for name in ("run", "run/earlier-1", "alone/earlier-1"):
        FakeRun(tmp_path / name).write([0])
    kept = {"run", "alone/earlier-1"}
    assert {found.run for found in xai.check(tmp_path, "epochs > 0").outcomes} == kept
    assert {row["run"] for row in rows_of(tmp_path)} == kept
    assert len(sources_of([str(tmp_path)])) == 2
    assert [found.run for found in xai.check(tmp_path, "epochs > 0", only=["run/earlier-1"]).outcomes] == ["run/earlier-1"]
    assert [found.run for found in xai.check(tmp_path / "run" / "earlier-1", "epochs > 0").outcomes] == ["earlier-1"]
    assert len(rows_of(tmp_path / "run" / "earlier-1")) == len(sources_of([str(tmp_path / "run" / "earlier-1")])) == 1
