"""docs/first-hour.md says what somebody new sees today."""

from __future__ import annotations

import os
from pathlib import Path

from tests.first_hour import PAGE, walked


def test_the_walk_of_the_page_comes_out_as_it_is_written(tmp_path: Path) -> None:
    """RENEW_GOLDEN=1 writes the page."""
    written = PAGE.read_text(encoding="utf-8")
    assert written.count("\n$ factory ") > 10
    found = walked(written, tmp_path)
    if os.environ.get("RENEW_GOLDEN"):
        PAGE.write_text(found, encoding="utf-8")
    assert found == PAGE.read_text(encoding="utf-8")
