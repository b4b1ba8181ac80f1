"""What brings back a file of `review/` that is damaged or lost: what people did is nowhere else, but for the server."""

from __future__ import annotations

from pathlib import Path

from factory.store.layout import BuildPaths


def brings_back(paths: BuildPaths, path: Path) -> str:
    """What makes a file of `review/` again that is not there, as the end of a message that names it."""
    push, pull, decide = (f"`factory review {command} {paths.root}`" for command in ("push", "pull", "decide"))
    return {
        paths.tasks: f"{push} notes again the tasks that the server has: with the same --gold, where gold was sent",
        paths.annotations: f"{pull} brings back all that the server has; what a lead said on the command line is to be "
        "said again"
        if paths.review_projects.exists() or any(paths.pulls.glob("[0-9]*.parquet"))
        else f"nothing was sent to a server, so only a copy brings it back: what a lead said on the command line stood "
        f"in it. Without one take {paths.decisions.name} away as well, with what another program wrote into it, and "
        "say all of it again",
        paths.refused: f"{pull} lists again what cannot count",
        paths.review_projects: f"{push} finds the projects on the server again",
        paths.reviewers: f"{decide} gives pseudonyms anew, in the order in which people came; for whom a lead vouched "
        "is to be said again",
        paths.decisions: f"{decide} makes it again of what people said; what another program wrote into it is lost",
    }[path]


def mends(paths: BuildPaths, path: Path) -> str:
    """What to do about a file of `review/` that is damaged, likewise."""
    if path.parent == paths.pulls:
        return "take it away: it is kept for people, and what counts stands in annotations.parquet"
    return f"take it away, and {brings_back(paths, path)}"
