"""The build's projects on the server: one for each reviewer, since the open edition gives nobody tasks of their own,
and one that holds the pictures, since a picture is uploaded once and shown in several.

A project is known by its number together with when it was made: a number alone may be another server's. Where
`projects.json` is lost, or a stop came between, it is found again by the mark in its description.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from annotation.client import Client
from annotation.making import make_all
from annotation.replies import Anything, ProjectPage, ProjectReply, Uploads
from factory.errors import CorruptBuild
from factory.store.files import read_json, write_bytes

PICTURES: Final = "pictures"
"""Name of the project that holds the pictures; the others are called by their slots."""
UPLOADS: Final = '<View><Image name="photo" value="$image"/></View>'
"""Its configuration: a file is taken only where one key of data is asked for."""
_PAGE: Final = 100
_LONGEST: Final = 50
"""Characters of a title; of a longer one the end says more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project on the server."""

    id: int
    created_at: str
    pulled_until: str = ""
    """Time of the newest change that was pulled, on the server's clock."""
    shown: str = ""
    """What its screens were made to show (`Screen.shows`); empty where that is not known."""

    def is_same(self, other: Project) -> bool:
        """Whether both are one project."""
        return (self.id, self.created_at) == (other.id, other.created_at)


def read_projects(path: Path, remedy: str = "delete it, and the same command finds the projects") -> dict[str, Project]:
    """projects.json: the build's projects by slot. Raises CorruptBuild naming the file and the remedy."""
    if not path.exists():
        return {}
    try:
        kept = read_json(path, remedy)["projects"]
        found = {
            str(slot): {**{name: entry[name] for name in _FIELDS}, _SHOWN: entry.get(_SHOWN, "")}
            for slot, entry in kept.items()
        }
    except (KeyError, TypeError, AttributeError):
        raise CorruptBuild(f"{path}: is not as it was written; {remedy}") from None
    if not all(isinstance(one["id"], int) and isinstance(one["created_at"], str) for one in found.values()):
        raise CorruptBuild(f"{path}: is not as it was written; {remedy}")
    return {slot: Project(**one) for slot, one in found.items()}


def write_projects(projects: Mapping[str, Project], path: Path) -> None:
    """projects.json, whole."""
    names = (*_FIELDS, _SHOWN)
    kept = {slot: {name: getattr(project, name) for name in names} for slot, project in projects.items()}
    write_bytes(orjson.dumps({"projects": kept}, option=orjson.OPT_INDENT_2), path)


def note_shown(path: Path, shows: str, slots: Iterable[str]) -> None:
    """Notes in projects.json what the screens of some projects show now."""
    known = read_projects(path)
    write_projects(known | {slot: replace(known[slot], shown=shows) for slot in slots}, path)


_FIELDS: Final = ("id", "created_at", "pulled_until")
_SHOWN: Final = "shown"
"""Which files of older versions have not."""


def ensure(client: Client, path: Path, title: str, wanted: Mapping[str, Mapping[str, Any]]) -> dict[str, Project]:
    """The projects of some slots: known ones, ones with their mark, else new ones; with the settings given.

    Args:
        path: projects.json; is brought up to date.
        title: names the build: the same for every push of it, another for every other build.
        wanted: by slot, what Label Studio calls `label_config`, `sampling`, ...

    Raises EnvironmentFault.
    """
    known = read_projects(path)
    listed = [*_listed(client, {})]
    for slot, settings in wanted.items():
        mark = f"{title}:{slot}"
        marked = [_project(entry) for entry in listed if _has(entry, mark)]
        here = [one for one in marked if slot in known and one.is_same(known[slot])]
        found = here[0] if here else min(marked, key=lambda one: one.id, default=None)
        if found is None:
            name = f"{title} {slot if slot == PICTURES else f'reviewer {slot}'}"
            found = _create(client, mark, {"title": name[-_LONGEST:], "description": f"{name} ({mark})", **settings})
        else:
            _update(client, found, settings)
            _drop_twins(client, found, marked)
        known[slot] = known[slot] if slot in known and found.is_same(known[slot]) else found
        write_projects(known, path)
    return {slot: known[slot] for slot in wanted}


def _has(entry: ProjectReply, mark: str) -> bool:
    return (entry.description or "").endswith(f"({mark})")


def _drop_twins(client: Client, found: Project, marked: Sequence[Project]) -> None:
    """A creation that was given up and done all the same leaves a second project; it goes while nothing is in it."""
    for twin in marked:
        if twin.id == found.id or task_number(client, twin):
            continue
        if not client.get(f"/api/projects/{twin.id}/file-uploads", Uploads, {"all": "true"}).root:
            client.delete(f"/api/projects/{twin.id}/")


def still_there(client: Client, project: Project) -> bool:
    """Whether the server has the project, made when we made it."""
    return any(project.is_same(_project(entry)) for entry in _listed(client, {"ids": project.id}))


def task_number(client: Client, project: Project) -> int:
    """How many tasks the project has."""
    return client.get(f"/api/projects/{project.id}/", ProjectReply).task_number or 0


def _marked(client: Client, mark: str) -> Project | None:
    found = (_project(entry) for entry in _listed(client, {}) if _has(entry, mark))
    return min(found, key=lambda project: project.id, default=None)


def _listed(client: Client, params: Mapping[str, str | int]) -> Iterator[ProjectReply]:
    page = 1
    while True:
        asked = {"include": "id,description,created_at", "page_size": _PAGE, "page": page, **params}
        answer = client.get("/api/projects", ProjectPage, asked)
        yield from answer.results
        if not answer.next:
            return
        page += 1


def _create(client: Client, mark: str, body: Mapping[str, Any]) -> Project:
    made: list[Project] = []

    def look() -> None:
        made.extend(found for found in (_marked(client, mark),) if found is not None)

    make_all(
        client,
        [body],
        is_there=lambda _: bool(made),
        make=lambda _: made.append(_project(client.make("/api/projects", ProjectReply, body))),
        look=look,
        too_large=lambda _: f"takes no project of {len(orjson.dumps(body)):,} bytes (HTTP 413); raise its limit",
        kept=lambda: "no project was made, and the same command goes on when it answers",
    )
    return made[0]


def _update(client: Client, project: Project, settings: Mapping[str, Any]) -> None:
    """Sets what differs: the server checks a configuration against all annotations, which takes long."""
    path = f"/api/projects/{project.id}/"
    now = client.get(path, Anything).root
    changed = {name: value for name, value in settings.items() if now.get(name) != value}
    if changed:
        client.set(path, changed)


def _project(entry: ProjectReply) -> Project:
    return Project(id=entry.id, created_at=entry.created_at)
