"""Paths of a recipe: one expander, once, for no secret; and what messages call them."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.errors import RecipeError
from factory.store.paths import input_path, shown_path

ROOT = Path("/recipes")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("photos.csv", "/recipes/photos.csv"),
        ("/data/photos.csv", "/data/photos.csv"),
        ("${HERE}/a.csv", "/data/here/a.csv"),
        ("$HERE/a.csv", "/data/here/a.csv"),
        ("${AWAY:-.}/a.csv", "/recipes/a.csv"),
        ("${HERE:-.}/a.csv", "/data/here/a.csv"),
        ("~/a.csv", "/home/ann/a.csv"),
        ("$PWD/a.csv", "/home/ann/now/a.csv"),
        ("a$.csv", "/recipes/a$.csv"),
    ],
)
def test_a_path_is_expanded(written: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HERE": "/data/here", "HOME": "/home/ann", "PWD": "/home/ann/now"}.items():
        monkeypatch.setenv(name, value)
    assert input_path(ROOT, written) == Path(path)


def test_what_a_variable_holds_is_not_expanded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "${INNER}$INNER")
    monkeypatch.setenv("INNER", "canary")
    assert input_path(ROOT, "$OUTER") == ROOT / "${INNER}$INNER"


def test_an_unset_variable_is_named() -> None:
    with pytest.raises(RecipeError, match=r"\$\{NOT_SET_HERE\}/a: the environment variable NOT_SET_HERE is not set"):
        input_path(ROOT, "${NOT_SET_HERE}/a")


def test_messages_show_a_path_with_variables_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "/data/here")
    assert shown_path(ROOT, "$HERE/a.csv") == "$HERE/a.csv"
    assert shown_path(ROOT, "a.csv") == "/recipes/a.csv"
