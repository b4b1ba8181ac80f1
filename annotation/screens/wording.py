"""The words of the screens, one file a language; what an annotation says does not depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args

import orjson

from factory.errors import RecipeError
from factory.text import did_you_mean
from schemas.settings import Language

LANGUAGES: Final[tuple[str, ...]] = get_args(Language)
_FOLDER: Final = Path(__file__).parent / "words"

Words = Mapping[str, str]


@cache
def words_of(language: str) -> Words:
    """Every word of the screens by its name, in one of LANGUAGES. Raises KeyError for another."""
    if language not in LANGUAGES:
        raise KeyError(language)
    words: dict[str, str] = orjson.loads((_FOLDER / f"{language}.json").read_bytes())
    return MappingProxyType(words)


def known_language(name: str) -> str:
    """One of LANGUAGES, as a person wrote it. Raises RecipeError for another."""
    if name not in LANGUAGES:
        near = did_you_mean(name, LANGUAGES)
        raise RecipeError(f"--language {name!r:.40}: expected one of {', '.join(LANGUAGES)}{near}")
    return name
