"""Arrow schemas of the files inside a build. A column's order and type change only with a schema version."""

from __future__ import annotations

import pyarrow as pa

BUILD_SCHEMA_VERSION = 5
"""Layout of a build's files, written into build.json; a build of another version is neither read nor taken over."""


def columns(*given: tuple[str, pa.DataType] | tuple[str, pa.DataType, bool]) -> pa.Schema:
    """A schema of (name, type) or (name, type, nullable); columns are required unless they say so."""
    return pa.schema([pa.field(name, kind, nullable=bool(rest and rest[0])) for name, kind, *rest in given])


def _struct(**fields: pa.DataType) -> pa.DataType:
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


TEXT, REAL, INT, LONG, FLAG = pa.string(), pa.float64(), pa.int32(), pa.int64(), pa.bool_()

IMAGE_REF = _struct(role=TEXT, locator=TEXT, lat=REAL, lon=REAL, metres_per_pixel=REAL, embed=FLAG)
NAMED_TEXT = _struct(name=TEXT, text=TEXT)

PLAN = columns(
    ("shard", INT),
    ("position", INT),
    ("id", TEXT),
    ("images", pa.list_(IMAGE_REF)),
    ("texts", pa.list_(NAMED_TEXT)),
    ("lat", REAL),
    ("lon", REAL),
    ("uncertainty_km", REAL),
    ("country_code", TEXT, True),
    ("region", TEXT, True),
    ("city", TEXT, True),
    ("scene", TEXT, True),
    ("author", TEXT, True),
    ("licence", TEXT, True),
    ("captured_at", TEXT, True),
    ("source_url", TEXT, True),
    ("source_row", LONG),
)
"""plan.parquet: one row a sample, in shard order; (shard, position) numbers are dense."""

DROPPED = columns(
    ("id", TEXT, True), ("source_row", LONG), ("phase", TEXT), ("rule", TEXT), ("reason", TEXT), ("detail", TEXT)
)
"""dropped.parquet: rows that the plan left out and why."""

CLUE = _struct(kind=TEXT, text=TEXT, supports=TEXT)

PLACE = _struct(
    localizable=FLAG,
    confidence=REAL,
    scene=TEXT,
    clues=pa.list_(CLUE),
    reasoning=TEXT,
    country=TEXT,
    region=TEXT,
    city=TEXT,
    lat=REAL,
    lon=REAL,
    unreadable=pa.list_(TEXT),
)
"""A teacher's GeoAnswer, in its words; coordinates in WGS84 degrees."""

ANSWER = _struct(
    teacher=TEXT,
    model=TEXT,
    draw=INT,
    keys=pa.list_(TEXT),
    place=PLACE,
    values=TEXT,
    saw_truth=TEXT,
    combined=FLAG,
    failure=TEXT,
    detail=TEXT,
)
"""One answer; `values` is JSON of what the family made besides the place, null where it made nothing."""

PHOTO = _struct(
    role=TEXT,
    sha256=TEXT,
    phash=pa.uint64(),
    width=INT,
    height=INT,
    bytes=LONG,
    refused=TEXT,
    detail=TEXT,
    source_bytes=LONG,
    source_mtime_ns=LONG,
)

FINDING = _struct(kind=TEXT, text=TEXT, lat=REAL, lon=REAL, score=REAL, box=pa.list_(REAL))
EVIDENCE = _struct(
    source=TEXT, findings=pa.list_(FINDING), vectors=pa.list_(_struct(text=TEXT, vector=pa.list_(pa.float32())))
)

ANSWERS = columns(
    ("id", TEXT),
    ("photos", pa.list_(PHOTO)),
    ("answers", pa.list_(ANSWER)),
    ("evidence", pa.list_(EVIDENCE)),
)
"""shards/NNNNN/answers.parquet: one row a planned sample, in plan order: what was seen, said and found, not judged."""

CHECK = _struct(check=TEXT, outcome=TEXT, reason=TEXT, score=REAL, threshold=REAL, detail=TEXT)

LOCATED = _struct(
    teacher=TEXT,
    draw=INT,
    combined=FLAG,
    failure=TEXT,
    localizable=FLAG,
    confidence=REAL,
    lat=REAL,
    lon=REAL,
    country_code=TEXT,
    named_lat=REAL,
    named_lon=REAL,
    named_level=TEXT,
    country_correct=FLAG,
    region_correct=FLAG,
    distance_km=REAL,
    named_distance_km=REAL,
    near=FLAG,
)
"""One answer measured against the truth, in the order of the answers. The first eight repeat what was said, so that
figures over a build need no other file."""

LABEL = _struct(
    teacher=TEXT, probability=REAL, radius_km=REAL, lat=REAL, lon=REAL, country_code=TEXT, region=TEXT, city=TEXT
)
"""The place that a sample without a known one gets from its answers."""

VERDICTS = columns(
    ("id", TEXT),
    ("located", pa.list_(LOCATED)),
    ("checks", pa.list_(CHECK)),
    ("decision", TEXT),
    ("reasons", pa.list_(TEXT)),
    ("unreleasable", TEXT, True),
    ("label", LABEL, True),
)
"""shards/NNNNN/verdicts.parquet: one row a planned sample, in plan order. `decision` is accept, review, reject or
quarantine; a quarantined row (picture refused, no answer) has its reason in `reasons` as `stage:reason`. `unreleasable`
says why no row can be made of a sample, whoever accepts it."""

BOX = _struct(kind=TEXT, x=REAL, y=REAL, width=REAL, height=REAL)
"""A rectangle that a person drew, as shares of the picture's width and height, 0 to 1, from the upper left corner;
`kind` is evidence or privacy."""

JUDGED_CLUE = _struct(index=INT, judgement=TEXT)
"""What a person says of the clue at `index` of those shown, from 0: correct, weak, wrong or not_visible."""

TASKS = columns(
    ("external", TEXT),
    ("id", TEXT),
    ("slot", TEXT),
    ("kind", TEXT),
    ("project", LONG),
    ("task", LONG, True),
    ("images", pa.list_(TEXT)),
    ("keys", pa.list_(TEXT)),
    ("clues", pa.list_(TEXT)),
    ("reasoning", TEXT, True),
    ("score", REAL, True),
    ("expected", TEXT, True),
    ("pushed_at", TEXT),
)
"""review/tasks.parquet: what was sent to people, one row a task. `external` is `<id>:<slot>`: slot `1`, `2`, ... for
the reviewers of a sample. `kind` is dispute, audit or gold. `images` (sha256 of the source files) and `keys` (of the
answer shown) say what it was about. `expected` is the right verdict of a gold task."""

ANNOTATIONS = columns(
    ("annotation", LONG),
    ("task", LONG),
    ("project", LONG),
    ("external", TEXT),
    ("id", TEXT),
    ("slot", TEXT),
    ("kind", TEXT),
    ("reviewer", TEXT),
    ("verdict", TEXT, True),
    ("flags", pa.list_(TEXT)),
    ("clues", pa.list_(JUDGED_CLUE)),
    ("boxes", pa.list_(BOX)),
    ("reasoning", TEXT, True),
    ("lat", REAL, True),
    ("lon", REAL, True),
    ("place", TEXT, True),
    ("comment", TEXT, True),
    ("seconds", REAL, True),
    ("updated_at", TEXT),
    ("skipped", FLAG),
    ("deleted", FLAG),
    ("images", pa.list_(TEXT)),
    ("keys", pa.list_(TEXT)),
    ("raw", TEXT),
    ("taken_from", TEXT, True),
)
"""review/annotations.parquet: what people said, one row an annotation, in the order of their ids; private. Of several
states of one (taken_from, annotation) the newest by `updated_at` (ISO 8601) is kept. `verdict` is accept, fix, reject
or not_localizable, null only where it was skipped or deleted. `reasoning` is null where the text was left as shown.
`images` and `keys` repeat the task's: what the person saw. `raw` is the server's JSON as it came."""

REFUSED = columns(
    ("annotation", LONG, True),
    ("task", LONG),
    ("project", LONG),
    ("external", TEXT, True),
    ("reviewer", TEXT, True),
    ("reason", TEXT),
    ("link", TEXT),
    ("updated_at", TEXT, True),
    ("raw", TEXT),
)
"""review/refused.parquet: annotations that cannot count as they are now, one row each, with the reason and the address
of their task. One that is mended on the server leaves with the next pull."""

RAW = columns(("annotation", LONG, True), ("task", LONG), ("project", LONG), ("updated_at", TEXT, True), ("raw", TEXT))
"""review/pulls/NNNNNN.parquet: every state of an annotation that a pull brought, as it came; never written again."""

REVIEWS = columns(
    ("id", TEXT),
    ("decision", TEXT, True),
    ("verdict", TEXT, True),
    ("by", pa.list_(TEXT)),
    ("at", TEXT),
    ("rule", TEXT, True),
    ("note", TEXT, True),
    ("flags", pa.list_(TEXT), True),
    ("images", pa.list_(TEXT), True),
    ("keys", pa.list_(TEXT), True),
    ("lat", REAL, True),
    ("lon", REAL, True),
    ("uncertainty_km", REAL, True),
    ("country_code", TEXT, True),
    ("region", TEXT, True),
    ("city", TEXT, True),
    ("text", TEXT, True),
    ("clues", pa.list_(JUDGED_CLUE), True),
    ("boxes", pa.list_(BOX), True),
    ("taken_from", TEXT, True),
)
"""review/decisions.parquet: what people decided, one row a sample; `decision` is accept, reject, `review` where they
differ and the lead is asked, or null where only something of the picture is known (its place, what to blur). `by` are
pseudonyms. `rule` is null for a row that another program wrote."""

SELECTION = columns(
    ("id", TEXT),
    ("shard", INT),
    ("position", INT),
    ("kept", FLAG),
    ("split", TEXT, True),
    ("group", TEXT, True),
    ("removed_by", TEXT, True),
    ("reason", TEXT, True),
    ("detail", TEXT, True),
)
"""selection.parquet: one row an accepted sample, in plan order; `removed_by` names the rule that took it out."""

LEDGER = columns(
    ("key", TEXT),
    ("sample_id", TEXT),
    ("teacher", TEXT),
    ("purpose", TEXT),
    ("draw", INT),
    ("turn", INT),
    ("attempt", INT),
    ("model", TEXT),
    ("origin", TEXT),
    ("status", TEXT),
    ("handle", TEXT, True),
    ("response", TEXT, True),
    ("scores", TEXT, True),
    ("finish_reason", TEXT, True),
    ("error_kind", TEXT, True),
    ("error_detail", TEXT, True),
    ("http_calls", INT),
    ("prompt_tokens", LONG),
    ("completion_tokens", LONG),
    ("cost", REAL),
    ("latency_s", REAL),
    ("created_at", TEXT),
    ("row_sha256", TEXT),
)
"""shards/NNNNN/ledger.parquet: the sealed ledger. status is ok, permanent (never asked again), exhausted (asked again
by the next build) or sent (a batch under `handle` has it); origin is call (paid by this build), replay (a recording) or
ledger (paid by an earlier one). `turn` counts the questions of one (sample, teacher, draw) from 0.
"""
