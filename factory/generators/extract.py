"""Finding the answer in a teacher's text: clean JSON, fenced or after prose, almost-JSON, `<think>/<answer>` blocks.

The last complete object wins that is no template: what stands before it is a draft, or the question's own example. What
a teacher thought and what it said are searched apart, each in its last MAX_TEXT characters; thinking only where nothing
was said, because some servers put the whole answer there.

Everything here is linear in the text and bounded: starts that fail may cost MAX_WORK characters together, at most
MAX_MENDS objects are mended, wrappers are followed MAX_WRAPPERS levels, and what lies deeper than any answer is none.
An object that was cut off is never completed, because that would invent an answer: `factory.generators.repair`, the
last resort, sees only objects whose braces close, and of a reply only one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from factory.generators.repair import repaired
from factory.generators.statements import yes_no
from factory.text import THINK_TAG
from schemas.plain_json import not_deep

MAX_TEXT = 200_000
"""Characters of a channel that are searched, its last; an answer of 32k tokens has about 130,000."""
MAX_WORK = 4 * MAX_TEXT
"""Characters that objects may take together which do not decode: a hostile reply may be all braces."""
START_COST, DEEP_COST = 1_000, 20_000
"""Characters that a failing start counts at least (Python's error counts the lines before it), and one that failed at
no position (too deep, too many digits)."""
MAX_MENDS = 64
"""Objects of a channel that are only mistyped: each costs a scan for its end."""
MAX_WRAPPERS = 4
"""Wrappers around the answer that are followed, as in `{"answer": {"result": {...}}}`."""
MIN_PROSE = 40
"""Shorter words before the JSON ("Sure! Here it is:") are no reasoning."""

ANSWER_KEYS = frozenset(
    """localizable localizability is_localizable localisable confidence scene clues evidence reasoning country
    country_name region state province city city_name town lat latitude lon lng long longitude coordinates""".split()  # noqa: SIM905
)
_WRAPPERS = (
    *("answer", "final_answer", "final", "data", "response", "result", "output", "prediction", "predictions"),
    *("candidates", "guesses", "arguments", "parameters"),
)
"""The last two are a tool call's, written out as text."""

_LOCALIZABLE: Final = frozenset(("localizable", "localizability", "is_localizable", "localisable"))
_STATED: Final = _LOCALIZABLE | {"country", "country_name", "city"}
"""An object with none of these says nothing about the place."""
_TEXTS: Final = ("scene", "reasoning", "country", "country_name", "region", "city")
_PLACEHOLDER = re.compile(
    r"[.\u2026\s_-]+|<[^<>]*>|\[[^\[\]]*\]|[\w /-]+(?:\|[\w /-]+)+|(?:string|str|text)(?: or null)?|"
    r"(?:the )?(?:country|region|state|city|scene|place)(?: name| type)?|your [\w ]{1,60}",
    re.IGNORECASE,
)
"""What a template has in place of words: `...`, `<country>`, `indoor|natural|urban`, `string`."""

_NAMES_A_PLACE = re.compile(r"localiz|country|city", re.IGNORECASE)
_DECODER = json.JSONDecoder(strict=False)
_WORD = re.compile(r"[^\W_]")
_ANSWER = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.IGNORECASE | re.DOTALL)
_LINE = re.compile(r"^[ \t*-]{0,8}([A-Za-z][A-Za-z /_]{1,30}?)[ \t*]{0,8}[:=](.*)$", re.MULTILINE)
# A string matches even when it is not closed: no start is ever tried twice.
_STRING = r'"(?:[^"\\]|\\.)*"?'
_COMMA = re.compile(_STRING + r"|,(?=\s{0,200}[}\]])", re.DOTALL)
_STRICT = re.compile(r"\{\s{0,200}[\"}]")
_OBJECT = re.compile(r"\{\s{0,200}(?:[\"']|//|/\*|[A-Za-z_]\w{0,40}\s{0,20}:)")
_BRACE = re.compile(_STRING + r"|[{}]", re.DOTALL)
_NEXT_OF_LIST = re.compile(r"\s{0,200},\s{0,200}(?=\{)")
_ANSWERS_KEY = re.compile(rf'"(?:{"|".join(sorted(ANSWER_KEYS))})"\s{{0,9}}:', re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


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
    return _extract(text.strip(), 0, _Repairs())


@dataclass(slots=True)
class _Repairs:
    """How often an object of this reply may still be repaired."""

    left: int = 1


@dataclass(frozen=True, slots=True)
class _Mistyped:
    """An object whose braces close and that is no JSON."""

    text: str


class _Cut:
    """The beginning of an answer that never ends."""


def split_thought(text: str) -> tuple[str, str]:
    """(what was thought, what was said). A block that opens and never closes counts as said.

    Tags inside the JSON's own strings are text. A closing tag without an opening one ends thinking that began in the
    prompt.
    """
    tags = list(THINK_TAG.finditer(text))
    objects = list(_whole(text)) if tags else []
    thought: list[str] = []
    said: list[str] = []
    position = at = 0
    inside = False
    for tag in tags:
        while at < len(objects) and objects[at][1] <= tag.start():
            at += 1
        if at < len(objects) and objects[at][0] < tag.start():
            continue
        closes = "/" in tag.group()
        (thought if closes else said).append(text[position : tag.start()])
        inside, position = not closes, tag.end()
    said.append(text[position:])
    return "\n".join(thought).strip(), ("" if inside else "\n").join(said).strip()


def is_template(fields: Mapping[str, Any]) -> bool:
    """Whether these are the question's own example, not filled in: every text is a placeholder, and there are some."""
    texts = [value for name in _TEXTS if isinstance(value := fields.get(name), str) and value.strip()]
    return len(texts) > 1 and all(_PLACEHOLDER.fullmatch(text[:200]) for text in texts)


def _extract(text: str, depth: int, repairs: _Repairs) -> Extracted | None:
    if text.startswith(("{", '"')) and len(text) <= MAX_TEXT:
        # Before anything looks for tags: they may stand inside the JSON's own strings.
        whole = _decode(text, depth, repairs)
        if whole is not None and whole.known:
            return whole
    thought, said = split_thought(text)
    said = said[-MAX_TEXT:]
    found = _said(said, depth, repairs)
    if found is None and not _WORD.search(said):
        return _json_fields(thought[-MAX_TEXT:], depth, repairs)
    return found and Extracted(found.fields, found.reasoning or thought)


def _said(text: str, depth: int, repairs: _Repairs) -> Extracted | None:
    """The answer in what was said: of its last answer block, else its last object."""
    for block in reversed(list(_ANSWER.finditer(text))):
        inner = block.group(1).strip()
        found = _json_fields(inner, depth, repairs) or _line_fields(inner)
        if found is not None:
            return found
    return _json_fields(text, depth, repairs)


def _decode(text: str, depth: int, repairs: _Repairs) -> Extracted | None:
    """A text that is one JSON object and nothing else."""
    try:
        value, end = _decoded(text, 0)
    except (ValueError, RecursionError):
        return None
    return _unwrap(value, depth, repairs) if end == len(text) else None


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that starts here and where it ends. Raises ValueError, also for one that is too deep, and
    RecursionError."""
    value, end = _DECODER.raw_decode(text, start)
    return not_deep(value), end


def _json_fields(text: str, depth: int, repairs: _Repairs) -> Extracted | None:
    """The last object that states a place and is neither a template nor a remark, which has less than half the known
    fields of the fullest; one that says the place cannot be told is no remark but takes back what stood before. Without
    one, the fullest, so that its keys can be named. None where the last answer was cut off: what stands before it is a
    draft. Prose before the first object is its reasoning when it has none."""
    found: list[Extracted] = []
    prose: str | None = None
    for start, value in _repaired_once(list(_objects(text)), repairs):
        if isinstance(value, _Cut):
            found.clear()
            continue
        candidate = _unwrap(value, depth, repairs)
        if candidate is None:
            continue
        if prose is None:
            prose = text[:start].split("```")[0].strip()
        found.append(candidate)
    if not found:
        return None
    stated = [one for one in found if one.fields.keys() & _STATED and not is_template(one.fields)]
    most = max((one.known for one in stated), default=0)
    best = next((one for one in reversed(stated) if 2 * one.known >= most or _takes_back(one)), None)
    if best is None:
        best = max(reversed(found), key=lambda one: (not is_template(one.fields), one.known))
    return Extracted(best.fields, best.reasoning or (prose if prose and len(prose) >= MIN_PROSE else ""))


def _takes_back(found: Extracted) -> bool:
    """Whether it says that the place cannot be told."""
    return any(yes_no(found.fields[key]) is False for key in found.fields.keys() & _LOCALIZABLE)


def _repaired_once(objects: list[tuple[int, Any]], repairs: _Repairs) -> Iterator[tuple[int, Any]]:
    """The objects, of those that are mistyped only one: the last that names a place, else the last."""
    mistyped = [value for _, value in objects if isinstance(value, _Mistyped)]
    named = [value for value in mistyped if _NAMES_A_PLACE.search(value.text)]
    chosen = next(reversed(named or mistyped), None)
    for start, value in objects:
        if not isinstance(value, _Mistyped):
            yield start, value
        elif value is chosen and repairs.left:
            repairs.left -= 1
            yield start, repaired(value.text)


def _whole(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of the outermost objects that decode as they stand."""
    work, start = 0, _STRICT.search(text)
    while start is not None and work < MAX_WORK:
        try:
            _, end = _DECODER.raw_decode(text, start.start())
            yield start.start(), end
        except (ValueError, RecursionError) as error:
            work, end = work + _cost(error, start.start()), start.start() + 1
        start = _STRICT.search(text, end)


def _objects(text: str) -> Iterator[tuple[int, Any]]:
    """(position, value) of the outermost JSON objects of a text, in order, a `_Mistyped` where one is no JSON.

    What stands behind the start of an object that was cut off may be part of it: from there on only objects count
    that are whole answers by themselves, and a `_Cut` stands for it where it is an answer's. Of a list only the
    first counts: the others are its alternatives.
    """
    work, mends, cut, listed = 0, 0, False, -1
    start = _OBJECT.search(text)
    while start is not None and work < MAX_WORK:
        position = start.start()
        end = position + 1
        try:
            value, end = _decoded(text, position)
            if position != listed and (not cut or _is_whole_answer(value)):
                yield position, value
            following = _NEXT_OF_LIST.match(text, end)
            listed = following.end() if following else -1
        except (ValueError, RecursionError) as error:
            work += _cost(error, position)
            if not cut and mends < MAX_MENDS:
                mends += 1
                closing = _closing(text, position)
                cut = closing < 0
                mended = None if cut else _mend(text[position:closing])
                end = end if cut else closing
                if cut and _ANSWERS_KEY.search(text, position):
                    yield position, _Cut()
                if mended is not None:
                    yield position, mended
        start = _OBJECT.search(text, end)


def _cost(error: Exception, position: int) -> int:
    """Characters that a start at `position` took until it failed."""
    return max(START_COST, error.pos - position) if isinstance(error, json.JSONDecodeError) else DEEP_COST


def _is_whole_answer(value: Any) -> bool:
    keys = {_key(key) for key in value} if isinstance(value, dict) else set()
    return "country" in keys and bool(keys & _LOCALIZABLE)


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


def _mend(text: str) -> Any:
    """An object with trailing commas, else what may be repaired."""
    try:
        return not_deep(_DECODER.decode(_COMMA.sub(lambda match: "" if match.group() == "," else match.group(), text)))
    except (ValueError, RecursionError):
        return _Mistyped(text)


def _unwrap(value: Any, depth: int, repairs: _Repairs) -> Extracted | None:
    """The fields of the answer, found through wrappers such as {"answer": {...}} and {"data": "..."}."""
    if depth > MAX_WRAPPERS:
        return None
    if isinstance(value, list) and value:
        value = value[0]  # of several the best guess
    if isinstance(value, str):
        return _extract(value.strip(), depth + 1, repairs)
    if not isinstance(value, dict):
        return None
    fields = {_key(key): item for key, item in value.items() if isinstance(key, str)}
    if not fields.keys() & {"country", "localizable"}:
        for wrapper in _WRAPPERS:
            inner = _unwrap(fields[wrapper], depth + 1, repairs) if fields.get(wrapper) else None
            if inner is not None and inner.known:
                outer = {key: item for key, item in fields.items() if key in ANSWER_KEYS}
                return Extracted({**outer, **inner.fields}, inner.reasoning)
    place = fields.get("location") or fields.get("place")
    if isinstance(place, dict):
        place = _turned(place)
        fields = {**{_key(key): item for key, item in place.items() if isinstance(key, str)}, **fields}
    return Extracted(fields)


def _turned(place: Mapping[str, Any]) -> Mapping[str, Any]:
    """A GeoJSON point with its longitude, which comes first there, named; anything else as it is."""
    point = place.get("coordinates")
    if place.get("type") != "Point" or not isinstance(point, list) or len(point) < 2:
        return place
    return {"longitude": point[0], "latitude": point[1]}


def _line_fields(text: str) -> Extracted | None:
    """`country: X` lines, as GLOBE's models write them."""
    fields = {_key(match.group(1)): match.group(2).strip(" \t*") for match in _LINE.finditer(text[:10_000])}
    return Extracted(fields) if fields.keys() & ANSWER_KEYS else None


def _key(key: str) -> str:
    return _CAMEL.sub("_", key.strip()).lower().replace(" ", "_").replace("-", "_")
