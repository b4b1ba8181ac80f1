"""`factory logs`: the last lines of a build's log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Json
from factory.cli.out import say, tell


def logs(
    build: Annotated[Path, typer.Argument(help="A build's directory.", show_default=False)],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help="Of the end.")] = 50,
    json: Json = False,
) -> None:
    """What the runs of a build said, from its build.log: keys are not in it, and nothing in it moves a terminal."""
    from factory.cli.console import print_json
    from factory.phases.log import read_log
    from factory.redact import Redactor, named_secrets
    from factory.store.layout import open_build

    opened = open_build(build)
    hide = Redactor(named_secrets(opened.recipe).values() if opened.paths.recipe_lock.is_file() else ())
    found = [(at, name, hide(text)) for at, name, text in read_log(opened.paths.log, lines)]
    if json:
        entries = [{"at": at or None, "name": name or None, "text": text} for at, name, text in found]
        print_json({"build": str(opened.paths.root), "lines": entries})
    elif not found:
        say(f"{opened.paths.log}: no line yet; a build of this version writes it while it runs")
    else:
        tell(*(f"{at} {name:<9} {text}".strip() for at, name, text in found))
