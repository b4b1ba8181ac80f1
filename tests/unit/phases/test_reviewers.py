"""What people are called outside of `review/`: one pseudonym an account, whatever the account is called."""

from __future__ import annotations

from pathlib import Path

from factory.phases.reviewers import known_names, pseudonym, write_names
from factory.store.layout import BuildPaths
from tests.annotations import said


def test_an_account_that_is_called_like_a_pseudonym_is_nobody_elses(tmp_path: Path) -> None:
    paths = BuildPaths(tmp_path)
    write_names(paths, {"ben@x.org": "reviewer-1"}, {})
    names = known_names(paths, [said("s", "reviewer-1"), said("s", "ben@x.org")], ())
    assert names == {"ben@x.org": "reviewer-1", "reviewer-1": "reviewer-2"}
    assert pseudonym("reviewer-1", names) == "reviewer-2"


def test_a_pseudonym_in_a_row_of_another_program_stays_and_a_name_gets_one() -> None:
    names = {"ben@x.org": "reviewer-1"}
    assert (pseudonym("reviewer-1", names), pseudonym("ann@x.org", names)) == ("reviewer-1", "reviewer-2")
