"""A Label Studio of one's own that does not start, without Label Studio: a program that says something and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.environment import VERSION, empty_database, program
from annotation.server import serve
from factory.errors import EnvironmentFault

SAYS = """#!/bin/sh
echo "cannot start with token $LABEL_STUDIO_USER_TOKEN"
echo "nor with the password $LABEL_STUDIO_PASSWORD"
exit 3
"""


def installed(home: Path) -> Path:
    """What an installation looks like."""
    for path in (program(home), empty_database(home)):
        path.parent.mkdir(parents=True)
    program(home).write_text(SAYS)
    program(home).chmod(0o755)
    empty_database(home).touch()
    (home / "factory-installed.txt").write_text(f"label-studio {VERSION}\n")
    return home


def test_the_end_of_a_server_s_log_is_shown_without_its_token_and_password(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="Label Studio did not start") as fault:
        serve(tmp_path / "server", lambda _: None, home=installed(tmp_path / "home"))
    assert "cannot start with token [redacted]" in str(fault.value)
    assert "nor with the password [redacted]" in str(fault.value)
