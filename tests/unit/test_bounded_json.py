"""JSON of strangers is read by what bounds its values and its depth: every other reader of ours is named here."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.unit.test_imports import MODULES

READERS = {
    *("json.loads", "json.load", "orjson.loads", "json_repair.loads", "ast.literal_eval", "eval", "exec"),
    *("pl.read_json", "pl.read_ndjson", "pl.scan_ndjson", "pickle.loads", "pickle.load"),
}
METHODS = {"raw_decode", "json_decode", "model_validate_json", "load_all"}
"""Functions and methods that make values of a text; those of other objects are found by their name alone."""

ALLOWED = {
    "schemas.plain_json.read_json": "bounds it itself",
    "factory.sources.json_text.read_json": "bounds it itself",
    "factory.sources.released_clues.read_records": "bounds it itself",
    "factory.formats.json_rows.exact_row": "bounds it itself",
    "factory.formats.json_rows._of_list": "bounds it itself, a row at a time",
    "factory.teachers.failures.read_json": "bounds it itself",
    "factory.generators.repair.repaired": "bounds it itself",
    "factory.generators.extract._decoded": "bounds it itself; a reply has at most 600,000 characters",
    "factory.generators.extract._whole": "asks for ends alone and keeps no value",
    "train.evaluate.answer_text.json_objects": "bounds it itself; at most 50,000 characters of an answer are read",
    "factory.geo.gazetteer": "a file of the package",
    "annotation.screens.wording.words_of": "a file of the package",
    "factory.phases.verify._fitted": "what it wrote itself a moment before",
    "factory.verify.fitted._opened": "what was read bounded and written again as a key",
    "schemas.settings.request_fields": "what it wrote itself a moment before",
    "factory.store.yaml_lines.read_yaml": "a recipe: 256 kB and 5,000 values, held by test_hostile_sizes.py",
    "factory.store.yaml_lines.scalar_yaml": "of the command line",
    "annotation.refusals._read": "bounds it itself; the server's numbers may be beyond JSON's",
}
"""Where a reader is called, and why it may be. What "bounds it itself" calls `not_deep` on what it read."""


def calls(module: str) -> Iterator[tuple[str, ast.AST]]:
    """Every call of a reader in a module: its function, or the module, and that function's tree."""
    tree = ast.parse(MODULES[module].read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        written = ast.unparse(node.func)
        if written in READERS or method in METHODS or (method == "load" and "yaml" in written.lower()):
            inside = [function for function in functions if node in ast.walk(function)]
            yield (f"{module}.{inside[-1].name}", inside[-1]) if inside else (module, tree)


FOUND = [found for module in sorted(MODULES) if "geo.build" not in module for found in calls(module)]


@pytest.mark.parametrize(("place", "tree"), FOUND, ids=[place for place, _ in FOUND])
def test_json_is_read_bounded_or_is_our_own(place: str, tree: ast.AST) -> None:
    assert place in ALLOWED, f"{place}: read it with schemas.plain_json.read_json"
    if ALLOWED[place].startswith("bounds it itself"):
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert "not_deep" in called, place


def test_every_exception_is_one() -> None:
    assert ALLOWED.keys() == {place for place, _ in FOUND}
