"""The pictures of the pages about review: python -m tests.live.screenshots

Builds the demo, starts a Label Studio, sends it the demo's tasks and takes pictures of its screens: made scenes, no
photo of anybody. Writes docs/images/review-*.png with a palette of 128 colours, which keeps each below 150 kB.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from PIL import Image

import factory
from annotation.client import Client
from annotation.connection import Login
from annotation.projects import read_projects
from annotation.push import push
from annotation.replies import Imported, ProjectReply
from annotation.screens import open_screen
from annotation.screens.family import FamilyScreen
from annotation.server import serve, stop
from annotation.tasks import Wanted
from factory.cli.demo import demo_recipe
from factory.generators.labelled import speaker
from factory.store.layout import Build, open_build
from release.rows import build_generator
from tests.screen_cases import case
from tests.studio import sign_up
from tests.studio_browser import logged_in, open_first

IMAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "images"


def main() -> None:
    """Makes every picture anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build = open_build(factory.build(demo_recipe(), out=root).directory)
        login = serve(root / "server", print).login
        try:
            _take(build, login)
        finally:
            stop(root / "server")


def _take(build: Build, login: Login) -> None:
    somebody = sign_up(login, "anna@example.com")
    disputed = build.verdicts.join(build.plan.select("id", "shard"), on="id").filter(decision="review")
    wanted = [
        Wanted(id=name, shard=shard, slot="1", kind="dispute", uncertainty=0.5)
        for name, shard in disputed.select("id", "shard").iter_rows()
    ]
    with Client(login) as client:
        push(build, client, wanted, open_screen(build, speaker(build_generator(build))))
        german = FamilyScreen(family="naviclues", language="de", photo=False)
        words = _project(client, german, german.task(case("naviclues", photo=False, clues=3), {}).data)
    photo = read_projects(build.paths.review_projects)["1"].id
    with logged_in(login.url, somebody.email) as context:
        page = context.new_page()
        open_first(page, login.url, photo)
        page.wait_for_timeout(3_000)  # the picture, and the fonts
        page.keyboard.press("1")
        _keep(page, "review-photo")
        open_first(page, login.url, words)
        page.wait_for_timeout(3_000)
        _keep(page, "review-words")
        page.goto(f"{login.url}/projects/{photo}/data")
        page.wait_for_selector(".lsf-table")
        page.wait_for_timeout(3_000)
        _keep(page, "review-tasks")


def _project(client: Client, screen: FamilyScreen, data: Mapping[str, Any]) -> int:
    number = client.make("/api/projects", ProjectReply, {"title": "words", "label_config": screen.config}).id
    client.make(f"/api/projects/{number}/import", Imported, [{"data": data}], params={"return_task_ids": "true"})
    return int(number)


def _keep(page: Any, name: str) -> None:
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        shot.convert("RGB").quantize(128).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
