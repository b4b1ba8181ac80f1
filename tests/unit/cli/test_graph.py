"""`factory graph`: a diagram that Mermaid reads, whatever stands in a recipe."""

from __future__ import annotations

import re
from pathlib import Path

from factory.cli.graph import PHASES, drawn, mermaid
from factory.phases.build import phases_with
from factory.recipe.load import load_recipe
from tests.build_fixture import make_build
from tests.pages import REPOSITORY

BOX = re.compile(r'  [a-z]+\d*\["[\w \-.,·…\'#;/<>]*"\](:::(done|waiting|open))?')


def test_the_phases_are_those_of_a_build() -> None:
    assert [phase.name for phase in phases_with(lambda build, root: {})] == [*PHASES]


def test_a_recipe_is_drawn_with_its_teachers_and_checks() -> None:
    nodes, links = drawn(load_recipe(REPOSITORY / "recipes" / "mp16_reason.yaml", profile="demo").plain(), None)
    words = {node.name: node.lines for node in nodes}
    assert "near_truth" in words["verify"] and words["family"] == ("mp16_reason",)
    assert ("teachers0", "work") in links and ("release", "report") in links
    assert all(node.state is None for node in nodes)


def test_a_build_is_drawn_with_what_is_done(tmp_path: Path) -> None:
    build = make_build(tmp_path / "build", samples=12)
    info = {**build.info, "state": "waiting", "phases": {name: {} for name in PHASES[:4]}}
    states = {node.name: node.state for node in drawn(build.recipe, info)[0]}
    assert [states[name] for name in PHASES] == ["done"] * 4 + ["waiting"] + ["open"] * 3


def test_names_of_strangers_stay_words_of_their_box() -> None:
    evil = '"]; click source href "javascript:alert(1)"\n%%{init: {}}%% <img src=x onerror=x> :::done'
    recipe = {"source": {"kind": evil}, "generator": evil, "teachers": [{"name": evil}], "select": [{evil: {}}]}
    nodes, links = drawn(recipe, None)
    lines = list(mermaid(nodes, links))
    for line in lines[1 : 1 + len(nodes)]:
        assert BOX.fullmatch(line), line
        assert "click source" not in line.partition('["')[0] and "<img" not in line
    assert all(re.fullmatch(r"  [a-z]+\d* --> [a-z]+", line) for line in lines[1 + len(nodes) :])
