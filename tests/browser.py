"""A real browser for tests: headless Chromium driven over its DevTools socket, from file://, offline.

Import the fixture `devtools` and put `pytestmark = NEEDS_BROWSER` into the test's module.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)
NEEDS_BROWSER = pytest.mark.skipif(CHROMIUM is None, reason=f"no browser found: none of {', '.join(NAMES)} is on PATH")

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Page:
    """One tab: navigation, evaluation, and what the browser complained about."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._next = 0
        self.requests: list[str] = []
        self.problems: list[str] = []

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._next += 1
        await self._socket.send_json({"id": self._next, "method": method, "params": params})
        while True:
            message = json.loads((await self._socket.receive(timeout=30)).data)
            if message.get("id") == self._next:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        for _ in range(200):
            if (
                await self.value("document.readyState") == "complete"
                and await self.value("location.href") != "about:blank"
            ):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{url} did not load")

    async def value(self, expression: str) -> Any:
        found = await self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")


@pytest.fixture(scope="module")
def devtools() -> Iterator[str]:
    """The address of a running browser with a profile of its own."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if line.startswith("DevTools listening on "))
            yield line.split("ws://")[1].split("/")[0]
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@asynccontextmanager
async def browsing(devtools: str, url: str, *, script: bool = True, width: int = 1400) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        async with session.put(f"http://{devtools}/json/new?about:blank") as reply:
            target = await reply.json(content_type=None)
        async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            for domain in ("Page", "Runtime", "Network", "Log"):
                await page.send(f"{domain}.enable")
            if not script:
                await page.send("Emulation.setScriptExecutionDisabled", value=True)
            metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
            await page.send("Emulation.setDeviceMetricsOverride", **metrics)
            await page.open(url)
            yield page
        await session.get(f"http://{devtools}/json/close/{target['id']}")
