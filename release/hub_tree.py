"""What lies in a repository of the Hub, by the hashes that its tree tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from release.hub import KIND, Hub
from release.manifest import MANIFEST, MAX_BYTES, DamagedRelease, digest_of, read_manifest
from release.outgoing import Outgoing, Place, Sent

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoFile


def look(hub: Hub, release: Outgoing, revision: str) -> Place:
    """What lies at a revision: files of the release, files of an earlier one, and others."""
    tree = _tree(hub, revision)
    ours = release.files
    same = frozenset(path for path, there in tree.items() if path in ours and _is_same(ours[path], there))
    others = {path: there for path, there in tree.items() if path not in same}
    earlier = frozenset[str]()
    if MANIFEST in others and others[MANIFEST].size <= MAX_BYTES:
        with TemporaryDirectory(prefix="factory-push-") as folder:
            earlier = _earlier(hub, revision, others, Path(folder))
    return Place(same, frozenset(others), earlier)


def _tree(hub: Hub, revision: str) -> dict[str, RepoFile]:
    from huggingface_hub.hf_api import RepoFile

    def listing() -> dict[str, RepoFile]:
        tree = hub.api.list_repo_tree(hub.repo, recursive=True, revision=revision, repo_type=KIND)
        return {one.path: one for one in tree if isinstance(one, RepoFile)}

    return hub.asked("list of files", listing)


def _is_same(sent: Sent, there: RepoFile) -> bool:
    if there.lfs is not None:
        return bool(there.lfs.sha256 == sent.sha256)
    return bool(there.size == sent.size and there.blob_id == sent.blob())


def _earlier(hub: Hub, revision: str, others: Mapping[str, RepoFile], folder: Path) -> frozenset[str]:
    """Which of these files an earlier release of ours wrote as they are, by its manifest at this revision."""

    def fetched(path: str) -> Path:
        def got() -> str:
            return hub.api.hf_hub_download(hub.repo, path, repo_type=KIND, revision=revision, local_dir=folder)

        return Path(hub.asked(f"file {path}", got))

    fetched(MANIFEST)
    try:
        entries = {entry["path"]: entry for entry in read_manifest(folder)["files"]}
    except DamagedRelease:
        return frozenset()
    written = {MANIFEST}
    for path in others.keys() & entries.keys():
        there, entry = others[path], entries[path]
        if there.lfs is not None:
            found = there.lfs.sha256
        elif there.size == entry.get("bytes"):  # a tree has no SHA-256 of what is not LFS, which is small
            found = digest_of(fetched(path))
        else:
            continue
        if found == entry.get("sha256"):
            written.add(path)
    return frozenset(written)
