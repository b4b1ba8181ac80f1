"""The course of a run, whatever trains: arguments, model, table of what learns, checkpoints, lines, what is kept.

A trainer of `transformers` goes through the steps; the rows of each are ours, and follow from its number.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from factory.errors import EnvironmentFault
from factory.store.files import remove
from train.blocks import KeepBlock
from train.data import COLUMNS, Order, train_order
from train.folder import WHOLE, RunFolder, run_folder
from train.merge import keep_base
from train.models import Family, freeze, linear_layers, load_model, trained, trained_table, whole_modules
from train.processes import on_cpu, process_state
from train.processors import keep_processor, load_processor
from train.settings import LoadedRun

Tell = Callable[[str], None]
"""Takes a line for whoever looks on."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a trainer is made of."""

    run: LoadedRun
    folder: RunFolder
    order: Order
    model: Any
    processor: Any
    lora: Any
    """LoRA settings, or None where whole weights learn."""

    def rows_seen(self, processes: int) -> int:
        """Rows that the last whole checkpoint has seen, 0 without one."""
        found = self.folder.checkpoint()
        return found[1] * rows_a_step(self.run.run, processes) if found else 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between trainers."""

    arguments: Callable[[LoadedRun, RunFolder, int], Any]
    """Of a run, its folder and its number of steps."""
    trainer: Callable[[Course, Any], Any]
    """Of these arguments."""
    measured: Callable[[Course, Any], Mapping[str, Any]]
    """What a trainer that has finished is measured by; every process calls it."""
    tells: tuple[str, ...] = ("loss",)
    """Numbers of its log that are told."""
    columns: tuple[str, ...] = COLUMNS
    """What it reads of a row."""


def follow(kind: Kind, run: LoadedRun, out: Path, tell: Tell) -> RunFolder:
    """Trains, or goes on where it stopped; a finished run returns at once.

    Args:
        out: the folder that holds runs; this one lies in `out/<name>`.

    Raises RecipeError for what the run cannot have, UnlearnableRow for a row that cannot be used, DamagedRelease,
    EnvironmentFault where the loss is no number any more.
    """
    from transformers import set_seed
    from transformers.integrations import TensorBoardCallback
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    state = process_state()
    order = train_order(run, kind.columns)
    folder = run_folder(run, out, write=state.is_main_process)
    state.wait_for_everyone()
    if folder.done is not None:
        return folder
    found = folder.checkpoint()
    if found is not None:
        folder.same_processes(found[0], state.num_processes)
    whole = found[0] if found and run.run.tune.method == "full" and (found[0] / "config.json").is_file() else None
    args = kind.arguments(run, folder, steps_of(run.run, order.rows, state.num_processes))
    set_seed(run.run.seed)
    model, family = load_model(run, whole)  # after the arguments: DeepSpeed shares weights out as they are read
    processor = load_processor(run, family)
    lora = adapters(run, model, family)
    course = Course(run, folder, order, model, processor, lora)
    trainer = kind.trainer(course, args)
    lines = trained(trainer.model, family)
    say = tell if state.is_main_process else _nobody
    for line in trained_table(lines):
        say(line)
    for callback in callbacks(run.run.keep, folder, say, kind.tells, main=state.is_main_process):
        trainer.add_callback(callback)
    if found is not None:
        say(f"goes on from {found[0].name}")
    if whole is not None and not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        trainer._load_from_checkpoint = _loaded_already
    numbers = stepped(trainer, found)
    trainer.remove_callback(TensorBoardCallback)  # it closed its file at the end of training
    measured = kind.measured(course, trainer)
    target = folder.path / ("model" if run.run.tune.method == "full" else "adapter")
    trainer.save_model(str(target))
    state.wait_for_everyone()
    if state.is_main_process:
        remove(target / "training_args.bin")  # a pickle, which nobody who gets the model should have to open
        keep_processor(run, processor, target)
        if lora is not None:
            keep_base(run, target)
        RunFolder(target).write(WHOLE, {"step": trainer.state.global_step})
        done = {**numbers, **measured, "steps": trainer.state.global_step, "trained": [*map(asdict, lines)]}
        folder.write("done.json", done)
    state.wait_for_everyone()
    return folder


def stepped(trainer: Any, found: tuple[Path, int] | None) -> dict[str, float]:
    """Goes through the steps that are left, and returns the numbers of them: none where there was no step left.

    Args:
        found: the whole checkpoint to go on from, and its step.
    """
    left = found is None or found[1] < trainer.args.max_steps
    if not left:  # a Trainer looks whether it has arrived after a step, and would take one more
        given = trainer.set_initial_training_values
        trainer.set_initial_training_values = lambda *args, **more: (0, *given(*args, **more)[1:])  # no epochs
    result = trainer.train(resume_from_checkpoint=str(found[0]) if found else None)
    return {key: value for key, value in result.metrics.items() if left and isinstance(value, int | float)}


def adapters(run: LoadedRun, model: Any, family: Family) -> Any:
    """Freezes what does not learn; the LoRA settings for TRL, or None where whole weights learn."""
    from peft import LoraConfig

    tune = run.run.tune
    if tune.method == "full":
        freeze(model, family, tune.parts)
        return None
    at = run.at("tune", "lora", "targets")
    return LoraConfig(
        r=tune.lora.rank,
        lora_alpha=tune.lora.alpha,
        lora_dropout=tune.lora.dropout,
        target_modules=linear_layers(model, family, tune.parts, tune.lora.targets, at),
        modules_to_save=whole_modules(model, family, tune.lora.whole, run.at("tune", "lora", "whole")) or None,
        task_type="CAUSAL_LM",
    )


def steps_of(run: Any, rows: int, processes: int) -> int:
    """Steps of a run over so many rows an epoch."""
    return int(run.optim.steps or math.ceil(run.optim.epochs * rows / rows_a_step(run, processes)))


def rows_a_step(run: Any, processes: int) -> int:
    """Rows that one step sees; of a run that compares answers it is these that `batch_size` counts."""
    seen: int = run.optim.batch_size * run.optim.accumulate * processes
    compared: int = run.sample.generations if run.trainer == "grpo" else 1
    return seen // compared


def common_arguments(run: Any, folder: RunFolder, steps: int) -> dict[str, Any]:
    """A run's settings in the words that every trainer's arguments share."""
    optim, keep = run.optim, run.keep
    warnings.filterwarnings("ignore", message="`gradient_checkpointing` is deprecated")  # TRL knows no other name
    return {
        "output_dir": str(folder.path),
        "seed": run.seed,
        "use_cpu": on_cpu(),
        "max_steps": steps,
        "per_device_train_batch_size": optim.batch_size,
        "gradient_accumulation_steps": optim.accumulate,
        "learning_rate": optim.learning_rate,
        "lr_scheduler_type": optim.schedule,
        "warmup_steps": math.ceil(optim.warmup * steps),
        "weight_decay": optim.weight_decay,
        "adam_beta1": optim.betas[0],
        "adam_beta2": optim.betas[1],
        "max_grad_norm": optim.max_grad_norm,
        "bf16": optim.precision == "bf16",
        "fp16": optim.precision == "fp16",
        "gradient_checkpointing": optim.checkpointing,
        "logging_steps": keep.log_steps,
        "logging_nan_inf_filter": False,
        "save_steps": min(keep.save_steps, steps),
        "save_total_limit": max(2, keep.checkpoints),  # the last but one is whole while the last is written
        "report_to": other_trackers(keep) or "none",
        "ignore_data_skip": True,  # our loader begins at the right row by itself
        "remove_unused_columns": False,
        "disable_tqdm": True,
    }


def other_trackers(keep: KeepBlock) -> list[str]:
    """Trackers that `transformers` reports to by itself. Raises EnvironmentFault for any that is not installed."""
    for name in keep.trackers:
        if find_spec(name) is None:
            raise EnvironmentFault(f"`keep.trackers` names {name}, which is not installed: pip install {name}")
    return [name for name in keep.trackers if name != "tensorboard"]


def callbacks(keep: KeepBlock, folder: RunFolder, tell: Tell, tells: tuple[str, ...], *, main: bool) -> list[Any]:
    """What happens beside training: lines for whoever looks on, TensorBoard, the mark of a whole checkpoint."""
    from transformers import TrainerCallback
    from transformers.integrations import TensorBoardCallback

    class Beside(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
            control.should_log |= control.should_save  # no checkpoint without a look at its loss
            return control

        def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
            if (lost := not_finite(model)) is not None:
                raise _learns_no_more(state, f"{lost} has values that are no numbers")
            process_state().wait_for_everyone()
            if main:
                written = {"step": state.global_step, "processes": args.world_size}
                RunFolder(folder.path / f"checkpoint-{state.global_step}").write(WHOLE, written)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **more: Any) -> None:
            for name in ("loss", "eval_loss", "train_loss"):
                if name in logs and not math.isfinite(float(logs[name])):
                    raise _learns_no_more(state, f"{name} is {logs[name]}")
            numbers = [name for name in (*tells, "learning_rate") if logs.get(name) is not None]
            told = "  ".join(f"{name} {float(logs[name]):.4g}" for name in numbers)
            if told:
                tell(f"step {state.global_step}/{state.max_steps}  {told}")

    made: list[Any] = [Beside()]
    if main and "tensorboard" in keep.trackers:
        from torch.utils.tensorboard import SummaryWriter

        made.append(TensorBoardCallback(SummaryWriter(str(folder.path / "tensorboard"))))
    return made


def not_finite(model: Any) -> str | None:
    """The first weights that learn, lie in this process and hold a NaN or an infinite value; None where none do.

    The loss of a step is that of the weights before it: the last step's may be a number, and what it leaves none.
    """
    import torch

    for name, parameter in model.named_parameters():
        mine = getattr(parameter, "ds_tensor", parameter)  # DeepSpeed's share of it
        mine = mine.to_local() if hasattr(mine, "to_local") else mine  # FSDP's
        if parameter.requires_grad and not bool(torch.isfinite(mine).all()):
            return str(name)
    return None


def _learns_no_more(state: Any, what: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"step {state.global_step}: {what}, so nothing more is learnt; a smaller `optim.learning_rate`, or "
        "`precision: bf16` where it is fp16"
    )


def _loaded_already(*_: Any, **__: Any) -> None:
    """In place of the Trainer's own: it looks for tensors by the names a model has in memory, and those of files that
    `save_pretrained` wrote are others for some families. It would find none, warn, and go on with the base model's."""


def _nobody(line: str) -> None:
    """Processes beside the first tell nothing."""
