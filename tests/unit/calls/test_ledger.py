from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.calls.files import row_from
from factory.calls.ledger import (
    Ledger,
    LedgerRow,
    ledger_faults,
    network_mount,
    read_ledger,
    remove_live,
)
from factory.calls.row import row_values
from factory.errors import CorruptBuild, EnvironmentFault
from factory.store.cases import AnsweredSample, answers_table
from factory.store.tables import write_table
from schemas import Answered, arrow
from tests.ledger_rows import ledger_row

SEALED, LIVE = "ledger.parquet", "ledger.sqlite"


def row(key: str = "k", **changes: Any) -> LedgerRow:
    return ledger_row(key, **{"response": '{"country": "Österreich"}', "teacher": "qwen", "latency_s": 1.5} | changes)


def recorded(path: Path, *rows: LedgerRow, prior: tuple[Path, ...] = ()) -> None:
    async def go() -> None:
        with Ledger(path, prior=prior) as ledger:
            await asyncio.gather(*[ledger.record(r) for r in rows])

    asyncio.run(go())


def sealed(path: Path, *rows: LedgerRow) -> Path:
    live = path.with_suffix(".sqlite")
    recorded(live, *rows)
    with Ledger(live) as ledger:
        ledger.seal(path)
    remove_live(live)
    return path


@given(text=st.text(st.characters(codec=None), max_size=40), count=st.integers(0, 2**31 - 1), cost=st.floats(0, 1e9))
@settings(max_examples=10)
def test_every_row_comes_back_as_it_was_recorded(
    tmp_path_factory: pytest.TempPathFactory, text: str, count: int, cost: float
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    words = {"response": text, "error_detail": text, "handle": text, "purpose": text}
    words["scores"] = json.dumps({text.encode("utf-8", "replace").decode(): -cost}, ensure_ascii=False)
    counts: dict[str, Any] = {"http_calls": count, "completion_tokens": count, "draw": count, "turn": count}
    written = row(**words, **counts, cost=cost, latency_s=3)
    recorded(folder / LIVE, written)
    with Ledger(folder / LIVE) as ledger:
        assert ledger.get("k") == written
        ledger.seal(folder / SEALED)
    with Ledger(folder / "other" / LIVE, prior=[folder / SEALED]) as other:
        assert other.get("k") == written


def test_lone_surrogates_become_replacement_characters_before_anybody_reads_them() -> None:
    assert row(response='{"city": "Z\ud800rich \U0001f30d"}').response == '{"city": "Z\ufffdrich \U0001f30d"}'


@pytest.mark.parametrize("change", [{"http_calls": -1}, {"prompt_tokens": 2**63}, {"cost": float("nan")}])
def test_impossible_numbers_are_refused_naming_the_field(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        row(**change)


@pytest.mark.parametrize("scores", ["x", "[1]", '{"yes": "much"}', '{"yes": [0.1]}', "[" * 70 + "]" * 70])
def test_scores_that_are_no_numbers_by_token_are_named_before_anybody_reads_them(tmp_path: Path, scores: str) -> None:
    good, bad = row(scores='{"yes": -0.1, "no": -3}'), row(scores=scores)
    assert row_from(tmp_path, (*row_values(good), good.row_sha256)) == good
    with pytest.raises(CorruptBuild, match="key k holds values of another kind"):
        row_from(tmp_path, (*row_values(bad), bad.row_sha256))


def test_every_field_is_part_of_the_row_digest() -> None:
    one = row(error_kind="timeout", error_detail="x", handle="batch", scores="{}")
    for field in fields(LedgerRow):
        value = getattr(one, field.name)
        other = value + "x" if isinstance(value, str) else value + 1
        assert replace(one, **{field.name: other}).row_sha256 != one.row_sha256, field.name


def test_an_acknowledged_row_survives_without_closing(tmp_path: Path) -> None:
    async def go() -> None:
        ledger = Ledger(tmp_path / LIVE)
        await ledger.record(row())
        with sqlite3.connect(tmp_path / LIVE) as other:
            assert other.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        ledger.close()

    asyncio.run(go())


def test_an_ok_row_is_never_replaced_and_a_second_delivery_changes_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / LIVE, row(), row(response="second"))
    recorded(tmp_path / LIVE, row(response="third", status="permanent"))
    with Ledger(tmp_path / LIVE) as ledger:
        assert list(ledger.rows()) == [row()]


def test_an_exhausted_row_gives_way_and_what_it_cost_is_carried_on(tmp_path: Path) -> None:
    failed = row(status="exhausted", response=None, http_calls=5, prompt_tokens=10, completion_tokens=0, cost=0.5)
    recorded(tmp_path / LIVE, failed)
    recorded(tmp_path / LIVE, row(response="at last"))
    with Ledger(tmp_path / LIVE) as ledger:
        assert ledger.get("k") == row(response="at last", http_calls=6, prompt_tokens=910, cost=0.75)
        assert (ledger.totals().calls, len(ledger), ledger.owns("k")) == (6, 1, True)


def test_a_sent_row_is_unsettled_until_its_reply_takes_its_place(tmp_path: Path) -> None:
    sent = row(status="sent", response=None, handle="batch-7", prompt_tokens=0, completion_tokens=0, cost=0.0)
    recorded(tmp_path / LIVE, sent)
    with Ledger(tmp_path / LIVE) as ledger:
        assert ledger.get("k") == sent
        assert not ledger.owns("k")
    recorded(tmp_path / LIVE, row(handle="batch-7"))
    with Ledger(tmp_path / LIVE) as ledger:
        assert ledger.get("k") == row(handle="batch-7", http_calls=2)
        assert ledger.owns("k")


def test_what_was_paid_adds_up_over_all_unsettled_rows_of_one_run(tmp_path: Path) -> None:
    async def go() -> None:
        with Ledger(tmp_path / LIVE) as ledger:
            for status in ("sent", "exhausted", "sent", "permanent", "ok"):
                await ledger.record(row(status=status, cost=0.5))
            assert ledger.get("k") == row(
                status="permanent", http_calls=4, prompt_tokens=3600, completion_tokens=480, cost=2.0
            )

    asyncio.run(go())


def test_a_prior_row_is_found_adopted_and_is_no_spending_of_this_build(tmp_path: Path) -> None:
    prior = sealed(tmp_path / "old" / SEALED, row("a"), row("b"))

    async def go() -> None:
        with Ledger(tmp_path / "new" / LIVE, prior=[prior], sample_ids={"sample-a"}) as ledger:
            found = ledger.get("a")
            assert found == row("a")
            assert ledger.get("b") is None
            assert list(ledger.rows()) == []
            assert not ledger.owns("a")
            await ledger.adopt(found)
            assert ledger.owns("a")
            assert list(ledger.rows()) == [row("a", origin="ledger")]
            totals = ledger.totals()
            assert (len(ledger), totals.calls, totals.reused, totals.cost) == (1, 0, 1, 0.0)

    asyncio.run(go())


def test_rows_of_the_same_shard_stay_its_own_when_they_are_adopted(tmp_path: Path) -> None:
    prior = sealed(tmp_path / SEALED, row("a"))

    async def go() -> None:
        with Ledger(tmp_path / LIVE, prior=[prior]) as ledger:
            await ledger.adopt(row("a"))
            assert ledger.get("a") == row("a")

    asyncio.run(go())


def test_a_prior_reply_wins_over_failures_and_the_first_prior_over_the_next(tmp_path: Path) -> None:
    failed = row(status="exhausted", response=None)
    priors = tuple(
        sealed(tmp_path / name / SEALED, r) for name, r in [("1", failed), ("2", row()), ("3", row(response="late"))]
    )
    recorded(tmp_path / "own" / LIVE, failed)
    with Ledger(tmp_path / "own" / LIVE, prior=priors) as ledger:
        assert ledger.get("k") == row()
        assert not ledger.owns("k")
    with Ledger(tmp_path / "own" / LIVE, prior=priors[:1]) as ledger:
        assert ledger.get("k") == failed


def test_a_live_ledger_of_another_build_can_be_a_prior(tmp_path: Path) -> None:
    recorded(tmp_path / "old" / LIVE, row())
    with Ledger(tmp_path / "new" / LIVE, prior=[tmp_path / "old" / LIVE], sample_ids=["sample-k"]) as ledger:
        assert ledger.get("k") == row()


def test_sealing_is_sorted_verified_and_does_not_depend_on_the_order_of_recording(tmp_path: Path) -> None:
    rows = [row(key) for key in "dacb"]
    one = sealed(tmp_path / "1" / SEALED, *rows)
    two = sealed(tmp_path / "2" / SEALED, *reversed(rows))
    assert one.read_bytes() == two.read_bytes()
    assert read_ledger(one)["key"].to_list() == list("abcd")
    assert pq.read_schema(one).remove_metadata() == arrow.LEDGER
    assert ledger_faults(one) == []


def test_an_empty_ledger_can_be_sealed_and_read(tmp_path: Path) -> None:
    empty = sealed(tmp_path / SEALED)
    assert read_ledger(empty).height == 0
    assert ledger_faults(empty) == []


def test_the_rows_of_a_conversation_are_sealed_in_the_order_it_was_held(tmp_path: Path) -> None:
    places = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 0)]
    rows = [row(str(9 - n), sample_id="s", draw=d, turn=t, attempt=a) for n, (d, t, a) in enumerate(places)]
    found = read_ledger(sealed(tmp_path / SEALED, *reversed(rows)))
    assert found.select("draw", "turn", "attempt").rows() == places


def test_live_and_sealed_ledgers_read_the_same(tmp_path: Path) -> None:
    rows = [row(key, error_detail="ß") for key in "cab"]
    recorded(tmp_path / LIVE, *rows)
    assert read_ledger(tmp_path / LIVE).equals(read_ledger(sealed(tmp_path / "s" / SEALED, *rows)))


def test_a_changed_row_is_refused_naming_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / LIVE
    recorded(path, row("good"), row("bad"))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE calls SET response = 'forged' WHERE key = 'bad'")
    with Ledger(path) as ledger:
        assert ledger.get("good") == row("good")
        with pytest.raises(CorruptBuild, match=r"ledger\.sqlite: the row of key bad"):
            ledger.get("bad")
        with pytest.raises(CorruptBuild, match="bad"):
            ledger.seal(tmp_path / SEALED)
    with pytest.raises(CorruptBuild, match="bad"):
        read_ledger(path)
    assert [fault.partition("key ")[2][:3] for fault in ledger_faults(path)] == ["bad"]


def test_a_sealed_ledger_that_lost_a_row_is_named(tmp_path: Path) -> None:
    path = sealed(tmp_path / SEALED, row("a"), row("b"))
    whole = pq.read_table(path)
    pq.write_table(whole.slice(1), path, write_page_checksum=True)
    assert "digest differs" in ledger_faults(path)[0]


@pytest.mark.parametrize("content", [None, b"", b"not a ledger" * 1000])
@pytest.mark.parametrize("name", [SEALED, LIVE])
def test_faults_never_raise(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert all(name in fault for fault in ledger_faults(tmp_path / name))
    assert ledger_faults(tmp_path / name)


def test_a_ledger_of_a_newer_release_is_refused_naming_the_versions(tmp_path: Path) -> None:
    recorded(tmp_path / LIVE, row())
    with sqlite3.connect(tmp_path / LIVE) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(EnvironmentFault, match=r"version 7.*version 2"):
        Ledger(tmp_path / LIVE)
    with pytest.raises(EnvironmentFault, match="version 7"):
        read_ledger(tmp_path / LIVE)


def test_a_ledger_of_the_first_layout_is_refused_because_its_keys_name_other_questions(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / LIVE) as connection:
        connection.executescript("CREATE TABLE calls (key TEXT PRIMARY KEY, sample_id TEXT); PRAGMA user_version = 1")
    for read in (Ledger, read_ledger):
        with pytest.raises(EnvironmentFault, match=r"version 1 of an older release.*build again"):
            read(tmp_path / LIVE)


def test_a_foreign_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / LIVE).write_bytes(b"hello" * 500)
    with pytest.raises(CorruptBuild, match=r"ledger\.sqlite"):
        Ledger(tmp_path / LIVE)


def test_a_folder_that_cannot_be_made_is_an_environment_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="file"):
        Ledger(tmp_path / "file" / LIVE)


def test_a_row_whose_caller_was_cancelled_is_kept(tmp_path: Path) -> None:
    async def go() -> None:
        with Ledger(tmp_path / LIVE) as ledger:
            tasks = [asyncio.create_task(ledger.record(row(str(i)))) for i in range(40)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [r for r in results[1::2] if r is not None] == []

    asyncio.run(go())
    assert read_ledger(tmp_path / LIVE).height == 40


def test_rows_gather_while_a_commit_runs(tmp_path: Path) -> None:
    async def go() -> int:
        commits = 0
        with Ledger(tmp_path / LIVE) as ledger:
            commit = ledger._commit

            def counted(rows: list[LedgerRow]) -> None:
                nonlocal commits
                commits += 1
                commit(rows)

            ledger._commit = counted  # type: ignore[method-assign]
            await asyncio.gather(*[ledger.record(row(str(i))) for i in range(200)])
        return commits

    assert asyncio.run(go()) <= 2
    assert read_ledger(tmp_path / LIVE).height == 200


def test_the_log_is_folded_in_while_the_ledger_grows(tmp_path: Path) -> None:
    big = "x" * 200_000
    recorded(tmp_path / "small" / LIVE, row())

    async def go() -> int:
        with Ledger(tmp_path / LIVE) as ledger:
            for i in range(60):
                await ledger.record(row(str(i), response=big))
            return (tmp_path / (LIVE + "-wal")).stat().st_size

    assert asyncio.run(go()) < 6_000_000
    assert read_ledger(tmp_path / LIVE).height == 60


def test_a_reader_in_the_middle_of_the_ledger_does_not_hold_up_the_writer(tmp_path: Path) -> None:
    recorded(tmp_path / LIVE, *[row(str(i)) for i in range(10)])

    async def go() -> float:
        reader = sqlite3.connect(tmp_path / LIVE)
        cursor = reader.execute("SELECT * FROM calls")
        cursor.fetchone()
        started = asyncio.get_running_loop().time()
        with Ledger(tmp_path / LIVE) as ledger:
            for i in range(10, 40):
                await ledger.record(row(str(i), response="x" * 200_000))
            seconds = asyncio.get_running_loop().time() - started
            cursor.close()
            reader.close()
        return seconds

    assert asyncio.run(go()) < 4
    assert read_ledger(tmp_path / LIVE).height == 40


@pytest.mark.parametrize("name", ["with space", "per%20cent", "hash#mark?", "Wąchock"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    recorded(tmp_path / name / LIVE, row())
    assert read_ledger(tmp_path / name / LIVE).height == 1
    assert ledger_faults(tmp_path / name / LIVE) == []


def test_sealing_where_nothing_can_be_written_is_an_environment_fault(tmp_path: Path) -> None:
    with Ledger(tmp_path / LIVE) as ledger, pytest.raises(EnvironmentFault, match="nothing is paid twice"):
        ledger.seal(tmp_path / "missing" / SEALED)


def test_closing_leaves_one_file_and_removing_leaves_none(tmp_path: Path) -> None:
    recorded(tmp_path / LIVE, row())
    assert [path.name for path in tmp_path.iterdir()] == [LIVE]
    remove_live(tmp_path / LIVE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("host:/export {0} nfs4 rw 0 0", "nfs4"),
        ("//nas/share {0} cifs rw 0 0", "cifs"),
        ("me@host:/ {0} fuse.sshfs rw 0 0", "fuse.sshfs"),
        ("/dev/sdb1 {0} ext4 rw 0 0", None),
        ("tmpfs {0} tmpfs rw 0 0", None),
    ],
)
def test_network_file_systems_are_named(tmp_path: Path, line: str, kind: str | None) -> None:
    folder = tmp_path / "with space"
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sda1 / ext4 rw 0 0\n" + line.format(str(folder).replace(" ", "\\040")) + "\n")
    assert network_mount(folder / "builds", mounts) == (kind and f"{kind} at {folder}")
    assert network_mount(tmp_path / "elsewhere", mounts) is None
    assert network_mount(folder, tmp_path / "no such file") is None


def test_a_ledger_on_a_network_file_system_warns_naming_the_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"host:/export {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr("factory.calls.ledger.network_mount", partial(network_mount, mounts=mounts))
    with pytest.warns(RuntimeWarning, match=rf"nfs4 at {tmp_path}.*local disk"), Ledger(tmp_path / "b" / LIVE):
        pass


def answers_of(path: Path, **keys: tuple[str, ...]) -> None:
    """A part that says which sample's answer has which keys."""
    found = [AnsweredSample(answers=(Answered(teacher="qwen", model="m", keys=used),)) for used in keys.values()]
    write_table(answers_table(list(keys), found), path)


def test_a_prior_answer_is_found_for_a_sample_that_shared_another_ones_picture(tmp_path: Path) -> None:
    retry = row("retry", sample_id="first", attempt=1)
    prior = sealed(tmp_path / "old" / SEALED, row("shared", sample_id="first"), retry, row("other", sample_id="else"))
    used = {"first": ("retry",), "twin": ("turn one", "retry"), "else": ("other",)}
    answers_of(tmp_path / "old" / "answers.parquet", **used)
    with Ledger(tmp_path / "new" / LIVE, prior=[prior], sample_ids={"twin"}) as ledger:
        assert ledger.get("retry") == retry
        assert ledger.get("shared") == row("shared", sample_id="first"), "the first try of the same question"
        assert ledger.get("other") is None


def test_a_live_prior_answers_by_key_whatever_the_sample_was_called(tmp_path: Path) -> None:
    recorded(tmp_path / "old" / LIVE, row(sample_id="first"))
    with Ledger(tmp_path / "new" / LIVE, prior=[tmp_path / "old" / LIVE], sample_ids={"twin"}) as ledger:
        assert ledger.get("k") == row(sample_id="first")


def test_a_prior_ledger_that_was_sealed_or_deleted_since_it_was_found_is_no_fault(tmp_path: Path) -> None:
    """Two builds of a recipe at once: the one that writes the prior ledger seals it before the other gets to it."""
    sealed(tmp_path / "running" / SEALED, row("a"))
    priors = [tmp_path / "running" / LIVE, tmp_path / "deleted" / LIVE, tmp_path / "deleted" / SEALED]
    with Ledger(tmp_path / "own" / LIVE, prior=priors) as ledger:
        found = ledger.get("a")
    assert found is not None and found.status == "ok"
