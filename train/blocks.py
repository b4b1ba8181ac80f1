"""What a training run's file says, block by block: the model, the rows, what learns, how, and what is kept."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from schemas.settings import Closed, InputPath, OptionalPath, Share

Part = Literal["vision", "projector", "language"]
Dtype = Literal["bfloat16", "float16", "float32"]
HUB_NAME: Final = r"^[\w.-]+/[\w.-]+$"
COMMIT: Final = r"^[0-9a-f]{40}$"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PARTS: Final[tuple[Part, ...]] = ("vision", "projector", "language")


class ModelBlock(Closed):
    """The model that is trained, and how its weights are held."""

    path: OptionalPath = None
    """Its folder: config, weights, processor and chat template. This or `hub`."""
    hub: str | None = Field(default=None, pattern=HUB_NAME)
    """`org/name` on the Hub, with `revision`."""
    revision: str | None = Field(default=None, pattern=COMMIT)
    """The commit, 40 hexadecimal digits, which no later upload changes: `git ls-remote https://huggingface.co/ORG/NAME
    HEAD` prints it."""
    dtype: Dtype = "bfloat16"
    """How weights that learn and those that do not are held; with `method: qlora` those that are not in 4 bits."""
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    max_pixels: int | None = Field(default=None, ge=1024)
    """Larger pictures are made smaller before the model looks (Qwen's processors); null leaves the processor's own."""
    chat_template: OptionalPath = None
    """A Jinja file, for a processor that has none."""

    @model_validator(mode="after")
    def _one_place(self) -> ModelBlock:
        if (self.path is None) == (self.hub is None):
            raise ValueError("expected `path`, a model's folder, or `hub` with `revision`, and not both")
        if (self.hub is None) != (self.revision is None):
            raise ValueError("`hub` and `revision` go together: a name alone is another model after the next upload")
        return self


class ReleaseBlock(Closed):
    """One release whose rows are learnt from."""

    path: InputPath
    """Its folder, with `manifest.json`."""
    config: str | None = None
    """A configuration of it; null for its first."""
    format: Literal["parquet", "webdataset"] | None = None
    """Which of its files are read; null for Parquet where it is there."""
    split: str = "train"
    rows: int | None = Field(default=None, ge=1)
    """So many rows an epoch, others in each; null for all."""


class DataBlock(Closed):
    """Rows in the order in which they are learnt, and those that are looked at between."""

    releases: tuple[ReleaseBlock, ...] = Field(min_length=1)
    """Rows of several come mixed, each as often as it has rows."""
    evaluate: str | None = "validation"
    """The split of the first release whose loss is measured while training; null for none."""
    evaluate_rows: int = Field(default=256, ge=1)
    shuffle: bool = True
    window: int | None = Field(default=None, ge=1)
    """Row groups or tars whose rows are shuffled together, as `Release.stream` takes it."""
    workers: int = Field(default=0, ge=0, le=64)
    """Processes that read and prepare pictures beside each trainer; the order of rows is the same for any number."""
    max_tokens: int | None = Field(default=None, ge=16)
    """Of a whole conversation with its pictures' tokens."""
    long_rows: Literal["refuse", "cut"] = "refuse"
    """What happens to a longer one: the run stops and names it, or its answer loses its end."""


class LoraBlock(Closed):
    """Adapters of low rank on the linear layers of the parts that learn."""

    rank: int = Field(default=16, ge=1)
    alpha: Positive = 32.0
    """The update is scaled by alpha / rank."""
    dropout: Share = 0.0
    targets: tuple[str, ...] = ()
    """Names of linear layers (`q_proj`); none for all of the parts that learn. The output layer never has one."""
    whole: tuple[Part, ...] = ()
    """Parts that learn with all their weights beside the adapters."""


class TuneBlock(Closed):
    """What learns, and how."""

    method: Literal["lora", "qlora", "full"] = "lora"
    """Adapters; adapters on a language model in 4 bits (NF4, double quantised); or the weights themselves."""
    parts: tuple[Part, ...] = ("language",)
    """Parts that learn; those that are not named keep every bit."""
    lora: LoraBlock = LoraBlock()

    @model_validator(mode="after")
    def _something_learns(self) -> TuneBlock:
        if not self.parts and (self.method == "full" or not self.lora.whole):
            raise ValueError("`parts` is empty, so nothing learns: name vision, projector or language")
        if both := sorted(set(self.parts) & set(self.lora.whole)):
            raise ValueError(f"{', '.join(both)}: in `parts` and in `lora.whole`; name it once")
        if self.method == "full" and self.lora != LoraBlock():
            raise ValueError("`lora` has settings, and `method: full` makes no adapters: take one of them out")
        if self.method == "qlora" and "language" in self.lora.whole:
            raise ValueError("`lora.whole: language` and `method: qlora`: weights in 4 bits do not learn themselves")
        return self


class OptimBlock(Closed):
    """Steps of AdamW."""

    epochs: Positive = 1.0
    """Times every row is seen; the last step may see some of the next epoch's."""
    steps: int | None = Field(default=None, ge=1)
    """Instead of `epochs`."""
    batch_size: int = Field(default=1, ge=1)
    """Rows at once in each process."""
    accumulate: int = Field(default=1, ge=1)
    """Batches a step: a step sees batch_size x accumulate x processes rows."""
    learning_rate: Positive = 1e-5
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    warmup: Share = 0.0
    """Share of the steps in which the rate rises."""
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    betas: tuple[Share, Share] = (0.9, 0.999)
    max_grad_norm: Positive = 1.0
    precision: Literal["bf16", "fp16", "fp32"] = "bf16"
    """What is computed in; sums and the optimizer's state are float32 where weights are."""
    checkpointing: bool = True
    """Activations are computed again on the way back: more time, less memory."""


class KeepBlock(Closed):
    """What is written while it runs."""

    save_steps: int = Field(default=500, ge=1)
    checkpoints: int = Field(default=2, ge=1)
    """The latest ones are kept, two at least: the last may be in the middle of being written."""
    evaluate_steps: int = Field(default=500, ge=1)
    log_steps: int = Field(default=10, ge=1)
    trackers: tuple[Literal["tensorboard", "trackio"], ...] = ("tensorboard",)
