"""Real decode processes under real limits; figures are printed with `pytest -s`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path

import pytest

from factory.images import ImageRejected, ImageSettings, Prepared, metadata_findings
from factory.images.worker import DecodeWorkers
from tests.hostile import HANDLED, corpus, encode, picture, png_of_zeros, scan_bomb

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks at processes through /proc")

ROOT = Path(__file__).parents[2]
MINUTES = ImageSettings(max_scans=1_000_000, cpu_seconds=60)
SLOW = scan_bomb(4000)
"""With `MINUTES` this decodes for about a minute; more scans would meet the segment limit."""


def worker_pids(server: int | None = None) -> list[int]:
    """The children of this process's forkserver (or of `server`)."""
    parent = server or forkserver._forkserver._forkserver_pid
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int(entry.joinpath("stat").read_text().rsplit(") ", 1)[1].split()[1]) == parent:
                    found.append(int(entry.name))
            except (OSError, IndexError):
                continue
    return found


def cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return 0.0


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Samples the resident peak of all workers, MiB, into the first element."""
    peak, stop = [0.0], threading.Event()

    def sample() -> None:
        while not stop.wait(0.01):
            peak[0] = max([peak[0], *map(peak_mb, worker_pids())])

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def wait_until(condition: object, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except OSError:
        return False


def decoding(seconds: float = 0.3) -> list[int]:
    """Workers that have used at least this much CPU time."""
    return [pid for pid in worker_pids() if cpu_seconds(pid) > seconds]


def test_the_whole_corpus_stays_under_one_gigabyte_and_five_seconds(tmp_path: Path) -> None:
    worst = (0.0, "")
    with DecodeWorkers(1, ImageSettings()) as workers, peak_memory() as peak:
        for number, case in enumerate(corpus()):
            path = tmp_path / f"{number}{case.suffix}"
            path.write_bytes(case.data)
            before = {pid: cpu_seconds(pid) for pid in worker_pids()}
            result = workers.submit(path).result()
            used = max((cpu_seconds(pid) - start for pid, start in before.items()), default=0.0)
            worst = max(worst, (used, case.name))
            if isinstance(result, Prepared):
                assert HANDLED in case.expected, case.name
                assert metadata_findings(result.jpeg) == []
            else:
                assert result.reason in case.expected, (case.name, result)
            path.unlink()
    print(f"\n{number + 1} hostile pictures: peak {peak[0]:.0f} MiB, slowest {worst[0]:.2f} s of CPU ({worst[1]})")
    assert peak[0] < 1024
    assert worst[0] < 5


def test_a_runaway_decode_is_ended_and_takes_no_other_picture_with_it() -> None:
    good = encode(picture())
    with DecodeWorkers(2, ImageSettings(max_scans=1_000_000, cpu_seconds=1)) as workers:
        futures = [workers.submit(SLOW if n % 10 == 3 else good) for n in range(30)]
        results = [future.result() for future in futures]
    for number, result in enumerate(results):
        if number % 10 == 3:
            assert isinstance(result, ImageRejected)
            assert result.reason == "decode_timeout"
        else:
            assert isinstance(result, Prepared)


def test_too_little_memory_is_a_reason_and_the_worker_lives_on() -> None:
    with DecodeWorkers(1, ImageSettings(memory_mb=60)) as workers:
        pids = worker_pids()
        result = workers.submit(png_of_zeros(9900, 9900, 6)).result()
        assert isinstance(result, ImageRejected)
        assert result.reason == "decode_memory"
        padded = encode(picture()) + bytes(63_000_000)
        assert all(isinstance(workers.submit(padded).result(), Prepared) for _ in range(3))
        assert worker_pids() == pids


def test_a_killed_worker_costs_one_picture() -> None:
    with DecodeWorkers(2, MINUTES) as workers:
        doomed = workers.submit(SLOW)
        assert wait_until(decoding)
        others = [workers.submit(encode(picture())) for _ in range(20)]
        os.kill(decoding()[0], signal.SIGKILL)
        result = doomed.result(timeout=30)
        assert isinstance(result, ImageRejected)
        assert (result.reason, result.detail) == ("worker_died", "the decode process ended with SIGKILL")
        assert all(isinstance(other.result(timeout=30), Prepared) for other in others)


def test_workers_killed_while_idle_are_replaced() -> None:
    with DecodeWorkers(2, ImageSettings()) as workers:
        for _ in range(2):
            for pid in worker_pids():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)
            futures = [workers.submit(encode(picture())) for _ in range(10)]
            assert all(isinstance(future.result(timeout=30), Prepared) for future in futures)


def test_a_stalled_worker_meets_the_wall_clock() -> None:
    with DecodeWorkers(1, MINUTES) as workers:
        workers._wall_seconds = 6.0  # long enough for a busy machine to begin
        future = workers.submit(SLOW)
        assert wait_until(decoding)
        os.kill(decoding()[0], signal.SIGSTOP)
        result = future.result(timeout=30)
        assert isinstance(result, ImageRejected)
        assert result.reason == "decode_timeout"
        assert isinstance(workers.submit(encode(picture())).result(timeout=30), Prepared)


def test_paths_that_are_no_photos_have_their_reasons(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with DecodeWorkers(1, ImageSettings(max_file_mb=1)) as workers:
        large = tmp_path / "large.jpg"
        with large.open("wb") as file:
            file.truncate(1 << 40)
        for path, reason in (
            (tmp_path / "pipe.jpg", "not_a_file"),
            (tmp_path, "not_a_file"),
            (tmp_path / "none.jpg", "file_missing"),
            (large, "file_too_large"),
            (Path("/dev/zero"), "not_a_file"),
        ):
            result = workers.submit(path).result(timeout=30)
            assert isinstance(result, ImageRejected)
            assert result.reason == reason


def test_bytes_and_path_of_the_same_picture_give_the_same_result(tmp_path: Path) -> None:
    data = encode(picture(1500, 1000))
    (tmp_path / "a.jpg").write_bytes(data)
    with DecodeWorkers(2, ImageSettings()) as workers:
        assert workers.submit(data).result() == workers.submit(tmp_path / "a.jpg").result()


def test_submitting_outside_the_context_is_an_error() -> None:
    workers = DecodeWorkers(1, ImageSettings())
    with pytest.raises(RuntimeError, match="context manager"):
        workers.submit(b"")


def test_leaving_with_an_error_stops_at_once_and_cancels_the_rest() -> None:
    with pytest.raises(ZeroDivisionError), DecodeWorkers(1, MINUTES) as workers:
        futures = [workers.submit(SLOW) for _ in range(3)]
        assert wait_until(decoding)
        1 / 0  # noqa: B018
    assert all(future.cancelled() for future in futures)


SCRIPT = """
import sys
from factory.images import ImageSettings
from factory.images.worker import DecodeWorkers
from tests.integration.test_decode_workers import MINUTES, SLOW, decoding, wait_until

def main():
    with DecodeWorkers(2, MINUTES) as workers:
        futures = [workers.submit(SLOW) for _ in range(2)]
        wait_until(lambda: len(decoding()) == 2)
        print(*decoding(), flush=True)
        futures[0].result()

GUARD
    main()
"""


def start_script(tmp_path: Path, guard: str = 'if __name__ == "__main__":') -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("GUARD", guard))
    return subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    with start_script(tmp_path) as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(running, pids))
        process.kill()
        assert wait_until(lambda: not any(map(running, pids)), 5)


def test_ctrl_c_ends_parent_and_workers(tmp_path: Path) -> None:
    with start_script(tmp_path) as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == -signal.SIGINT
        assert errors.count("Traceback") == 1, errors
        assert wait_until(lambda: not any(map(running, pids)), 5)


def test_a_script_without_main_guard_decodes_as_any_other(tmp_path: Path) -> None:
    with start_script(tmp_path, guard="if True:") as process:
        assert process.stdout
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2 and all(map(running, pids))
        process.kill()
