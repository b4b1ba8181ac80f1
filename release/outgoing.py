"""What leaves with a release, and what that changes at a place: pure, for the Hub, folders and object stores alike.

A file goes out when what lies at the place differs from it. A file that lies there is replaced or taken away only where
it is one of an earlier release of ours, as that release's own manifest says; whatever else is in the way stops the
push, and whatever is beside it stays.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.errors import CorruptBuild, RecipeError
from factory.text import counted, tidy
from release.check import check_release
from release.folder import release_folder
from release.manifest import MANIFEST, DamagedRelease, digest_of, read_manifest

SHOWN_FAULTS: Final = 20
SHOWN_NAMES: Final = 5
TITLE_CHARACTERS: Final = 60
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """A file of the release."""

    path: str
    """Below the release, with slashes."""
    file: Path
    size: int
    sha256: str

    def blob(self) -> str:
        """Its git name, SHA-1 over a head with its size and its bytes: what a tree says of a file that is not LFS."""
        digest = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        with self.file.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A checked release on its way."""

    root: Path
    files: Mapping[str, Sent]
    """By path; the manifest is the last."""
    name: str
    fingerprint: str
    """Of the build."""
    manifest_sha256: str
    """As the manifest says it of itself: it covers every byte of the release."""
    rows: int

    @property
    def size(self) -> int:
        return sum(sent.size for sent in self.files.values())

    @property
    def summary(self) -> str:
        """One line that names the release: the title of a commit or pull request, the same for the same bytes."""
        return f"{self.name}: build {self.fingerprint[:8]}, release {self.manifest_sha256[:12]}"

    @property
    def description(self) -> str:
        rows, files = counted(self.rows, "row"), counted(len(self.files), "file")
        return f"{rows} in {files}.\n\nbuild fingerprint: {self.fingerprint}\nmanifest_sha256: {self.manifest_sha256}"


@dataclass(frozen=True, slots=True)
class Place:
    """What lies where a release is to go."""

    same: frozenset[str]
    """Paths of ours whose bytes are there already."""
    others: frozenset[str]
    """Every other path there."""
    earlier: frozenset[str] = frozenset()
    """Of these, the files of an earlier release of ours, as it wrote them."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a push does, by path, each in order."""

    send: tuple[str, ...]
    """New, or in the place of what is in `earlier` or `in_the_way`."""
    remove: tuple[str, ...]
    """Of an earlier release, and no more of this one."""
    in_the_way: tuple[str, ...]
    """Of `send`, those that would replace what no release of ours wrote."""
    beside: tuple[str, ...]
    """Not ours: stays."""

    def __bool__(self) -> bool:
        return bool(self.send or self.remove)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What came of a push, or would."""

    url: str
    """Of the repository, the pull request or the folder."""
    revision: str | None
    """The commit; None in a dry run, and where there are none."""
    tag: str | None
    sent: int
    sent_bytes: int
    unchanged: int
    removed: int


def changes(files: Mapping[str, Any], place: Place) -> Changes:
    """What makes the place have these files."""
    send = tuple(path for path in files if path not in place.same)
    remove = tuple(sorted(place.earlier - files.keys()))
    in_the_way = tuple(path for path in send if path in place.others - place.earlier)
    beside = tuple(sorted(place.others - place.earlier - files.keys()))
    return Changes(send, remove, in_the_way, beside)


def pushed(
    release: Outgoing, found: Changes, url: str, *, revision: str | None = None, tag: str | None = None
) -> Pushed:
    """What comes of a push that makes these changes."""
    return Pushed(
        url=url,
        revision=revision,
        tag=tag,
        sent=len(found.send),
        sent_bytes=sum(release.files[path].size for path in found.send),
        unchanged=len(release.files) - len(found.send),
        removed=len(found.remove),
    )


def outgoing(path: Path) -> Outgoing:
    """The release in a folder, after `check_release` found nothing; a build's directory is taken for its `release/`.

    Raises:
        RecipeError: there is no release.
        CorruptBuild: it has faults, each named.
    """
    root = Path(os.path.abspath(release_folder(path)))  # noqa: PTH100 - links stay as they are written
    _refuse_hydrated(root)
    if faults := check_release(root):
        more = [f"... and {len(faults) - SHOWN_FAULTS:,} more"] if len(faults) > SHOWN_FAULTS else []
        raise CorruptBuild(f"{path}: not sent, the release fails its check:", *faults[:SHOWN_FAULTS], *more)
    try:
        manifest = read_manifest(root)
        sent = [
            Sent(entry["path"], root / entry["path"], entry["bytes"], entry["sha256"]) for entry in manifest["files"]
        ]
        last = root / MANIFEST
        sent.append(Sent(MANIFEST, last, last.stat().st_size, digest_of(last)))
        return Outgoing(
            root=root,
            files={one.path: one for one in sent},
            name=tidy(str(manifest.get("title") or manifest["name"]), TITLE_CHARACTERS),
            fingerprint=tidy(str(manifest.get("fingerprint") or "unknown"), 64),
            manifest_sha256=manifest["manifest_sha256"],
            rows=int(manifest["counts"]["rows"]),
        )
    except (DamagedRelease, KeyError, TypeError, ValueError) as error:  # changed since it was checked
        raise CorruptBuild(f"{root / MANIFEST}: does not describe a release ({error!r:.200})") from None


def _refuse_hydrated(root: Path) -> None:
    """Raises RecipeError for pictures that may not be passed on."""
    try:
        hydrated = "hydrated" in read_manifest(root)
    except DamagedRelease:  # the check tells
        return
    if hydrated:
        raise RecipeError(
            f"{root}: holds pictures that were fetched for you and that its release does not pass on; push that release"
        )


def refuse_in_the_way(found: Changes, where: str, *, overwrite: bool) -> None:
    """Raises RecipeError where a push would replace what no release of ours wrote."""
    if found.in_the_way and not overwrite:
        raise RecipeError(
            f"{where} has {listed(found.in_the_way)} that no earlier release of ours wrote as they are: somebody "
            "else's, or edited there since. Nothing was sent; keep what they say, then say --overwrite"
        )


def say_beside(found: Changes, say: Callable[[str], None]) -> None:
    """Tells what stays there beside the release."""
    if found.beside:
        say(f"left alone, not ours: {listed(found.beside)}")


def listed(paths: tuple[str, ...]) -> str:
    """A few names, and how many more."""
    more = f" and {len(paths) - SHOWN_NAMES:,} more" if len(paths) > SHOWN_NAMES else ""
    return ", ".join(paths[:SHOWN_NAMES]) + more
