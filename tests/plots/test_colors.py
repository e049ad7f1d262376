"""Plots have the page's colours: the page's own module is the oracle."""

import json
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest
from support.records import FRONTEND

from tb_xai_plugin.plots import colors
from tb_xai_plugin.plots.colors import DARK, LIGHT

RUNS = ["baseline", "shortcut", "honest", "größe/läuft", "run-1", "run-2", "run-3", "🙂", "a", "b", ""]
PARTS = np.linspace(-1, 1, 41)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What frontend/figures/color.js has and works out."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: install Node.js 20 or newer to run this test.")
    code = f"""
      import * as c from {json.dumps((FRONTEND / "figures" / "color.js").as_uri())};
      const runs = {json.dumps(RUNS)}, parts = {json.dumps(PARTS.tolist())};
      console.log(JSON.stringify({{
        ...c,
        alone: runs.map((run) => c.paletteNumber(run, [])),
        together: runs.map((run) => c.paletteNumber(run, runs)),
        diverging: ["light", "dark"].map((theme) => parts.map((part) => c.diverging(part, c.NEUTRAL[theme]))),
        feature: [false, true].map((dark) => parts.map((part) => c.featureColor(part, dark))),
        emphasis: parts.map((part) => c.emphasis(Math.abs(part))),
      }}));
    """
    done = subprocess.run([node, "--input-type=module", "-e", code], capture_output=True, text=True, encoding="utf-8", check=True)
    return json.loads(done.stdout)


def test_runs_have_the_colours_that_they_have_on_the_page(page: dict[str, Any]) -> None:
    assert [list(pair) for pair in colors.RUN_COLORS] == page["RUN_COLORS"]
    assert [colors.palette_number(run) for run in RUNS] == page["alone"]
    assert [colors.palette_number(run, RUNS) for run in RUNS] == page["together"]


def test_attributions_have_the_colours_that_they_have_on_the_page(page: dict[str, Any]) -> None:
    assert [list(colors.FOR), list(colors.AGAINST), colors.YELLOW] == [page["FOR"], page["AGAINST"], page["YELLOW"]]
    for theme, name, expected in zip((LIGHT, DARK), ("light", "dark"), page["diverging"], strict=True):
        bars, greys = page["BARS"][name], page["GREYS"][name]
        assert [theme.positive, theme.negative, list(theme.greys)] == [bars["positive"], bars["negative"], [greys["black"], greys["white"]]]
        assert [list(theme.hidden), list(theme.neutral)] == [page["HIDDEN"][name], page["NEUTRAL"][name]]
        assert np.abs(255 * colors.diverging(PARTS, theme) - expected).max() <= 0.5 + 1e-9  # the page rounds
    assert np.allclose(colors.emphasis(np.abs(PARTS)), page["emphasis"])


def test_values_of_features_have_the_colours_that_they_have_on_the_page(page: dict[str, Any]) -> None:
    for theme, expected in zip((LIGHT, DARK), page["feature"], strict=True):
        for part, color in zip(PARTS, expected, strict=True):
            wanted = np.array([float(number) for number in color[4:-1].split()])
            assert (
                np.abs(np.array(colors.rgb_of(colors.feature_color(part, theme))) - wanted).max() <= 1
            )  # halves are rounded up or to even


def test_the_theme_has_the_pages_greys() -> None:
    sheet = (FRONTEND / "styles" / "page.css").read_text(encoding="utf-8")
    light, dark = sheet.split(":root.dark {")
    for theme, rules in ((LIGHT, light), (DARK, dark)):
        for name in ("ink", "muted", "faint", "line", "panel"):
            value = rules.split(f"--{name}: ")[1].split(";")[0]
            assert getattr(theme, name) == (value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:]))
