"""What a ledger says of questions that need no call."""

from __future__ import annotations

import polars as pl

from factory.cli.estimate import _answered

ROWS = {
    ("half", 0, 0): "ok",
    ("half", 0, 1): "exhausted",
    ("batch", 0, 0): "ok",
    ("batch", 0, 1): "sent",
    ("ended", 0, 0): "permanent",
    ("drawn", 0, 0): "ok",
    ("drawn", 2, 0): "ok",
    ("away", 0, 0): "exhausted",
}


def ledger() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"key": f"{name}/{draw}/{turn}", "sample_id": name, "teacher": "t", "draw": draw, "turn": turn, "status": s}
            for (name, draw, turn), s in ROWS.items()
        ],
        schema_overrides={"draw": pl.Int32, "turn": pl.Int32},
    )


def answers(**given: list[str]) -> pl.DataFrame:
    """One answer a sample, of draw 0, by its request keys."""
    rows = [{"id": name, "answers": [{"teacher": "t", "draw": 0, "keys": keys}]} for name, keys in given.items()]
    return pl.DataFrame(rows)


def known(part: pl.DataFrame | None = None) -> dict[tuple[str, int], int]:
    found = _answered("t", ledger(), part)
    return {(name, draw): turns for name, draw, turns in found.sort("turns").iter_rows()}


def test_each_turn_of_each_draw_counts_for_itself_and_what_a_batch_has_is_asked() -> None:
    assert known() == {("half", 0): 1, ("batch", 0): 2, ("ended", 0): 1, ("drawn", 0): 1, ("drawn", 2): 1}
    assert _answered("other", ledger(), None).is_empty()


def test_a_conversation_that_was_led_to_its_end_asks_nothing_more_however_short_it_was() -> None:
    part = answers(ended=["ended/0/0"], half=["half/0/0", "half/0/1"], twin=["drawn/0/0"], lost=["gone"], mute=[])
    found = known(part)
    assert found["ended", 0] == found["twin", 0] > 100, "another sample with the same picture"
    assert found["half", 0] == 1
    assert ("lost", 0) not in found and ("mute", 0) not in found
