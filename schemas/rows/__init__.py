"""Released rows: what all families share (`schema`, `messages`), and one module a family."""

from __future__ import annotations

from schemas.rows.messages import message, message_faults, text_before_answer
from schemas.rows.schema import CHECK, IMAGE, MESSAGE, SHARED, RowSchema, card_features, hub_features

__all__ = [
    "CHECK",
    "IMAGE",
    "MESSAGE",
    "SHARED",
    "RowSchema",
    "card_features",
    "hub_features",
    "message",
    "message_faults",
    "text_before_answer",
]
