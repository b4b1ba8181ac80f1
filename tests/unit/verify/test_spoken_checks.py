"""The checks of rewritten speech: was it said, does it say no more, was the player right, is it about the place?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.generators.spoken import places_of, words_said
from factory.verify.added_words import adds, taken_back
from factory.verify.clue_length import clue_length
from factory.verify.no_game_talk import no_game_talk
from factory.verify.right_country import right_country
from factory.verify.round_score import expected_points, points_fit_distance, round_score
from factory.verify.spans_exist import spans_exist
from factory.verify.spans_support import spans_support
from schemas import Case, CheckResult
from tests.spoken_rounds import SENTENCES, answer, spoken_round

OF_ANSWERS = (spans_exist, spans_support, right_country, clue_length, no_game_talk)


def found_in(check: Any, case: Case, **more: Any) -> tuple[str, str]:
    result: CheckResult = check(case, **more)
    return result.outcome, result.reason


@pytest.mark.parametrize("check", (*OF_ANSWERS, round_score, points_fit_distance))
def test_a_sound_round_passes(check: Any) -> None:
    more = {"min_chars": 20} if check is clue_length else {}
    assert found_in(check, spoken_round(answer()), **more)[0] == "pass"


@pytest.mark.parametrize("check", OF_ANSWERS)
def test_without_an_answer_there_is_nothing_to_pass(check: Any) -> None:
    for case in (spoken_round(), spoken_round(answer(failure="refused"))):
        assert found_in(check, case) == ("abstain", "no_answer")


# --- was it said? -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("bollards... uh, that's, that's Dutch", "bollards... uh, that's, that's Dutch"),
        ("bollards... uh, that's, that's Dutch", "Bollards, that's Dutch"),
        ("it's, um, the the Netherlands", "it's the Netherlands"),
        ("the sign says\nPienza, that’s Italy", "the sign says Pienza, that's Italy"),
        ("das heißt Straße", "DAS HEISST STRASSE"),
        ("route ６６", "Route 66"),
    ],
)
def test_a_quote_is_found_without_fillers_repetitions_and_marks(said: str, quote: str) -> None:
    assert places_of(quote, words_said(said.splitlines()))


@pytest.mark.parametrize("quote", ["bollards Dutch", "ollards", "bollards that is Dutch", "", "um", "..."])
def test_other_words_are_no_quote(quote: str) -> None:
    assert places_of(quote, words_said(["bollards... uh, that's, that's Dutch"])) == ()


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (("The soil is red.",), "no_span"),
        (("The soil is red.", "red soil", "acacia trees"), "not_said"),
        (("The soil is red.", ""), "no_span"),
        (("It is red.", "okay so red soil", "it's Tanzania no wait the plates are yellow at the back"), "too_wide"),
        ((), "no_reason"),
    ],
)
def test_sentences_without_words_of_the_round_fail(sentence: tuple[str, ...], reason: str) -> None:
    result = spans_exist(spoken_round(answer(sentence)), max_words=12)
    assert (result.outcome, result.reason, result.score) == ("fail", reason, 1.0)


def test_words_of_another_round_are_none_of_this_one() -> None:
    assert found_in(spans_exist, spoken_round(answer(), said=["bollards, that's Dutch"])) == ("fail", "not_said")


# --- does it say no more? ---------------------------------------------------------------------------------------------


def more(said: str, sentence: str, *quotes: str, **settings: Any) -> list[tuple[str, str]]:
    return [tuple(one) for one in adds(sentence, quotes or (said,), words_said(said.splitlines()), **settings)]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("bollards... uh, that's, that's Dutch", "The bollards are Dutch."),
        ("um, like, poles with holes in them", "There are poles that have holes in them."),
        ("two lines in the middle", "There are 2 lines in the middle."),
        ("yellow plates at the back", "The rear plates are yellow."),
        ("driving on the left", "Cars drive on the left side of the road."),
        ("so it's, uh, Holland", "This is the Netherlands."),
        ("the UK", "It points to the United Kingdom."),
        ("ok mountains, mountainous, cold", "The area is cold and has mountains."),
        ("it's Kenya, no wait, Uganda", "This is Uganda."),
        ("it's Kenya, no wait, Uganda", "At first this looks like Kenya, but it is Uganda."),
        ("maybe Latvia", "This may be Latvia."),
        ("could be Latvia", "It is probably Latvia."),
        ("no idea, snow", "There may be snow."),
        ("there's no yellow lines so it's not Ireland", "No yellow lines, so it is not Ireland."),
        ("I don't think it's Norway, it's Sweden", "It is Sweden rather than Norway."),
        ("no no, okay, Sweden", "This is Sweden."),
        ("isn't it lovely, olive trees", "There are olive trees."),
        ("palms", "Palms are often typical of such a place."),
        ("das ist wirklich Österreich", "Das ist wirklich Österreich."),
        ("you could see grass", "Grasses are seen."),
        ("a driver on the left", "Drivers are on the left."),
        ("hilly, sandy, rocks", "There are hills, sand and a rock."),
    ],
)
def test_the_same_or_less_in_written_words_is_supported(said: str, sentence: str) -> None:
    assert more(said, sentence) == []


@pytest.mark.parametrize(
    ("said", "sentence", "reason", "word"),
    [
        ("red soil", "The soil is red and acacias grow.", "new_word", "acacias"),
        ("red soil", "The soil is red as in Kenya.", "new_name", "Kenya"),
        ("it's africa", "It is East Africa.", "new_claim", "East"),
        ("red soil", "Kenya has red soil.", "new_name", "Kenya"),
        ("palm trees", "There are 12 palm trees.", "new_number", "12"),
        ("palm trees", "There are twelve palm trees.", "new_number", "twelve"),
        ("a stripe on the plate", "There is a blue stripe on the plate.", "new_claim", "blue"),
        ("these plates are Dutch", "Only Dutch plates are these.", "new_claim", "Only"),
        ("these plates are Dutch", "These plates must be Dutch.", "new_claim", "must"),
        ("these plates are Dutch", "These plates are not Dutch.", "new_claim", "not"),
        ("driving here", "Cars drive on the left here.", "new_claim", "left"),
        ("it says Straße", "It says Straße and Платформа.", "new_name", "Платформа"),
        ("roofs", "There are pointed roofs.", "new_word", "pointed"),
        ("trees", "There are many trees.", "new_word", "many"),
        ("corn", "There is a corner.", "new_word", "corner"),
        ("signs", "There are signals.", "new_word", "signals"),
        ("cows", "There is a herd of cows.", "new_word", "herd"),
        ("a river", "There is a ford in a river.", "new_word", "ford"),
        ("a river", "It is a river in the evening.", "new_word", "evening"),
        ("there are leaves", "There are no leaves.", "new_claim", "no"),
        ("plates", "Leaves and plates are seen.", "new_word", "Leaves"),
        ("it's Kenya, no wait, Uganda", "This is Kenya.", "taken_back", "Kenya"),
        ("it's a blue, uh no, black stripe", "There is a blue stripe.", "taken_back", "blue"),
        ("driving on the right, sorry, left", "Cars drive on the right.", "taken_back", "right"),
        ("three, no, four bands", "There are three bands.", "taken_back", "three"),
        ("maybe Latvia", "This is Latvia.", "lost_doubt", "This is Latvia."),
        ("I'm not sure, Latvia", "This is Latvia.", "lost_doubt", "This is Latvia."),
        ("there are no yellow lines", "There are yellow lines.", "lost_denial", "There are yellow lines."),
        ("it's not Norway", "It is Norway.", "lost_denial", "It is Norway."),
        ("they don't have bollards", "They have bollards.", "lost_denial", "They have bollards."),
    ],
)  # fmt: skip
def test_what_was_not_said_is_named(said: str, sentence: str, reason: str, word: str) -> None:
    assert (reason, word) in more(said, sentence)


def test_a_short_quote_does_not_cut_off_the_doubt_the_denial_or_the_correction_beside_it() -> None:
    assert more("maybe Latvia", "This is Latvia.", "Latvia") == [("lost_doubt", "This is Latvia.")]
    assert more("it has no yellow lines", "It has yellow lines.", "yellow lines")[-1][0] == "lost_denial"
    assert ("taken_back", "Kenya") in more("it's Kenya, no wait, Uganda", "This is Kenya.", "it's Kenya")


def test_a_colour_before_a_change_of_mind_about_a_country_stands() -> None:
    assert more("red soil, no wait, that is Kenya", "The soil is red.", "red soil") == []
    said = words_said(["it's Kenya, no wait, Uganda"])
    gone, _ = taken_back(said)
    assert [said[at].text for at in gone] == ["kenya"]


def test_only_the_words_behind_a_sentence_count_not_the_whole_round() -> None:
    assert ("new_word", "palms") in more("red soil\npalms", "There are red soil and palms.", "red soil")
    assert ("new_word", "palms") in more("red soil\npalms", "There are palms.", "never said"), "no words, no support"


def test_words_may_be_allowed() -> None:
    assert more("holes in them", "The poles have holes in them.", allow=("pole",)) == []


def test_an_invented_clue_is_told_with_its_words() -> None:
    case = spoken_round(answer(*SENTENCES, ("Acacias stand by the road.", "really red soil")))
    result = spans_support(case)
    assert (result.outcome, result.reason, result.score, result.threshold) == ("fail", "new_word", 3.0, 0.0)
    assert "new word: “Acacias”; new word: “stand”; new word: “road”" in result.detail


def test_text_in_another_language_is_not_passed() -> None:
    said = ("la tierra es muy roja y las palmeras son altas",)
    case = spoken_round(answer((said[0], said[0])), said=said)
    assert found_in(spans_support, case) == ("abstain", "unreadable")


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=120), st.lists(st.text(max_size=40), max_size=3), st.lists(st.text(max_size=80), max_size=4))
def test_any_words_are_judged(sentence: str, quotes: list[str], lines: list[str]) -> None:
    assert all(one.reason for one in adds(sentence, quotes, words_said(lines)))


# --- was the player right? --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "outcome", "score"),
    [
        ({"points": "3406"}, "pass", 3406.0),
        ({"points": "3400"}, "pass", 3400.0),
        ({"points": "3394"}, "fail", 3394.0),
        ({"points": "", "distance_km": "573"}, "pass", pytest.approx(3406, abs=0.5)),
        ({"points": "", "distance_km": "578"}, "fail", pytest.approx(3394.7, abs=0.5)),
        ({"points": "", "distance_km": ""}, "abstain", None),
        ({"points": "nan", "distance_km": "-3"}, "abstain", None),
    ],
)
def test_a_round_counts_from_3400_points(texts: dict[str, str], outcome: str, score: Any) -> None:
    result = round_score(spoken_round(**texts))
    assert (result.outcome, result.score, result.threshold) == (outcome, score, 3400.0)


@pytest.mark.parametrize(
    ("points", "km", "outcome"),
    [("4865", "41", "pass"), ("5000", "0", "pass"), ("4999", "0.001", "pass"), ("4250", "301", "fail")],
)
def test_points_that_are_not_those_of_the_distance_are_flagged(points: str, km: str, outcome: str) -> None:
    result = points_fit_distance(spoken_round(points=points, distance_km=km))
    assert result.outcome == outcome
    assert result.score == pytest.approx(abs(int(points) - expected_points(float(km))), abs=0.001)


def test_without_points_or_distance_nothing_is_compared() -> None:
    assert found_in(points_fit_distance, spoken_round(distance_km="")) == ("abstain", "no_score")


@pytest.mark.parametrize(
    ("country", "sentence", "found"),
    [
        ("Kenya", "It is dry.", ("pass", "right")),
        ("Kenia", "It is dry.", ("pass", "right")),
        (None, "It is dry.", ("abstain", "no_country")),
        (None, "It is Kenya and not Uganda.", ("pass", "right")),
        ("Uganda", "It is Kenya.", ("fail", "country_differs")),
        ("Kenya", "It is Uganda.", ("abstain", "names_others")),
        (None, "It is New Mexico.", ("abstain", "no_country")),
        (None, "It is Papua New Guinea.", ("abstain", "names_others")),
        ("the highlands", "It is Kenya.", ("abstain", "unreadable")),
    ],
)
def test_the_country_that_clues_lead_to_is_the_rounds(country: str | None, sentence: str, found: Any) -> None:
    assert found_in(right_country, spoken_round(answer((sentence, "red soil"), country=country))) == found


def test_a_round_on_the_open_sea_has_no_country_to_compare() -> None:
    assert found_in(right_country, spoken_round(answer(), code=None)) == ("abstain", "no_truth")


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("letters", "reason"), [(444, "too_short"), (445, "fits"), (1402, "fits"), (1403, "too_long")])
def test_a_text_is_as_long_as_those_that_were_released(letters: int, reason: str) -> None:
    halves = [("x" * (letters // 2), "q"), ("y" * (letters - letters // 2 - 1), "q")]
    result = clue_length(spoken_round(answer(*halves)))
    assert (result.reason, result.score) == (reason, float(letters))
    assert result.threshold == (1402.0 if reason == "too_long" else 445.0)


@pytest.mark.parametrize(
    "text",
    [
        "It is Kenya, an easy 5k.",
        "The guess scored 4,865 points.",
        "As the player says, the soil is red.",
        "The transcript speaks of red soil.",
        "My guess is Kenya.",
        "The street view car has an antenna.",
        "A gen 4 camera shows Kenya.",
        "I plonk in Kenya.",
        "In the last round, the soil was red, too.",
        "Geoguessr shows red soil.",
        "Clicking around shows red soil.",
    ],
)
def test_talk_of_the_game_is_no_clue(text: str) -> None:
    assert found_in(no_game_talk, spoken_round(answer((text, "red soil")))) == ("fail", "speaks_of_the_game")


@pytest.mark.parametrize(
    "text",
    [
        "The red soil points to Kenya.",
        "Several points of the compass are on the sign.",
        "The game reserve lies behind a round hut.",
        "The first round tower is by the clock tower.",
        "Snow lies all year round, and the street views resemble those of Kenya.",
        "A video shop is seen, and the match of colours is good.",
    ],
)
def test_words_of_the_game_that_mean_something_else_pass(text: str) -> None:
    assert found_in(no_game_talk, spoken_round(answer((text, "red soil")))) == ("pass", "clean")


def test_what_no_leak_looks_for_is_looked_for() -> None:
    leaky = answer(("It lies at latitude -1.0950, longitude 35.8660.", "red soil"))
    assert found_in(no_game_talk, spoken_round(leaky)) == ("fail", "quotes_coordinates")
    assert found_in(no_game_talk, spoken_round(leaky), allow=("quotes_coordinates",)) == ("pass", "clean")
