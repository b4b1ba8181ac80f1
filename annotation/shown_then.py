"""What tasks on the server show whose rows are not noted: a stopped command made them, or tasks.parquet was lost.

A task's screen was made when it was sent, and since then another answer may be the one that a screen would show. So its
data has a digest of what it showed, `SHOWN`. What has the same digest today is noted; where nothing has, what was shown
is not known any more, and what people said of it counts for the picture alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from annotation.client import Client
from annotation.controls import CLUE
from annotation.index import pages
from annotation.projects import Project
from annotation.replies import WholeTasks
from annotation.tasks import SHOWN, Made, shown_digest
from schemas.answer import MAX_CLUES

Row = dict[str, Any]
UNKNOWN: Final = "unknown"
"""In place of the ledger keys of an answer that is not known any more: no answer has it."""
_PICTURE: Final = re.compile(r"([0-9a-f]{64})\.jpg$")


class ShownThen:
    """What the tasks of a project show, as the server has it when this is made."""

    def __init__(self, client: Client, project: Project) -> None:
        asked = {"include": "id,data"}
        self._there = {
            task.id: _kept(task.data) for page in pages(client, project, WholeTasks, asked) for task in page.tasks
        }
        self.unknown = 0

    def row(self, row: Row, task: int, today: Mapping[str, Any], candidates: Iterable[Made]) -> Row:
        """The row of a task that the server has, as it was when the task was made.

        Args:
            row: as it would be made today.
            today: the data that a screen would have.
            candidates: what a screen may show of the sample, the answer that it would show today first.
        """
        then = self._there.get(task)
        if then is None:
            return row
        images = row["images"] if then["image"] == _picture(today) else []
        for made in candidates:
            if then[SHOWN] == shown_digest(made):
                shown = {"keys": list(made.keys), "clues": list(made.clues), "reasoning": made.reasoning}
                return {**row, **shown, "images": images}
        self.unknown += 1
        return {**row, "keys": [UNKNOWN], "clues": then["clues"], "reasoning": None, "images": images}


def _kept(data: Mapping[str, Any]) -> dict[str, Any]:
    """What of a task's data is compared; foreign, as the server may be."""
    said, clues = data.get(SHOWN), []
    for index in range(MAX_CLUES):
        entry = data.get(f"{CLUE}{index}")
        if isinstance(entry, list) and entry and isinstance(entry[0], dict):
            clues.append(str(entry[0].get("text") or ""))
    return {SHOWN: said if isinstance(said, str) else "", "image": _picture(data), "clues": clues}


def _picture(data: Mapping[str, Any]) -> str:
    """The digest in a picture's address: it may have been uploaded again."""
    address = str(data.get("image") or "")
    found = _PICTURE.search(address)
    return found[1] if found else address
