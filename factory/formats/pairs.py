"""NGCG's pairs: a query and what it should find, each a text, a picture or both; `-` stands for what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from factory.formats.record import ATTRIBUTION, BadRow, Picture, Record, image, need, turn, words

KEYS: Final = ("qry_text", "qry_img_path", "pos_text", "pos_img_path")
NOTHING: Final = "-"
"""NGCG's empty value."""
_SIDES: Final = (("user", "qry_text", "qry_img_path"), ("assistant", "pos_text", "pos_img_path"))


def ngcg_record(row: Mapping[str, Any], number: int) -> Record:
    """A pair as a conversation: the query is the user's turn, what it should find the assistant's."""
    turns, pictures = [], []
    for role, text_key, path_key in _SIDES:
        text, path = (need(row, key, str, what="ngcg") for key in (text_key, path_key))
        parts = []
        if path != NOTHING:
            parts.append(image())
            pictures.append(Picture(path))
        if text != NOTHING:
            parts.append(words(text))
        if not parts:
            raise BadRow(f"has neither `{text_key}` nor `{path_key}`")
        turns.append(turn(role, *parts))
    columns = {name: value for name, value in row.items() if name not in KEYS}
    return Record(f"{number:06d}", turns, tuple(pictures), columns, {"format": "ngcg", "keys": [*row]})


def ngcg_row(record: Record, *, home: bool) -> dict[str, Any]:
    """Its way back. Raises BadRow for a conversation that is no pair of at most one picture and one text a side."""
    if [one["role"] for one in record.messages] != ["user", "assistant"]:
        said = ", ".join(str(one["role"]) for one in record.messages)
        raise BadRow(f"has turns of {said or 'nobody'}; a pair of ngcg is one of the user and one of the assistant")
    paths = [picture.path for picture in record.pictures]
    row: dict[str, Any] = {}
    for (_, text_key, path_key), one in zip(_SIDES, record.messages, strict=True):
        kinds = [part["type"] for part in one["content"]]
        if kinds not in (["image"], ["text"], ["image", "text"]):
            raise BadRow(f"a turn has {', '.join(kinds) or 'nothing'}; a side of ngcg is a picture, a text, or both so")
        texts = [part["text"] for part in one["content"] if part["type"] == "text"]
        if NOTHING in texts:
            raise BadRow(f"says {NOTHING!r}, which ngcg takes for no text")
        row[text_key] = texts[0] if texts else NOTHING
        row[path_key] = paths.pop(0) if "image" in kinds else NOTHING
    known = {**record.columns, **row}
    told = [key for key in ATTRIBUTION if isinstance(record.columns.get(key), str)]
    return {key: known[key] for key in (record.form["keys"] if home else (*KEYS, *told)) if key in known}
