"""A release's viewer in a real browser: from file://, offline, and from a plain web server as a static Space has it."""

from __future__ import annotations

import json
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from release import write_release
from schemas import arrow
from tests.browsing import NEEDS_BROWSER, Shown, browsing
from tests.browsing import browser as browser
from tests.build_fixture import HOSTILE_TEXT, change_plan, make_build
from tests.http_server import listening
from tests.rich_build import Rows, edit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_BROWSER

PAYLOADS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    '");document.title="owned";viewerPage("rows-00000","',
    "\u2028document.title='owned'\u2029",
    "{{ 7 * 7 }} ${7*7} <!-- ]]>",
)
TEXT = " ".join(PAYLOADS)
CARDS = "document.querySelectorAll('.card').length"


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of 14 rows, one of which says nothing but attacks, and one whose picture is withheld."""
    build = make_build(tmp_path_factory.mktemp("viewer") / "b", 30)

    def answers(rows: Rows) -> None:
        for answer in rows["s000"]["answers"]:
            answer |= {"model": TEXT, "values": json.dumps({TEXT: list(PAYLOADS)})}
            answer["place"] |= {"reasoning": TEXT, "city": TEXT, "country": TEXT}
            answer["place"]["clues"] = [{"kind": one, "text": one, "supports": one} for one in PAYLOADS]

    edit(build.paths.shard(0).answers, arrow.ANSWERS, answers)
    first, second = pl.col("source_row") == 0, pl.col("source_row") == 1
    attacked = {name: pl.when(first).then(pl.lit(TEXT)).otherwise(name) for name in ("author", "region", "city")}
    licence = pl.when(second).then(pl.lit("CC BY-ND 2.0")).otherwise("licence")
    address = pl.when(first).then(pl.lit("javascript:document.title='owned'")).otherwise("source_url")
    write_release(change_plan(build, **attacked, licence=licence, source_url=address))
    return (build.paths.release / "viewer.html").as_uri()


def ready(page: Shown) -> None:
    page.page.wait_for_selector("html[data-ready=yes]")


def test_it_opens_from_a_folder_and_asks_for_its_own_pages_alone(browser: Browser, viewer: str) -> None:
    with browsing(browser, viewer) as page:
        ready(page)
        page.becomes(CARDS, 14)
        page.becomes("document.querySelector('h2 .count').textContent", "14")
        page.page.locator(".card img").nth(12).wait_for()
        page.value("Promise.all([...document.images].map(image => image.decode()))")
        folder = viewer.rpartition("/")[0]
        asked = {url for url in page.requests if not url.startswith("data:")}
        assert asked == {viewer, f"{folder}/viewer/columns-00000.js", f"{folder}/viewer/pictures-00000.js"}
        assert page.problems == []


def test_what_strangers_wrote_is_shown_and_not_run(browser: Browser, viewer: str) -> None:
    with browsing(browser, f"{viewer}#s000") as page:
        ready(page)
        page.page.wait_for_selector("dialog .story")
        said = page.value("document.querySelector('dialog').textContent")
        assert all(payload in said for payload in PAYLOADS)
        page.value("for (const d of document.querySelectorAll('details')) d.open = true")
        page.wait(100)
        page.becomes("document.title", "mp16_reason")
        assert page.problems == []
        page.becomes("document.querySelectorAll('script').length", 2)
        page.becomes("document.querySelectorAll('dialog a').length", 0)  # javascript: is no address
        page.becomes("document.querySelectorAll('dialog img').length", 1)


def test_a_row_is_opened_by_its_link_and_says_everything(browser: Browser, viewer: str) -> None:
    with browsing(browser, f"{viewer}#s002") as page:
        ready(page)
        page.page.wait_for_selector("dialog .story")
        said = page.value("document.querySelector('dialog').innerText")
        for words in (
            "Windhoek",
            "CC BY-SA 4.0",
            "near_truth",
            "recorded-first",
            "What teachers answered",
            "threshold",
        ):
            assert words in said
        assert HOSTILE_TEXT.split(" | ")[0] in said
        source = "document.querySelector('dialog dd a')"
        page.becomes(
            f"[{source}.href, {source}.rel]",
            [
                "https://photos.example/2",
                "noopener noreferrer nofollow",
            ],
        )
        page.page.keyboard.press("ArrowRight")
        page.page.wait_for_selector("dialog dd code:text-is('s006')")
        page.becomes("location.hash", "#s006")
        page.page.keyboard.press("Escape")
        page.becomes("[document.querySelector('dialog').open, location.hash]", [False, ""])
        page.value("location.hash = 's001'")
        page.page.wait_for_selector("dialog .no-photo")
        page.becomes("document.querySelector('dialog').innerText.includes('picture not passed on')", True)
        page.value("location.hash = 'nobody'")
        page.page.wait_for_selector(".broken:not([hidden])")
        page.becomes("document.querySelector('.broken').textContent.includes('called nobody')", True)


def test_filters_count_what_is_left_and_stand_in_the_address(browser: Browser, viewer: str) -> None:
    with browsing(browser, f"{viewer}?split=test") as page:
        ready(page)
        tests = page.value(CARDS)
        assert 0 < tests < 14
        option = "[...document.querySelector('[name=country]').options].find(o => o.value === 'Namibia').textContent"
        left = int(page.value(option).rpartition("(")[2].strip(")"))
        page.page.select_option("[name=country]", "Namibia")
        page.becomes(CARDS, left)
        page.becomes("location.search", "?split=test&country=Namibia")
        page.becomes("document.querySelector('h2 .count').textContent", f"{left} of 14")
        page.page.fill("[name=text]", "no such place")
        page.page.click(".no-match button")
        page.becomes("[location.search, document.querySelectorAll('.card').length]", ["", 14])
        page.page.select_option("[name=about]", "withheld")
        page.becomes("document.querySelector('.card .id').textContent", "s001")


def test_a_dot_of_the_map_opens_its_row_and_keys_move_it(browser: Browser, viewer: str) -> None:
    with browsing(browser, f"{viewer}?country=Namibia", width=1366) as page:
        page.page.set_viewport_size({"width": 1366, "height": 768})
        ready(page)
        box = page.value("(b => [b.bottom, b.width])(document.querySelector('.map').getBoundingClientRect())")
        assert box[0] < 768 and box[1] > 900
        page.page.focus(".map")
        for _ in range(3):
            page.page.keyboard.press("+")
        zoomed = "document.querySelector('.map').viewBox.baseVal"
        width = page.value(f"{zoomed}.width")
        assert width < 500
        x, y = page.value(
            "(() => { const map = document.querySelector('.map'), point = new DOMPoint(...at(-22.5594, 17.0832));"
            "const on = point.matrixTransform(map.getScreenCTM()); return [on.x, on.y];"
            "function at(lat, lon) { const p = lat * Math.PI / 180, l = lon * Math.PI / 180, q = p * p, r = q * q,"
            " s = 1000 / (2 * 0.8707 * Math.PI);"
            "return [s * l * (0.8707 - 0.131979 * q + r * (-0.013791 + r * (0.003971 * q - 0.001529 * r))),"
            " -s * p * (1.007226 + q * (0.015085 + r * (-0.044475 + 0.028874 * q - 0.005916 * r)))]; } })()"
        )
        page.page.mouse.move(x, y)
        page.becomes("document.querySelector('.tip').textContent.includes('Windhoek')", True)
        page.page.mouse.click(x, y)
        page.page.wait_for_selector("dialog[open] .story")
        assert page.problems == []


def test_a_web_server_that_has_it_gives_the_same_page(browser: Browser, viewer: str) -> None:
    folder = str(Path(viewer.removeprefix("file://")).parent)

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=folder)

        def log_message(self, *_: object) -> None:
            pass

    with listening(Files) as url, browsing(browser, f"{url}/viewer.html?country=Namibia") as page:
        ready(page)
        page.becomes(f"{CARDS} > 0", True)
        assert page.problems == []
        assert {asked.split("?")[0] for asked in page.requests if not asked.startswith("data:")} == {
            f"{url}/{name}" for name in ("viewer.html", "viewer/columns-00000.js", "viewer/pictures-00000.js")
        }


def test_on_a_phone_filters_fold_away_and_cards_come_in_pages(browser: Browser, viewer: str) -> None:
    with browsing(browser, viewer, width=390) as page:
        ready(page)
        page.becomes("document.querySelector('.filters').checkVisibility()", False)
        page.becomes(CARDS, 12)
        page.page.click("[data-page=after]")
        page.becomes(CARDS, 2)
        page.page.click(".card .id")
        page.page.wait_for_selector("dialog .story")
        page.page.click("[data-turn=close]")
        page.becomes(CARDS, 2)  # the page of the gallery stays
        page.becomes("document.documentElement.scrollWidth <= 390", True)


def test_a_page_that_is_missing_or_foreign_code_is_said_and_not_run(
    browser: Browser, viewer: str, tmp_path: Path
) -> None:
    whole = Path(viewer.removeprefix("file://")).read_text(encoding="utf-8")
    (tmp_path / "viewer.html").write_text(whole.replace("</main>", "<script>document.title='owned'</script></main>"))
    with browsing(browser, (tmp_path / "viewer.html").as_uri()) as page:
        page.page.wait_for_selector(".broken:not([hidden])")
        page.becomes("document.querySelector('.broken').textContent.includes('viewer/columns-00000.js')", True)
        page.becomes("document.title", "mp16_reason")
        assert any("Content Security Policy" in problem for problem in page.problems)


def test_without_script_it_says_where_to_read(browser: Browser, viewer: str) -> None:
    with browsing(browser, viewer, script=False) as page:
        shown: Any = page.value("document.body.innerText")
        assert "README.md" in shown
