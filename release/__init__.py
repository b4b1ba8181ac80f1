"""Packs what a build accepted into a dataset that others can load, cite and check.

release/
  README.md  LICENSE-DATA.md  map.svg  manifest.json
  parquet/train-00000-of-00001.parquet  ...
  webdataset/train-000000.tar  train-000000.tar.index  ...

`release.read` needs nothing of the factory, so nothing is imported here before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from release.check import check_release
    from release.read import DamagedRelease, Release, open_release
    from release.write import ReleaseSummary, write_release

__all__ = ["DamagedRelease", "Release", "ReleaseSummary", "check_release", "open_release", "write_release"]

_HOMES: Final = {
    "DamagedRelease": "release.read",
    "Release": "release.read",
    "ReleaseSummary": "release.write",
    "check_release": "release.check",
    "open_release": "release.read",
    "write_release": "release.write",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
