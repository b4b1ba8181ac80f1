"""Clues compared by meaning: vectors from an embeddings endpoint, bought once and kept in the ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from aiohttp import web

from factory.calls.ask import Desk
from factory.errors import BudgetReached, EnvironmentFault, PluginFault
from factory.plugins.contracts import CallFailed, NoAnswer, Witness
from factory.verify.teachers_agree import teachers_agree
from factory.witnesses.embeddings import clue_texts, embeddings, read_vectors
from schemas import Answered, Case, Clue, Evidence, GeoAnswer, LocatedAnswer, Sample, Seen
from schemas.settings import BudgetLimits
from tests.asking import asker, open_desk

MEANINGS = {"a lorry": 0, "a truck": 0, "a palm": 1, "a tram": 2}


def answered(teacher: str, *texts: str) -> Answered:
    clues = tuple(Clue(kind="other", text=text) for text in texts)
    answer = GeoAnswer(localizable=True, clues=clues, country="Russia", city="Kazan", lat=55.79, lon=49.12)
    return Answered(teacher=teacher, model=teacher, keys=(teacher,), place=answer)


class Server:
    """An embeddings endpoint whose vectors follow what a text means."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.faults: dict[str, list[int]] = {}
        """Statuses that calls with a text get, one after the other; then they are answered."""
        self.latency_s = 0.0
        self.port = 0

    async def embed(self, request: web.Request) -> web.Response:
        texts = orjson.loads(await request.read())["input"]
        self.calls.append(texts)
        statuses = next((self.faults[text] for text in texts if self.faults.get(text)), None)
        if statuses:
            return web.Response(status=statuses.pop(0), body=b'{"error": {"message": "bad"}}')
        await asyncio.sleep(self.latency_s)
        rows = [
            {"object": "embedding", "index": i, "embedding": np.eye(4)[MEANINGS[t]].tolist()}
            for i, t in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        body = {"object": "list", "data": rows[::-1], "model": "m", "usage": usage}
        return web.Response(body=orjson.dumps(body), content_type="application/json")


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/embeddings", found.embed)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        ready.set()

    starting = loop.create_task(serve())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield found
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    assert starting.done()


def witness(port: int, **settings: Any) -> Witness:
    return embeddings(Path(), model="m", base_url=f"http://127.0.0.1:{port}/v1", **settings)


@asynccontextmanager
async def desk_of(folder: Path, one: Witness, **more: Any) -> AsyncIterator[Desk]:
    assert one.settings is not None and one.backends is not None
    async with open_desk(folder, (one.settings, one.backends), **more) as desk:
        yield desk


async def look(desk: Desk, one: Witness, *answers: Answered, sample_id: str = "s") -> Evidence | None:
    """What the witness says of one sample's answers."""
    sample = Sample(id=sample_id, lat=55.79, lon=49.12)
    ask = asker(desk, sample, teacher="embeddings", may_see_truth=False)
    return await one.look(Seen(id=sample_id, images=()), {}, answers, ask)


PAIR = (answered("a", "a tram"), answered("b", "a palm"))


async def test_words_differ_and_meanings_agree(server: Server, tmp_path: Path) -> None:
    given = (answered("a", "a lorry", "a palm"), answered("b", "a truck", "a palm"))
    one = witness(server.port)
    async with desk_of(tmp_path, one) as desk:
        found = await look(desk, one, *given)
    assert found is not None and found.source == "m"
    sample = Sample(id="s", lat=55.79, lon=49.12)
    located = tuple(
        LocatedAnswer(answered=one, country_code="RU", named_lat=55.79, named_lon=49.12, named_level="city")
        for one in given
    )
    by_words = teachers_agree(Case(sample=sample, answers=located), min_clue_overlap=0.9)
    by_meaning = teachers_agree(Case(sample=sample, answers=located, evidence=(found,)), min_vector_overlap=0.9)
    assert (by_words.outcome, by_meaning.outcome) == ("fail", "pass")
    assert by_meaning.score == pytest.approx(1.0)


async def test_vectors_are_bought_once(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        one = witness(server.port)
        async with desk_of(tmp_path, one) as desk:
            found = await look(desk, one, *PAIR)
            assert desk.ledger.totals().calls == 1
            (row,) = desk.ledger.rows()
    assert server.calls == [["a tram", "a palm"]]
    assert found is not None and found.vectors["a tram"] == (0.0, 0.0, 1.0, 0.0)
    assert (row.teacher, row.purpose, row.model, row.prompt_tokens) == ("embeddings", "witness:embeddings", "m", 2)


async def test_what_it_costs_has_a_budget_line_of_its_own(server: Server, tmp_path: Path) -> None:
    one = witness(server.port, prices={"input_per_million": 1e6})
    limits = {"embeddings": BudgetLimits(calls=1)}
    async with desk_of(tmp_path, one, limits=limits) as desk:
        await look(desk, one, *PAIR)
        assert desk.ledger.totals().cost == 2.0
        with pytest.raises(BudgetReached, match="embeddings: its budget of 1 calls"):
            await look(desk, one, answered("a", "a lorry"), answered("b", "a palm"))


async def test_one_answer_asks_nothing(server: Server, tmp_path: Path) -> None:
    one = witness(server.port)
    async with desk_of(tmp_path, one) as desk:
        assert await look(desk, one, answered("a", "a tram")) is None
        failed = Answered(teacher="b", model="b", failure="refused")
        assert await look(desk, one, answered("a", "a tram"), failed) is None
    assert server.calls == []


def test_each_clue_is_sent_once_and_the_combined_answers_are_not() -> None:
    combined = replace(answered("j", "a lorry"), combined=True)
    assert clue_texts([*PAIR, answered("c", "a tram"), combined]) == ("a tram", "a palm")
    assert clue_texts([PAIR[0], combined]) == ()


async def test_it_is_told_no_truth(server: Server, tmp_path: Path) -> None:
    one = witness(server.port)
    async with desk_of(tmp_path, one) as desk:
        with pytest.raises(PluginFault, match="a witness asks for the truth"):
            asker(desk, teacher="embeddings", may_see_truth=False).truth("country")


async def test_an_endpoint_that_is_away_stops_the_build_with_a_reason(tmp_path: Path) -> None:
    one = witness(9, recovery_s=0.3)
    async with desk_of(tmp_path, one) as desk:
        with pytest.raises(EnvironmentFault, match=r"no endpoint answers: http://127\.0\.0\.1:9/v1"):
            await look(desk, one, *PAIR)


async def test_every_http_call_is_counted_and_a_passing_fault_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.faults["a tram"] = [500, 429]
    one = witness(server.port)
    async with desk_of(tmp_path, one) as desk:
        await look(desk, one, *PAIR)
        assert [(row.status, row.http_calls) for row in desk.ledger.rows()] == [("ok", 3)]


async def test_calls_under_way_are_recorded_when_another_fails_and_the_next_run_asks_again(
    server: Server, tmp_path: Path
) -> None:
    server.faults["a tram"] = [400]
    server.latency_s = 0.5
    one = witness(server.port)
    other = (answered("a", "a lorry"), answered("b", "a truck"))
    async with desk_of(tmp_path, one) as desk:
        asked = (look(desk, one, *PAIR, sample_id="bad"), look(desk, one, *other, sample_id="good"))
        bad, good = await asyncio.gather(*asked, return_exceptions=True)
        assert isinstance(bad, EnvironmentFault) and "http_400: 400 bad" in str(bad)
        assert "Answers are kept" in str(bad)
        assert isinstance(good, Evidence)
        assert [(row.sample_id, row.status) for row in desk.ledger.rows()] == [("good", "ok")]
    async with desk_of(tmp_path, one) as desk:
        await asyncio.gather(look(desk, one, *PAIR, sample_id="bad"), look(desk, one, *other, sample_id="good"))
        assert {row.sample_id: row.status for row in desk.ledger.rows()} == {"bad": "ok", "good": "ok"}
    assert len(server.calls) == 3


async def test_two_samples_with_the_same_clues_share_one_call(server: Server, tmp_path: Path) -> None:
    one = witness(server.port)
    async with desk_of(tmp_path, one) as desk:
        found = await asyncio.gather(look(desk, one, *PAIR, sample_id="s"), look(desk, one, *PAIR, sample_id="t"))
    assert found[0] == found[1] and len(server.calls) == 1


async def test_an_endpoint_that_hangs_meets_the_deadline(server: Server, tmp_path: Path) -> None:
    server.latency_s = 5
    one = witness(server.port, timeout_s=0.3, attempts=1)
    async with desk_of(tmp_path, one) as desk:
        with pytest.raises(NoAnswer, match="exhausted: timeout: no whole"):
            await look(desk, one, *PAIR)


async def test_a_full_ledger_needs_no_endpoint(server: Server, tmp_path: Path) -> None:
    one, gone = witness(server.port), witness(9, recovery_s=0.1)
    async with desk_of(tmp_path, one) as desk:
        bought = await look(desk, one, *PAIR)
    async with desk_of(tmp_path, gone) as desk:
        assert await look(desk, gone, *PAIR) == bought


def test_a_key_that_is_needed_and_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EnvironmentFault, match="OPENAI_API_KEY"):
        embeddings(Path(), model="m", base_url="https://api.openai.com/v1")


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 0, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": [1, "x"]}, {"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": [1, null]}, {"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": "AAAA"}]}',
    ],
)
def test_what_is_no_vector_for_each_text_is_a_failed_call(body: bytes) -> None:
    with pytest.raises(CallFailed, match="bad_body"):
        read_vectors(body, 2)
