"""What a build *is*: everything that can change a byte of the release, hashed.

Two recipes with the same fingerprint give the same release. Contents count, not places: a source enters by the digest
of its table or listing and a recording by the digest of its file, so that moving a folder rebuilds nothing. Comments,
key order and file times never count. Limitation: a `folder` or `webdataset` source is known by names and sizes, so a
photo replaced by another of the same name, size and time is not seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FINGERPRINT_VERSION = 2
"""Raise when the meaning of identity changes; every fingerprint then changes with it."""

NOT_IDENTITY: tuple[tuple[str, str], ...] = (
    ("build", "when a run counts as failed, not what it makes"),
    ("source.path", "where the source lies; its digest counts"),
    ("source.images", "where the images lie; the digest of their listing counts"),
    ("source.fetch.seconds", "patience"),
    ("source.fetch.at_once", "concurrency"),
    ("source.fetch.per_host", "concurrency"),
    ("source.fetch.per_second", "concurrency"),
    ("teachers.*.base_urls", "which machines answer; the model counts"),
    ("teachers.*.base_url", "which machine answers; the model counts"),
    ("teachers.*.rows", "how questions are packed"),
    ("teachers.*.megabytes", "how questions are packed"),
    ("teachers.*.completion_window", "patience"),
    ("teachers.*.wait_s", "patience"),
    ("teachers.*.poll_s", "patience"),
    ("teachers.*.api_key_env", "how one is let in"),
    ("teachers.*.max_in_flight", "concurrency"),
    ("teachers.*.timeout_s", "patience"),
    ("teachers.*.attempts", "patience"),
    ("teachers.*.recovery_s", "patience"),
    ("teachers.*.stop_after", "patience"),
    ("teachers.*.serve", "where the model runs, not what it says"),
    ("teachers.*.run_batch", "how the model runs, not what it says"),
    ("teachers.*.batch_rows", "how questions are packed"),
    ("teachers.*.port", "where it is served"),
    ("teachers.*.start_s", "patience"),
    ("teachers.*.restarts", "patience"),
    ("teachers.*.api_servers", "how fast it answers"),
    ("teachers.*.tensor_parallel", "how many GPUs answer"),
    ("teachers.*.data_parallel", "how many GPUs answer"),
    ("teachers.*.max_num_seqs", "how fast it answers"),
    ("teachers.*.max_num_batched_tokens", "how fast it answers"),
    ("teachers.*.gpu_memory_utilization", "a limit of the machine that answers"),
    ("teachers.*.mm_processor_cache_gb", "how fast it answers"),
    ("teachers.*.prefix_caching", "how fast it answers"),
    ("teachers.*.enforce_eager", "how fast it answers"),
    ("teachers.*.cpu_kv_cache_gb", "a limit of the machine that answers"),
    ("teachers.*.budget", "what may be spent before the build stops; a stopped build goes on"),
    ("teachers.*.prices", "accounting"),
    ("select.decontaminate.benchmarks.*.table", "where a benchmark's table lies; its digest counts"),
    ("select.decontaminate.benchmarks.*.images", "where its images lie; their digests count"),
    ("witnesses.*.base_url", "which machine answers; the model counts"),
    ("witnesses.*.api_key_env", "how one is let in"),
    ("witnesses.*.max_in_flight", "concurrency"),
    ("witnesses.*.timeout_s", "patience"),
    ("witnesses.*.attempts", "patience"),
    ("witnesses.*.recovery_s", "patience"),
    ("witnesses.*.budget", "what may be spent before the build stops; a stopped build goes on"),
    ("witnesses.*.prices", "accounting"),
    ("review", "who is asked and when; what people decided counts, by its digest"),
    ("images.cpu_seconds", "a limit of the machine that decodes"),
    ("images.memory_mb", "a limit of the machine that decodes"),
)
"""Recipe keys that are not part of the identity, with all keys below them, and why. `*` stands for one name."""

STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "plan",
        (
            "source",
            "geo",
            "plan",
            "select.decontaminate",
            "inputs.source",
            "inputs.gazetteer",
            "inputs.plan",
            "inputs.needs",
            "inputs.benchmarks",
        ),
    ),
    ("images", ("images", "inputs.prepare")),
    (
        "answers",
        (
            "generator",
            "teachers",
            "witnesses",
            "inputs.generator",
            "inputs.teachers",
            "inputs.witnesses",
            "inputs.answers",
        ),
    ),
    ("verify", ("verify", "inputs.verify")),
    ("review", ("inputs.review",)),
    ("select", ("select", "inputs.select")),
    ("release", ("name", "description", "release", "inputs.release", "inputs.row")),
)
"""Stages in order, each with what it adds; a stage's fingerprint covers the stages before it."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The identity of a build: the hash of it, of each stage, and the identity itself as flat keys and values."""

    build: str
    stages: Mapping[str, str]
    identity: Mapping[str, Any]

    @property
    def short(self) -> str:
        """The eight characters that name the build's directory."""
        return self.build[:8]


def fingerprint(recipe: Mapping[str, Any], inputs: Mapping[str, str]) -> Fingerprint:
    """The fingerprint of a resolved recipe (plain data, defaults filled in) and its inputs.

    `inputs` are digests and versions of what the recipe points to, keyed like `source`, `teachers.first`, `gazetteer`.
    """
    identity = {_dotted(place): value for place, value in flatten(recipe) if not _excluded(place)}
    identity |= {f"inputs.{key}": value for key, value in inputs.items()}
    identity = dict(sorted(identity.items()))
    stages: dict[str, str] = {}
    covered: dict[str, Any] = {}
    for stage, prefixes in STAGES:
        covered |= {
            key: value for key, value in identity.items() if any(key == p or key.startswith(f"{p}.") for p in prefixes)
        }
        stages[stage] = _digest(dict(sorted(covered.items())))
    return Fingerprint(_digest(identity), stages, identity)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed between two identities, one `key: old → new` each."""
    keys = sorted(set(old) | set(new))
    return [f"{key}: {_shown(old, key)} → {_shown(new, key)}" for key in keys if old.get(key) != new.get(key)]


def identity_part(value: Any, place: tuple[str, ...] = ()) -> Any:
    """A resolved recipe without the keys that are no part of a build's identity, still as plain data."""
    if isinstance(value, Mapping):
        below = {key: (*place, str(key)) for key in value}
        return {key: identity_part(item, below[key]) for key, item in value.items() if not _excluded(below[key])}
    if isinstance(value, list | tuple):
        items = []
        for index, item in enumerate(value):
            name, inner = _item_name(item)
            part = identity_part(inner, (*place, name or str(index)))
            items.append(part if inner is item else {name: part})
        return items
    return value


def flatten(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every leaf of plain data with its place, every place once. List items are called by their name or single key,
    where they have one that no earlier item has, and their position in the list counts too."""
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from flatten(item, (*place, str(key)))
    elif isinstance(value, list | tuple) and value:
        taken: set[str] = set()
        for index, item in enumerate(value):
            name, inner = _item_name(item)
            if name is None or name in taken:
                yield from flatten(item, (*place, str(index)))
            else:
                taken.add(name)
                yield (*place, name, "#"), index
                yield from flatten(inner, (*place, name))
    else:
        yield place, value


def _item_name(item: Any) -> tuple[str | None, Any]:
    """What a list item is called, and what is under that name: teachers have a `name`, checks are `name: settings`."""
    if isinstance(item, Mapping):
        if isinstance(item.get("name"), str) and not item["name"].isdecimal():
            return item["name"], item
        if len(item) == 1 and isinstance(next(iter(item.values())), Mapping):
            name, settings = next(iter(item.items()))
            return (None, item) if str(name).isdecimal() else (str(name), settings)
    return None, item


def _excluded(place: tuple[str, ...]) -> bool:
    return any(
        len(pattern) <= len(place) and all(part in ("*", found) for part, found in zip(pattern, place, strict=False))
        for pattern in _PATTERNS
    )


_PATTERNS = tuple(tuple(pattern.split(".")) for pattern, _ in NOT_IDENTITY)


def _dotted(place: tuple[str, ...]) -> str:
    """One text for a place; dots inside names are marked, so that no two places share a text."""
    return ".".join(name.replace("\\", "\\\\").replace(".", "\\.") for name in place)


def _shown(identity: Mapping[str, Any], key: str) -> str:
    if key not in identity:
        return "absent"
    text = json.dumps(identity[key], ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _digest(identity: Mapping[str, Any]) -> str:
    canonical = json.dumps([FINGERPRINT_VERSION, _canonical(identity)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """1.0 and 1 are one number, however YAML wrote them."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {key: _canonical(item) for key, item in value.items()}
    return [_canonical(item) for item in value] if isinstance(value, list | tuple) else value
