"""Files that the command line writes for its user: whole or not at all, where the user says, readable as he likes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from factory.errors import EnvironmentFault, RecipeError
from factory.store.files import PUBLIC, durable


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file as `factory.store.files.durable` writes it, in a folder that is there.

    Raises RecipeError when its folder does not exist, EnvironmentFault when it may not be written.
    """
    if not path.parent.is_dir():
        raise RecipeError(f"{path.parent}: there is no such folder to write {path.name} into")
    try:
        with durable(path, mode=PUBLIC) as file:
            yield file
    except (PermissionError, IsADirectoryError) as error:
        raise EnvironmentFault(f"{path}: cannot be written ({error.strerror}); choose another place") from error
