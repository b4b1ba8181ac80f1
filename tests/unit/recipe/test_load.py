"""A recipe is read, overlaid and validated; everything wrong with it is said at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import RecipeError
from factory.plugins import registry
from factory.plugins.contracts import Ask, Generator, Needs, Said
from factory.plugins.registry import register
from factory.recipe.load import load_recipe
from factory.recipe.model import teacher_settings
from schemas import Seen
from schemas.rows.mp16_reason import ROW
from schemas.rows.schema import RowSchema

REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = REPOSITORY / "recipes" / "mp16_reason.yaml"

MINIMAL = """\
name: tiny
generator: mp16_reason
source: {kind: table, path: photos.csv}
teachers:
  - name: only
    backend: replay
    path: answers.jsonl
verify:
  checks:
    - localizable: {min_confidence: 0.5}
    - no_leak
  decide: {reject: [localizable, no_leak], review: []}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(text)
    return path


def problem(folder: Path, text: str, **options: object) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(folder, text), **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_shipped_recipe_is_valid_in_every_profile() -> None:
    for profile in ("demo", "laptop"):
        assert load_recipe(SHIPPED, profile=profile).recipe.name == "mp16_reason"


def test_demo_is_the_default_profile_where_there_is_one(tmp_path: Path) -> None:
    assert load_recipe(SHIPPED).profile == "demo"
    assert load_recipe(write(tmp_path, MINIMAL)).profile is None


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path, MINIMAL)).recipe
    assert recipe.images.max_side == 1024
    assert teacher_settings(recipe.teachers[0]).name == "only"


def test_the_resolved_recipe_validates_to_itself(tmp_path: Path) -> None:
    loaded = load_recipe(write(tmp_path, MINIMAL))
    assert type(loaded.recipe).model_validate(loaded.plain()) == loaded.recipe


def test_an_unknown_key_names_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    text = MINIMAL + "images: {max_sidee: 512}\n"
    assert problem(tmp_path, text) == (
        f"{tmp_path / 'tiny.yaml'}:13:10: images: unknown key `max_sidee` (did you mean `max_side`?)"
    )


def test_a_misspelt_teacher_key_is_found_inside_its_blocks(tmp_path: Path) -> None:
    text = MINIMAL.replace("    path: answers.jsonl", "    path: answers.jsonl\n    temprature: 0.2")
    said = problem(tmp_path, text)
    assert "tiny.yaml:8:5: teachers.0: unknown key `temprature` (did you mean `sampling.temperature`?)" in said


def test_a_misspelt_check_setting_is_found(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL.replace("min_confidence", "min_confidense"))
    assert "verify.checks.0.localizable: unknown key `min_confidense` (did you mean `min_confidence`?)" in said


def test_a_misspelt_value_names_the_nearest_one(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL + "geo: {worldview: natural-earth}\n")
    assert said.endswith(
        "`geo.worldview`: input should be 'default' or 'natural_earth', found 'natural-earth' "
        "(did you mean `natural_earth`?)"
    )


def test_a_block_left_out_of_a_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown key `worldview` \(did you mean `geo.worldview`\?\)"):
        load_recipe(write(tmp_path, MINIMAL), overrides=["worldview=natural_earth"])


def test_an_unknown_check_lists_the_known_ones(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL.replace("- no_leak", "- no_leek"))
    assert "unknown check `no_leek` (did you mean `no_leak`?)" in said
    assert "near_truth" in said


def test_every_problem_is_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = MINIMAL.replace("name: tiny", "name: Tiny Set") + "images: {quality: high}\nreleese: {}\n"
    lines = problem(tmp_path, text).splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "13", "14"]
    assert "did you mean `release`?" in lines[2]


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL.replace("generator: mp16_reason\n", ""))
    assert "`generator` is missing" in said


def test_a_decider_that_names_no_check_of_the_recipe_is_refused(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL.replace("review: []", "review: [grounded]"))
    assert "names `grounded`, which is not among the checks: localizable, no_leak" in said


def test_two_teachers_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = "  - {name: only, backend: replay, path: b.jsonl}\nverify:"
    assert "teachers share a name: only" in problem(tmp_path, MINIMAL.replace("verify:", twice))


@pytest.fixture
def asks_nobody() -> Iterator[str]:
    """A family that makes its rows of the samples alone."""

    @register("generator", "asks_nobody")
    def asks_nobody() -> Generator:
        needs = Needs(calls=(0, 0))
        return Generator(name="asks_nobody", version="1", row=ROW, needs=needs, records=lambda frame: frame)

    yield "asks_nobody"
    registry._PLUGINS.pop(("generator", "asks_nobody"))


TEACHERS, VERIFY = MINIMAL.index("teachers:"), MINIMAL.index("verify:")
ALONE = MINIMAL[:TEACHERS].replace("mp16_reason", "asks_nobody")


def test_a_family_that_asks_nobody_needs_neither_teachers_nor_checks(tmp_path: Path, asks_nobody: str) -> None:
    loaded = load_recipe(write(tmp_path, ALONE))
    assert (loaded.recipe.teachers, loaded.recipe.verify) == ((), None)
    assert type(loaded.recipe).model_validate(loaded.plain()) == loaded.recipe
    checked = load_recipe(write(tmp_path, ALONE + "verify: {checks: [near_truth], decide: {reject: [], review: []}}\n"))
    assert checked.recipe.verify is not None


def test_rows_that_state_no_licence_cannot_be_set_apart_by_it(tmp_path: Path, asks_nobody: str) -> None:
    by_licence = "release: {configs: licence}\n"
    assert load_recipe(write(tmp_path, ALONE + by_licence)).recipe.release.configs == "licence"
    generator = registry._PLUGINS["generator", asks_nobody]
    bare = RowSchema.of("bare", 1, {})
    family = Generator(name="bare", version="1", row=bare, needs=Needs(calls=(0, 0)), records=lambda frame: frame)
    registry._PLUGINS["generator", asks_nobody] = replace(generator, function=lambda: family)
    said = problem(tmp_path, ALONE + by_licence)
    assert "`release.configs: licence`: rows of the family asks_nobody state no licence; take it out" in said


def test_a_family_that_asks_nobody_takes_no_teachers(tmp_path: Path, asks_nobody: str) -> None:
    said = problem(tmp_path, ALONE + MINIMAL[TEACHERS:VERIFY])
    assert "`teachers`: the family asks_nobody asks nobody; take them out" in said


def test_a_family_that_asks_needs_a_teacher_that_answers(tmp_path: Path) -> None:
    none = MINIMAL[:TEACHERS] + MINIMAL[VERIFY:]
    judge = MINIMAL.replace("backend: replay", "backend: replay\n    role: judge")
    for text in (none, judge):
        said = problem(tmp_path, text)
        assert "`teachers` is missing: the family mp16_reason needs at least one of the role `answer`" in said
    assert load_recipe(
        write(
            tmp_path, MINIMAL.replace("verify:", "  - {name: j, backend: replay, path: j.jsonl, role: judge}\nverify:")
        )
    )


def test_answers_need_checks(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL[:VERIFY])
    assert "`verify` is missing: answers for mp16_reason are released only when checks judged them" in said


WITNESS = "witnesses: [{embeddings: {model: m, base_url: 'http://localhost:1/v1'}}]\n"


def test_witnesses_are_named_with_their_settings(tmp_path: Path) -> None:
    (witness,) = load_recipe(write(tmp_path, MINIMAL + WITNESS)).recipe.witnesses
    assert (witness.name, dict(witness.settings)["max_in_flight"]) == ("embeddings", 16)
    said = problem(tmp_path, MINIMAL + WITNESS.replace("model: m", "modle: m"))
    assert "unknown key `modle` (did you mean `model`?)" in said


def test_witnesses_and_teachers_share_no_name(tmp_path: Path) -> None:
    twice = WITNESS.replace("[{", "[{embeddings: {model: n, base_url: 'http://localhost:2/v1'}}, {")
    same = MINIMAL.replace("name: only", "name: embeddings") + WITNESS
    for text in (MINIMAL + twice, same):
        assert "witnesses share a name with another or with a teacher: embeddings" in problem(tmp_path, text)


def test_keys_that_moved_say_where_they_went(tmp_path: Path) -> None:
    told = problem(tmp_path, MINIMAL + "  embeddings: {model: m, base_url: 'http://localhost:1/v1'}\n")
    assert told.endswith(
        "tiny.yaml:13:3: `verify.embeddings` is a witness now: write "
        "`witnesses: [{embeddings: {model: ..., base_url: ...}}]`"
    )
    told = problem(tmp_path, MINIMAL + "release: {answer: first}\n")
    assert "tiny.yaml:13:11: `release.answer` belongs to the family now: write `generator: {name: mp16_reason" in told
    told = problem(tmp_path, MINIMAL, overrides=["release.answer=first"])
    assert told.startswith("--set release.answer=first: `release.answer` belongs to the family now")
    family = MINIMAL.replace("generator: mp16_reason", "generator: {name: mp16_reason, answer: first}")
    assert dict(load_recipe(write(tmp_path, family)).recipe.generator.settings)["answer"] == "first"


def test_several_draws_need_a_temperature(tmp_path: Path) -> None:
    text = MINIMAL.replace("backend: replay", "backend: replay\n    sampling: {draws: 3, temperature: 0}")
    said = problem(tmp_path, text)
    assert "tiny.yaml:7:" in said and "at temperature 0 every draw is the same" in said


def test_broken_yaml_says_where(tmp_path: Path) -> None:
    assert "tiny.yaml:3:1: not valid YAML" in problem(tmp_path, "name: tiny\ngenerator: [mp16\n")


def test_a_yaml_tag_is_no_code(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    text = f"name: !!python/object/apply:os.system ['touch {canary}']\n"
    problem(tmp_path, text)
    assert not canary.exists()


def test_a_missing_file_is_a_recipe_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "absent.yaml")


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean `laptop`"):
        load_recipe(SHIPPED, profile="laptob")


def test_a_profile_merges_mappings_and_replaces_lists(tmp_path: Path) -> None:
    profile = (
        "images: {quality: 80}\nprofiles:\n  small:\n    images: {max_side: 256}\n"
        "    teachers: [{name: other, backend: replay, path: c.jsonl}]\n"
    )
    recipe = load_recipe(write(tmp_path, MINIMAL + profile), profile="small").recipe
    assert (recipe.images.max_side, recipe.images.quality) == (256, 80)
    assert [teacher_settings(call).name for call in recipe.teachers] == ["other"]


def test_a_mistake_in_a_profile_is_placed_in_the_profile(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL + "profiles:\n  small:\n    images: {max_sid: 256}\n", profile="small")
    assert "tiny.yaml:15:14: images: unknown key `max_sid`" in said


def test_another_kind_of_source_in_a_profile_replaces_the_source(tmp_path: Path) -> None:
    profile = "profiles:\n  mine: {source: {kind: folder, path: photos}}\n"
    assert load_recipe(write(tmp_path, MINIMAL + profile), profile="mine").recipe.source.name == "folder"


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("images.max_side=512", lambda r: r.images.max_side == 512),
        ("teachers.0.sampling.temperature=0.2", lambda r: teacher_settings(r.teachers[0]).sampling.temperature == 0.2),
        ("teachers.only.max_in_flight=3", lambda r: teacher_settings(r.teachers[0]).max_in_flight == 3),
        (
            "verify.checks.localizable.min_confidence=0.7",
            lambda r: dict(r.verify.checks[0].settings)["min_confidence"] == 0.7,
        ),
        ("select=[near_duplicates]", lambda r: [c.name for c in r.select] == ["near_duplicates"]),
        ("release.title=Über alles", lambda r: r.release.title == "Über alles"),
        ("images={max_side: 99, quality: 50}", lambda r: (r.images.max_side, r.images.quality) == (99, 50)),
    ],
)
def test_set_reaches_every_key(tmp_path: Path, override: str, found: object) -> None:
    recipe = load_recipe(write(tmp_path, MINIMAL), overrides=[override]).recipe
    assert found(recipe)  # type: ignore[operator]


def test_a_mistake_in_set_is_placed_in_the_option(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL, overrides=["teachers.0.temprature=0.2"])
    assert said.startswith("--set teachers.0.temprature=0.2: teachers.0: unknown key `temprature`")


@pytest.mark.parametrize(
    "override", ["images", "=3", "images..x=3", "name.x.y=3", "teachers.nobody.model=x", "images.max_side=[1"]
)
def test_a_set_that_cannot_be_applied_is_refused(tmp_path: Path, override: str) -> None:
    assert problem(tmp_path, MINIMAL, overrides=[override]).startswith(f"--set {override}")


def test_variables_in_paths_are_checked_and_kept_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHOTOS", "/data/photos")
    text = MINIMAL.replace("path: photos.csv", 'path: "${PHOTOS}/${SET:-all}.csv"')
    loaded = load_recipe(write(tmp_path, text))
    assert loaded.plain()["source"]["path"] == "${PHOTOS}/${SET:-all}.csv"


@pytest.mark.parametrize(
    "override",
    [
        "release.title=${PHOTOS}",
        "description=from ${PHOTOS:-here}",
        "source.author=${PHOTOS}",
        "teachers.0.model=${PHOTOS}",
        "plan.exclude_licences=['${PHOTOS}']",
    ],
)
def test_variables_stand_nowhere_but_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str) -> None:
    monkeypatch.setenv("PHOTOS", "canary")
    said = problem(tmp_path, MINIMAL, overrides=[override])
    assert "variables stand in paths only" in said and "${PHOTOS" in said and "canary" not in said


@pytest.mark.parametrize("name", ["GITHUB_PAT", "OPENAI_API_KEY", "MY_AUTH", "DB_PASSWD"])
@pytest.mark.parametrize("form", ["${%s}", "$%s", "${%s:-x}"])
def test_no_form_of_a_secret_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str) -> None:
    monkeypatch.setenv(name, "canary")
    said = problem(tmp_path, MINIMAL.replace("path: photos.csv", f'path: "{form % name}/a.csv"'))
    assert f"{name} looks like a secret" in said and "canary" not in said


def test_an_unset_variable_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHOTOS", raising=False)
    said = problem(tmp_path, MINIMAL.replace("path: photos.csv", 'path: "${PHOTOS}/a.csv"'))
    assert "tiny.yaml:3:" in said and "PHOTOS is not set" in said


def test_a_secret_never_enters_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-canary")
    said = problem(tmp_path, MINIMAL.replace("path: photos.csv", 'path: "${MY_API_KEY}"'))
    assert "api_key_env" in said and "sk-canary" not in said


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
top_keys = st.sampled_from(
    ["name", "generator", "source", "images", "teachers", "verify", "select", "release", "profiles", "x"]
)


@settings(max_examples=60)
@given(st.dictionaries(top_keys, yaml_values, max_size=5))
def test_any_structure_is_valid_or_a_recipe_error(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:

    path = tmp_path_factory.mktemp("fuzz") / "r.yaml"
    path.write_text(json.dumps(data))
    with pytest.raises(RecipeError):
        load_recipe(path)


@settings(max_examples=120)
@given(st.integers(0, len(MINIMAL) - 1), st.text(alphabet="{}[]:-#&*!|>'\"%@`,\t\n a0", min_size=1, max_size=4))
def test_any_edit_of_a_recipe_is_valid_or_a_recipe_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, noise: str
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "r.yaml"
    path.write_text(MINIMAL[:at] + noise + MINIMAL[at + 1 :])
    try:
        load_recipe(path)
    except RecipeError as error:
        assert str(error)


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_recipe_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "r.yaml"
    path.write_bytes(data)
    with pytest.raises(RecipeError):
        load_recipe(path)


def test_a_lone_surrogate_is_a_recipe_error_and_a_pair_is_a_character(tmp_path: Path) -> None:
    assert "half a character" in problem(tmp_path, MINIMAL + 'description: "\\ud800"\n')
    paired = MINIMAL + 'description: "\\ud83d\\ude03"\n'
    assert load_recipe(write(tmp_path, paired)).recipe.description == "😃"


@pytest.mark.parametrize(
    ("profile", "decider"), [("full", "calibrated"), ("globe", "rules"), ("demo", "rules"), ("laptop", "rules")]
)
def test_the_shipped_recipe_fits_what_it_accepts_but_on_few_photos_and_by_the_papers_rules(
    profile: str, decider: str
) -> None:
    verify = load_recipe(SHIPPED, profile=profile).recipe.verify
    assert verify is not None
    assert verify.decide.name == decider


def test_the_profile_globe_has_the_papers_four_steps() -> None:
    verify = load_recipe(SHIPPED, profile="globe").recipe.verify
    assert verify is not None
    assert [check.name for check in verify.checks] == [
        "localizable",
        "near_truth",
        "teachers_agree",
        "grounded",
        "no_leak",
    ]


def test_a_family_that_asks_a_judge_needs_one_among_the_teachers(tmp_path: Path) -> None:
    async def answer(seen: Seen, ask: Ask) -> Said:
        return Said()

    @register("generator", "judged")
    def judged() -> Generator:
        needs = Needs(roles=("judge",))
        return Generator(name="judged", version="1", row=ROW, needs=needs, answer=answer, record=lambda case: ())

    try:
        without = MINIMAL.replace("mp16_reason", "judged")
        assert "the family judged needs at least one of the role `judge`" in problem(tmp_path, without)
        judge = "  - {name: second, role: judge, backend: replay, path: b.jsonl}\nverify:"
        assert len(load_recipe(write(tmp_path, without.replace("verify:", judge))).recipe.teachers) == 2
    finally:
        registry._PLUGINS.pop(("generator", "judged"))


def test_a_misspelt_name_in_a_list_is_told_once_with_the_nearest(tmp_path: Path) -> None:
    checks = MINIMAL.replace("    - localizable: {min_confidence: 0.5}\n    - no_leak\n", "    - near_truht\n")
    told = problem(tmp_path, checks.replace("[localizable, no_leak]", "[near_truth]"))
    assert "unknown check `near_truht` (did you mean `near_truth`?)" in told and "\n" not in told
    told = problem(tmp_path, MINIMAL.replace("review: []", "review: [no_leek]"))
    assert "unknown check `no_leek` (did you mean `no_leak`?)" in told and "\n" not in told
    rule = "select: [{decontaminate: {benchmarks: [{name: a, table: x.csv, colums: {id: b}}]}}]\n"
    told = problem(tmp_path, MINIMAL + rule)
    assert "benchmarks.0: unknown key `colums` (did you mean `columns`?)" in told and "\n" not in told


def test_one_name_where_a_list_is_expected_is_told_in_the_words_of_a_recipe(tmp_path: Path) -> None:
    told = problem(tmp_path, MINIMAL.replace("reject: [localizable, no_leak]", "reject: no_leak"))
    assert "`verify.decide.reject`: expected a list, written `[a, b]`, found 'no_leak'" in told


UNASKED = """\
name: tiny
generator: mg_geo_meta
source: {kind: table, path: photos.csv}
images: {pass_through: true}
"""


@pytest.mark.parametrize(
    ("select", "named"),
    [
        ("near_duplicates", "select.near_duplicates"),
        ("split: {keep_together: [near_duplicates]}", "select.split.keep_together"),
        ("geocell_split", "select.geocell_split.apart"),
        ("decontaminate: {benchmarks: [{name: b, table: b.csv}]}", "select.decontaminate.max_hamming"),
    ],
)
def test_pictures_that_pass_undecoded_cannot_be_compared(tmp_path: Path, select: str, named: str) -> None:
    said = problem(tmp_path, f"{UNASKED}select:\n  - {select}\n")
    assert f"`{named}` compares what pictures show, and `images.pass_through: true` decodes none" in said
    load_recipe(write(tmp_path, f"{UNASKED.replace('true', 'false')}select:\n  - {select}\n"))


def test_selectors_that_compare_no_pictures_stand_beside_pass_through(tmp_path: Path) -> None:
    rules = "[truth_in_country, split, {geocell_split: {apart: [author]}}"
    rules += ", {decontaminate: {benchmarks: [{name: b, table: b.csv}], max_hamming: null}}]"
    assert load_recipe(write(tmp_path, f"{UNASKED}select: {rules}\n")).recipe.images.pass_through


def test_teachers_are_shown_decoded_pictures_only(tmp_path: Path) -> None:
    said = problem(tmp_path, MINIMAL + "images: {pass_through: true}\n")
    assert "`images.pass_through` is for families that ask nobody, and this recipe has `teachers`" in said
    said = problem(tmp_path, UNASKED + "witnesses: [{embeddings: {model: m, base_url: 'http://127.0.0.1:9/v1'}}]\n")
    assert "and this recipe has `witnesses`" in said
