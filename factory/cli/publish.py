"""`factory push`, `space` and `hydrate`: a release goes to the Hub, a folder or a store; pictures come to a release."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory.cli.options import AllowHost, Json, refuse_unused
from factory.cli.out import say, tell
from factory.errors import EXIT_OK, EXIT_ROWS_FAILED, RecipeError
from factory.text import counted

if TYPE_CHECKING:
    from factory.phases.run import UnderWay

ReleaseDir = Annotated[Path, typer.Argument(help="A release's directory, or its build's.", show_default=False)]


def push(
    context: typer.Context,
    path: ReleaseDir,
    repo: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="A dataset repository of the Hub.")] = None,
    to: Annotated[str | None, typer.Option(metavar="URL", help="A folder, or an address of fsspec: s3://...")] = None,
    public: Annotated[
        bool | None, typer.Option("--public/--private", help="Who may see it; private unless said.", show_default=False)
    ] = None,
    branch: Annotated[str | None, typer.Option(help="Commit to this branch (default: main).")] = None,
    pr: Annotated[bool, typer.Option("--pr", help="Commit to a pull request.")] = False,
    tag: Annotated[str | None, typer.Option(help="Tag the commit once it is verified.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files there that no release of ours wrote.")
    ] = False,
    at_once: Annotated[int, typer.Option(min=1, max=16, help="Files on their way at the same time.")] = 1,
    json: Json = False,
) -> None:
    """Send a release to the Hub, a folder or S3: checked first, only what changed, verified by its hashes, tagged."""
    from factory.cli.console import print_json
    from factory.phases.disk import in_words
    from release.outgoing import outgoing

    if (repo is None) == (to is None):
        raise RecipeError("say where to: --repo ORG/NAME for the Hub, or --to URL for a folder or an object store")
    if to is not None:
        refuse_unused(context, ["public", "branch", "pr", "tag", "at_once"], "is of the Hub, and --to goes elsewhere")
    release = outgoing(path)
    say(f"{release.root}: {counted(len(release.files), 'file')}, {in_words(release.size)}, no fault")
    progress = _Progress()
    if repo is not None:
        from release.hub_push import Wish, push_to_hub

        wish = Wish(
            public=bool(public),
            branch=branch,
            pull_request=pr,
            tag=tag,
            dry_run=dry_run,
            overwrite=overwrite,
            at_once=at_once,
        )
        done = push_to_hub(release, repo, wish, say=say, sent=progress.sent, uploading=progress.uploading)
    else:
        from release.file_push import push_to_files

        assert to is not None
        done = push_to_files(
            release,
            to,
            dry_run=dry_run,
            overwrite=overwrite,
            say=say,
            sent=progress.sent,
            uploading=progress.uploading,
        )
    would = "would send" if dry_run else "sent"
    say(
        f"{would} {counted(done.sent, 'file')}, {in_words(done.sent_bytes)}; {done.unchanged:,} unchanged, "
        f"{done.removed:,} of an earlier release {'would be ' if dry_run else ''}removed"
    )
    if json:
        print_json(done)
    else:
        tell(done.url)


def space(
    path: ReleaseDir,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The folder (default: beside, `...-space`).")
    ] = None,
    json: Json = False,
) -> None:
    """Write the viewer of a release as the folder of a static Hugging Face Space."""
    from factory.cli.console import print_json
    from release.outgoing import outgoing
    from release.space import write_space

    release = outgoing(path)
    out = release.root.with_name(f"{release.root.name}-space") if out is None else out
    files = write_space(release, out)
    say(f"{out}: {counted(files, 'file')}; send it with `hf upload ORG/NAME {out} --repo-type space`")
    if json:
        print_json({"root": str(out), "files": files})
    else:
        tell(str(out))


def hydrate(
    path: ReleaseDir,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The new release (default: beside, `...-hydrated`).")
    ] = None,
    allow_host: AllowHost = None,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Pictures under way.")] = 16,
    per_host: Annotated[int, typer.Option(min=1, max=64, help="Of these, at one host.")] = 2,
    per_second: Annotated[float, typer.Option(min=0.01, max=1000, help="Requests a second at one host.")] = 10.0,
    similar: Annotated[
        int | None,
        typer.Option(
            min=0, max=16, metavar="BITS", help="Take another file when its perceptual hash differs in no more bits."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Fetch the pictures that a release names and has not, verify them by hash, and write a release that has them.
    Exit code 1 where some are missing."""
    from factory.cli.console import BuildDisplay, print_json
    from factory.fetch.fetcher import Manners
    from factory.fetch.public import hosts
    from factory.phases.run import UnderWay
    from factory.plugins.fetching import Course
    from factory.processes import usable_cores
    from release.folder import release_folder
    from release.hydrate import Hydrating, hydrate

    root = release_folder(path)
    out = root.resolve().with_name(f"{root.resolve().name}-hydrated") if out is None else out
    course = Course()
    manners = Manners(allowed=hosts(allow_host or ()), per_host=per_host, pause_s=1 / per_second)
    how = Hydrating(manners=manners, at_once=at_once, similar=similar, workers=usable_cores())

    def look() -> UnderWay:
        return UnderWay(done=course.done, refused=course.missing)

    def working(total: int) -> AbstractContextManager[object]:
        return BuildDisplay().working("hydrate", total, look)

    done = hydrate(root, out, how, course=course, working=working)
    came = f"{counted(done.pictures, 'picture')} came" + (f", {done.similar:,} of them similar" if done.similar else "")
    say(f"{out}: {came}; {counted(done.rows, 'row')}, {done.rows_missing:,} left out")
    if done.missing:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in done.missing.items())
        say(f"missing: {reasons}; {out / 'missing.jsonl'} names each, and the same command asks for these again")
    if json:
        print_json(done)
    else:
        tell(str(out))
    raise typer.Exit(EXIT_ROWS_FAILED if done.missing else EXIT_OK)


class _Progress:
    """Bytes on their way, drawn as a build's phases are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = 0

    def sent(self, size: int) -> None:
        with self._lock:
            self._done += size

    def uploading(self, total: int) -> AbstractContextManager[object]:
        from factory.cli.console import BuildDisplay
        from factory.cli.pace import BytesPace

        return BuildDisplay().working("push", total, self._look, BytesPace)

    def _look(self) -> UnderWay:
        from factory.phases.run import UnderWay

        return UnderWay(done=self._done)
