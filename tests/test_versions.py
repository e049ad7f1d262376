"""What `make test-versions` and `make release` take for granted; both are run by hand, before a release."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from support import release, versions
from support.records import ROOT

import tb_xai_plugin


def test_every_lower_bound_of_setup_py_is_among_the_lowest_versions_that_are_tested() -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    text = re.sub(r'"(?:release|docs)": \[[^]]*\]', "", text)  # tools that no user installs
    bounds = set(re.findall(r'"([\w-]+)[>=]=([\d.]+)[";]', text))
    said = subprocess.run([sys.executable, versions.__file__, "--bounds"], capture_output=True, text=True, check=True).stdout
    tested = {tuple(line.split()) for line in said.splitlines()}
    assert {("numpy", "2"), ("keras", "3.5"), ("lime", "0.2.0.1")} <= bounds
    # Two builds of one TensorFlow: a platform has the one or the other.
    one = {("tensorflow" if name == "tensorflow-cpu" else name, version) for name, version in tested}
    assert {("tensorflow" if name == "tensorflow-cpu" else name, version) for name, version in bounds} == one


def test_every_python_from_the_required_one_is_supported() -> None:
    assert versions.declared()["python_requires"] == f">={versions.supported()[0]}"
    minors = [int(version.split(".")[1]) for version in versions.supported()]
    assert minors == list(range(minors[0], minors[-1] + 1))


class Described(versions.Environment):
    """Releases and what they require, without pip."""

    RELEASES = {"model": ["1.0", "2.0", "2.1"], "array": ["1.0", "1.5", "2.0"], "viewer": ["1.0", "1.1"]}  # noqa: RUF012
    REQUIRES = {("model", "2.0"): ["array>=1.5"], ("array", "1.5"): ["viewer>=1.1", "elsewhere>=7"]}  # noqa: RUF012

    def __init__(self) -> None:
        self.version = "3.12"
        self.required = {"model": SpecifierSet(">=2"), "array": SpecifierSet(">=1"), "viewer": SpecifierSet(">=1")}

    def releases(self, name: str) -> list[Version]:
        return [Version(one) for one in self.RELEASES[name]]

    def required_by(self, pins: dict[str, Version]) -> Iterable[Requirement]:
        return (Requirement(line) for name, version in pins.items() for line in self.REQUIRES.get((name, str(version)), ()))


def test_the_lowest_versions_allow_each_other() -> None:
    assert {name: str(version) for name, version in Described().lowest().items()} == {"model": "2.0", "array": "1.5", "viewer": "1.1"}


def test_this_version_is_in_the_changelog() -> None:
    assert release.section(Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), tb_xai_plugin.__version__)


def test_a_section_of_the_changelog_ends_where_the_next_begins() -> None:
    text = "# Changelog\n\n## Unreleased\n\n- new\n\n## 1.1.0 - 2026-01-31\n\n### Look\n\n- old\n\n## 1.1\n"
    assert release.section(text, "Unreleased") == "- new"
    assert release.section(text, "1.1.0") == "### Look\n\n- old"
    assert release.section(text, "1.1") == ""
    assert release.section(text, "1") is None
