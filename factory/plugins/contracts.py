"""What a teacher's backend is: something that answers one prompt about one image, or says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import polars as pl

from schemas import GeoAnswer, Sample

SCHEMA_REFUSED = "schema_refused"
"""Kind of the failure that says: this server takes no `response_format`; the next call goes without it."""

REFUSED_CONNECTION = "refused_connection"
"""Kind of the failure that says: nothing listens there; the request was never sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, before anybody parsed it."""

    text: str
    finish_reason: str | None = None
    model: str = ""
    """As the endpoint names it; empty when it does not."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0


@dataclass(eq=False, kw_only=True)
class CallFailed(Exception):
    """One question got no usable reply.

    `retryable` failures are tried again. `down` says that the endpoint itself is away, `presses` that it asks for
    less, `fatal` that no sample can succeed (credentials, unknown model, spent quota).
    """

    kind: str
    detail: str
    retryable: bool = False
    down: bool = False
    presses: bool = False
    fatal: bool = False
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class Backend(Protocol):
    """One endpoint (or one file of recorded answers). An async context manager around its connections."""

    name: str
    """The endpoint's address, for messages."""
    paid: bool
    """False for recorded answers: no image is read, no budget is touched, no slot is taken."""

    def inputs(self, sample_id: str) -> Mapping[str, Any]:
        """What besides prompt, sampling and image decides the answer; part of the ledger key."""
        ...

    async def complete(self, prompt: Prompt, sample_id: str, images: Sequence[bytes], attempt: int) -> Reply:
        """One answer, by at most one request. Raises CallFailed."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Backends:
    """What a registered teacher function returns: one backend an endpoint, all giving the same answers."""

    endpoints: tuple[Backend, ...]
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Backend settings that change answers; they join the sampling parameters in the ledger key."""


class Source(Protocol):
    """Geotagged images from one place."""

    @property
    def name(self) -> str:
        """The file or folder, for messages."""

    @property
    def coordinate_columns(self) -> tuple[str, str]:
        """What latitude and longitude are called in the file, for messages."""

    def digest(self) -> str:
        """sha256 of what identifies the content: a table's bytes and the sizes of some thousands of its images, or the
        names and sizes of a folder or of tars.

        Limit: a photo replaced by another of the same size under the same name changes no folder's digest; each image
        counts by its own sha256 in the request keys.
        """

    def table(self) -> pl.DataFrame:
        """One row an image: `source_row` (zero-based), the columns of `Field`, and `problem`.

        `lat`, `lon` and `uncertainty_km` are numbers or text as the file has them; the others are text, and null where
        missing. Raises SourceError when the source cannot be read as the recipe says.
        """

    def read(self, locator: str) -> Path | bytes:
        """The image behind a value of the `image` column. Raises SourceError when it is missing or outside the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is sent, with what identifies it in a ledger key."""

    name: str
    version: str
    system: str
    user: str
    response_schema: dict[str, Any] | None = None
    """JSON Schema of the answer; None asks for free text."""
    sha256: str
    """Of system, user and schema."""


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a reply is no answer."""

    kind: str
    """truncated, refused, empty, not_json or bad_schema."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One dataset family. `parse` never raises: a reply is hostile text."""

    name: str
    version: str
    prompt: Callable[[Sample], Prompt]
    parse: Callable[[str, str | None], GeoAnswer | ParseFailure]
    images_per_sample: int = 1
