"""Who may import whom, and what stays unloaded until it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = {"schemas", "factory", "release", "annotation", "train"}
MAY_IMPORT = {
    "schemas": {"schemas"},
    "factory": {"schemas", "factory"},
    "release": {"schemas", "factory", "release"},
}
COMPOSITION_ROOTS = {"factory/cli.py", "factory/__init__.py"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found & OURS


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_arrows_point_one_way(package: str) -> None:
    for path in sorted((REPOSITORY / package).rglob("*.py")):
        name = str(path.relative_to(REPOSITORY))
        if name not in COMPOSITION_ROOTS:
            assert imported(path) <= MAY_IMPORT[package], name


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    ("statement", "unloaded"),
    [
        ("import factory.cli", {"polars", "pyarrow", "pydantic", "numpy", "openai", "PIL", "aiohttp", "scipy"}),
        ("import factory", {"polars", "pyarrow", "pydantic", "numpy", "openai", "PIL"}),
        ("import factory.recipe_load, factory.recipe", {"openai", "aiohttp", "torch", "datasets", "webdataset"}),
    ],
)
def test_heavy_packages_wait_until_they_are_needed(statement: str, unloaded: set[str]) -> None:
    assert not unloaded & loaded_after(statement)


def test_the_public_names_are_few() -> None:
    import factory

    assert factory.__all__ == ["build", "open_build"]
    assert callable(factory.build) and callable(factory.open_build)
