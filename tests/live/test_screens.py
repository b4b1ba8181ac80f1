"""Screens in a real browser: what a person does there is what is pulled, and foreign text does nothing.

The browser is the system's Chromium, driven by Playwright; nothing is downloaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from annotation.client import Client
from annotation.connection import Login
from annotation.projects import read_projects
from annotation.pull import pull
from annotation.push import push
from annotation.replies import Imported, ProjectReply
from annotation.screens import open_screen
from annotation.screens.config import BOX_KEYS
from annotation.screens.family import NO_PHOTO, FamilyScreen
from annotation.tasks import Wanted
from factory.generators.labelled import speaker
from factory.store.layout import Build, open_build
from factory.store.tables import read_table
from release.rows import build_generator
from schemas import Case, arrow
from tests.browsing import NEEDS_BROWSER
from tests.build_fixture import make_build
from tests.screen_cases import ATTACK, FAMILIES, LONG, case
from tests.studio import Annotator
from tests.studio_browser import logged_in, open_first

pytestmark = NEEDS_BROWSER
FOREIGN = (
    ".gr-root script, .gr-map img, .gr-map a, [src*=attack], [href*=attack], [href^=javascript], [onerror], [onload]"
)
"""What would have become of the attacks."""
EDITED = "The sign is <b>blue</b> & {{ green }}."


class Watched:
    """A page of somebody who is logged in, and what it did that nobody asked for."""

    def __init__(self, context: Any, url: str) -> None:
        self.page, self.url = context.new_page(), url
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("request", self._request)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def open(self, project: int) -> Any:
        """The first task of a project, as an annotator gets it."""
        open_first(self.page, self.url, project)
        return self.page


@pytest.fixture(scope="module")
def somebody(studio: Login, annotators: Sequence[Annotator]) -> Iterator[Any]:
    """The browser of the first annotator, logged in."""
    with logged_in(studio.url, annotators[0].email) as context:
        yield context


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build with a fingerprint of its own: other tests of the same server have made builds, too, and equal ones
    share their projects."""
    monkeypatch.setattr("tests.build_fixture.FINGERPRINT", hashlib.sha256(str(tmp_path).encode()).hexdigest())
    make_build(tmp_path / "trial-00000000", samples=4, shard_size=4)
    return open_build(tmp_path / "trial-00000000")


def test_what_a_person_does_is_what_is_pulled(
    build: Build, studio: Login, annotators: Sequence[Annotator], somebody: Any
) -> None:
    whole = build.verdicts.filter(build.verdicts["decision"] != "quarantine")["id"][0]
    wanted = [Wanted(id=whole, shard=0, slot="1", kind="dispute", uncertainty=0.5)]
    with Client(studio) as client:
        push(build, client, wanted, open_screen(build, speaker(build_generator(build))))
    watched = Watched(somebody, studio.url)
    page = watched.open(read_projects(build.paths.review_projects)["1"].id)
    page.wait_for_selector("[data-testid=htx-textbox-edit-button]")
    assert page.locator(".gr-root input:checked").count() == 0, "no verdict, flag or judgement is chosen already"
    for key in ("2", "5", "a"):
        page.keyboard.press(key)
    drawn = draw(page, key="0", share=(0.25, 0.25, 0.5, 0.75))
    page.locator("[data-testid=htx-textbox-edit-button]").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(EDITED)
    page.keyboard.press("Shift+Enter")
    page.fill("input[name=lat]", "45.76")
    page.fill("input[name=lon]", "4.84")
    page.get_by_placeholder("Lyon, France").fill("Lyon")
    page.get_by_placeholder("Comment for the lead").fill("moved")
    page.keyboard.press("Tab")
    with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
        page.keyboard.press("Control+Enter")
    with Client(studio) as client:
        assert pull(build, client).refused == []
    (row,) = read_table(build.paths.annotations, arrow.ANNOTATIONS).iter_rows(named=True)
    said = {name: row[name] for name in ("verdict", "flags", "clues", "reasoning", "lat", "lon", "place", "comment")}
    assert said == {
        "verdict": "fix",
        "flags": ["privacy"],
        "clues": [{"index": 0, "judgement": "weak"}],
        "reasoning": EDITED,
        "lat": 45.76,
        "lon": 4.84,
        "place": "Lyon",
        "comment": "moved",
    }
    (found,) = row["boxes"]
    assert found["kind"] == "privacy"
    assert [found[side] for side in ("x", "y", "width", "height")] == pytest.approx(drawn, abs=0.01)
    assert row["reviewer"] == annotators[0].email and 0 < row["seconds"] < 600
    assert (watched.dialogs, watched.elsewhere, watched.errors) == ([], [], [])


def draw(page: Any, key: str, share: tuple[float, float, float, float]) -> list[float]:
    """Draws a box from one corner to the other (shares of the picture); gives x, y, width and height in shares."""
    page.keyboard.press(key)
    picture = page.locator("img[alt=image], .lsf-image img, .gr-left img").first.bounding_box()
    left, top, right, bottom = share
    page.mouse.move(picture["x"] + left * picture["width"], picture["y"] + top * picture["height"])
    page.mouse.down()
    page.mouse.move(picture["x"] + right * picture["width"], picture["y"] + bottom * picture["height"], steps=6)
    page.mouse.up()
    return [left, top, right - left, bottom - top]


def project_of(screen: FamilyScreen, sample: Case, studio: Login, title: str) -> int:
    """A new project of one task."""
    made = screen.task(sample, {"photo": NO_PHOTO} if sample.sample.images else {})
    task = {"data": made.data, "predictions": [{"model_version": "m", "result": list(made.results)}]}
    with Client(studio) as client:
        body = {"title": title, "label_config": screen.config}
        project = client.make("/api/projects", ProjectReply, body).id
        client.make(f"/api/projects/{project}/import", Imported, [task], params={"return_task_ids": "true"})
    return int(project)


def test_every_key_chooses_what_it_stands_beside_and_tab_reaches_the_rest(studio: Login, somebody: Any) -> None:
    screen = FamilyScreen(family="mp16_reason")
    watched = Watched(somebody, studio.url)
    page = watched.open(project_of(screen, case("mp16_reason", clues=7), studio, "keys"))
    page.wait_for_selector("[data-testid=htx-textbox-edit-button]")
    for choice in ElementTree.fromstring(screen.config).iter("Choice"):
        if key := choice.get("hotkey"):
            page.keyboard.press(key.replace("shift+", "Shift+"))
            page.locator(f"input:checked >> xpath=ancestor::label[contains(., '[{key}]')]").wait_for()
    for key, label in zip(BOX_KEYS, ("Evidence", "Private: face, plate, document"), strict=True):
        page.keyboard.press(key)
        assert page.locator(".lsf-label_selected").inner_text().startswith(label)
    page.keyboard.press(BOX_KEYS[1])
    last = page.locator(".gr-clue").nth(6).locator("input").first
    page.locator(".gr-clue").nth(5).locator("input").last.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert last.is_checked(), "a clue without keys"
    page.close()


@pytest.mark.parametrize("foreign", [ATTACK, LONG], ids=["attack", "long"])
@pytest.mark.parametrize("family", FAMILIES)
def test_foreign_text_does_nothing(family: str, foreign: str, studio: Login, somebody: Any) -> None:
    photo = family != "naviclues"
    screen = FamilyScreen(family=family, photo=photo)
    project = project_of(screen, case(family, lambda _: foreign, photo=photo), studio, f"{family} hostile")
    watched = Watched(somebody, studio.url)
    page = watched.open(project)
    page.wait_for_function("document.querySelector('.gr-map').innerText.includes('<script>window.hit')")
    page.wait_for_timeout(1_000)  # what an attack would do, it does within that
    assert page.evaluate("window.hit") is None
    assert (watched.dialogs, watched.elsewhere, watched.errors) == ([], [], [])
    assert page.locator(FOREIGN).evaluate_all("found => found.map(one => one.outerHTML.slice(0, 200))") == []
    if screen.layout.clues:
        assert "{{idx}} {{one}} $image $map" in page.locator(".gr-clue h4").first.inner_text()
    page.close()
