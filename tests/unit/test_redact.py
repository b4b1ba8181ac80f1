"""A secret is taken out of text in every writing that our readers undo, and nothing else is."""

from __future__ import annotations

import base64
import json
import string
import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.calls.call import redacted_row
from factory.redact import LEAST, MOST_CUT, REDACTED, Redactor, named_secrets, told
from factory.text import tidy
from tests.ledger_rows import ledger_row

KEY = "Canary/Xy7+Qq2wEr5tYu8iOp1aSd4fGh7jK="
LETTERS = "".join(sorted(set(string.printable) - set(string.whitespace)))
KEYS = st.text(LETTERS, min_size=LEAST, max_size=60)
GAPS = st.text("\u200b\u2066\ufeff\x01\x7f", max_size=2)


@pytest.mark.parametrize("text", [f"it is {KEY}", KEY * 3, f"/?key={urllib.parse.quote(KEY, safe='')}", "\0".join(KEY)])
def test_a_secret_becomes_a_word(text: str) -> None:
    assert REDACTED in Redactor([KEY])(text)
    assert "Canary" not in tidy(Redactor([KEY])(text), 500)


@given(KEYS | st.text("%025\\u", min_size=LEAST, max_size=8), st.text(max_size=20), st.text(max_size=20), st.data())
@settings(deadline=None)
def test_no_writing_that_is_read_back_keeps_a_secret(key: str, before: str, after: str, data: st.DataObject) -> None:
    letters = []
    for letter in key:
        code = f"{ord(letter):02x}"
        writings = [letter, f"\\u00{code}", f"\\\\u00{code.upper()}", f"%{code}", f"%25{code}"]
        letters.append(data.draw(st.sampled_from(writings)) + data.draw(GAPS))
    text = Redactor([key])(before + "".join(letters) + after)
    read = tidy(urllib.parse.unquote(urllib.parse.unquote(text)), 10_000, lines=True)
    assert not Redactor([key]).holds(text)
    assert key not in text and (key not in read or key in REDACTED)


@given(st.text(LETTERS, min_size=8, max_size=60), st.binary(max_size=20), st.binary(max_size=20), st.booleans())
@settings(deadline=None)
def test_base64_of_something_with_the_secret_is_found(key: str, before: bytes, after: bytes, urls: bool) -> None:
    packed = (base64.urlsafe_b64encode if urls else base64.b64encode)(before + key.encode() + after).decode()
    assert Redactor([key]).holds(packed)
    assert not Redactor([key]).holds(Redactor([key])(packed))


@given(st.text(max_size=200), st.lists(st.text(LETTERS, max_size=LEAST - 1)))
@settings(deadline=None)
def test_without_a_secret_nothing_changes(text: str, too_short: list[str]) -> None:
    assert Redactor(too_short)(text) == text
    if not Redactor([KEY]).holds(text):
        assert Redactor([KEY])(text) == text


def test_json_stays_json() -> None:
    said = json.dumps({"reasoning": f'a "{KEY}" b\\', "city": "Kazan", "path": KEY})
    found = json.loads(Redactor([KEY])(said.replace("/", "\\/")))
    assert found == {"reasoning": f'a "{REDACTED}" b\\', "city": "Kazan", "path": REDACTED}


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 400))
@settings(deadline=None)
def test_a_message_keeps_no_part_of_a_secret_that_was_cut(before: int, kept: int, limit: int) -> None:
    """However much of a text arrived, and however much of that is kept."""
    text = ("x" * before + " " + KEY + " and on and on")[:kept]
    brief = Redactor([KEY]).brief(text, limit)
    assert len(brief) <= limit
    assert not any(KEY[:n] in brief for n in range(LEAST, len(KEY)))


def test_the_secrets_of_a_recipe_are_those_it_names_and_the_clients_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ONE": " a-key ", "TWO": "two", "OPENAI_API_KEY": "own", "OTHER": "x", "EMPTY_ONE": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OPENAI_ADMIN_KEY", raising=False)
    recipe = {
        "teachers": [{"api_key_env": "ONE", "name": "t"}, {"api_key_env": None}],
        "witnesses": [{"deep": {"token_env": "TWO"}}, {"api_key_env": "EMPTY_ONE"}, {"api_key_env": "UNSET_ONE"}],
        "environment": "OTHER",
    }
    assert named_secrets(recipe) == {"OPENAI_API_KEY": "own", "ONE": "a-key", "TWO": "two"}


def test_what_is_published_is_searched_for_secrets_that_are_long_enough_to_mean_something() -> None:
    secrets = {"LONG": KEY, "SHORT": "train"}
    assert list(told(secrets, f"train {KEY}")) == ["LONG"] == list(told(secrets, b"\xff\xd8" + KEY.encode()))
    assert not list(told(secrets, "train"))


def test_a_row_of_an_older_ledger_is_taken_over_without_the_secret() -> None:
    row = ledger_row(response=f"it is {KEY}", model=f"m {KEY}", finish_reason=KEY, scores=json.dumps({KEY: -1.0}))
    taken = redacted_row(row, Redactor([KEY]))
    assert KEY not in str(taken) and taken.response == f"it is {REDACTED}" and taken.key == row.key
    assert redacted_row(row, Redactor(["something-else"])) is row


def test_out_of_a_text_that_no_honest_answer_has_nothing_is_cut() -> None:
    redact, key = Redactor(("sk-canary-0123456789",)), "sk-canary-0123456789"
    honest = "a word " * (MOST_CUT // 8)
    assert redact(honest + key) == honest + REDACTED
    for filling in ("\\", "%25", "s\u200b", "\\\\u200b", "word "):
        long = filling * (600_000 // len(filling))
        assert redact(key + long) == REDACTED, "what is cut out of it takes a third of a second"
        assert redact(long) == long


def test_json_values_are_redacted_with_their_names_and_numbers_stay() -> None:
    redact = Redactor(("secret-0123",))
    given = {"a secret-0123": ["secret-0123", {"b": "x"}, 1, 2.5, None, True], "c": "secr"}
    kept = {f"a {REDACTED}": [REDACTED, {"b": "x"}, 1, 2.5, None, True], "c": "secr"}
    assert redact.values(given) == kept
