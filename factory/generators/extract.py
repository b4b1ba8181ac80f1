"""Finding the answer in a teacher's text: clean JSON, fenced or after prose, almost-JSON, `<think>/<answer>` blocks.

Everything here is linear in the text and bounded: what stands past MAX_TEXT is ignored, decoding starts at most
MAX_STARTS times, wrappers are followed MAX_DEPTH levels. An object that was cut off is never completed, because that
would invent an answer: json_repair, the last resort, sees only objects whose braces close.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_TEXT = 200_000
"""Characters of a reply that are searched; 32k tokens of reasoning before the answer are about 130,000."""
MAX_STARTS = 64
"""Places where an object may begin that are tried: each costs a parse, and a hostile reply may be all braces."""
MAX_DEPTH = 4
"""Wrappers around the answer that are followed, as in `{"answer": {"result": {...}}}`."""
MAX_REPAIR = 32_000
"""Characters that json_repair is given: bounds the time that text which is no JSON may take."""
MIN_PROSE = 40
"""Shorter words before the JSON ("Sure! Here it is:") are no reasoning."""

ANSWER_KEYS = frozenset(
    """localizable localizability is_localizable localisable confidence scene clues evidence reasoning country
    country_name region state province city town lat latitude lon lng long longitude coordinates""".split()  # noqa: SIM905
)
_WRAPPERS = ("answer", "data", "response", "result", "output", "final_answer", "prediction")

_DECODER = json.JSONDecoder(strict=False)
_THINK_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_LINE = re.compile(r"^[ \t*-]{0,8}([A-Za-z][A-Za-z /_]{1,30}?)[ \t*]{0,8}[:=](.*)$", re.MULTILINE)
# A string matches even when it is not closed: no start is ever tried twice.
_STRING = r'"(?:[^"\\]|\\.)*"?'
_COMMA = re.compile(_STRING + r"|,(?=\s{0,200}[}\]])", re.DOTALL)
_OBJECT = re.compile(r"\{\s{0,200}(?:[\"']|//|/\*|[A-Za-z_]\w{0,40}\s{0,20}:)")
_BRACE = re.compile(_STRING + r"|[{}]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Extracted:
    """The fields of an answer as the teacher wrote them, and the reasoning that stood around them."""

    fields: Mapping[str, Any]
    reasoning: str = ""

    @property
    def known(self) -> int:
        """How many of the fields are an answer's."""
        return len(self.fields.keys() & ANSWER_KEYS)


def extract(text: str) -> Extracted | None:
    """The answer inside a text, or None when there is none."""
    return _extract(text[:MAX_TEXT].strip(), depth=0)


def _extract(text: str, depth: int) -> Extracted | None:
    if text.startswith("{"):
        # Before anything looks for tags: they may stand inside the JSON's own strings.
        whole = _decode(text, depth)
        if whole is not None and whole.known:
            return whole
    thought, rest = _split_thought(text)
    block = _ANSWER.search(rest)
    if block:
        inner = block.group(1).strip()
        found = _json_fields(inner, depth) or _line_fields(inner)
        if found is not None:
            return Extracted(found.fields, found.reasoning or thought or rest[: block.start()].strip())
    found = _json_fields(rest, depth)
    if found is None:
        return None
    return Extracted(found.fields, found.reasoning or thought)


def _decode(text: str, depth: int) -> Extracted | None:
    """A text that is one JSON object and nothing else."""
    try:
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return _unwrap(value, depth) if end == len(text) else None


def _split_thought(text: str) -> tuple[str, str]:
    """(what was thought, the rest). A block that opens and never closes counts as the rest."""
    thought: list[str] = []
    rest: list[str] = []
    position = 0
    inside = False
    for tag in _THINK_TAG.finditer(text):
        before = text[position : tag.start()]
        closes = bool(tag.group(1))
        # A closing tag without an opening one ends thinking that began in the prompt.
        (thought if closes else rest).append(before)
        inside, position = not closes, tag.end()
    if inside:
        return "\n".join(thought).strip(), "".join(rest) + text[position:]
    rest.append(text[position:])
    return "\n".join(thought).strip(), "".join(rest)


def _json_fields(text: str, depth: int) -> Extracted | None:
    """The object with most known fields; the prose before it is its reasoning when it has none."""
    best: Extracted | None = None
    for start, value in _objects(text):
        candidate = _unwrap(value, depth)
        if candidate is not None and (best is None or candidate.known > best.known):
            prose = text[:start].split("```")[0].strip()
            best = Extracted(candidate.fields, candidate.reasoning or (prose if len(prose) >= MIN_PROSE else ""))
    return best


def _objects(text: str) -> Iterator[tuple[int, Any]]:
    """(position, value) of the outermost JSON objects of a text, in order, mended where they are only mistyped."""
    position = text.find("{")
    for _ in range(MAX_STARTS):
        if position < 0:
            return
        end = position + 1
        try:
            value, end = _DECODER.raw_decode(text, position)
            yield position, value
        except (ValueError, RecursionError):
            if _OBJECT.match(text, position):
                end = _closing(text, position)
                if end < 0:
                    return  # cut off: what stands inside is not the answer
                mended = _mend(text[position:end])
                if mended is not None:
                    yield position, mended
        position = text.find("{", end)


def _closing(text: str, start: int) -> int:
    """Where the object that starts here ends, or -1. Stray quotes hide its end: then the last brace, if all pair up."""
    open_braces = 0
    for token in _BRACE.finditer(text, start):
        mark = token.group()
        if mark == "{":
            open_braces += 1
        elif mark == "}":
            open_braces -= 1
            if open_braces == 0:
                return token.end()
    end = text.rfind("}") + 1
    balanced = text.count("{", start, end) == text.count("}", start, end)
    return end if end > start and balanced and not any(mark in text[end:] for mark in '":[') else -1


def _mend(text: str) -> Any | None:
    """An object with trailing commas; else what json_repair makes of single quotes, bare keys, stray quotes."""
    try:
        return _DECODER.decode(_COMMA.sub(lambda match: "" if match.group() == "," else match.group(), text))
    except (ValueError, RecursionError):
        pass
    if len(text) > MAX_REPAIR:
        return None
    import json_repair

    try:
        value = json_repair.loads(text, skip_json_loads=True)
    except Exception:  # foreign code on hostile text: whatever it raises, the text is no answer
        return None
    return value if isinstance(value, dict) else None


def _unwrap(value: Any, depth: int) -> Extracted | None:
    """The fields of the answer, found through wrappers such as {"answer": {...}} and {"data": "..."}."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        return _extract(value.strip(), depth + 1)
    if not isinstance(value, dict):
        return None
    fields = {_key(key): item for key, item in value.items() if isinstance(key, str)}
    if not fields.keys() & {"country", "localizable"}:
        for wrapper in _WRAPPERS:
            inner = _unwrap(fields[wrapper], depth + 1) if fields.get(wrapper) else None
            if inner is not None and inner.known:
                outer = {key: item for key, item in fields.items() if key in ANSWER_KEYS}
                return Extracted({**outer, **inner.fields}, inner.reasoning)
    place = fields.get("location") or fields.get("place")
    if isinstance(place, dict):
        fields = {**{_key(key): item for key, item in place.items() if isinstance(key, str)}, **fields}
    return Extracted(fields)


def _line_fields(text: str) -> Extracted | None:
    """`country: X` lines, as GLOBE's models write them."""
    fields = {_key(match.group(1)): match.group(2).strip(" \t*") for match in _LINE.finditer(text[:10_000])}
    return Extracted(fields) if fields.keys() & ANSWER_KEYS else None


def _key(key: str) -> str:
    return key.strip().lower().replace(" ", "_").replace("-", "_")
