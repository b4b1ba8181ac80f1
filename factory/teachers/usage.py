"""What an OpenAI-compatible server says it counted, in the shapes that servers give it.

| usage | read as |
|---|---|
| `prompt_tokens`, `completion_tokens` (or `input_tokens`, `output_tokens`) | as they stand; 12.5 as 13 |
| `total_tokens` above their sum | the difference is hidden reasoning, billed like the answer |
| one of them missing, a `total_tokens` | the difference |
| `total_tokens` alone | all of it as the answer, whose tokens cost more |
| `reasoning_tokens`, also in the details, above `completion_tokens` | reasoning that was not counted in |
| nothing, no prompt token at all, no answer token for a text | unknown, never 0 |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from factory.plugins.shared import Usage

MOST = 2**40
"""More tokens than any bill has: a count above is none."""


def stated_usage(usage: Any, *, says_something: bool) -> Usage:
    """The tokens of one reply.

    Args:
        usage: the reply's `usage`, whatever it is.
        says_something: the reply has a text, which cannot have taken no token.
    """
    if not isinstance(usage, Mapping):
        return Usage()
    prompt = _count(usage.get("prompt_tokens", usage.get("input_tokens")))
    completion = _count(usage.get("completion_tokens", usage.get("output_tokens")))
    total = _count(usage.get("total_tokens"))
    details = usage.get("completion_tokens_details", usage.get("output_tokens_details"))
    apart = details if isinstance(details, Mapping) and "reasoning_tokens" in details else usage
    reasoning = _count(apart.get("reasoning_tokens"))
    if completion is not None and reasoning is not None and reasoning > completion:
        completion += reasoning
    if total is not None:
        if prompt is None and completion is None and total > 0:
            return Usage(prompt_tokens=0, completion_tokens=total)
        if prompt is None and completion is not None:
            prompt = max(0, total - completion)
        elif prompt is not None:
            completion = max(completion or 0, total - prompt)
    return Usage(
        prompt_tokens=prompt or None,
        completion_tokens=None if completion == 0 and says_something else completion,
    )


def _count(value: Any) -> int | None:
    """A count of tokens, rounded up; None for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return math.ceil(value) if 0 <= value < MOST else None
