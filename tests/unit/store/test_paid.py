from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from factory.store.paid import PAID_COLUMNS, PAID_SCHEMA, added_up, paid
from schemas import arrow


def row(teacher: str = "first", origin: str = "call", **more: Any) -> dict[str, Any]:
    plain = {"http_calls": 1, "prompt_tokens": 100, "completion_tokens": 10, "cost": 0.5}
    return {"teacher": teacher, "origin": origin, **plain, **more}


def ledger(*rows: dict[str, Any]) -> pl.DataFrame:
    empty = pl.from_arrow(arrow.LEDGER.empty_table())
    assert isinstance(empty, pl.DataFrame)
    return pl.DataFrame(list(rows), schema={name: empty.schema[name] for name in PAID_COLUMNS})


def test_only_calls_of_this_build_are_paid_by_it() -> None:
    rows = ledger(row(), row(http_calls=3), row("second"), row(origin="replay"), row("third", origin="ledger"))
    assert paid(rows).rows() == [("first", 4, 200, 20, 220, 1.0), ("second", 1, 100, 10, 110, 0.5)]


def test_nothing_paid_is_an_empty_table() -> None:
    assert paid(ledger()).schema == paid(ledger(row(origin="replay"))).schema == PAID_SCHEMA
    assert added_up([]).schema == PAID_SCHEMA


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["call", "replay"]), st.integers(0, 9)), max_size=20),
    st.integers(0, 20),
)
def test_sums_of_shards_are_the_sum_of_the_whole(rows: list[tuple[str, str, int]], cut: int) -> None:
    full = [row(teacher, origin, http_calls=calls, cost=float(calls)) for teacher, origin, calls in rows]
    parts = [paid(ledger(*full[:cut])), paid(ledger(*full[cut:]))]
    assert added_up(parts).equals(paid(ledger(*full)))
