"""`factory rows`, `errors`, `builds`, `clean`, `report`: their options; what they find is each a module of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Json
from factory.cli.out import say, tell
from factory.errors import EXIT_OK, EXIT_ROWS_FAILED, RecipeError

BuildDir = Annotated[Path, typer.Argument(help="A build's directory.", show_default=False)]
Root = Annotated[Path, typer.Argument(help="Folder that holds builds.")]


def rows(
    build: BuildDir,
    decision: Annotated[
        list[str] | None, typer.Option(help="accept, review, reject, quarantine, answered, pending; repeatable.")
    ] = None,
    reason: Annotated[
        list[str] | None, typer.Option(help="`check:reason`, or a check for all of its reasons; repeatable.")
    ] = None,
    country: Annotated[list[str] | None, typer.Option(help="Country code, as `JP`; repeatable.")] = None,
    split: Annotated[list[str] | None, typer.Option(help="Split, or `none` for rows in no split; repeatable.")] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Only the ids, a line each, for the next command.")] = False,
    json: Json = False,
) -> None:
    """The samples of a build, filtered by decision, reason, country and split; works while it runs."""
    from factory.cli.console import print_json
    from factory.cli.rows import list_rows, print_rows
    from factory.store.layout import open_build

    found = list_rows(
        open_build(build), decisions=decision or (), reasons=reason or (), countries=country or (), splits=split or ()
    )
    if json:
        print_json(found)
    elif ids:
        for row in found.rows:
            tell(row.id)
    else:
        print_rows(found)


def errors(build: BuildDir, json: Json = False) -> None:
    """Why samples did not get into the release: reasons with their counts, one example each, and what to do next."""
    from factory.cli.console import print_json
    from factory.cli.error_groups import error_groups, print_errors
    from factory.store.layout import open_build

    (print_json if json else print_errors)(error_groups(open_build(build)))


def builds(root: Root = Path("builds"), json: Json = False) -> None:
    """The builds of a folder, newest first: recipe, profile, state, rows, cost, age. Exit code 1 if one is damaged."""
    from factory.cli.builds import list_builds, print_builds
    from factory.cli.console import print_json

    found = list_builds(root)
    if json:
        print_json({"root": str(root), "builds": found})
    else:
        print_builds(root, found)
    raise typer.Exit(EXIT_ROWS_FAILED if any(one.fault for one in found) else EXIT_OK)


def clean(
    root: Root = Path("builds"),
    paid: Annotated[
        bool, typer.Option("--paid", help="Also builds with answers that were paid for, or that people gave.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")] = False,
    json: Json = False,
) -> None:
    """What of a folder of builds can go and what that frees. Asks before it removes; without a terminal, --yes does."""
    from factory.cli.clean import clear, freed_by, leftovers, print_leftovers
    from factory.cli.console import print_json
    from factory.phases.disk import in_words

    found = leftovers(root, paid=paid)
    if not json:
        print_leftovers(found)
    going = [one for one in found if one.goes]
    freed = in_words(freed_by(Path(one.path) for one in going))
    if going and not yes:
        if json or not sys.stdin.isatty():
            say(f"nothing was removed; --yes removes {len(going):,} of these and frees {freed}")
            going = []
        elif not typer.confirm(f"Remove {len(going):,} of these, which frees {freed}?", err=True):
            going = []
    cleared = clear(going)
    if json:
        gone = {one.path: one for one in cleared}
        print_json({"root": str(root), "leftovers": [gone.get(one.path, one) for one in found]})
    elif cleared:
        say(f"removed {len(cleared):,}, {freed} are free")


def report(
    build: BuildDir,
    gallery: Annotated[
        int | None, typer.Option(min=1, max=2_000, help="Cards of samples (default: 240).", show_default=False)
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write there, with the pictures beside the page.", show_default=False),
    ] = None,
) -> None:
    """Write the HTML report of a build again and print where it lies."""
    from factory.phases.steps import renew_report
    from factory.phases.worth import worths_of
    from factory.report import gallery as cards
    from factory.report import write_gallery
    from factory.store.layout import open_build

    opened = open_build(build)
    if to is not None:
        if to.resolve().is_relative_to(build.resolve()):
            raise RecipeError(f"--to {to}: lies in the build, which holds what a build writes; give a folder elsewhere")
        tell(str(write_gallery(opened, to, gallery or cards.MAX_CARDS, worths=worths_of(opened))))
    elif gallery is not None:
        raise RecipeError(f"--gallery {gallery}: the build's own report has {cards.MAX_CARDS}; add --to FOLDER")
    else:
        tell(str(renew_report(opened)))
