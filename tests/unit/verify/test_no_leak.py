from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from factory.verify import no_leak
from schemas import Case, LocatedAnswer

Answer = Callable[..., LocatedAnswer]
Make = Callable[..., Case]

LEAKS = {
    "quotes_coordinates": [
        "The place lies at 55.7887, 49.1221.",
        "That is 55.79, 49.12 on the map.",
        "Near (55.8; 49.1), by the river.",
        "It is at 48,85661 / 2,35222.",
        "Position −33.85678 151.21530 in the harbour.",
        "Somewhere about 55°47'N.",
        "Marked 55° 47′ 12″ N, 49° 7′ E.",
        "At 55.79° N the sun stays low.",
        "Latitude 55.79 fits.",
        "latitude: 55, longitude: 49",
        "Its coordinates are 55.79 and something.",
        "lat=55.7 lon=49.1",
        "The GPS coordinates confirm Kazan.",
        "The coordinates provided point to Kazan.",
        "Plus code 9G7V+QX2 leads there.",
        "See https://maps.google.com/?q=kazan",
        "Full-width ５５.７８８７, ４９.１２２１ too.",
    ],
    "quotes_file_name": [
        "The picture ru-kazan-07 shows a tram.",
        "As ru-kazan-07.jpg suggests, Kazan.",
        "From IMG_1234.jpg one sees a tram.",
        "The name DSC01234 is a Sony camera's.",
        "PXL_20230517 was taken in May.",
        "The file name says Kazan.",
        "The filename contains Kazan.",
        "Judging by the image name, it is Kazan.",
        "holiday.heic is an iPhone photo.",
    ],
    "quotes_metadata": [
        "The EXIF says Canon.",
        "According to the metadata it is Kazan.",
        "The photo is geotagged in Kazan.",
        "The GPS tag points to Kazan.",
        "The GPS data agree.",
        "The image caption mentions Kazan.",
        "According to the caption this is Kazan.",
        "The caption of the photo names the Kremlin.",
    ],
    "echoes_instructions": [
        "The ground truth is Kazan.",
        "As given, the place is Kazan.",
        "The provided location is Kazan.",
        "The correct answer is Kazan.",
        "I was told that this is Kazan.",
        "The prompt asks for a city.",
        "According to the instructions the answer is JSON.",
        "The city is given in the question.",
    ],
}

INNOCENT = [
    "Built in 1898, restored in 1996-1998.",
    "A menu lists 12.50, 13.90 and 15.20 for lunch.",
    "Prices of €1.250, 2.500 and 3.750 are shown.",
    "Prices of 49.50, 55.20 roubles on a board.",
    "House number 30, Baker Street 221b.",
    "A sign limits speed to 30 km/h, another to 5.5 t and 2,30 m.",
    "Route 66 and Interstate 40 shields, A 113, E105.",
    "Phone +7 843 292-12-34 and 8 (800) 555-35-35 on a van; tel. 843 5550123.",
    "Number plates A 123 BC 116 and KA-07 MX 1234.",
    "Showery light appropriate for that latitude; high latitude, long shadows.",
    "A mural with a Russian caption and its German version.",
    "A plateau along a long 3.5 m wide path; the lon tree flats.",
    "A metal bridge, a geometric facade, a geodesic dome.",
    "Profile of the town; a file of hikers.",
    "It was 25.5 °C, turned 12° to the left, 25° warm.",
    "A GPS device on the dashboard and a phone with maps.",
    "The actual location cannot be determined; the exact place remains open.",
    "Truth be told, the answer is not certain; a label on the bottle says Kazan beer.",
    "A name plate, the photo shows a title in Cyrillic; ID card office.",
    "12:30 on the clock, 24/7, 3+2 windows, M7 motorway 7.5 km, 100.5 FM, score 2:1.",
    "Given the Cyrillic letters, a city in Russia; a given name on a shop.",
    "The board gives instructions for visitors.",
    "Version 10.15.7 on a screen, 192.168.0.1 on a sticker.",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in LEAKS.items() for text in texts])
def test_fails_on_text_that_quotes_what_the_picture_cannot_show(
    make_case: Make, make_answer: Answer, kind: str, text: str
) -> None:
    found = no_leak(make_case(make_answer(reasoning=f"A tram. {text} So Russia.")))
    assert (found.outcome, found.reason) == ("fail", kind), found
    assert found.threshold == 0.0
    assert "writes" in found.detail


@pytest.mark.parametrize("text", INNOCENT)
def test_passes_text_with_ordinary_numbers_and_words(make_case: Make, make_answer: Answer, text: str) -> None:
    found = no_leak(make_case(make_answer(reasoning=text, clues=[text], lat=55.79, lon=49.12)))
    assert found.outcome == "pass", found


def test_clues_and_what_they_support_are_read_too(make_case: Make, make_answer: Answer) -> None:
    assert no_leak(make_case(make_answer(clues=["tram", "the EXIF says Kazan"]))).reason == "quotes_metadata"


def test_no_pattern_reads_from_one_clue_into_the_next(make_case: Make, make_answer: Answer) -> None:
    assert (
        no_leak(make_case(make_answer(clues=["an old photo", "caption in Russian", "as", "given"]))).outcome == "pass"
    )


def test_one_leaking_teacher_is_enough(make_case: Make, make_answer: Answer) -> None:
    found = no_leak(
        make_case(make_answer("a", reasoning="A tram."), make_answer("b", reasoning="EXIF and ground truth."))
    )
    assert (found.outcome, found.score) == ("fail", 2.0)
    assert found.detail.startswith("a clean; b writes")


def test_an_id_that_is_a_plain_word_or_number_is_no_leak(make_case: Make, make_answer: Answer) -> None:
    answer = make_answer(reasoning="Berlin in 2013, house 42.")
    for name in ("Berlin", "2013", "42"):
        assert no_leak(make_case(answer, id=name, image=f"{name}.jpg")).outcome == "pass"


def test_a_numeric_id_counts_when_it_is_long(make_case: Make, make_answer: Answer) -> None:
    leak = make_answer(reasoning="Picture 3859149887465501 shows a road.")
    assert (
        no_leak(make_case(leak, id="3859149887465501", image="a.tar::3859149887465501.jpg")).reason
        == "quotes_file_name"
    )


def test_allowed_kinds_do_not_fail(make_case: Make, make_answer: Answer) -> None:
    sign = make_case(make_answer(reasoning="A milestone reads 55°47'N."))
    assert no_leak(sign, allow=("quotes_coordinates",)).outcome == "pass"


def test_abstains_without_text_or_answer(make_case: Make, make_answer: Answer) -> None:
    assert (no_leak(make_case(make_answer())).outcome, no_leak(make_case(make_answer())).reason) == (
        "abstain",
        "no_text",
    )
    assert no_leak(make_case(make_answer(failure="refused"))).reason == "no_answer"


@pytest.mark.parametrize(
    "text",
    ["1.1 " * 5000, "9" * 20000, " " * 20000 + "lat", "latitude " * 2000, "-" * 20000, "img_" * 5000, "°1" * 9000],
)
def test_hostile_text_is_read_in_bounded_time(make_case: Make, make_answer: Answer, text: str) -> None:
    started = time.process_time()
    no_leak(make_case(make_answer(reasoning=text)))
    assert time.process_time() - started < 0.5
