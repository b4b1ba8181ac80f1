"""What families share when they ask and when they write rows: packaged prompts, schemas, drawn questions, checks, and
turns and texts of whole tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from schemas import Case

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


def turns(question: pl.Expr, answer: pl.Expr, *, picture: bool) -> pl.Expr:
    """The column `messages` of one question, with or without a picture before it, and one answer."""
    asked = [_part("image", pl.lit(None, pl.String))] if picture else []
    return pl.concat_list(_turn("user", *asked, _part("text", question)), _turn("assistant", _part("text", answer)))


def text_of(name: str) -> pl.Expr:
    """Each sample's text of that name, null where it has none. Of a frame with the columns of a plan."""
    named = pl.element().filter(pl.element().struct.field("name") == name).struct.field("text")
    return pl.col("texts").list.eval(named).list.first()


def _part(kind: str, text: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(kind).alias("type"), text.alias("text"))


def _turn(role: str, *parts: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), pl.concat_list(parts).alias("content"))
