"""Arrow schemas of the files inside a build. A column's order and type change only with a schema version."""

from __future__ import annotations

import pyarrow as pa

BUILD_SCHEMA_VERSION = 1

PLAN = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("image", pa.string(), nullable=False),
        pa.field("lat", pa.float64(), nullable=False),
        pa.field("lon", pa.float64(), nullable=False),
        pa.field("uncertainty_km", pa.float64(), nullable=False),
        pa.field("country_code", pa.string()),
        pa.field("region", pa.string()),
        pa.field("city", pa.string()),
        pa.field("scene", pa.string()),
        pa.field("author", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("captured_at", pa.string()),
        pa.field("source_url", pa.string()),
        pa.field("source_row", pa.int64(), nullable=False),
    ]
)
"""plan.parquet: one row a sample, in shard order; (shard, position) numbers are dense."""

DROPPED = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("source_row", pa.int64(), nullable=False),
        pa.field("phase", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""dropped.parquet: rows that the plan left out and why."""

CLUE = pa.struct([pa.field("kind", pa.string()), pa.field("text", pa.string()), pa.field("supports", pa.string())])

ANSWER = pa.struct(
    [
        pa.field("teacher", pa.string()),
        pa.field("model", pa.string()),
        pa.field("request_key", pa.string()),
        pa.field("failure", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("localizable", pa.bool_()),
        pa.field("confidence", pa.float64()),
        pa.field("scene", pa.string()),
        pa.field("clues", pa.list_(CLUE)),
        pa.field("reasoning", pa.string()),
        pa.field("country", pa.string()),
        pa.field("region", pa.string()),
        pa.field("city", pa.string()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
        pa.field("country_code", pa.string()),
        pa.field("named_lat", pa.float64()),
        pa.field("named_lon", pa.float64()),
        pa.field("named_level", pa.string()),
        pa.field("country_correct", pa.bool_()),
        pa.field("distance_km", pa.float64()),
        pa.field("named_distance_km", pa.float64()),
    ]
)

CHECK = pa.struct(
    [
        pa.field("check", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("detail", pa.string()),
    ]
)

PART = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("image_sha256", pa.string()),
        pa.field("image_phash", pa.uint64()),
        pa.field("image_width", pa.int32()),
        pa.field("image_height", pa.int32()),
        pa.field("image_bytes", pa.int64()),
        pa.field("source_bytes", pa.int64()),
        pa.field("source_mtime_ns", pa.int64()),
        pa.field("answers", pa.list_(ANSWER), nullable=False),
        pa.field("checks", pa.list_(CHECK), nullable=False),
        pa.field("decision", pa.string(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
    ]
)
"""shards/NNNNN/part.parquet: one row a planned sample, in plan order. `decision` is accept, review, reject or
quarantine; a quarantined row (image refused, no answer) has its reason in `reasons` as `stage:reason`."""

SELECTION = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("group", pa.string()),
        pa.field("removed_by", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
    ]
)
"""selection.parquet: one row an accepted sample, in plan order; `removed_by` names the rule that took it out."""

LEDGER = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("teacher", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("response", pa.string()),
        pa.field("finish_reason", pa.string()),
        pa.field("error_kind", pa.string()),
        pa.field("error_detail", pa.string()),
        pa.field("http_calls", pa.int32(), nullable=False),
        pa.field("prompt_tokens", pa.int64(), nullable=False),
        pa.field("completion_tokens", pa.int64(), nullable=False),
        pa.field("cost", pa.float64(), nullable=False),
        pa.field("latency_s", pa.float64(), nullable=False),
        pa.field("created_at", pa.string(), nullable=False),
        pa.field("row_sha256", pa.string(), nullable=False),
    ]
)
"""shards/NNNNN/ledger.parquet: the sealed ledger. status is ok, permanent (never asked again) or exhausted (asked
again by the next build); origin is call (paid by this build), replay (a recording) or ledger (paid by an earlier one).
"""
