"""Reinforcement by TRL's GRPOTrainer: answers to one question are compared with each other by their rewards.

What is ours are the rows, the rewards (`train.rewards`, `train.reward_model`), and that a run goes on exactly where a
checkpoint was written (`train.course`). It starts from whatever model `model.path` is: one that was fine-tuned, or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from train.conversation import marks_of, pictures, plain_messages
from train.course import Course, Kind, Tell, common_arguments, follow, rows_a_step
from train.data import COLUMNS, Row
from train.folder import RunFolder
from train.models import model_source
from train.processes import process_state
from train.reward_model import reward_model
from train.rewards import NEEDS, PURE, Said, read_said, truth_of
from train.runs import GrpoRun
from train.settings import LoadedRun, require_processes

Reward = Callable[..., list[float]]
"""Takes `completions`, `truth` and `jpegs`, a value of each answer; returns each one's reward."""
_BESIDE: Final = ("reward", "reward_std", "kl")


def train_grpo(run: LoadedRun, out: Path, tell: Tell) -> RunFolder:
    """Trains as `train.course.follow` does.

    Raises RecipeError for what the run cannot have, UnlearnableRow for a row that is no conversation, DamagedRelease,
    EnvironmentFault where the reward model gives no answer, or the loss is no number any more.
    """
    given = run.run.rewards.given
    columns = dict.fromkeys((*COLUMNS, *(column for name in given for column in NEEDS.get(name, ()))))
    tells = (*_BESIDE, *(f"rewards/{name}/mean" for name in given))
    return follow(Kind(grpo_config, grpo_trainer, _measured, tells, tuple(columns)), run, out, tell)


def grpo_config(run: LoadedRun, folder: RunFolder, steps: int) -> Any:
    """A run's settings in TRL's words. Raises RecipeError where its batches hold no whole groups of answers."""
    from trl import GRPOConfig

    settings: GrpoRun = run.run
    sample = settings.sample
    require_processes(run, process_state().num_processes)
    revision = settings.model.revision
    return GRPOConfig(
        **common_arguments(settings, folder, steps),
        num_generations=sample.generations,
        max_completion_length=sample.max_tokens,
        temperature=sample.temperature,
        top_p=sample.top_p,
        use_vllm=sample.engine == "vllm",
        beta=settings.policy.beta,
        epsilon=settings.policy.clip,
        loss_type=settings.policy.loss,
        reward_weights=list(settings.rewards.given.values()),
        model_init_kwargs={"use_safetensors": True, **({"revision": revision} if revision else {})},
    )


def grpo_trainer(course: Course, args: Any) -> Any:
    """TRL's trainer, whose questions are ours: they begin at the row that follows from the last checkpoint's step."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOTrainer

    settings: GrpoRun = course.run.run
    # TRL reads the model that divergence is measured from by this name; of one that goes on it is a checkpoint's.
    course.model.config._name_or_path = model_source(course.run)[0]
    trainer = GRPOTrainer(
        model=course.model,
        args=args,
        reward_funcs=rewards_of(settings),
        train_dataset=Dataset.from_dict({"prompt": [[{"role": "user", "content": "?"}]]}),  # never read
        processing_class=course.processor,
        peft_config=course.lora,
    )
    processes, rank = args.world_size, trainer.args.process_index
    prompts, mine = rows_a_step(settings, processes), settings.optim.batch_size * settings.optim.accumulate

    def training() -> Any:
        marks = marks_of(course.processor)
        rows = course.order.from_row(course.rows_seen(processes))
        own = slice(rank * mine, (rank + 1) * mine)
        return _loader(rows, prompts, settings.sample.generations, own, settings, marks)

    trainer.remove_callback(PrinterCallback)
    trainer.get_train_dataloader = training
    return trainer


def _loader(
    rows: Iterator[Row], prompts: int, generations: int, mine: slice, settings: GrpoRun, marks: Sequence[str]
) -> Any:
    """A torch DataLoader of a process' answers to be: a step's questions, each as often as it is answered, and the
    whole as often as TRL draws it while it accumulates."""
    from torch import Generator
    from torch.utils.data import DataLoader, IterableDataset

    class Steps(IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[list[dict[str, Any]]]:
            while step := list(islice(rows, prompts)):
                numbers = [number for number in range(len(step)) for _ in range(generations)][mine]
                asked = {number: question(step[number], marks) for number in sorted(set(numbers))}
                for _ in range(settings.optim.accumulate):
                    yield [asked[number] for number in numbers]

    return DataLoader(Steps(), batch_size=None, collate_fn=list, generator=Generator())


def question(row: Row, marks: Sequence[str] = ()) -> dict[str, Any]:
    """What TRL is given of a row: the turns before its last answer, its pictures, and what rewards compare with.

    Raises UnlearnableRow and DamagedRelease, which name the row.
    """
    return {
        "prompt": plain_messages(row, marks)[:-1],
        "images": pictures(row),
        "truth": truth_of(row),
        "jpegs": [image["bytes"] for image in row["images"] or ()],
    }


def rewards_of(settings: GrpoRun) -> list[Any]:
    """A function for each reward that has a weight, in their order, named for TensorBoard."""
    given = settings.rewards.given
    read = _reader(points="distance" in given)
    made: list[Reward] = []
    for name in given:
        block = settings.rewards.reward_model
        made.append(_judged(reward_model(block)) if name == "localizability" and block else _pure(name, read))
        made[-1].__name__ = name
    return made


def _pure(name: str, read: Callable[[Sequence[str]], list[Said]]) -> Reward:
    score: Callable[..., float] = PURE[name]

    def reward(*, completions: Sequence[Any], truth: Sequence[Any], **more: Any) -> list[float]:
        texts = [_text(completion) for completion in completions]
        return [score(said, true) for said, true in zip(read(texts), truth, strict=True)]

    return reward


def _judged(judge: Callable[[Sequence[Any], Sequence[str]], list[float]]) -> Reward:
    def reward(*, completions: Sequence[Any], jpegs: Sequence[Any], **more: Any) -> list[float]:
        return judge(jpegs, [_text(completion) for completion in completions])

    return reward


def _reader(*, points: bool) -> Callable[[Sequence[str]], list[Said]]:
    """Reads a step's answers once for all rewards."""
    last: tuple[tuple[str, ...], list[Said]] = ((), [])

    def read(texts: Sequence[str]) -> list[Said]:
        nonlocal last
        if last[0] != (key := tuple(texts)):
            last = key, read_said(texts, points=points)
        return last[1]

    return read


def _text(completion: Sequence[Mapping[str, Any]]) -> str:
    content = completion[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)


def _measured(course: Course, trainer: Any) -> Mapping[str, Any]:
    """The first and the last reward that were logged."""
    logged = [line["reward"] for line in trainer.state.log_history if line.get("reward") is not None]
    return {"first_reward": logged[0], "last_reward": logged[-1]} if logged else {}
