"""Settings every teacher has, whatever answers behind it.

A backend's own settings (`base_urls`, `path`, ...) are the keyword-only parameters of its registered function.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

BadAnswerKind = Literal["truncated", "refused", "empty", "not_json", "bad_schema"]
"""What can be wrong with a reply that arrived; the generator's parser says which."""


def request_fields(extra: dict[str, Any]) -> dict[str, Any]:
    """Refuses fields that the factory sets itself, and values that no request can carry."""
    if taken := sorted(OWN_FIELDS & extra.keys()):
        raise ValueError(f"{', '.join(taken)}: set by the factory itself")
    try:
        same = orjson.loads(orjson.dumps(extra)) == extra
    except TypeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not same:
        raise ValueError("not JSON: only numbers, text, true, false, null, lists and mappings can be sent")
    return extra


OWN_FIELDS = frozenset(("model", "messages", "seed", "response_format", "stream", "n"))
ExtraFields = Annotated[dict[str, Any], AfterValidator(request_fields)]


class Closed(BaseModel):
    """Base of the blocks below: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class Sampling(Closed):
    """How the model samples; part of every request and of every ledger key."""

    temperature: float | None = Field(default=0.6, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=1024, ge=1)
    seed: int | None = 0
    """Sent as `seed + attempt`, so that asking again after a bad answer asks for another sample. null sends none."""
    extra: ExtraFields = {}
    """Further request fields that change the answer: `top_k`, `repetition_penalty`, `frequency_penalty`, ..."""


class BadAnswer(Closed):
    """What to do with a reply that arrived but cannot be used."""

    retries: int = Field(default=1, ge=0, le=10)
    """Further questions for one sample, each a new paid call with its own ledger key."""
    kinds: tuple[BadAnswerKind, ...] = ("truncated", "refused", "empty", "not_json", "bad_schema")
    """Failures that are worth asking again; the others quarantine the sample at once."""


class BudgetBlock(Closed):
    """What a build may spend on this teacher; null is no limit."""

    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    cost: float | None = Field(default=None, ge=0)
    """In the currency of `prices`."""


class Prices(Closed):
    """What the endpoint charges."""

    input_per_million: float = Field(default=0.0, ge=0)
    output_per_million: float = Field(default=0.0, ge=0)
    currency: str = Field(default="USD", max_length=8)

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """The price of one call, in `currency`."""
        return (prompt_tokens * self.input_per_million + completion_tokens * self.output_per_million) / 1e6


class TeacherSettings(Closed):
    """One teacher of a recipe."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
    backend: str
    model: str = ""
    """As the endpoint knows it; for recorded answers, the model that is credited when the file names none."""
    sampling: Sampling = Sampling()
    max_in_flight: int = Field(default=64, ge=1, le=10_000)
    """Hard cap of calls under way at one endpoint."""
    timeout_s: float = Field(default=120.0, gt=0, le=3600)
    """Deadline of one HTTP call from connecting to the last byte."""
    attempts: int = Field(default=5, ge=1, le=50)
    """HTTP calls for one question while the endpoint answers 429, 5xx, nothing or nonsense."""
    recovery_s: float = Field(default=180.0, ge=0, le=86_400)
    """How long to wait for an endpoint that is down (refused connections, 503, a dead engine)."""
    bad_answer: BadAnswer = BadAnswer()
    structured_output: bool = True
    """Ask for JSON of the generator's schema through `response_format`; a server that refuses is asked without it."""
    budget: BudgetBlock = BudgetBlock()
    prices: Prices = Prices()
