"""`factory geo map` in a real browser: its points are there, and nothing that strangers wrote acts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tests.browsing import NEEDS_BROWSER, browsing
from tests.browsing import browser as browser
from tests.real_build import factory

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_BROWSER

PAYLOADS = (
    "<script>document.title='owned'</script>",
    "</title><script>document.title='owned'</script>",
    "</style><img src=x onerror=\"document.title='owned'\">",
    "<svg onload=document.title='owned'>",
    "\"><a href=javascript:document.title='owned'>x</a>",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<link rel=stylesheet href=http://evil.example/>",
)
OUTSIDE = "[...document.querySelectorAll('script, img, a, link, iframe, object, meta[http-equiv=refresh]')].length"


@pytest.fixture
def drawn(tmp_path: Path) -> str:
    """A map of places all over the world whose values and title are attacks."""
    places = pl.DataFrame(
        {"lat": [60.0, -33.9, 0.0, 48.9, 35.7, -77.0, 85.0], "lon": [25.0, 18.4, -180.0, 2.4, 139.7, 166.7, 0.0]}
    )
    places.with_columns(pl.Series("value", PAYLOADS)).write_csv(tmp_path / "points.csv")
    title = f"{PAYLOADS[1]} & {PAYLOADS[0]}"
    done = factory("geo", "map", "points.csv", "map.html", "--colour", "value", "--title", title, cwd=tmp_path)
    assert done.returncode == 0, done
    return (tmp_path / "map.html").as_uri()


def test_values_and_title_are_shown_and_not_run(browser: Browser, drawn: str) -> None:
    with browsing(browser, drawn) as page:
        assert page.value("document.title") != "owned"
        page.becomes(OUTSIDE, 0)
        legend = page.value("document.querySelector('ul').textContent")
        assert all(text[:70] in legend for text in PAYLOADS)
        assert (page.value("document.querySelector('h1').textContent")).startswith(PAYLOADS[1])
        tips = page.value("[...document.querySelectorAll('.dot title')].map(t => t.textContent)")
        assert {tip[:70] for tip in tips} == {text[:70] for text in PAYLOADS}
        assert page.requests == [drawn] and not page.problems


@pytest.mark.parametrize("width", [360, 1400])
def test_every_point_is_drawn_inside_the_map(browser: Browser, drawn: str, width: int) -> None:
    with browsing(browser, drawn, width=width) as page:
        inside = """(() => {
            const map = document.querySelector('svg').getBoundingClientRect();
            return [...document.querySelectorAll('.dot')].filter(dot => {
                const box = dot.getBoundingClientRect();
                return box.left >= map.left - 1 && box.right <= map.right + 1
                    && box.top >= map.top - 1 && box.bottom <= map.bottom + 1 && map.width > 100;
            }).length;
        })()"""
        page.becomes(inside, 7)
        page.becomes("document.documentElement.scrollWidth <= window.innerWidth", True)
        assert not page.problems


def test_without_scripts_it_is_the_same_page(browser: Browser, drawn: str) -> None:
    with browsing(browser, drawn, script=False) as page:
        assert page.requests == [drawn]
