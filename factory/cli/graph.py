"""`factory graph`: a recipe, or a build with its state, as a Mermaid diagram."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from factory.cli.options import Json, Overrides, Profile, refuse_unused
from factory.cli.out import tell
from factory.text import counted

PHASES: Final = ("plan", "work", "decide", "verify", "review", "select", "release", "report")
"""In order; a test holds them against `factory.phases.build`."""
_STYLES: Final = {
    "done": "fill:#d7e9f7,stroke:#2a78b8,color:#1c2126",
    "waiting": "fill:#fbeecb,stroke:#e2a62d,color:#1c2126",
    "open": "fill:#f0f0ec,stroke:#9aa0a6,color:#1c2126",
}
MOST_NAMED: Final = 8
"""Checks or selectors named in one box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box of the diagram."""

    name: str
    lines: tuple[str, ...]
    state: str | None
    """done, waiting, open; None for a recipe, and for what is no phase."""


def graph(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A recipe's YAML file, or a build's directory.", show_default=False)],
    profile: Profile = None,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """A recipe, or a build with what is done in it, as a Mermaid diagram: for a README, an issue, or mermaid.live."""
    from factory.cli.console import print_json
    from factory.recipe.load import load_recipe
    from factory.store.layout import open_build

    if path.is_dir():
        refuse_unused(context, ["profile", "overrides"], "is of a recipe, and this is a build")
        build = open_build(path)
        nodes, links = drawn(build.recipe, build.info)
    else:
        nodes, links = drawn(load_recipe(path, profile=profile, overrides=overrides or ()).plain(), None)
    if json:
        told = [{"name": node.name, "lines": list(node.lines), "state": node.state} for node in nodes]
        print_json({"nodes": told, "edges": [list(link) for link in links]})
    else:
        tell(*mermaid(nodes, links))


def drawn(recipe: Mapping[str, Any], info: Mapping[str, Any] | None) -> tuple[list[Node], list[tuple[str, str]]]:
    """Boxes and arrows. Args: recipe: resolved, as plain data; info: build.json of a build."""
    counts = {} if info is None else info["counts"]
    lines: dict[str, list[str]] = {name: [] for name in PHASES}
    if "planned" in counts:
        lines["plan"] = [counted(counts["planned"], "sample")]
    lines["verify"] = _named(recipe.get("verify", {}).get("checks"))
    if decisions := counts.get("decisions"):
        lines["verify"].append(" · ".join(f"{name} {number:,}" for name, number in decisions.items() if number))
    lines["decide"] = ["people's decisions"]
    lines["review"] = ["waits for people" if (recipe.get("review") or {}).get("wait") else "people may decide"]
    lines["select"] = _named(recipe.get("select"))
    if "kept" in counts:
        lines["select"].append(f"kept {counts['kept']:,}")
    nodes = [Node(name="source", lines=tuple(_one(recipe.get("source"), "kind")), state=None)]
    nodes += [Node(name=name, lines=tuple(lines[name]), state=_state(name, info)) for name in PHASES]
    links = [("source", "plan"), *pairwise(PHASES)]
    family = Node(name="family", lines=tuple(_one(recipe.get("generator"), "name")), state=None)
    nodes.append(family)
    links.append(("family", "work"))
    for kind in ("teachers", "witnesses"):
        for number, told in enumerate(_each(recipe.get(kind))):
            name = f"{kind}{number}"
            nodes.append(Node(name=name, lines=told, state=None))
            links.append((name, "work"))
    return nodes, links


def _state(phase: str, info: Mapping[str, Any] | None) -> str | None:
    """What build.json says; whether the files still stand as they were left is said by `factory check`."""
    if info is None:
        return None
    if phase in info.get("phases", {}):
        return "done"
    first = next((name for name in PHASES if name not in info.get("phases", {})), None)
    return "waiting" if info["state"] == "waiting" and phase == first else "open"


def _one(block: Any, key: str) -> Iterator[str]:
    if isinstance(block, Mapping):
        yield from (str(block[name]) for name in (key, "layout") if isinstance(block.get(name), str))
    elif isinstance(block, str):
        yield block


def _named(rules: Any) -> list[str]:
    names = [next(iter(rule)) if isinstance(rule, Mapping) and rule else str(rule) for rule in _list(rules)]
    left = len(names) - MOST_NAMED
    return [*map(str, names[:MOST_NAMED]), *([f"and {left} more"] if left > 0 else [])]


def _each(block: Any) -> Iterator[tuple[str, ...]]:
    for one in _list(block):
        if isinstance(one, Mapping):
            told = [str(one[key]) for key in ("name", "kind", "backend", "model") if isinstance(one.get(key), str)]
            yield tuple(told or map(str, one))
        else:
            yield (str(one),)


def _list(block: Any) -> Sequence[Any]:
    return block if isinstance(block, list) else ()


def mermaid(nodes: Sequence[Node], links: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The lines of a flowchart. All words of a box are spelt so that they are words alone: Mermaid reads `#35;`."""
    yield "flowchart LR"
    for node in nodes:
        shown = node.lines if node.name.rstrip("0123456789") in ("teachers", "witnesses") else (node.name, *node.lines)
        words = "<br/>".join(_spelt(line) for line in shown if line)
        yield f'  {node.name}["{words}"]' + (f":::{node.state}" if node.state else "")
    for before, after in links:
        yield f"  {before} --> {after}"
    if any(node.state for node in nodes):
        for name, style in _STYLES.items():
            yield f"  classDef {name} {style}"


def _spelt(text: str) -> str:
    short = text if len(text) <= 60 else f"{text[:59]}…"
    return "".join(c if c.isalnum() or c in " _-.,·…'" else f"#{ord(c)};" for c in short)
