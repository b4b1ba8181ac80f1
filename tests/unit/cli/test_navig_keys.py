"""A key goes to the endpoint that it was named for: `factory navig` may ask a reasoner of somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory.cli.navig import _Servers
from schemas import Request, Turn
from tests.reward_server import reward_server
from train.asking import Question, ask_all, open_desk


async def sent(tmp_path: Path, **named: str | None) -> tuple[set[str], set[str]]:
    """The authorisations that a guesser's server and another one were sent, each model having been asked."""
    question = Question("a", Request("navig:reason", (Turn("user", ("Where?",)),)), lambda reply: reply.text)
    with reward_server() as one, reward_server() as other:
        apart = other.url if named.pop("apart") else None
        servers = _Servers(
            url=one.url,
            model="g",
            key=named["key"],
            reasoner="r",
            reasoner_url=apart,
            reasoner_key=named["reasoner_key"],
            nominatim=None,
            at_once=1,
        )
        for number, model in enumerate(servers.models()):
            async with open_desk(tmp_path / str(number), model) as desk:
                assert await ask_all(desk, [question]) == ["yes"]
        found = {call["key"] for call in one.asked}
        return found, {call["key"] for call in other.asked}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUESSER_KEY", "canary-of-the-guesser")
    monkeypatch.setenv("REASONER_KEY", "canary-of-the-reasoner")


async def test_another_endpoint_is_sent_no_key_that_was_not_named_for_it(tmp_path: Path) -> None:
    one, other = await sent(tmp_path, apart="yes", key="GUESSER_KEY", reasoner_key=None)
    assert one == {"Bearer canary-of-the-guesser"} and other == {"Bearer EMPTY"}


async def test_each_endpoint_is_sent_its_own_key(tmp_path: Path) -> None:
    one, other = await sent(tmp_path, apart="yes", key="GUESSER_KEY", reasoner_key="REASONER_KEY")
    assert one == {"Bearer canary-of-the-guesser"} and other == {"Bearer canary-of-the-reasoner"}


async def test_a_reasoner_at_the_same_endpoint_is_asked_with_the_same_key(tmp_path: Path) -> None:
    one, other = await sent(tmp_path, apart=None, key="GUESSER_KEY", reasoner_key=None)
    assert one == {"Bearer canary-of-the-guesser"} and other == set()
