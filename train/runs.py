"""The runs that a file may describe, one a trainer, and the blocks that only one of them has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, model_validator

from schemas.settings import BaseUrl, Closed, Share
from train.blocks import DataBlock, KeepBlock, LoraBlock, ModelBlock, OptimBlock, Positive, ReleaseBlock, TuneBlock

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

PRESETS: Final[Mapping[str, Mapping[str, float]]] = {
    "globe_script": {"accuracy": 1.0, "localizability": 0.5, "grounding_recall": 0.2, "format": 1.0},
    "globe_readme": {"accuracy": 1.0, "localizability": 0.2, "grounding_recall": 0.5, "format": 1.0},
}
"""Weights of GLOBE: those of its script for all rewards, and those of its README, which says none of `format`: there it
has the script's. They differ, and neither is explained."""


class SftRun(Closed):
    """Supervised fine-tuning: the answers of released conversations are learnt."""

    name: Name
    trainer: Literal["sft"]
    description: str = ""
    seed: Seed = 7
    """Of the order of rows, of new adapters and of dropout."""
    model: ModelBlock
    data: DataBlock
    tune: TuneBlock = TuneBlock()
    optim: OptimBlock = OptimBlock()
    keep: KeepBlock = KeepBlock()


class PromptsBlock(Closed):
    """Rows whose questions are asked; what they answer is not shown."""

    releases: tuple[ReleaseBlock, ...] = Field(min_length=1)
    """Rows of several come mixed, each as often as it has rows."""
    shuffle: bool = True
    window: int | None = Field(default=None, ge=1)
    """Row groups or tars whose rows are shuffled together, as `Release.stream` takes it."""


class SampleBlock(Closed):
    """Answers that a question is given, which are then compared with each other."""

    generations: int = Field(default=16, ge=2)
    """Answers a question. GLOBE: 16. `batch_size` x `accumulate` x processes is a multiple of it."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of an answer; what is longer is cut off there."""
    temperature: Positive = 1.0
    top_p: float = Field(default=1.0, gt=0, le=1)
    engine: Literal["transformers", "vllm"] = "transformers"
    """What writes them: the trained model itself, or vLLM on the same GPUs."""


class PolicyBlock(Closed):
    """How far an answer's reward moves the model."""

    beta: float = Field(default=0.001, ge=0, allow_inf_nan=False)
    """Weight of the divergence from the model it starts from; 0 keeps no such model. GLOBE: 0.001."""
    clip: float = Field(default=0.2, gt=0, lt=1)
    """Ratios of probabilities beyond 1 ± this count no further."""
    loss: Literal["grpo", "dapo", "dr_grpo"] = "dapo"
    """How tokens of answers of different length are weighed."""


class WeightsBlock(Closed):
    """Weights of rewards; null for one that is not given."""

    accuracy: Weight | None = None
    """1 for the right city in the right country, 0.2 for the country."""
    localizability: Weight | None = None
    """P(yes) of a reward model."""
    grounding_recall: Weight | None = None
    """Share of what is known to be visible that the thought names."""
    grounding_precision: Weight | None = None
    """Share of what the thought mentions that is known to be visible."""
    format: Weight | None = None
    """1 for a thought, an answer and nothing else."""
    distance: Weight | None = None
    """exp(-km / 1492.7) of the answer's place."""
    consistency: Weight | None = None
    """Share of the answer's country and city that its thought names."""


class RewardModelBlock(Closed):
    """A model behind an endpoint that says whether a photo can be located: yes or no."""

    base_url: BaseUrl
    """With its version: `http://localhost:8000/v1`."""
    model: str = Field(min_length=1)
    """Its name there."""
    api_key_env: str | None = None
    """The variable that holds its key; null sends none."""
    question: str = "Does this photo show enough to work out where it was taken? Answer with one word, yes or no."
    """What it is asked with the photo, as it learnt it: that of `recipes/localizability.yaml`."""
    shows: Literal["answer", "photo"] = "answer"
    """With the photo it is shown the whole answer, as GLOBE's is; or the photo alone, and then all answers to a
    question get the same."""
    timeout_s: Positive = 300.0
    tries: int = Field(default=5, ge=1)
    """Of a question that fails; then the run stops."""
    at_once: int = Field(default=16, ge=1)
    """Questions on their way."""


class RewardsBlock(Closed):
    """What answers are worth: a preset, or weights of your own, which are laid over it."""

    preset: Literal["globe_script", "globe_readme"] | None = None
    """GLOBE's weights as in its script, or as in its README."""
    weights: WeightsBlock = WeightsBlock()
    reward_model: RewardModelBlock | None = None
    """For `localizability`."""

    @model_validator(mode="after")
    def _sound(self) -> RewardsBlock:
        given = self.given
        if not given:
            raise ValueError(
                f"no reward has a weight, so nothing is learnt: `preset` ({', '.join(PRESETS)}) or `weights`"
            )
        if "localizability" in given and self.reward_model is None:
            raise ValueError("`localizability` has a weight, and there is no `reward_model: {base_url, model}` to ask")
        if "localizability" not in given and self.reward_model is not None:
            raise ValueError("`reward_model` is asked for `localizability`, which has no weight: take one of them out")
        return self

    @property
    def given(self) -> dict[str, float]:
        """The rewards that count, with their weights."""
        over = {name: weight for name, weight in self.weights if weight is not None}
        return {name: weight for name, weight in {**PRESETS.get(self.preset or "", {}), **over}.items() if weight > 0}


class GrpoRun(Closed):
    """Reinforcement: a question's answers are compared with each other by their rewards."""

    name: Name
    trainer: Literal["grpo"]
    description: str = ""
    seed: Seed = 7
    """Of the order of rows, of new adapters and of what is answered."""
    model: ModelBlock
    data: PromptsBlock
    rewards: RewardsBlock
    sample: SampleBlock = SampleBlock()
    policy: PolicyBlock = PolicyBlock()
    tune: TuneBlock = TuneBlock()
    optim: OptimBlock = OptimBlock()
    keep: KeepBlock = KeepBlock()


class SideBlock(Closed):
    """What of a row is a query, or a picture of the gallery."""

    text: str | None = None
    """A column of text."""
    picture: int | None = Field(default=None, ge=0)
    """The number of one of its pictures, from 0."""
    prompt: str = ""
    """Words that follow."""

    @model_validator(mode="after")
    def _something(self) -> SideBlock:
        if self.text is None and self.picture is None:
            raise ValueError("expected `text`, a column, or `picture`, a number, or both")
        return self


class PairsBlock(Closed):
    """Rows whose two sides belong together."""

    releases: tuple[ReleaseBlock, ...] = Field(min_length=1)
    """Rows of several come mixed, each as often as it has rows."""
    query: SideBlock
    gallery: SideBlock
    place: tuple[str, ...] = Field(default=("lat", "lon"), min_length=1)
    """Columns that say where a row is: rows that have them alike are never held against each other."""
    text_tokens: int | None = Field(default=300, ge=1)
    """Of a text; what is longer is cut there. NGCG: 300."""
    evaluate: str | None = "validation"
    """The split of the first release that is looked up at the end, with and without what was learnt; null for none."""
    evaluate_rows: int | None = Field(default=None, ge=1)
    """The first so many; null for all."""
    shuffle: bool = True
    window: int | None = Field(default=None, ge=1)
    """Row groups or tars whose rows are shuffled together, as `Release.stream` takes it."""
    workers: int = Field(default=0, ge=0, le=64)
    """Processes that read and prepare pictures beside each trainer; the order of rows is the same for any number."""


class RetrieverRun(Closed):
    """Contrast: both sides of a row come to lie together, and apart from those of other places."""

    name: Name
    trainer: Literal["retriever"]
    description: str = ""
    seed: Seed = 7
    """Of the order of rows, of new adapters and of dropout."""
    model: ModelBlock
    data: PairsBlock
    temperature: Share = 0.03
    """tau: similarities are divided by it. NGCG: 0.03."""
    tune: TuneBlock = TuneBlock(lora=LoraBlock(rank=16, alpha=128.0))
    optim: OptimBlock = OptimBlock()
    keep: KeepBlock = KeepBlock()

    @model_validator(mode="after")
    def _warm(self) -> RetrieverRun:
        if not self.temperature:
            raise ValueError("`temperature` is 0, by which nothing can be divided; NGCG has 0.03")
        return self


RUNS: Final[Mapping[str, type[BaseModel]]] = {"sft": SftRun, "grpo": GrpoRun, "retriever": RetrieverRun}
"""What a file may describe, by its `trainer`."""
