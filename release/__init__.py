"""Packs what a build accepted into a dataset that others can load, cite and check.

release/
  README.md  LICENSE-DATA.md  map.svg  manifest.json
  parquet/train-00000-of-00001.parquet  ...
  webdataset/train-000000.tar  ...
"""

from __future__ import annotations

from release.check import check_release
from release.rows import row_answer
from release.write import ReleaseSummary, write_release

__all__ = ["ReleaseSummary", "check_release", "row_answer", "write_release"]
