from __future__ import annotations

from pathlib import Path

import pytest

from factory.cli.doctor import examine

RECIPE = """\
name: trial
generator: mp16_reason
source: {kind: table, path: photos.csv, images: images}
teachers:
  - {name: t, backend: openai, model: m, base_urls: ['http://127.0.0.1:9/v1']}
verify:
  checks: [{localizable: {min_confidence: 0.1}}]
  decide: {reject: [localizable], review: []}
  embeddings: {model: e, base_url: 'http://127.0.0.1:9/v1'}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    (tmp_path / "images").mkdir()
    (tmp_path / "photos.csv").write_text("id,image,lat,lon\np,p.jpg,1,2\n")
    return path


@pytest.mark.parametrize("key", ["schlüssel", "sk-\x07bell"])
def test_a_key_with_impossible_characters_is_a_finding(recipe: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    faults = {finding.subject: finding for finding in examine(recipe, profile=None, overrides=()) if finding.fault}
    assert "OPENAI_API_KEY holds characters" in faults["t"].text
    assert key not in faults["t"].text


def test_the_clients_own_variables_do_not_crash_it_either(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("OPENAI_ORG_ID", "örg")
    assert any(finding.subject == "t" and finding.fault for finding in examine(recipe, profile=None, overrides=()))


def test_the_embeddings_endpoint_is_asked_too(recipe: Path) -> None:
    found = {finding.subject: finding for finding in examine(recipe, profile=None, overrides=())}
    assert found["embeddings"].fault and "does not answer" in found["embeddings"].text
