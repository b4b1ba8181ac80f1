"""What is asked of a model and what comes back: a conversation of texts and pictures, and a reply nobody has parsed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import orjson


@dataclass(frozen=True, slots=True)
class Picture:
    """A sample's picture in a turn, by its role."""

    role: str = "photo"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; its parts in order."""

    who: Literal["system", "user", "assistant"]
    parts: tuple[str | Picture, ...]


@dataclass(frozen=True)
class Request:
    """A whole conversation up to the turn that is asked for. Equal content gives an equal ledger key."""

    purpose: str
    """What the question is for, as the ledger calls it: answer, judge, witness:ocr. Not part of the key."""
    turns: tuple[Turn, ...]
    schema: Mapping[str, Any] | None = None
    """JSON Schema of the answer; None asks for free text."""

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """The roles of its pictures, each once, in order of appearance."""
        found = (part.role for turn in self.turns for part in turn.parts if isinstance(part, Picture))
        return tuple(dict.fromkeys(found))

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the words, the schema and where which picture stands. Pictures count by their number, not by
        their role: what they show enters the key as digests in the order of `pictures`."""
        numbers = {role: number for number, role in enumerate(self.pictures)}
        turns = [
            [turn.who, [{"picture": numbers[part.role]} if isinstance(part, Picture) else part for part in turn.parts]]
            for turn in self.turns
        ]
        content = orjson.dumps([turns, self.schema], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(content).hexdigest()

    @cached_property
    def characters(self) -> int:
        """Length of its texts together, for a first guess at its tokens."""
        return sum(len(part) for turn in self.turns for part in turn.parts if isinstance(part, str))

    def then(self, *turns: Turn) -> Request:
        """The same conversation, some turns later."""
        return Request(self.purpose, (*self.turns, *turns), self.schema)


_CUT: Final = frozenset(
    ("length", "max_tokens", "max_output_tokens", "max_length", "model_length", "token_limit", "abort", "incomplete")
)
_WITHHELD: Final = frozenset(
    ("content_filter", "refusal", "safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive")
)
"""What OpenAI, vLLM, SGLang, Mistral, Anthropic, Gemini and GLM call the two ends that leave no whole answer."""


def ended_early(finish_reason: Any) -> Literal["cut", "withheld"] | None:
    """Whether a reply ended for a reason that leaves no whole answer, whatever its server calls it."""
    said = finish_reason.strip().lower() if isinstance(finish_reason, str) else ""
    return "cut" if said in _CUT else "withheld" if said in _WITHHELD else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, before anybody parsed it. Hostile text."""

    text: str
    finish_reason: str | None = None
    model: str = ""
    """As the endpoint names it; empty when it does not."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """As the endpoint counts them, hidden reasoning included; None where it does not say. The ledger has 0 then."""
    latency_s: float = 0.0
    scores: Mapping[str, float] = field(default_factory=dict)
    """Log probabilities of tokens that the request named, where the backend gives them."""
    key: str = ""
    """Ledger key of the call; set by the engine when the reply is read."""
