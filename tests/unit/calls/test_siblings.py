from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from factory.calls.files import write_sealed
from factory.calls.siblings import Siblings
from factory.errors import CorruptBuild
from factory.store.layout import BuildPaths
from tests.ledger_rows import ledger_row

KEYS = [letter * 64 for letter in "0af"]


@pytest.fixture
def paths(tmp_path: Path) -> BuildPaths:
    """A build of which one shard is finished: an answer, a refusal, and a question that was never answered."""
    paths = BuildPaths(tmp_path)
    paths.shard(0).root.mkdir(parents=True)
    rows = [ledger_row(KEYS[0]), ledger_row(KEYS[1], status="permanent"), ledger_row(KEYS[2], status="exhausted")]
    write_sealed(rows, paths.shard(0).ledger)
    return paths


@pytest.fixture
def siblings(paths: BuildPaths) -> Iterator[Siblings]:
    with Siblings(paths) as siblings:
        yield siblings


def test_nothing_is_known_and_no_file_made_before_a_shard_is_entered(siblings: Siblings, paths: BuildPaths) -> None:
    assert siblings.get(KEYS[0]) is None and not paths.answered.exists()


def test_what_a_finished_shard_settled_is_found_and_nothing_else(siblings: Siblings, paths: BuildPaths) -> None:
    siblings.enter([0, 0, 1])
    with Siblings(paths) as another:
        found = [another.get(key) for key in KEYS]
    assert found == [ledger_row(KEYS[0]), ledger_row(KEYS[1], status="permanent"), None]


def test_a_shard_that_was_opened_again_is_entered_again(siblings: Siblings, paths: BuildPaths) -> None:
    siblings.enter([0])
    rows = [ledger_row(KEYS[0]), ledger_row(KEYS[2])]
    write_sealed(rows, paths.shard(0).ledger)
    siblings.enter([0])
    assert siblings.get(KEYS[2]) is None
    siblings.enter([0], again=True)
    assert siblings.get(KEYS[2]) == ledger_row(KEYS[2])


def test_a_key_that_begins_alike_is_another_question(siblings: Siblings) -> None:
    siblings.enter([0])
    assert siblings.get(KEYS[0][:32] + "1" * 32) is None


def test_a_shard_that_somebody_removed_answers_nothing(siblings: Siblings, paths: BuildPaths) -> None:
    siblings.enter([0])
    paths.shard(0).ledger.unlink()
    assert siblings.get(KEYS[0]) is None


def test_a_damaged_ledger_is_named_before_its_answers_are_paid_again(siblings: Siblings, paths: BuildPaths) -> None:
    siblings.enter([0])
    write_sealed([replace(ledger_row(KEYS[0]), response="other")], paths.shard(0).ledger)
    assert siblings.get(KEYS[0]) == ledger_row(KEYS[0], response="other")
    paths.shard(0).ledger.write_bytes(b"PAR1")
    with pytest.raises(CorruptBuild, match=r"ledger\.parquet"):
        siblings.get(KEYS[0])
