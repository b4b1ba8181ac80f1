"""`factory serve-teacher`: a model of a recipe, served until Ctrl-C, for builds that come and go."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Overrides, Profile
from factory.cli.out import say, tell
from factory.errors import RecipeError


def serve_teacher(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(help="The recipe's YAML file.", show_default=False)],
    name: Annotated[str, typer.Argument(metavar="TEACHER", help="Its name in the recipe.", show_default=False)],
    profile: Profile = None,
    overrides: Overrides = None,
    log: Annotated[Path, typer.Option("--log", help="Folder of the server's log.")] = Path("logs"),
) -> None:
    """Serve a teacher of a recipe by vLLM until Ctrl-C; builds of this user on this machine find it. What follows `--`
    is handed to `vllm serve` as it is.
    """
    from factory.calls.teacher import made_teachers
    from factory.recipe.load import load_recipe
    from factory.redact import named_secrets
    from factory.teachers.serving import noted, serving
    from factory.text import did_you_mean

    loaded = load_recipe(recipe, profile=profile, overrides=overrides or ())
    made = {settings.name: backends for settings, backends in made_teachers(loaded.recipe.teachers, loaded.root)}
    if name not in made:
        raise RecipeError(
            f"{recipe}: no teacher `{name}`{did_you_mean(name, list(made))}; it has {', '.join(made) or 'none'}"
        )
    server = made[name].server
    if server is None:
        raise RecipeError(f"{recipe}: teacher {name} is not served here: that needs `backend: vllm` and `serve: true`")
    hidden = tuple(named_secrets(loaded.plain()))
    with serving([server], log.absolute(), say, hidden=hidden, more=context.args) as watch, noted(server):
        tell(server.url)
        say("Ctrl-C ends it")
        while watch():
            time.sleep(1.0)
