"""`factory doctor`: what it finds wrong, and that its floors are those of the package and of CONTRIBUTING."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from factory.cli.console import print_findings
from factory.cli.doctor import BESIDE, DISTRIBUTION, Finding, examine

REPOSITORY = Path(__file__).resolve().parents[3]

RECIPE = """\
name: trial
generator: mp16_reason
source: {kind: table, path: photos.csv, images: images}
teachers:
  - {name: t, backend: openai, model: m, base_urls: ['http://127.0.0.1:9/v1'], api_key_env: OPENAI_API_KEY}
witnesses:
  - embeddings: {model: e, base_url: 'http://127.0.0.1:9/v1'}
verify:
  checks: [{localizable: {min_confidence: 0.1}}]
  decide: {reject: [localizable], review: []}
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


def about_the_source(recipe: Path) -> Finding:
    return next(
        found for found in examine(recipe, profile=None, overrides=()) if found.subject == "source" and found.fault
    )


def test_a_folder_of_images_that_holds_none_of_them_is_a_fault(recipe: Path) -> None:
    assert "none of 1 pictures is in" in about_the_source(recipe).text
    (recipe.parent / "images" / "p.jpg").write_bytes(b"x")
    assert not any(found.fault for found in examine(recipe, profile=None, overrides=()) if found.subject == "source")


def test_a_folder_of_images_that_is_not_there_is_a_fault(recipe: Path) -> None:
    (recipe.parent / "images").rmdir()
    assert "source.images: there is no folder" in about_the_source(recipe).text


def found_about_packages() -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(None, profile=None, overrides=())}


def pretend(monkeypatch: pytest.MonkeyPatch, name: str, version: str) -> None:
    """Another version of one package, as an old environment would have it."""
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda asked: version if asked == name else real(asked))


def test_every_declared_package_is_looked_at_and_none_of_the_developers() -> None:
    found = found_about_packages()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert {Requirement(text).name for text in project["dependencies"]} <= found.keys()
    assert not {"ruff", "mypy", "pytest", DISTRIBUTION} & found.keys()


@pytest.mark.parametrize(
    ("name", "old"), [("polars", "2.0.9"), ("polars", "3.0"), ("datasets", "5.1.0"), ("vllm", "0.9")]
)
def test_a_version_outside_what_is_declared_is_a_fault_with_its_remedy(
    name: str, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, name, old)
    found = found_about_packages()[name]
    assert (found.fault, found.text) == (True, old)
    assert found.remedy.startswith(f"pip install '{name}") and ">=" in found.remedy


@pytest.mark.parametrize("new", ["2.1.0", "2.2.0rc1", "2.9.0+local"])
def test_a_new_version_is_none(new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "polars", new)
    assert not found_about_packages()["polars"].fault


def test_no_floor_is_below_an_advisory_that_contributing_lists() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    listed = dict(re.findall(r"^\| ([a-z-]+) \| (\d[\d.]+) \| .*(?:CVE|issues)", text, re.MULTILINE))
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = (line for lines in project["optional-dependencies"].values() for line in lines)
    declared = {r.name: r for r in map(Requirement, (*project["dependencies"], *extras))}
    assert listed.keys() == {*BESIDE, *(listed.keys() & declared.keys())}
    assert {name: listed[name] for name in BESIDE} == BESIDE and not BESIDE.keys() & declared.keys()
    for name in listed.keys() & declared.keys():
        floor = next(Version(part.version) for part in declared[name].specifier if part.operator == ">=")
        assert floor >= Version(listed[name]), name


def test_what_is_well_carries_no_remedy() -> None:
    assert [found for found in examine(None, profile=None, overrides=()) if found.remedy and not found.fault] == []


def test_heic_that_cannot_be_read_is_not_ticked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (found,) = [found for found in examine(None, profile=None, overrides=()) if found.subject == "HEIC"]
    print_findings([found])
    assert capsys.readouterr().out.startswith("- HEIC ") and not found.fault
