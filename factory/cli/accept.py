"""`factory accept`: a finished build stands for a changed recipe, and that is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Json, Overrides, Profile
from factory.cli.out import say


def accept(
    recipe: Annotated[Path, typer.Argument(help="The changed recipe's YAML file.", show_default=False)],
    build: Annotated[Path, typer.Argument(help="The finished build that is good as it is.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded in the build.", show_default=False)],
    profile: Profile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Take a change of a recipe's identity without building again: the build stands for it, and notes the reason.

    Its release stays what it was made with; `factory build RECIPE` then returns at once.
    """
    from factory.cli.console import print_json
    from factory.phases.accepted import accept_change
    from factory.recipe.load import load_recipe

    found = accept_change(load_recipe(recipe, profile=profile, overrides=overrides or ()), build, reason)
    if json:
        print_json(found)
        return
    say(f"{found.build} stands for {recipe} as it is now ({found.fingerprint[:8]}): {found.reason}")
    for change in found.changed:
        say(f"  {change}")
