"""Models asked outside a build: how many calls a command may make, and what becomes of calls under way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factory.errors import BudgetReached
from schemas import Reply, Request, Turn
from tests.reward_server import Rewarding, reward_server
from train.asking import Model, Question, Stop, ask_all, ask_one, open_desk, openai_model


def question(number: int) -> Question[str]:
    def read(reply: Reply) -> str:
        return reply.text

    return Question(str(number), Request("asking", (Turn("user", (f"Where is {number}?",)),)), read)


@pytest.fixture
def server() -> Iterator[Rewarding]:
    with reward_server() as server:
        yield server


def model(server: Rewarding, name: str = "one") -> Model:
    return openai_model(server.url, name, name=name, max_in_flight=2)


async def run(server: Rewarding, folder: Path, count: int, most: int | None) -> list[object]:
    async with open_desk(folder, model(server), max_calls=most) as desk:
        return list(await ask_all(desk, [question(number) for number in range(count)]))


async def test_each_run_may_make_as_many_calls_and_repeats_none(server: Rewarding, tmp_path: Path) -> None:
    for made in (2, 4):
        with pytest.raises(BudgetReached, match=r"--max-calls 2 is reached.*the same command again for up to 2 more"):
            await run(server, tmp_path, 5, 2)
        assert len(server.asked) == made
    assert await run(server, tmp_path, 5, 2) == ["yes"] * 5 and len(server.asked) == 5
    assert await run(server, tmp_path, 5, 0) == ["yes"] * 5 and len(server.asked) == 5


async def test_all_models_share_what_a_run_may_ask(server: Rewarding, tmp_path: Path) -> None:
    async with open_desk(tmp_path, model(server), model(server, "other"), max_calls=1) as desk:
        one, other = desk.teachers
        assert await ask_one(desk, question(0), one, Stop()) == "yes"
        with pytest.raises(BudgetReached):
            await ask_one(desk, question(0), other, Stop())
    assert len(server.asked) == 1


async def test_nothing_is_asked_where_no_call_is_allowed(server: Rewarding, tmp_path: Path) -> None:
    with pytest.raises(BudgetReached, match="nobody may be asked it; allow some calls"):
        await run(server, tmp_path, 1, 0)
    assert not server.asked


async def test_calls_under_way_are_kept_when_the_questions_end_in_a_fault(server: Rewarding, tmp_path: Path) -> None:
    def questions() -> Iterator[Question[str]]:
        yield question(0)
        yield question(1)
        raise ValueError("the third photo is damaged")

    async with open_desk(tmp_path, model(server)) as desk:
        with pytest.raises(ValueError, match="the third photo is damaged"):
            await ask_all(desk, questions())
        assert desk.ledger.totals().calls == 2
    assert await run(server, tmp_path, 2, 0) == ["yes"] * 2 and len(server.asked) == 2
