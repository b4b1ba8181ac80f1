"""The page: template, style, script and data put together into one HTML file that needs no network.

Everything a teacher, a source or a recipe wrote is text: Jinja escapes it, and the data for the script is JSON in which
`<`, `>`, `&` and the two JavaScript line separators are escaped. The Content-Security-Policy lets only the page's own
script run, by its hash, so a slip in either could show odd text but run nothing.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

ASSETS = Path(__file__).parent / "assets"
SHARED = ("atlas", "facets")
"""Parts of every script that has a map and a gallery."""
_JSON_ESCAPES = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})


def render(context: Mapping[str, Any], data: Mapping[str, Any], *, beside: str = "") -> str:
    """The whole page.

    Args:
        context: values of the template.
        data: what the script reads, as JSON types.
        beside: the folder beside the page that has its pictures; empty where they are embedded.
    """
    style = (ASSETS / "report.css").read_text(encoding="utf-8")
    code = script("report")
    template = environment().get_template("report.jinja")
    parts = {"style": own(style), "script": own(code)}
    return template.render(
        **context, **parts, beside=beside, policy=policy(code, beside=bool(beside)), data=script_json(data)
    )


def script(page: str) -> str:
    """The script of a page: the map and the filters that all pages share, and its own part."""
    own_parts = {"viewer": ("story", "viewer")}.get(page, (page,))
    parts = [(ASSETS / f"{name}.js").read_text(encoding="utf-8") for name in (*SHARED, *own_parts)]
    return '(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n"


def own(text: str) -> Markup:
    """A file of this package, to be put into a page as it is."""
    return Markup(text)  # noqa: S704 - never foreign text


def policy(script: str, *, pages: bool = False, beside: bool = False) -> str:
    """Content-Security-Policy that allows this one script, inline style and embedded pictures.

    Args:
        beside: whether pictures lie beside the page.
        pages: whether the script loads others from beside the page: from its folder or its own server.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    own = " 'self' file:"
    scripts = f"script-src 'sha256-{digest}'{own * pages}"
    sources = ("default-src 'none'", f"img-src data:{own * beside}", "style-src 'unsafe-inline'", scripts)
    return "; ".join((*sources, "base-uri 'none'", "form-action 'none'"))


def script_json(value: Any) -> Markup:
    """JSON that is safe inside a script element: no character of it can end the element or start a comment."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode("utf-8")
    return Markup(text.translate(_JSON_ESCAPES))  # noqa: S704 - the five characters that matter are escaped


def environment() -> Environment:
    """Jinja with autoescape on, whatever the template's name, and an error for every unknown name."""
    made = Environment(
        loader=FileSystemLoader(ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["zip"] = zip
    made.filters |= {
        "n": number,
        "km": kilometres,
        "pct": percent,
        "fragment": fragment,
        "score": score,
        "relation": relation,
    }
    return made


def number(value: float | None) -> str:
    """12345 -> "12,345"; millions and more are shortened to three figures."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    for size, letter in ((1e9, "G"), (1e6, "M")):
        if abs(value) >= 10 * size:
            return f"{value / size:,.3g} {letter}"
    return f"{value:,.0f}"


def kilometres(value: float | None) -> str:
    """0.22 -> "220 m", 3.14 -> "3.1 km", 2471.3 -> "2,471 km"."""
    if value is None:
        return "no place"
    if value < 0.995:
        return f"{value * 1000:.0f} m"
    return f"{value:.1f} km" if value < 9.95 else f"{value:,.0f} km"


def percent(value: float) -> str:
    """0.9328 -> "93.3 %"."""
    return f"{100 * value:.1f} %"


def score(value: float | None) -> str:
    """Three significant figures, without an exponent below a million."""
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def relation(check: Mapping[str, Any], direction: str | None) -> str:
    """How a check's score stands to its threshold, when that is what decided: `≥`, `≤`, `<`, `>`; else nothing.

    A check can fail for another reason than its score (countries differ, clues alike): then there is no relation.
    """
    value, threshold = check["score"], check["threshold"]
    if direction is None or value is None or threshold is None:
        return ""
    holds = value >= threshold if direction == "≥" else value <= threshold
    if check["outcome"] == "pass":
        return direction if holds else ""
    return "" if holds or check["outcome"] != "fail" else {"≥": "<", "≤": ">"}[direction]


def fragment(value: str) -> str:
    """An id as the part of a link after `#`."""
    return quote(value, safe="")
