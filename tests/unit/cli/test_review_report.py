"""The page for leads: figures by hand, pseudonyms alone, and foreign words that are text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from typer.testing import CliRunner

from annotation.qualify import Round
from factory.cli.check import file_faults
from factory.cli.main import app
from factory.cli.review_report import told_audit, told_promise, write_review_report
from factory.phases.decide import decide_build
from factory.store.layout import Build
from factory.store.tables import write_table
from schemas import arrow
from tests.annotations import said, shown, write_annotations
from tests.build_fixture import make_build

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}"


def a_build(root: Path) -> Build:
    """Two agree on s000 and differ on s003; both accept s001, and ann alone drew a mark."""
    build = make_build(root / "mp16_reason-fixture0")
    rows = [said(name, who, **shown(build, name)) for name in ("s000", "s001") for who in ("ann@x.org", "ben@x.org")]
    rows.append(said("s003", "ann@x.org", "reject", comment=HOSTILE, **shown(build, "s003")))
    rows.append(said("s003", "ben@x.org", reasoning=HOSTILE, verdict="fix", **shown(build, "s003")))
    write_annotations(build.paths, rows)
    return build


def test_it_says_how_far_people_agree_and_shows_where_they_differ(tmp_path: Path) -> None:
    """Verdicts: aa, aa, reject fix. Alike 2 of 3. Alpha: observed 2, expected (36 - 16 - 1 - 1) / 5, so 1 - 2 / 3.6."""
    build = a_build(tmp_path)
    page = write_review_report(build).read_text()
    assert '<th scope="row">verdict</th><td>66.7 %</td><td>0.44</td>' in page
    assert 'id="s003"' in page and 'id="s000"' not in page
    assert "<td>20 → 20</td>" in page, "seconds a task, in the first half and then"
    assert "reviewer-1</b> reject" in page and "reviewer-2</b> fix" in page


def test_it_marks_whose_word_does_not_count_as_deciding_has_it(tmp_path: Path) -> None:
    """Of two on gold s001 (right: accept) ann skips and ben accepts; an account may be called like a pseudonym."""
    build = make_build(tmp_path / "mp16_reason-fixture0")
    build.paths.recipe_lock.write_text(build.paths.recipe_lock.read_text() + "review: {gold_accuracy: 0.8}\n")
    rows = [said("s003", who, word, **shown(build, "s003")) for who, word in (("reviewer-2", "fix"), ("ben", "reject"))]
    rows += [said("s001", "reviewer-2", None, kind="gold", skipped=True, **shown(build, "s001"))]
    rows += [said("s001", "ben", kind="gold", slot="2", **shown(build, "s001"))]
    write_annotations(build.paths, rows)
    empty = {field.name: None if field.nullable else "" for field in arrow.TASKS}
    lists: dict[str, object] = {"images": [], "keys": [], "clues": [], "project": 1, "score": 0.5}
    gold = [
        {**empty, **lists, "external": row["external"], "id": "s001", "kind": "gold", "expected": "accept"}
        for row in rows[2:]
    ]
    write_table(pa.Table.from_pylist(gold, schema=arrow.TASKS), build.paths.tasks)
    page = write_review_report(build).read_text()
    assert "<td>0 of 1, no word counts</td>" in page and "<td>1 of 1</td>" in page
    assert "reviewer-1 (does not count)</b> fix" in page and "reviewer-2</b> reject" in page
    assert decide_build(build).barred == {"reviewer-1": Round(0, 1)}


def test_names_stay_out_and_foreign_words_are_text(tmp_path: Path) -> None:
    build = a_build(tmp_path)
    page = write_review_report(build).read_text()
    assert "@x.org" not in page
    assert "<script>alert" not in page and "onerror=alert(1)>" not in page.replace("onerror=alert(1)&gt;", "")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "{{ 7 * 7 }}" in page
    assert "script-src &#39;sha256-" in page


def test_the_command_writes_it_into_the_private_folder(tmp_path: Path) -> None:
    build = a_build(tmp_path)
    done = CliRunner().invoke(app, ["review", "report", str(build.paths.root)])
    assert done.exit_code == 0, done.output
    assert build.paths.review_report.stat().st_mode & 0o777 == 0o600
    assert not any("is not among what was written" in fault for fault in file_faults(build.paths.root))


def test_a_build_that_nobody_looked_at_has_a_page_too(tmp_path: Path) -> None:
    page = write_review_report(make_build(tmp_path / "mp16_reason-fixture0")).read_text()
    assert "Nobody has said anything yet." in page and "No accepted row has been audited yet." in page
    assert "Nobody differs." in page


def test_what_an_audit_proves_is_said_with_its_bounds() -> None:
    assert told_audit(0, 148, 10_000).startswith("People looked at 148 of 10,000 accepted rows and reject 0: 0.0 %.")
    assert told_audit(3, 100, 100).endswith("3.0 to 3.0 % by Wilson's interval.")


def test_how_many_audits_a_promise_takes_is_said_before_the_first() -> None:
    assert told_promise(0, 0, 10_000) == (
        "That fewer than 2 % are wrong, at 95 %, takes 148 audits with 0 wrong: 148 more, if none of them is wrong."
    )
    assert told_promise(0, 148, 10_000).endswith("takes 148 audits with 0 wrong: it can be said.")
    assert told_promise(5, 20, 100) == "That fewer than 2 % are wrong cannot be said: 5 of 100 are already."
