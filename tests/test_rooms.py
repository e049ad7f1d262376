"""The maps in CONTRIBUTING are true: every module has its room, no import goes up, none goes round in a circle."""

import ast
import re
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE, FRONTEND = ROOT / "tb_xai_plugin", ROOT / "frontend"

MOST_AT_ROOT, MOST_IN_FOLDER, LONGEST_MAP = 5, 20, 14
LONGEST_FILE, LONGEST_MEDIAN = 450, 150

# In `import … from "./x.js"`, `export … from`, `import("./x.js")`, `@type {import("./x.js").Y}` and `new URL("./x.js", import.meta.url)`.
JS_IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)["'](\.[^"']+)["']""")
# A module that is named by anything but a plain string can't be held against the map.
JS_UNREADABLE = re.compile(r"""\bimport\s*\(\s*(?!["'])|\bnew URL\(\s*(?!["'])[^)]*import\.meta""")


def floors_of(title: str) -> list[str]:
    """Rooms of the map under a heading of CONTRIBUTING, from the top floor down: "serving/", "run", …"""
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split(f"### {title}\n")[1].split("\n#")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert 0 < len(lines) <= LONGEST_MAP
    return [re.split(r"\s{2,}", line)[0] for line in lines]


def python_imports() -> dict[str, set[str]]:
    """{file: files it imports}, paths below the package; imports inside functions and for types count too."""
    files = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(PACKAGE / "frontend")}

    def file_of(dotted: str) -> str | None:
        place = dotted.removeprefix("tb_xai_plugin").lstrip(".").replace(".", "/")
        return next((name for name in (f"{place}.py", f"{place}/__init__.py".lstrip("/")) if name in files), None)

    found: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported: list[str] = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} imports relatively; write the whole path"
                imported = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            for dotted in imported:
                if dotted.startswith("tb_xai_plugin"):
                    found[name].add(file_of(dotted) or file_of(dotted.rpartition(".")[0]) or f"no such module: {dotted}")
        found[name].discard(name)
    return found


def javascript_imports() -> dict[str, set[str]]:
    """{file: files it imports}, paths below frontend/; vendored modules are imported and not read."""
    files = {path.relative_to(FRONTEND).as_posix(): path for path in FRONTEND.rglob("*") if path.suffix in (".js", ".ts", ".css")}
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        found[name] = set()
        if not name.startswith("vendor/") and path.suffix != ".css":
            for target in JS_IMPORT.findall(path.read_text(encoding="utf-8")):
                found[name].add((path.parent / target).resolve().relative_to(FRONTEND.resolve()).as_posix())
    return found


def room_of(name: str) -> str:
    """The floor that a file belongs to: its folder below the root, or its own name there."""
    folder, slash, _ = name.partition("/")
    return f"{folder}/" if slash else re.sub(r"\.(py|js|d\.ts)$", "", name)


SIDES = {"The Python rooms": python_imports, "The page's rooms": javascript_imports}


@pytest.fixture(params=SIDES)
def side(request: pytest.FixtureRequest) -> tuple[list[str], dict[str, set[str]]]:
    return floors_of(request.param), SIDES[request.param]()


def test_every_module_stands_in_a_room_of_the_map(side):
    floors, imports = side
    rooms = {room for floor in floors for room in floor.split(" ")}
    assert {room_of(name) for name in imports} == rooms


def test_folders_in_folders_are_in_the_map_too():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for root in (PACKAGE, FRONTEND):
        modules = [path for path in root.rglob("*") if path.suffix in (".py", ".js", ".mjs", ".ts", ".css")]
        inner = {path.parent.name for path in modules if path.parent.parent not in (root, root.parent)}
        assert {name for name in inner if f"{name}/" not in text} == set()
        assert not [path for path in modules if path.suffix == ".mjs"]


def test_no_module_is_imported_by_a_name_that_is_worked_out():
    named = re.compile(r"^\s*(?:import importlib$|from importlib import .*import_module)|\bimport_module\(|__import__\(", re.MULTILINE)
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    # The public names are imported when they are first used, and a command when it is given; their tables are next to it.
    assert {name for name, text in sources.items() if named.search(text)} == {"__init__.py", "cli/main.py"}
    page = [path for path in FRONTEND.rglob("*.js") if "vendor" not in path.parts]
    # These two fetch files ahead, from lists of names, and run none of them.
    assert {path.name for path in page if JS_UNREADABLE.search(path.read_text(encoding="utf-8"))} == {"preload.js", "styles.js"}


def test_no_import_goes_up(side):
    floors, imports = side
    height = {room: -place for place, floor in enumerate(floors) for room in floor.split(" ")}
    upward = [
        f"{name} -> {target}"
        for name, targets in imports.items()
        for target in targets
        # Types are described once, for all floors of the page; they are no code. A room that is not in the map counts as the highest.
        if "types.d.ts" not in (target, name) and height.get(room_of(target), 1) > height[room_of(name)]
    ]
    assert upward == []


def test_no_imports_go_round_in_a_circle(side):
    _, imports = side
    graph = {name: targets - {"types.d.ts"} for name, targets in imports.items() if name != "types.d.ts"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_rooms_are_small_enough_to_look_over(side):
    _, imports = side
    folders: dict[str, int] = defaultdict(int)
    for name in imports:
        says_what_a_room_is = name.endswith("/__init__.py")
        folders[name.rpartition("/")[0]] += not says_what_a_room_is
    assert folders.pop("") <= MOST_AT_ROOT
    assert {folder: count for folder, count in folders.items() if count > MOST_IN_FOLDER} == {}


@pytest.mark.parametrize(("root", "pattern"), [(PACKAGE, "*.py"), (FRONTEND, "*.[jt]s")], ids=["Python", "page"])
def test_files_are_short_enough_to_hold_in_the_head(root, pattern):
    files = [path for path in root.rglob(pattern) if "vendor" not in path.parts]
    lengths = {path.relative_to(root).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}
    assert median(lengths.values()) <= LONGEST_MEDIAN


def test_every_path_that_contributing_names_is_there():
    """Whole paths, or the last part of one."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+\.(?:py|js|md|d\.ts)|[\w./-]+/)`", text))
    folders = ("tb_xai_plugin", "frontend", "tests", "docs", "benchmarks")
    present = {path.relative_to(ROOT).as_posix() for folder in folders for path in (ROOT / folder).rglob("*")}
    assert {
        name for name in named if not (ROOT / name).exists() and not any(path.endswith(f"/{name.rstrip('/')}") for path in present)
    } == set()
