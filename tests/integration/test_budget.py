from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.calls.budget import Budget, Spent, spent_by_teacher
from factory.calls.ledger import Ledger, LedgerRow
from factory.errors import BudgetReached, CorruptBuild, EnvironmentFault
from schemas.settings import BudgetLimits
from tests.ledger_rows import ledger_row

REPOSITORY = Path(__file__).resolve().parents[2]

SPENDER = """
import sys
from pathlib import Path
from factory.calls.budget import Budget
from schemas.settings import BudgetLimits
from factory.errors import BudgetReached

budget = Budget(Path(sys.argv[1]), {"t": BudgetLimits(calls=int(sys.argv[2]), cost=float(sys.argv[3]))})
sent = 0
try:
    while True:
        budget.reserve("t", tokens=100, cost=0.01)
        sent += 1
        budget.settle("t", reserved_tokens=100, reserved_cost=0.01, tokens=60, cost=0.01)
except BudgetReached:
    print(sent)
"""


def row(key: str, **changes: Any) -> LedgerRow:
    return ledger_row(
        key, **{"teacher": "qwen", "http_calls": 2, "prompt_tokens": 10, "completion_tokens": 5, "cost": 0.5} | changes
    )


def ledger(path: Path, *rows: LedgerRow, seal: bool = False) -> Path:
    async def go() -> None:
        with Ledger(path) as live:
            for r in rows:
                await live.record(r)
            if seal:
                live.seal(path.with_suffix(".parquet"))

    asyncio.run(go())
    return path


def test_without_limits_nothing_is_counted_and_no_file_appears(tmp_path: Path) -> None:
    with Budget(tmp_path / "budget.sqlite", {"free": BudgetLimits()}) as budget:
        budget.reset({"free": Spent(calls=10**9)})
        budget.reserve("free", tokens=10**12, cost=1e9)
        budget.settle("free", reserved_tokens=0, reserved_cost=0, tokens=1, cost=1)
        budget.reserve("unknown", tokens=1, cost=1)
        assert budget.spent() == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (BudgetLimits(calls=3), "budget of 3 calls is reached (3 spent, 0 in flight"),
        (
            BudgetLimits(tokens=3100),
            "budget of 3,100 tokens is reached (3,000 spent, 0 in flight, the next call may take 1,000)",
        ),
        (BudgetLimits(cost=0.3), "budget of 0.3 cost is reached (0.3 spent, 0 in flight, the next call may take 0.1)"),
    ],
)
def test_each_budget_stops_before_it_is_overspent_and_says_how_to_go_on(
    tmp_path: Path, limits: BudgetLimits, words: str
) -> None:
    with Budget(tmp_path / "budget.sqlite", {"qwen": limits}) as budget:
        budget.reset({})
        for _ in range(3):
            budget.reserve("qwen", tokens=1000, cost=0.1)
            budget.settle("qwen", reserved_tokens=1000, reserved_cost=0.1, tokens=1000, cost=0.1)
        with pytest.raises(BudgetReached) as caught:
            budget.reserve("qwen", tokens=1000, cost=0.1)
        assert words in str(caught.value)
        assert str(caught.value).startswith("teacher qwen")
        assert "run the same command again" in str(caught.value)
        assert budget.spent() == {"qwen": Spent(calls=3, tokens=3000, cost=0.3)}


def test_calls_in_flight_hold_what_they_reserved_until_they_settle(tmp_path: Path) -> None:
    with Budget(tmp_path / "budget.sqlite", {"qwen": BudgetLimits(tokens=1000)}) as budget:
        budget.reset({})
        budget.reserve("qwen", tokens=600, cost=0)
        with pytest.raises(BudgetReached, match="600 in flight"):
            budget.reserve("qwen", tokens=600, cost=0)
        budget.settle("qwen", reserved_tokens=600, reserved_cost=0, tokens=100, cost=0)
        budget.reserve("qwen", tokens=900, cost=0)


def test_a_resumed_build_starts_from_its_ledgers_and_forgets_old_reservations(tmp_path: Path) -> None:
    limits = {"qwen": BudgetLimits(calls=10)}
    with Budget(tmp_path / "budget.sqlite", limits) as killed:
        killed.reset({})
        for _ in range(10):
            killed.reserve("qwen", tokens=0, cost=0)
    with Budget(tmp_path / "budget.sqlite", limits) as resumed:
        resumed.reset({"qwen": Spent(calls=9)})
        resumed.reserve("qwen", tokens=0, cost=0)
        with pytest.raises(BudgetReached, match="9 spent, 1 in flight"):
            resumed.reserve("qwen", tokens=0, cost=0)


@given(calls=st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1), st.booleans()), max_size=30))
@settings(max_examples=20)
def test_no_sequence_of_calls_overspends(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, float, bool]]
) -> None:
    path = tmp_path_factory.mktemp("budget") / "budget.sqlite"
    with Budget(path, {"t": BudgetLimits(calls=12, tokens=3000, cost=5.0)}) as budget:
        budget.reset({})
        for tokens, cost, settled in calls:
            try:
                budget.reserve("t", tokens=tokens, cost=cost)
            except BudgetReached:
                continue
            if settled:
                budget.settle("t", reserved_tokens=tokens, reserved_cost=cost, tokens=tokens, cost=cost)
        spent = budget.spent()["t"]
        assert spent.calls <= 12
        assert spent.tokens <= 3000
        assert spent.cost <= 5.0


@pytest.mark.parametrize(("calls", "cost", "expected"), [(400, 1e6, 400), (10**6, 3.0, 300)])
def test_four_processes_spend_one_budget_exactly(tmp_path: Path, calls: int, cost: float, expected: int) -> None:
    path = tmp_path / "budget.sqlite"
    with Budget(path, {"t": BudgetLimits(calls=calls, cost=cost)}) as budget:
        budget.reset({})
        command = [sys.executable, "-c", SPENDER, str(path), str(calls), str(cost)]
        spenders = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) for _ in range(4)]
        sent = [int(spender.communicate(timeout=60)[0]) for spender in spenders]
        assert sum(sent) == expected
        assert budget.spent()["t"] == Spent(calls=expected, tokens=60 * expected, cost=expected * 0.01)


def test_a_budget_file_that_cannot_be_written_is_an_environment_fault(tmp_path: Path) -> None:
    (tmp_path / "budget.sqlite").mkdir()
    with pytest.raises(EnvironmentFault, match=r"budget\.sqlite"):
        Budget(tmp_path / "budget.sqlite", {"t": BudgetLimits(calls=1)}).reset({})


def test_spending_is_counted_from_live_and_sealed_ledgers_of_this_build_only(tmp_path: Path) -> None:
    live = ledger(tmp_path / "1" / "ledger.sqlite", row("a"), row("b", teacher="gemma"), row("c", origin="replay"))
    both = ledger(tmp_path / "2" / "ledger.sqlite", row("d"), row("e", origin="ledger"), seal=True)
    assert spent_by_teacher([live, both, both.with_suffix(".parquet"), tmp_path / "3" / "ledger.sqlite"]) == {
        "gemma": Spent(calls=2, tokens=15, cost=0.5),
        "qwen": Spent(calls=4, tokens=30, cost=1.0),
    }


def test_a_question_in_both_ledgers_of_a_shard_is_spent_once_as_the_live_one_says(tmp_path: Path) -> None:
    live = ledger(tmp_path / "1" / "ledger.sqlite", replace(row("a"), http_calls=7))
    sealed = ledger(tmp_path / "2" / "ledger.sqlite", row("a"), seal=True).with_suffix(".parquet")
    sealed = sealed.rename(live.with_suffix(".parquet"))
    assert spent_by_teacher([sealed, live])["qwen"].calls == 7


def test_a_shard_taken_over_whole_was_paid_by_the_earlier_build(tmp_path: Path) -> None:
    taken = ledger(tmp_path / "1" / "ledger.sqlite", row("a"), seal=True).with_suffix(".parquet")
    own = ledger(tmp_path / "2" / "ledger.sqlite", row("b"), seal=True).with_suffix(".parquet")
    (tmp_path / "1" / "report.json").write_text('{"taken_from": "demo-00000000"}')
    assert spent_by_teacher([taken, own]) == spent_by_teacher([own])


def test_spending_is_never_read_from_a_damaged_ledger(tmp_path: Path) -> None:
    path = ledger(tmp_path / "ledger.sqlite", row("a"))
    path.write_bytes(path.read_bytes().replace(b"2026-01-01", b"2027-01-01"))
    with pytest.raises(CorruptBuild, match="key a"):
        spent_by_teacher([path])
