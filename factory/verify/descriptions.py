"""What checks of descriptions share: the words of an answer that would be released."""

from __future__ import annotations

from schemas import LocatedAnswer


def description_of(found: LocatedAnswer) -> str | None:
    """The description of an answer and the sentences about its regions, one a line; None where there is no answer."""
    if found.answered.failure is not None:
        return None
    values = found.answered.values
    sentences = [str(region.get("sentence", "")) for region in values.get("regions", ())]
    return "\n".join(text for text in (str(values.get("description", "")), *sentences) if text)
