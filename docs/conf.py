"""Sphinx: pages in MyST Markdown, the API reference from docstrings, nothing fetched while building."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tb_xai_plugin  # noqa: E402  the clone's own, whatever is installed

project = "tb_xai_plugin"
version = release = tb_xai_plugin.__version__
copyright = "the authors of tb_xai_plugin, Apache-2.0"  # noqa: A001  Sphinx's name for it

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_title = f"{project} {version}"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#b3003c", "color-brand-content": "#b3003c"},
    "dark_css_variables": {"color-brand-primary": "#ff6f91", "color-brand-content": "#ff6f91"},
}
html_copy_source = False
smartquotes_action = "D"  # dashes alone: "lime" is a string

# ---------------------------------------------------------------- Markdown

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# ---------------------------------------------------------------- docstrings

napoleon_numpy_docstring = False
napoleon_use_ivar = True  # "Attributes:" as a list; the properties among them have entries of their own
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# Types with a name in the code have it in signatures too.
autodoc_type_aliases = {
    name: name
    for name in (
        "Array",
        "Categories",
        "Display",
        "Features",
        "Labels",
        "Model",
        "Names",
        "Segments",
        "Table",
        "Target",
        "AnyExplainer",
        "Checkable",
        "Regions",
    )
}
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
add_module_names = False

# Types of other projects: their documentation is not fetched, so there is nothing to link to. And our own internal types, which have no page.
nitpick_ignore_regex = [
    (r"py:.*", r"(np|numpy|pandas|keras|matplotlib|shap|collections|typing|os|abc|concurrent)(\..*)?"),
    (r"py:.*", r"Any|Axes|Callable|Iterable|Iterator|Mapping|Sequence|PathLike|ClassVar|Self"),
    (r"py:.*", "|".join(autodoc_type_aliases)),
    (r"py:.*", r"tb_xai_plugin(\.\w+){2,}|ArgumentError|RecordError|RegionPair|ProbeSet"),
]


def plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are written for people; here they become the reStructuredText that napoleon expects.

    `name` is code; a bar, a star or a trailing underscore is itself; "low, high: …" among arguments describes both; a property has no type before
    its first colon.
    """
    written, section = [], ""
    for line in lines:
        if re.fullmatch(r"[A-Z]\w+:", line):
            section = line[:-1]
        several = re.match(r"( {4})(\w+(?:, \w+)+)(?=: )", line) if section in ("Args", "Attributes") else None
        if several:
            *others, last = several[2].split(", ")
            written += [f"{several[1]}{other}: see ``{last}``." for other in others]
            line = several[1] + last + line[several.end() :]
        if section == "Raises":
            line = line.replace(" (a ValueError)", "")
        written.append("".join(_escaped(part) for part in re.split(r"(`[^`]+`)", line)))
    # An empty comment keeps napoleon from reading "int64 (epochs,): …" as a type.
    lines[:] = ["..", "", *written] if what in ("property", "attribute", "data") else written


def _escaped(part: str) -> str:
    if part.startswith("`"):
        return f"`{part}`"
    part = re.sub(r"(?<=\w)_(?=\W|$)|[*|\\]", r"\\\g<0>", part)
    return re.sub(r"(?<!\w)\{[^{}]*\}(?!\w)", lambda found: f"``{found[0]}``".replace("\\", ""), part)


def short(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The names of `autodoc_type_aliases` as they are; within a union or a generic type, Sphinx shows its wrapper of them."""
    return signature and re.sub(r"~?[\w.]*TypeAliasForwardRef\('(\w+)'\)", r"\1", signature), returns


def homes() -> dict[str, str]:
    """{class: where it is defined}: of what is returned and never made by hand, so that it is not among the package's names."""
    found = {}
    for module in pkgutil.walk_packages(tb_xai_plugin.__path__, "tb_xai_plugin."):
        if ".frontend" in module.name or ".integrations." in module.name:  # which need frameworks that are not there
            continue
        for name, thing in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(thing) and thing.__module__ == module.name:
                found[name] = f"{module.name}.{name}"
    return found


def at_home(app: Any, page: str, source: list[str]) -> None:
    """In reference pages, `home:Comparison` stands for the class wherever its module is."""
    if page.startswith("reference/"):
        known = homes()
        source[0] = re.sub(r"home:(\w+)", lambda found: known[found[1]], source[0])


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain, priority=1)  # before napoleon
    app.connect("autodoc-process-signature", short)
    app.connect("source-read", at_home)
