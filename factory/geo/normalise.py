"""The folding of place names: what two spellings must share to be one name.

One rule for the index and for every query. Case, diacritics, punctuation and spacing go; so do differences that only
a keyboard makes: Arabic against Persian letters, long vowels and middle dots in katakana, traditional against
simplified Chinese. Letters are never moved between scripts: that is a guess, and a key must not hold one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

import polars as pl

_HANZI = Path(__file__).parent / "data" / "names_hanzi.txt"

_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ə": "a",
    "ŋ": "ng", "ĸ": "k", "ŧ": "t", "ƙ": "k", "ɓ": "b", "ɗ": "d",
    "ی": "ي", "ى": "ي", "ې": "ي", "ے": "ي", "ک": "ك", "ڪ": "ك", "ہ": "ه", "ھ": "ه", "ە": "ه", "ة": "ه", "ۃ": "ه",
    "ٱ": "ا", "ـ": "", "ء": "",
    "ァ": "ア", "ィ": "イ", "ゥ": "ウ", "ェ": "エ", "ォ": "オ", "ッ": "ツ", "ャ": "ヤ", "ュ": "ユ", "ョ": "ヨ",
    "ヮ": "ワ", "ヵ": "カ", "ヶ": "ケ", "ー": "", "・": "", "゠": "", "ヱ": "エ", "ヲ": "オ", "ヂ": "ジ", "ヅ": "ズ",
    "·": "", "•": "", "‧": "",
    "'": "", "’": "", "‘": "", "ʻ": "", "ʼ": "", "`": "", "´": "", "ʹ": "", "ʿ": "", "ʾ": "", "′": "", "״": "", "׳": "",
}  # fmt: skip
_LATIN = r"^[\x00-\x7F\u00C0-\u013E\u0141-\u0148\u014A-\u017E\u1E00-\u1E95\u1EA0-\u1EF9\u2018\u2019]*$"
"""ASCII, letters with diacritics, and the apostrophes beside them."""
_LATIN_LETTERS = {letter: plain for letter, plain in _LETTERS.items() if re.match("[\u00c0-\u017f‘’]", letter)}
_VOICED = (("ヴァ", "バ"), ("ヴィ", "ビ"), ("ヴェ", "ベ"), ("ヴォ", "ボ"), ("ヴ", "ブ"))
_KANA_VOICING = 8
"""Canonical combining class of the kana voicing marks, the only marks above zero that make another letter."""

_NO_SPACES = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
_SPACED = re.compile(f"(?<={_NO_SPACES}) (?={_NO_SPACES})")
_INITIAL = re.compile(r"\b([a-z])\.")
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")
_WORDS = (
    (re.compile(r"\bst\b"), "saint"),
    (re.compile(r"\bste\b"), "sainte"),
    (re.compile(r"\bmt\b"), "mount"),
    (re.compile(r"\bft\b"), "fort"),
)
_MAX_PASSES = 4


def fold(name: str) -> str:
    """The key of a name: no case, diacritics or punctuation, "St." as "saint", "U.S.A." as "usa".

    Folding a key changes nothing. The result is empty for a name without letters and digits.
    """
    if name.isascii():
        return _fold_ascii(name)
    for _ in range(_MAX_PASSES):
        key = _fold_once(name)
        if key == name:
            break
        name = key
    return name


def fold_column(names: pl.Series) -> pl.Series:
    """`fold` of every value: polars expressions for Latin letters, Python for the others, null for null."""
    frame = names.rename("name").to_frame()
    latin = pl.col("name").str.contains(_LATIN)
    plain = pl.col("name").str.to_lowercase().str.replace_all(r"\b([a-z])\.", "$1")
    ascii_only = pl.col("name").str.len_bytes() == pl.col("name").str.len_chars()
    folded = frame.select(pl.when(ascii_only).then(_of_ascii(plain))).to_series()
    accented = frame.select((~ascii_only & latin).arg_true()).to_series()
    if accented.len():
        bare = plain.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.replace_many(_LATIN_LETTERS)
        folded = folded.scatter(accented, frame[accented].select(_of_ascii(bare)).to_series())
    others = frame.select((~ascii_only & ~latin).arg_true()).to_series()
    if others.len():
        keys = pl.Series([fold(name) for name in names.gather(others)], dtype=pl.String)
        folded = folded.scatter(others, keys)
    return folded.rename(names.name)


def _of_ascii(plain: pl.Expr) -> pl.Expr:
    """The key of small ASCII letters and punctuation."""
    plain = plain.str.replace_all("['`]", "").str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars(" ")
    for pattern, word in _WORDS:
        plain = plain.str.replace_all(pattern.pattern, word)
    return plain


def _fold_ascii(name: str) -> str:
    plain = _INITIAL.sub(r"\1", name.lower()).replace("'", "").replace("`", "")
    key = _NOT_PLAIN.sub(" ", plain).strip(" ")
    for pattern, word in _WORDS:
        key = pattern.sub(word, key)
    return key


def _fold_once(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    if "ヴ" in plain:
        for written, simple in _VOICED:
            plain = plain.replace(written, simple)
    plain = unicodedata.normalize("NFKD", _INITIAL.sub(r"\1", plain).translate(_hanzi()))
    plain = unicodedata.normalize("NFC", plain.translate(_letters()))
    key = _SPACED.sub("", " ".join(plain.split()))
    for pattern, word in _WORDS:
        key = pattern.sub(word, key)
    return key


class _Letters(dict[int, str]):
    """What becomes of each character: itself, another letter, a space or nothing. Filled as characters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        category = unicodedata.category(letter)
        if unicodedata.combining(letter) not in (0, _KANA_VOICING) or category == "Cf":
            kept = ""
        elif category[0] in "LN" or category in ("Mn", "Mc"):
            kept = letter
        else:
            kept = " "
        self[code] = kept
        return kept


@cache
def _letters() -> _Letters:
    return _Letters({ord(letter): plain for letter, plain in _LETTERS.items()})


@cache
def _hanzi() -> dict[int, str]:
    """Simplified form of each traditional character, from the table that factory.geo.build.names writes."""
    pairs = _HANZI.read_text(encoding="utf-8").split()
    return {**{ord(pair[0]): pair[1] for pair in pairs}, **{ord(a): b for a, b in _LETTERS.items() if a in "øłđðþßæœı"}}
