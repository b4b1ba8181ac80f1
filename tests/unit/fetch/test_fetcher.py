"""How long a server may take, and that waiting for one's turn is not its fault."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler

from factory.fetch.fetcher import Manners, Missing, fetching
from tests.picture_host import Pictures, picture_host


def all_of(pictures: Pictures, paths: list[str], *, whole_s: float) -> list[bytes | Missing]:
    manners = Manners(allowed=frozenset(("127.0.0.1",)), per_host=1, pause_s=0.0, whole_s=whole_s, tries=1)

    async def fetched() -> list[bytes | Missing]:
        async with fetching(manners, at_once=8) as fetcher:
            return await asyncio.gather(*(fetcher.fetch(f"{pictures.url}{path}") for path in paths))

    return asyncio.run(fetched())


def test_a_slow_picture_fails_alone_and_those_behind_it_have_their_time() -> None:
    over = threading.Event()

    def hangs(handler: BaseHTTPRequestHandler) -> None:
        over.wait(60)

    with picture_host() as pictures:
        pictures.answers["/slow"] = hangs
        for number in range(4):
            pictures.give(f"/{number}", b"a picture")
        found = all_of(pictures, ["/slow", "/0", "/1", "/2", "/3"], whole_s=3.0)
        over.set()
    assert isinstance(found[0], Missing) and found[0].reason == "timeout"
    assert found[1:] == [b"a picture"] * 4


def test_redirects_of_one_try_share_its_time() -> None:
    over = threading.Event()
    with picture_host() as pictures:
        pictures.give("/first", b"", 302, Location="/second")
        pictures.answers["/second"] = lambda handler: over.wait(60) and None
        found = all_of(pictures, ["/first"], whole_s=2.0)
        over.set()
    assert isinstance(found[0], Missing) and found[0].reason == "timeout"
