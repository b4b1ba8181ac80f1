"""What a real Label Studio answered, recorded once and played back: `tests/golden/label_studio*.json`.

`make test-live` with RENEW_GOLDEN=1 records anew. Kept are method, path, query, status and body of every call; accounts
are made up, and no answer holds a key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx2
import polars as pl

from annotation.client import Client
from annotation.connection import Login
from annotation.controls import CRITERIA
from annotation.pairs import Pair, PairFiles, Taken, send, sent_pairs, take
from annotation.pull import Pulled, pull
from annotation.push import Pushed, push
from annotation.screens.pairs import PairScreen
from annotation.tasks import Wanted, asked
from annotation.transport import guarded
from factory.store.layout import Build
from tests.build_fixture import draw_jpeg, make_build
from tests.plain_screen import PlainScreen
from tests.studio import box, choice, number, words

GOLDEN = Path(__file__).parent / "golden" / "label_studio.json"
PAIRS = GOLDEN.with_name("label_studio_pairs.json")
Record = dict[str, Any]
Say = Callable[[str, dict[str, int]], None]
"""Lets annotators do something between calls: what, and the numbers of tasks by name."""


def session(root: Path, login: Login, say: Say) -> tuple[Build, list[Pushed], list[Pulled]]:
    """Pushed twice, answered, pulled, changed, pulled again."""
    build = make_build(root, samples=4, shard_size=4)
    names = build.verdicts.filter(pl.col("decision") != "quarantine")["id"].to_list()
    ones = [Wanted(id=name, shard=0, slot="", kind="dispute", uncertainty=0.5) for name in names]
    wanted = list(asked(ones, reviewers=2, overlap=1))
    with Client(login, sleep=lambda _: None) as client:
        pushed = [push(build, client, wanted, PlainScreen()) for _ in range(2)]
        from annotation.push import sent_rows

        tasks = {row["external"]: row["task"] for row in sent_rows(build)}
        say("answer", tasks)
        pulled = [pull(build, client)]
        say("change", tasks)
        pulled.append(pull(build, client))
    return build, pushed, pulled


FIXED = (
    choice("verdict", "fix"),
    choice("flags", "unsure"),
    words("reasoning", "The second sign decides."),
    number("lat", 48.25),
    number("lon", 16.5),
    box("evidence", 5, 10, 20, 40),
    words("comment", "see box"),
)
"""What the second answer of the recorded session is."""


def rated(left: str, *more: str) -> list[dict[str, Any]]:
    """What a screen of pairs sends: a side for each criterion, the first for those that are not named."""
    sides = [*more, *[left] * (len(CRITERIA) - len(more))]
    return [choice(name, side) for name, side in zip(CRITERIA, sides, strict=True)]


def pair_session(root: Path, login: Login, say: Say) -> tuple[PairFiles, list[tuple[int, int]], list[Taken]]:
    """Two pairs sent twice, rated by two reviewers, taken, changed, taken again."""
    files, screen = PairFiles(root), PairScreen()
    jpegs = [draw_jpeg(index) for index in range(2)]
    pairs = [Pair(id=f"p{at}", first=f"first {at}", second=f"second {at}", jpeg=jpegs[at]) for at in range(2)]
    with Client(login, sleep=lambda _: None) as client:
        sent = [send(files, client, pairs, screen, title="pairs 1 2", reviewers=2, seed=0) for _ in range(2)]
        tasks = {row["external"]: row["task"] for row in sent_pairs(files)}
        say("answer", tasks)
        taken = [take(files, client)]
        say("change", tasks)
        taken.append(take(files, client))
    return files, sent, taken


@contextmanager
def recording(records: list[Record]) -> Iterator[None]:
    """Notes every call of a client."""

    def noted(url: str, *, call_s: float) -> httpx2.Client:
        client = guarded(url, call_s=call_s)

        def note(answer: httpx2.Response) -> None:
            answer.read()
            records.append(_record(answer))

        client.event_hooks = {"response": [note]}
        return client

    with mock.patch("annotation.client.guarded", noted):
        yield


def _record(answer: httpx2.Response) -> Record:
    kind = answer.headers.get("content-type", "")
    body: Any = json.loads(answer.content) if kind.startswith("application/json") else {"bytes": answer.content.hex()}
    request = answer.request
    query = dict(request.url.params)
    return {
        "method": request.method,
        "path": request.url.path,
        "query": query,
        "status": answer.status_code,
        "body": body,
    }


@contextmanager
def played(records: list[Record]) -> Iterator[list[Record]]:
    """Answers every call as it was answered, in order; yields what is left."""
    left = list(records)

    def answer(request: httpx2.Request) -> httpx2.Response:
        record = left.pop(0)
        asked_now = (request.method, request.url.path, dict(request.url.params))
        assert asked_now == (record["method"], record["path"], record["query"])
        body = record["body"]
        if isinstance(body, Mapping) and body.keys() == {"bytes"}:
            return httpx2.Response(record["status"], content=bytes.fromhex(body["bytes"]))
        return httpx2.Response(record["status"], json=body)

    def client(url: str, *, call_s: float) -> httpx2.Client:
        return httpx2.Client(transport=httpx2.MockTransport(answer))

    with mock.patch("annotation.client.guarded", client):
        yield left
