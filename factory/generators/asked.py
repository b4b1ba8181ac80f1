"""What families share when they ask and when they write rows: packaged prompts, schemas, drawn questions, checks, and
turns and texts of whole tables."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import Case
from schemas.plain_json import read_json

if TYPE_CHECKING:
    import jinja2

_OF_CHECK: Final = ("check", "outcome", "score", "threshold", "reason")


@cache
def prompt(name: str) -> jinja2.Template:
    """The packaged template `factory/teachers/prompts/<name>.jinja`, whose macros and `version` are its module's."""
    import jinja2

    # The text goes to a model, not to a browser: escaping would change it.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    # Named from the package above: whoever only makes rows of stored answers loads no teacher.
    file = resources.files("factory").joinpath("teachers", "prompts", f"{name}.jinja")
    return environment.from_string(file.read_text(encoding="utf-8"))


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an object with exactly these keys, in the order in which a constrained model writes them."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def drawn(questions: Sequence[str], sample_id: str) -> str:
    """One of the questions, by the sample alone: the same on every machine and in every shard."""
    return questions[int(hashlib.sha256(sample_id.encode()).hexdigest()[:8], 16) % len(questions)]


def released_checks(case: Case) -> list[dict[str, Any]]:
    """What each check found, as a row holds it (`schemas.rows.CHECK`)."""
    checks = case.verdict.checks if case.verdict is not None else ()
    return [{name: getattr(check, name) for name in _OF_CHECK} for check in checks]


def turns(question: pl.Expr, answer: pl.Expr, *, pictures: int) -> pl.Expr:
    """The column `messages` of one question with so many pictures before it, and one answer."""
    asked = [_part("image", pl.lit(None, pl.String))] * pictures
    # Arrays, since their width is the same for all rows: `pl.concat_list` takes six times as long.
    both = pl.concat_arr(_turn("user", *asked, _part("text", question)), _turn("assistant", _part("text", answer)))
    return both.arr.to_list()


def text_of(name: str) -> pl.Expr:
    """Each sample's text of that name, null where it has none. Of a frame with the columns of a plan."""
    named = pl.element().filter(pl.element().struct.field("name") == name).struct.field("text")
    return pl.col("texts").list.eval(named).list.first()


def said_in(frame: pl.DataFrame, name: str, kind: pl.Struct, needed: Collection[str]) -> pl.DataFrame:
    """The samples whose text of that name is one JSON object of these fields, opened as the column `_said`; those whose
    text is something else, as a table of somebody else may have it, are left out and become no row.

    Polars' own reader is not asked: a text `{...},{...}` is two values to it and a blank one none, so that what one
    sample says would stand in the rows of others.

    Args:
        frame: columns of a plan.
        name: of the text.
        kind: fields by name: text, whole and other numbers, yes or no. What is not among them is not read.
        needed: fields that have to be there; another that is not is null.
    """
    kinds = {field.name: (_PYTHON[field.dtype], field.name in needed) for field in kind.fields}
    texts = frame.select(text_of(name)).to_series()
    said = pl.Series("_said", [_opened(text, kinds) for text in texts], kind)
    return frame.with_columns(said).filter(said.is_not_null())


_PYTHON: Final[dict[Any, Any]] = {pl.String: str, pl.Int64: int, pl.Float64: (int, float), pl.Boolean: bool}


def _opened(text: str | None, kinds: Mapping[str, tuple[Any, bool]]) -> dict[str, Any] | None:
    try:
        value = read_json((text or "").encode())
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    for name, (kind, needed) in kinds.items():
        found = value.get(name)
        if found is None:
            if needed:
                return None
        elif not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool) or not _fits(found):
            return None
    return {name: value.get(name) for name in kinds}


def _fits(value: Any) -> bool:
    """Whether a whole number has a place in 64 bits."""
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _part(kind: str, text: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(kind).alias("type"), text.alias("text"))


def _turn(role: str, *parts: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), pl.concat_arr(parts).arr.to_list().alias("content"))
