from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from pydantic import BaseModel

from factory.errors import PluginFault
from factory.plugins import registry
from factory.plugins.registry import plugin, register
from factory.select import run_selection
from factory.select.ruling import Ruling, groups_of, removals, splits_of
from schemas import arrow
from tests.unit.select.frames import frame_of


def rule(name: str, **settings: Any) -> tuple[str, BaseModel]:
    return name, plugin("selector", name).settings(**settings)


def test_every_removal_names_its_rule_reason_and_detail() -> None:
    frame = frame_of([{"image_phash": 0}, {"image_phash": 0}, {"country_code": "NA"}, {}, {}])
    found = run_selection(frame, [rule("near_duplicates"), rule("quota", max_count=2), rule("split")])
    assert found.columns == arrow.SELECTION.names
    gone = found.filter(~pl.col("kept"))
    assert gone["removed_by"].to_list() == ["near_duplicates", "quota"]
    assert gone.select("removed_by", "reason", "detail").null_count().row(0) == (0, 0, 0)
    assert gone["split"].null_count() == 2
    assert found.filter("kept")["split"].null_count() == 0
    found.to_arrow().cast(arrow.SELECTION)


def test_a_rule_sees_only_what_earlier_rules_left() -> None:
    frame = frame_of([{"image_phash": 0}, {"image_phash": 0}, {}])
    found = run_selection(frame, [rule("near_duplicates"), rule("quota", max_count=2)])
    assert found["removed_by"].to_list() == [None, "near_duplicates", None]


def test_without_a_split_rule_everything_trains() -> None:
    assert run_selection(frame_of([{}, {}]), [])["split"].to_list() == ["train", "train"]


def test_rows_come_out_in_plan_order() -> None:
    found = run_selection(frame_of([{} for _ in range(5)]).reverse(), [rule("split")])
    assert found["position"].to_list() == [0, 1, 2, 3, 4]


def test_an_empty_build_selects_nothing() -> None:
    rules = [rule("near_duplicates"), rule("quota", max_share=0.1), rule("split", keep_together=["near_duplicates"])]
    assert run_selection(frame_of([]), rules).is_empty()


def test_refuses_a_frame_without_a_column_or_with_an_id_twice() -> None:
    with pytest.raises(ValueError, match="needs the columns scene"):
        run_selection(frame_of([{}]).drop("scene"), [])
    with pytest.raises(ValueError, match="'r000' is there twice"):
        run_selection(frame_of([{}, {"id": "r000"}]), [])


BROKEN = {
    "raises": (ZeroDivisionError("0"), "ZeroDivisionError: 0"),
    "nothing": (None, "returned NoneType, not Ruling"),
    "a stranger": (Ruling(removed=removals(["zzz"], ["r"], ["d"])), "`removed` names 'zzz'"),
    "twice": (Ruling(groups=groups_of(["s0", "s0"], ["a", "b"])), "`groups` names 's0' twice"),
    "no such split": (
        Ruling(splits=splits_of(["s0"], ["dev"])),
        "`splits` has 'dev', expected train, validation, test",
    ),
    "no reason": (Ruling(removed=removals(["s0"], [None], ["d"])), "gives no reason for 's0'"),  # type: ignore[list-item]
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_selector_that_breaks_or_rules_on_other_rows_is_named(case: str) -> None:
    given, said = BROKEN[case]

    @register("selector", "broken_on_purpose")
    def broken_on_purpose(frame: pl.DataFrame) -> Any:
        if isinstance(given, Exception):
            raise given
        return given

    try:
        frame = frame_of([{}, {}]).with_columns(id=pl.Series(["s0", "s1"]))
        with pytest.raises(PluginFault, match="selector `broken_on_purpose` failed on 2 rows") as fault:
            run_selection(frame, [rule("broken_on_purpose")])
        assert said in str(fault.value)
    finally:
        registry._PLUGINS.pop(("selector", "broken_on_purpose"))
