"""Annotators of a real Label Studio in a real browser: the system's Chromium, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.browsing import launched
from tests.studio import PASSWORD

SIZE = {"width": 1366, "height": 768}
SHOWN_MS = 120_000
"""A page of Label Studio takes seconds, on a busy machine tens of them."""


@contextmanager
def logged_in(url: str, email: str) -> Iterator[Any]:
    """A browser in which somebody is logged in: Playwright's context."""
    with launched() as browser:
        context = browser.new_context(viewport=SIZE)
        context.set_default_timeout(SHOWN_MS)
        page = context.new_page()
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda found: "/user/login" not in found)
        yield context


def open_first(page: Any, url: str, project: int) -> None:
    """Shows the first task of a project, as an annotator gets it."""
    page.goto(f"{url}/projects/{project}/data?labeling=1")
    page.wait_for_selector(".gr-right .lsf-choice")
