"""Samples that are judged as columns get the verdicts that they get one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.errors import PluginFault
from factory.plugins.contracts import Generator, Needs
from factory.store.cases import AnsweredSample, accepted_table, answers_table, read_cases, unseen_table, verdicts_table
from factory.store.layout import BuildPaths
from factory.store.tables import write_table
from factory.verify import shards
from factory.verify.judge import Judge
from factory.verify.shards import VerifySpec, verify_shard
from schemas import Case, Evidence, Finding, Photo, Sample, Verdict, arrow
from schemas.rows.conversations import MESSAGES
from schemas.rows.schema import RowSchema

ROW = RowSchema.of("told", 1, {})
SPEC: dict[str, Any] = {"number": 0, "recipe": {}, "root": "."}


def family(*, shown: bool = False, **more: Any) -> Generator:
    """Rows as the samples' own texts say: a question, an answer and how many rows."""

    def records(frame: pl.DataFrame) -> pl.DataFrame:
        rows = []
        for name, texts in frame.select("id", "texts").iter_rows():
            said = {entry["name"]: entry["text"] for entry in texts}
            for number in range(int(said["rows"])):
                parts = [{"type": "image", "text": None}] * shown
                asked = {"role": "user", "content": [*parts, {"type": "text", "text": said["question"]}]}
                turns = [asked, {"role": "assistant", "content": [{"type": "text", "text": said["answer"]}]}]
                row = {"id": name if number == 0 else f"{name}/{number + 1}", "messages": turns, "saw_truth": "none"}
                rows.append(row)
        schema = {"id": pl.String, "messages": MESSAGES, "saw_truth": pl.String}
        return pl.DataFrame(rows, schema=schema)

    needs = Needs(images=("photo",) if shown else (), calls=(0, 0))
    return Generator(name="told", version="1", row=ROW, needs=needs, records=records, **more)


QUESTIONS = ("Where?", "Is it Leipzig?", "In Germany?", "Near 51.34?", "As, perhaps.", " ", "Saxony it is")
SAMPLE = st.fixed_dictionaries(
    {
        "question": st.sampled_from(QUESTIONS),
        "answer": st.sampled_from(["Here.", ""]),
        "rows": st.sampled_from([1, 1, 1, 0, 2]),
        "place": st.sampled_from(
            [
                ("DE", "Saxony", "Leipzig", 51.3397, 12.3731),
                ("BE", None, "As", 51.0, 5.58),
                (None, None, None, 0.5, 1.0),
            ]
        ),
        "refused": st.sampled_from([None, None, None, "corrupt"]),
        "seen": st.sampled_from([(), (), (), ("here",), ("no_evidence",)]),
        "embed": st.booleans(),
    }
)


def a_shard(folder: Path, samples: list[dict[str, Any]], *, shown: bool) -> BuildPaths:
    paths = BuildPaths(folder)
    paths.shard(0).root.mkdir(parents=True)
    plan, found = [], []
    for number, one in enumerate(samples):
        places = dict(zip(("country_code", "region", "city", "lat", "lon"), one["place"], strict=True))
        texts = [{"name": name, "text": str(one[name])} for name in ("question", "answer", "rows")]
        images = [{"role": "photo", "locator": "a.jpg", "embed": one["embed"]}] if shown else []
        nothing = {field.name: None for field in arrow.PLAN}
        known = {"id": f"s{number}", "position": number, "shard": 0, "source_row": number, "uncertainty_km": 0.0}
        plan.append({**nothing, **places, **known, "images": images, "texts": texts})
        photos = (Photo(sha256="0" * 64, refused=one["refused"]),) if shown else ()
        evidence = tuple(Evidence(source="w", findings=(Finding(kind=kind, text="x"),)) for kind in one["seen"])
        found.append(AnsweredSample(photos=photos, evidence=evidence))
    write_table(pa.Table.from_pylist(plan, schema=arrow.PLAN), paths.plan)
    write_table(answers_table([row["id"] for row in plan], found), paths.shard(0).answers)
    return paths


@given(st.lists(SAMPLE, min_size=1, max_size=8), st.booleans())
@settings(deadline=None, max_examples=60)
def test_both_ways_decide_the_same(
    tmp_path_factory: pytest.TempPathFactory, samples: list[dict[str, Any]], shown: bool
) -> None:
    paths = a_shard(tmp_path_factory.mktemp("b") / "b", samples, shown=shown)
    spec, judge = VerifySpec(build=str(paths.root), **SPEC), Judge(generator=family(shown=shown), asks=False)
    found = verify_shard(spec, judge)
    written = paths.shard(0).verdicts.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        none = pl.repeat(value=False, n=len(samples), dtype=pl.Boolean, eager=True)
        patch.setattr(shards, "plainly_accepted", lambda *_: none)
        again = verify_shard(spec, judge)
    assert written == paths.shard(0).verdicts.read_bytes()
    assert (found.decisions, found.reasons, found.samples) == (again.decisions, again.reasons, again.samples)


def test_what_is_not_plain_is_sent_where_it_belongs(tmp_path: Path) -> None:
    plain = {"question": "Where?", "answer": "Here.", "rows": 1, "refused": None, "seen": (), "embed": True}
    plain["place"] = ("DE", "Saxony", "Leipzig", 51.3397, 12.3731)
    odd: list[dict[str, Any]] = [
        {"question": "Is it Leipzig?"},
        {"rows": 0},
        {"answer": " "},
        {"refused": "corrupt"},
        {"seen": ("no_evidence",)},
        {"embed": False},
    ]
    paths = a_shard(tmp_path / "b", [plain, *({**plain, **one} for one in odd), plain], shown=True)
    report = verify_shard(VerifySpec(build=str(paths.root), **SPEC), Judge(generator=family(shown=True), asks=False))
    assert report.decisions == {"accept": 2, "review": 4, "quarantine": 2}
    assert report.reasons == {
        "row:tells_the_truth": 1,
        "row:nothing_to_release": 1,
        "row:unsound_messages": 2,
        "images:corrupt": 1,
        "witness:w": 1,
    }
    assert [case.sample.id for case in read_cases(paths, 0)] == [f"s{number}" for number in range(8)]


def test_a_family_that_states_places_is_never_plain(tmp_path: Path) -> None:
    plain = {"question": "Where?", "answer": "Here.", "rows": 1, "refused": None, "seen": (), "embed": True}
    paths = a_shard(tmp_path / "b", [{**plain, "place": ("DE", None, None, 51.3, 12.4)}], shown=False)
    judge = Judge(generator=family(states_place=True), asks=False)
    assert verify_shard(VerifySpec(build=str(paths.root), **SPEC), judge).decisions == {"review": 1}


def test_a_family_whose_rows_cannot_be_read_is_named(tmp_path: Path) -> None:
    plain = {"question": "Where?", "answer": "Here.", "rows": 1, "refused": None, "seen": (), "embed": True}
    paths = a_shard(tmp_path / "b", [{**plain, "place": (None, None, None, 1.0, 2.0)}], shown=False)
    spec = VerifySpec(build=str(paths.root), **SPEC)
    for records, said in (
        (lambda frame: frame.select("id"), "the `messages` of a row.*KeyError"),
        (lambda frame: frame.select("id", messages=1), "the `messages` of a row.*TypeError"),
        (lambda frame: frame.select("nothing"), "raised at 1 samples"),
    ):
        broken = Generator(name="told", version="1", row=ROW, needs=Needs(images=(), calls=(0, 0)), records=records)
        with pytest.raises(PluginFault, match=said):
            verify_shard(spec, Judge(generator=broken, asks=False))


def test_tables_of_what_is_the_same_of_all_samples_are_those_of_each(tmp_path: Path) -> None:
    ids = ["a", "b", "c"]
    cases = [
        Case(sample=Sample(id=name, lat=0.0, lon=0.0), verdict=Verdict(decision="accept", reasons=(), checks=()))
        for name in ids
    ]
    for number, (mine, theirs) in enumerate(
        (
            (accepted_table(pl.Series(ids)), verdicts_table(ids, cases)),
            (unseen_table(pl.Series(ids)), answers_table(ids, [AnsweredSample()] * 3)),
        )
    ):
        write_table(mine, tmp_path / f"{number}a")
        write_table(theirs, tmp_path / f"{number}b")
        assert (tmp_path / f"{number}a").read_bytes() == (tmp_path / f"{number}b").read_bytes()
