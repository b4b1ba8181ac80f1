"""Two releases compared on a real server: sent, rated through the API and on the real screen, counted for the first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from annotation.connection import Login
from annotation.controls import CRITERIA
from annotation.pairs import PairFiles, sent_pairs
from annotation.projects import read_projects
from tests.browsing import NEEDS_BROWSER
from tests.live.test_screens import FOREIGN, Watched
from tests.pair_releases import two_releases
from tests.real_build import Done
from tests.real_build import factory as command
from tests.screen_cases import ATTACK
from tests.studio import Annotator
from tests.studio_browser import logged_in
from tests.studio_recorded import rated

pytestmark = NEEDS_BROWSER


def run(root: Path, login: Login, *arguments: str | Path) -> Done:
    environment = {"LABEL_STUDIO_URL": login.url, "LABEL_STUDIO_API_KEY": login.key}
    done = command("review", "pairs", *arguments, "--out", "compared", "--json", cwd=root, env=environment)
    assert login.key not in done.stdout + done.stderr
    return done


def test_two_releases_are_compared(studio: Login, annotators: Sequence[Annotator], tmp_path: Path) -> None:
    """Everybody prefers the first on fluency and the second on accuracy; one person says so on the screen."""
    sides = two_releases(tmp_path, words=ATTACK)
    sent = json.loads(run(tmp_path, studio, *sides).stdout)
    files = PairFiles(tmp_path / "compared")
    rows = sent_pairs(files)
    assert (sent["made"], sent["there"]) == (len(rows), 0) and {row["slot"] for row in rows} == {"1", "2"}
    with logged_in(studio.url, annotators[0].email) as context:
        watched = Watched(context, studio.url)
        page = watched.open(read_projects(files.projects)["1"].id)
        page.wait_for_function("document.querySelector('.gr-pair').innerText.includes('<script>window.hit')")
        page.wait_for_timeout(1_000)  # what an attack would do, it does within that
        assert page.evaluate("window.hit") is None
        assert page.locator(FOREIGN).evaluate_all("found => found.map(one => one.outerHTML.slice(0, 200))") == []
        assert page.locator(".gr-root input:checked").count() == 0, "nothing is chosen already"
        first = min((row for row in rows if row["slot"] == "1"), key=lambda row: row["task"])
        better, worse = ("3", "1") if first["swapped"] else ("1", "3")
        keys = {"1": ("1", "q", "a", "z"), "3": ("3", "e", "d", "c")}
        for key in (keys[better][0], "w", "s", keys[worse][3]):
            page.keyboard.press(key)
        with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
            page.keyboard.press("Control+Enter")
        assert (watched.dialogs, watched.elsewhere, watched.errors) == ([], [], [])
    left = [row for row in rows if row is not first]
    for row in left:
        good, bad = ("right", "left") if row["swapped"] else ("left", "right")
        annotators[int(row["slot"]) - 1].answer(row["task"], rated("equal", good, "equal", "equal", bad))
    again = run(tmp_path, studio, *sides)
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert (found["made"], found["there"], found["refused"]) == (0, len(rows), [])
    table = {row["criterion"]: row for row in found["criteria"]}
    assert {name: table[name]["ratings"] for name in CRITERIA} == dict.fromkeys(CRITERIA, len(rows))
    assert [table[name][outcome] for name, outcome in (("fluency", "win"), ("relevance", "tie"))] == [1.0, 1.0]
    assert table["accuracy"]["lose"] == 1.0 and table["accuracy"]["net"] == -1.0
