"""A coarser key for scripts in which one foreign name has many spellings: the last resort of `forward`.

Arabic "سالطا" and "سالتا", Greek "Σαρλότ" and "Σάρλοττ", Korean "벤쿠버" and "밴쿠버": what sounds alike becomes one
letter, and in Arabic and Hebrew the vowel letters go. Within one script only; nothing is guessed from one to another.
A key of three signs says little, so it also tells how many letters went: "جايابيورا" (Jayapura) is not "جيبارا"
(Jepara).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARK: Final = "~"
"""Starts a loose key in the index, so that it never equals a name."""

LEAST_SIGNS: Final = 3
"""Shorter loose keys are shared by too many places and are none."""

_MOST_GONE = 9


def _table(*classes: str) -> dict[int, str]:
    """Each class is a letter and those that become it; after "-" are the letters that vanish."""
    return {
        ord(letter): "" if group[0] == "-" else group[0] for group in classes for letter in group[1:] if letter != "-"
    }


_ARABIC = _table(
    "-اويعءۆۋۇۈ ", "تطثټٹٽ", "سصث", "دضذډڈڎ", "زظژ", "كق", "غگجګڠڭ", "بپ", "شچڇ", "هحخ", "فڤ", "رړڑ", "نڼں", "لڵ",
)  # fmt: skip
_HEBREW = _table("-אויעה' ", "תט", "כקך", "שס", "נן", "מם", "פף", "צץ")
_GREEK = _table("-' ", "ιηυ", "οω", "τδ", "πβ")
_CYRILLIC = _table("-ьъ' ", "иыіїјйӣ", "еэєё", "гґхһҳ", "шщ", "лљ", "нњң", "кќқ", "уўүұӯ", "оө", "аәӑ", "жҗ")
_HANGUL = _table("-ㅡᅳ ", "ᄀᄁᄏ", "ᄃᄄᄐ", "ᄇᄈᄑ", "ᄉᄊ", "ᄌᄍᄎ", "ᅢᅦ", "ᅥᅡ", "ᅩᅮ", "ᆨᆩᆿ", "ᆮᆺᆻᇀ", "ᆸᇁ")
_DEVANAGARI = _table("- ", "िी", "ुू", "ेै", "ोौ", "नणंँञङ", "सशष", "तटथठ", "दडधढ", "बभव", "कख", "गघ", "जझ", "पफ")
_SCRIPTS: Final = (
    (re.compile(r"^[\u0600-\u06ff ]+$"), _ARABIC),
    (re.compile(r"^[\u0590-\u05ff ]+$"), _HEBREW),
    (re.compile(r"^[\u0370-\u03ff ]+$"), _GREEK),
    (re.compile(r"^[\u0400-\u052f ]+$"), _CYRILLIC),
    (re.compile(r"^[\uac00-\ud7a3 ]+$"), _HANGUL),
    (re.compile(r"^[\u0900-\u097f ]+$"), _DEVANAGARI),
)
_PAIRS: Final = (
    ("αι", "ε"), ("ει", "ι"), ("οι", "ι"), ("ου", "ω"), ("γκ", "γ"), ("γγ", "γ"), ("ντ", "τ"), ("μπ", "π"),
    ("τζ", "τσ"), ("дж", "џ"), ("џ", "ж"), ("йо", "о"), ("ьо", "о"),
)  # fmt: skip
_DOUBLED = re.compile(r"(.)\1+")
_GREEK_END = re.compile(r"(?<=...)[ιοαε]?σ?$")


def loose_key(key: str) -> str | None:
    """The loose key of a folded name, or None for other scripts, mixed ones and names of few signs."""
    found = _signs(key)
    if found is None:
        return None
    signs, gone = found
    return f"{MARK}{signs}{gone}" if len(signs) == LEAST_SIGNS else MARK + signs


def loose_keys(key: str) -> list[str]:
    """The loose keys of the names that a written one may be: of three signs, with one letter more or less gone."""
    found = _signs(key)
    if found is None:
        return []
    signs, gone = found
    if len(signs) > LEAST_SIGNS:
        return [MARK + signs]
    return [f"{MARK}{signs}{count}" for count in (gone, gone - 1, gone + 1) if 0 <= count <= _MOST_GONE]


def _signs(key: str) -> tuple[str, int] | None:
    """What is left of a name and how many of its letters are not."""
    letters = next((letters for script, letters in _SCRIPTS if script.match(key)), None)
    if letters is None:
        return None
    if letters is _HANGUL:
        key = unicodedata.normalize("NFD", key)
    size = len(key.replace(" ", ""))
    for written, simple in _PAIRS:
        key = key.replace(written, simple)
    loose = _DOUBLED.sub(r"\1", key.translate(letters))
    if letters is _GREEK:
        loose = _GREEK_END.sub("", loose)
    return (loose, min(size - len(loose), _MOST_GONE)) if len(loose) >= LEAST_SIGNS else None
