"""`factory convert`: rows of one format become rows of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Json
from factory.cli.out import say, tell
from factory.errors import RecipeError
from factory.text import counted, did_you_mean

NAMES = ("sha256", "id")


def is_layout(name: str) -> bool:
    """Whether a name is a paper's layout of a whole data set, and no format of rows."""
    from release.layouts import LAYOUTS

    return name in LAYOUTS


def _lay_out(source: Path, out: Path, layout: str, split: str | None, *, unused: list[str], json: bool) -> None:
    from factory.cli.console import print_json
    from factory.store.files import disk_faults
    from release.laid_out import lay_out

    if unused:
        raise RecipeError(f"--to {layout}: {', '.join(unused)} would do nothing; a layout is made of a release alone")
    with disk_faults(out):
        written = lay_out(source, out, layout, split=split)
    if json:
        print_json({"root": str(out), "format": layout, "rows": written})
        return
    parts = ", ".join(f"{name} {rows:,}" for name, rows in written.items())
    say(f"release to {layout}: {counted(sum(written.values()), 'row')} ({parts})")
    tell(str(out))


def convert(
    source: Annotated[
        Path,
        typer.Argument(metavar="SRC", help="A file of rows, a release or its build, or a folder of `convert`."),
    ],
    out: Annotated[Path, typer.Argument(metavar="DST", help="The folder to write, not there yet.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="The format to write, or a paper's layout (vigor, cvg_text, geotext).",
        ),
    ],
    of: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="The format of SRC, where its rows do not tell.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the pictures that SRC names (default: where SRC lies).")
    ] = None,
    refer: Annotated[bool, typer.Option("--refer", help="Write paths of pictures as they stand; copy none.")] = False,
    names: Annotated[str, typer.Option(help="What pictures beside rows are called by: `sha256` or `id`.")] = "sha256",
    split: Annotated[
        str | None, typer.Option(help="Only this split of SRC (default: all).", show_default=False)
    ] = None,
    withdrawn: Annotated[
        Path | None, typer.Option(help="List of withdrawals (CSV or Parquet) whose rows are left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Write rows in another format, with their pictures, licences and withdrawals; what it cannot say lies beside."""
    from factory.cli.console import print_json
    from factory.formats.convert import How, only
    from factory.formats.convert import convert as converted
    from factory.formats.known import format_called
    from factory.formats.source import open_source
    from factory.store.files import disk_faults

    if is_layout(to):
        unused = {"--from": of, "--images": images, "--refer": refer, "--withdrawn": withdrawn}
        unused["--names"] = names if names != "sha256" else None
        _lay_out(source, out, to, split, unused=[option for option, given in unused.items() if given], json=json)
        return
    if names not in NAMES:
        raise RecipeError(f"--names {names}: expected {' or '.join(NAMES)}{did_you_mean(names, NAMES)}")
    target = format_called(to, option="--to")
    found = open_source(source, called=of, images=images)
    if split is not None:
        found = only(found, split)
    how = How(refer, "id" if names == "id" else "sha256", withdrawn)
    with disk_faults(out):
        done = converted(found, target, out, how)
    if json:
        print_json(done)
        return
    parts = ", ".join(f"{name} {rows:,}" for name, rows in done["rows"].items())
    say(f"{found.format} to {target.name}: {counted(sum(done['rows'].values()), 'row')} ({parts})")
    if done["sidecar"]:
        say(f"sidecar   {counted(done['sidecar'], 'row')} say more than {target.name} can: kept for the way back")
    for number, what in (
        (done["withdrawn"], "withdrawn and left out"),
        (done["withheld"], "with withheld pictures and left out: hydrate the release first"),
    ):
        if number:
            say(f"left out  {counted(number, 'row')} {what}")
    if done["unmet"]:
        say(f"sidecar   {counted(done['unmet'], 'line')} of the source's belong to no row: gone, or edited")
    if done["uneven"]:
        say("tars      samples differ in number or kind of pictures: `webdataset` reads them, `datasets` does not")
    tell(done["root"])
