"""`factory recipe`: look at recipes of data sets and at training runs, resolved or checked, or their JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from factory.cli.options import Overrides, Profile, refuse_unused
from factory.cli.out import say, tell_text
from factory.errors import FactoryError, RecipeError

recipe_app = typer.Typer(no_args_is_help=True, help="Look at a recipe: resolved, checked, or its JSON Schema.")


@recipe_app.command("show")
def recipe_show(
    recipe: Annotated[Path, typer.Argument(help="A recipe's YAML file, or a training run's.", show_default=False)],
    profile: Profile = None,
    overrides: Overrides = None,
) -> None:
    """Print the resolved recipe with every default filled in."""
    from factory.store.yaml_lines import dump_yaml

    tell_text(dump_yaml(_loaded(recipe, profile, overrides or ()).plain()).removesuffix("\n"))


@recipe_app.command("check")
def recipe_check(
    context: typer.Context,
    recipes: Annotated[
        list[Path], typer.Argument(metavar="RECIPE...", help="YAML files of both kinds.", show_default=False)
    ],
    profile: Profile = None,
    overrides: Overrides = None,
    processes: Annotated[int, typer.Option(min=1, help="That `accelerate launch` will start for training runs.")] = 1,
) -> None:
    """Say everything that is wrong with recipes and training runs; exit code 2 if anything is."""
    from train.settings import LoadedRun, require_processes

    faults: list[str] = []
    runs = 0
    for recipe in recipes:
        try:
            loaded = _loaded(recipe, profile, overrides or ())
            if isinstance(loaded, LoadedRun):
                runs += 1
                require_processes(loaded, processes)
        except RecipeError as error:
            faults += map(str, error.args)
        except FactoryError as error:
            raise type(error)(f"{recipe}: {error}") from None
        else:
            say(f"{recipe}: valid ({loaded.profile_words})")
    if faults:
        raise RecipeError(*faults)
    if not runs:
        refuse_unused(context, ["processes"], "is of training runs, and none of these files is one")


@recipe_app.command("schema")
def recipe_schema(
    training: Annotated[bool, typer.Option("--train", help="That of training runs.")] = False,
) -> None:
    """Print the JSON Schema of recipes, for editors."""
    import json

    if training:
        from train.settings import run_json_schema

        schema = run_json_schema()
    else:
        from factory.recipe.model import recipe_json_schema

        schema = recipe_json_schema()
    tell_text(json.dumps(schema, indent=2, ensure_ascii=False))


def _loaded(path: Path, profile: str | None, overrides: Sequence[str]) -> Any:
    """A recipe, or a training run where the file's keys tell one."""
    from factory.recipe.load import load_recipe
    from factory.recipe.model import Recipe
    from train.settings import is_run, load_run

    if is_run(path, Recipe.model_fields):
        return load_run(path, profile=profile, overrides=overrides)
    return load_recipe(path, profile=profile, overrides=overrides)
