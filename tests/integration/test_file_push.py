"""A release goes to a folder and to S3: files first, the manifest last, nobody else's file touched."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from factory.errors import CorruptBuild, EnvironmentFault, RecipeError
from release import check_release, open_release
from release.file_push import push_to_files
from release.manifest import MANIFEST
from release.outgoing import Outgoing, Pushed
from tests.real_build import factory
from tests.released import contents_of as files
from tests.released import two_releases


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outgoing, Outgoing]:
    return two_releases(tmp_path_factory.mktemp("push") / "b")


def push(release: Outgoing, url: str | Path, *, sent: Callable[[int], None] = lambda _: None, **more: Any) -> Pushed:
    return push_to_files(release, str(url), say=lambda _: None, sent=sent, uploading=lambda _: nullcontext(), **more)


def found(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_folder_holds_the_release_and_reads(releases: tuple[Outgoing, Outgoing], tmp_path: Path) -> None:
    sizes: list[int] = []
    done = push(releases[0], tmp_path / "new" / "place", sent=sizes.append)
    assert found(tmp_path / "new" / "place") == files(releases[0])
    assert check_release(tmp_path / "new" / "place") == []
    assert len(open_release(tmp_path / "new" / "place")) == 12
    assert sum(sizes) == done.sent_bytes == releases[0].size
    again = push(releases[0], f"file://{tmp_path}/new/place", sent=sizes.append)
    assert (again.sent, again.unchanged, sum(sizes)) == (0, len(releases[0].files), releases[0].size)


def test_a_later_release_takes_the_place_of_an_earlier_one_and_of_nothing_else(
    releases: tuple[Outgoing, Outgoing], tmp_path: Path
) -> None:
    first, second = releases
    push(first, tmp_path)
    edited = next(path for path in first.files if path.endswith(".tar") and path not in second.files)
    (tmp_path / edited).write_bytes(b"other bytes")
    (tmp_path / "notes.txt").write_text("mine")
    done = push(second, tmp_path)
    assert found(tmp_path) == {**files(second), edited: b"other bytes", "notes.txt": b"mine"}
    assert done.removed == len(first.files.keys() - second.files.keys()) - 1


def test_a_file_of_somebody_else_is_not_replaced_unless_that_is_said(
    releases: tuple[Outgoing, Outgoing], tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / MANIFEST).write_text('{"name": "an app"}')
    with pytest.raises(RecipeError, match=r"has README\.md, manifest\.json that no earlier release of ours wrote"):
        push(releases[0], tmp_path)
    assert found(tmp_path) == {"README.md": b"mine", MANIFEST: b'{"name": "an app"}'}
    push(releases[0], tmp_path, overwrite=True)
    assert found(tmp_path) == files(releases[0])


def test_a_dry_run_writes_nothing(releases: tuple[Outgoing, Outgoing], tmp_path: Path) -> None:
    done = push(releases[0], tmp_path / "place", dry_run=True)
    assert done.sent == len(releases[0].files) and not (tmp_path / "place").exists()


@pytest.mark.parametrize("stopped_after", range(0, 10, 2))
def test_a_stopped_push_has_no_manifest_and_sends_the_rest(
    releases: tuple[Outgoing, Outgoing], tmp_path: Path, stopped_after: int
) -> None:
    begun: list[int] = []

    def stopping(size: int) -> None:
        if len(begun) == stopped_after:
            raise KeyboardInterrupt
        begun.append(size)

    with pytest.raises(KeyboardInterrupt):
        push(releases[0], tmp_path, sent=stopping)
    assert MANIFEST not in found(tmp_path)
    assert set(found(tmp_path)) < set(files(releases[0]))
    rest = push(releases[0], tmp_path)
    assert rest.sent == len(releases[0].files) - len(begun)
    assert found(tmp_path) == files(releases[0])


def test_a_release_that_is_stopped_in_the_place_of_another_goes_on(
    releases: tuple[Outgoing, Outgoing], tmp_path: Path
) -> None:
    first, second = releases
    push(first, tmp_path)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(second, tmp_path, sent=stop)
    push(second, tmp_path)
    assert found(tmp_path) == files(second)


def test_no_link_is_followed(releases: tuple[Outgoing, Outgoing], tmp_path: Path) -> None:
    place, mine = tmp_path / "place", tmp_path / "mine"
    place.mkdir()
    mine.mkdir()
    (place / "parquet").symlink_to(mine)
    with pytest.raises(CorruptBuild, match="symbolic link"):
        push(releases[0], place)
    assert list(mine.iterdir()) == []


def test_a_place_that_cannot_be_opened_is_named_without_its_password(
    releases: tuple[Outgoing, Outgoing], tmp_path: Path
) -> None:
    for url, kind in (
        ("nosuch://there", RecipeError),
        ("sftp://me:canary-password@127.0.0.1:1/x", EnvironmentFault),
        ("memory2://me:canary-password@x", RecipeError),
    ):
        with pytest.raises(kind) as refused:
            push(releases[0], url)
        assert url.split(":")[0] in str(refused.value) and "canary-password" not in str(refused.value)
    with pytest.raises(RecipeError, match=r"no file system is called 'memry' \(did you mean `memory`\?\)"):
        push(releases[0], "memry://x")
    with pytest.raises(RecipeError, match=r"--to s3://: names no bucket; expected s3://BUCKET/FOLDER"):
        push(releases[0], "s3://")
    (tmp_path / "file").touch()
    with pytest.raises(RecipeError, match="is no folder"):
        push(releases[0], tmp_path / "file")


def test_a_file_system_that_moves_files_gets_them_aside_first(releases: tuple[Outgoing, Outgoing]) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    push(releases[0], "memory://place/below")
    system = MemoryFileSystem()
    there = {path.removeprefix("/place/below/"): system.cat_file(path) for path in system.find("/place/below")}
    system.rm("/place", recursive=True)
    assert there == files(releases[0])


@contextmanager
def dropping(port: int, *, after: int) -> Iterator[tuple[int, list[int]]]:
    """A way to a server of this machine that ends the first connection on which more than `after` bytes go there."""
    dropped: list[int] = []

    def carried(source: socket.socket, sink: socket.socket, *, counted: bool) -> None:
        size = 0
        try:
            while data := source.recv(65536):
                size += len(data)
                if counted and size > after and not dropped:
                    dropped.append(size)
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            for pair, counted in (((client, server), True), ((server, client), False)):
                threading.Thread(target=carried, args=pair, kwargs={"counted": counted}, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], dropped


@pytest.fixture(scope="module")
def s3() -> Iterator[int]:
    """The port of an S3 on this machine, with a bucket `open`."""
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0, verbose=False)
    import boto3

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-key")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server.start()
        host, port = server.get_host_and_port()
        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="open")
        yield port
        server.stop()


def objects(port: int, prefix: str) -> dict[str, bytes]:
    import boto3

    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
    names = [one["Key"] for one in client.list_objects_v2(Bucket="open", Prefix=prefix).get("Contents", ())]
    return {name.removeprefix(prefix): client.get_object(Bucket="open", Key=name)["Body"].read() for name in names}


def test_s3_holds_the_release_after_a_connection_dropped_in_a_file(
    s3: int, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = releases
    with dropping(s3, after=20_000) as (port, dropped):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        push(first, "s3://open/sets/places/")
        assert dropped
    assert objects(s3, "sets/places/") == files(first)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{s3}")
    assert push(first, "s3://open/sets/places").sent == 0
    push(second, "s3://open/sets/places")
    assert objects(s3, "sets/places/") == files(second)


def test_of_two_who_send_to_one_place_of_s3_at_once_one_is_told(
    s3: int, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{s3}")
    first, second = releases

    def meanwhile(_: int) -> nullcontext[None]:
        push(second, "s3://open/raced")
        return nullcontext()

    with pytest.raises(EnvironmentFault, match="at the same time"):
        push_to_files(first, "s3://open/raced", say=print, sent=print, uploading=meanwhile)
    assert objects(s3, "raced/") == files(second)


def test_a_bucket_that_is_not_there_is_named_and_no_key(
    s3: int, releases: tuple[Outgoing, Outgoing], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{s3}")
    done = factory("push", releases[0].root, "--to", "s3://absent/x", cwd=tmp_path)
    assert done.returncode == 3 and "s3://absent/x" in done.stderr and "Traceback" not in done.stderr
    assert "canary" not in done.stderr.lower()


def test_the_command_tells_where_it_went(releases: tuple[Outgoing, Outgoing], tmp_path: Path) -> None:
    done = factory("push", releases[0].root, "--to", tmp_path / "place", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'place'}\n")
    assert found(tmp_path / "place") == files(releases[0])
