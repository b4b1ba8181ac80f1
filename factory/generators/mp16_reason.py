"""MP16-Reason (GLOBE, NeurIPS 2025): localizability, visual clues, a reasoned path, and the place it leads to."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from typing import Any

import orjson

from factory.generators.parse import parse_answer
from factory.plugins.contracts import Generator, Prompt
from factory.plugins.registry import register
from schemas import Sample

KINDS = (
    "signage",
    "language",
    "landmark",
    "architecture",
    "road",
    "vehicle",
    "plate",
    "infrastructure",
    "vegetation",
    "terrain",
    "climate",
    "sky",
    "people",
    "culture",
    "other",
)


@register("generator", "mp16_reason")
def mp16_reason(*, max_clues: int = 8, max_words: int = 150) -> Generator:
    """Localizability, clues, reasoning and place of one photo, asked without a word about the sample."""
    prompt = render(max_clues, max_words)

    def ask(_sample: Sample) -> Prompt:
        return prompt

    version = f"{prompt.version}-{prompt.sha256[:8]}"
    return Generator(name="mp16_reason", version=version, prompt=ask, parse=parse_answer)


@cache
def render(max_clues: int, max_words: int) -> Prompt:
    """The prompt of the packaged template. Every sample gets the same words: the image is the only variable."""
    import jinja2

    # The text goes to a model, not to a browser: escaping would change it.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    source = resources.files("factory.teachers").joinpath("prompts", "mp16_reason.jinja").read_text(encoding="utf-8")
    template = environment.from_string(source)
    module: Any = template.make_module({"kinds": KINDS, "max_clues": max_clues, "max_words": max_words})
    system, user, schema = str(module.system()).strip(), str(module.user()).strip(), response_schema()
    content = orjson.dumps([system, user, schema], option=orjson.OPT_SORT_KEYS)
    return Prompt(
        name="mp16_reason",
        version=str(module.version),
        system=system,
        user=user,
        response_schema=schema,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def response_schema() -> dict[str, Any]:
    """JSON Schema in the strict subset every structured-output server takes: all keys required, nulls by type.

    No string has `maxLength`: vLLM's default grammar backend then emits raw control characters. The order of the
    properties is the order in which a constrained model writes them.
    """
    text, text_or_null = {"type": "string"}, {"type": ["string", "null"]}
    clue = _closed({"kind": {"type": "string", "enum": list(KINDS)}, "text": text, "supports": text})
    return _closed(
        {
            "scene": {"type": "string", "enum": ["indoor", "natural", "urban"]},
            "clues": {"type": "array", "items": clue},
            "reasoning": text,
            "localizable": {"type": "boolean"},
            "confidence": {"type": "number"},
            "country": text_or_null,
            "region": text_or_null,
            "city": text_or_null,
            "latitude": {"type": ["number", "null"]},
            "longitude": {"type": ["number", "null"]},
        }
    )


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def is_releasable(reasoning: str | None, country_correct: bool | None) -> bool:
    """Whether an answer's reasoning may become a row's response: it is there, and leads to the right country.

    A country that cannot be compared (`None`: the truth's or the answer's is unknown, as at sea) is not wrong; such
    rows are decided by the recipe's checks alone.
    """
    return bool((reasoning or "").strip()) and country_correct is not False
