"""What a shard was answered on another machine stays where that machine is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from factory.calls.journal import Claim, away_folder, journalled, set_fence
from factory.calls.row import LedgerRow
from factory.errors import BuildLocked, CorruptBuild
from factory.store.home import Home
from tests.ledger_rows import ledger_row


def paid(key: str = "k", **changes: Any) -> LedgerRow:
    return ledger_row(key, **{"origin": "call", "status": "ok", "response": "Österreich", "http_calls": 1} | changes)


@pytest.fixture(params=["folder", "objects"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A shared folder, and objects that cannot be renamed."""
    return Home(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path}", patience_s=0.2)


def claimed(home: Home, token: int) -> Claim:
    claim = Claim(home, 7, token)
    set_fence(claim)
    return claim


def test_rows_come_back_as_they_were_recorded(home: Home) -> None:
    journal = claimed(home, 1).journal()
    rows = [paid("a"), paid("b", status="permanent", response=None, error_kind="refused", cost=0.25)]
    journal(rows[:1])
    journal(rows[1:])
    assert journalled(home, 7) == rows
    assert journalled(home, 8) == []


def test_what_cost_nothing_is_made_again(home: Home) -> None:
    claimed(home, 1).journal()([paid("a", origin="replay", http_calls=0), paid("b", origin="ledger")])
    assert journalled(home, 7) == []


def test_a_settled_row_stays_and_any_other_gives_way(home: Home) -> None:
    tried = [paid(status="exhausted", response=None, http_calls=n, error_kind="timeout") for n in (2, 5)]
    for row in tried:
        claimed(home, row.http_calls).journal()([row])
    assert journalled(home, 7) == tried[1:]
    answered = paid(http_calls=6)
    claimed(home, 6).journal()([answered])
    claimed(home, 7).journal()([paid(response="another")])
    assert journalled(home, 7) == [answered]


def test_who_was_given_up_records_nothing_more(home: Home) -> None:
    first = claimed(home, 1)
    journal = first.journal()
    journal([paid("a")])
    second = claimed(home, 2)
    with pytest.raises(BuildLocked, match="another process has taken it over"):
        journal([paid("b")])
    with pytest.raises(BuildLocked):
        first.put(f"{first.made}/answers.parquet", b"of an orphan")
    second.journal()([paid("c")])
    assert [row.key for row in journalled(home, 7)] == ["a", "c"]
    assert home.list(first.made) == []


def test_after_a_shard_came_home_nobody_puts_anything_beside_it(home: Home) -> None:
    claim = claimed(home, 1)
    home.remove(away_folder(7))
    with pytest.raises(BuildLocked):
        claim.journal()([paid()])


@pytest.mark.parametrize("damage", [b"", b"{}", b"[[]]", b"[[1,2,3]]", b"[7]", b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_named(home: Home, damage: bytes) -> None:
    name = f"{away_folder(7)}/journal/00000001-000001.json"
    home.put(name, damage)
    with pytest.raises(CorruptBuild, match=r"00000001-000001\.json"):
        journalled(home, 7)


def test_a_row_that_was_changed_is_named(home: Home) -> None:
    claimed(home, 1).journal()([paid()])
    name = f"{away_folder(7)}/journal/00000001-000001.json"
    home.put(name, (home.get(name) or b"").replace("Österreich".encode(), b"Italien"))
    with pytest.raises(CorruptBuild, match="sha256 differs"):
        journalled(home, 7)
