"""What a server may put where log probabilities should stand."""

from __future__ import annotations

import json
from typing import Any

from tests.fake_endpoint import completion


def with_logprobs(logprobs: Any) -> bytes:
    """A completion that says yes, with these log probabilities."""
    body = json.loads(completion("yes"))
    body["choices"][0]["logprobs"] = logprobs
    return json.dumps(body).encode()


def fair(label: str) -> dict[str, Any]:
    """What an honest server gives of a label that is all but certain."""
    top = [{"token": label, "logprob": -0.0001}, {"token": "?", "logprob": -9.5}]
    return {"content": [{**top[0], "top_logprobs": top}]}


def _listed(*top: Any) -> dict[str, Any]:
    return {"content": [{"token": "yes", "logprob": float("-inf"), "top_logprobs": list(top)}]}


HOSTILE: tuple[Any, ...] = (
    7,
    "yes",
    [],
    {"content": 7},
    {"content": [7, None, []]},
    {"content": [{"token": 7, "logprob": -1.0}]},
    {"content": [{"token": "yes", "logprob": "-1.0", "top_logprobs": "no"}]},
    _listed({"token": "no", "logprob": float("nan")}),
    _listed({"token": "no", "logprob": True}, {"token": "no", "logprob": None}),
    _listed({"token": "no", "logprob": 10**400}),
    _listed({"token": "no", "logprob": 3.0}),
    _listed({"token": "\ud800", "logprob": -1.0}),
    _listed({"token": "x" * 100_000, "logprob": -1.0}),
    _listed(*({"token": f"t{n}", "logprob": -9.0} for n in range(1_000))),
    {"content": [{"token": " " * 9, "logprob": 0.0}] * 1_000},
)
