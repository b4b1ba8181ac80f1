"""A row of a ledger, for tests that care about some of its columns."""

from __future__ import annotations

from typing import Any

from factory.calls.row import LedgerRow


def ledger_row(key: str = "k", **changes: Any) -> LedgerRow:
    """An answer that was called for once, with `changes`."""
    known: dict[str, Any] = {
        "sample_id": f"sample-{key}",
        "teacher": "t",
        "purpose": "answer",
        "draw": 0,
        "turn": 0,
        "attempt": 0,
        "model": "m",
        "origin": "call",
        "status": "ok",
        "response": "{}",
        "finish_reason": "stop",
        "http_calls": 1,
        "prompt_tokens": 900,
        "completion_tokens": 120,
        "cost": 0.25,
        "latency_s": 0.5,
        "created_at": "2026-01-01T00:00:00Z",
    }
    return LedgerRow(key=key, **(known | changes))
