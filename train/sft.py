"""Supervised fine-tuning by TRL's SFTTrainer: adapters, adapters on a model in 4 bits, or whole weights.

What is ours are the rows (`train.data`), which tokens are learnt (`train.conversation`), which weights (`train.models`)
and that a run goes on exactly where a checkpoint was written (`train.course`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from train.conversation import Collator
from train.course import Course, Kind, Tell, common_arguments, follow
from train.data import Order, Row, Share, evaluation_rows, even_part, loader, stream_from
from train.folder import RunFolder
from train.runs import SftRun
from train.settings import LoadedRun

TELLS: Final = ("loss", "eval_loss", "mean_token_accuracy", "eval_mean_token_accuracy")


def train_sft(run: LoadedRun, out: Path, tell: Tell) -> RunFolder:
    """Trains as `train.course.follow` does.

    Raises RecipeError for what the run cannot have, UnlearnableRow for a row that is no conversation, DamagedRelease,
    EnvironmentFault where the loss is no number any more.
    """
    return follow(Kind(sft_config, sft_trainer, _measured, TELLS), run, out, tell)


def sft_trainer(course: Course, args: Any) -> Any:
    """TRL's trainer, whose loaders are ours: they begin at the row that follows from the last checkpoint's step."""
    from datasets import IterableDataset
    from transformers import PrinterCallback
    from trl import SFTTrainer

    settings: SftRun = course.run.run
    processes = args.world_size
    evaluated = evaluation_rows(course.run, processes)
    collate = Collator(course.processor, settings.data.max_tokens, settings.data.long_rows == "cut")
    given = partial(IterableDataset.from_generator, _rows)
    trainer = SFTTrainer(
        model=course.model,
        args=args,
        data_collator=collate,
        train_dataset=given(gen_kwargs={"order": course.order, "rows": None}),
        eval_dataset=None if evaluated is None else given(gen_kwargs={"order": evaluated[0], "rows": evaluated[1]}),
        processing_class=course.processor,
        peft_config=course.lora,
    )
    share = Share(trainer.args.process_index, processes, settings.optim.batch_size)
    pin = trainer.args.device.type == "cuda"

    def training() -> Any:
        rows = stream_from(course.order, course.rows_seen(processes))
        return loader(rows, share, collate, workers=settings.data.workers, pin=pin)

    def evaluating(dataset: Any = None) -> Any:
        assert evaluated is not None
        part = even_part(evaluated[1], share.rank, processes)
        own = stream_from(evaluated[0], part.start, len(part))
        return loader(own, Share(0, 1, share.batch), collate, workers=0, pin=pin)

    trainer.remove_callback(PrinterCallback)
    trainer.get_train_dataloader, trainer.get_eval_dataloader = training, evaluating
    return trainer


def _rows(order: Order, rows: int | None) -> Iterator[Row]:
    """What TRL looks at to find out that rows have pictures."""
    yield from stream_from(order, 0, rows)()


def sft_config(run: LoadedRun, folder: RunFolder, steps: int) -> Any:
    """A run's settings in TRL's words."""
    from trl import SFTConfig

    settings: SftRun = run.run
    return SFTConfig(
        **common_arguments(settings, folder, steps),
        per_device_eval_batch_size=settings.optim.batch_size,
        eval_strategy="no" if settings.data.evaluate is None else "steps",
        eval_steps=settings.keep.evaluate_steps,
        max_length=None,  # a bound is the collator's
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def _measured(course: Course, trainer: Any) -> Mapping[str, Any]:
    """The held-out loss at the end."""
    found = {} if trainer.eval_dataset is None else trainer.evaluate()
    return {key: value for key, value in found.items() if isinstance(value, int | float)}
