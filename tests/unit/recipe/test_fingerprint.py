"""A fingerprint names what a build is: it follows meaning, not spelling."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.recipe.fingerprint import NOT_IDENTITY, STAGES, differences, fingerprint, flatten, identity_part
from factory.recipe.model import Recipe

RECIPE: dict[str, Any] = {
    "name": "tiny",
    "description": "prose",
    "generator": {"name": "mp16_reason"},
    "source": {"kind": "table", "path": "photos.csv"},
    "images": {"max_side": 1024, "cpu_seconds": 5.0},
    "teachers": [
        {"name": "a", "model": "m", "base_urls": ["http://one"], "budget": {"calls": 5}, "sampling": {"seed": 0}}
    ],
    "witnesses": [{"embeddings": {"model": "e", "base_url": "http://one/v1", "max_in_flight": 16}}],
    "review": {"audit_share": 0.02, "wait": False},
    "verify": {"checks": [{"near_truth": {"radius_km": 25.0}}, {"no_leak": {}}], "decide": {"by": "rules"}},
    "select": [{"split": {"seed": 7}}],
    "release": {"shard_size": 10},
    "build": {"max_quarantined_share": 0.1},
}
INPUTS = {"source": "digest"}


def changed(*keys: str | int, to: Any) -> dict[str, Any]:
    recipe = copy.deepcopy(RECIPE)
    node: Any = recipe
    for key in keys[:-1]:
        node = node[key]
    node[keys[-1]] = to
    return recipe


def name(recipe: dict[str, Any]) -> str:
    return fingerprint(recipe, INPUTS).build


def test_key_order_and_number_spelling_do_not_count() -> None:
    shuffled = dict(random.Random(3).sample(list(RECIPE.items()), len(RECIPE)))
    assert name(shuffled) == name(RECIPE)
    assert name(changed("images", "max_side", to=1024.0)) == name(RECIPE)


def test_places_money_and_patience_do_not_count() -> None:
    for recipe in (
        changed("source", "path", to="/elsewhere/photos.csv"),
        changed("teachers", 0, "base_urls", to=["http://two", "http://three"]),
        changed("teachers", 0, "budget", to={"calls": 9}),
        changed("images", "cpu_seconds", to=9),
        changed("build", "max_quarantined_share", to=0.5),
        changed("witnesses", 0, "embeddings", "base_url", to="http://two/v1"),
        changed("witnesses", 0, "embeddings", "max_in_flight", to=3),
        changed("review", "wait", to=True),
        changed("review", "audit_share", to=0.5),
    ):
        assert name(recipe) == name(RECIPE)


def test_everything_else_counts() -> None:
    for recipe in (
        changed("name", to="other"),
        changed("images", "max_side", to=512),
        changed("teachers", 0, "model", to="n"),
        changed("teachers", 0, "sampling", "seed", to=1),
        changed("verify", "checks", 0, "near_truth", "radius_km", to=26),
        changed("select", 0, "split", "seed", to=8),
        changed("release", "shard_size", to=11),
        changed("witnesses", 0, "embeddings", "model", to="f"),
        changed("witnesses", to=[]),
        changed("teachers", 0, "sampling", "draws", to=3),
        changed("generator", to={"name": "mp16_reason", "answer": "first"}),
    ):
        assert name(recipe) != name(RECIPE)
    assert fingerprint(RECIPE, {"source": "other"}).build != name(RECIPE)


def test_the_order_of_checks_and_teachers_counts() -> None:
    checks = list(reversed(RECIPE["verify"]["checks"]))
    assert name(changed("verify", "checks", to=checks)) != name(RECIPE)


def test_a_threshold_changes_its_stage_and_those_after_it() -> None:
    before = fingerprint(RECIPE, INPUTS).stages
    after = fingerprint(changed("verify", "checks", 0, "near_truth", "radius_km", to=50), INPUTS).stages
    same = [stage for stage, _ in STAGES if before[stage] == after[stage]]
    assert same == ["plan", "images", "answers"]


def test_a_witness_changes_the_answers_and_what_follows() -> None:
    before = fingerprint(RECIPE, INPUTS).stages
    after = fingerprint(changed("witnesses", 0, "embeddings", "model", to="f"), INPUTS).stages
    assert [stage for stage, _ in STAGES if before[stage] == after[stage]] == ["plan", "images"]


def test_how_decisions_are_laid_over_verdicts_changes_nothing_before_the_review() -> None:
    one, other = (fingerprint(RECIPE, {**INPUTS, "review": version}).stages for version in "12")
    assert [stage for stage, _ in STAGES if one[stage] == other[stage]] == ["plan", "images", "answers", "verify"]


def test_the_columns_of_a_row_belong_to_the_release() -> None:
    one, other = (fingerprint(RECIPE, {**INPUTS, "row": row}).stages for row in ("mine-1", "mine-2"))
    assert [stage for stage, _ in STAGES if one[stage] != other[stage]] == ["release"]


def test_every_key_of_a_recipe_is_in_a_stage() -> None:
    known = {prefix.split(".")[0] for _, prefixes in STAGES for prefix in prefixes}
    outside = {pattern for pattern, _ in NOT_IDENTITY if "." not in pattern}
    assert set(Recipe.model_fields) == (known - {"inputs"}) | outside


def test_another_worldview_is_another_build_from_the_plan_on() -> None:
    before, after = (
        fingerprint({**RECIPE, "geo": {"worldview": view}}, INPUTS) for view in ("default", "natural_earth")
    )
    assert before.build != after.build
    assert all(before.stages[stage] != after.stages[stage] for stage, _ in STAGES)


def test_differences_name_the_key_and_both_values() -> None:
    old = fingerprint(RECIPE, INPUTS).identity
    new = fingerprint(changed("verify", "checks", 0, "near_truth", "radius_km", to=50), INPUTS).identity
    assert differences(old, new) == ["verify.checks.near_truth.radius_km: 25.0 → 50"]


def test_every_exclusion_says_why() -> None:
    assert all(pattern and len(why) > 5 for pattern, why in NOT_IDENTITY)


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers() | st.text(max_size=3), max_size=6))
def test_any_change_of_an_included_value_changes_the_name(release: dict[str, Any]) -> None:
    base = changed("release", to=release)
    for key in release:
        assert name(changed("release", to=release | {key: [release[key]]})) != name(base)


@given(
    st.recursive(
        st.integers(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    )
)
def test_flattening_keeps_every_leaf_apart(value: Any) -> None:
    places = [place for place, _ in flatten({"root": value})]
    assert len(places) == len(set(places))


def test_an_exclusion_stands_for_one_name_only() -> None:
    recipe = changed("teachers", 0, "extra_body", to={"thinking": {"budget": 100}})
    other = changed("teachers", 0, "extra_body", to={"thinking": {"budget": 9000}})
    assert name(recipe) != name(other)


def test_a_dotted_name_is_not_a_path() -> None:
    assert name(changed("release", to={"a.b": 1})) != name(changed("release", to={"a": {"b": 1}}))


def test_the_published_part_holds_nothing_that_is_no_identity() -> None:
    part = identity_part(RECIPE)
    assert "path" not in part["source"] and "base_urls" not in part["teachers"][0] and "build" not in part
    assert part["verify"]["checks"] == RECIPE["verify"]["checks"]
