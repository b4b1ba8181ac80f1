from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.report import html
from factory.report.html import ASSETS

ANYTHING = st.recursive(
    st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text(), st.lists, max_leaves=8
)


@given(ANYTHING)
def test_json_for_the_script_reads_back_and_cannot_leave_its_element(value: object) -> None:
    text = str(html.script_json(value))
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_policy_names_the_hash_of_the_script_and_nothing_from_outside() -> None:
    script = html.script("report")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = html.policy(script)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    assert digest in policy
    assert "unsafe-eval" not in policy and "http" not in policy and "*" not in policy


def test_the_script_makes_no_markup_of_text_and_asks_nothing_of_the_network() -> None:
    script = html.script("report")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "XMLHttp", "</"):
        assert word not in script


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "no place"), (0.0, "0 m"), (0.22, "220 m"), (3.14, "3.1 km"), (9.97, "10 km"), (2471.3, "2,471 km")],
)
def test_distances_read_well(value: float | None, text: str) -> None:
    assert html.kilometres(value) == text


def test_numbers_read_well() -> None:
    assert (html.number(12345), html.number(24_600_000), html.number(float("nan"))) == ("12,345", "24.6 M", "–")
    assert (html.score(0.4444), html.score(2471.2), html.score(None)) == ("0.444", "2,471", "–")
    assert html.percent(0.9328) == "93.3 %"


def test_score_and_threshold_are_related_only_when_the_score_decided() -> None:
    def relation(outcome: str, value: float | None, direction: str | None) -> str:
        return html.relation({"outcome": outcome, "score": value, "threshold": 25.0}, direction)

    assert [relation("pass", 3.0, "≤"), relation("pass", 25.0, "≤"), relation("pass", 30.0, "≥")] == ["≤", "≤", "≥"]
    assert [relation("fail", 482.0, "≤"), relation("fail", 3.0, "≥")] == [">", "<"]
    assert relation("fail", 3.0, "≤") == "", "it failed for another reason than its distance"
    assert [relation("pass", 3.0, None), relation("pass", None, "≤"), relation("abstain", 9.0, "≤")] == ["", "", ""]


def colours(css: str) -> dict[str, tuple[int, int, int]]:
    found = re.findall(r"--(accept|review|reject|quarantine): #(\w{6})", css)
    return {name: (int(h[:2], 16), int(h[2:4], 16), int(h[4:], 16)) for name, h in found}


# Simulation of full protanopia, deuteranopia and tritanopia in linear RGB: Machado, Oliveira, Fernandes 2009, table 1.
DEFICIENCIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deutan": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritan": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def lab(rgb: tuple[int, int, int], matrix: tuple[tuple[float, ...], ...]) -> tuple[float, float, float]:
    """CIE Lab (D65) of an sRGB colour as seen through a deficiency."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    r, g, b = (min(max(sum(m * c for m, c in zip(row, linear, strict=True)), 0.0), 1.0) for row in matrix)
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_decisions_are_told_apart_with_any_colour_vision(scheme: str, deficiency: str) -> None:
    css = (ASSETS / "report.css").read_text(encoding="utf-8")
    light, dark = css.split("prefers-color-scheme: dark", 1)
    palette = {
        name: lab(rgb, DEFICIENCIES[deficiency]) for name, rgb in colours(light if scheme == "light" else dark).items()
    }
    assert len(palette) == 4
    for one in palette:
        for other in palette:
            gap = sum((a - b) ** 2 for a, b in zip(palette[one], palette[other], strict=True)) ** 0.5
            assert one == other or gap > 20, (one, other, gap)
