"""`factory retrieval`: how well embeddings of queries find their pictures in a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from factory.cli.json_lines import need_jsonl, write_json_lines
from factory.cli.options import Json, refuse_unused
from factory.cli.out import line, say, terminal


def retrieval(
    context: typer.Context,
    queries: Annotated[Path, typer.Argument(show_default=False, help="Table: id, positive, semi_positives, lat, lon.")],
    gallery: Annotated[Path, typer.Argument(show_default=False, help="Table: id, lat, lon.")],
    query_vectors: Annotated[
        Path, typer.Option(metavar="FILE.npy", help="Of the queries, in their order.", show_default=False)
    ],
    gallery_vectors: Annotated[
        Path, typer.Option(metavar="FILE.npy", help="Of the gallery, in its order.", show_default=False)
    ],
    nearest: Annotated[int, typer.Option(min=1, help="Pictures of the cut gallery (CVG-Text's m).")] = 100,
    lists: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Also write candidates for `factory rerank`.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(min=2, max=200, help="Candidates of a list.")] = 20,
    json: Json = False,
) -> None:
    """Measure retrieval across views: R@K, R@1%, hit rate, L@50/100/150, in the whole gallery and in the nearest."""
    from rich.table import Table

    from factory.cli.console import print_json
    from train.evaluate.retrieval_files import candidate_lists, measured, without_place

    if lists is not None:
        need_jsonl(lists, "lists are written")
    else:
        refuse_unused(context, ["top"], "is how many candidates --lists gets, which is missing")
    found = measured(queries, gallery, query_vectors, gallery_vectors, nearest=nearest)
    if len(found) == 1:
        refuse_unused(context, ["nearest"], f"is of the gallery cut by place, and {without_place(queries, gallery)}")
    if lists is not None:
        write_json_lines(lists, candidate_lists(queries, gallery, query_vectors, gallery_vectors, top=top))
        say(f"lists     {lists}")
    if found[0].hit_rate is None:
        say(f"not measured: hit rate, as {queries} has no `semi_positives`")
    if not found[0].localized:
        say(f"not measured: L@50/100/150 and the cut gallery, as {without_place(queries, gallery)}")
    if json:
        print_json({"galleries": [one.plain() for one in found]})
        return
    table = Table("gallery", "pictures", "measure", "value", box=None, pad_edge=False)
    for one in found:
        hit = {} if one.hit_rate is None else {"hit rate": one.hit_rate}
        for name, value in {**one.recall, **hit, **one.localized}.items():
            table.add_row(line(one.gallery), line(f"{one.size:,}"), line(name), line(f"{100 * value:.2f} %"))
    terminal().print(line(f"{found[0].queries:,} queries; ties in nobody's favour; L@ on a sphere of 6371.0088 km"))
    terminal().print(table)
