"""The small JSON files of a build, checked where they are read: build.json and each shard's report.json.

Whoever reads them further in finds every key of the kind that the factory writes. build.json carries the SHA-256 of its
other fields, so that `factory check` finds a changed one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from factory.errors import CorruptBuild
from factory.store.files import read_json, write_bytes

STATES = Literal["planning", "working", "answered", "verified", "reviewed", "selected", "released", "done", "waiting"]
FINISHED: Final = ("released", "done")
"""States of a build that has its release."""
SEAL: Final = "sha256"
"""Key of build.json that binds the others."""
MOST_SHARDS: Final = 10_000_000
"""More than a plan of a milliard samples has in shards of a hundred: a larger number is damage."""

_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Tally = dict[str, _Count]


class _Stored(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class _Asked(_Stored):
    """What became of the questions of a shard, or of all of them."""

    failures: _Tally = {}
    passing: _Tally = {}
    answers: dict[str, _Tally] = {}
    calls: _Count = 0
    replayed: _Count = 0
    reused: _Count = 0
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    cost: Annotated[float, Field(ge=0)] = 0.0


class _People(_Stored):
    annotations: _Count = 0
    skipped: _Count = 0
    refused: _Count = 0
    accepted: _Count = 0
    rejected: _Count = 0
    disagreed: _Count = 0
    waiting: _Count = 0
    rules: _Tally = {}


class _Counts(_Asked):
    people: _People = _People()
    planned: _Count = 0
    dropped: _Count = 0
    dropped_by_reason: _Tally = {}
    countries_planned: _Count = 0
    unplaced: _Count = 0
    country_not_recognised: _Count = 0
    shards: Annotated[int, Field(ge=0, le=MOST_SHARDS)] = 0
    decisions: _Tally = {}
    reasons: _Tally = {}
    disputed: _Count = 0
    decided: _Count = 0
    kept: _Count = 0
    splits: _Tally = {}
    removed: _Tally = {}


class _Released(_Stored):
    files: _Tally = {}


class _Accepted(_Stored):
    fingerprint: str
    at: str
    reason: str
    changed: list[str]


class _Info(_Stored):
    recipe: str
    state: STATES
    profile: str | None = None
    overrides: list[str] = []
    fingerprint: str = ""
    stage_fingerprints: dict[str, str] = {}
    identity: dict[str, Any] = {}
    factory_version: str = ""
    gazetteer_version: str = ""
    started_at: str = ""
    finished_at: str = ""
    waiting: str = ""
    counts: _Counts = _Counts()
    seconds: Annotated[float, Field(ge=0)] = 0.0
    phases: dict[str, dict[str, str]] = {}
    released: _Released = _Released()
    files: dict[str, str] = {}
    shards_sha256: str = ""
    accepted: list[_Accepted] = []


class _Report(_Asked):
    number: _Count
    samples: _Count
    seconds: Annotated[float, Field(ge=0)] = 0.0
    deferred: _Count = 0
    taken_from: str | None = None
    files: dict[str, str] = {}


def read_info(path: Path) -> dict[str, Any]:
    """build.json. Raises CorruptBuild naming file and key where it is damaged or not as the factory writes it."""
    info = read_json(path)
    _checked(_Info, info, path, "delete it, and the same `factory build` writes it again without a call")
    info.setdefault("counts", {})
    info.setdefault("seconds", 0.0)
    return info


def write_info(info: Mapping[str, Any], path: Path) -> None:
    """build.json, bound to its fields."""
    rest = {key: value for key, value in info.items() if key != SEAL}
    write_bytes(orjson.dumps({**rest, SEAL: _seal(rest)}, option=orjson.OPT_INDENT_2), path)


def is_sealed(info: Mapping[str, Any]) -> bool:
    """Whether a build.json still has the digest of its other fields."""
    return info.get(SEAL) == _seal({key: value for key, value in info.items() if key != SEAL})


def read_shard_report(path: Path) -> dict[str, Any]:
    """A shard's report.json. Raises CorruptBuild naming file and key."""
    report = read_json(path)
    remedy = "delete it, and the same `factory build` makes the shard again from its ledger, without a call"
    _checked(_Report, report, path, remedy)
    return report


class _Verified(_Stored):
    verdicts: list[str]
    model: str


def read_verified(path: Path) -> tuple[list[str], str]:
    """verified.json: the digest of every shard's verdicts, and that of the model, empty where there is none. Raises
    CorruptBuild naming file and key."""
    noted = read_json(path)
    _checked(_Verified, noted, path, "delete it, and the same `factory build` verifies again")
    return noted["verdicts"], noted["model"]


_ModelT = TypeVar("_ModelT", bound=BaseModel)


def _checked(model: type[_ModelT], data: Mapping[str, Any], path: Path, remedy: str) -> None:
    try:
        model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"][0].lower() + first["msg"][1:]
        raise CorruptBuild(f"{path}: is damaged (`{place}`: {said}); {remedy}") from None


def _seal(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)).hexdigest()
