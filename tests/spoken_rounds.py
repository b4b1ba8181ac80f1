"""Rounds of play-throughs and what teachers make of them, for tests of the family `naviclues` and its checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from factory.generators.naviclues import read_clues
from factory.plugins.contracts import ParseFailure
from schemas import Answered, Case, ImageRef, LocatedAnswer, Photo, Reply, Sample

SAID: Final = (
    "okay so, um, red soil, really red soil",
    "it's Tanzania, no wait, the plates are yellow at the back",
    "driving on the left, so that's, that's Kenya for me",
)
SENTENCES: Final = (
    ("The soil is really red.", "really red soil"),
    ("The plates at the back are yellow.", "the plates are yellow at the back"),
    ("Cars drive on the left, so that is Kenya.", "driving on the left, so that's Kenya"),
)
TEXTS: Final = {"round": "2", "points": "4865", "distance_km": "41", "youtube_url": "https://videos.example/1"}


def reply(*sentences: Sequence[str], country: str | None = "Kenya", **more: Any) -> str:
    """A reply of sentences, each with its quotes behind it."""
    made = [{"quotes": list(quotes), "text": text} for text, *quotes in sentences or SENTENCES]
    return json.dumps({"sentences": made, "country": country, **more}, ensure_ascii=False)


def answer(
    *sentences: Sequence[str], country: str | None = "Kenya", teacher: str = "t", failure: str | None = None
) -> LocatedAnswer:
    """What the family makes of one reply; with an empty tuple for its one sentence, of one without any."""
    values: Any = {}
    if failure is None:
        none = sentences == ((),)
        text = json.dumps({"sentences": [], "country": country}) if none else reply(*sentences, country=country)
        values = read_clues(Reply(text=text, finish_reason="stop"))
        assert not isinstance(values, ParseFailure), values
    answered = Answered(teacher=teacher, model="m", keys=("k",), values=values, failure=failure)
    return LocatedAnswer(answered=answered)


def spoken_round(
    *answers: LocatedAnswer, said: Sequence[str] = SAID, photo: bool = True, code: str | None = "KE", **texts: str
) -> Case:
    """A round in Kenya with what was said in it."""
    sample = Sample(
        id="ada.vtt/2",
        images=(ImageRef(locator="3.jpg"),) if photo else (),
        texts={**TEXTS, "transcript": "\n".join(said), **texts},
        lat=-1.095,
        lon=35.866,
        country_code=code,
    )
    photos = (Photo(sha256="ab" * 32, width=640, height=480, bytes=9),) if photo else ()
    return Case(sample=sample, answers=answers, photos=photos)
