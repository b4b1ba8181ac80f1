"""`factory push`: a release goes to the Hub, to a folder or to an object store."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factory.cli.out import say, tell
from factory.errors import RecipeError
from factory.text import counted

if TYPE_CHECKING:
    from factory.phases.run import UnderWay

ReleaseDir = Annotated[Path, typer.Argument(help="A release's directory, or its build's.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON on standard output; talk goes to standard error.")]


def push(
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
    if to is not None and (public is not None or branch or pr or tag):
        raise RecipeError("--public, --private, --branch, --pr and --tag are the Hub's: leave them out with --to")
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
