"""A model behind a server that fails: a row it refuses is a failed answer, and whatever else goes wrong is none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from factory.errors import EnvironmentFault, RecipeError
from release.read import open_release
from tests.fake_endpoint import running_endpoint
from tests.training.tiny import make_release
from train.predict import endpoint_predictions


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return make_release(tmp_path / "release", 4, held_out=12)


def test_every_row_is_answered_or_failed_in_the_order_of_the_release(release: Path, tmp_path: Path) -> None:
    rows = list(open_release(release).rows("validation"))
    refused = hashlib.sha256(rows[5]["images"][0]["bytes"]).hexdigest()
    plan = [{"kind": "bad_request", "image": refused}, {"kind": "error_500", "first": 3, "count": 2}]
    with running_endpoint(tmp_path / "server", plan, model="m") as server:
        said = list(endpoint_predictions(server.url, "m", release, "validation", at_once=3))
    assert [row["id"] for row in said] == [row["id"] for row in rows]
    assert [row["id"] for row in said if not row["text"]] == [rows[5]["id"]]
    assert said[5]["failure"] == "refused by the server (400)"


def test_a_server_that_does_not_answer_stops_the_evaluation_and_scores_nothing(release: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"no answer to row 'validation-0000' \(APIConnectionError\)"):
        list(endpoint_predictions("http://127.0.0.1:9/v1", "m", release, "validation", rows=1))


def test_what_cannot_be_asked_is_told_before_anything_is(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    asked = ("http://127.0.0.1:9/v1", "m", release)
    with pytest.raises(EnvironmentFault, match="NO_SUCH_KEY is not set"):
        list(endpoint_predictions(*asked, "validation", api_key_env="NO_SUCH_KEY"))
    with pytest.raises(RecipeError, match="no split 'test'; there are train, validation"):
        list(endpoint_predictions(*asked, "test"))
