"""A release goes to the Hub through the real client: whole, once, private, verified, whatever happens on the way."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from factory.errors import EnvironmentFault, RecipeError
from release.hub_push import Pushed, Wish, push_to_hub
from release.outgoing import Outgoing
from tests.build_fixture import FINGERPRINT
from tests.hub_server import DROP, DROP_LATE, DROP_MIDDLE, START, TOKEN, Asked, Hub, Refusal, hub_served
from tests.real_build import factory
from tests.released import contents_of as files
from tests.released import two_releases

REPO = "org/places"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outgoing, Outgoing]:
    return two_releases(tmp_path_factory.mktemp("push") / "b")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with hub_served() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        yield served


@dataclass
class Told:
    """What a push said."""

    lines: list[str] = field(default_factory=list)
    sent: int = 0

    def add(self, size: int) -> None:
        self.sent += size


def push(release: Outgoing, told: Told | None = None, **wish: Any) -> Pushed:
    told = told or Told()
    return push_to_hub(
        release, REPO, Wish(**wish), say=told.lines.append, sent=told.add, uploading=lambda _: nullcontext()
    )


def contents(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    tree = hub.repositories[REPO].tree(revision)
    assert tree is not None
    return {path: data for path, data in tree.items() if path != ".gitattributes"}


def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses are noted and not made."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def test_a_release_is_one_commit_of_a_private_repository(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    release, told = releases[0], Told()
    done = push(release, told, tag="v1")
    assert contents(hub) == files(release)
    repository = hub.repositories[REPO]
    assert repository.private
    assert hub.commits(REPO) == 1
    assert repository.tags == {"v1": done.revision}
    (summary, description) = repository.messages[done.revision or ""]
    assert FINGERPRINT[:8] in summary and FINGERPRINT in description
    assert sorted(hub.uploads) == sorted(set(hub.uploads))
    assert told.sent == release.size
    assert any(line.startswith("verified: ") for line in told.lines)


def test_what_is_there_is_not_sent_again(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    first = push(releases[0])
    before = len(hub.uploads)
    again = push(releases[0], tag="v1")
    assert (again.revision, again.sent, again.unchanged) == (first.revision, 0, len(releases[0].files))
    assert (len(hub.uploads), hub.commits(REPO)) == (before, 1)
    assert hub.repositories[REPO].tags == {"v1": first.revision}


def test_a_later_release_takes_the_place_of_an_earlier_one(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    first, second = releases
    push(first)
    done = push(second)
    assert contents(hub) == files(second)
    assert done.removed == len(first.files.keys() - second.files.keys()) > 0
    same = {path for path in first.files if files(first)[path] == files(second).get(path)}
    assert done.unchanged == len(same) > 0
    assert hub.commits(REPO) == 2


def test_files_of_others_stay_and_what_they_edited_is_not_replaced(
    hub: Hub, releases: tuple[Outgoing, Outgoing]
) -> None:
    first, second = releases
    push(first)
    tree = hub.repositories[REPO].tree("main")
    assert tree is not None
    odd = next(path for path in first.files if path.endswith(".tar") and path not in second.files)
    tree |= {"notes.txt": b"mine", "README.md": b"---\n---\nedited by hand\n", odd: b"other bytes"}
    with pytest.raises(RecipeError, match=r"has README\.md that no earlier release of ours wrote") as refused:
        push(second)
    assert "notes.txt" not in str(refused.value)
    told = Told()
    push(second, told, overwrite=True)
    assert contents(hub) == {**files(second), "notes.txt": b"mine", odd: b"other bytes"}
    assert any("notes.txt" in line for line in told.lines)


def test_a_dry_run_changes_nothing(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    first, second = releases
    foreseen = push(first, dry_run=True, branch="next", tag="v1")
    assert (foreseen.sent, foreseen.revision, hub.repositories) == (len(first.files), None, {})
    push(first)
    before = len(hub.asked)
    foreseen = push(second, dry_run=True, branch="next")
    assert foreseen.sent + foreseen.unchanged == len(second.files) and foreseen.removed
    assert {asked.method for asked in hub.asked[before:]} <= {"GET", "HEAD"}


def test_a_branch_leaves_main_as_it_is(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    push(releases[0], branch="v1-rc")
    assert contents(hub, "v1-rc") == files(releases[0])
    assert hub.repositories[REPO].refs["main"] == START


def test_a_pull_request_is_made_once(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    push(releases[0])
    done = push(releases[1], pull_request=True)
    assert done.url == f"{hub.url}/datasets/{REPO}/discussions/1"
    assert contents(hub, "refs/pr/1") == files(releases[1])
    assert contents(hub) == files(releases[0])
    again = push(releases[1], pull_request=True)
    assert (again.url, again.revision, again.sent) == (done.url, done.revision, 0)
    assert len(hub.repositories[REPO].requests) == 1


def test_what_is_public_is_published_to_only_when_that_is_said(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    push(releases[0], public=True)
    assert not hub.repositories[REPO].private
    with pytest.raises(RecipeError, match="is public: say --public"):
        push(releases[1])
    assert contents(hub) == files(releases[0])
    hub.repositories[REPO].private = True
    told = Told()
    push(releases[1], told, public=True)
    assert hub.repositories[REPO].private and any("private and stays so" in line for line in told.lines)


def test_a_tag_stays_where_it_is(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    push(releases[0], tag="v1")
    before = len(hub.uploads)
    with pytest.raises(RecipeError, match="has a tag v1 of another release"):
        push(releases[1], tag="v1")
    assert len(hub.uploads) == before
    with pytest.raises(RecipeError, match="--pr goes alone"):
        push(releases[1], tag="v2", pull_request=True)


def test_large_files_go_in_parts(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    hub.chunk = 10_000
    push(releases[0])
    assert contents(hub) == files(releases[0])
    assert any("/part/2/" in asked.path for asked in hub.asked)


def is_commit(asked: Asked) -> bool:
    return "/commit/" in asked.path


@pytest.mark.parametrize("fault", [DROP, DROP_LATE, DROP_MIDDLE, Refusal(503), Refusal(500, {"Retry-After": "2"})])
@pytest.mark.parametrize("where", ["upload", "commit"])
def test_a_connection_that_drops_costs_one_file_at_most(
    hub: Hub, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch, fault: Any, where: str
) -> None:
    slept, hit = waits(monkeypatch), []

    def once(_: int, asked: Asked) -> Any:
        if not hit and (is_commit(asked) if where == "commit" else asked.uploads):
            hit.append(asked)
            return fault
        return None

    hub.fault = once
    push(releases[1], tag="v1")
    assert contents(hub) == files(releases[1])
    assert hub.commits(REPO) == 1
    assert len(hub.uploads) - len(set(hub.uploads)) == (where == "upload")
    assert slept and max(slept) <= 4


def test_a_lost_answer_makes_no_second_pull_request(
    hub: Hub, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits(monkeypatch)
    push(releases[0])
    hit: list[Asked] = []
    hub.fault = lambda _, asked: DROP_LATE if is_commit(asked) and not hit and not hit.append(asked) else None  # type: ignore[func-returns-value]
    done = push(releases[1], pull_request=True)
    assert len(hub.repositories[REPO].requests) == 1
    assert contents(hub, "refs/pr/1") == files(releases[1])
    assert done.url.endswith("/discussions/1")


def test_a_branch_that_moves_meanwhile_keeps_what_others_committed(
    hub: Hub, releases: tuple[Outgoing, Outgoing]
) -> None:
    push(releases[0])
    repository, moved = hub.repositories[REPO], []

    def other(_: int, asked: Asked) -> None:
        if is_commit(asked) and not moved:
            moved.append(asked)
            repository.trees["e" * 40] = {**repository.trees[repository.refs["main"]], "theirs.txt": b"1"}
            repository.refs["main"] = "e" * 40

    hub.fault = other
    push(releases[1])
    assert contents(hub) == {**files(releases[1]), "theirs.txt": b"1"}


@pytest.mark.parametrize(
    ("at", "refusal", "said"),
    [
        (
            "/api/repos/create",
            Refusal(401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
            "hf auth",
        ),
        ("/api/repos/create", Refusal(403, {}, '{"error": "You have no rights to create in org"}'), "right to write"),
        ("/preupload/", Refusal(403, {}, f'{{"error": "{TOKEN} may not write"}}'), "right to write"),
        ("/preupload/", Refusal(404, {"X-Error-Code": "RepoNotFound"}), "no such repository"),
        ("/commit/", Refusal(403, {}, '{"error": "Private repository storage limit reached"}'), "storage limit"),
        ("/commit/", Refusal(413), "larger shards"),
        ("/commit/", Refusal(412), "somebody else changes"),
        ("/commit/", Refusal(409), "somebody else changes"),
        ("/commit/", Refusal(502), "goes on where it stopped"),
        ("/preupload/", Refusal(503), "goes on where it stopped"),
        ("/commit/", Refusal(429, {"Retry-After": "3600"}), "asks to wait 3,600 s"),
        ("/commit/", Refusal(429, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}), "asks to wait"),
        ("/preupload/", Refusal(429, {"RateLimit": '"api";r=0;t=900'}), "asks to wait 900 s"),
        ("/commit/", Refusal(200, {}, "no JSON"), "commit failed"),
        ("/objects/batch", Refusal(200, {}, '{"objects": [{"oid": "1", "size": "x"}]}'), "failed"),
        ("/tree/", Refusal(200, {}, "[" * 100_000), "failed"),
    ],
    ids=lambda value: str(getattr(value, "status", value))[:30],
)
def test_a_refusal_says_what_to_do_and_nothing_secret(
    hub: Hub,
    releases: tuple[Outgoing, Outgoing],
    monkeypatch: pytest.MonkeyPatch,
    at: str,
    refusal: Refusal,
    said: str,
) -> None:
    waits(monkeypatch)
    hub.fault = lambda _, asked: refusal if at in asked.path else None
    told = Told()
    with pytest.raises(EnvironmentFault) as refused:
        push(releases[0], told)
    assert said in str(refused.value)
    assert refused.value.exit_code == 3
    assert TOKEN not in str(refused.value) and TOKEN not in "\n".join(told.lines)
    hub.fault = lambda _, asked: None
    push(releases[0])
    assert contents(hub) == files(releases[0])


def test_a_pause_that_is_asked_for_is_made(
    hub: Hub, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept, hit = waits(monkeypatch), []
    hub.fault = lambda _, asked: (
        Refusal(429, {"Retry-After": "7"}) if "/commit/" in asked.path and not hit and not hit.append(1) else None  # type: ignore[func-returns-value]
    )
    push(releases[0])
    assert 7 in slept


def test_other_bytes_than_those_that_were_sent_are_not_tagged(hub: Hub, releases: tuple[Outgoing, Outgoing]) -> None:
    def swapped(_: int, asked: Asked) -> None:
        repository = hub.repositories.get(REPO)
        if repository is not None and "/tree/" in asked.path and hub.commits(REPO):
            repository.trees[repository.refs["main"]]["map.svg"] = b"<svg/>"

    hub.fault = swapped
    with pytest.raises(EnvironmentFault, match=r"map\.svg is not what was sent; it was not tagged"):
        push(releases[0], tag="v1")
    assert hub.repositories[REPO].tags == {}


@pytest.mark.parametrize("repo", ["places", "a/b/c", "org/..", "org/na me", "org/" + "x" * 200])
def test_a_name_that_is_none_is_refused_before_anything_is_asked(
    hub: Hub, releases: tuple[Outgoing, Outgoing], repo: str
) -> None:
    with pytest.raises(RecipeError, match="--repo"):
        push_to_hub(releases[0], repo, Wish(), say=print, sent=print, uploading=lambda _: nullcontext())
    assert hub.asked == []


def test_without_a_token_nothing_is_sent(
    hub: Hub, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(EnvironmentFault, match="hf auth login"):
        push(releases[0])
    assert hub.asked == []


def test_the_command_says_where_it_went_and_never_the_token(
    hub: Hub, releases: tuple[Outgoing, Outgoing], tmp_path: Path
) -> None:
    done = factory("push", releases[1].root, "--repo", REPO, "--tag", "v1", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{hub.url}/datasets/{REPO}\n")
    assert "no fault" in done.stderr and "MB/s" in done.stderr and "tagged v1" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert contents(hub) == files(releases[1])
    assert hashlib.sha256(contents(hub)["manifest.json"]).hexdigest() == releases[1].files["manifest.json"].sha256


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say where to: --repo ORG/NAME"),
        (("--repo", REPO, "--to", "there"), "say where to"),
        (("--to", "there", "--tag", "v1"), "is of the Hub"),
        (("--to", "there", "--public"), "is of the Hub"),
    ],
)
def test_a_command_line_without_one_place_is_refused(
    releases: tuple[Outgoing, Outgoing], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = factory("push", releases[1].root, *arguments, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr
