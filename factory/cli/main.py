"""The `factory` command: parses, calls, prints. The one module that knows every package, importing each when needed."""

from __future__ import annotations

import errno
import io
import logging
import os
import shlex
import sys
import threading
import warnings
from itertools import islice
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from factory.cli.accept import accept
from factory.cli.convert import convert
from factory.cli.diff import diff
from factory.cli.evaluate import evaluate
from factory.cli.geo import geo_app
from factory.cli.graph import graph
from factory.cli.join import merge, mix
from factory.cli.logs import logs
from factory.cli.looking import builds, clean, errors, report, rows
from factory.cli.navig import navig
from factory.cli.options import AllowHost, Json, Overrides, Profile, refuse_unused
from factory.cli.out import TellingHandler, cut, say, show_fault, show_thread_fault, show_warning, tell
from factory.cli.publish import hydrate, push, space
from factory.cli.recipe import recipe_app
from factory.cli.rerank import rerank
from factory.cli.retrieval import retrieval
from factory.cli.review import review_app
from factory.cli.serving import serve_teacher
from factory.cli.train import merge_adapter, train
from factory.errors import (
    EXIT_ENVIRONMENT,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_ROWS_FAILED,
    EXIT_USAGE,
    FactoryError,
    RecipeError,
)
from factory.text import counted
from factory.version import __version__

app = typer.Typer(
    name="factory",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns a recipe into a checked, reviewed, released geo-reasoning dataset.",
)
app.add_typer(recipe_app, name="recipe")
app.add_typer(geo_app, name="geo")
app.add_typer(review_app, name="review")
_GOES_ON = (["build"], ["demo"], ["push"], ["hydrate"], ["train"], ["rerank"], ["navig"])
"""Commands that, once interrupted, go on where they stopped; `eval` does where it keeps its answers."""

RecipeFile = Annotated[Path, typer.Argument(help="The recipe's YAML file.", show_default=False)]
BuildDir = Annotated[Path, typer.Argument(help="A build's directory.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", help="Folder that holds builds.")]


def main() -> NoReturn:
    """Entry point. Every FactoryError ends as its message and its exit code, never as a traceback."""
    if os.name != "posix":
        say("factory runs on Linux and macOS; on Windows, use WSL")
        sys.exit(EXIT_ENVIRONMENT)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.excepthook, threading.excepthook = show_fault, show_thread_fault
    warnings.showwarning, logging.lastResort = show_warning, TellingHandler(logging.WARNING)
    # Arrow's own allocator keeps what one phase freed through the next; with the system's a build takes 70 MB less.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # So does the one in polars, jemalloc, which reads this when it is loaded: 79 MB less for 20,000 samples.
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except FactoryError as error:
        say(*error.args)
        code = error.exit_code
    except OSError as error:
        code = _disk_error(error)
    except (KeyboardInterrupt, typer.Abort):
        code = EXIT_INTERRUPTED
    except typer.Exit as stop:
        code = stop.exit_code
    except Exception as error:
        code = _usage_error(error)
    if code == EXIT_INTERRUPTED:
        resumes = "; the same command goes on where it stopped" if _goes_on(sys.argv[1:]) else ""
        say(f"interrupted{resumes}")
    try:
        sys.stdout.flush()
    except OSError:  # told above; the interpreter would try once more at its end, and tell it in its own words
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code or EXIT_OK)


def _goes_on(words: list[str]) -> bool:
    keeps = any(word == "--save" or word.startswith("--save=") for word in words)
    return words[:1] in _GOES_ON or (words[:1] == ["eval"] and keeps)


def _disk_error(error: OSError) -> int:
    """Says what could not be opened or written; where nobody reads the output any more there is nobody to tell. Any
    other fault of the system is one of the code, and raised."""
    from factory.store.files import DISK_ERRORS

    if error.errno == errno.EPIPE:
        return EXIT_ROWS_FAILED
    if error.filename is None and error.errno not in DISK_ERRORS:
        raise error
    place = "the output" if error.filename is None else error.filename
    say(f"{place}: {_MISTAKEN.get(error.errno or 0, error.strerror)}")
    return EXIT_USAGE if error.errno in _MISTAKEN else EXIT_ENVIRONMENT


_MISTAKEN = {
    errno.ENOTDIR: "a file stands where a folder is meant",
    errno.EISDIR: "is a folder where a file is meant",
    errno.EEXIST: "is there already, where a folder is meant or nothing",
}
"""Faults of a path that somebody wrote, not of the disk."""


def _usage_error(error: Exception) -> int:
    """Says what is wrong with a command line, which may hold names of files that a shell put there."""
    message, code = getattr(error, "format_message", None), getattr(error, "exit_code", None)
    if message is None or not isinstance(code, int):
        raise error
    context = getattr(error, "ctx", None)
    if context is not None:
        say(*context.get_usage().split("\n"), f"Try '{context.command_path} --help' for help.")
    if said := message():
        say(said)
    return code


def _version(wanted: bool) -> None:
    if wanted:
        tell(f"factory {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def build(
    recipe: RecipeFile,
    profile: Profile = None,
    overrides: Overrides = None,
    out: Out = Path("builds"),
    engine: Annotated[
        str, typer.Option("--engine", help="What runs shards: `local`, in processes here; `ray`, on a cluster.")
    ] = "local",
    address: Annotated[
        str | None, typer.Option("--address", help="Of the Ray cluster: `auto`, HOST:PORT (default: one made here).")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage", metavar="URL", help="Where a cluster that does not see --out leaves shards: s3://..."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Shards at the same time (default: one a core, fewer for few samples).")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Ask again where an endpoint or a file was away.")] = False,
    allow_host: AllowHost = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only so many samples, as `--set plan.limit=N`: a build of its own."),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            help="Work on these alone: a phase (`verify`, `+verify` with all before it, `verify+`), `shard:0-7`, "
            "`state:failed` (new, stopped, answered); repeatable."
        ),
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave these out; written as for --select.")] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also when each phase begins and how long it took, as in build.log.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what is wrong.")] = False,
    json: Json = False,
) -> None:
    """Build a recipe. A finished build returns at once; a stopped one goes on where it was."""
    import factory
    from factory.cli.console import BuildDisplay, print_json

    if verbose and quiet:
        raise RecipeError("--verbose and --quiet: expected one of them")
    try:
        result = factory.build(
            recipe,
            profile=profile,
            overrides=[*(overrides or ()), *([] if limit is None else [f"plan.limit={limit}"])],
            out=out,
            engine=engine,
            address=address,
            storage=storage,
            workers=workers,
            retry=retry,
            allow_hosts=allow_host or (),
            select=select or (),
            exclude=exclude or (),
            listener=None if quiet else BuildDisplay(detailed=verbose),
        )
    except FactoryError as error:
        if json:
            print_json({"state": "stopped", "error": str(error), "exit_code": error.exit_code})
        raise
    if json:
        print_json(result)
    raise typer.Exit(result.exit_code)


@app.command()
def demo(
    context: typer.Context,
    out: Out = Path("builds"),
    copy: Annotated[
        Path | None, typer.Option("--copy", metavar="DIR", help="Build nothing: copy recipe and data there, to edit.")
    ] = None,
) -> None:
    """Build the demo that ships with the package: no GPU, no key, no network. Or copy it, to start from."""
    import factory
    from factory.cli.console import BuildDisplay
    from factory.cli.demo import PROFILE, copy_demo, demo_recipe

    if copy is not None:
        refuse_unused(context, ["out"], "holds builds, and --copy makes none")
        copied = copy_demo(copy)
        say(f"copied to {copy}; edit {copied}, then: factory build {shlex.quote(str(copied))}")
        return
    recipe, display = demo_recipe(), BuildDisplay()
    result = factory.build(recipe, profile=PROFILE, out=out, listener=display)
    display.phase("recipe", f"{recipe}  (a copy to edit: factory demo --copy DIR)")
    raise typer.Exit(result.exit_code)


@app.command()
def plan(
    recipe: RecipeFile,
    profile: Profile = None,
    overrides: Overrides = None,
    out: Out = Path("builds"),
    json: Json = False,
) -> None:
    """What a build would do: samples, questions, calls, tokens, cost, and why it is a new build. Makes no call."""
    from factory.cli.console import print_estimate, print_json
    from factory.cli.estimate import estimate
    from factory.recipe.load import load_recipe

    foreseen = estimate(load_recipe(recipe, profile=profile, overrides=overrides or ()), out=out)
    (print_json if json else print_estimate)(foreseen)


@app.command()
def status(build: BuildDir, json: Json = False) -> None:
    """How far a build is, counted from its files; works while it runs."""
    from factory.cli.console import print_json, print_status
    from factory.cli.status import build_status
    from factory.store.layout import open_build

    state = build_status(open_build(build))
    (print_json if json else print_status)(state)


@app.command()
def explain(build: BuildDir, sample_id: Annotated[str, typer.Argument(metavar="ID")], json: Json = False) -> None:
    """One sample's whole story: source, truth, answers, checks, decision, where it went."""
    from factory.cli.console import print_json, print_story
    from factory.cli.explain import explain_sample
    from factory.store.layout import open_build

    story = explain_sample(open_build(build), sample_id)
    (print_json if json else print_story)(story)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A build's directory, or a release's.", show_default=False)],
    benchmark: Annotated[
        list[Path] | None,
        typer.Option(
            help="Table or folder of images of an evaluation set of which no released row may be; repeatable."
        ),
    ] = None,
    withdrawn: Annotated[
        Path | None,
        typer.Option(
            help="List of withdrawals (CSV or Parquet: id, sha256, author, reason, since) of which none may be."
        ),
    ] = None,
) -> None:
    """Check every file of a build or a release against what was recorded when it was written, and a release's rules:
    what leaks, what its licences ask for. Exit code 1 where a fault is found, each a line on standard output."""
    from factory.cli.check import MOST_FAULTS, file_faults

    faults = list(islice(file_faults(path, benchmark or (), withdrawn), MOST_FAULTS + 1))
    for fault in faults[:MOST_FAULTS]:
        tell(cut(fault))
    if len(faults) > MOST_FAULTS:
        say(f"more than {MOST_FAULTS:,} faults; what lies behind them was not looked at")
    else:
        say(counted(len(faults), "fault") if faults else f"{path}: every file is as it was written")
    raise typer.Exit(EXIT_ROWS_FAILED if faults else EXIT_OK)


app.command()(accept)
app.command()(report)
app.command()(rows)
app.command()(errors)
app.command()(builds)
app.command()(logs)
app.command()(graph)
app.command()(clean)
app.command()(diff)
app.command()(convert)
app.command()(push)
app.command()(space)
app.command()(hydrate)
app.command(context_settings={"allow_extra_args": True})(serve_teacher)
app.command()(train)
app.command("merge-adapter")(merge_adapter)
app.command()(merge)
app.command()(mix)
app.command("eval")(evaluate)
app.command()(rerank)
app.command()(retrieval)
app.command()(navig)


@app.command(hidden=True, context_settings={"ignore_unknown_options": True})
def verify(paths: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """The name that `factory check` had in 0.1."""
    asked = shlex.join(paths) if paths else "PATH"
    raise RecipeError(f"`factory verify` is now called `factory check`: factory check {asked}")


@app.command()
def doctor(
    context: typer.Context,
    recipe: Annotated[Path | None, typer.Argument(help="Also check what this recipe needs.")] = None,
    profile: Profile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Check this machine: packages, image libraries, disk, and the keys and endpoints a recipe names."""
    from factory.cli.console import print_findings, print_json
    from factory.cli.doctor import examine

    if recipe is None:
        refuse_unused(context, ["profile", "overrides"], "is of a recipe, and none is given")
    findings = examine(recipe, profile=profile, overrides=overrides or ())
    (print_json if json else print_findings)(findings)
    raise typer.Exit(3 if any(finding.fault for finding in findings) else EXIT_OK)


def known_commands() -> dict[str, str]:
    """Every command that help lists, by its full name, with its help, for the documentation test."""
    found = {}
    for prefix, group in (("", app), ("recipe ", recipe_app), ("geo ", geo_app)):
        for command in group.registered_commands:
            if command.hidden:
                continue
            assert command.callback is not None
            name = command.name or command.callback.__name__.replace("_", "-")
            found[prefix + name] = command.help or command.callback.__doc__ or ""
    return found
