from __future__ import annotations

import dataclasses
import json

import jinja2
import pytest

from factory.generators import open_generator
from factory.generators.mp16_reason import mp16_reason, render
from factory.recipe.model import GENERATOR
from schemas import Sample

CANARY = Sample(
    id="canary-id-7391",
    image="canary-image-7391.jpg",
    lat=12.739117391,
    lon=-73.917391739,
    uncertainty_km=7391.5,
    country_code="canary-country-7391",
    region="canary-region-7391",
    city="canary-city-7391",
    scene="canary-scene-7391",
    author="canary-author-7391",
    licence="canary-licence-7391",
    captured_at="canary-time-7391",
    source_url="https://canary.example/7391",
    source_row=73917391,
)


def test_nothing_about_the_sample_enters_the_prompt() -> None:
    prompt = mp16_reason().prompt(CANARY)
    sent = " ".join((prompt.system, prompt.user, json.dumps(prompt.response_schema)))
    assert "7391" not in sent and "canary" not in sent
    for field in dataclasses.fields(CANARY):
        assert str(getattr(CANARY, field.name)) not in sent


def test_every_sample_gets_the_same_words() -> None:
    generator = mp16_reason()
    other = dataclasses.replace(CANARY, id="x", city=None)
    assert generator.prompt(CANARY) == generator.prompt(other)


def test_asks_for_evidence_before_reasoning_and_reasoning_before_the_place() -> None:
    prompt = mp16_reason().prompt(CANARY)
    assert prompt.response_schema is not None
    order = list(prompt.response_schema["properties"])
    assert order.index("clues") < order.index("reasoning") < order.index("localizable") < order.index("country")
    positions = [prompt.user.index(word) for word in ("1. clues", "2. reasoning", "3. localizable", "5. country")]
    assert positions == sorted(positions)


def test_the_example_in_the_prompt_has_exactly_the_keys_of_the_schema() -> None:
    prompt = mp16_reason().prompt(CANARY)
    example = json.loads(prompt.user[prompt.user.index('{"scene"') :])
    assert prompt.response_schema is not None
    assert list(example) == list(prompt.response_schema["properties"]) == prompt.response_schema["required"]


def test_the_schema_is_strict_and_bounds_no_string() -> None:
    schema = json.dumps(mp16_reason().prompt(CANARY).response_schema)
    assert schema.count('"additionalProperties": false') == schema.count('"type": "object"') == 2
    assert "maxLength" not in schema


def test_settings_change_the_prompt_and_with_it_the_version() -> None:
    one, two = mp16_reason(max_clues=3), mp16_reason(max_clues=4)
    assert one.prompt(CANARY).sha256 != two.prompt(CANARY).sha256
    assert one.version != two.version
    assert "at most 3" in one.prompt(CANARY).user


def test_a_missing_variable_is_an_error_and_never_an_empty_word(monkeypatch: pytest.MonkeyPatch) -> None:
    render.cache_clear()
    monkeypatch.setattr("factory.generators.mp16_reason.KINDS", jinja2.StrictUndefined(name="kinds"))
    with pytest.raises(jinja2.UndefinedError, match="kinds"):
        render(1, 1)
    render.cache_clear()


def test_a_recipe_names_it_with_or_without_settings() -> None:
    assert open_generator(GENERATOR.validate("mp16_reason")).name == "mp16_reason"
    assert (
        "at most 2" in open_generator(GENERATOR.validate({"name": "mp16_reason", "max_clues": 2})).prompt(CANARY).user
    )
