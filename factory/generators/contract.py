"""The contract of a generator: what a dataset family asks of a teacher, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas import GeoAnswer, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent, with what identifies it in a ledger key."""

    name: str
    version: str
    system: str
    user: str
    response_schema: dict[str, Any] | None = None
    """JSON Schema of the answer; None asks for free text."""
    sha256: str
    """Of system, user and schema."""


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a reply is no answer."""

    kind: str
    """truncated, refused, empty, not_json or bad_schema."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One dataset family. `parse` never raises: a reply is hostile text."""

    name: str
    version: str
    prompt: Callable[[Sample], Prompt]
    parse: Callable[[str, str | None], GeoAnswer | ParseFailure]
    images_per_sample: int = 1
