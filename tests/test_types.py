"""What a type checker says of code that uses the package."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from support.records import ROOT

# It says nothing about versions of dependencies: each has types of its own.
pytestmark = pytest.mark.slow

TYPED = ROOT / "tests" / "typed"


@pytest.fixture(scope="module")
def complaints() -> dict[str, dict[int, str]]:
    """{file: {line: what mypy --strict says}}."""
    pytest.importorskip("mypy", reason="mypy is not installed; it comes with 'pip install tb_xai_plugin[test]'")
    # In the repository, so that the cache of `make test` is used: mypy takes 1 s instead of 16 s.
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", *sorted(map(str, TYPED.glob("*.py")))]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, dict[int, str]] = {}
    for file, line, message in re.findall(r"^(.+?):(\d+): error: (.+)$", done.stdout, re.MULTILINE):
        found.setdefault(file, {})[int(line)] = message
    return found


def test_right_uses_of_every_kind_of_probes_have_no_type_errors(complaints: dict[str, dict[int, str]]) -> None:
    assert complaints.get("tests/typed/right.py", {}) == {}


def test_every_wrong_use_is_a_type_error(complaints: dict[str, dict[int, str]]) -> None:
    lines = (TYPED / "wrong.py").read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# wrong")}
    assert len(marked) > 40
    refused = set(complaints["tests/typed/wrong.py"])
    assert {lines[number - 1] for number in marked - refused} == set()
    assert {lines[number - 1] for number in refused - marked} == set()
    assert set(complaints) <= {"tests/typed/right.py", "tests/typed/wrong.py"}, "the package itself has type errors"
