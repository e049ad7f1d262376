"""Every block of Python in README.md and docs/ runs, one page after the other in one namespace; commands are run or at least known; outputs are as printed."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from pages import PAGES, ROOT, called
from sybil import Document, Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.myst import CodeBlockParser

from tb_xai_plugin.cli import main

# The pages say the same on every Python.
pytestmark = pytest.mark.slow

MOST_WIDE = 100  # as docs/_static/wide.css has it

# Commands of other projects, and those that take long or change the machine.
OF_OTHERS = {"cd", "git", "pip", "python", "tensorboard"}


# What a page needs that is not always there, {module: what to install}.
NEEDS = {
    "docs/custom-loops.md": {"lightgbm": "lightgbm", "mlflow": "mlflow-skinny", "xgboost": "xgboost-cpu"},
    "docs/pruning.md": {"torch": "torch"},
    "docs/torch.md": {
        "torch": "torch",
        "lightning": "lightning",
        "transformers": "transformers[torch]",
        "accelerate": "transformers[torch]",
    },
}


class Page:
    """What the blocks of one page have in common."""

    def __init__(self) -> None:
        self.printed = ""
        self.run = PythonEvaluator()

    def python(self, example: Example) -> None:
        """Run it, and keep what it prints for the block of text that follows."""
        out = io.StringIO()
        with redirect_stdout(out):
            self.run(example)
        self.printed = out.getvalue()

    def text(self, example: Example) -> str | None:
        return difference(example.parsed, self.printed)

    def console(self, example: Example) -> str | None:
        commands = re.split(r"^\$ ", example.parsed, flags=re.MULTILINE)
        assert not commands[0], f"a block of commands begins with {commands[0]!r}; begin each with '$ '"
        return "\n".join(filter(None, map(self.command, commands[1:]))) or None

    def command(self, block: str) -> str | None:
        """Run one of ours, with what it should print below it; of others see that they can be meant."""
        line, _, expected = block.partition("\n")
        program, *arguments = shlex.split(line, comments=True)
        if program == "tb-xai":
            out = io.StringIO()
            with redirect_stdout(out):
                assert main(arguments) == 0, f"{line} failed"
            return difference(expected, out.getvalue()) if expected.strip() else None
        if program == "make":
            targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            assert arguments[0] in targets, f"{line}: the Makefile has {targets}"
            return None
        assert program in OF_OTHERS, f"{line}: an unknown command"
        script = next((each for each in arguments if each.endswith(".py")), None)
        assert script is None or (ROOT / script).is_file(), f"{line}: there is no {script}"
        return None


def difference(expected: str, printed: str) -> str | None:
    """What is wrong with an output in a page: numbers may be others on another machine, and a line "…" stands for any lines."""
    pattern = "\n".join(".*" if line == "…" else re.escape(line) for line in plain(expected))
    if re.fullmatch(pattern, "\n".join(plain(printed)), re.DOTALL):
        return None
    return f"the page says\n{expected}\nand it prints\n{printed}"


def plain(text: str) -> list[str]:
    """Lines without their numbers, and without the width of columns."""
    return [re.sub(r"\s+", " ", re.sub(r"\d[\d.]*\d|\d", "0", line)).strip().replace("[ ", "[") for line in text.strip().splitlines()]


def parsed(path: Path) -> Document:
    page = Page()
    languages = {"python": page.python, "text": page.text, "console": page.console}
    return Sybil([CodeBlockParser(language, evaluator) for language, evaluator in languages.items()], path=str(ROOT)).parse(path)


@pytest.mark.parametrize("path", PAGES, ids=called)
def test_the_code_of_a_page_does_what_the_page_says(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, package in NEEDS.get(called(path), {}).items():
        pytest.importorskip(module, reason=f"{module} is not installed; install {package!r}")
    monkeypatch.chdir(tmp_path)
    for example in parsed(path).examples():
        example.evaluate()


def test_no_block_of_code_is_left_out() -> None:
    """A block in a language that nobody runs, or a fence that the parser does not see, would stay as it is for ever."""
    for path in PAGES:
        fences = re.findall(r"^ *```(\w.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences) <= {"python", "text", "console"}, called(path)
        visible = [example for example in parsed(path).examples() if "invisible" not in document_line(path, example.line)]
        assert len(visible) == len(fences), called(path)


def test_code_is_no_wider_than_the_page() -> None:
    blocks = [example for path in PAGES for example in parsed(path).examples() if example.region.lexemes["arguments"] == "python"]
    assert [line for block in blocks for line in str(block.parsed).splitlines() if len(line) > MOST_WIDE] == []


def document_line(path: Path, line: int) -> str:
    return path.read_text(encoding="utf-8").splitlines()[line - 1]
