"""`factory train` and `factory merge-adapter`: models learn from released rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factory.cli.out import say, tell
from factory.errors import EnvironmentFault, RecipeError

RunFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="A training run's YAML file.", show_default=False)]
Profile = Annotated[str | None, typer.Option("--profile", "-p", help="Profile of the file (default: `demo`).")]
Overrides = Annotated[list[str] | None, typer.Option("--set", "-s", help="Override a key: `optim.steps=100`.")]


def train(
    recipe: RunFile,
    profile: Profile = None,
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that holds runs.")] = Path("runs"),
) -> None:
    """Train a model on released rows. A finished run returns at once; a stopped one goes on from its checkpoint."""
    from release.read import DamagedRelease
    from train.settings import load_run

    run = load_run(recipe, profile=profile, overrides=overrides or ())
    require_libraries()
    from train.processes import process_state
    from train.trainers import trainer_of

    try:
        folder = trainer_of(run)(run, out, say)
    except DamagedRelease as error:
        raise RecipeError(str(error)) from None
    if process_state().is_main_process:  # of several one says where it lies
        tell(str(folder.model))


def merge_adapter(
    path: Annotated[Path, typer.Argument(help="A finished run's folder, or its adapter's.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="The folder to write, not there yet.", show_default=False)],
) -> None:
    """Write a model with its adapters merged into the base model's own weights, never those in 4 bits."""
    require_libraries()
    from train.merge import merge as merged

    tell(str(merged(path, out)))


def require_libraries() -> None:
    """Raises EnvironmentFault that says how to install what is not there."""
    from importlib.util import find_spec

    if missing := [name for name in ("torch", "transformers", "trl", "peft", "accelerate") if find_spec(name) is None]:
        raise EnvironmentFault(
            f"training needs {', '.join(missing)}: pip install torch, then pip install 'geo-reasoning-factory[train]'"
        )
