"""A lead's word about a sample that nobody has answered is about the answer that the screen shows of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from annotation.screens import open_screen
from factory.generators.labelled import speaker
from factory.phases.decide import decide_build
from factory.store.cases import read_cases
from release.rows import build_generator
from tests.build_fixture import make_build


def test_a_lead_who_accepts_first_accepts_what_the_screen_shows(tmp_path: Path) -> None:
    build = make_build(tmp_path / "build", samples=6, shard_size=6)
    screen = open_screen(build, speaker(build_generator(build)))
    cases = [case for case in read_cases(build.paths, 0) if len(case.answers) > 1]
    shown = {case.sample.id: list(screen.task(case, {}).keys) for case in cases}
    least = {case.sample.id: list(min(found.answered.keys for found in case.answers)) for case in cases}
    assert shown != least, "or the smallest key would do"
    decide_build(build, lead="dora", said=[f"{name}=accept" for name in shown])
    rows = pl.read_parquet(build.paths.annotations)
    assert dict(rows.select("id", "keys").iter_rows()) == shown
