"""One screen for every family: the photo, the clues and the text of the answer, each as plain text.

Nothing in it is HTML, so that nothing a teacher wrote can be more than text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from annotation.tasks import Made
from schemas import Case

CONFIG: Final = """\
<View>
  <Image name="photo" value="$image"/>
  <RectangleLabels name="boxes" toName="photo"><Label value="evidence"/><Label value="privacy"/></RectangleLabels>
  <Choices name="verdict" toName="photo" choice="single-radio">
    <Choice value="accept"/><Choice value="fix"/><Choice value="reject"/><Choice value="not_localizable"/>
  </Choices>
  <Choices name="flags" toName="photo" choice="multiple">
    <Choice value="privacy"/><Choice value="truth_wrong"/><Choice value="leaks_answer"/><Choice value="unsure"/>
  </Choices>
  <Repeater on="$clues" indexFlag="{{idx}}">
    <Text name="clue_text_{{idx}}" value="$clues[{{idx}}].text"/>
    <Choices name="clue_{{idx}}" toName="clue_text_{{idx}}" choice="single-radio">
      <Choice value="correct"/><Choice value="weak"/><Choice value="wrong"/><Choice value="not_visible"/>
    </Choices>
  </Repeater>
  <TextArea name="reasoning" toName="photo" maxSubmissions="1" editable="true"/>
  <Number name="lat" toName="photo"/>
  <Number name="lon" toName="photo"/>
  <TextArea name="place" toName="photo" maxSubmissions="1"/>
  <TextArea name="comment" toName="photo" maxSubmissions="1"/>
</View>
"""


class PlainScreen:
    """Shows the first answer."""

    config, shows = CONFIG, ""

    def task(self, case: Case, pictures: Mapping[str, str]) -> Made:
        """The photo, the clues and the text of the first answer that says where."""
        said = next((found.answered for found in case.given if found.answered.place is not None), None)
        place = None if said is None else said.place
        clues = () if place is None else tuple(clue.text for clue in place.clues)
        reasoning = None if place is None else place.reasoning
        text = {"from_name": "reasoning", "to_name": "photo", "type": "textarea", "value": {"text": [reasoning or ""]}}
        return Made(
            data={"image": pictures["photo"], "clues": [{"text": clue} for clue in clues]},
            results=[text] if reasoning else [],
            keys=() if said is None else said.keys,
            clues=clues,
            reasoning=reasoning,
        )
