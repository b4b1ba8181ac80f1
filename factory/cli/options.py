"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from factory.errors import RecipeError

Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="Profile of the recipe (default: `demo`, where there is one); `none`: the recipe itself.",
    ),
]
Overrides = Annotated[list[str] | None, typer.Option("--set", "-s", help="Override a key: `teachers.0.model=x`.")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON on standard output; talk goes to standard error.")]
Split = Annotated[str | None, typer.Option(help="Of a release (default: `test`).", show_default=False)]
AtOnce = Annotated[int, typer.Option(min=1, max=10_000, help="Calls under way.")]
MaxCalls = Annotated[
    int | None, typer.Option(min=0, help="Of this run; run again for as many more.", show_default=False)
]
UrlKey = Annotated[
    str | None, typer.Option(metavar="VARIABLE", help="Environment variable with the key of --url.", show_default=False)
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option("--allow-host", metavar="HOST", help="May be no public address: a mirror of yours."),
]


def refuse_unused(context: typer.Context, options: Sequence[str], why: str) -> None:
    """Raises RecipeError where any of these options is on the command line: beside the others it would do nothing.

    Args:
        options: names of parameters, `max_calls` for --max-calls.
        why: what they belong to.
    """
    for name in options:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            parameter = next(one for one in context.command.params if one.name == name)
            raise RecipeError(f"{'/'.join((*parameter.opts, *parameter.secondary_opts))}: {why}; leave it out")
