"""Model families: which modules are vision, projector and language, by their exact names; loading, freezing, adapters.

A part is named by prefixes of parameter names, and the longest that fits decides: Qwen's mergers lie inside the vision
tower and belong to the projector, with them Qwen3-VL's deepstack mergers, which bring features of middle layers to the
language model's width. A parameter that no part claims stops the run: what is not known is not trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.errors import RecipeError
from factory.store.files import write_bytes
from factory.text import did_you_mean
from train.blocks import PARTS, ModelBlock, Part
from train.settings import LoadedRun

QWEN: Final = ("model.visual",), ("model.visual.merger",), ("model.language_model", "lm_head")
LLAVA: Final = ("model.vision_tower",), ("model.multi_modal_projector",), ("model.language_model", "lm_head")
IDEFICS: Final = ("model.vision_model",), ("model.connector",), ("model.text_model", "lm_head")


@dataclass(frozen=True, slots=True)
class Family:
    """A model's parts by prefixes of parameter names, and the class of its processor."""

    vision: tuple[str, ...]
    projector: tuple[str, ...]
    language: tuple[str, ...]
    processor: str
    """Its class in `transformers`, for where the stock one wants a video processor, see `train.processors`."""
    pixels: bool = False
    """Whether its processor takes `max_pixels`."""

    def part_of(self, name: str) -> Part | None:
        """The part whose longest prefix fits a parameter's or module's name; None where none does."""
        found = [
            (len(prefix), part)
            for part in PARTS
            for prefix in getattr(self, part)
            if name == prefix or name.startswith(f"{prefix}.")
        ]
        return max(found)[1] if found else None


FAMILIES: Final[Mapping[str, Family]] = {
    "qwen2_vl": Family(*QWEN, "Qwen2VLProcessor", pixels=True),
    "qwen2_5_vl": Family(*QWEN, "Qwen2_5_VLProcessor", pixels=True),
    "qwen3_vl": Family(
        QWEN[0], (*QWEN[1], "model.visual.deepstack_merger_list"), QWEN[2], "Qwen3VLProcessor", pixels=True
    ),
    "llava": Family(*LLAVA, "LlavaProcessor"),
    "llava_next": Family(LLAVA[0], (*LLAVA[1], "model.image_newline"), LLAVA[2], "LlavaNextProcessor"),
    "internvl": Family(*LLAVA, "InternVLProcessor"),
    "smolvlm": Family(*IDEFICS, "SmolVLMProcessor"),
    "idefics3": Family(*IDEFICS, "Idefics3Processor"),
}
"""By `model_type` of a model's config.json."""


def family_of(model_type: str, at: str) -> Family:
    """The family of a model type. Raises RecipeError that begins with `at`."""
    if model_type not in FAMILIES:
        hint = did_you_mean(model_type, FAMILIES)
        raise RecipeError(f"{at}: a model of the type {model_type!r:.60}{hint}; known: {', '.join(FAMILIES)}")
    return FAMILIES[model_type]


def plain_name(name: str) -> str:
    """A parameter's name in the model itself, whatever adapters have put around it."""
    for wrapped in ("base_model.model.", "module."):
        name = name.removeprefix(wrapped)
    head, _, rest = name.partition(".modules_to_save.")
    name = f"{head}.{rest.partition('.')[2]}" if rest else name
    head, original, rest = name.partition(".original_module.")
    name = f"{head}.{rest}" if original else name
    return name.replace(".base_layer.", ".")


def parameter_parts(names: Iterable[str], family: Family) -> dict[str, Part]:
    """The part of each parameter. Raises RecipeError for one that no part of the family claims."""
    found = {name: family.part_of(plain_name(name)) for name in names}
    if lost := [name for name, part in found.items() if part is None]:
        raise RecipeError(
            f"the parameter {lost[0]} belongs to no part of {family.processor.removesuffix('Processor')}, as "
            "train/models.py knows it: a part that is not known is not trained"
        )
    return {name: part for name, part in found.items() if part is not None}


def freeze(model: Any, family: Family, parts: Sequence[Part]) -> None:
    """Lets the parameters of `parts` learn, and no other."""
    for name, part in parameter_parts((name for name, _ in model.named_parameters()), family).items():
        model.get_parameter(name).requires_grad_(part in parts)


def linear_layers(model: Any, family: Family, parts: Sequence[Part], targets: Sequence[str], at: str) -> list[str]:
    """Full names of the linear layers that get adapters; the output layer never, since TRL computes the loss of its
    weights alone.

    Args:
        targets: last names of layers; none for all.
        at: begins the message of a RecipeError for a target that is no layer of these parts.
    """
    from torch import nn

    output = model.get_output_embeddings()
    layers = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not output and family.part_of(name) in parts
    ]
    known = sorted({name.rpartition(".")[2] for name in layers})
    for target in targets:
        if target not in known:
            hint = did_you_mean(target, known)
            raise RecipeError(f"{at}: no linear layer {target!r:.60}{hint} in {', '.join(parts)}; {', '.join(known)}")
    return [name for name in layers if not targets or name.rpartition(".")[2] in targets]


def whole_modules(model: Any, family: Family, parts: Sequence[Part], at: str) -> list[str]:
    """Full names of the modules that hold all weights of `parts`, for PEFT's `modules_to_save`.

    Raises RecipeError that begins with `at` for a parameter that is in no module of its own.
    """
    from torch import nn

    found: list[str] = []
    for part in parts:
        for prefix in getattr(family, part):
            try:
                module = model.get_submodule(prefix)
            except AttributeError:
                if prefix in dict(model.named_parameters()):
                    raise RecipeError(
                        f"{at}: {prefix} is a parameter without a module, which PEFT cannot keep beside adapters; "
                        "train this part with `method: full`"
                    ) from None
                continue
            is_list = isinstance(module, nn.ModuleList)
            found += [f"{prefix}.{number}" for number in range(len(module))] if is_list else [prefix]
    return found


def model_source(run: LoadedRun) -> tuple[str, dict[str, Any]]:
    """Name and keywords for `from_pretrained`: no code from a repository, no pickled weights."""
    block: ModelBlock = run.run.model
    common = {"trust_remote_code": False}
    if block.path is None:
        return str(block.hub), {**common, "revision": block.revision}
    folder = run.file(block.path)
    if (folder / "adapter_config.json").is_file():
        raise RecipeError(
            f"{run.at('model', 'path')}: {folder} holds adapters; `factory merge-adapter` makes a model of them"
        )
    if not (folder / "config.json").is_file():
        raise RecipeError(f"{run.at('model', 'path')}: {folder} has no config.json: expected a model's folder")
    return str(folder), common


def load_model(run: LoadedRun, weights: Path | None = None) -> tuple[Any, Family]:
    """The model that a run starts from, on this process' device, and its family.

    Args:
        weights: a checkpoint of whole weights to go on from instead.
    """
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    name, keywords = model_source(run)
    at, block = run.at("model", "hub" if run.run.model.path is None else "path"), run.run.model
    try:
        config = AutoConfig.from_pretrained(name, **keywords)
        family = family_of(config.model_type, at)
        more: dict[str, Any] = {"dtype": getattr(torch, block.dtype), "attn_implementation": block.attention}
        if run.run.tune.method == "qlora":
            more |= _in_four_bits(config, family, getattr(torch, block.dtype))
        if weights is not None:
            name, keywords = str(weights), {"trust_remote_code": False}
        model = AutoModelForImageTextToText.from_pretrained(name, use_safetensors=True, **keywords, **more)
    except (OSError, ValueError, ImportError) as error:
        raise RecipeError(f"{at}: cannot be loaded: {error}") from None
    parameter_parts((name for name, _ in model.named_parameters()), family)
    return model, family


def _in_four_bits(config: Any, family: Family, dtype: Any) -> dict[str, Any]:
    """Keywords that load the language model in NF4, double quantised, everything else as it is."""
    import torch
    from transformers import AutoModelForImageTextToText, BitsAndBytesConfig

    with torch.device("meta"):
        shell = AutoModelForImageTextToText.from_config(config)
    linear = (name for name, module in shell.named_modules() if isinstance(module, torch.nn.Linear))
    kept = [name for name in linear if family.part_of(name) != "language"]
    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=[*kept, "lm_head"],
    )
    place = {"": torch.cuda.current_device()} if torch.cuda.is_available() else {"": "cpu"}
    return {"quantization_config": quantised, "device_map": place}


@dataclass(frozen=True, slots=True)
class Trained:
    """One line of the table of what is trained."""

    part: str
    """vision, projector, language, or adapters of these."""
    parameters: int
    learns: int


def trained(model: Any, family: Family) -> list[Trained]:
    """What a model has and what of it learns, by part; adapters are lines of their own."""
    counts: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():
        if ".original_module." in name:
            continue  # the frozen twin of a part that learns whole
        part = str(family.part_of(plain_name(name)))
        part = f"adapters of {part}" if ".lora_" in name else part
        state = getattr(parameter, "quant_state", None)
        size = parameter.numel() if state is None else state.shape.numel()
        count = counts.setdefault(part, [0, 0])
        count[0] += size
        count[1] += size * parameter.requires_grad
    order = [name for part in PARTS for name in (part, f"adapters of {part}")]
    return [Trained(part, *counts[part]) for part in order if part in counts]


def trained_table(lines: Sequence[Trained]) -> list[str]:
    """The table in words, one line a part and one of all."""
    total = Trained("all", sum(line.parameters for line in lines), sum(line.learns for line in lines))
    width = max(len(line.part) for line in lines)
    return [
        f"{line.part:<{width}}  {line.parameters:>15,} parameters  {line.learns:>15,} learn"
        f" ({line.learns / max(line.parameters, 1):.2%})"
        for line in (*lines, total)
    ]


def copied_files(name: str, keywords: Mapping[str, Any], target: Path, files: Sequence[str]) -> None:
    """Copies what of these files a model has, from its folder or the Hub's cache."""
    from transformers.utils import cached_file

    hub = {key: value for key, value in keywords.items() if key == "revision"}
    for file in files:
        found = cached_file(
            name, file, _raise_exceptions_for_missing_entries=False, _raise_exceptions_for_gated_repo=False, **hub
        )
        if found is not None:
            write_bytes(Path(found).read_bytes(), target / file)
