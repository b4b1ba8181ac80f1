from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.calls.budget import ALONE, LOOK_EVERY_S, Budget, spent_by_teacher
from factory.calls.budget_file import Spent
from factory.calls.ledger import Ledger, LedgerRow
from factory.errors import BudgetReached, CorruptBuild
from factory.plugins.shared import Usage
from factory.shard.spec import ShardReport, stored_report
from schemas.settings import BudgetLimits, Prices
from tests.asking import charged_to
from tests.ledger_rows import ledger_row

REPOSITORY = Path(__file__).resolve().parents[2]

SPENDER = """
import asyncio, sys
from pathlib import Path
from factory.calls.budget import Budget
from factory.errors import BudgetReached
from factory.plugins.shared import Usage
from schemas.settings import BudgetLimits, Prices

limits = {"t": BudgetLimits(calls=int(sys.argv[2]), cost=float(sys.argv[3]))}
budget = Budget(Path(sys.argv[1]), limits, {"t": Prices(input_per_million=100.0)})


async def spend():
    sent = 0
    try:
        while True:
            call = await budget.reserve("t", "k", Usage(prompt_tokens=100, completion_tokens=0))
            sent += 1
            budget.settle("t", call, Usage(prompt_tokens=100, completion_tokens=60))
    except BudgetReached:
        print(sent)


asyncio.run(spend())
"""

LEAVER = """
import asyncio, os, signal, sys
from pathlib import Path
from factory.calls.budget import Budget
from factory.plugins.shared import Usage
from schemas.settings import BudgetLimits

budget = Budget(Path(sys.argv[1]), {"qwen": BudgetLimits(tokens=10_000)})


async def leave():
    for number in range(int(sys.argv[2])):
        call = await budget.reserve("qwen", str(number), Usage(prompt_tokens=900, completion_tokens=100))
        if number == 0:
            budget.settle("qwen", call, Usage(prompt_tokens=900, completion_tokens=100))
    print("reserved", flush=True)
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
    budget.settle("qwen", call, Usage(prompt_tokens=500, completion_tokens=0))


asyncio.run(leave())
"""

FORESEEN = Usage(prompt_tokens=600, completion_tokens=400)


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


def opened(folder: Path, **limits: Any) -> Budget:
    return Budget(folder / "budget.sqlite", {"qwen": BudgetLimits(**limits)}, {"qwen": PRICES})


PRICES = Prices(input_per_million=100.0, output_per_million=100.0)


async def take(budget: Budget, usage: Usage, foreseen: Usage = FORESEEN) -> None:
    """One call from its reservation to its end."""
    budget.settle("qwen", await budget.reserve("qwen", "k", foreseen), usage)


async def at_once(budget: Budget, foreseen: Usage = FORESEEN) -> int | None:
    """A reservation, or None where it has to wait."""
    try:
        async with asyncio.timeout(0.05):
            return await budget.reserve("qwen", "k", foreseen)
    except TimeoutError:
        return None


def tokens(prompt: int, completion: int = 0) -> Usage:
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


async def test_without_limits_nothing_is_counted_and_no_file_appears(tmp_path: Path) -> None:
    with Budget(tmp_path / "budget.sqlite", {"free": BudgetLimits()}) as budget:
        budget.reset({"free": Spent(calls=10**9)})
        for teacher in ("free", "unknown"):
            budget.settle(teacher, await budget.reserve(teacher, "k", tokens(10**12)), tokens(1))
        assert (charged_to(budget), budget.lines()) == ({}, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"calls": 3}, "budget of 3 calls is reached (3 charged, 0 in flight)"),
        ({"tokens": 3000}, "budget of 3,000 tokens is reached (3,000 charged)"),
        ({"cost": 0.3}, "budget of 0.3 cost is reached (0.3 charged)"),
    ],
)
async def test_each_budget_stops_when_it_is_spent_and_says_how_to_go_on(
    tmp_path: Path, limits: dict[str, Any], words: str
) -> None:
    with opened(tmp_path, **limits) as budget:
        budget.reset({})
        for _ in range(3):
            await take(budget, tokens(600, 400))
        with pytest.raises(BudgetReached) as caught:
            await budget.reserve("qwen", "k", FORESEEN)
        assert words in str(caught.value)
        assert str(caught.value).startswith("teacher qwen")
        assert "run the same command again" in str(caught.value)
        assert charged_to(budget) == {"qwen": Spent(calls=3, tokens=3000, cost=pytest.approx(0.3))}


async def test_the_first_call_runs_alone_and_the_others_are_foreseen_by_what_it_took(tmp_path: Path) -> None:
    with opened(tmp_path, tokens=10_000) as budget:
        budget.reset({})
        first = await budget.reserve("qwen", "k", tokens(100))
        assert await at_once(budget, tokens(100)) is None, "nobody knows yet what a call takes"
        budget.settle("qwen", first, tokens(1_000, 2_000))
        assert [await at_once(budget, tokens(100)) is None for _ in range(3)] == [False, False, True]


async def test_calls_that_fail_unanswered_do_not_keep_the_others_waiting_for_ever(tmp_path: Path) -> None:
    with opened(tmp_path, tokens=100_000) as budget:
        budget.reset({})
        for _ in range(ALONE):
            await take(budget, tokens(0))
        assert None not in [await at_once(budget) for _ in range(4)]


async def test_a_call_waits_while_only_reservations_stand_in_its_way(tmp_path: Path) -> None:
    with opened(tmp_path, tokens=2_100) as budget:
        budget.reset({})
        await take(budget, tokens(600, 0))
        flying = await budget.reserve("qwen", "k", FORESEEN)
        waiting = asyncio.create_task(budget.reserve("qwen", "k", FORESEEN))
        await asyncio.sleep(0.02)
        assert not waiting.done(), "1,600 of 2,100 are spent or in flight, and 1,000 are foreseen"
        budget.settle("qwen", flying, tokens(300, 100))
        budget.settle("qwen", await waiting, tokens(600, 400))
        assert charged_to(budget)["qwen"].tokens == 2_000


@pytest.mark.parametrize("limits", [{"calls": 20}, {"tokens": 10_000}, {"cost": 1.0}])
async def test_a_job_that_fits_exactly_finishes_although_more_is_foreseen_for_every_call(
    tmp_path: Path, limits: dict[str, Any]
) -> None:
    with opened(tmp_path, **limits) as budget:
        budget.reset({})

        async def one(number: int) -> None:
            reserved = await budget.reserve("qwen", str(number), tokens(600, 4_000))
            await asyncio.sleep(0)
            budget.settle("qwen", reserved, tokens(300, 100 if number % 2 else 300))

        await asyncio.gather(*map(one, range(20)))
        with pytest.raises(BudgetReached):
            await budget.reserve("qwen", "k", FORESEEN)
        assert charged_to(budget)["qwen"] == Spent(calls=20, tokens=10_000, cost=pytest.approx(1.0))


async def test_what_calls_in_flight_took_beyond_their_reservation_is_reported(tmp_path: Path) -> None:
    with opened(tmp_path, tokens=5_000) as budget:
        budget.reset({})
        await take(budget, tokens(600, 400))
        flying = [await budget.reserve("qwen", "k", FORESEEN) for _ in range(4)]
        for reservation in flying:
            budget.settle("qwen", reservation, tokens(600, 900))
        with pytest.raises(BudgetReached, match=r"\(7,000 charged; 2,000 above it: calls in flight took more"):
            await budget.reserve("qwen", "k", FORESEEN)
        assert budget.lines() == [
            "qwen 7,000 of 5,000 tokens · 2,000 above it: calls in flight took more than was set aside"
        ]


@pytest.mark.parametrize(
    ("usage", "charged"),
    [
        (Usage(), 1_000),
        (Usage(prompt_tokens=700), 1_000),
        (Usage(completion_tokens=1_300), 1_300),
        (tokens(0), 0),
    ],
)
async def test_unknown_usage_is_charged_as_reserved_and_none_is_none(
    tmp_path: Path, usage: Usage, charged: int
) -> None:
    with opened(tmp_path, tokens=5_000) as budget:
        budget.reset({})
        await take(budget, usage)
        spent = charged_to(budget)["qwen"]
        assert (spent.calls, spent.tokens, spent.unstated) == (1, charged, int(charged > 0))
    with opened(tmp_path, tokens=5_000) as again:
        again.reset({"qwen": Spent(calls=1, tokens=usage.prompt_tokens or 0)})  # all that a ledger can say
        assert charged_to(again)["qwen"].tokens == charged
        assert ("what 1 calls took is unknown" in again.lines()[0]) is bool(charged)


def test_calls_in_flight_of_a_killed_process_count_as_spent_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "budget.sqlite"
    with opened(tmp_path, tokens=10_000) as first:
        first.reset({})
    killed = subprocess.run([sys.executable, "-c", LEAVER, str(path), "5", "killed"], cwd=REPOSITORY, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with opened(tmp_path, tokens=10_000) as resumed:
        resumed.reset({"qwen": Spent(calls=1, tokens=1_000)})
        assert charged_to(resumed)["qwen"].tokens == 5_000
        resumed.reset({"qwen": Spent(calls=1, tokens=1_000)})
        assert charged_to(resumed)["qwen"].tokens == 5_000, "they are charged once"
    assert [file.name for file in tmp_path.iterdir()] == ["budget.sqlite"]


async def test_a_worker_that_is_killed_beside_others_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "budget.sqlite"
    command = [sys.executable, "-c", LEAVER, str(path), "2", "waits"]
    with opened(tmp_path, tokens=3_900) as budget:
        budget.reset({})
        worker = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
        try:
            assert worker.stdout is not None and worker.stdout.readline() == b"reserved\n"
            waiting = asyncio.create_task(budget.reserve("qwen", "k", tokens(2_000)))
            await asyncio.sleep(3 * LOOK_EVERY_S)
            assert not waiting.done(), "a living process may still settle for less"
            worker.kill()
            worker.wait()
            async with asyncio.timeout(30):
                await waiting
        finally:
            worker.kill()
            worker.communicate()
        assert charged_to(budget)["qwen"].tokens == 2_000


async def test_a_batch_counts_as_reserved_until_its_answer_is_collected(tmp_path: Path) -> None:
    with opened(tmp_path, tokens=2_000) as budget:
        budget.reset({})
        budget.postpone("qwen", await budget.reserve("qwen", "later", FORESEEN))
        assert charged_to(budget)["qwen"].tokens == 1_000
    with opened(tmp_path, tokens=2_000) as resumed:
        resumed.reset({})
        assert charged_to(resumed)["qwen"].tokens == 1_000
        resumed.collect("qwen", "later", tokens(300, 50))
        assert charged_to(resumed)["qwen"] == Spent(calls=1, tokens=350, cost=pytest.approx(0.035))


async def test_a_call_that_a_batch_holds_is_counted_once_whatever_the_ledger_says_of_it(tmp_path: Path) -> None:
    with opened(tmp_path, calls=4) as budget:
        budget.reset({})
        for key in ("a", "b"):
            budget.postpone("qwen", await budget.reserve("qwen", key, FORESEEN))
    sent = {"qwen": Spent(calls=3)}  # a third one was sent before there was a limit
    with opened(tmp_path, calls=4) as resumed:
        resumed.reset(sent)
        assert charged_to(resumed)["qwen"].calls == 3
        for key in ("a", "b", "sent before there was a limit"):
            resumed.collect("qwen", key, tokens(100))
        assert (charged_to(resumed)["qwen"].calls, charged_to(resumed)["qwen"].tokens) == (3, 300)
        await take(resumed, tokens(100))
        with pytest.raises(BudgetReached):
            await resumed.reserve("qwen", "fifth", FORESEEN)


@pytest.mark.parametrize("key", ["a", "sent before there was a limit"])
async def test_an_answer_that_was_fetched_and_not_recorded_is_charged_once(tmp_path: Path, key: str) -> None:
    with opened(tmp_path, tokens=2_000) as budget:
        budget.reset({})
        budget.postpone("qwen", await budget.reserve("qwen", "a", FORESEEN))
        budget.collect("qwen", key, tokens(300))
        spent = charged_to(budget)
    with opened(tmp_path, tokens=2_000) as resumed:  # killed before the ledger had it: the batch is asked once more
        resumed.reset({"qwen": Spent(calls=1)})
        resumed.collect("qwen", key, tokens(300))
        assert charged_to(resumed)["qwen"].tokens == spent["qwen"].tokens
        assert charged_to(resumed)["qwen"].calls == max(1, spent["qwen"].calls)


def test_the_ledgers_say_what_is_spent_at_the_least(tmp_path: Path) -> None:
    with opened(tmp_path, calls=10) as budget:
        budget.reset({"qwen": Spent(calls=9, tokens=900)})
    with opened(tmp_path, calls=10) as budget:
        budget.reset({"qwen": Spent(calls=3)})
        assert charged_to(budget)["qwen"] == Spent(calls=9, tokens=900), "a ledger that lost rows gives nothing back"


@given(calls=st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.booleans()), max_size=30))
@settings(max_examples=20)
def test_no_sequence_of_calls_spends_more_than_the_budget_and_what_was_not_foreseen(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("budget")

    async def go() -> None:
        with opened(folder, calls=12, tokens=3000, cost=5.0) as budget:
            budget.reset({})
            beyond, billed = 0, 0
            for foreseen, took, stated in calls:
                before = charged_to(budget)["qwen"].tokens
                try:
                    reservation = await budget.reserve("qwen", "k", tokens(foreseen))
                except BudgetReached:
                    break
                budget.settle("qwen", reservation, tokens(took) if stated else Usage())
                billed += took if stated else 0
                beyond += max(0, took - foreseen, before + took - 3000) if stated else 0
            spent = charged_to(budget)["qwen"]
            assert spent.calls <= 12
            assert billed <= spent.tokens <= 3000 + beyond

    asyncio.run(go())


@pytest.mark.parametrize(("calls", "cost", "expected"), [(400, 1e6, 400), (10**6, 3.0, 300)])
def test_four_processes_spend_one_budget_exactly(tmp_path: Path, calls: int, cost: float, expected: int) -> None:
    path = tmp_path / "budget.sqlite"
    with Budget(path, {"t": BudgetLimits(calls=calls, cost=cost)}) as budget:
        budget.reset({})
        command = [sys.executable, "-c", SPENDER, str(path), str(calls), str(cost)]
        spenders = [subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) for _ in range(4)]
        sent = [int(spender.communicate(timeout=60)[0]) for spender in spenders]
        assert sum(sent) == expected
        assert charged_to(budget)["t"] == Spent(expected, 160 * expected, pytest.approx(expected * 0.01))


def test_a_folder_in_place_of_the_budget_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "budget.sqlite").mkdir()
    with pytest.raises(CorruptBuild, match=r"budget\.sqlite"):
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
    report = ShardReport(number=1, samples=1, taken_from="demo-00000000")
    (tmp_path / "1" / "report.json").write_text(json.dumps(stored_report(report)))
    assert spent_by_teacher([taken, own]) == spent_by_teacher([own])


def test_spending_is_never_read_from_a_damaged_ledger(tmp_path: Path) -> None:
    path = ledger(tmp_path / "ledger.sqlite", row("a"))
    path.write_bytes(path.read_bytes().replace(b"2026-01-01", b"2027-01-01"))
    with pytest.raises(CorruptBuild, match="key a"):
        spent_by_teacher([path])
