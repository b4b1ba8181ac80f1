"""Paths that a recipe names: `~` and variables of the environment, expanded here and nowhere else.

They are expanded where a file is opened, so that what is kept of a recipe (lock, card, manifest) and what is said of a
path has it as it was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from factory.errors import RecipeError
from factory.store.files import no_file

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", re.ASCII)
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS(?:WORD|WD)|CREDENTIAL|(?:^|_)(?:PAT|PASS|PWD|AUTH)(?:$|_)", re.IGNORECASE)
_NO_SECRETS = {"PWD", "OLDPWD"}
"""Folders, in spite of their names."""


def input_path(root: Path, written: str | Path) -> Path:
    """A path of a recipe, a relative one from the recipe's folder. What a variable holds is not expanded again.

    Raises RecipeError for a variable that is not set, for one that looks like a secret, and where a pipe, a socket or a
    device lies: whoever reads it may wait for ever.
    """
    for problem in variable_problems(str(written)):
        raise RecipeError(f"{written}: {problem}")
    path = root / Path(_VARIABLE.sub(_value, str(written))).expanduser()
    if (kind := no_file(path)) is not None:
        raise RecipeError(f"{written}: is {kind}, expected a file or a folder")
    return path


def shown_path(root: Path, written: str | Path) -> str:
    """The path as messages name it: where it is, or as it was written where variables stand in it."""
    return str(written) if has_variable(str(written)) else str(input_path(root, written))


def has_variable(text: str) -> bool:
    return _VARIABLE.search(text) is not None


def variable_problems(text: str) -> Iterator[str]:
    """What keeps the variables in a path from being expanded, a line each."""
    for found in _VARIABLE.finditer(text):
        name = found[1] or found[3]
        if _SECRET.search(name) and name not in _NO_SECRETS:
            yield f"the variable {name} looks like a secret, which no path is; name that of a key in `api_key_env`"
        elif os.environ.get(name, found[2]) is None:
            yield f"the environment variable {name} is not set; set it, or write the path out"


def fallback_told(written: str) -> str:
    """What a message about a path has to add where variables stand in it that are not set: another place was meant."""
    unset = [
        f"{found[1]} is not set, so {found[2]!r} stands for it"
        for found in _VARIABLE.finditer(written)
        if found[2] is not None and found[1] not in os.environ
    ]
    return f" (the environment variable {'; '.join(unset)})" if unset else ""


def _value(found: re.Match[str]) -> str:
    return os.environ.get(found[1] or found[3], found[2] or "")
