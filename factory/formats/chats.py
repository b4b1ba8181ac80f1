"""Conversations: ShareGPT as LLaMA-Factory and ms-swift read it, LLaVA, and `messages` with `images` as TRL reads them.

In the first two a picture stands in the text as `<image>`, in the third it is a part of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from factory.formats.record import ATTRIBUTION, BadRow, Picture, Record, image, need, refuse_other_count, words

TAG: Final = "<image>"
_ROLES: Final = {"human": "user", "gpt": "assistant"}
"""ShareGPT's names to those of chat templates; all others are called the same."""
_OTHER_MEDIA: Final = ("videos", "audios", "video", "audio")
Dialect = Mapping[str, Any]
SHAREGPT: Final[Dialect] = {
    **{"turns": "conversations", "role": "from", "content": "value", "user": "human", "assistant": "gpt"},
    **{"after": "", "system": False},
}
"""How a file spells conversations: the key of turns, those of a turn, names of roles, what follows a tag, and whether
the system's words stand in a key of their own. By default as LLaMA-Factory's `sharegpt` takes it."""
LLAVA: Final[Dialect] = {**SHAREGPT, "after": "\n"}


def sharegpt_record(row: Mapping[str, Any], number: int) -> Record:
    """A row of ShareGPT, in any spelling of it."""
    return _tagged_record(row, number, "sharegpt", SHAREGPT)


def sharegpt_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back; by default `id`, `conversations`, `images`."""
    return _tagged_row(record, SHAREGPT, ("id", "conversations", "images"), home=home)


def llava_record(row: Mapping[str, Any], number: int) -> Record:
    """A row of LLaVA: `id`, `image`, `conversations`."""
    if "images" in row:
        raise BadRow("has `images`; a row of llava has one `image`: read it as sharegpt")
    return _tagged_record(row, number, "llava", LLAVA)


def llava_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back. Raises BadRow for several pictures, or one in an answer."""
    if len(record.pictures) > 1:
        raise BadRow(f"has {len(record.pictures)} pictures, and a row of llava one; sharegpt takes several")
    if any(part["type"] == "image" for one in record.messages if one["role"] != "user" for part in one["content"]):
        raise BadRow("shows a picture in a turn that is not the user's, which llava does not read")
    keys = ("id", "image", "conversations") if record.pictures else ("id", "conversations")
    return _tagged_row(record, LLAVA, keys, home=home)


def trl_record(row: Mapping[str, Any], number: int) -> Record:
    """A row of `messages`, whose contents are parts or plain text, and `images` or one `image`."""
    _refuse_other_media(row)
    turns = need(row, "messages", list, what="trl")
    messages = [
        {"role": need(one, "role", str, what=where), "content": _parts(one, where)} for where, one in _each(turns)
    ]
    strings = bool(turns) and all(isinstance(one["content"], str) for one in turns)
    form = {"format": "trl", "keys": [*row], "strings": strings}
    return _recorded(row, number, messages, {"messages"}, form)


def trl_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back; by default `id`, `messages`, `images`, contents always as parts: one column has one type."""
    turns: list[dict[str, Any]] = [{"role": one["role"], "content": [*one["content"]]} for one in record.messages]
    if home and record.form.get("strings") and all(_is_text(one) for one in turns):
        turns = [{**one, "content": one["content"][0]["text"] if one["content"] else ""} for one in turns]
    return _row(record, "messages", turns, ("id", "messages", "images"), home=home)


def _is_text(one: Mapping[str, Any]) -> bool:
    return len(one["content"]) <= 1 and all(part["type"] == "text" for part in one["content"])


def parts_of(content: Any, where: str) -> list[dict[str, Any]]:
    """The parts of a message. Raises BadRow for anything else than text and pictures."""
    if isinstance(content, str):
        return [words(content)] if content else []
    if not isinstance(content, list):
        raise BadRow(f"{where}: `content` is {type(content).__name__}; expected text or a list of parts")
    found = []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind == "image" and not any(part.get(key) for key in part if key != "type"):
            found.append(image())
        elif kind == "text" and isinstance(part.get("text"), str):
            found.append(words(part["text"]))
        else:
            raise BadRow(
                f"{where}: a part is {str(part)[:60]!r}; expected "
                '{"type": "image"}, whose picture stands in `images`, or {"type": "text", "text": ...}'
            )
    return found


def _parts(one: Any, where: str) -> list[dict[str, Any]]:
    return parts_of(one.get("content"), where)


def _tagged_record(row: Mapping[str, Any], number: int, name: str, default: Dialect) -> Record:
    _refuse_other_media(row)
    dialect = _dialect(row, name, default)
    turns = need(row, dialect["turns"], list, what=name)
    messages = []
    for where, one in _each(turns):
        role = need(one, dialect["role"], str, what=where)
        text = need(one, dialect["content"], str, what=where)
        messages.append({"role": _ROLES.get(role, role), "content": _split(text, dialect["after"])})
    taken = {dialect["turns"]}
    if dialect["system"]:
        messages.insert(0, {"role": "system", "content": [words(row["system"])]})
        taken.add("system")
    return _recorded(row, number, messages, taken, {"format": name, "keys": [*row], **dialect})


def _recorded(
    row: Mapping[str, Any], number: int, messages: list[dict[str, Any]], taken: set[str], form: dict[str, Any]
) -> Record:
    paths = _paths(row)
    has_id = isinstance(row.get("id"), str)
    taken |= {"image", "images"} & row.keys() | ({"id"} if has_id else set[str]())
    columns = {name: value for name, value in row.items() if name not in taken}
    name = row["id"] if has_id else str(row["id"]) if type(row.get("id")) is int else f"{number:06d}"
    record = Record(name, messages, tuple(Picture(path) for path in paths), columns, form)
    refuse_other_count(record)
    return record


def _paths(row: Mapping[str, Any]) -> list[str]:
    if "images" in row and "image" in row:
        raise BadRow("has both `image` and `images`; expected one of them")
    given = row.get("images", row.get("image"))
    found = [] if given is None else [given] if isinstance(given, str) else given
    if not isinstance(found, list) or not all(isinstance(path, str) for path in found):
        raise BadRow(f"its pictures are {str(given)[:60]!r}; expected paths of files")
    return found


def _dialect(row: Mapping[str, Any], name: str, default: Dialect) -> dict[str, Any]:
    turns = next((key for key in ("conversations", "messages") if isinstance(row.get(key), list)), None)
    if turns is None:
        raise BadRow(
            f"{name}: has no list `conversations` or `messages`; its keys are {', '.join(map(str, row))[:200]}"
        )
    first = row[turns][0] if row[turns] and isinstance(row[turns][0], Mapping) else {}
    keys = {"role": "role", "content": "content"} if "role" in first else {"role": "from", "content": "value"}
    roles = {str(one.get(keys["role"])) for one in row[turns] if isinstance(one, Mapping)}
    spoken = "user" in roles or "assistant" in roles or (keys["role"] == "role" and "human" not in roles)
    names = {"user": "user", "assistant": "assistant"} if spoken else {"user": "human", "assistant": "gpt"}
    texts = [str(one.get(keys["content"])) for one in row[turns] if isinstance(one, Mapping)]
    tags, broken = (sum(text.count(mark) for text in texts) for mark in (TAG, f"{TAG}\n"))
    after = default["after"] if not tags else "\n" if tags == broken else ""
    system = isinstance(row.get("system"), str) and bool(row["system"]) and "system" not in roles
    return {"turns": turns, **keys, **names, "after": after, "system": system}


def _tagged_row(record: Record, default: Dialect, keys: Sequence[str], *, home: bool) -> dict[str, Any]:
    dialect = {**default, **own_spelling(record.form, default)} if home else default
    names = {"user": dialect["user"], "assistant": dialect["assistant"]}
    messages = record.messages
    apart: dict[str, Any] = {}
    if dialect["system"] and messages and messages[0]["role"] == "system":
        apart, messages = {"system": _joined(messages[0]["content"], "")}, messages[1:]
    turns = [
        {
            dialect["role"]: names.get(one["role"], one["role"]),
            dialect["content"]: _joined(one["content"], dialect["after"]),
        }
        for one in messages
    ]
    return _row(record, dialect["turns"], turns, keys, home=home, apart=apart)


def own_spelling(form: Mapping[str, Any], default: Dialect) -> dict[str, Any]:
    """The spelling that a form tells, which a stranger's sidecar may have written."""
    return {name: form[name] for name, usual in default.items() if type(form.get(name)) is type(usual)}


def _row(
    record: Record,
    name: str,
    turns: list[dict[str, Any]],
    keys: Sequence[str],
    *,
    home: bool,
    apart: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The row's keys in order: those that it was read with where it comes home, else the usual ones and attribution."""
    paths = [picture.path for picture in record.pictures]
    written = record.form.get("keys") if home else None
    if written is None:
        written = [*keys, *(key for key in ATTRIBUTION if isinstance(record.columns.get(key), str))]
    elif paths and not {"image", "images"} & {*written}:
        written = [*written, "images"]
    several = len(paths) != 1
    values = {**record.columns, **(apart or {}), name: turns}
    if "id" not in values:
        values["id"] = record.id
    values |= {"images": paths} if "images" in written or several else {"image": paths[0]}
    if several and "image" in written and "images" not in written:
        written = [*(key for key in written if key != "image"), *(["images"] if paths else [])]
    return {key: values[key] for key in written if key in values}


def _each(turns: Sequence[Any]) -> list[tuple[str, Any]]:
    for number, one in enumerate(turns):
        if not isinstance(one, Mapping):
            raise BadRow(f"turn {number} is {str(one)[:40]!r}; expected an object")
    return [(f"turn {number}", one) for number, one in enumerate(turns)]


def _refuse_other_media(row: Mapping[str, Any]) -> None:
    if odd := [name for name in _OTHER_MEDIA if row.get(name)]:
        raise BadRow(f"has `{odd[0]}`; only pictures and text are converted")


def _split(text: str, after: str) -> list[dict[str, Any]]:
    first, *rest = text.split(TAG)
    parts = [words(first)] if first else []
    for piece in rest:
        parts.append(image())
        if piece := piece.removeprefix(after):
            parts.append(words(piece))
    return parts


def _joined(parts: Sequence[Mapping[str, Any]], after: str) -> str:
    if any(TAG in part["text"] for part in parts if part["type"] == "text"):
        raise BadRow(f"a text says {TAG!r}, which would be taken for a picture")
    return "".join(TAG + after if part["type"] == "image" else str(part["text"]) for part in parts)
