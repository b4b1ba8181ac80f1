"""Pages lead where they say, and what CONTRIBUTING.md names is there."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import get_args

import pytest

from factory.plugins.registry import _HOMES, Kind
from tests.pages import REPOSITORY, page, sections, slug, table

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("docs/**/*.md")),
)
CONTRIBUTING = sections(page("CONTRIBUTING.md"))


@pytest.mark.parametrize("name", PAGES)
def test_links_inside_the_repository_lead_somewhere(name: str) -> None:
    text = page(name)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        file = (REPOSITORY / name).parent / path if path else REPOSITORY / name
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, target


def test_every_version_is_there() -> None:
    rows = table(CONTRIBUTING["Versions that mean something"], "constant")
    assert len(rows) >= 10
    for name, *_ in rows:
        owner, _, last = name.strip("`").rpartition(".")
        found = resolve_name(owner)
        named = {field.name for field in fields(found)} if is_dataclass(found) else set(vars(found))
        assert last in named, name


def test_every_version_of_the_code_stands_in_the_table() -> None:
    rows = table(CONTRIBUTING["Versions that mean something"], "constant")
    listed = {name.strip("`").rpartition(".")[2] for name, *_ in rows}
    pattern = re.compile(r"^([A-Z_]+_VERSIONS?)(?:: Final)? = ", re.MULTILINE)
    sources = (path.read_text() for package in ("factory", "schemas", "release") for path in _modules(package))
    assert {name for text in sources for name in pattern.findall(text)} <= listed


def _modules(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def test_every_kind_of_plugin_has_its_folder() -> None:
    rows = table(CONTRIBUTING["Plug-ins"], "to add")
    folders = {
        kind: re.findall(r"`(factory/\w+)/<name>", cell)[0] for kinds, cell in rows for kind in kinds.split(", ")
    }
    assert folders == {kind: home.replace(".", "/") for kind, home in _HOMES.items()}
    assert set(folders) == set(get_args(Kind))


def test_every_kind_of_plugin_is_in_the_table_of_kinds() -> None:
    rows = table(page("docs/plugins.md"), "kind")
    assert [re.findall(r"\[(\w+)\]", row[0])[0] for row in rows] == list(get_args(Kind))
