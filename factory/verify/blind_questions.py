"""Questions that point to a kind of evidence and give none away.

GaGA's prompt wants questions "closely related to the visual elements" that do not provide visual details. A student who
reads in the question what the picture shows learns to be told. What counts as a detail is a list of ours: names,
lettering, numbers, colours, materials, and things one sees in some places and not in others. Words for a whole kind of
evidence (architecture, vegetation, signs, traffic, clothing) are what a question is made of.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from factory.generators.mg_geo_dialog import told_dialog
from factory.plugins.registry import register
from factory.verify.english import is_english
from factory.verify.messages import truth_told
from schemas import Case, CheckResult
from schemas.record import UNREADABLE
from schemas.rows import message

_DETAILS: Final = frozenset(
    """
    red orange yellow green blue purple violet pink brown black white grey gray beige golden silver turquoise crimson
    scarlet ochre terracotta maroon cream colourful colorful pastel striped chequered checkered whitewashed painted
    brick bricks marble granite sandstone limestone adobe wooden timber thatch thatched tiled slate glass steel concrete
    stucco plaster cobblestone cobbled cobblestones tin corrugated mosaic ceramic bamboo
    pagoda pagodas minaret minarets dome domes domed spire spires steeple mosque mosques church churches chapel temple
    temples shrine shrines castle palace cathedral monastery stupa torii gable gabled gables half-timbered skyscraper
    skyscrapers lighthouse windmill windmills canal canals bridge harbour harbor pier amphitheatre colosseum pyramid
    pyramids statue statues obelisk fountain ruins fortress ramparts arcade arcades balcony balconies colonnade
    gothic baroque romanesque renaissance rococo neoclassical art-deco brutalist victorian georgian colonial ottoman
    moorish byzantine islamic buddhist hindu shinto christian catholic orthodox jewish soviet haussmann haussmannian
    palm palms cactus cacti saguaro birch birches cypress cypresses pine pines spruce fir olive olives eucalyptus acacia
    acacias baobab mangrove vineyard vineyards lavender heather tulips cherry blossom blossoms maple oak
    snow snowy ice glacier desert dunes volcano mountain mountains snow-capped peaks peak beach sea ocean river lake
    waterfall island cliff cliffs fjord canyon savanna savannah steppe jungle rainforest karst terraces paddy paddies
    zebra zebras camel camels kangaroo elephant elephants sheep reindeer llama llamas guanaco guanacos
    tram trams rickshaw rickshaws tuk-tuk tuk-tuks gondola ferry scooter scooters motorway autobahn train taxi taxis
    cyrillic arabic hebrew greek latin kanji hiragana katakana hangul devanagari thai chinese japanese korean russian
    turkish spanish portuguese french german italian english dutch polish czech swedish norwegian icelandic hindi
    european asian african american australian scandinavian nordic mediterranean andean alpine tropical arctic tundra
    kimono sari turban kilt poncho sombrero burqa hijab
    kilometres kilometers miles left-hand right-hand
    """.split()  # noqa: SIM905
)
_FREE: Final = frozenset(
    """I I'd I'm GPS JSON Earth Decimal Degrees Latitude Longitude Northern Southern Eastern Western Hemisphere Equator
    Q1 Q2 Q3 Q4""".split()  # noqa: SIM905
)
"""Words with a capital inside a sentence that name nothing."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*")
_QUOTED: Final = re.compile(r"[\"“”„«»「」『』‹›]|(?:(?<=\s)|^)'[^']{1,80}'(?=[\s.,;:?!]|$)|(?:(?<=\s)|^)‘[^’]{1,80}’")
_NUMBER: Final = re.compile(r"\d+")
_SENTENCE_START: Final = re.compile(r"(?:^|[.!?:;]\s|\n)\W*$")


@register("check", "blind_questions")
def blind_questions(case: Case, *, allow: tuple[str, ...] = ()) -> CheckResult:
    """No question of a dialog tells what the picture shows, or where it was taken.

    Args:
        case: The sample with its dialog.
        allow: Words that count as no detail, in small letters, for sets whose questions need them (`river`).

    Fails with the first that is found as `tells_the_place` (a name or coordinate of the truth), `quotes_lettering`
    (quotation marks, another script), `names_something` (a capital inside a sentence, a number) or `shows_detail` (a
    colour, a material, a thing that one may see); the score is how many there are, its threshold 0. English is read:
    questions in another language are `unreadable`, which nobody accepts. Abstains as `no_answer` without a dialog. What
    no list has passes: people should read some.
    """
    told = told_dialog(case)
    if told is None:
        return CheckResult(check="blind_questions", outcome="abstain", reason="no_answer", threshold=0.0)
    questions = told.last.questions
    if not is_english(" ".join(questions)):
        detail = "its questions are not English"
        return CheckResult(check="blind_questions", outcome="abstain", reason=UNREADABLE, threshold=0.0, detail=detail)
    found = [
        (reason, f"question {number} has “{word}”")
        for number, question in enumerate(questions, 1)
        for reason, word in _given_away(question, case, frozenset(allow))
    ]
    score = float(len(found))
    if not found:
        return CheckResult(check="blind_questions", outcome="pass", reason="blind", score=score, threshold=0.0)
    reason, detail = found[0]
    return CheckResult(
        check="blind_questions", outcome="fail", reason=reason, score=score, threshold=0.0, detail=detail
    )


def _given_away(question: str, case: Case, allow: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What a question gives away: reason and words."""
    text = unicodedata.normalize("NFKC", question.replace("’", "'"))
    if (place := truth_told([message("user", text)], case.sample, "none")) is not None:
        yield "tells_the_place", place
    if (quoted := _QUOTED.search(text)) is not None:
        yield "quotes_lettering", quoted.group()[:40]
    for number in _NUMBER.findall(text):
        yield "names_something", number[:40]
    for match in _WORD.finditer(text):
        word = match.group()
        small = word.casefold().removesuffix("'s")
        if small in allow or word in _FREE:
            continue
        if not all(unicodedata.name(letter, "").startswith("LATIN") for letter in word if letter.isalpha()):
            yield "quotes_lettering", word[:40]
        elif small in _DETAILS:
            yield "shows_detail", word
        elif word[0].isupper() and not _SENTENCE_START.search(text, 0, match.start()):
            yield "names_something", word[:40]
