"""Every contract between the engine room and the plug-ins, in one file.

    source      where samples come from                 (root, *, settings) -> Source
    generator   a dataset family                        (*, settings) -> Generator
    teacher     a model that answers                    (settings, root, *, own settings) -> Backends
    witness     evidence that is no teacher's answer    (root, *, settings) -> Witness
    check       one rule of verification                (case, *, settings) -> CheckResult
    decider     what the checks together decide         (*, settings) -> Decider
    selector    which accepted rows are kept            (frame, *, settings) -> Ruling
    engine      what runs functions over specs          (task, specs, *, workers) -> Iterator of reports

The idea behind the first four: a family asks, the engine remembers. Every `ask` is a row of the ledger, so resuming is
running the family again: turns that were paid return at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

import polars as pl

from factory.plugins.post import Post
from factory.plugins.registry import foreign_modules, know_plugins
from factory.plugins.server import Server
from factory.plugins.shared import Shared
from schemas.answer import GeoAnswer
from schemas.record import Answered, Case, CheckResult, Evidence, LocatedAnswer, Seen, Truth, Verdict
from schemas.request import Reply, Request
from schemas.rows.schema import RowSchema
from schemas.sample import FilePart
from schemas.settings import TeacherSettings

ReadT = TypeVar("ReadT")
SpecT = TypeVar("SpecT")
StaffT = TypeVar("StaffT")
ReportT = TypeVar("ReportT")

SCHEMA_REFUSED = "schema_refused"
"""Kind of the failure that says: this server takes no `response_format`; the next call goes without it."""

REFUSED_CONNECTION = "refused_connection"
"""Kind of the failure that says: nothing listens there; the request was never sent."""


# --- families -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a family takes of a sample and how often it asks: plan, estimate, and the desk it asks at go by that."""

    images: tuple[str, ...] = ("photo",)
    """Roles of the pictures it shows; a sample that lacks one is dropped by the plan."""
    optional_images: tuple[str, ...] = ()
    """Roles of further pictures, shown where a sample has them; the plan leaves out all others."""
    texts: tuple[str, ...] = ()
    """Names of the texts it reads; likewise."""
    calls: tuple[int, int] = (1, 1)
    """Least and most questions to one teacher about one sample, without repeats; (0, 0) needs no teacher at all."""
    roles: tuple[str, ...] = ()
    """Roles of the further teachers it asks by `teacher=` (`judge`); a recipe without them is refused."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Every role whose picture it shows, in its order."""
        return (*self.images, *self.optional_images)


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a reply is no answer."""

    kind: str
    """truncated, refused, empty, not_json or bad_schema."""
    detail: str = ""


class NoAnswer(Exception):
    """A question stays without a usable answer. Let it pass: the engine makes a failed answer of it."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True, slots=True)
class Said:
    """What a family makes of the replies about one sample."""

    place: GeoAnswer | None = None
    """Where, how one can tell: what the geographic checks read."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Everything else, as plain JSON values."""


class Ask(Protocol):
    """How a family or a witness asks a model. Retries, repair turns, limits, budget and ledger are behind it."""

    async def __call__(
        self, request: Request, *, read: Callable[[Reply], ReadT | ParseFailure], teacher: str | None = None
    ) -> ReadT:
        """The parsed answer.

        Args:
            request: the whole conversation so far.
            read: parses a reply; never raises. A ParseFailure is asked again as the teacher's `bad_answer` says. Pure:
                long replies are parsed in a thread.
            teacher: one of `Needs.roles` (`judge`), for questions that another one answers; by default the teacher
                whose answer this is.

        Raises:
            NoAnswer: there is none, for good or until the next build.
        """
        ...

    def truth(self, level: Literal["country", "place"]) -> Truth:
        """The truth, for families that show it to a teacher. It marks every later question, the answer and the row."""
        ...

    def is_within(self, km: float, *, lat: float, lon: float) -> bool | None:
        """Whether a reply's point (WGS84 degrees) lies at most `km` kilometres on the sphere from the truth, for
        families that go on only where a teacher is wrong. None where the sample's place is not known.

        One bit, once a reply, and it marks whatever is asked afterwards as if the place had been shown: a teacher that
        is asked again because it was wrong has been told so. An answer after which nothing was asked stays unmarked.
        Raises PluginFault for a witness and where nothing was asked since, ValueError for what is not finite.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One dataset family: what it asks, what it makes of the answers, the rows that come out.

    `answer` and `combine` are pure: they depend on what they are given and on replies alone (no clock, no randomness,
    no file), because a resumed build runs them again.
    """

    name: str
    version: str
    """Of words, parser and rows; part of a build's identity."""
    row: RowSchema
    needs: Needs = Needs()
    states_place: bool = False
    """Its rows say where a photo was taken, so only a row that `near_truth` has judged can be accepted."""
    answer: Callable[[Seen, Ask], Awaitable[Said]] | None = None
    """Once a teacher of role `answer` and draw; None where `needs.calls` is (0, 0)."""
    combine: Callable[[Seen, Sequence[Answered], Ask], Awaitable[Said | None]] | None = None
    """Once a sample, after all answers: a judge, a rewrite, the best of several. None leaves them as they are."""
    record: Callable[[Case], Sequence[Mapping[str, Any]]] | None = None
    """The rows of one accepted sample, without pictures and split: `id`, `id/2`, ...; none sends it to review."""
    speaks: Callable[[Case], LocatedAnswer | None] | None = None
    """The answer that `record` makes rows of, which people are shown; without it, the one nearest to the truth is."""
    records: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    """Instead of `record` where nobody is asked: all rows of a table (`factory.store.cases.sample_frame`)."""


# --- teachers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request to one teacher, named by its ledger key."""

    key: str
    request: Request
    sample_id: str
    draw: int = 0
    turn: int = 0
    """Which question of this sample, teacher and draw it is, from 0."""
    attempt: int = 0
    """Which repetition after an unusable answer, from 0."""
    handle: str | None = None
    """The batch that has it, where it was sent by an earlier run."""


@dataclass(eq=False, kw_only=True)
class CallFailed(Exception):
    """One question got no usable reply.

    `retryable` failures are tried again. `waits` says that another try only costs time, because this one says nothing
    of the sample (a rate limit, an endpoint that starts): it uses up no attempt. `down` says that the endpoint itself
    is away, `presses` that it asks for less, `fatal` that no sample can succeed (credentials, unknown model, spent
    quota).

    A failure that is not retryable is the sample's own and kept for good, unless `mendable` says that a server in
    another state could answer: then other endpoints are asked, and the next run asks again. `of_batch` says that it is
    what came of a batch: it tells nothing of the endpoint now, and a retryable one goes into another batch.
    """

    kind: str
    detail: str
    retryable: bool = False
    down: bool = False
    presses: bool = False
    waits: bool = False
    mendable: bool = False
    fatal: bool = False
    of_batch: bool = False
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


class Deferred(Exception):
    """The question is on its way and answered later (a batch). The ledger keeps `handle`; the next run brings it back
    in `Question.handle`, and the backend answers or defers again."""

    def __init__(self, handle: str) -> None:
        super().__init__(handle)
        self.handle = handle


class Backend(Protocol):
    """One endpoint (or one file of recorded answers). Where it is an async context manager, it is entered before the
    first question and left after the last."""

    name: str
    """The endpoint's address, for messages."""
    paid: bool
    """False for recorded answers: no picture is read, no budget is touched, no slot is taken."""

    def inputs(self, question: Question) -> Mapping[str, Any]:
        """What else decides the answer (the digest of a recording); part of the ledger key. `question.key` is empty."""
        ...

    async def complete(self, question: Question, images: Mapping[str, bytes]) -> Reply:
        """One answer, by at most one request. `images` holds the prepared JPEG of each role the request shows.

        Raises CallFailed, or Deferred for an answer that comes later. It need not watch the recipe's `timeout_s`: the
        engine cancels it then.
        """
        ...


@dataclass(frozen=True, slots=True)
class Backends:
    """What a registered teacher function returns: one backend an endpoint, all giving the same answers."""

    endpoints: tuple[Backend, ...]
    identity: Mapping[str, Any] = field(default_factory=dict)
    """Backend settings that change answers; they join the sampling parameters in the ledger key."""
    answer_tokens: int | None = None
    """Most tokens of one answer as its requests ask for them, for the budget; None: `sampling.max_tokens` says it."""
    most_processes: int | None = None
    """Most worker processes that may open it (a model in process loads once); None is no bound."""
    recorded: Callable[[Iterable[tuple[str, int, int]]], int] | None = None
    """Of recordings: how many questions (id of the sample, draw, turn) have an answer; else None."""
    server: Server | None = None
    """What must run before the first question; None where somebody else sees to that."""
    post: Post | None = None
    """Who sends what its backend wrote down; None where the backend asks by itself."""


# --- witnesses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Evidence that is no teacher's answer: a detector, a reader of signs, a geo-encoder, vectors of clues."""

    name: str
    when: Literal["before", "after"]
    """`before` the teachers: the family gets its evidence. `after` them: it sees their answers."""
    look: Callable[[Seen, Mapping[str, bytes], Sequence[Answered], Ask], Awaitable[Evidence | None]]
    """Evidence about one sample from its prepared JPEGs by role; None when it has nothing to look at. It shares the
    event loop with every call under way: work of more than some milliseconds belongs into `asyncio.to_thread`."""
    settings: TeacherSettings | None = None
    backends: Backends | None = None
    """The model it asks through `ask`, with limits and a budget line under its name; None for one that asks nobody."""
    required: bool = True
    """A sample without its evidence would be judged by another rule than its neighbours: a failure stops the build."""


# --- verification ---------------------------------------------------------------------------------------------------

Model = Mapping[str, Any]
"""What a decider fitted on the whole set: plain JSON values, written beside the verdicts and digested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """How checks become a decision. With `fit`, verification has two passes: features a shard, a model on the whole
    set, then decisions."""

    decide: Callable[[Sequence[CheckResult], Mapping[str, float], Model | None], Verdict]
    """From the checks, this sample's features and the fitted model (None without `fit`) to a verdict. For a sample
    without a known place it may name the teacher whose place the sample gets (`Verdict.label`)."""
    features: Callable[[Case, Sequence[CheckResult]], Mapping[str, float]] | None = None
    """Finite numbers about one sample by name. What is not known of it is left out, and null in the frame."""
    ready: Callable[[Sequence[str]], None] | None = None
    """Raises RecipeError where it cannot decide about answers of these teachers, by a file that it needs, say: asked
    before anybody is paid."""
    labels: bool = False
    """Whether it accepts samples without a known place for their label's sake: recipes with `plan: {truth: unknown}`
    want such a one."""
    fit: Callable[[pl.DataFrame], Model] | None = None
    """A model from `id` and the features of every sample that can be judged, sorted by id."""


# --- sources --------------------------------------------------------------------------------------------------------


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
        """One row a sample: `source_row` (zero-based), the columns of `factory.sources.contract.Field`, and `problem`.

        `lat`, `lon` and `uncertainty_km` are numbers or text as the file has them; the others are text, and null where
        missing. A sample of several pictures has them in `images`, one of texts has these in `texts` (the list types of
        `schemas.arrow.PLAN`). Raises SourceError when the source cannot be read as the recipe says.
        """

    def read(self, locator: str) -> Path | FilePart | bytes:
        """The image behind a locator: where it lies, and a decoder with limits reads it; its bytes only where no file
        has them as they are. Raises SourceError when it is missing or outside the root."""

    def stamp(self, locator: str) -> tuple[int, int | None] | None:
        """Size in bytes and modification time (ns, None in a container without times) of the image, found without
        reading it; None when it is not there. A prepared picture is taken over only while they stay the same."""


# --- engines --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Elsewhere(Generic[SpecT, ReportT]):
    """How a task runs on several machines. Both functions run where the engine was started."""

    lend: Callable[[SpecT, Shared], SpecT]
    """What travels: a spec with what its function reads from this machine's disk. Called once a try; a try that was
    given up can bring nothing home from then on."""
    home: Callable[[SpecT, ReportT], ReportT]
    """Brings home what the function made of a spec that travelled, and gives the report that stands."""
    cpus: int = 1
    gpus: float = 0.0
    """What one spec takes of a machine."""


@dataclass(frozen=True, slots=True)
class Task(Generic[SpecT, StaffT, ReportT]):
    """What an engine runs: a function over specs. Both callables are module-level, so that they travel by name.

    In whatever process it arrives, the plug-ins of this one are known: their modules are imported there first. Only
    `elsewhere` stays here, with whoever lends the specs.
    """

    function: Callable[[SpecT, StaffT], ReportT]
    staff: Callable[[SpecT], AbstractContextManager[StaffT]]
    """Opened once a process with the first spec it gets, lent to every call, closed with the process."""
    elsewhere: Elsewhere[SpecT, ReportT] | None = None
    """How it runs where the disk of this machine is not; None for what runs here alone."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (foreign_modules(), self.function, self.staff)


def _arrived(modules: Sequence[str], function: Any, staff: Any) -> Task[Any, Any, Any]:
    know_plugins(modules)
    return Task(function, staff)


class Engine(Protocol):
    """Runs a task over specs, in processes of this machine or of a cluster, and yields reports as they come.

    `workers` is how many run at the same time; 0, on a cluster, as many as there is room for.
    """

    def __call__(
        self, task: Task[SpecT, StaffT, ReportT], specs: Sequence[SpecT], *, workers: int
    ) -> Iterator[ReportT]: ...
