"""`factory merge` and `factory mix`: releases become one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Json
from factory.cli.out import say, tell
from factory.errors import RecipeError
from factory.text import counted

Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write, not there yet.")]
Title = Annotated[str | None, typer.Option(help="Heading of the card.", show_default=False)]
DropLeaks = Annotated[
    bool,
    typer.Option(
        "--drop-leaks", help="Leave rows out whose picture another split has (test keeps it, then validation)."
    ),
]
ADAPTERS = ("adapter_config.json", "base.json", "run.json", "adapter")
"""What lies in the folder of a training run, or of an adapter, and in no release."""


def merge(
    releases: Annotated[
        list[Path],
        typer.Argument(metavar="A B...", help="Releases of one family, or their builds.", show_default=False),
    ],
    out: Out,
    title: Title = None,
    drop_leaks: DropLeaks = False,
    json: Json = False,
) -> None:
    """Write the union of releases of one family: equal rows once, an id that stands for two rows refused."""
    _refuse_runs(releases, out)
    if len(releases) < 2:
        raise RecipeError(f"{releases[0]}: one release alone; name two or more")
    from factory.cli.console import print_json
    from factory.store.files import disk_faults
    from release.merge import merge_releases

    with disk_faults(out):
        done = merge_releases(releases, out, title=title, drop_leaks=drop_leaks)
    if json:
        print_json(done)
        return
    say(f"merged    {', '.join(f'{name} {rows:,}' for name, rows in done['parts'].items())}")
    if done["equal"]:
        say(f"equal     {counted(done['equal'], 'row')} stood in several, and {_is(done['equal'])} there once")
    if done["withdrawn"]:
        say(f"left out  {counted(done['withdrawn'], 'row')} that another part lists as withdrawn")
    _tell(done["root"], done["rows"], done["splits"], done["leaks"])


def mix(
    parts: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE | A=WEIGHT B=WEIGHT...",
            help="A recipe of a mix, or releases with weights.",
            show_default=False,
        ),
    ],
    out: Out,
    seed: Annotated[
        int | None, typer.Option(help="Of the draw (default: the recipe's, or 0).", show_default=False)
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            min=1, help="Of `train` (default: the recipe's, or all that the weights allow).", show_default=False
        ),
    ] = None,
    title: Title = None,
    drop_leaks: DropLeaks = False,
    json: Json = False,
) -> None:
    """Write a release with rows of several in exact shares, drawn by a seed: training sets of several families."""
    from factory.cli.console import print_json
    from factory.store.files import disk_faults
    from release.mix import mix_releases
    from release.mix_recipe import load_mix, shares_of

    name = out.name
    if len(parts) == 1 and (Path(parts[0]).suffix.lower() in (".yaml", ".yml") or Path(parts[0]).is_file()):
        recipe, shares = load_mix(Path(parts[0]))
        name, title = recipe.name, title or recipe.title
        seed, rows = recipe.seed if seed is None else seed, rows or recipe.rows
    else:
        shares = shares_of(parts)
    with disk_faults(out):
        done = mix_releases(shares, out, name=name, title=title, seed=seed or 0, rows=rows, drop_leaks=drop_leaks)
    if json:
        print_json(done)
        return
    for part, found in done["parts"].items():
        say(f"mixed     {part}: {', '.join(f'{split} {count:,}' for split, count in found.items())}")
    if done["shared"]:
        say(f"shared    {counted(done['shared'], 'picture')} of several parts: trained on once for each")
    say(f"seed      {done['seed']}")
    _tell(done["root"], done["rows"], done["splits"], done["leaks"])


def _tell(root: str, rows: int, splits: dict[str, int], leaks: int) -> None:
    if leaks:
        say(f"left out  {counted(leaks, 'row')} whose picture another split has")
    told = ", ".join(f"{name} {count:,}" for name, count in splits.items())
    say(f"release   {counted(rows, 'row')} ({told}): all checks pass")
    tell(root)


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _refuse_runs(paths: list[Path], out: Path) -> None:
    """Until 0.2 `factory merge` made a model of a run's adapters."""
    for path in paths:
        if (path / "manifest.json").is_file() or (path / "release").is_dir():
            continue
        if path.is_dir() and any((path / name).exists() for name in ADAPTERS):
            again = shlex.join(["factory", "merge-adapter", str(path), "--out", str(out)])
            raise RecipeError(f"{path}: is a training run, and `factory merge` joins releases now: {again}")
