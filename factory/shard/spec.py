"""What a shard is told and what it reports: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from factory.calls.journal import Claim
from factory.plugins.shared import Shared
from factory.store.cases import stored_photos
from factory.store.files import file_digest
from factory.store.info import read_shard_report
from factory.store.layout import ShardPaths
from factory.store.ustar import archive_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """What a shard takes along to another machine."""

    claim: Claim
    plan: bytes
    """The rows of its samples, as an Arrow stream."""
    shared: Shared
    prior_ledgers: tuple[str, ...] = ()
    """Names of folders in the claim's home, each with the ledger and the answers of an earlier shard; by these the
    answers are found where `ShardSpec.prior_ledgers` is not at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSpec:
    """What a shard needs to run anywhere: plain data and paths."""

    build: str
    """The build's directory."""
    number: int
    recipe: Mapping[str, Any]
    """The resolved recipe."""
    root: str
    """The folder from which the recipe's relative paths start."""
    prior_ledgers: tuple[str, ...] = ()
    """Ledgers of earlier builds that may hold answers to the same requests."""
    prior_shard: str | None = None
    """A finished shard of an earlier build with the same samples and image settings; its images are linked."""
    share: int = 1
    """Shards that run at the same time: each takes this part of a teacher's calls in flight."""
    decoders: int = 1
    """Processes that decode photos for this shard."""
    away: Away | None = None
    """Where it is made on a machine that lacks the build's directory; then `build` says where that lies elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReport:
    """What became of a shard. Counts come from what is stored, so they are right after any number of resumes."""

    number: int
    samples: int
    failures: Mapping[str, int] = field(default_factory=dict)
    """Samples that have nothing to check, by reason: `images:truncated`, `teachers:exhausted`, ..."""
    passing: Mapping[str, int] = field(default_factory=dict)
    """Samples of which something failed that another run may not repeat, by reason: `--retry` opens the shard again."""
    answers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Answers by teacher and what they are: `ok`, or why there is none (`truncated`, `http_500`, ...)."""
    calls: int = 0
    """HTTP calls over the shard's whole life."""
    calls_now: int = 0
    tokens_now: int = 0
    cost_now: float = 0.0
    """Of the run that returned this report; not stored."""
    replayed: int = 0
    """Answers taken from recordings."""
    reused: int = 0
    """Answers taken over from the ledger of an earlier build, or of another shard of this one."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    deferred: int = 0
    """Samples whose answers come later (a batch). Then the shard is not done, and this report is not written."""
    taken_from: str | None = None
    """The earlier build whose shard this is, where it was taken over whole: nothing in it was paid by this build."""
    files: Mapping[str, str] = field(default_factory=dict)
    """sha256 of each file of the shard, for `factory check`."""


_NOT_NOW: Final = {"calls_now": 0, "tokens_now": 0, "cost_now": 0.0}


def stored_report(report: ShardReport) -> dict[str, Any]:
    """What of a report stays."""
    return {name: value for name, value in asdict(report).items() if name not in _NOT_NOW}


def read_report(paths: ShardPaths) -> ShardReport:
    """The report of a finished shard, with no call counted as made now. Raises CorruptBuild when it is damaged."""
    stored = read_shard_report(paths.report) | _NOT_NOW
    return ShardReport(**{one.name: stored[one.name] for one in fields(ShardReport) if one.name in stored})


def is_sound(paths: ShardPaths, report: ShardReport) -> bool:
    """Whether the answers of a finished shard are, byte for byte, those it was finished with, and its pictures are all
    there. What was changed inside a picture is seen by whoever reads them all: `factory check`, and the release."""
    if not paths.answers.exists() or report.files.get(paths.answers.name) != file_digest(paths.answers):
        return False
    photos = [photo for found in stored_photos(paths.answers).values() for photo in found]
    whole = archive_size(photo.bytes for photo in photos if photo.refused is None and photo.bytes is not None)
    return paths.images.exists() and paths.images.stat().st_size == whole
