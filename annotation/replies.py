"""What Label Studio answers, as far as we read it; the rest is left. Anything else ends a command with the key."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from factory.errors import EnvironmentFault

ShapeT = TypeVar("ShapeT", bound=BaseModel)


class _Reply(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class ProjectReply(_Reply):
    """A project."""

    id: int
    created_at: str
    description: str | None = None
    task_number: int | None = None


class Anything(RootModel[dict[str, Any]]):
    """An object of any keys."""


class ProjectPage(_Reply):
    """A page of projects."""

    results: list[ProjectReply]
    next: str | None = None


class UploadReply(_Reply):
    """A file that was uploaded; `file` is its path below `/data/`."""

    id: int
    file: str


class Uploads(RootModel[list[UploadReply]]):
    """Several of them."""


class Imported(_Reply):
    """What an import or an upload did. A hosted server that works in the background gives none of these."""

    task_ids: list[int] = []
    file_upload_ids: list[int] = []


class TaskData(BaseModel):
    """Of a task's data, the name that we gave it."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    ext_id: str | None = None


class TaskName(_Reply):
    """A task, found by its name."""

    id: int
    data: TaskData
    total_annotations: int = 0
    cancelled_annotations: int = 0


class TaskNames(_Reply):
    """A page of them; `total` counts the tasks of all pages."""

    tasks: list[TaskName]
    total: int


class WholeTask(_Reply):
    """A task with what its screen shows."""

    id: int
    data: dict[str, Any]
    total_annotations: int = 0
    cancelled_annotations: int = 0


class WholeTasks(_Reply):
    """A page of them."""

    tasks: list[WholeTask]
    total: int


class TaskNumber(_Reply):
    """A task's number alone."""

    id: int


class TaskNumbers(_Reply):
    """A page of them."""

    tasks: list[TaskNumber]
    total: int


class ChangedTask(_Reply):
    """A task with what was said about it, as it came."""

    id: int
    updated_at: str
    annotations: list[dict[str, Any]]


class ChangedTasks(_Reply):
    """A page of them."""

    tasks: list[ChangedTask]
    total: int


class UserReply(_Reply):
    """An account."""

    id: int
    email: str = ""
    username: str = ""

    @property
    def name(self) -> str:
        """What it is called by."""
        return self.email or self.username or f"account {self.id}"


class Users(RootModel[list[UserReply]]):
    """The accounts of the organisation."""


def shaped(shape: type[ShapeT], value: Any, place: str) -> ShapeT:
    """A reply as `shape`. Raises EnvironmentFault naming place and key."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "it"
        raise EnvironmentFault(
            f"{place}: is no answer of the Label Studio that we know (1.23): {key}: {first['msg'].lower()}"
        ) from None
