from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import jinja2
import pytest

from factory.generators import open_generator
from factory.generators.mp16_reason import mp16_reason, read_place, render
from factory.plugins.contracts import Generator, NoAnswer, ParseFailure, Said
from factory.recipe.model import GENERATOR
from schemas import Evidence, Finding, GeoAnswer, Picture, Reply, Request, Seen, Truth

CANARY = Seen(
    id="canary-id-7391",
    images=("photo",),
    texts={"canary-name-7391": "canary-text-7391"},
    evidence=(Evidence(source="canary-source-7391", findings=(Finding(kind="text", text="canary-sign-7391"),)),),
)
KAZAN = json.dumps({"localizable": True, "country": "Russia", "city": "Kazan", "reasoning": "A tram.", "clues": []})


class Answering:
    """An `ask` that gives one reply to every request and keeps what it was asked."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[Request] = []

    async def __call__(self, request: Request, *, read: Callable[[Reply], Any], teacher: str | None = None) -> Any:
        self.asked.append(request)
        found = read(Reply(text=self.text, finish_reason="stop"))
        if isinstance(found, ParseFailure):
            raise NoAnswer(found.kind, found.detail)
        return found

    def truth(self, level: str) -> Truth:
        raise AssertionError("this family is told nothing")

    def is_within(self, km: float, *, lat: float, lon: float) -> bool | None:
        raise AssertionError("this family is told nothing")


def asked(generator: Generator, seen: Seen = CANARY) -> Request:
    """The one question a sample costs."""
    assert generator.answer is not None
    ask = Answering(KAZAN)
    said: Said = asyncio.run(generator.answer(seen, ask))  # type: ignore[arg-type]
    assert said.place is not None and (said.place.city, dict(said.values)) == ("Kazan", {})
    (request,) = ask.asked
    return request


def user_words(request: Request) -> str:
    words, picture = request.turns[1].parts
    assert isinstance(words, str) and picture == Picture("photo")
    return words


def schema_of(request: Request) -> dict[str, Any]:
    assert request.schema is not None
    return dict(request.schema)


def test_nothing_about_the_sample_enters_the_question() -> None:
    request = asked(mp16_reason())
    sent = repr(request)
    assert "7391" not in sent and "canary" not in sent
    assert (request.purpose, [turn.who for turn in request.turns]) == ("answer", ["system", "user"])


def test_every_sample_gets_the_same_words() -> None:
    generator = mp16_reason()
    assert asked(generator) == asked(generator, Seen(id="x", images=("photo",)))


def test_the_words_come_before_the_picture_and_one_picture_is_shown() -> None:
    assert asked(mp16_reason()).pictures == ("photo",)
    assert user_words(asked(mp16_reason()))


def test_it_needs_one_photo_and_asks_once() -> None:
    generator = mp16_reason()
    assert (generator.needs.images, generator.needs.texts, generator.needs.calls) == (("photo",), (), (1, 1))
    assert generator.states_place and generator.combine is None and generator.records is None


def test_a_reply_that_is_no_place_is_no_answer() -> None:
    generator = mp16_reason()
    assert generator.answer is not None
    with pytest.raises(NoAnswer, match="not_json"):
        asyncio.run(generator.answer(CANARY, Answering("It is nice there.")))  # type: ignore[arg-type]
    assert isinstance(read_place(Reply(text=KAZAN, finish_reason="stop")), GeoAnswer)
    cut = read_place(Reply(text=KAZAN[:30], finish_reason="length"))
    assert isinstance(cut, ParseFailure) and cut.kind == "truncated"


def test_asks_for_evidence_before_reasoning_and_reasoning_before_the_place() -> None:
    request = asked(mp16_reason())
    order = list(schema_of(request)["properties"])
    assert order.index("clues") < order.index("reasoning") < order.index("localizable") < order.index("country")
    words = ("1. clues", "2. reasoning", "3. localizable", "5. country")
    positions = [user_words(request).index(word) for word in words]
    assert positions == sorted(positions)


def test_the_example_in_the_question_has_exactly_the_keys_of_the_schema() -> None:
    request = asked(mp16_reason())
    words, schema = user_words(request), schema_of(request)
    example = json.loads(words[words.index('{"scene"') :])
    assert list(example) == list(schema["properties"]) == schema["required"]


def test_the_schema_is_strict_and_bounds_no_string() -> None:
    schema = json.dumps(schema_of(asked(mp16_reason())))
    assert schema.count('"additionalProperties": false') == schema.count('"type": "object"') == 2
    assert "maxLength" not in schema


def test_settings_change_the_words_and_with_them_the_version() -> None:
    one, two = mp16_reason(max_clues=3), mp16_reason(max_clues=4)
    assert asked(one).sha256 != asked(two).sha256
    assert one.version != two.version
    assert "at most 3" in user_words(asked(one))


def test_the_version_is_that_of_the_words_and_names_them() -> None:
    request, version = render(8, 150)
    assert mp16_reason().version == f"{version}-{request.sha256[:8]}"


def test_whose_reasoning_is_released_is_no_other_question() -> None:
    assert asked(mp16_reason(answer="first")) == asked(mp16_reason())


def test_a_missing_variable_is_an_error_and_never_an_empty_word(monkeypatch: pytest.MonkeyPatch) -> None:
    render.cache_clear()
    monkeypatch.setattr("factory.generators.mp16_reason.KINDS", jinja2.StrictUndefined(name="kinds"))
    with pytest.raises(jinja2.UndefinedError, match="kinds"):
        render(1, 1)
    render.cache_clear()


def test_a_recipe_names_it_with_or_without_settings() -> None:
    assert open_generator(GENERATOR.validate("mp16_reason")).name == "mp16_reason"
    bounded = open_generator(GENERATOR.validate({"name": "mp16_reason", "max_clues": 2}))
    assert "at most 2" in user_words(asked(bounded))
