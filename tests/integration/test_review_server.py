"""A Label Studio of one's own that does not start, without Label Studio: a program that says something and ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotation.server import serve
from factory.errors import EnvironmentFault
from tests.installed_studio import installed

SAYS = """#!/bin/sh
echo "cannot start with token $LABEL_STUDIO_USER_TOKEN"
echo "nor with the password $LABEL_STUDIO_PASSWORD"
exit 3
"""


def test_the_end_of_a_server_s_log_is_shown_without_its_token_and_password(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="Label Studio did not start") as fault:
        serve(tmp_path / "server", lambda _: None, home=installed(tmp_path / "home", SAYS))
    assert "cannot start with token [redacted]" in str(fault.value)
    assert "nor with the password [redacted]" in str(fault.value)
