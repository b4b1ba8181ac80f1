"""How fine a named place is, finest first."""

from __future__ import annotations

from typing import Final, Literal

Level = Literal["city", "region", "country"]

LEVELS: Final[tuple[Level, ...]] = ("city", "region", "country")
