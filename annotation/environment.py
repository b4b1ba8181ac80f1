"""Label Studio in a virtual environment of its own: it cannot share ours, since it wants older versions of packages.

The set is pinned (`label-studio.txt`). A folder is used only once a marker says that its installation came to its end;
a stopped one goes on. An empty, migrated database is made at the end and copied for every new server, which then starts
in seconds instead of minutes.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from factory.errors import EnvironmentFault
from factory.processes import run_program
from factory.store.files import write_bytes
from factory.store.lease import lease

VERSION: Final = "1.23.2"
"""Of Label Studio: the one that the tests run against."""
HOME_VARIABLE: Final = "FACTORY_LABEL_STUDIO"
PINS: Final = Path(__file__).with_name("label-studio.txt")
_MARKER: Final = "factory-installed.txt"
_PASSED: Final = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NETRC")
_PASSED_BEGINNINGS: Final = ("PIP_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
"""Variables that pip may need; the others, keys among them, are not handed to what it installs."""
OFFLINE: Final = {
    "DJANGO_DB": "sqlite",
    "COLLECT_ANALYTICS": "False",
    "LATEST_VERSION_CHECK": "False",
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "FEATURE_FLAGS_OFFLINE": "1",
    "LANG": "C.UTF-8",
}
"""SQLite, and nothing told to anybody."""


def studio_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Label Studio is, or will be, installed: what `FACTORY_LABEL_STUDIO` says, else in the user's cache."""
    if named := environment.get(HOME_VARIABLE, "").strip():
        return Path(named).absolute()
    cache = environment.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache"
    return Path(cache).absolute() / "geo-reasoning-factory" / f"label-studio-{VERSION}"


def installed(home: Path) -> bool:
    """Whether a folder holds the version that we want, whole."""
    marker = home / _MARKER
    return marker.is_file() and marker.read_text() == _marked()


def install(home: Path, say: Callable[[str], None]) -> None:
    """Installs Label Studio where it is not yet; a second process waits for the first.

    Raises EnvironmentFault, with the end of pip's own words, when it does not come to its end.
    """
    if installed(home):
        return
    home.parent.mkdir(parents=True, exist_ok=True)
    with lease(home.with_name(f"{home.name}.lock"), what=f"the installation in {home}", wait_s=1800.0):
        if installed(home):
            return
        say(f"installing Label Studio {VERSION} in {home}: about 1 GB, some minutes, once")
        environment = {name: value for name, value in os.environ.items() if _is_passed(name)}
        python = home / "bin" / "python"
        _run([sys.executable, "-I", "-m", "venv", home], home, environment)
        pip = (python, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
        _run((*pip, "-c", PINS, f"label-studio=={VERSION}"), home, environment)
        say("making its empty database")
        _run([program(home), "version"], home, _offline(home / "empty"))  # migrates first, whatever it is asked
        write_bytes(_marked().encode(), home / _MARKER)


def program(home: Path) -> Path:
    """The command of an installation."""
    return home / "bin" / "label-studio"


def empty_database(home: Path) -> Path:
    """A migrated database without accounts."""
    return home / "empty" / DATABASE


DATABASE: Final = "label_studio.sqlite3"
_TOLD: Final = re.compile(r"'token': '([0-9a-f]{40})', 'status': 'ok'}")
"""How Label Studio ends what it tells of an account."""


def token_of(home: Path, data: Path, account: str) -> str | None:
    """The token of an account, as the data of a server that may run have it; None where it is not told."""
    with TemporaryFile() as said:
        run_program((program(home), "user", "--username", account), environment=_offline(data), folder=data, log=said)
        said.seek(0)
        told = _TOLD.findall(said.read().decode("utf-8", "replace"))
    return told[-1] if told else None


def _offline(data: Path) -> dict[str, str]:
    return {**OFFLINE, "PATH": os.defpath, "HOME": str(data), "LABEL_STUDIO_BASE_DATA_DIR": str(data)}


def _marked() -> str:
    return f"label-studio {VERSION}\n"


def _is_passed(name: str) -> bool:
    return name in _PASSED or name.upper().startswith(_PASSED_BEGINNINGS)


def _run(arguments: Sequence[str | Path], home: Path, environment: Mapping[str, str]) -> None:
    with TemporaryFile() as log:
        code = run_program(arguments, environment=environment, folder=home.parent, log=log)
        log.seek(0)
        said = log.read()[-4000:].decode("utf-8", "replace").strip().splitlines()[-8:]
    if code != 0:
        raise EnvironmentFault(
            f"{home}: Label Studio could not be installed (exit code {code}); the same command goes on. It said:",
            *(f"  {line}" for line in said),
        )
