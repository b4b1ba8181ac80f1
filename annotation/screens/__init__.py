"""What annotators see: one screen a family, from one source."""

from __future__ import annotations

from annotation.screens.plain import PlainScreen
from annotation.tasks import Screen
from factory.store.layout import Build


def open_screen(build: Build) -> Screen:
    """The screen for a build's samples."""
    return PlainScreen()
