"""A real browser for tests: the system's Chromium, headless, driven by Playwright; nothing is downloaded.

Import the fixture `browser` and put `pytestmark = NEEDS_BROWSER` into the test's module.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)
NEEDS_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason=f"no browser found: none of {', '.join(NAMES)} is on PATH")


@contextmanager
def launched() -> Iterator[Browser]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module's tests, none of which may be asynchronous: Playwright has a loop of its own."""
    with launched() as running:
        yield running


class Shown:
    """A page, and what the browser complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)

    def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        return self.page.evaluate(expression)

    def becomes(self, expression: str, expected: Any) -> None:
        """Waits until an expression is what a test expects: what follows a click comes when it has time.

        It fails where the expression was something else for ten seconds.
        """
        for _ in range(100):
            if (found := self.value(expression)) == expected:
                return
            self.wait(100)
        raise AssertionError(f"{expression} is {found!r}, not {expected!r}")

    def wait(self, milliseconds: float) -> None:
        """Lets the page go on."""
        self.page.wait_for_timeout(milliseconds)


@contextmanager
def browsing(browser: Browser, url: str, *, script: bool = True, width: int = 1400) -> Iterator[Shown]:
    """A page in a profile of its own."""
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=script)
    shown = Shown(context.new_page())
    try:
        shown.page.goto(url, wait_until="load")
        yield shown
    finally:
        context.close()
