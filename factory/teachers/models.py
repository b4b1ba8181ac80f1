"""Which models an endpoint serves: what `factory doctor` asks, through the client and behind the guards of a build."""

from __future__ import annotations

import asyncio
from typing import Final

from factory.plugins.contracts import CallFailed
from factory.teachers.client import OpenAIClient
from factory.teachers.failures import clean, http_failure, read_json
from schemas.settings import TeacherSettings

LOOK_S: Final = 10.0
"""Deadline of the whole call, from connecting to the last byte."""
_MOST: Final = 100_000
"""Models that are looked at; a hosted router lists some hundreds."""


async def served_models(url: str, key: str) -> tuple[str, ...]:
    """The names of the models that an endpoint lists, as it writes them: foreign text, which may even hold the key.

    Raises CallFailed, with a detail that may be shown, when it does not answer with a list in time.
    """
    client = OpenAIClient(url, key, TeacherSettings(name="doctor", backend="openai"))
    try:
        async with client, asyncio.timeout(LOOK_S):
            status, body, wait_s = await client.get("/models")
    except TimeoutError:
        raise CallFailed(kind="timeout", detail=f"no whole answer within {LOOK_S:g} s") from None
    except UnicodeError:  # the client puts variables of the environment into headers
        raise CallFailed(kind="bad_header", detail="a variable OPENAI_* holds characters that no header has") from None
    if status != 200:
        raise http_failure(status, body, wait_s, client.redact)
    try:
        listed = read_json(body)
    except ValueError:
        raise CallFailed(kind="bad_body", detail=f"not JSON: {clean(body, client.redact)}") from None
    entries = listed.get("data") if isinstance(listed, dict) else None
    if not isinstance(entries, list):
        raise CallFailed(kind="bad_body", detail=f"no list of models: {clean(body, client.redact)}")
    names = (entry.get("id") for entry in entries[:_MOST] if isinstance(entry, dict))
    return tuple(name for name in names if isinstance(name, str))
