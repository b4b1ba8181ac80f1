"""Which of our tasks a project has, by name. The server takes the same task as often as it is sent: we look first.

What we noted is believed of the tasks whose numbers the server still has; the names of the others are asked for. How
many there are says nothing: somebody else's task may stand in for one of ours that was deleted. Two tasks of one name
come from an import that was given up, and done all the same: the second goes, unless somebody has answered it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from annotation.client import Client
from annotation.projects import Project
from annotation.replies import ChangedTasks, TaskNames, TaskNumbers, WholeTasks
from factory.errors import EnvironmentFault

PAGE: Final = 250
PAGE_OF_NUMBERS: Final = 5_000
"""Of a list of numbers alone, which costs the server by the call: 5,000 in one take a third of the time of 20 pages."""


class Index:
    """The tasks of a project by name."""

    def __init__(self, client: Client, project: Project, noted: Mapping[str, int]) -> None:
        """Looks at the server at once.

        Args:
            noted: numbers of tasks by name, as written down before.
        """
        self._client, self.project = client, project
        self.tasks = dict(noted)
        self._others: set[int] = set()
        self.settle()

    def look(self) -> None:
        """Notes what is newer than what is known."""
        self._note(max((*self.tasks.values(), *self._others), default=0))

    def settle(self) -> None:
        """Forgets what the project has no more, and notes what it has beside what is known."""
        there = task_numbers(self._client, self.project)
        self.tasks = {name: number for name, number in self.tasks.items() if number in there}
        self._others &= there
        if unknown := there - self._others - {*self.tasks.values()}:
            self._note(min(unknown) - 1)

    def _note(self, last: int) -> None:
        asked = {"include": "id,data,total_annotations,cancelled_annotations"}
        found_pages = pages(self._client, self.project, TaskNames, asked, last=last)
        for found in (task for page in found_pages for task in page.tasks):
            name = found.data.ext_id
            known = None if name is None else self.tasks.setdefault(name, found.id)
            if known == found.id:
                continue
            if name is None or found.total_annotations or found.cancelled_annotations:
                self._others.add(found.id)  # of somebody else, or answered twice
            else:
                self._client.delete(f"/api/tasks/{found.id}/")


def task_numbers(client: Client, project: Project) -> set[int]:
    """The numbers of all tasks that a project has."""
    asked: dict[str, str | int] = {"include": "id", "page_size": PAGE_OF_NUMBERS}
    return {task.id for page in pages(client, project, TaskNumbers, asked) for task in page.tasks}


TasksT = TypeVar("TasksT", TaskNames, TaskNumbers, ChangedTasks, WholeTasks)


def pages(
    client: Client,
    project: Project,
    shape: type[TasksT],
    params: Mapping[str, str | int],
    *also: Mapping[str, Any],
    last: int = 0,
) -> Iterator[TasksT]:
    """Tasks with numbers above `last`, a page after the other by number: pages that are counted shift when tasks come.

    Raises EnvironmentFault for a server that lists what was not asked for, which might go on for ever.
    """
    while True:
        page = client.get("/api/tasks", shape, by_number(project, last, params, *also))
        yield page
        if len(page.tasks) >= page.total:
            return
        newest = max((task.id for task in page.tasks), default=last)
        if newest <= last:
            raise EnvironmentFault(
                f"{client.url}/api/tasks: lists {page.total:,} tasks above {last}, and gives none of them"
            )
        last = newest


def by_number(project: Project, last: int, params: Mapping[str, str | int], *also: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that ask for the first `PAGE` tasks with a number above `last`, and what else is to hold."""
    items = [{"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}, *also]
    query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
    return {"project": project.id, "page_size": PAGE, "query": json.dumps(query), **params}
