"""docs/security.md: every promise says how far it goes and names the test that holds it."""

from __future__ import annotations

import re

import pytest

from tests.pages import REPOSITORY, page, sections, table

ROWS = table(sections(page("docs/security.md"))["Promises"], "promise")


def test_there_are_promises() -> None:
    assert ROWS


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:40] for row in ROWS])
def test_a_promise_has_its_limits_and_its_test(row: list[str]) -> None:
    promise, limits, tests = row
    assert promise and limits
    files = re.findall(r"`(tests/[\w/]+\.py)`", tests)
    assert files
    for file in files:
        assert "def test_" in (REPOSITORY / file).read_text(encoding="utf-8"), file
