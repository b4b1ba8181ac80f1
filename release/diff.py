"""What changed between two releases: rows added, removed and changed, by column, with the reason where it is known."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import polars as pl

from factory.store.layout import BuildPaths
from factory.store.tables import read_columns
from release.card import escape
from release.configs import is_ids
from release.files import sample_of
from release.read import open_release
from release.tables import read_small
from release.withdrawals import SCHEMA as WITHDRAWN_SCHEMA
from release.withdrawals import WITHDRAWN

CHANGES: Final = "CHANGES.md"
LISTED: Final = 100
"""Rows that CHANGES.md names of each kind; `factory diff --json` has all."""


def release_diff(before: Path, after: Path) -> dict[str, Any]:
    """The differences of one release from an earlier one, as plain data.

    `rows` counts; `columns` says in how many rows each column changed, `images` among them and columns that only one of
    them has; `added` are ids, `removed` and `changed` ids with reason and columns.

    Reasons come from the newer release's `withdrawn.parquet` and, where it still lies in its build, from what that
    selected and decided; else they are null.

    Raises DamagedRelease where one of them is none, or is damaged; CorruptBuild where what tells the reasons is.
    """
    old, new = (_digests(path) for path in (before, after))
    reasons = _reasons(after)
    removed = [{"id": name, "reason": reasons.get(sample_of(name, reasons))} for name in old if name not in new]
    changed = []
    columns: Counter[str] = Counter()
    for name in (name for name in old if name in new):
        odd = [key for key in {**old[name], **new[name]} if old[name].get(key) != new[name].get(key)]
        if odd:
            changed.append({"id": name, "columns": odd})
            columns.update(odd)
    added = [name for name in new if name not in old]
    return {
        "before": _named(before),
        "after": _named(after),
        "rows": {
            "before": len(old),
            "after": len(new),
            "added": len(added),
            "removed": len(removed),
            "changed": len(changed),
        },
        "columns": dict(sorted(columns.items(), key=lambda item: (-item[1], item[0]))),
        "removed_by_reason": dict(sorted(Counter(row["reason"] or "unknown" for row in removed).items())),
        "added": added,
        "removed": removed,
        "changed": changed,
    }


def _named(path: Path) -> dict[str, Any]:
    manifest = open_release(path).manifest
    return {name: manifest.get(name) for name in ("name", "fingerprint", "manifest_sha256")}


def _digests(path: Path) -> dict[str, dict[str, bytes]]:
    """Eight bytes of each column of each row, by id."""
    shown = open_release(path)
    names = [one["name"] for one in shown.manifest.get("configs") or ()][1:]
    opened = [shown, *(open_release(path, config=name) for name in names if is_ids(name))]
    return {row["id"]: _row(row) for one in opened for split in one.splits for row in one.rows(split)}


def _row(row: Mapping[str, Any]) -> dict[str, bytes]:
    pictures = [hashlib.sha256(image["bytes"]).hexdigest() for image in row["images"]]
    values = {**row, "images": pictures}
    return {name: hashlib.blake2b(orjson.dumps(value), digest_size=8).digest() for name, value in values.items()}


def _reasons(after: Path) -> dict[str, str]:
    """Why samples are not in a release: what its build decided, selected, and what was withdrawn."""
    reasons: dict[str, str] = {}
    paths = BuildPaths(after.parent)
    if paths.info.is_file() and paths.selection.is_file():
        if paths.dropped.is_file():
            dropped = read_columns(paths.dropped, ["id", "rule", "reason"])
            reasons |= {name: f"{rule}:{reason}" for name, rule, reason in dropped.iter_rows()}
        for shard in paths.shards():
            if shard.verdicts.is_file():
                decided = read_columns(shard.verdicts, ["id", "decision", "reasons"])
                for name, decision, why in decided.filter(pl.col("decision") != "accept").iter_rows():
                    reasons[name] = ", ".join([decision, *(why or ())])
        selected = read_columns(paths.selection, ["id", "kept", "removed_by", "reason"]).filter(~pl.col("kept"))
        reasons |= {name: f"{by}:{why}" for name, _, by, why in selected.iter_rows()}
    if (after / WITHDRAWN).is_file():
        for line in read_small(after / WITHDRAWN, WITHDRAWN_SCHEMA).to_pylist():
            reasons[line["id"]] = f"withdrawn: {line['reason']} ({line['since']})"
    return reasons


def render_changes(found: Mapping[str, Any]) -> str:
    """The differences as CHANGES.md."""
    rows, before = found["rows"], found["before"]
    lines = [
        f"# Changes since {escape(before['name'])} `{str(before['fingerprint'])[:8]}`",
        "",
        f"{rows['before']:,} rows before, {rows['after']:,} now: {rows['added']:,} added, {rows['removed']:,} removed, "
        f"{rows['changed']:,} changed.",
    ]
    for title, counted in (
        ("Changed, by column", found["columns"]),
        ("Removed, by reason", found["removed_by_reason"]),
    ):
        if counted:
            lines += ["", f"## {title}", "", "| what | rows |", "|---|---:|"]
            lines += [f"| {escape(name)} | {count} |" for name, count in counted.items()]
    lists = {
        "Added": [escape(name) for name in found["added"]],
        "Removed": [_line(row["id"], row["reason"]) for row in found["removed"]],
        "Changed": [_line(row["id"], ", ".join(row["columns"])) for row in found["changed"]],
    }
    for title, each in lists.items():
        if each:
            more = [f"- and {len(each) - LISTED:,} more"] if len(each) > LISTED else []
            lines += ["", f"## {title}", "", *(f"- {line}" for line in each[:LISTED]), *more]
    return "\n".join([*lines, ""])


def _line(name: str, why: str | None) -> str:
    return escape(name) if why is None else f"{escape(name)}: {escape(why)}"
