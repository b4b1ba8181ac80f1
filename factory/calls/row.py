"""One row of the ledger and the key it lies under. Pure: no file, no clock.

A key says which question was asked: two questions with equal keys may share one paid reply, so everything that can
change the reply is in it, and nothing else (no host, path, time, sample id or price).

    in the key                                          left out, because it does not change the question
    every turn of the conversation, the schema          family, purpose, what of the truth was shown
    each picture: digest of its source, version and     sample id, file name, shard number
      settings of its preparation (not its encoded      endpoint URL, API key, timeouts, retries
      bytes: they differ between library builds)        prices, budgets, limiter settings
    model, sampling parameters                          which question of how many it is
    draw (0, 1, ... of a teacher asked several times)   `origin` of the reply
    attempt (0, 1, ... after an unusable answer)
    inputs (what a backend adds: a recording's digest)
    KEY_VERSION (raised when this table changes)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import orjson

from schemas.plain_json import read_json

KEY_VERSION = 2

Origin = Literal["call", "replay", "ledger"]
Status = Literal["ok", "permanent", "exhausted", "sent"]

_INT64 = 2**63
_TEXTS = (
    "key",
    "sample_id",
    "teacher",
    "purpose",
    "model",
    "handle",
    "response",
    "scores",
    "finish_reason",
    "error_kind",
    "error_detail",
    "created_at",
)
_COUNTS = (
    ("draw", 31),
    ("turn", 31),
    ("attempt", 31),
    ("http_calls", 31),
    ("prompt_tokens", 63),
    ("completion_tokens", 63),
)
"""Field and the bits its column has."""
_REALS = ("cost", "latency_s")


def request_key(
    *,
    request_sha256: str,
    pictures: Sequence[str],
    model: str,
    sampling: Mapping[str, object],
    inputs: Mapping[str, object],
    draw: int,
    attempt: int,
) -> str:
    """Sha256 (hex) of the canonical JSON of a question; equal for equal questions, whatever the order of the mappings.

    Args:
        request_sha256: of the conversation and the schema (`schemas.Request.sha256`).
        pictures: keys of the pictures (`factory.images.image_key`) in the order in which the conversation shows them.
        model, sampling, inputs, draw, attempt: see the table above.

    `sampling` and `inputs` hold JSON values (None, bool, int, float, str, lists and mappings with string keys);
    1 and 1.0 are the same value, True and 1 are not.

    Raises:
        ValueError: a value is not JSON (NaN, a set, a key that is not a string, an integer beyond 64 bits).
    """
    identity = {
        "key_version": KEY_VERSION,
        "request": request_sha256,
        "pictures": list(pictures),
        "model": model,
        "sampling": _canonical(sampling, "sampling"),
        "inputs": _canonical(inputs, "inputs"),
        "draw": draw,
        "attempt": attempt,
    }
    try:
        return hashlib.sha256(orjson.dumps(identity, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as error:  # orjson's JSONEncodeError
        raise ValueError(f"a request cannot be keyed: {error}") from error


def _canonical(value: object, where: str) -> object:
    """`value` with numbers in one spelling and mappings as plain dicts; `where` names it in errors."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}: a request's parameters must be finite numbers")
        return int(value) if value.is_integer() and -_INT64 <= value < _INT64 else value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"{where} has the key {key!r}: keys must be strings")
        return {key: _canonical(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise ValueError(f"{where} is a {type(value).__name__}: only JSON values can be part of a request key")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """What came of one request. Text that is not valid Unicode is repaired here, so that a reply reads the same now
    and after a resume.

    Raises:
        ValueError: a count is negative or does not fit its column, or a number is not finite.
    """

    key: str
    sample_id: str
    teacher: str
    purpose: str
    """What the question was for: answer, judge, witness:ocr, ..."""
    draw: int
    turn: int
    """Which question of this sample, teacher and draw it was, from 0."""
    attempt: int
    model: str
    origin: Origin
    """call: paid for this row; ledger: paid by an earlier build or another shard; replay: recorded by somebody else."""
    status: Status
    """ok; permanent: never asked again; exhausted: all retries failed, the next build asks again;
    sent: a batch has it."""
    handle: str | None = None
    """Of the batch that has it or had it."""
    response: str | None = None
    scores: str | None = None
    """JSON of log probabilities by token, where the backend gave them."""
    finish_reason: str | None = None
    error_kind: str | None = None
    error_detail: str | None = None
    http_calls: int
    """HTTP requests sent for this key, failed ones included, over all runs of the build."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    latency_s: float = 0.0
    created_at: str

    def __post_init__(self) -> None:
        for name in _TEXTS:
            text = getattr(self, name)
            if text is not None and not text.isascii():
                object.__setattr__(self, name, _valid_unicode(text))
        for name, bits in _COUNTS:
            count = getattr(self, name)
            if count < 0 or count >> bits:
                raise ValueError(f"ledger row {self.key}: {name} is {count}, expected 0 to 2^{bits} - 1")
        for name in _REALS:
            number = getattr(self, name)
            if not math.isfinite(number):
                raise ValueError(f"ledger row {self.key}: {name} is {number}, expected a finite number")
            object.__setattr__(self, name, float(number))

    @property
    def row_sha256(self) -> str:
        """Sha256 (hex) over all fields; stored beside the row, it finds any later change."""
        return values_sha256(row_values(self))


UNSETTLED: frozenset[Status] = frozenset({"exhausted", "sent"})
"""Statuses that the next run asks about again; a row of one gives way to a later row of its key."""

COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(LedgerRow))
"""Column order in both file formats; `row_sha256` follows."""


def row_values(row: LedgerRow) -> tuple[str | int | float | None, ...]:
    """The row's fields in the order of `COLUMNS`."""
    return tuple([getattr(row, name) for name in COLUMNS])


def values_sha256(values: tuple[object, ...]) -> str:
    """The digest of one row given as `row_values`. Raises TypeError for values that no row can hold."""
    return hashlib.sha256(orjson.dumps(values)).hexdigest()


def scores_of(stored: str | None) -> dict[str, float]:
    """Log probabilities by token, as a row has them. Raises ValueError for a text that holds none."""
    found = read_json(stored.encode()) if stored else {}
    if not isinstance(found, dict) or not all(isinstance(score, int | float) for score in found.values()):
        raise ValueError("scores are no log probabilities by token")
    return found


def succeed(old: LedgerRow, new: LedgerRow) -> LedgerRow:
    """The row that takes the place of an unsettled one, carrying on what this build paid for the key so far."""
    if old.origin != "call":
        return new
    paid = new if new.origin == "call" else replace(new, http_calls=0, prompt_tokens=0, completion_tokens=0, cost=0.0)
    return replace(
        paid,
        origin="call",
        http_calls=old.http_calls + paid.http_calls,
        prompt_tokens=old.prompt_tokens + paid.prompt_tokens,
        completion_tokens=old.completion_tokens + paid.completion_tokens,
        cost=old.cost + paid.cost,
    )


def _valid_unicode(text: str) -> str:
    """`text` with lone surrogates (JSON allows them, UTF-8 does not) replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
