"""Screens that are brought up to date, where the recipe shows them otherwise than they were made.

An answer was given on the screen that stood there, so only tasks that nobody has answered are shown anew. Nothing is
deleted for it: a task that is answered meanwhile keeps its answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from annotation.client import Client
from annotation.index import pages
from annotation.projects import Project
from annotation.replies import WholeTasks
from factory.text import counted


class Renewer:
    """The screens of a project, as the server has them when this is made."""

    def __init__(self, client: Client, project: Project) -> None:
        asked = {"include": "id,data,total_annotations,cancelled_annotations"}
        self._client = client
        self._there = {
            task.id: (_digest(task.data), bool(task.total_annotations or task.cancelled_annotations))
            for page in pages(client, project, WholeTasks, asked)
            for task in page.tasks
        }
        self.seen, self.renewed, self.stay = 0, 0, 0

    def show(self, task: int, data: Mapping[str, Any], *, same: bool = True) -> None:
        """Shows a task so, where it differs and nobody has answered it.

        Args:
            same: whether it is about what it was about; else it stays as well.
        """
        self.seen += 1
        then, is_answered = self._there.get(task, (None, False))
        if then is None or then == _digest(data):
            return
        if is_answered or not same:
            self.stay += 1
            return
        self._client.set(f"/api/tasks/{task}/", {"data": data})
        self.renewed += 1


def told_of_renewal(shows: str, renewers: Iterable[Renewer], then: Iterable[str] = ("",)) -> Iterator[str]:
    """What is said of it, in a line, where anything differed.

    Args:
        then: what the screens showed before (`Screen.shows`), empty where that is not known.
    """
    counts = [(one.renewed, one.stay) for one in renewers]
    renewed, stay = (sum(numbers) for numbers in zip(*counts, strict=True)) if counts else (0, 0)
    if renewed or stay:
        told = f"screens have {shows} now: {counted(renewed, 'task')} made anew that nobody had answered"
        kept = f", {counted(stay, 'task')} left as answered"
        truths = {one.rpartition(", ")[2] for one in (shows, *then)}
        apart = "; what was said with and without the truth does not compare" * (len(truths) > 1)
        yield told + (kept + apart) * bool(stay)


def _digest(data: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).digest()
