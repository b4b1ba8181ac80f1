"""Who may import whom, and what stays unloaded until it is needed.

A room is a folder of `factory` (or one of its ground files), or another package of ours. A room imports rooms of lower
floors and itself; imports inside functions count too. CONTRIBUTING.md shows the same floors, and a test holds them
equal.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("schemas", "factory", "release", "annotation", "train")

FLOORS: tuple[tuple[str, ...], ...] = (
    ("schemas", "errors", "text", "version"),
    ("aside", "processes", "redact", "retry_after", "store"),
    ("plugins", "images", "geo", "fetch"),
    ("recipe", "calls", "sources", "teachers", "generators", "report", "annotation"),
    ("witnesses", "verify", "select"),
    ("release",),
    ("shard", "train", "formats"),
    ("engines",),
    ("phases",),
    ("factory",),
    ("cli",),
)
"""Rooms from the ground up; `factory` is the package's own `__init__`."""

NARROWER = {
    "geo": {"errors", "schemas", "store", "processes"},
    "schemas": set[str](),
    "errors": set[str](),
    "text": set[str](),
    "train": {"errors", "schemas", "text", "store", "geo", "release"},
}
"""Rooms that may import less than what lies below them: `geo` is used alone, `train` with released rows alone."""

ASKING = ("train.asking", "train.allowance", "train.rerank", "train.navig", "train.evaluate.judge")
"""What of `train` asks models behind endpoints, and so may use `factory.calls` and `factory.teachers`, and what these
promise (`factory.plugins`), too; strangers' pictures that are sent there go through `factory.images`,
and NAVIG looks clues up in the guidebook of `factory.generators`."""


def modules() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    paths = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
    names = {path: ".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in paths}
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Modules of ours that a file imports, wherever in it, as the names of existing modules."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            inside = [member for member in members if member in MODULES]
            yield from inside
            if len(inside) < len(members):
                yield str(node.module)


def room(module: str) -> str:
    first, _, rest = module.partition(".")
    if rest == "__main__":
        return "cli"
    return (rest.partition(".")[0] or "factory") if first == "factory" else first


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_lower_floors(module: str) -> None:
    mine = room(module)
    for target in imports(MODULES[module]):
        other = room(target)
        if other != mine:
            assert floor(other) < floor(mine), f"{module} imports {target}"
            asked = {"calls", "teachers", "plugins", "images"} if module.startswith(ASKING) else set[str]()
            asked |= {"generators"} if module.startswith("train.navig") else set()
            assert other in NARROWER.get(mine, {other}) | asked, f"{module} imports {target}"
            assert mine != "train" or other != "release" or target == "release.read", f"{module} imports {target}"


def test_no_circle_of_files() -> None:
    graph = {name: {target for target in imports(path) if target != name} for name, path in MODULES.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as circle:
        pytest.fail(" -> ".join(circle.args[1]))


def test_contributing_shows_these_floors() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    start = text.index("```floors\n") + len("```floors\n")
    shown = [tuple(line.split("  ")[0].split(", ")) for line in text[start : text.index("```", start)].splitlines()]
    assert tuple(shown) == FLOORS


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "unloaded"),
    [
        (
            "import factory.cli.main",
            {"polars", "pyarrow", "pydantic", "numpy", "openai", "PIL", "aiohttp", "asyncio", "scipy"},
        ),
        ("import factory", {"polars", "pyarrow", "pydantic", "numpy", "openai", "PIL"}),
        ("import factory.recipe.load, factory.recipe.model", {"openai", "aiohttp", "torch", "datasets", "webdataset"}),
        ("import factory.geo", {"pydantic", "openai", "PIL", "factory.recipe", "factory.store"}),
        ("import factory.images.records", {"pydantic", "polars", "PIL", "numpy"}),
    ],
)
def test_heavy_packages_wait_until_they_are_needed(statement: str, unloaded: set[str]) -> None:
    assert not unloaded & loaded_after(statement)


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {"factory.processes"}))
def test_children_are_started_by_one_module_alone(module: str) -> None:
    """`factory.processes` keeps the working folder off their path; what only says something of a child may be used."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert not {"multiprocessing", "multiprocessing.context", "subprocess"} & set(names), module


WRITERS = {"factory.store.files", "factory.cli.demo"}
"""What is written by others goes through `factory.store.files`, which follows no link; the demo is copied to where
nothing is yet."""


@pytest.mark.parametrize("module", sorted(name for name in MODULES.keys() - WRITERS if "geo.build" not in name))
def test_files_are_written_by_one_module(module: str) -> None:
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if (node.func.attr == "write_bytes" and len(node.args) == 1) or node.func.attr == "write_text":
            pytest.fail(f"{module}:{node.lineno} writes a file of its own")
        if node.func.attr == "open" and isinstance(node.func.value, ast.Name | ast.Attribute):
            modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            assert not any(set(mode) & set("wax+") and set(mode) <= set("wabx+t") for mode in modes), node.lineno


REMOVERS = {"factory.store.files", "release.file_push"}
"""What is removed or renamed by others goes through `factory.store.files`, by the descriptor of a folder that is held;
where a release is pushed to is its owner's."""


@pytest.mark.parametrize("module", sorted(name for name in MODULES.keys() - REMOVERS if "geo.build" not in name))
def test_files_are_removed_and_renamed_by_one_module(module: str) -> None:
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            written = ast.unparse(node.func)
            assert node.func.attr != "unlink", f"{module}:{node.lineno}"
            assert written not in {"shutil.rmtree", "os.remove", "os.rename", "os.replace"}, f"{module}:{node.lineno}"
            path = len(node.args) == 1 and not node.keywords and node.func.attr == "replace"
            assert not path, f"{module}:{node.lineno}: a path's `replace`; `rename` of factory.store.files"


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES.keys() - {"factory.cli.out"} if "geo.build" not in name)
)
def test_words_are_printed_by_one_module(module: str) -> None:
    """`factory.cli.out` escapes what strangers wrote; nothing else knows a stream, or reads markup."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"print", "Console"}, f"{module}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            written = ast.unparse(node.func)
            assert written not in {"sys.stdout.write", "sys.stderr.write", "typer.echo"}, f"{module}:{node.lineno}"
            if written.endswith(".print"):
                (given,) = node.args
                is_line = isinstance(given, ast.Call) and ast.unparse(given.func) == "line"
                assert is_line or ast.unparse(given) == "table", f"{module}:{node.lineno}"
            if written.endswith(".add_row"):
                safe = ("line(", "_range(", "_or_unknown(", "f'{teacher.answered:,}'", "f'{teacher.calls:,}'")
                assert all(ast.unparse(cell).startswith(safe) for cell in node.args), f"{module}:{node.lineno}"


def test_the_public_names_are_few() -> None:
    import factory

    assert factory.__all__ == ["build", "open_build"]
    assert callable(factory.build) and callable(factory.open_build)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_functions_and_modules_stay_short(module: str) -> None:
    text = MODULES[module].read_text()
    assert len(text.splitlines()) <= 400 or module.startswith("factory.geo.build"), module
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60 or _is_mostly_docstring(node), f"{module}.{node.name}"


def _is_mostly_docstring(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A public function explains its arguments; 60 lines are counted without that."""
    first = node.body[0]
    assert first.end_lineno is not None and node.end_lineno is not None
    return node.end_lineno - first.end_lineno < 60
