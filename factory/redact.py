"""Secrets taken out of foreign text before it is kept, shown or shortened: whoever is sent a key may send it back.

A key is found as it stands, with the escapes of JSON or of an address for any of its characters, with characters in
between that `factory.text.tidy` takes away, and inside base64. Who means to hide it finds another writing; against
that, the release is searched once more, as its readers will read it.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from factory.text import INVISIBLE, tidy

REDACTED: Final = "[redacted]"
LEAST: Final = 4
"""Characters of a secret that is taken out; a shorter one is in every text."""
LEAST_TELLING: Final = 8
"""Characters of a secret that is looked for in a release and inside base64: shorter ones stand there by chance."""
MOST_CUT: Final = 100_000
"""Characters of a text out of which a secret is cut, in up to 60 ms; of a longer one nothing is kept, since whoever
answers so much with a key in it means harm."""
CLIENTS_OWN: Final = ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "LABEL_STUDIO_API_KEY")
"""Variables that are taken for secrets whatever a recipe says."""

_CONTROLS: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff"
_GAP: Final = rf"[{_CONTROLS}{INVISIBLE}]"
_ESCAPED_GAP: Final = r"\\{1,8}u(?i:00[01][0-9a-f]|00[789][0-9a-f]|20(?:0b|2[a-e]|6[0-9a-f])|feff|d[89a-f][0-9a-f]{2})"
_BETWEEN: Final = rf"(?:{_GAP}|{_ESCAPED_GAP})*+"
_SPELT: Final = re.compile(  # a set of letters first: `re` then skips to the next of them
    r"[\\%](?:(?<=\\)\\{0,7}(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))|(?<=%)(?:25)*([0-9a-fA-F]{2}))"
)
_ONCE: Final = re.compile(_SPELT.pattern.replace("(?:25)*", ""))
"""The same, with `%2541` read as `%41`: a secret that holds a `%` may stand there before all is read."""
_MOST_READINGS: Final = 4
"""Times that an address is read, one escape inside another; beyond, only the last reading is looked at."""
_GAPS: Final = re.compile(rf"[{_CONTROLS}{INVISIBLE}]+")
_ODD: Final = re.compile(rf"[\\%{_CONTROLS}{INVISIBLE}]")


class Redactor:
    """Takes secrets out of text. Without secrets it changes nothing."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(dict.fromkeys(secret for secret in secrets if len(secret) >= LEAST))
        forms = [*self._secrets, *(form for secret in self._secrets for form in _in_base64(secret))]
        self._forms = tuple(forms)
        self._plain = tuple(form.replace("\\", "") for form in forms)

    def holds(self, text: str) -> bool:
        """Whether a secret stands in a text, in any of its writings."""
        if any(form in text for form in self._forms):
            return True
        if not self._forms or not _ODD.search(text):
            return False
        return any(form in read for read in self._readings(text) for form in self._plain)

    def _readings(self, text: str) -> Iterator[str]:
        """The text as its readers may read it, without what they do not see."""
        yield _seen(_SPELT.sub(_character, text))
        if any("%" in form for form in self._forms):
            yield _seen(text)
            for _ in range(_MOST_READINGS):
                text, before = _ONCE.sub(_character, text), text
                if text == before:
                    return
                yield _seen(text)

    def __call__(self, text: str) -> str:
        """The text with `[redacted]` for every secret in it; all of it redacted where one cannot be cut out, or of more
        than `MOST_CUT` characters."""
        if not self.holds(text):
            return text
        if len(text) > MOST_CUT:
            return REDACTED
        for pattern in map(_pattern, self._forms):
            text = pattern.sub(REDACTED, text)
        return REDACTED if self.holds(text) else text

    def values(self, value: Any) -> Any:
        """JSON values with every text of them redacted, names included."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(name): self.values(inner) for name, inner in value.items()}
        return [self.values(inner) for inner in value] if isinstance(value, list) else value

    def brief(self, text: str, limit: int) -> str:
        """One line of at most `limit` characters for a message: redacted first, shortened then, because half a key is
        nobody's to keep either. `text` may itself be the beginning of a longer one."""
        text = self(tidy(text, len(text)))
        for secret in self._secrets:
            longest = min(len(secret), len(text))
            cut = next((n for n in range(longest, LEAST - 1, -1) if text.endswith(secret[:n])), 0)
            text = text[: len(text) - cut] + REDACTED * bool(cut)
        return tidy(text, limit)


def _in_base64(secret: str) -> Iterator[str]:
    """What of a secret stands inside base64 text that has it somewhere, in either alphabet."""
    if len(secret) < LEAST_TELLING:
        return
    data = secret.encode()
    for before in range(3):
        whole = (8 * (before + len(data))) // 6
        inner = base64.b64encode(bytes(before) + data).decode()[-(-8 * before // 6) : whole]
        yield from dict.fromkeys((inner, inner.translate({43: 45, 47: 95})))


@cache
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(_BETWEEN.join(map(_spellings, form)))


def _spellings(letter: str) -> str:
    """A pattern of one character: itself, or an escape of it."""
    code = f"(?i:{ord(letter):02x})"
    return rf"(?:\\{{0,8}}{re.escape(letter)}|\\{{1,8}}(?:u00|x){code}|%(?:25)*{code})"


def _seen(text: str) -> str:
    plain = text.replace("\\", "")
    return _GAPS.sub("", plain) if _GAPS.search(plain) else plain


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1] or escape[2] or escape[3], 16))


def named_secrets(recipe: Any) -> dict[str, str]:
    """Secrets of the environment that a recipe names, by variable: every key of it that ends in `_env`, at any depth,
    and those that the client reads by itself.

    Args:
        recipe: its plain data.
    """
    names = dict.fromkeys((*CLIENTS_OWN, *_variables(recipe)))
    values = {name: os.environ.get(name, "").strip() for name in names}
    return {name: value for name, value in values.items() if value}


def told(secrets: Mapping[str, str], *parts: str | bytes) -> Iterator[str]:
    """The variables whose value a published text, or the bytes of a picture, holds."""
    for name, secret in secrets.items():
        if len(secret) < LEAST_TELLING:
            continue
        if any(_only(secret).holds(part) if isinstance(part, str) else secret.encode() in part for part in parts):
            yield name


@cache
def _only(secret: str) -> Redactor:
    return Redactor((secret,))


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, str) and str(key).endswith("_env"):
                yield item
            else:
                yield from _variables(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _variables(item)
