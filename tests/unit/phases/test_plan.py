from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import SourceError
from factory.phases.plan import DROPPED, SAMPLES, Plan, compile_plan
from factory.plugins.contracts import Needs
from factory.sources.contract import LISTS
from schemas import arrow
from schemas.settings import PlanSettings


def rows(*given: dict[str, Any]) -> pl.DataFrame:
    base = {"lat": 60.17, "lon": 24.94, "image": "x.jpg"}
    return pl.DataFrame([base | row for row in given], infer_schema_length=None)


def dropped(plan: Plan) -> list[tuple[str, str]]:
    return list(plan.dropped.select("rule", "reason").iter_rows())


def test_a_plan_has_the_columns_of_its_files() -> None:
    plan = compile_plan(rows({"id": "a"}, {"id": "b", "lat": None}), PlanSettings())
    assert plan.samples.to_arrow().cast(arrow.PLAN).num_rows == 1
    assert plan.dropped.to_arrow().cast(arrow.DROPPED).num_rows == 1
    assert plan.counts == {
        "source": 2,
        "planned": 1,
        "dropped": 1,
        "shards": 1,
        "country_not_recognised": 0,
        "unplaced": 0,
    }


def test_labels_by_the_nearest_city_where_the_source_has_no_names() -> None:
    sample = compile_plan(rows({"id": "a"}), PlanSettings()).samples.row(0, named=True)
    assert (sample["country_code"], sample["region"], sample["city"]) == ("FI", "Uusimaa", "Helsinki")


def test_the_names_of_the_source_stand() -> None:
    table = rows(
        {"id": "a", "country": "Estonia", "city": "Tallinn", "region": None},
        {"id": "b", "country": "Finland", "city": None, "region": "My region"},
        {"id": "c", "country": "Atlantis", "city": None, "region": None},
        {"id": "d", "country": "NA", "city": None, "region": None, "lat": -22.56, "lon": 17.08},
    )
    plan = compile_plan(table, PlanSettings())
    assert plan.samples.select("country_code", "region", "city").rows() == [
        ("EE", None, "Tallinn"),
        ("FI", "My region", "Helsinki"),
        ("FI", "Uusimaa", "Helsinki"),
        ("NA", "Khomas", "Windhoek"),
    ]
    assert plan.counts["country_not_recognised"] == 1


def test_disputed_places_are_labelled_in_the_worldview() -> None:
    crimea = rows({"id": "a", "lat": 44.95, "lon": 34.10})
    codes = {
        view: compile_plan(crimea, PlanSettings(), worldview=view).samples["country_code"].item()
        for view in ("default", "natural_earth")
    }
    assert codes == {"default": "UA", "natural_earth": "RU"}


@pytest.mark.parametrize(
    ("row", "rule", "reason"),
    [
        ({"lat": None}, "coordinates", "no_coordinates"),
        ({"lat": math.nan}, "coordinates", "not_a_number"),
        ({"lat": 91.0, "lon": 100.0}, "coordinates", "lat_out_of_range"),
        ({"lon": 200.0}, "coordinates", "lon_out_of_range"),
        ({"lat": 0.0, "lon": 0.0}, "coordinates", "null_island"),
        ({"id": None}, "source", "missing_id"),
        ({"id": "a\nb"}, "source", "bad_id"),
        ({"id": "x" * 513}, "source", "bad_id"),
        ({"image": None}, "source", "missing_image"),
        ({"problem": "no_json"}, "source", "no_json"),
        ({"uncertainty_km": "far"}, "uncertainty", "bad_uncertainty"),
        ({"uncertainty_km": "-1"}, "uncertainty", "bad_uncertainty"),
        ({"uncertainty_km": "30"}, "uncertainty", "too_uncertain"),
        ({"id": "good"}, "ids", "duplicate_id"),
        ({"licence": "CC BY-NC-SA 2.0"}, "licences", "licence_excluded"),
        ({"licence": None}, "licences", "licence_missing"),
        ({"licence": "proprietary"}, "licences", "licence_not_allowed"),
    ],
)
def test_a_row_leaves_with_the_rule_and_the_reason(row: dict[str, Any], rule: str, reason: str) -> None:
    fine = {"id": "good", "licence": "cc0-1.0", "uncertainty_km": "0.5", "problem": None}
    chosen = PlanSettings(
        exclude_licences=("by-nc",), allow_licences=("CC0-1.0", "CC BY-NC-SA 2.0"), max_uncertainty_km=25
    )
    plan = compile_plan(rows(fine, fine | {"id": "bad"} | row), chosen)
    assert plan.samples["id"].to_list() == ["good"]
    assert dropped(plan) == [(rule, reason)]
    assert plan.reasons == {reason: 1}


def picture(role: str, locator: str) -> dict[str, Any]:
    nothing = {"lat": None, "lon": None, "metres_per_pixel": None}
    return {"role": role, "locator": locator, **nothing, "embed": True}


def several(*given: dict[str, Any]) -> pl.DataFrame:
    """Rows of a source that has lists of pictures and of texts."""
    base: dict[str, Any] = {"lat": 60.17, "lon": 24.94, "image": None, "images": [], "texts": []}
    return pl.DataFrame([base | row for row in given], schema_overrides=LISTS | {"image": pl.String})


BOTH = [picture("ground", "g.jpg"), picture("satellite", "s.jpg")]
BELL = [{"name": "transcript", "text": "a tram bell"}]
NEEDS = Needs(images=("ground", "satellite"), texts=("transcript",))


def test_one_image_is_a_picture_of_the_role_photo() -> None:
    sample = compile_plan(rows({"id": "a"}), PlanSettings()).samples.row(0, named=True)
    assert (sample["images"], sample["texts"]) == ([picture("photo", "x.jpg")], [])


def test_pictures_and_texts_are_planned_as_the_source_has_them() -> None:
    own = [BOTH[1] | {"lat": 1.5, "lon": 2.5, "metres_per_pixel": 0.3, "embed": False}, BOTH[0]]
    sample = compile_plan(several({"id": "a", "images": own, "texts": BELL}), PlanSettings(), needs=NEEDS).samples
    assert (sample["images"].to_list(), sample["texts"].to_list()) == ([own], [BELL])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"images": BOTH[:1]}, "missing_image"),
        ({"images": []}, "missing_image"),
        ({"images": [picture("photo", "x.jpg")]}, "missing_image"),
        ({"texts": []}, "missing_text"),
        ({"texts": [{"name": "metadata", "text": "x"}]}, "missing_text"),
        ({"images": [], "texts": []}, "missing_image"),
    ],
)
def test_a_sample_without_what_its_family_needs_is_dropped(row: dict[str, Any], reason: str) -> None:
    table = several({"id": "good", "images": BOTH, "texts": BELL}, {"id": "bad", "images": BOTH, "texts": BELL} | row)
    plan = compile_plan(table, PlanSettings(), needs=NEEDS)
    assert plan.samples["id"].to_list() == ["good"]
    assert dropped(plan) == [("source", reason)]


def test_pictures_that_the_family_does_not_show_are_left_out() -> None:
    street = Needs(images=(BOTH[1]["role"],))
    sample = compile_plan(several({"id": "a", "images": BOTH}), PlanSettings(), needs=street).samples
    assert sample["images"].to_list() == [[BOTH[1]]]


def test_a_picture_that_a_family_shows_where_there_is_one_is_kept_and_not_missed() -> None:
    needs = Needs(images=(), optional_images=(BOTH[0]["role"],))
    table = several({"id": "a", "images": BOTH}, {"id": "b", "images": []})
    assert compile_plan(table, PlanSettings(), needs=needs).samples["images"].to_list() == [[BOTH[0]], []]


def test_a_family_that_needs_nothing_keeps_samples_without_anything() -> None:
    nothing = Needs(images=(), texts=(), calls=(0, 0))
    assert compile_plan(several({"id": "a"}), PlanSettings(), needs=nothing).samples["images"].to_list() == [[]]
    assert compile_plan(rows({"id": "a", "image": None}), PlanSettings(), needs=nothing).samples.height == 1


def test_the_detail_quotes_what_the_source_says() -> None:
    table = pl.DataFrame({"id": ["a"], "image": ["a"], "lat": ["somewhere"], "lon": ["2"]})
    assert compile_plan(table, PlanSettings()).dropped["detail"].item() == "lat somewhere, lon 2"


def test_a_valid_row_is_kept_when_an_invalid_one_had_its_id_first() -> None:
    plan = compile_plan(rows({"id": "a", "lat": 95.0, "lon": 100.0}, {"id": "a"}), PlanSettings())
    assert plan.samples["source_row"].to_list() == [1]


def test_a_swapped_table_stops_with_the_remedy() -> None:
    table = rows(*({"id": str(n), "lat": 100.0 if n < 2 else 60.0} for n in range(100)))
    with pytest.raises(SourceError, match=r"t\.csv: .* 2 of 100 rows .*`columns: \{lat: X, lon: Y\}`"):
        compile_plan(table, PlanSettings(), origin="t.csv", coordinate_columns=lambda: ("Y", "X"))


def test_a_few_swapped_rows_are_dropped() -> None:
    table = rows(*({"id": str(n), "lat": 100.0 if n < 1 else 60.0} for n in range(100)))
    assert dropped(compile_plan(table, PlanSettings())) == [("coordinates", "swapped_columns")]


def test_rows_that_a_benchmark_holds_are_dropped_before_sampling() -> None:
    def overlaps(frame: pl.DataFrame) -> pl.DataFrame:
        assert {"id", "lat", "lon", "author"} <= set(frame.columns)
        return pl.DataFrame({"id": ["b"], "reason": ["benchmark_id"], "detail": ["im2gps3k holds it"]})

    plan = compile_plan(rows({"id": "a"}, {"id": "b"}, {"id": "c"}), PlanSettings(limit=2), overlaps=overlaps)
    assert plan.samples["id"].to_list() == ["a", "c"]
    assert plan.dropped.select("rule", "reason", "detail").rows() == [
        ("decontaminate", "benchmark_id", "im2gps3k holds it")
    ]


def test_the_limit_takes_the_same_rows_whatever_stands_beside_them() -> None:
    table = rows(*({"id": f"id-{n}"} for n in range(200)))
    small = set(compile_plan(table, PlanSettings(limit=20, seed=3)).samples["id"])
    assert len(small) == 20
    assert small <= set(compile_plan(table, PlanSettings(limit=40, seed=3)).samples["id"])
    assert small != set(compile_plan(table, PlanSettings(limit=20, seed=4)).samples["id"])
    more = pl.concat([table, rows(*({"id": f"new-{n}"} for n in range(20)))])
    assert len(small & set(compile_plan(more, PlanSettings(limit=20, seed=3)).samples["id"])) >= 14


def test_the_draw_is_the_same_on_every_machine() -> None:
    table = rows(*({"id": f"id-{n}"} for n in range(10)))
    assert compile_plan(table, PlanSettings(order="hash")).samples["id"].to_list()[:3] == ["id-3", "id-0", "id-9"]


def test_shards_are_dense_and_full() -> None:
    table = rows(*({"id": str(n)} for n in range(25)))
    samples = compile_plan(table, PlanSettings(shard_size=10)).samples
    assert samples.select("shard", "position").rows() == [(n // 10, n % 10) for n in range(25)]
    assert samples["source_row"].to_list() == list(range(25))


def test_an_empty_source_gives_an_empty_plan() -> None:
    plan = compile_plan(pl.DataFrame({"id": [], "image": [], "lat": [], "lon": []}), PlanSettings())
    assert (plan.samples.height, plan.dropped.height) == (0, 0)
    assert (plan.samples.schema, plan.dropped.schema) == (SAMPLES, DROPPED)


def test_text_in_many_chunks_is_planned() -> None:
    """polars 2.1.0 panics in pl.format on such columns."""
    part = pl.DataFrame({"id": [str(n) for n in range(2000)], "image": "x", "lat": "60", "lon": "25"})
    parts = [part.with_columns(pl.col("id") + f"-{n}", lat=pl.lit("?") if n % 2 else "lat") for n in range(7)]
    plan = compile_plan(pl.concat(parts, rechunk=False), PlanSettings())
    assert (plan.samples.height, plan.dropped.height) == (8000, 6000)


ROW = st.fixed_dictionaries(
    {
        "id": st.sampled_from([f"id{n}" for n in range(12)]) | st.none(),
        "image": st.sampled_from(["a.jpg", "b/c.jpg", " ", None]),
        "lat": st.none() | st.floats(-100, 100).map(str) | st.text(max_size=5),
        "lon": st.none() | st.floats(-200, 200).map(str) | st.text(max_size=5),
        "uncertainty_km": st.none() | st.sampled_from(["0", "5", "nan", "x", "1e9"]),
        "licence": st.none() | st.sampled_from(["CC0", "CC BY-NC"]),
        "country": st.none() | st.sampled_from(["NA", "Finland", "nowhere"]),
    }
)
SCHEMA = dict.fromkeys(["id", "image", "lat", "lon", "uncertainty_km", "licence", "country"], pl.String)
CHOSEN = st.builds(
    PlanSettings,
    shard_size=st.integers(1, 5),
    limit=st.none() | st.integers(1, 8),
    seed=st.integers(0, 3),
    order=st.sampled_from(["source", "hash"]),
    exclude_licences=st.sampled_from([(), ("nc",)]),
    max_uncertainty_km=st.none() | st.just(10.0),
    max_swapped_share=st.just(1.0),
)


@settings(max_examples=60)
@given(st.lists(ROW, max_size=20), CHOSEN)
def test_every_row_ends_in_one_place(given_rows: list[dict[str, Any]], chosen: PlanSettings) -> None:
    table = pl.DataFrame(given_rows, schema=SCHEMA)
    plan = compile_plan(table, chosen)
    ends = [*plan.samples["source_row"], *plan.dropped["source_row"]]
    assert sorted(ends) == list(range(len(given_rows)))
    assert plan.samples["id"].is_unique().all()
    assert plan.samples.height <= (chosen.limit or 1000)
    assert plan.samples.to_arrow().cast(arrow.PLAN).num_rows == plan.samples.height


@settings(max_examples=40)
@given(st.lists(ROW, max_size=20, unique_by=lambda row: row["id"]), CHOSEN, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_choice(
    given_rows: list[dict[str, Any]], chosen: PlanSettings, random: Any
) -> None:
    shuffled = random.sample(given_rows, len(given_rows))
    first, second = (compile_plan(pl.DataFrame(each, schema=SCHEMA), chosen) for each in (given_rows, shuffled))
    for key in ("samples", "dropped"):
        one, other = (
            getattr(plan, key).drop("source_row", "shard", "position", strict=False) for plan in (first, second)
        )
        assert one.sort(pl.all()).equals(other.sort(pl.all()))
    if chosen.order == "hash":
        assert first.samples.drop("source_row").equals(second.samples.drop("source_row"))


def test_joiners_belong_to_names_and_controls_do_not() -> None:
    plan = compile_plan(rows({"id": "👩\u200d💻\u202f1.jpg"}, {"id": "a\x1b[2J\u202e.jpg"}), PlanSettings())
    assert plan.samples["id"].to_list() == ["👩\u200d💻\u202f1.jpg"]
    assert plan.dropped.select("id", "reason").rows() == [("a\\x1b[2J\\u202e.jpg", "bad_id")]


def test_a_source_says_what_is_wrong_with_a_row_in_its_own_words() -> None:
    broken = {"problem": "too_many_fields", "problem_detail": "line 7 has 5 fields,\u202fthe header has 4"}
    plan = compile_plan(rows({"id": None, "image": None} | broken), PlanSettings())
    assert plan.dropped["detail"].to_list() == ["line 7 has 5 fields,\\u202fthe header has 4"]
