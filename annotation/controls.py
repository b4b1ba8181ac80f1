"""The controls of every screen: their names and the words that they send, read by screens and by `pull` alike."""

from __future__ import annotations

from typing import Final

VERDICTS: Final = ("accept", "fix", "reject", "not_localizable")
FLAGS: Final = ("privacy", "truth_wrong", "leaks_answer", "unsure")
JUDGEMENTS: Final = ("correct", "weak", "wrong", "not_visible")
BOXES: Final = ("evidence", "privacy")

VERDICT: Final = "verdict"
FLAG: Final = "flags"
BOX: Final = "boxes"
LAT: Final = "lat"
LON: Final = "lon"
REASONING: Final = "reasoning"
PLACE: Final = "place"
COMMENT: Final = "comment"
CLUE: Final = "clue_"
"""Begins the name of what is said of a clue; its number follows, from 0."""

CRITERIA: Final = ("fluency", "relevance", "informativeness", "accuracy")
"""What two texts are compared on (GaGA's human evaluation): each a control of the screen of pairs."""
SIDES: Final = ("left", "equal", "right")
"""Which text is the better one there."""

MOST_REASONING: Final = 20_000
"""Characters, as of a round of a play-through; longer texts are no reasoning of a person."""
MOST_WORDS: Final = 2_000
"""Characters of a comment."""
MOST_PLACE: Final = 200
"""Characters of a place's name."""
MOST_SECONDS: Final = 30 * 86_400.0
"""That a task may take. Days are real, since the clock of a task that stays open runs on: 346,193 s were seen; a month
is no time that anybody spent."""
