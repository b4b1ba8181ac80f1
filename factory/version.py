"""The version of the package, in a file that every room may read."""

from __future__ import annotations

__version__ = "0.2.0"
