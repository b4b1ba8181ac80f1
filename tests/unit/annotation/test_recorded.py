"""Push and pull on what a real server answered: see `tests.studio_recorded`."""

from __future__ import annotations

import json
from pathlib import Path

from annotation.connection import Login
from annotation.words import REFUSED
from factory.store.tables import read_table
from schemas import arrow
from tests.studio_recorded import GOLDEN, played, session

LOGIN = Login(url="http://127.0.0.1:1", key="no key is asked for", source="a recording")


def test_a_recorded_session_is_played_back_to_its_end(tmp_path: Path) -> None:
    with played(json.loads(GOLDEN.read_text())) as left:
        build, (first, second), (pulled, again) = session(tmp_path / "trial-00000000", LOGIN, lambda what, tasks: None)
    assert left == []
    tasks = read_table(build.paths.tasks, arrow.TASKS)
    assert (first.made, first.there, second.made, second.there) == (tasks.height, 0, 0, tasks.height)
    assert (pulled.new, pulled.skipped, pulled.annotations) == (3, 1, 2)
    assert [row["reason"] for row in pulled.refused] == [
        "verdict: 'maybe' is none of accept, fix, reject, not_localizable"
    ]
    assert (again.new, again.changed, again.deleted, again.annotations) == (0, 1, 1, 1)
    changed, deleted, skipped, refused = read_table(build.paths.annotations, arrow.ANNOTATIONS).iter_rows(named=True)
    assert (changed["verdict"], changed["reviewer"]) == ("reject", "annotator1@example.com")
    assert (deleted["verdict"], deleted["reasoning"]) == ("fix", "The second sign decides.")
    assert (deleted["lat"], deleted["lon"], deleted["deleted"]) == (48.25, 16.5, True)
    assert deleted["boxes"] == [{"kind": "evidence", "x": 0.05, "y": 0.1, "width": 0.2, "height": 0.4}]
    assert (skipped["skipped"], skipped["seconds"]) == (True, 12.5)
    assert (refused["verdict"], refused["flags"], refused["boxes"]) == (None, [REFUSED], [])
