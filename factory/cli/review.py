"""`factory review`: people decide what machines dispute, in Label Studio."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from factory.cli.options import Json, refuse_unused
from factory.cli.out import say, tell
from factory.errors import EXIT_OK, EXIT_ROWS_FAILED, RecipeError
from factory.text import counted

review_app = typer.Typer(no_args_is_help=True, help="People decide what machines dispute: Label Studio and back.")

BuildDir = Annotated[Path, typer.Argument(help="A build's directory.", show_default=False)]
DataDir = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder for the server's data (default: in the build).")
]


def server_folder(build: Path, data: Path | None) -> Path:
    """Where the server that we start keeps its data. Raises RecipeError where neither is given by a real build."""
    from factory.store.layout import open_build

    return open_build(build).paths.server if data is None else data


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


@review_app.command()
def push(
    context: typer.Context,
    build: BuildDir,
    data: DataDir = None,
    budget: Annotated[int | None, typer.Option(min=1, help="At most so many samples, those that gain most.")] = None,
    reviewers: Annotated[
        int | None, typer.Option(min=1, max=50, help="Projects to spread samples over, one a reviewer.")
    ] = None,
    gold: Annotated[
        Path | None, typer.Option("--gold", help="Samples whose right verdict is known: lines of {id, verdict}.")
    ] = None,
    qualify: Annotated[bool, typer.Option("--qualify", help="Send the gold alone: a qualifying round.")] = False,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="The recipe's file: where paths of its `select` begin.")
    ] = None,
    json: Json = False,
) -> None:
    """Send what is disputed, and an audit of what was accepted, to the reviewers; what they have is not sent again."""
    from annotation import push as sending
    from annotation.client import Client
    from annotation.connection import find_login
    from annotation.screens import open_screen
    from factory.cli.console import print_json
    from factory.cli.review_tasks import wanted_tasks
    from factory.generators.labelled import speaker
    from factory.redact import named_secrets
    from factory.store.layout import open_build
    from release.rows import build_generator

    if qualify:
        refuse_unused(context, ["budget", "recipe"], "is of what comes beside the gold, and --qualify sends gold alone")
    opened = open_build(build)
    wanted = wanted_tasks(opened, budget=budget, reviewers=reviewers, gold=gold, qualify=qualify, recipe=recipe)
    login = find_login(opened.paths.server if data is None else data)
    with Client(login, secrets=named_secrets(opened.recipe).values()) as client:
        screen = open_screen(opened, speaker(build_generator(opened)))
        done = sending.push(opened, client, wanted, screen, say=say)
    reviewers_told = counted(len(done.projects) - 1, "reviewer")
    say(f"{client.url}: {done.made:,} tasks sent, {done.there:,} were there; for {reviewers_told}")
    if json:
        print_json({"made": done.made, "there": done.there, "url": client.url})


@review_app.command()
def pull(build: BuildDir, data: DataDir = None, json: Json = False) -> None:
    """Take back what reviewers said since the last time; exit code 1 where something cannot count."""
    from annotation import pull as taking
    from annotation.client import Client
    from annotation.connection import find_login
    from factory.cli.console import print_json
    from factory.phases.asked import told_after_pull
    from factory.phases.held import told_of_held
    from factory.phases.weigh import told, weigh_build
    from factory.redact import named_secrets
    from factory.store.layout import open_build

    opened = open_build(build)
    login = find_login(opened.paths.server if data is None else data)
    with Client(login, secrets=named_secrets(opened.recipe).values()) as client:
        found = taking.pull(opened, client, say=say)
    weighed = weigh_build(opened)
    say(
        f"since the last time: {found.new:,} new, {found.changed:,} changed, {found.deleted:,} taken back",
        *taking.told(found.refused),
        told(weighed.tally.plain()),
        *told_of_held(weighed.held),
        *told_after_pull(weighed.asked, opened.paths.root),
    )
    if json:
        counts = {name: getattr(found, name) for name in ("new", "changed", "deleted")}
        far = {"people": weighed.tally.plain(), "asked": asdict(weighed.asked)}
        print_json(counts | far | {"refused": found.refused})
    raise typer.Exit(EXIT_ROWS_FAILED if found.refused else EXIT_OK)


@review_app.command()
def report(build: BuildDir) -> None:
    """Write the page for leads: agreement, gold, time, drift, what audits prove, and where people differ."""
    from factory.cli.review_report import write_review_report
    from factory.phases.held import told_of_held
    from factory.phases.weigh import told, weigh_build
    from factory.store.layout import open_build

    opened = open_build(build)
    found = weigh_build(opened)
    tell(str(write_review_report(opened, found)))
    say(told(found.tally.plain()), *told_of_held(found.held))


@review_app.command()
def decide(
    build: BuildDir,
    lead: Annotated[
        str | None, typer.Option("--lead", metavar="NAME", help="Who decides what others differ about.")
    ] = None,
    verdicts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID=VERDICT]...",
            help="What the lead says: accept, as_shown, reject, not_localizable, not_private.",
        ),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option("--trust", metavar="NAME", help="An account that counts, whatever it said of gold; repeatable."),
    ] = None,
    json: Json = False,
) -> None:
    """Make decisions of what people said, by the recipe's rule, and show what waits for the lead."""
    from factory.cli.console import print_json
    from factory.phases.asked import told_after_deciding
    from factory.phases.decide import decide_build
    from factory.phases.held import told_of_held
    from factory.phases.weigh import told
    from factory.store.layout import open_build

    if lead is not None and not verdicts and not trust:
        raise RecipeError("--lead: says who speaks, and nothing is said: add ID=VERDICT, or --trust NAME")
    opened = open_build(build)
    found = decide_build(opened, lead=lead, said=verdicts or (), trust=trust or ())
    say(told(found.tally.plain()))
    for name, one in found.barred.items():
        say(f"  no word of {name} counts: {one}; --trust {name} --lead NAME lets it")
    for row in found.queue:
        say(f"  for the lead: {row['id']}  {row['note'] or ''}")
    for name, why in found.held.items():
        say(f"  for the lead: {name}  cannot be released as people left it: {why}")
    for line in told_of_held(found.held):
        say(line)
    for line in told_after_deciding(found.asked, opened):
        say(line)
    if json:
        queue = [{"id": row["id"], "note": row["note"]} for row in found.queue]
        held = found.held.items()
        queue += [{"id": name, "note": f"cannot be released as people left it: {why}"} for name, why in held]
        far = {"people": found.tally.plain(), "asked": asdict(found.asked)}
        print_json(far | {"queue": queue, "barred": [*found.barred]})


@review_app.command()
def pairs(
    first: Annotated[Path, typer.Argument(metavar="A", help="A release, or a build that has one.", show_default=False)],
    second: Annotated[Path, typer.Argument(metavar="B", help="What it is compared with.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the pairs (default: pairs-A-B, by digests).")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of a server that `factory review serve` keeps.")
    ] = None,
    reviewers: Annotated[int, typer.Option(min=1, max=50, help="Who see every pair.")] = 2,
    most: Annotated[int, typer.Option("--pairs", min=1, help="At most so many pairs, drawn by a hash.")] = 200,
    seed: Annotated[int, typer.Option(help="Of that draw, and of which text stands left.")] = 0,
    language: Annotated[str, typer.Option(help="Of the words on the screen.")] = "en",
    hide_truth: Annotated[bool, typer.Option("--hide-truth", help="Show no true place.")] = False,
    json: Json = False,
) -> None:
    """Compare two releases' texts about the same pictures: sends what is missing, takes back, prints the table."""
    from annotation import pairs as paired
    from annotation.client import Client
    from annotation.connection import find_login
    from annotation.pull import told
    from annotation.screens.family import chosen
    from annotation.screens.pairs import PairScreen
    from annotation.screens.wording import known_language
    from factory.cli.console import print_json
    from factory.cli.review_pairs import compare, pairs

    found, screen = compare(first, second), PairScreen(known_language(language))
    files = paired.PairFiles(Path(found.title.replace(" ", "-")) if out is None else out)
    say(
        f"{files.root}: {len(found.ids):,} rows can be compared",
        *(f"  {n:,} {why}" for why, n in found.left_out.items()),
    )
    shows = chosen(language, show_truth=not hide_truth)
    picked = pairs(found, most=most, seed=seed, truth=None if hide_truth else screen.truth)
    with Client(find_login(files.server if data is None else data)) as client:
        made, there = paired.send(
            files, client, picked, screen, title=found.title, reviewers=reviewers, seed=seed, shows=shows, say=say
        )
        taken = paired.take(files, client)
    table = paired.outcome_table(taken.ratings)
    say(*told(taken.refused))
    if json:
        print_json({"made": made, "there": there, "criteria": table.to_dicts(), "refused": taken.refused})
    else:
        for line in paired.told_table(table):
            tell(line)
    raise typer.Exit(EXIT_ROWS_FAILED if taken.refused else EXIT_OK)
