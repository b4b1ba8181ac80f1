"""Clues compared by meaning: vectors from an embeddings endpoint, bought once and kept in the ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from aiohttp import web

from factory.calls.ledger import Ledger
from factory.errors import EnvironmentFault
from factory.plugins.contracts import CallFailed
from factory.recipe.model import EmbeddingsBlock
from factory.verify.teachers_agree import teachers_agree
from factory.witnesses.embeddings import clue_vectors, read_vectors
from schemas import Answered, Case, Clue, GeoAnswer, LocatedAnswer, Sample

MEANINGS = {"a lorry": 0, "a truck": 0, "a palm": 1, "a tram": 2}


def answered(teacher: str, *texts: str) -> Answered:
    clues = tuple(Clue(kind="other", text=text) for text in texts)
    answer = GeoAnswer(localizable=True, clues=clues, country="Russia", city="Kazan", lat=55.79, lon=49.12)
    return Answered(teacher=teacher, model=teacher, request_key=teacher, answer=answer)


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


def block(port: int) -> EmbeddingsBlock:
    return EmbeddingsBlock(model="m", base_url=f"http://127.0.0.1:{port}/v1")


async def test_words_differ_and_meanings_agree(server: Server, tmp_path: Path) -> None:
    given = (answered("a", "a lorry", "a palm"), answered("b", "a truck", "a palm"))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        (evidence,) = await clue_vectors(["s"], [given], block(server.port), ledger)
    sample = Sample(id="s", image="s.jpg", lat=55.79, lon=49.12)
    located = tuple(
        LocatedAnswer(answered=one, country_code="RU", named_lat=55.79, named_lon=49.12, named_level="city")
        for one in given
    )
    by_words = teachers_agree(Case(sample=sample, answers=located), min_clue_overlap=0.9)
    by_meaning = teachers_agree(Case(sample=sample, answers=located, evidence=evidence), min_vector_overlap=0.9)
    assert (by_words.outcome, by_meaning.outcome) == ("fail", "pass")
    assert by_meaning.score == pytest.approx(1.0)


async def test_vectors_are_bought_once(server: Server, tmp_path: Path) -> None:
    given = [(answered("a", "a tram"), answered("b", "a palm"))]
    for _ in range(2):
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            found = await clue_vectors(["s"], given, block(server.port), ledger)
            assert ledger.totals().calls == 1
    assert server.calls == [["a tram", "a palm"]]
    assert found[0][0].vectors["a tram"] == (0.0, 0.0, 1.0, 0.0)


async def test_one_answer_asks_nothing(server: Server, tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert await clue_vectors(["s"], [(answered("a", "a tram"),)], block(server.port), ledger) == [()]
    assert server.calls == []


async def test_an_endpoint_that_is_away_stops_the_build_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.witnesses.embeddings.RETRIES", 0)
    given = [(answered("a", "a tram"), answered("b", "a palm"))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger, pytest.raises(EnvironmentFault, match="answers are kept"):
        await clue_vectors(["s"], given, block(9), ledger)


async def test_every_http_call_is_counted_and_a_passing_fault_is_tried_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.witnesses.embeddings.backoff_s", lambda tries, wait: 0.0)
    server.faults["a tram"] = [500, 429]
    given = [(answered("a", "a tram"), answered("b", "a palm"))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await clue_vectors(["s"], given, block(server.port), ledger)
        assert [(row.status, row.http_calls) for row in ledger.rows()] == [("ok", 3)]


async def test_calls_under_way_are_recorded_when_another_fails(server: Server, tmp_path: Path) -> None:
    server.faults["a tram"] = [400]
    server.latency_s = 0.5
    given = [(answered("a", "a tram"), answered("b", "a palm")), (answered("a", "a lorry"), answered("b", "a truck"))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(EnvironmentFault, match="permanent_error: 400 bad; answers are kept"):
            await clue_vectors(["bad", "good"], given, block(server.port), ledger)
        assert {row.sample_id: row.status for row in ledger.rows()} == {"bad": "exhausted", "good": "ok"}
        await clue_vectors(["bad", "good"], given, block(server.port), ledger)
        assert {row.sample_id: (row.status, row.http_calls) for row in ledger.rows()} == {
            "bad": ("ok", 2),
            "good": ("ok", 1),
        }
    assert len(server.calls) == 3


async def test_two_samples_with_the_same_clues_share_one_call(server: Server, tmp_path: Path) -> None:
    given = (answered("a", "a tram"), answered("b", "a palm"))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one, two = await clue_vectors(["s", "t"], [given, given], block(server.port), ledger)
    assert one == two and len(server.calls) == 1


async def test_an_endpoint_that_hangs_meets_the_deadline(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("factory.witnesses.embeddings.RETRIES", 0)
    monkeypatch.setattr("factory.witnesses.embeddings.TIMEOUT_S", 0.3)
    server.latency_s = 5
    given = [(answered("a", "a tram"), answered("b", "a palm"))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger, pytest.raises(EnvironmentFault, match="timeout: no whole"):
        await clue_vectors(["s"], given, block(server.port), ledger)


async def test_a_full_ledger_needs_neither_endpoint_nor_key(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    hosted = EmbeddingsBlock(model="m", base_url="https://api.openai.com/v1")
    given = [(answered("a", "a tram"), answered("b", "a palm"))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(EnvironmentFault, match="OPENAI_API_KEY"):
            await clue_vectors(["s"], given, hosted, ledger)
        bought = await clue_vectors(["s"], given, block(server.port), ledger)
        assert await clue_vectors(["s"], given, hosted, ledger) == bought


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
