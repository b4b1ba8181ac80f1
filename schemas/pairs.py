"""Arrow schemas of the files of a comparison of two releases (`factory review pairs`)."""

from __future__ import annotations

from schemas.arrow import FLAG, LONG, REAL, TEXT, columns

TASKS = columns(
    ("external", TEXT),
    ("id", TEXT),
    ("slot", TEXT),
    ("project", LONG),
    ("task", LONG, True),
    ("swapped", FLAG),
    ("pushed_at", TEXT),
)
"""tasks.parquet: what was sent, one row a task. `swapped` says that the second release's text stands left; the server
does not know it."""

RATINGS = columns(
    ("annotation", LONG),
    ("task", LONG),
    ("project", LONG),
    ("external", TEXT),
    ("id", TEXT),
    ("slot", TEXT),
    ("reviewer", TEXT),
    ("fluency", TEXT, True),
    ("relevance", TEXT, True),
    ("informativeness", TEXT, True),
    ("accuracy", TEXT, True),
    ("comment", TEXT, True),
    ("seconds", REAL, True),
    ("updated_at", TEXT),
    ("skipped", FLAG),
    ("raw", TEXT),
)
"""ratings.parquet: what people said, one row an annotation: win, tie or lose of the first release on each criterion,
null where it was skipped. `raw` is the server's JSON as it came."""
