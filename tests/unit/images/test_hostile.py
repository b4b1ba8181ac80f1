from __future__ import annotations

import warnings

import pytest

from factory.images import REASONS, ImageRejected, ImageSettings, metadata_findings
from factory.images.prepare import prepare
from tests.hostile import HANDLED, HostileImage, corpus

CASES = list(corpus())
QUICK = [case for case in CASES if "under the limit" not in case.name]
"""Pictures near the pixel limit are decoded in limited workers only: tests/integration/test_decode_workers.py."""


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert {reason for case in CASES for reason in case.expected} <= {HANDLED, *REASONS}


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_ends_in_a_named_reason_or_a_clean_picture(case: HostileImage) -> None:
    with warnings.catch_warnings(action="error"):
        result = prepare(case.data, ImageSettings())
    if isinstance(result, ImageRejected):
        assert result.reason in case.expected, result
        assert result.sha256
    else:
        assert HANDLED in case.expected
        assert metadata_findings(result.jpeg) == []
        assert b"<script>" not in result.jpeg
        assert max(result.width, result.height) <= 1024
