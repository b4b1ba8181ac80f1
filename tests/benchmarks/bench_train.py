"""Training by the clock: tokens and rows a second, memory, and the share of the machine's peak, of SFT and of GRPO.

    python tests/benchmarks/bench_train.py                        # a GPU: 1.2 billion random weights, 100 steps of each
    python tests/benchmarks/bench_train.py --size tiny --steps 6  # what runs without one: shows that it runs

A Qwen2.5-VL is made on the spot, with a release of drawn pictures; nothing is fetched. On a machine without a network:
`pip download -d wheels -c constraints.txt '.[train]'` elsewhere, `pip install --no-index --find-links wheels` there.

Steps are timed from the first line of the log to the last, so that neither start nor checkpoint is in them. FLOPs are
those of the weights that learn: 6 a weight and token, of GRPO 10 (2 to write an answer, 2 of the model it starts from);
attention itself and the vision tower are left out, so shares are a little low. The peak is that of bare products of
matrices in the same precision, measured first, and the data sheet's where --peak gives it (H200, dense bf16: 989).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

SIZES: Final[Mapping[str, Mapping[str, Any]]] = {
    "tiny": {},
    "1b": {
        "width": 1536,
        "heads": 12,
        "sides": (448, 448),
        "language": {"intermediate_size": 8960, "num_hidden_layers": 23},
        "seeing": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_heads": 12,
            "depth": 12,
            "window_size": 112,
            "fullatt_block_indexes": [5, 11],
        },
    },
}
"""Of `make_qwen`: the language model of Qwen2.5-VL-3B's kind with fewer layers, before a small vocabulary; a picture is
256 tokens."""
FLOPS: Final = {"sft": 6, "grpo": 10}
"""A weight and token."""
RUN: Final = """\
name: {trainer}
trainer: {trainer}
model: {{path: {model}, dtype: float32}}
data: {{releases: [{{path: {release}}}]{data}}}
{blocks}tune: {{method: full, parts: [projector, language]}}
optim: {{steps: {steps}, batch_size: {batch}, learning_rate: 1.0e-5, precision: {precision}, checkpointing: false}}
keep: {{save_steps: {steps}, log_steps: {log}, checkpoints: 1, trackers: []}}
"""
GRPO: Final = """\
rewards: {{weights: {{format: 1, accuracy: 1}}}}
sample: {{generations: {batch}, max_tokens: {tokens}}}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a run did between its first and its last line."""

    trainer: str
    steps: int
    seconds: float
    rows: int
    """Of GRPO answers."""
    tokens: int
    weights: int
    """That learn."""
    memory: int
    """Bytes, at the most: of the GPU, else of the process."""

    @property
    def flops(self) -> float:
        """A second."""
        return FLOPS[self.trainer] * self.weights * self.tokens / self.seconds

    def told(self, products: float, peak: float | None) -> str:
        """In words. `products` and `peak` are FLOPs a second."""
        share = f"{self.flops / products:.1%} of bare products" + (f", {self.flops / peak:.1%} of peak" if peak else "")
        return (
            f"{self.trainer}: {self.steps} steps in {self.seconds:.1f} s, {self.tokens / self.seconds:,.0f} tokens/s, "
            f"{self.rows / self.seconds:,.2f} rows/s, {self.memory / 2**30:.2f} GiB, {self.flops / 1e12:.3g} TFLOP/s: "
            f"{share}; {self.weights:,} weights learn"
        )


def paced(trainer: str, model: Path, release: Path, folder: Path, *, steps: int, batch: int, tokens: int) -> Pace:
    """Trains by the command's own code, and reads its log.

    Args:
        batch: rows a step, of GRPO answers to one question.
        tokens: of an answer of GRPO, at most.
    """
    import torch

    from train.settings import load_run
    from train.trainers import trainer_of

    log = max(1, steps // 10)
    blocks, data = (GRPO.format(batch=batch, tokens=tokens), "") if trainer == "grpo" else ("", ", evaluate: null")
    file = folder / f"{trainer}.yaml"
    precision = "bf16" if torch.cuda.is_available() else "fp32"
    given = {"trainer": trainer, "model": model, "release": release, "steps": steps, "batch": batch, "log": log}
    file.write_text(RUN.format(**given, blocks=blocks, data=data, precision=precision), encoding="utf-8")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    at: list[float] = []

    def tell(line: str) -> None:
        if line.startswith("step "):
            at.append(time.perf_counter())

    run = load_run(file)
    done = trainer_of(run)(run, folder / "runs", tell)
    state = json.loads((done.path / f"checkpoint-{steps}" / "trainer_state.json").read_bytes())
    logged = [line for line in state["log_history"] if "num_tokens" in line]
    first, last = logged[0], logged[-1]
    timed = last["step"] - first["step"]
    assert done.done is not None and timed > 0, "more than one line of the log is needed: more steps"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Pace(
        trainer,
        timed,
        at[len(logged) - 1] - at[0],
        timed * batch,
        int(last["num_tokens"] - first["num_tokens"]),
        sum(line["learns"] for line in done.done["trained"]),
        torch.cuda.max_memory_allocated() if torch.cuda.is_available() else peak,
    )


def bare_products(side: int, *, rounds: int = 20) -> float:
    """FLOPs a second of products of square matrices, in the precision that is trained in."""
    import torch

    on_gpu = torch.cuda.is_available()
    device, dtype = ("cuda", torch.bfloat16) if on_gpu else ("cpu", torch.float32)
    matrix = torch.randn(side, side, device=device, dtype=dtype)
    wait: Callable[[], object] = torch.cuda.synchronize if on_gpu else int
    for number in range(rounds + 3):
        if number == 3:
            wait()
            begun = time.perf_counter()
        matrix @ matrix
    wait()
    return float(2 * side**3 * rounds / (time.perf_counter() - begun))


def main() -> None:
    import torch

    from tests.training.tiny import make_qwen, make_release

    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", choices=SIZES, default="1b" if on_gpu else "tiny")
    parser.add_argument("--steps", type=int, default=100 if on_gpu else 20)
    parser.add_argument("--batch", type=int, default=16, help="rows a step, of GRPO answers to a question")
    parser.add_argument("--tokens", type=int, default=64, help="of an answer of GRPO, at most")
    parser.add_argument("--trainers", nargs="+", choices=FLOPS, default=list(FLOPS))
    parser.add_argument("--peak", type=float, help="TFLOP/s of the data sheet")
    given = parser.parse_args()
    products = bare_products(8192 if on_gpu else 1024)
    where = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} threads of a CPU"
    print(f"{where}, torch {torch.__version__}: bare products {products / 1e12:.3g} TFLOP/s", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("model", "release"):
            (folder / part).mkdir()
        model, release = make_qwen(folder / "model", **SIZES[given.size]), make_release(folder / "release", 64)
        for trainer in given.trainers:
            more = {"steps": given.steps, "batch": given.batch, "tokens": given.tokens}
            found = paced(trainer, model, release, folder, **more)
            print(found.told(products, given.peak and given.peak * 1e12), flush=True)


if __name__ == "__main__":
    main()
