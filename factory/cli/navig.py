"""`factory navig`: photos are located by a reasoner, a searcher and a guesser, and the parts' worth is measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factory.cli.json_lines import write_json_lines
from factory.cli.options import AtOnce, Json, MaxCalls, Split, UrlKey, refuse_unused
from factory.cli.out import say, tell
from factory.errors import RecipeError

if TYPE_CHECKING:
    from train.asking import Model
    from train.evaluate.evaluation import Evaluation, Line
    from train.navig.run import Tools

COLUMNS = ("within 25 km", "within 200 km", "within 750 km", "within 2500 km", "country DIRE", "geoscore")
_OF_PARTS: dict[str, frozenset[str]] = {
    "clues": frozenset({"guidebook"}),
    "boxes": frozenset({"map", "details"}),
    "nominatim": frozenset({"map"}),
    "reasoner": frozenset({"reasoner"}),
    "reasoner_url": frozenset({"reasoner"}),
    "reasoner_key": frozenset({"reasoner"}),
}
"""Options that only these parts look at."""
Set = Annotated[
    Path,
    typer.Argument(metavar="RELEASE|TABLE", help="A release, its build, or a table with `id`.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class _Servers:
    url: str
    model: str
    key: str | None
    reasoner: str | None
    reasoner_url: str | None
    reasoner_key: str | None
    nominatim: str | None
    at_once: int

    def models(self) -> list[Model]:
        """The guesser, the reasoner where it is another model, and the map where it is a server. A key is sent to the
        endpoint that it was named for, and to no other."""
        from train.asking import openai_model
        from train.navig.maps import nominatim
        from train.navig.run import GUESSER, REASONER

        if self.reasoner_url is not None and self.reasoner is None:
            raise RecipeError("--reasoner-url: say which model reasons there with --reasoner NAME")
        if self.reasoner_key is not None and self.reasoner_url is None:
            raise RecipeError("--reasoner-key: is the key of --reasoner-url, which is missing; --key is that of --url")
        shared: dict[str, Any] = {
            "sampling": {"temperature": 0.0, "max_tokens": 512},
            "max_in_flight": self.at_once,
        }
        found = [openai_model(self.url, self.model, name=GUESSER, api_key_env=self.key, **shared)]
        if self.reasoner is not None:
            url, key = (self.url, self.key) if self.reasoner_url is None else (self.reasoner_url, self.reasoner_key)
            found.append(openai_model(url, self.reasoner, name=REASONER, api_key_env=key, **shared))
        return found if self.nominatim is None else [*found, nominatim(self.nominatim)]


def navig(
    context: typer.Context,
    path: Set,
    url: Annotated[str, typer.Option(help="The guesser's endpoint, with /v1.", show_default=False)],
    model: Annotated[str, typer.Option(metavar="NAME", help="The guesser's name there.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="For answers and ledger.", show_default=False)],
    parts: Annotated[str, typer.Option(help="all, none, or of reasoner,guidebook,map,details.")] = "all",
    ablation: Annotated[bool, typer.Option("--ablation", help="Also without each part; prints the table.")] = False,
    preset: Annotated[str, typer.Option(metavar="P", help="Rules of the table, as of `factory eval`.")] = "navig",
    split: Split = None,
    photos: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A table's pictures: {id}.jpg.", show_default=False)
    ] = None,
    reasoner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another model that reasons.", show_default=False)
    ] = None,
    reasoner_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its endpoint, where it is another.", show_default=False)
    ] = None,
    reasoner_key: Annotated[
        str | None, typer.Option(metavar="VARIABLE", help="The key of --reasoner-url.", show_default=False)
    ] = None,
    clues: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The guidebook: clues as CSV.", show_default=False)
    ] = None,
    boxes: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="A detector's boxes, not the model's.", show_default=False)
    ] = None,
    nominatim: Annotated[
        str | None, typer.Option(metavar="URL", help="A Nominatim, not the offline gazetteer.", show_default=False)
    ] = None,
    key: UrlKey = None,
    at_once: AtOnce = 16,
    max_calls: MaxCalls = None,
    json: Json = False,
) -> None:
    """Locate photos by NAVIG's reasoner, searcher and guesser, for `factory eval`; --ablation tells their worth."""
    import asyncio

    from train.evaluate.evaluation import rules_of
    from train.evaluate.truth import is_release, read_truth
    from train.navig import ablation as compared
    from train.navig.run import parts_of, photos_of

    wanted = parts_of(parts)
    _refuse_unused(context, wanted, ablation=ablation, released=is_release(path))
    plans = compared.plans(wanted) if ablation else {"answers": wanted}
    rules = rules_of(preset)
    servers = _Servers(url, model, key, reasoner, reasoner_url, reasoner_key, nominatim, at_once)
    models, tools = servers.models(), _tools(clues, boxes, needed="guidebook" in wanted)
    truth = read_truth(path, split=split) if ablation else None
    _make(out)
    coming = partial(photos_of, path, split=split, folder=photos)
    runs = asyncio.run(compared.run(coming, plans, models, out / "calls", tools, max_calls=max_calls))
    files = {name: _write(out, name, rows) for name, rows in runs.items()}
    found = {} if truth is None else compared.measured(truth, runs, rules)
    _tell(files, runs, found, json)


def _refuse_unused(context: typer.Context, wanted: Collection[str], *, ablation: bool, released: bool) -> None:
    """Raises RecipeError for an option of a part that is not asked, and for others that would do nothing."""
    for name, parts in _OF_PARTS.items():
        if not parts & {*wanted}:
            refuse_unused(context, [name], f"is of the {_named(parts)}, which --parts leaves out")
    if not ablation:
        refuse_unused(context, ["preset"], "is of the table that --ablation prints")
    if released:
        refuse_unused(context, ["photos"], "is where a table's pictures are, and a release has its own")
    else:
        refuse_unused(context, ["split"], "is of a release, and a table has none")


def _named(parts: Collection[str]) -> str:
    return f"part{'s' * (len(parts) > 1)} {' and '.join(sorted(parts))}"


def _tools(clues: Path | None, boxes: Path | None, *, needed: bool) -> Tools:
    from train.navig.boxes import read_boxes_file
    from train.navig.guidebook import open_guidebook
    from train.navig.run import Tools

    if needed and clues is None:
        raise RecipeError(
            "the part `guidebook` looks clues up: give their file with --clues (ours: recipes/clues/world.csv), or "
            "leave it out with --parts"
        )
    book = open_guidebook(clues) if clues is not None and needed else None
    return Tools(book, None if boxes is None else read_boxes_file(boxes))


def _make(out: Path) -> None:
    from factory.store.files import disk_faults

    if out.exists() and not out.is_dir():
        raise RecipeError(f"{out}: is a file; --out wants a folder, which is made if it is not there")
    with disk_faults(out):
        out.mkdir(parents=True, exist_ok=True)


def _write(out: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    target = out / f"{name.replace(' ', '_')}.jsonl"
    write_json_lines(target, rows)
    return target


def _tell(
    files: Mapping[str, Path], runs: Mapping[str, list[dict[str, Any]]], found: Mapping[str, Evaluation], json: bool
) -> None:
    from factory.cli.console import print_json

    failed = {name: sum("failure" in row for row in rows) for name, rows in runs.items()}
    if json:
        told = {name: {"file": str(files[name]), "rows": len(runs[name]), "failed": failed[name]} for name in runs}
        for name, one in found.items():
            told[name]["table"] = one.plain()["table"]
        print_json({"runs": told})
        return
    for name, file in files.items():
        tell(f"{name:<18} {len(runs[name]):,} rows, {failed[name]:,} without an answer: {file}")
    if found:
        _print_table(found)
    else:
        say("measure them with: factory eval SET --predictions FILE --preset navig")


def _print_table(found: Mapping[str, Evaluation]) -> None:
    """A line a run; behind each value its difference to the first run, in brackets where the interval holds 0."""
    first = next(iter(found.values()))
    for name in ("distance", "failed answer", "denominator"):
        tell(f"  {name:<13} {first.rules[name]}")
    tell(f"{'run':<18}" + "".join(f"{column:>18}" for column in COLUMNS))
    for name, one in found.items():
        lines = {each.name: each for each in one.table}
        cells = [f"{_cell(lines.get(column)):>18}" for column in COLUMNS]
        tell(f"{name:<18}" + "".join(cells))
    tell(f"behind each value its difference to {next(iter(found))}, in brackets where its 95 % interval holds 0")


def _cell(found: Line | None) -> str:
    """A measure with its difference; one that the set does not have is a dash."""
    from train.evaluate.report import bare

    if found is None:
        return "–"
    text, apart = bare(found.interval.value, found.unit), found.against
    if apart is None:
        return text
    by = bare(apart.value, found.unit, sign=True)
    return f"{text} {by}" if apart.low > 0 or apart.high < 0 else f"{text} ({by})"
