"""Sends a release to a dataset repository of the Hub: one commit, verified by its hashes, then tagged.

Files of LFS go up one by one before the commit; the Hub tells by its batch endpoint which it has already, so a push
that was killed sends none of them again. What is committed is found by the hashes of the tree. So the same command
gives the same repository after any end, and nothing is written down here.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from factory.errors import EnvironmentFault, RecipeError
from factory.text import counted
from release.hub import KIND, Hub, Stale, closing
from release.hub_tree import look
from release.outgoing import (
    Changes,
    Outgoing,
    Place,
    Pushed,
    changes,
    listed,
    pushed,
    refuse_in_the_way,
    say_beside,
)
from release.viewer_pages import is_page

if TYPE_CHECKING:
    from huggingface_hub import CommitInfo, CommitOperationAdd

MAIN: Final = "main"
MOST_FILES: Final = 20_000
"""Of one commit; the Hub takes 25,000 LFS files."""
MOST_TEXT: Final = 1_000_000_000
"""Bytes of files that are not LFS, in base64: they go within the commit (`create_commit` of the client)."""
_LOOKS: Final = 4
"""How often it is looked again what lies there, after a branch moved or an answer was lost."""
_REQUEST: Final = "refs/pr/"
_NOTHING: Final = Place(frozenset(), frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for beside the repository."""

    public: bool = False
    branch: str | None = None
    pull_request: bool = False
    tag: str | None = None
    dry_run: bool = False
    overwrite: bool = False
    """Replace what is in the way though no release of ours wrote it."""
    at_once: int = 1
    """Files that go out at the same time: after a kill as many are sent again, at most."""


def push_to_hub(
    release: Outgoing,
    repo: str,
    wish: Wish,
    *,
    say: Callable[[str], None],
    sent: Callable[[int], None],
    uploading: Callable[[int], AbstractContextManager[object]],
) -> Pushed:
    """Makes a repository hold a release.

    Args:
        release: checked.
        repo: `org/name`, made where there is none.
        say: told what happens, a line each.
        sent: told how many bytes went out, from any thread.
        uploading: entered around the upload of so many bytes.

    Raises:
        RecipeError: the wish cannot be met as it is: a public repository without `public`, a tag of another release,
            files of somebody else in the way.
        EnvironmentFault: the Hub refuses, or cannot be reached. The same call goes on where it stopped.
    """
    if wish.pull_request and (wish.tag or wish.branch):
        raise RecipeError(
            "--pr goes alone: once it is merged, push again with --tag or --branch; no file is sent twice"
        )
    if len(release.files) > MOST_FILES:
        raise RecipeError(
            f"{len(release.files):,} files are too many for one commit: make larger shards (`release: {{shard_size}}`)"
        )
    text = sum(sent.size for path, sent in release.files.items() if is_page(path))
    if text * 4 / 3 > MOST_TEXT:
        raise RecipeError(
            f"its viewer has {text / 1e6:,.0f} MB of text, and a commit to the Hub takes 1 GB as it is sent: put the "
            "viewer into a Space (`factory space`), and release without it (`release: {viewer: false}`)"
        )
    hub = Hub(repo, say=say, sent=sent)
    if not hub.signed_in and not wish.dry_run:
        raise EnvironmentFault("no token for the Hub: `hf auth login`, or set the environment variable HF_TOKEN")
    with closing():
        if not _is_there(hub, wish):
            if wish.dry_run:
                return pushed(release, changes(release.files, _NOTHING), hub.url)
            _make(hub, wish)
        revision = _revision(hub, release, wish)
        if wish.tag:
            _refuse_other_tag(hub, release, wish.tag)
        if wish.dry_run:
            found = changes(release.files, look(hub, release, _head(hub, revision or MAIN)))
            refuse_in_the_way(found, hub.url, overwrite=wish.overwrite)
            say_beside(found, say)
            return pushed(release, found, hub.url)
        assert revision is not None
        done = _bring(hub, release, wish, revision, uploading)
        if wish.tag:
            _tag(hub, release, wish.tag, done.commit)
        return pushed(release, done.changes, done.request or hub.url, revision=done.commit, tag=wish.tag)


def _is_there(hub: Hub, wish: Wish) -> bool:
    """Whether the repository exists. Raises RecipeError for a public one where nobody said `public`."""
    found = hub.missing(lambda: hub.api.dataset_info(hub.repo))
    if found is None:
        return False
    if found.private is not True and not wish.public:
        raise RecipeError(f"{hub.url} is public: say --public to publish there, or make it private first")
    if found.private and wish.public:
        hub.say(f"{hub.repo} is private and stays so; its settings on the Hub change that")
    return True


def _make(hub: Hub, wish: Wish) -> None:
    private = not wish.public
    hub.asked("new repository", lambda: hub.api.create_repo(hub.repo, repo_type=KIND, private=private, exist_ok=True))
    _is_there(hub, wish)  # somebody else may have made it meanwhile, and made it public
    hub.say(f"made {hub.url}, {'private' if private else 'public'}")


def _revision(hub: Hub, release: Outgoing, wish: Wish) -> str | None:
    """Where the commit goes: a branch, made where there is none, or an open pull request for this very release; None
    for a branch that a dry run does not make."""
    if wish.pull_request:
        return _open_request(hub, release) or MAIN
    if wish.branch is None or wish.branch == MAIN:
        return MAIN
    branch = wish.branch
    refs = hub.asked("list of branches", lambda: hub.api.list_repo_refs(hub.repo, repo_type=KIND))
    if branch not in {one.name for one in refs.branches}:
        if wish.dry_run:
            return None
        hub.asked("branch", lambda: hub.api.create_branch(hub.repo, branch=branch, repo_type=KIND, exist_ok=True))
    return branch


def _open_request(hub: Hub, release: Outgoing) -> str | None:
    def found() -> str | None:
        requests = hub.api.get_repo_discussions(
            hub.repo, repo_type=KIND, discussion_type="pull_request", discussion_status="open"
        )
        return next((f"{_REQUEST}{one.num}" for one in requests if one.title == release.summary), None)

    return hub.asked("list of pull requests", found)


def _refuse_other_tag(hub: Hub, release: Outgoing, tag: str) -> None:
    if _tagged(hub, tag) and changes(release.files, look(hub, release, tag)):
        raise RecipeError(f"{hub.url} has a tag {tag} of another release, and a tag stays where it is: choose another")


def _tagged(hub: Hub, tag: str) -> bool:
    refs = hub.asked("list of tags", lambda: hub.api.list_repo_refs(hub.repo, repo_type=KIND))
    return tag in {one.name for one in refs.tags}


def _head(hub: Hub, revision: str) -> str:
    head = hub.asked("branch", lambda: hub.api.dataset_info(hub.repo, revision=revision).sha)
    if not head:
        raise EnvironmentFault(f"{hub.url}: the Hub does not say which commit {revision} is")
    return head


@dataclass(frozen=True, slots=True)
class _Brought:
    commit: str
    changes: Changes
    request: str | None


def _bring(
    hub: Hub,
    release: Outgoing,
    wish: Wish,
    revision: str,
    uploading: Callable[[int], AbstractContextManager[object]],
) -> _Brought:
    """Uploads and commits, unless the revision holds the release already, and verifies it by the hashes of the tree."""
    done, why = changes({}, _NOTHING), ("nothing was looked at",)
    for _ in range(_LOOKS):
        head = _head(hub, revision)
        found = changes(release.files, look(hub, release, head))
        if not found:
            request = f"{hub.url}/discussions/{revision.removeprefix(_REQUEST)}" if _REQUEST in revision else None
            return _verified(hub, release, _Brought(head, done, request))
        refuse_in_the_way(found, f"{hub.url} ({revision})", overwrite=wish.overwrite)
        if not done:
            say_beside(found, hub.say)
        done, new = found, wish.pull_request and revision == MAIN
        try:
            commit = _commit(hub, release, wish, found, revision, head, new, uploading)
        except Stale as stale:
            why = stale.args
            revision = (_open_request(hub, release) or MAIN) if new else revision
            continue
        if odd := changes(release.files, look(hub, release, commit.oid)):
            raise EnvironmentFault(
                f"{hub.url}: at {commit.oid[:12]}, which was just committed, {listed(odd.send or odd.remove)} is not "
                "what was sent; it was not tagged. Push again"
            )
        return _verified(hub, release, _Brought(commit.oid, done, commit.pr_url))
    raise EnvironmentFault(f"{hub.url}: {why[0]}", *why[1:])


def _verified(hub: Hub, release: Outgoing, brought: _Brought) -> _Brought:
    files = counted(len(release.files), "file")
    hub.say(f"verified: {files} at {brought.commit[:12]} have the hashes of the release")
    return brought


def _commit(
    hub: Hub,
    release: Outgoing,
    wish: Wish,
    found: Changes,
    revision: str,
    head: str,
    new: bool,
    uploading: Callable[[int], AbstractContextManager[object]],
) -> CommitInfo:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    adds = [CommitOperationAdd(path, release.files[path].file) for path in found.send]
    for add in adds:
        add.upload_info.sha256 = bytes.fromhex(release.files[add.path_in_repo].sha256)  # the check has just read it
    with uploading(sum(add.upload_info.size for add in adds)), ThreadPoolExecutor(wish.at_once) as pool:
        waiting = [pool.submit(_upload, hub, add, revision, new) for add in adds]
        try:
            for one in waiting:
                one.result()
        finally:
            for one in waiting:
                one.cancel()
    gone: list[Any] = [CommitOperationDelete(path, is_folder=False) for path in found.remove]
    return hub.committed(
        lambda: hub.api.create_commit(
            hub.repo,
            [*adds, *gone],
            commit_message=release.summary,
            commit_description=release.description,
            repo_type=KIND,
            revision=revision,
            create_pr=new,
            parent_commit=head,
        )
    )


def _upload(hub: Hub, add: CommitOperationAdd, revision: str, new: bool) -> None:
    """Sends a file that is LFS, unless the Hub has it; what is not goes with the commit. Either counts as sent."""
    before = hub.counted
    hub.asked(
        f"file {add.path_in_repo}",
        lambda: hub.api.preupload_lfs_files(
            hub.repo, [add], repo_type=KIND, revision=revision, create_pr=new, num_threads=1, free_memory=False
        ),
    )
    hub.sent(max(0, add.upload_info.size - (hub.counted - before)))


def _tag(hub: Hub, release: Outgoing, tag: str, commit: str) -> None:
    if not _tagged(hub, tag):
        hub.asked(
            "tag",
            lambda: hub.api.create_tag(
                hub.repo, tag=tag, tag_message=release.summary, revision=commit, repo_type=KIND, exist_ok=True
            ),
        )
    _refuse_other_tag(hub, release, tag)  # read back, as all else
    hub.say(f"tagged {tag}")
