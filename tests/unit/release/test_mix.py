"""A mix of releases: exact shares drawn by a seed, families together, one picture in one split."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import RecipeError
from release import check_release, write_release
from release.mix import Share, exact_counts, mix_releases
from release.mix_recipe import load_mix, shares_of
from release.read import Release, open_release
from schemas.settings import ReleaseSettings
from tests.build_fixture import make_build
from tests.joined import part_of, rows_of
from tests.unit.release.families import PAIRS, QUIZ

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Photos (s000 to s015), pairs of other pictures, and quizzes without one (three rows a sample)."""
    root = tmp_path_factory.mktemp("parts")
    photos = part_of(root / "photos", 16, lambda _: True)
    pairs = make_build(root / "pairs", 40, all_accepted=True, roles=("ground", "satellite"))
    write_release(pairs, PAIRS)
    quiz = make_build(root / "quiz", 8, all_accepted=True)
    write_release(quiz, QUIZ)
    return {"photos": photos, "pairs": pairs.paths.release, "quiz": quiz.paths.release}


def shares(parts: dict[str, Path], **weights: float) -> list[Share]:
    return [Share(name, parts[name], Fraction(str(weight))) for name, weight in weights.items()]


def drawn(release: Release, part: str) -> set[str]:
    return {row["id"] for row in release.rows("train") if row.get("part") == part}


def test_shares_are_exact_and_the_check_passes(parts: dict[str, Path], tmp_path: Path) -> None:
    done = mix_releases(shares(parts, photos=2, quiz=1), tmp_path / "m", name="both", rows=12, seed=3)
    assert (done["parts"]["photos"]["train"], done["parts"]["quiz"]["train"], done["splits"]["train"]) == (8, 4, 12)
    assert check_release(tmp_path / "m") == []
    assert done["parts"]["photos"]["test"] == 5, "what measures comes whole"


def test_rows_say_where_they_come_from_and_lose_nothing(parts: dict[str, Path], tmp_path: Path) -> None:
    mix_releases(shares(parts, photos=1, quiz=1), tmp_path / "m", name="both", rows=10)
    there = {f"{name}:{row['id']}": row for name in ("photos", "quiz") for row in rows_of(open_release(parts[name]))}
    for row in rows_of(open_release(tmp_path / "m")):
        was = there[row["id"]]
        assert row["messages"] == was["messages"]
        assert [image["bytes"] for image in row["images"]] == [image["bytes"] for image in was["images"]]
        known: dict[str, Any] = {
            **json.loads(row["more"]),
            **{name: row[name] for name in row if row[name] is not None},
        }
        for name, value in was.items():
            if name not in ("id", "images", "messages", "people"):
                assert known.get(name) == value or value is None, name


def test_the_seed_decides_and_the_same_seed_gives_the_same_bytes(parts: dict[str, Path], tmp_path: Path) -> None:
    chosen = {}
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        mix_releases(shares(parts, photos=1, quiz=1), tmp_path / name, name="mix", rows=8, seed=seed)
        chosen[name] = drawn(open_release(tmp_path / name), "photos")
    assert chosen["one"] == chosen["again"] != chosen["two"]
    files = [{p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.*")} for name in ("one", "again")]
    assert files[0] == files[1]


def test_parts_alternate_by_their_shares(parts: dict[str, Path], tmp_path: Path) -> None:
    mix_releases(shares(parts, photos=1, quiz=3), tmp_path / "m", name="mix", rows=16)
    order = [row["part"] for row in open_release(tmp_path / "m").rows("train")]
    assert [order[at : at + 4].count("photos") for at in range(0, 16, 4)] == [1, 1, 1, 1]


def test_without_a_number_of_rows_one_part_gives_all_it_has(parts: dict[str, Path], tmp_path: Path) -> None:
    done = mix_releases(shares(parts, photos=1, quiz=1), tmp_path / "m", name="mix")
    have = open_release(parts["photos"]).splits["train"]
    assert done["parts"]["photos"]["train"] == have == done["parts"]["quiz"]["train"]


def test_too_few_rows_are_named_with_what_is_possible(parts: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"photos: 11 rows of train, and its weight asks for 50") as caught:
        mix_releases(shares(parts, photos=1, quiz=1), tmp_path / "m", name="mix", rows=100)
    assert "with these weights at most" in str(caught.value) and not (tmp_path / "m").exists()


def test_one_picture_in_two_splits_is_refused(parts: dict[str, Path], tmp_path: Path) -> None:
    twin = part_of(tmp_path / "twin", 16, lambda _: True, splits={"train": "test", "test": "train"}.__getitem__)
    both = [Share("a", parts["photos"], Fraction(1)), Share("b", twin, Fraction(1))]
    with pytest.raises(RecipeError, match=r"'a:s00[0-9]' \((train|test)\) and 'b:s00[0-9]' \((train|test)\) share"):
        mix_releases(both, tmp_path / "m", name="mix")


def test_pictures_of_several_parts_in_one_split_are_counted(parts: dict[str, Path], tmp_path: Path) -> None:
    both = [Share("a", parts["photos"], Fraction(1)), Share("b", parts["photos"], Fraction(1))]
    done = mix_releases(both, tmp_path / "m", name="mix")
    assert done["shared"] == done["splits"]["train"] // 2 + done["splits"].get("test", 0) // 2 > 0
    alone = mix_releases(shares(parts, photos=1, quiz=1), tmp_path / "n", name="mix", drop_leaks=True)
    assert alone["shared"] == 0


def test_a_part_without_a_row_to_draw_does_not_make_the_mix_empty(parts: dict[str, Path], tmp_path: Path) -> None:
    tests = part_of(tmp_path / "tests", 16, lambda number: number > 7, splits=lambda _: "test")
    with pytest.raises(RecipeError, match=r"tests: no row of train, .* leave the part out"):
        mix_releases([Share("tests", tests, Fraction(1)), *shares(parts, quiz=1)], tmp_path / "m", name="mix")


def test_rows_that_leak_can_be_left_out(parts: dict[str, Path], tmp_path: Path) -> None:
    twin = part_of(tmp_path / "twin", 16, lambda _: True, splits={"train": "test", "test": "train"}.__getitem__)
    both = [Share("a", parts["photos"], Fraction(1)), Share("b", twin, Fraction(1))]
    with pytest.raises(RecipeError, match="a: 0 rows of train"):
        mix_releases(both, tmp_path / "m", name="mix", rows=2, drop_leaks=True)
    done = mix_releases([*both, *shares(parts, quiz=1)][1:], tmp_path / "n", name="mix", rows=4, drop_leaks=True)
    assert done["leaks"] == 0
    most = mix_releases(both, tmp_path / "o", name="mix", drop_leaks=True)
    assert most["leaks"] == 16 and most["splits"] == {"test": 16}
    assert check_release(tmp_path / "o") == []


def test_the_card_names_parts_weights_seed_and_the_strictest_licence(parts: dict[str, Path], tmp_path: Path) -> None:
    mix_releases(shares(parts, photos=2, quiz=1), tmp_path / "m", name="both", title="Both", rows=12, seed=3)
    card = (tmp_path / "m/README.md").read_text()
    assert "| photos | mp16\\_reason | 13 | 16 | 2 |" in card
    assert "with the seed 3" in card and "seed: 3" in card
    assert "The strictest terms among them: unknown" in card, "rows of the quiz state no licence"
    manifest = open_release(tmp_path / "m").manifest
    assert manifest["recipe"]["mix"]["seed"] == 3 and manifest["strictest"] == "unknown"


def test_pictures_of_several_families_stand_together(parts: dict[str, Path], tmp_path: Path) -> None:
    pairs = make_build(tmp_path / "pairs", 12, all_accepted=True, roles=("ground", "satellite"))
    write_release(pairs, PAIRS, settings=ReleaseSettings(formats=("parquet",)))
    quiz = [Share("pairs", pairs.paths.release, Fraction(1)), *shares(parts, quiz=1)]
    mix_releases(quiz, tmp_path / "m", name="mix")
    assert open_release(tmp_path / "m").manifest["pictures"] == {"least": 0, "most": 2}


@given(
    st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 500)), min_size=1, max_size=6),
    st.integers(0, 1000),
)
def test_counts_are_exact_and_as_near_to_the_weights_as_whole_rows_can_be(
    given_parts: list[tuple[int, int]], rows: int
) -> None:
    weights = [Fraction(weight) for weight, _ in given_parts]
    there = [have for _, have in given_parts]
    every = [Share(str(n), Path(), weight) for n, weight in enumerate(weights)]
    largest = exact_counts(weights, there, every, None)
    assert all(count <= have for count, have in zip(largest, there, strict=True))
    try:
        counts = exact_counts(weights, there, every, rows)
    except RecipeError:
        return
    assert sum(counts) == rows
    assert all(abs(count - rows * weight / sum(weights)) < 1 for count, weight in zip(counts, weights, strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: m\nparts: [{name: a, relase: x}]\n", "unknown key `relase` (did you mean `release`?)"),
        ("name: m\nparts: []\n", "parts"),
        ("name: m\nseeds: 1\nparts: [{name: a, release: x}]\n", "did you mean `seed`?"),
        ("name: m\nparts: [{name: a, release: x, weight: 0}]\n", "weight"),
        ("name: m\nparts: [{name: a, release: x}, {name: a, release: y}]\n", "two parts are called 'a'"),
        ("name: ../m\nparts: [{name: a, release: x}]\n", "expected letters, digits"),
        ("parts: [{name: a, release: x}]\n", "`name` is missing"),
    ],
)
def test_a_recipe_s_faults_are_told_with_line_and_nearest_key(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(RecipeError, match=r"m\.yaml") as caught:
        load_mix(tmp_path / "m.yaml")
    assert said in str(caught.value)


def test_the_shipped_recipe_takes_240_000_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for part in ("meta", "clue", "dialog"):
        monkeypatch.setenv(f"MG_GEO_{part.upper()}", str(tmp_path / part))
    recipe, every = load_mix(REPOSITORY / "recipes/mix/mix240k.yaml")
    counts = exact_counts([one.weight for one in every], [5_000_000, 73_000, 73_000], every, recipe.rows)
    assert (counts, [one.path.name for one in every]) == ([94_000, 73_000, 73_000], ["meta", "clue", "dialog"])


def test_weights_on_the_command_line() -> None:
    found = shares_of(["builds/mp16-a/release=2", "builds/x y=0.5", "other/x y=1/3"])
    assert [(one.name, one.weight) for one in found] == [
        ("mp16-a", 2),
        ("x-y", Fraction(1, 2)),
        ("x-y-2", Fraction(1, 3)),
    ]
    for wrong in ("builds/a", "builds/a=", "builds/a=x", "=1", "builds/a=0", "builds/a=-1", "builds/a=1/0"):
        with pytest.raises(RecipeError, match="expected a recipe of a mix, or releases with weights"):
            shares_of([wrong])
