"""The recorded answers that unit tests play back are those of the server of today."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from annotation.connection import Login
from tests.studio import Annotator, choice
from tests.studio_recorded import FIXED, GOLDEN, PAIRS, pair_session, rated, recording, session


def shape(value: Any) -> Any:
    """Keys and kinds of a JSON value; of a list, its first item's."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return "null or something" if value is None or isinstance(value, str | int | float) else type(value).__name__


def test_the_server_answers_as_recorded(studio: Login, annotators: Sequence[Annotator], tmp_path: Path) -> None:
    made: list[int] = []

    def say(what: str, tasks: dict[str, int]) -> None:
        names = sorted(tasks)
        if what == "answer":
            made.append(annotators[0].answer(tasks[names[0]], [choice("verdict", "accept")]))
            made.append(annotators[1].answer(tasks[names[1]], FIXED))
            made.append(annotators[1].answer(tasks[names[2]], [], was_cancelled=True))
            made.append(annotators[2].answer(tasks[names[2]], [choice("verdict", "maybe")]))
        else:
            annotators[0].call("PATCH", f"/api/annotations/{made[0]}/", {"result": [choice("verdict", "reject")]})
            annotators[1].call("DELETE", f"/api/annotations/{made[1]}/")

    records: list[dict[str, Any]] = []
    with recording(records):
        session(tmp_path / "trial-00000000", studio, say)
    compared(records, GOLDEN, studio, annotators)


def test_it_answers_about_pairs_as_recorded(studio: Login, annotators: Sequence[Annotator], tmp_path: Path) -> None:
    made: list[int] = []

    def say(what: str, tasks: dict[str, int]) -> None:
        if what == "answer":
            made.append(annotators[0].answer(tasks["p0:1"], rated("left")))
            made.append(annotators[1].answer(tasks["p0:2"], rated("right", "equal")))
            made.append(annotators[0].answer(tasks["p1:1"], rated("better")))
            made.append(annotators[1].answer(tasks["p1:2"], [], was_cancelled=True))
        else:
            annotators[0].call("PATCH", f"/api/annotations/{made[2]}/", {"result": rated("right")})
            annotators[1].call("DELETE", f"/api/annotations/{made[3]}/")

    records: list[dict[str, Any]] = []
    with recording(records):
        pair_session(tmp_path / "pairs", studio, say)
    compared(records, PAIRS, studio, annotators)


def compared(records: list[dict[str, Any]], golden: Path, studio: Login, annotators: Sequence[Annotator]) -> None:
    """What was recorded now and what is kept have the same shape; what is kept has no key."""
    if os.environ.get("RENEW_GOLDEN"):
        golden.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
    kept = json.loads(golden.read_text())
    assert [(one["method"], one["status"]) for one in records] == [(one["method"], one["status"]) for one in kept]
    for now, then in _both(records, kept):
        assert shape(now["body"]) == shape(then["body"]), now["path"]
    assert studio.key not in golden.read_text() and not any(one.token in golden.read_text() for one in annotators)


def _both(records: list[dict[str, Any]], kept: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Answers that say something: lists of a server that others used before have other lengths."""
    for now, then in zip(records, kept, strict=True):
        if "bytes" not in str(now["body"])[:20] and not now["path"].endswith(("/projects", "/users")):
            yield now, then
