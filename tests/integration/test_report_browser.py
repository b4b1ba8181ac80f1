"""The report in a real browser: headless Chromium, from file://, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from factory.cli.review_report import write_review_report
from factory.report import write_report
from factory.store.layout import open_build
from schemas import arrow
from tests.annotations import said, shown, write_annotations
from tests.browsing import NEEDS_BROWSER, browsing
from tests.browsing import browser as browser
from tests.build_fixture import HOSTILE_TEXT, make_build
from tests.rich_build import Rows, decide, edit, make_rich_build

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_BROWSER

PAYLOADS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "<svg onload=document.title='owned'>",
    "javascript:document.title='owned'",
    "{{ 7 * 7 }} ${7*7} <!-- ]]>",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    build = make_build(tmp_path_factory.mktemp("report") / "build", samples=36)
    return write_report(build).as_uri()


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_report(make_rich_build(tmp_path_factory.mktemp("rich") / "build")).as_uri()


VISIBLE = "[...document.querySelectorAll('.card')].filter(c => !c.hidden).length"


def test_teacher_text_is_shown_and_not_run(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        assert page.value("document.title") == "mp16_reason · build report"
        shown = page.value("document.querySelector('.reasoning').textContent")
        assert HOSTILE_TEXT in shown
        assert page.value("document.querySelectorAll('script').length") == 2


def test_payloads_anywhere_in_an_answer_do_nothing(browser: Browser, tmp_path: Path) -> None:
    build = make_rich_build(tmp_path / "b", samples=12)
    text = " ".join(PAYLOADS)

    def answers(rows: Rows) -> None:
        for answer in rows["s000"]["answers"]:
            answer |= {"teacher": text, "model": text, "detail": text, "saw_truth": text}
            answer["values"] = json.dumps({text: text, "list": list(PAYLOADS)})
            answer["place"] |= {"reasoning": text, "city": text, "country": text}
            answer["place"]["clues"] = [{"kind": payload, "text": payload, "supports": payload} for payload in PAYLOADS]
        for photo in rows["s000"]["photos"]:
            photo |= {"role": text}
        for evidence in rows["s000"]["evidence"]:
            evidence |= {"source": text}
            evidence["findings"] = [{"kind": payload, "text": payload} for payload in PAYLOADS]
        rows["s002"]["photos"][0] |= {"refused": text}

    def verdicts(rows: Rows) -> None:
        for check in rows["s000"]["checks"]:
            check |= {"check": text, "reason": text, "detail": text}
        rows["s003"]["reasons"] = [text]

    def plan(rows: Rows) -> None:
        names = ("landmark", "transcript", "clues", text)
        rows["s000"]["texts"] = [{"name": name, "text": text} for name in names]

    edit(build.paths.shard(0).answers, arrow.ANSWERS, answers)
    edit(build.paths.shard(0).verdicts, arrow.VERDICTS, verdicts)
    edit(build.paths.plan, arrow.PLAN, plan)
    decide(build, ("s003", "accept", text), ("s006", "reject", text))
    with browsing(browser, write_report(open_build(tmp_path / "b")).as_uri()) as page:
        assert page.value("document.title") == "mp16_reason · build report"
        body = page.value("document.body.textContent")
        assert all(payload in body for payload in PAYLOADS)
        assert page.value("document.querySelectorAll('img').length") == 11, "pictures of the build, nothing else"
        page.value("for (const d of document.querySelectorAll('details')) d.open = true")
        hover = "e => e.dispatchEvent(new Event('pointerover', {bubbles: true}))"
        page.value(f"document.querySelectorAll('.card, .d').forEach({hover})")
        page.wait(100)
        assert page.value("document.title") == "mp16_reason · build report"
        assert page.problems == []
    looked = shown(open_build(tmp_path / "b"), "s000")
    words = {"comment": text, "reasoning": text, "raw": json.dumps(text), "flags": [text]}
    kinds = (("ann", "accept"), (text, "fix"))
    write_annotations(build.paths, [said("s000", who, verdict, **(words | looked)) for who, verdict in kinds])
    with browsing(browser, write_review_report(open_build(tmp_path / "b")).as_uri()) as page:
        body = page.value("document.body.textContent")
        assert all(payload in body for payload in PAYLOADS)
        page.wait(100)
        assert page.value("document.title") == "mp16_reason · review" and page.problems == []
        assert page.value("document.querySelectorAll('script, iframe, object, form, base').length") == 0


def test_script_that_is_not_ours_is_refused_by_the_policy(browser: Browser, report: str, tmp_path: Path) -> None:
    page_text = Path(report.removeprefix("file://")).read_text(encoding="utf-8")
    broken = tmp_path / "injected.html"
    broken.write_text(page_text.replace("</main>", "<script>document.title='owned'</script></main>"), encoding="utf-8")
    with browsing(browser, broken.as_uri()) as page:
        assert page.value("document.title") == "mp16_reason · build report"
        assert any("Content Security Policy" in problem for problem in page.problems)
        assert page.value(VISIBLE) == 36, "the page's own script still works"


def test_nothing_is_fetched_and_nothing_fails(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.value("document.querySelector('.cards').lastElementChild.scrollIntoView()")
        page.wait(300)
        page.value("1")
        assert all(url.startswith(("file://", "data:")) for url in page.requests)
        assert sum(url.startswith("file://") for url in page.requests) == 1
        assert page.problems == []
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).length"
        assert page.value(broken) == 0


def test_filters_narrow_the_gallery_and_reset_widens_it(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        assert page.value(VISIBLE) == 36
        page.value("document.querySelector('a.figure.review').click()")
        assert page.value(VISIBLE) == 6
        assert page.value("document.querySelector('.status .count').textContent") == "6 of 36"
        page.value("document.querySelector('[data-filter=reason][data-value=\"near_truth:too_far\"]').click()")
        assert page.value(VISIBLE) == 6
        page.value("document.querySelector('[data-filter=country][data-value=NA]').click()")
        assert page.value(VISIBLE) == 5
        page.value("document.querySelector('.filters').reset()")
        page.wait(100)
        assert page.value(VISIBLE) == 36
        typing = "f => { f.elements.text.value = 'kazan tatarstan'; f.dispatchEvent(new Event('input')) }"
        page.value(f"({typing})(document.querySelector('.filters'))")
        assert page.value(VISIBLE) == 5


def test_the_view_of_the_map_can_filter_the_gallery(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.value("document.querySelector('[name=inview]').click()")
        assert page.value(VISIBLE) == 36
        for _ in range(3):
            page.value("document.querySelector('[data-zoom=in]').click()")
        assert 0 < page.value(VISIBLE) < 36
        page.value("document.querySelector('[data-zoom=reset]').click()")
        assert page.value(VISIBLE) == 36


def test_a_histogram_bar_shows_its_samples(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        far = "[...document.querySelectorAll('.bar[data-teacher=first]')].pop()"
        page.value(f"{far}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
        assert page.value(VISIBLE) == 6
        assert "first" in page.value("document.querySelector('.range').textContent")


def test_a_link_to_a_sample_shows_it_and_its_guesses(browser: Browser, report: str) -> None:
    with browsing(browser, f"{report}#s004") as page:
        assert page.value("document.querySelector('.card.target').id") == "s004"
        assert page.value("document.querySelectorAll('.map .lines .way').length") == 2
        assert page.value("document.querySelectorAll('.locator .way').length") == 2
        assert "556 km" in page.value("document.querySelector('.locator .caption').textContent")
        page.value("document.querySelector('a.figure.accept').click()")
        page.value("location.hash = 's010'")
        page.wait(200)
        assert page.value("document.querySelector('.card.target').id") == "s010"
        assert page.value("document.querySelector('.card.target').hidden") is False


def test_a_dot_can_be_hit_and_names_its_sample(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.value("document.querySelector('.map').scrollIntoView({behavior: 'instant'})")
        dot = "document.querySelector('.dots a[data-id=s001] .d').getBoundingClientRect()"
        centre = f"(b => ({{x: b.x + b.width / 2, y: b.y + b.height / 2}}))({dot})"
        at = page.value(centre)
        hit = page.value(f"document.elementFromPoint({at['x']}, {at['y']}).closest('a').dataset.id")
        assert hit in {f"s{index:03d}" for index in range(1, 36, 7)}, "a sample in Kyoto"
        page.page.mouse.move(at["x"], at["y"])
        assert "Kyoto" in page.value("document.querySelector('.tip').textContent")


def test_the_page_is_readable_without_script(browser: Browser, report: str) -> None:
    with browsing(browser, report, script=False) as page:
        assert page.value(VISIBLE) == 36
        shown = "getComputedStyle(document.querySelector('aside')).display"
        assert page.value(shown) == "none", "filters that would do nothing are not shown"
        assert page.value("document.querySelectorAll('.dots .d title').length") == 36


def test_a_card_shows_all_its_pictures_and_opens_its_draws(browser: Browser, rich: str) -> None:
    with browsing(browser, rich) as page:
        card = "document.getElementById('s000')"
        large, small = "card.querySelector('.photo img')", "card.querySelector('.further img')"
        wider = page.value(f"(card => {large}.clientWidth > 2 * {small}.clientWidth)({card})")
        assert wider, "the first picture is the large one"
        assert page.value(f"{card}.querySelector('.draws .guess').checkVisibility()") is False
        page.value(f"{card}.querySelector('.draws > summary').click()")
        assert page.value(f"{card}.querySelector('.draws .guess').checkVisibility()") is True
        hover = "new Event('pointerover', {bubbles: true})"
        page.value(f"{card}.dispatchEvent({hover})")
        caption = page.value("document.querySelector('.locator .caption').textContent")
        assert "first 2 100 km" in caption and "judge" not in caption, "a combined answer is no teacher's"
        assert page.problems == []


def test_the_checks_reason_still_finds_a_sample_that_people_accepted(browser: Browser, rich: str) -> None:
    with browsing(browser, rich) as page:
        page.value("document.querySelector('a.figure.accept').click()")
        shown = "document.getElementById('s003').hidden"
        assert page.value(shown) is False
        page.value("document.querySelector('[data-value=\"teachers_agree:one_answer\"]').click()")
        assert page.value(shown) is False


@pytest.mark.parametrize("which", ["report", "rich"])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_sticks_out_sideways(browser: Browser, which: str, width: int, request: pytest.FixtureRequest) -> None:
    with browsing(browser, request.getfixturevalue(which), width=width) as page:
        assert page.value("document.documentElement.scrollWidth") <= width
