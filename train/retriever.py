"""A vision-language model as a retriever: a query and its picture come to lie together, and apart from other places.

An embedding is the last layer's state at the last token, where the model would begin to answer, brought to length 1
(NGCG). What is ours are the rows, the contrast (`train.contrast`) and what is looked up at the end, with and without
what was learnt, by `train.evaluate.retrieval`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from factory.errors import RecipeError
from factory.store.files import make_folder, write_bytes
from train.contrast import contrast, place_id, summed
from train.course import Course, Kind, Tell, common_arguments, follow
from train.data import Order, Row, Share, Source, loader, opened_source, stream_from
from train.evaluate.retrieval import Places, Retrieved, retrieve
from train.folder import RunFolder
from train.models import load_model
from train.pairs import Pairs
from train.processes import process_state
from train.runs import PairsBlock, RetrieverRun
from train.settings import LoadedRun

Vectors = NDArray[np.float32]
DEGREES: Final = ("lat", "lon")


def train_retriever(run: LoadedRun, out: Path, tell: Tell) -> RunFolder:
    """Trains as `train.course.follow` does, and tells how the held-out rows are found.

    Raises RecipeError for what the run cannot have, UnlearnableRow for a row without a side, DamagedRelease,
    EnvironmentFault where the loss is no number any more.
    """
    held_out(run)  # a run without it would be told so at its very end
    kind = Kind(retriever_arguments, retriever_trainer, _measured, columns=columns_of(run.run.data))
    folder = follow(kind, run, out, tell)
    found = (folder.done or {}).get("retrieval") or {}
    if process_state().is_main_process:
        for line in retrieval_table(found):
            tell(line)
    return folder


def held_out(run: LoadedRun) -> Source | None:
    """The rows that are looked up at the end; None where a run looks none up. Raises RecipeError."""
    data: PairsBlock = run.run.data
    return None if data.evaluate is None else opened_source(run, 0, data.evaluate, columns_of(data))


def columns_of(data: PairsBlock) -> tuple[str, ...]:
    """What is read of a row."""
    sides = (data.query, data.gallery)
    shown = ("images",) if any(side.picture is not None for side in sides) else ()
    return tuple(dict.fromkeys(("id", *shown, *(side.text for side in sides if side.text), *data.place)))


def retriever_arguments(run: LoadedRun, folder: RunFolder, steps: int) -> Any:
    """A run's settings in the Trainer's words: a step is one batch, however many pieces it is embedded in."""
    from transformers import TrainingArguments

    settings: RetrieverRun = run.run
    rows = settings.optim.batch_size * settings.optim.accumulate
    whole = {"per_device_train_batch_size": rows, "gradient_accumulation_steps": 1}
    return TrainingArguments(**{**common_arguments(settings, folder, steps), **whole})


def retriever_trainer(course: Course, args: Any) -> Any:
    """A Trainer whose rows and steps are ours. Raises RecipeError where weights are shared out over processes."""
    from peft import get_peft_model
    from transformers import PrinterCallback, Trainer

    settings: RetrieverRun = course.run.run
    model = course.model if course.lora is None else get_peft_model(course.model, course.lora)
    if settings.optim.checkpointing:
        model.enable_input_require_grads()  # else a frozen first layer ends what is computed again
    trainer = Trainer(model=model, args=args, processing_class=course.processor)
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        raise RecipeError("a retriever's weights lie whole in each process: use recipes/train/accelerate/ddp.yaml")
    share = Share(trainer.args.process_index, args.world_size, args.per_device_train_batch_size)
    collate = Pairs(course.processor, settings.data, settings.optim.batch_size)
    pin = trainer.args.device.type == "cuda"

    def training() -> Any:
        rows = stream_from(course.order, course.rows_seen(args.world_size))
        return loader(rows, share, collate, workers=settings.data.workers, pin=pin)

    def step(wrapped: Any, inputs: Mapping[str, Any], num_items_in_batch: Any = None) -> Any:
        wrapped.train()
        inner = trainer.accelerator.unwrap_model(wrapped)
        given = trainer._prepare_inputs(dict(inputs))
        with trainer.compute_loss_context_manager():
            loss = contrast(
                partial(embed, inner),
                given["pieces"],
                given["places"],
                settings.temperature,
                trainer.accelerator.backward,
            )
        summed(inner.parameters())
        return loss

    trainer.remove_callback(PrinterCallback)
    trainer.get_train_dataloader, trainer.training_step = training, step
    return trainer


def embed(model: Any, inputs: Mapping[str, Any]) -> Any:
    """Embeddings of length 1, float32, (rows, width): the last layer's state at the last token; padded on the left."""
    from torch.nn.functional import normalize

    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    states = whole.model(**inputs, use_cache=False).last_hidden_state
    return normalize(states[:, -1].float(), dim=-1)


@dataclass(frozen=True, slots=True)
class Embedded:
    """Held-out rows as vectors, and which belong together. Of each place the first row's picture is in the gallery."""

    ids: list[str]
    queries: Vectors
    """(rows, width)"""
    gallery: Vectors
    """(places, width)"""
    positive: NDArray[np.int64]
    """(rows,): which of the gallery is right."""
    gallery_ids: list[str]
    """Of the rows whose pictures they are."""
    degrees: Places | None
    """Where rows with `lat` and `lon` are."""

    def found(self) -> Retrieved:
        """Each query looked up in the whole gallery."""
        return retrieve(self.queries, self.gallery, self.positive, places=self.degrees)


def embedded(model: Any, pairs: Pairs, rows: Iterator[Row], *, device: str) -> Embedded:
    """Rows as vectors of a model, `pairs.piece` at once."""
    import torch

    ids: list[str] = []
    firsts: dict[int, int] = {}
    positive: list[int] = []
    vectors: tuple[list[Vectors], list[Vectors]] = ([], [])
    where: list[tuple[float, float]] = []
    first_rows: list[int] = []
    model.eval()
    while piece := list(islice(rows, pairs.piece)):
        fresh = []
        for row in piece:
            place = place_id(row, pairs.data.place)
            if place not in firsts:
                firsts[place] = len(firsts)
                fresh.append(row)
                first_rows.append(len(ids))
            positive.append(firsts[place])
            ids.append(str(row["id"]))
            if set(DEGREES) <= set(pairs.data.place):
                where.append((float(row["lat"]), float(row["lon"])))
        with torch.inference_mode():
            for side, of, to in ((pairs.data.query, piece, vectors[0]), (pairs.data.gallery, fresh, vectors[1])):
                if of:
                    inputs = {name: value.to(device) for name, value in pairs.side(side, of).items()}
                    to.append(embed(model, inputs).cpu().numpy())
    at = np.array(where) if where else None
    degrees = None if at is None else Places(at[:, 0], at[:, 1], at[first_rows, 0], at[first_rows, 1])
    queries, gallery = map(np.concatenate, vectors)
    shown = [ids[number] for number in first_rows]
    return Embedded(ids, queries, gallery, np.array(positive, np.int64), shown, degrees)


def write_embeddings(found: Embedded, folder: Path) -> None:
    """`queries.csv`, `gallery.csv` and the arrays beside them, as `factory retrieval` reads them."""
    make_folder(folder)
    np.save(folder / "queries.npy", found.queries, allow_pickle=False)
    np.save(folder / "gallery.npy", found.gallery, allow_pickle=False)
    at = found.degrees
    queries = pl.DataFrame({"id": found.ids, "positive": [found.gallery_ids[number] for number in found.positive]})
    gallery = pl.DataFrame({"id": found.gallery_ids})
    if at is not None:
        queries = queries.with_columns(lat=at.query_lat, lon=at.query_lon)
        gallery = gallery.with_columns(lat=at.gallery_lat, lon=at.gallery_lon)
    for name, table in (("queries", queries), ("gallery", gallery)):
        write_bytes(table.write_csv().encode(), folder / f"{name}.csv")


def _measured(course: Course, trainer: Any) -> Mapping[str, Any]:
    """How the held-out rows are found without and with what was learnt; the first process looks."""
    settings: RetrieverRun = course.run.run
    data = settings.data
    source = held_out(course.run)
    if source is None or not trainer.is_world_process_zero():
        return {}
    rows = min(data.evaluate_rows or source.rows, source.rows)
    order = Order((source,), 0, shuffle=False)
    pairs = Pairs(course.processor, data, settings.optim.batch_size)
    model, device = trainer.accelerator.unwrap_model(trainer.model), str(trainer.args.device)
    look = partial(embedded, pairs=pairs, device=device)
    with trainer.compute_loss_context_manager():
        learnt = look(model, rows=islice(order.from_row(0), rows))
        before = model if course.lora is not None else load_model(course.run)[0].to(device)
        with model.disable_adapter() if course.lora is not None else nullcontext():
            unlearnt = look(before, rows=islice(order.from_row(0), rows))
    write_embeddings(learnt, course.folder.path / "embeddings")
    return {"retrieval": {"without": unlearnt.found().plain(), "with": learnt.found().plain()}}


def retrieval_table(found: Mapping[str, Any]) -> list[str]:
    """The table with and without fine-tuning, in percent."""
    if not found:
        return []
    first = found["with"]
    names = [*first["recall"], *first["localized"]]
    head = f"{first['queries']:,} queries, gallery of {first['size']:,} ({first['gallery']}), in %"
    lines = [" ".join([f"{'fine-tuning':<11}", *(f"{name:>6}" for name in names)])]
    for which, each in found.items():
        shares = {**each["recall"], **each["localized"]}
        lines.append(" ".join([f"{which:<11}", *(f"{100 * shares[name]:>6.2f}" for name in names)]))
    return [head, *lines]
