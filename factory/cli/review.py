"""`factory review`: people decide what machines dispute, in Label Studio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factory.cli.out import say, tell

review_app = typer.Typer(no_args_is_help=True, help="People decide what machines dispute: Label Studio and back.")

BuildDir = Annotated[Path, typer.Argument(help="A build's directory.", show_default=False)]
DataDir = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder for the server's data (default: in the build).")
]


def server_folder(build: Path, data: Path | None) -> Path:
    """Where the server that we start keeps its data. Raises RecipeError where neither is given by a real build."""
    from factory.store.layout import open_build

    return open_build(build).paths.decisions.parent / "server" if data is None else data


@review_app.command()
def serve(
    build: BuildDir,
    data: DataDir = None,
    stop: Annotated[bool, typer.Option("--stop", help="End the server.")] = False,
) -> None:
    """Start a Label Studio of your own: on this machine alone, installed on first use; a second call finds it."""
    from annotation import server

    folder = server_folder(build, data)
    if stop:
        say(f"{folder}: the server has ended" if server.stop(folder) else f"{folder}: no server runs")
        return
    served = server.serve(folder, say)
    tell(served.login.url)
    say(
        f"{'started' if served.started else 'runs already'}; account {served.account}, its password and token are in "
        f"{served.login_file}"
    )
