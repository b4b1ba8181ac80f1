"""Strangers' words on their way to a model, and a model's words behind its thoughts."""

from __future__ import annotations

from factory.text import THINK_TAG


def quoted(text: str) -> str:
    """A text between marks that it cannot end itself."""
    return "<<<\n" + text.replace("<<<", "< < <").replace(">>>", "> > >") + "\n>>>"


def behind_thoughts(text: str) -> str:
    """What a model says behind its last thought; nothing where that never ends."""
    tags = list(THINK_TAG.finditer(text))
    if not tags:
        return text
    return text[tags[-1].end() :] if "/" in tags[-1].group() else ""
