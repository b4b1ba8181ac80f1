"""The mark of cells that a spreadsheet would run, put on and taken off."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.geo.spreadsheet import guarded_names, marked, unmarked
from tests.effort import bounded_work

CELLS = st.text(alphabet="'=+-@;\t\r\n \"a1(|!\uff1d", max_size=12)


@settings(deadline=None, max_examples=500)
@given(cell=CELLS)
def test_what_is_marked_and_read_again_is_what_it_was(cell: str) -> None:
    assert unmarked(marked(cell)) == cell
    assert guarded_names([marked(cell)]) == [marked(cell)], "nothing is left for `geo label` to mark"


def test_a_mark_is_put_where_a_label_puts_it() -> None:
    for cell in ("=1", "a;=1", "-SUM(1)", "x\n\n=1", "-5", "a - b", 'a;\t" =1'):
        assert [marked(cell)] == guarded_names([cell])


def test_a_cell_of_breaks_is_looked_at_once() -> None:
    with bounded_work():
        guarded_names(["\t" * 300_000])
        unmarked(marked(";" * 300_000))
