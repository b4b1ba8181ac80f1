"""Spellings one letter away: many keys at once are what each is alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo.misspelt import MIN_LETTERS, _spellings, misspellings

KEYS = st.text("abcdefghijklmnopqrstuvwxyz 0123456789", min_size=MIN_LETTERS, max_size=14)


@settings(deadline=None)
@given(st.lists(KEYS | st.text("абвгдежзиклмно", min_size=2, max_size=8), max_size=6))
def test_many_keys_have_the_spellings_of_each(keys: list[str]) -> None:
    spelt, owner = _spellings(keys)
    for row, key in enumerate(keys):
        found = [text for text, of in zip(spelt, owner.tolist(), strict=True) if of == row and text[:1] != "~"]
        assert list(dict.fromkeys(found)) == (misspellings(key) if len(key) >= MIN_LETTERS else [])


def test_a_letter_is_dropped_swapped_added_or_changed_for_one_that_sounds_like_it() -> None:
    spelt, _ = _spellings(["helsimki"])
    assert {"helsimk", "helsmiki", "helsimkki", "helsinki"} <= set(spelt)
    assert "relsimki" not in set(spelt)
