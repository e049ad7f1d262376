"""The examples of CONTRIBUTING work as they stand, and README's command is one that the command line takes."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pages import ROOT

from tb_xai_plugin.cli import compare
from tb_xai_plugin.explainers import Occlusion
from tb_xai_plugin.explainers.contract import Attribution, Fitted, by_game
from tb_xai_plugin.games.coalitions import LAWS, Design, build_design

# The pages say the same on every Python.
pytestmark = pytest.mark.slow


def block_that_begins(start: str) -> str:
    """An indented block of CONTRIBUTING, without its indent."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    begin = text.index(f"    {start}")
    lines = text[begin:].splitlines()
    end = next(number for number, line in enumerate(lines) if line and not line.startswith("    "))
    return textwrap.dedent("\n".join(lines[:end]))


def test_the_example_of_an_explainer_gives_what_the_one_in_the_package_gives() -> None:
    names = {"dataclass": dataclass, "ClassVar": ClassVar, "np": np, "Design": Design, "Fitted": Fitted}
    names |= {"Attribution": Attribution, "by_game": by_game, "__name__": __name__}
    exec(block_that_begins("@dataclass"), names)
    design = build_design(6, 2**6, LAWS, seed=0)
    outputs = np.random.default_rng(0).normal(size=(len(design.masks), 1, 2))
    example, package = (explainer.fit(design)(outputs) for explainer in (names["Occlusion"](), Occlusion()))
    np.testing.assert_array_equal(example.values, package.values)
    np.testing.assert_array_equal(example.base, package.base)


def test_the_example_of_a_view_has_the_right_types(tmp_path: Path) -> None:
    compiler = ROOT / "node_modules" / ".bin" / "tsc"
    if not compiler.exists():
        pytest.skip("no TypeScript compiler: install Node 20 or newer, then `npm install`")
    shutil.copytree(ROOT / "frontend", tmp_path / "frontend")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    example = block_that_begins("/** The probes that A is least sure of")
    (tmp_path / "frontend" / "views" / "probe" / "uncertain.js").write_text(example, encoding="utf-8")
    (tmp_path / "tsconfig.json").write_text((ROOT / "tsconfig.json").read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run([str(compiler), "--noEmit", "-p", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_command_of_readme_is_one_that_the_command_line_takes() -> None:
    commands = re.findall(r"^\$ (tb-xai .*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert commands
    parser = argparse.ArgumentParser()
    compare.add_to(parser.add_subparsers())
    for command in commands:
        assert parser.parse_args(shlex.split(command)[1:]).command is compare.run
