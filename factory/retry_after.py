"""How long a server asks to be left alone, read from the headers of its answer (RFC 9110, 10.2.3)."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from typing import Final

MAX_WAIT_S: Final = 120.0
"""Longest pause that a server is granted at once; it may ask for another."""


def headers_wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a response's headers ask to wait, at most MAX_WAIT_S; None when they do not say."""
    try:
        milliseconds = float(headers.get("retry-after-ms") or "nan")
    except ValueError:
        milliseconds = math.nan
    return bounded_s(milliseconds / 1000) if math.isfinite(milliseconds) else retry_after_s(headers.get("retry-after"))


def retry_after_s(value: str | None) -> float | None:
    """Seconds from a Retry-After header (a number or a date), at most MAX_WAIT_S; None when unreadable."""
    asked = asked_s(value)
    return None if asked is None else bounded_s(asked)


def asked_s(value: str | None) -> float | None:
    """The same as it is written: any finite number."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) else None


def bounded_s(seconds: float) -> float:
    """Seconds from 0 to MAX_WAIT_S."""
    return min(max(seconds, 0.0), MAX_WAIT_S)
