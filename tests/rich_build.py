"""The build of `tests.build_fixture` with what a richer family and people leave in it, sample by sample.

s000  two pictures and a text, a second draw, a combined answer, a witness's findings
s001  the first answer saw the true country
s003  a person accepts it against the checks, and it is released
s005  a person accepts it, which cannot count: its picture is refused
s006  a person rejects it
s007  values besides the place
"""

from __future__ import annotations

import copy
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from factory.store.images import ImageStore
from factory.store.layout import Build, open_build
from factory.store.tables import write_table
from schemas import arrow
from tests.build_fixture import HOSTILE_TEXT, draw_jpeg, make_build

TRANSCRIPT = f"We left Leipzig in the morning. {HOSTILE_TEXT}"
Rows = dict[str, dict[str, Any]]


def make_rich_build(root: Path, samples: int = 12) -> Build:
    """Twelve samples or more in shards of four; see the module."""
    build = make_build(root, samples=samples, shard_size=4)
    edit(build.paths.plan, arrow.PLAN, _plan)
    edit(build.paths.shard(0).answers, arrow.ANSWERS, _answers)
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, _verdicts)
    edit(build.paths.shard(1).answers, arrow.ANSWERS, _values)
    edit(build.paths.shard(0).ledger, arrow.LEDGER, _ledger)
    _second_picture(build)
    _people(build)
    return open_build(root)


def edit(path: Path, schema: pa.Schema, change: Callable[[Rows], None]) -> None:
    """Changes rows of one file, given by id (of the ledger: by key)."""
    key = "key" if schema is arrow.LEDGER else "id"
    rows = {row[key]: row for row in pq.read_table(path, schema=schema, partitioning=None).to_pylist()}
    change(rows)
    write_table(pa.Table.from_pylist(list(rows.values()), schema=schema), path)


def forget_places(build: Build) -> Build:
    """The same build of a family that asks for no place: its answers are values alone."""
    for shard in build.paths.shards():
        edit(shard.answers, arrow.ANSWERS, _no_places)
        edit(shard.verdicts, arrow.VERDICTS, _nothing_measured)
    return open_build(build.paths.root)


def decide(build: Build, *decisions: tuple[str, str, str]) -> None:
    """Writes people's decisions: (id, accept or reject, note) each."""
    rows = [
        {"id": name, "decision": decision, "by": ["anna"], "at": "2026-11-02T10:00:00+00:00", "note": note}
        for name, decision, note in decisions
    ]
    build.paths.decisions.parent.mkdir(exist_ok=True)
    write_table(pa.Table.from_pylist(rows, schema=arrow.REVIEWS), build.paths.decisions)


def _plan(rows: Rows) -> None:
    first = rows["s000"]
    second = {"role": "satellite", "locator": "tiles/s000.png", "metres_per_pixel": 0.6, "embed": False}
    first["images"].append({**first["images"][0], **second})
    first["texts"] = [{"name": "transcript", "text": TRANSCRIPT}]


def _answers(rows: Rows) -> None:
    first = rows["s000"]
    photo = {**first["photos"][0], "role": "satellite", "sha256": "5a7e" * 16, "phash": 7, "width": 256, "height": 256}
    first["photos"].append(photo)
    draw = copy.deepcopy(first["answers"][0])
    draw |= {"draw": 1, "keys": ["d" * 64]}
    draw["place"] |= {"city": "Dresden", "lat": 51.05, "lon": 13.74, "confidence": 0.4}
    combined = copy.deepcopy(first["answers"][0])
    values = {"question": "Where was this taken?", "rounds": 2, "notes": HOSTILE_TEXT}
    combined |= {"teacher": "judge", "combined": True, "keys": ["c" * 64], "values": orjson.dumps(values).decode()}
    combined["place"] |= {"lat": 10.0, "lon": 10.0}
    first["answers"] = [first["answers"][0], draw, first["answers"][1], combined]
    found = [
        {"kind": "text", "text": HOSTILE_TEXT, "score": 0.83, "box": [1.0, 2.0, 30.0, 40.0]},
        {"kind": "place", "text": "", "lat": 51.3, "lon": 12.4, "score": 0.5},
    ]
    vectors = [{"text": "grey road", "vector": [0.5, 0.25]}]
    first["evidence"] = [{"source": "signs", "findings": found, "vectors": vectors}]
    rows["s001"]["answers"][0]["saw_truth"] = "country"


def _verdicts(rows: Rows) -> None:
    located = rows["s000"]["located"]
    draw = {**located[0], "draw": 1, "lat": 51.05, "lon": 13.74, "confidence": 0.4, "distance_km": 100.1}
    draw["near"] = False
    combined = {**located[0], "teacher": "judge", "combined": True, "lat": 10.0, "lon": 10.0, "distance_km": 4600.0}
    combined["near"] = False
    rows["s000"]["located"] = [located[0], draw, located[1], combined]


def _values(rows: Rows) -> None:
    rows["s007"]["answers"][0]["values"] = orjson.dumps({"hints": ["east", "rail"], "language": "de"}).decode()


def _ledger(rows: Rows) -> None:
    model = next(row for row in rows.values() if row["sample_id"] == "s000" and row["teacher"] == "first")
    more: tuple[dict[str, Any], ...] = (
        {"key": "d" * 64, "draw": 1},
        {"key": "c" * 64, "teacher": "judge", "purpose": "judge", "turn": 1, "attempt": 1},
        {"key": "e" * 64, "teacher": "signs", "purpose": "witness:signs"},
    )
    for change in more:
        rows[change["key"]] = {**model, **change, "row_sha256": change["key"]}


def _second_picture(build: Build) -> None:
    path = build.paths.shard(0).images
    with tarfile.open(path) as tar:
        members = {name: tar.extractfile(name) for name in tar.getnames()}
        held = {int(name[:6]): file.read() for name, file in members.items() if file is not None}
    store = ImageStore.create(path)
    for position, jpeg in sorted(held.items()):
        store.add(position, jpeg)
        if position == 0:
            store.add(position, draw_jpeg(99), index=1)
    store.finish()
    store.close()


def _people(build: Build) -> None:
    notes = (
        ("s003", "accept", f"the sign is real {HOSTILE_TEXT}"),
        ("s005", "accept", ""),
        ("s006", "reject", "blurred"),
    )
    decide(build, *notes)

    def chosen(rows: Rows) -> None:
        del rows["s006"]
        promoted = {"id": "s003", "shard": 0, "position": 3, "group": "s003"}
        rows["s003"] = {**rows["s000"], **promoted, "kept": True, "split": "train"}

    edit(build.paths.selection, arrow.SELECTION, chosen)


def _no_places(rows: Rows) -> None:
    for row in rows.values():
        for answer in row["answers"]:
            answer["place"] = None
            if answer["failure"] is None:
                answer["values"] = orjson.dumps({"caption": f"a street in {row['id']} {HOSTILE_TEXT}"}).decode()


def _nothing_measured(rows: Rows) -> None:
    said = ("teacher", "draw", "combined", "failure")
    for row in rows.values():
        row["located"] = [
            {name: value if name in said else None for name, value in located.items()} for located in row["located"]
        ]
