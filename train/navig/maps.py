"""Where the words on a sign are on a map: the offline gazetteer, or a Nominatim by its address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

from factory.plugins.contracts import Backends, CallFailed, ParseFailure, Question
from factory.teachers.client import NO_KEY, OpenAIClient
from factory.teachers.failures import http_failure
from factory.text import tidy
from schemas import Reply, Request, Turn
from schemas.plain_json import read_json
from schemas.settings import TeacherSettings
from train.asking import Model
from train.endpoint import address

MOST: Final = 3
"""Places a search gives; NAVIG takes three."""
MAX_ANSWER: Final = 100_000
"""Bytes of a Nominatim's answer; three places have about 2,000."""
_PUBLIC: Final = "nominatim.openstreetmap.org"
PUBLIC_INTERVAL_S: Final = 1.0
"""Its usage policy allows a request a second."""
NAME: Final = "map"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that a search gives."""

    name: str
    lat: float
    lon: float


def in_gazetteer(words: str) -> list[Hit]:
    """What the offline gazetteer knows under a sign's words: settlements, regions and countries, no shops."""
    from factory.geo import country_name, forward

    found = []
    for row in forward(words, candidates=MOST).iter_rows(named=True):
        if row["lat"] is not None:
            parts = (row["city"], row["region"], country_name(row["country_code"]))
            found.append(Hit(", ".join(part for part in parts if part), row["lat"], row["lon"]))
    return found


def nominatim(url: str) -> Model:
    """A Nominatim as a model that is asked, so that its answers are kept in the ledger, too. Raises RecipeError."""
    asked = address(url, "the map")
    is_public = urlsplit(asked).hostname == _PUBLIC
    settings = TeacherSettings(name=NAME, backend="nominatim", model="nominatim", max_in_flight=1, timeout_s=30.0)
    return settings, Backends((Nominatim(asked, settings, PUBLIC_INTERVAL_S if is_public else 0.0),))


def search(words: str) -> Request:
    """The question to a Nominatim."""
    return Request("navig:map", (Turn("user", (words,)),))


class Nominatim(OpenAIClient):
    """One Nominatim server; the connection, its bounds and its deadline are those of any endpoint."""

    def __init__(self, url: str, settings: TeacherSettings, interval_s: float) -> None:
        super().__init__(url, NO_KEY, settings)
        self._interval_s, self._next = interval_s, 0.0

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._client = self._open.with_options(default_headers={"User-Agent": "geo-reasoning-factory"})
        return self

    def inputs(self, question: Question) -> Mapping[str, Any]:
        return {}

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """The server's JSON as it came. Raises CallFailed."""
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self._interval_s
        words = str(question.request.turns[0].parts[0])
        path = f"/search?format=jsonv2&limit={MOST}&q={quote(words, safe='')}"
        started = time.perf_counter()
        status, content, wait_s = await self.get(path)
        if status != 200:
            raise http_failure(status, content, wait_s, self.redact)
        if len(content) > MAX_ANSWER:
            raise CallFailed(kind="bad_body", detail=f"{len(content):,} bytes; at most {MAX_ANSWER:,}", retryable=True)
        text = content.decode("utf-8", "replace")
        return Reply(text=text, finish_reason="stop", latency_s=time.perf_counter() - started)


def read_hits(reply: Reply) -> list[Hit] | ParseFailure:
    """The places in a Nominatim's answer; a place without coordinates fails it."""
    try:
        found = read_json(reply.text.encode())
        if not isinstance(found, list):
            raise TypeError("no list")
        hits = [Hit(tidy(str(one["display_name"]), 200), float(one["lat"]), float(one["lon"])) for one in found[:MOST]]
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        return ParseFailure("bad_schema", f"no list of places: {type(error).__name__}")
    if not all(abs(hit.lat) <= 90 and abs(hit.lon) <= 180 for hit in hits):
        return ParseFailure("bad_schema", "impossible coordinates")
    return hits


def told(found: Mapping[str, list[Hit]]) -> str:
    """Hits as the guesser reads them; a name may stand for several places, and all of them are told."""
    lines = [
        f'- "{words}" may be {hit.name} ({hit.lat:.4f}, {hit.lon:.4f})' for words, hits in found.items() for hit in hits
    ]
    return "\n".join(lines)
