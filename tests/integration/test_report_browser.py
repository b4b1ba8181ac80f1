"""The report in a real browser: headless Chromium, from file://, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from factory.cli.review_report import write_review_report
from factory.report import write_report
from factory.report.evaluation import evaluation_page
from factory.store.layout import open_build
from schemas import arrow
from tests.annotations import said, shown, write_annotations
from tests.browsing import NEEDS_BROWSER, browsing
from tests.browsing import browser as browser
from tests.build_fixture import HOSTILE_TEXT, draw_jpeg, make_build
from tests.rich_build import Rows, decide, edit, make_rich_build
from train.evaluate.evaluation import evaluate, rules_of
from train.evaluate.predictions import predictions_of
from train.evaluate.report import page_of
from train.evaluate.truth import SCHEMA

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
        page.becomes("document.title", "mp16_reason · build report")
        shown = page.value("document.querySelector('.reasoning').textContent")
        assert HOSTILE_TEXT in shown
        page.becomes("document.querySelectorAll('script').length", 2)


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
        page.becomes("document.title", "mp16_reason · build report")
        body = page.value("document.body.textContent")
        assert all(payload in body for payload in PAYLOADS)
        page.becomes("document.querySelectorAll('img').length", 11)  # pictures of the build, nothing else
        page.value("for (const d of document.querySelectorAll('details')) d.open = true")
        hover = "e => e.dispatchEvent(new Event('pointerover', {bubbles: true}))"
        page.value(f"document.querySelectorAll('.card, .d').forEach({hover})")
        page.wait(100)
        page.becomes("document.title", "mp16_reason · build report")
        assert page.problems == []
    looked = shown(open_build(tmp_path / "b"), "s000")
    words = {"comment": text, "reasoning": text, "raw": json.dumps(text), "flags": [text]}
    kinds = (("ann", "accept"), (text, "fix"))
    write_annotations(build.paths, [said("s000", who, verdict, **(words | looked)) for who, verdict in kinds])
    with browsing(browser, write_review_report(open_build(tmp_path / "b")).as_uri()) as page:
        body = page.value("document.body.textContent")
        assert all(payload in body for payload in PAYLOADS)
        page.wait(100)
        page.becomes("document.title", "mp16_reason · review")
        assert page.problems == []
        page.becomes("document.querySelectorAll('script, iframe, object, form, base').length", 0)


def test_script_that_is_not_ours_is_refused_by_the_policy(browser: Browser, report: str, tmp_path: Path) -> None:
    page_text = Path(report.removeprefix("file://")).read_text(encoding="utf-8")
    broken = tmp_path / "injected.html"
    broken.write_text(page_text.replace("</main>", "<script>document.title='owned'</script></main>"), encoding="utf-8")
    with browsing(browser, broken.as_uri()) as page:
        page.becomes("document.title", "mp16_reason · build report")
        assert any("Content Security Policy" in problem for problem in page.problems)
        page.becomes(VISIBLE, 36)  # the page's own script still works


def test_nothing_is_fetched_and_nothing_fails(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.value("document.querySelector('.cards').lastElementChild.scrollIntoView()")
        page.wait(300)
        page.value("1")
        assert all(url.startswith(("file://", "data:")) for url in page.requests)
        assert sum(url.startswith("file://") for url in page.requests) == 1
        assert page.problems == []
        broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).length"
        page.becomes(broken, 0)


def test_filters_narrow_the_gallery_and_reset_widens_it(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.becomes(VISIBLE, 36)
        page.value("document.querySelector('a.figure.review').click()")
        page.becomes(VISIBLE, 6)
        page.becomes("document.querySelector('.status .count').textContent", "6 of 36")
        page.value("document.querySelector('[data-filter=reason][data-value=\"near_truth:too_far\"]').click()")
        page.becomes(VISIBLE, 6)
        page.value("document.querySelector('[data-filter=country][data-value=NA]').click()")
        page.becomes(VISIBLE, 5)
        page.value("document.querySelector('.filters').reset()")
        page.wait(100)
        page.becomes(VISIBLE, 36)
        typing = "f => { f.elements.text.value = 'kazan tatarstan'; f.dispatchEvent(new Event('input')) }"
        page.value(f"({typing})(document.querySelector('.filters'))")
        page.becomes(VISIBLE, 5)


def test_what_is_chosen_stands_in_the_address_and_a_link_shows_it(browser: Browser, report: str) -> None:
    with browsing(browser, f"{report}?decision=review&country=NA&nonsense=1#s009") as page:
        page.becomes(VISIBLE, 1)
        page.becomes("document.querySelector('h2 .count').textContent", "1 of 36")
        assert page.page.locator(".choice").all_inner_texts() == ["to review", "Namibia"]
        page.becomes("location.search + location.hash", "?decision=review&country=NA#s009")
        page.value("document.querySelector('.choice').click()")
        page.becomes("location.search", "?country=NA")
        page.becomes(VISIBLE, 5)
        page.value("document.querySelector('[name=split]').value = 'train'")
        page.value("document.querySelector('.filters').dispatchEvent(new Event('input'))")
        page.becomes("location.search", "?split=train&country=NA")
        page.becomes(f"0 < {VISIBLE} && {VISIBLE} < 5", True)
        assert page.problems == []


def test_no_match_says_so_and_leads_back(browser: Browser, report: str) -> None:
    with browsing(browser, f"{report}?country=XX") as page:
        page.becomes(VISIBLE, 0)
        page.becomes("document.querySelector('.no-match').checkVisibility()", True)
        page.page.click(".no-match button")
        page.becomes(VISIBLE, 36)
        page.becomes("location.search", "")


def test_a_bar_of_a_check_shows_its_samples_by_key(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        last = page.page.locator("[data-check=near_truth]").last
        last.focus()
        page.page.keyboard.press("Enter")
        page.becomes("document.querySelector('.choice').textContent.startsWith('near_truth: ')", True)
        page.becomes(VISIBLE, int(last.get_attribute("aria-label").rpartition(": ")[2]))


def test_on_a_phone_filters_fold_away_and_cards_come_in_pages(browser: Browser, report: str) -> None:
    with browsing(browser, report, width=390) as page:
        page.becomes("document.querySelector('.filters').checkVisibility()", False)
        page.becomes(VISIBLE, 12)
        page.page.click("[data-page=after]")
        page.becomes("document.querySelector('.which').textContent", "13–24 of 36")
        page.becomes(VISIBLE, 12)
        page.value("location.hash = 's035'")
        page.wait(100)
        page.becomes("document.querySelector('.which').textContent", "25–36 of 36")


def test_the_map_answers_to_keys_and_fits_the_screen(browser: Browser, report: str) -> None:
    with browsing(browser, report, width=1366) as page:
        page.page.set_viewport_size({"width": 1366, "height": 768})
        page.becomes("document.querySelector('.map').getBoundingClientRect().bottom < 768", True)
        page.page.focus(".map")
        shown = "document.querySelector('.map').getAttribute('viewBox')"
        before = page.value(shown)
        page.page.keyboard.press("+")
        page.becomes(f"{shown} != '{before}'", True)
        nearer = page.value(shown)
        page.page.keyboard.press("ArrowLeft")
        page.becomes(f"{shown} != '{nearer}' && {shown} != '{before}'", True)
        page.page.keyboard.press("0")
        page.becomes(
            f"{shown}.split(' ').map(Number)",
            [float(number) for number in before.split()],
        )


def test_the_view_of_the_map_can_filter_the_gallery(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.value("document.querySelector('[name=inview]').click()")
        page.becomes(VISIBLE, 36)
        for _ in range(3):
            page.value("document.querySelector('[data-zoom=in]').click()")
        page.becomes(f"0 < {VISIBLE} && {VISIBLE} < 36", True)
        page.value("document.querySelector('[data-zoom=reset]').click()")
        page.becomes(VISIBLE, 36)


def test_a_histogram_bar_shows_its_samples(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        far = "[...document.querySelectorAll('.bar[data-teacher=first]')].pop()"
        page.value(f"{far}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))")
        page.becomes(VISIBLE, 6)
        page.becomes("document.querySelector('.chosen').textContent.startsWith('first: ')", True)


def test_a_link_to_a_sample_shows_it_and_its_guesses(browser: Browser, report: str) -> None:
    with browsing(browser, f"{report}#s004") as page:
        page.becomes("document.querySelector('.card.target').id", "s004")
        page.becomes("document.querySelectorAll('.map .lines .way').length", 2)
        page.becomes("document.querySelectorAll('.locator .way').length", 2)
        page.becomes("document.querySelector('.locator .caption').textContent.includes('556 km')", True)
        page.value("document.querySelector('a.figure.accept').click()")
        page.value("location.hash = 's010'")
        page.wait(200)
        page.becomes("document.querySelector('.card.target').id", "s010")
        page.becomes("document.querySelector('.card.target').hidden", False)


def test_a_dot_can_be_hit_and_names_its_sample(browser: Browser, report: str) -> None:
    with browsing(browser, report) as page:
        page.value("document.querySelector('.map').scrollIntoView({behavior: 'instant'})")
        dot = "document.querySelector('.dots a[data-id=s001] .d').getBoundingClientRect()"
        centre = f"(b => ({{x: b.x + b.width / 2, y: b.y + b.height / 2}}))({dot})"
        at = page.value(centre)
        hit = page.value(f"document.elementFromPoint({at['x']}, {at['y']}).closest('a').dataset.id")
        assert hit in {f"s{index:03d}" for index in range(1, 36, 7)}, "a sample in Kyoto"
        page.page.mouse.move(at["x"], at["y"])
        page.becomes("document.querySelector('.tip').textContent.includes('Kyoto')", True)


def test_the_page_is_readable_without_script(browser: Browser, report: str) -> None:
    with browsing(browser, report, script=False) as page:
        page.becomes(VISIBLE, 36)
        shown = "getComputedStyle(document.querySelector('aside')).display"
        page.becomes(shown, "none")  # filters that would do nothing are not shown
        page.becomes("document.querySelectorAll('.dots .d title').length", 36)


def test_a_card_shows_all_its_pictures_and_opens_its_draws(browser: Browser, rich: str) -> None:
    with browsing(browser, rich) as page:
        card = "document.getElementById('s000')"
        found = f"[...{card}.querySelectorAll('.views img')]"
        boxes = page.value(f"{found}.map(img => img.getBoundingClientRect().toJSON())")
        assert len(boxes) == 2 and boxes[0]["top"] == boxes[1]["top"] and boxes[0]["right"] < boxes[1]["left"]
        assert boxes[0]["height"] == pytest.approx(boxes[1]["height"], abs=1), "side by side, equally high"
        page.becomes(f"{card}.querySelector('.draws .guess').checkVisibility()", False)
        page.value(f"{card}.querySelector('.draws > summary').click()")
        page.becomes(f"{card}.querySelector('.draws .guess').checkVisibility()", True)
        hover = "new Event('pointerover', {bubbles: true})"
        page.value(f"{card}.dispatchEvent({hover})")
        caption = page.value("document.querySelector('.locator .caption').textContent")
        assert "first 2 100 km" in caption and "judge" not in caption, "a combined answer is no teacher's"
        assert page.problems == []


def test_the_checks_reason_still_finds_a_sample_that_people_accepted(browser: Browser, rich: str) -> None:
    with browsing(browser, rich) as page:
        page.value("document.querySelector('a.figure.accept').click()")
        shown = "document.getElementById('s003').hidden"
        page.becomes(shown, False)
        page.value("document.querySelector('[data-value=\"teachers_agree:one_answer\"]').click()")
        page.becomes(shown, False)


@pytest.mark.parametrize("which", ["report", "rich"])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_sticks_out_sideways(browser: Browser, which: str, width: int, request: pytest.FixtureRequest) -> None:
    with browsing(browser, request.getfixturevalue(which), width=width) as page:
        page.becomes(f"document.documentElement.scrollWidth <= {width}", True)


@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_of_an_evaluation_shows_hostile_answers_and_fits(browser: Browser, tmp_path: Path, width: int) -> None:
    """Pictures that decode are shown, one that does not is left out; nothing runs, nothing is fetched."""
    rows = [
        {"id": f"{n}", "lat": 10.0 * n, "lon": 170.0 - 30 * n, "country": "Kenya", "city": "x" * 80} for n in range(6)
    ]
    said = [
        {"id": f"{n}", "lat": 10.0 * n, "lon": -175.0, "country": text, "confidence": n / 6, "reasoning": text * 9}
        for n, text in enumerate(PAYLOADS)
    ]
    found = evaluate(
        pl.DataFrame(rows, schema=SCHEMA), predictions_of(said[:5]), rules_of("osv5m"), against=predictions_of(said)
    )
    page = page_of(found, name=PAYLOADS[0], data=PAYLOADS[1], other=PAYLOADS[2], radius_km=25.0)
    target = tmp_path / "evaluation.html"
    target.write_text(evaluation_page(page, {"0": draw_jpeg(0), "1": b"\xff\xd8 no picture"}))
    with browsing(browser, target.as_uri(), width=width) as shown:
        assert shown.value("document.title") == f"{PAYLOADS[0]} · evaluation"
        assert shown.value("document.querySelectorAll('.shot img').length") == 1
        assert shown.value("document.querySelector('.shot img').naturalWidth") > 0
        assert shown.value("document.querySelectorAll('.way').length") >= 1
        assert shown.value("document.documentElement.scrollWidth") <= width
        assert PAYLOADS[4] in shown.value("document.body.textContent")
        assert shown.problems == [] and all(url.startswith(("file:", "data:")) for url in shown.requests)
