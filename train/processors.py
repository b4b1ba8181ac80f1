"""Processors for pictures and text alone.

The stock processors of Qwen, InternVL and SmolVLM insist on a video processor, and every one of these on torchvision.
Where that is not installed, a subclass without it reads the same files; what a trained model is saved with are the base
model's own files, which the stock processor reads.
"""

from __future__ import annotations

import types
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from factory.errors import RecipeError
from factory.store.files import read_json, write_bytes
from train.models import Family, copied_files, family_of, model_source
from train.settings import LoadedRun

FILES: Final = (
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)
"""What a processor consists of; which of them there are differs by family and age."""


@cache
def image_only(name: str) -> Any:
    """A processor class of `transformers` without its video processor."""
    import transformers

    base: Any = getattr(transformers, name)

    class ImageOnly(base):  # type: ignore[misc]
        # SmolVLM's chat template asks for the frames of videos even where there are only pictures.
        video_processor = types.SimpleNamespace(
            num_frames=1,
            fps=1,
            size={"longest_edge": 1},
            video_sampling={"max_frames": 1, "fps": 1},
            video_size={"longest_edge": 1},
        )

        @classmethod
        def get_attributes(cls) -> list[str]:
            return ["image_processor", "tokenizer"]

        # Named arguments: `from_pretrained` keeps those alone that the code of `__init__` names.
        def __init__(
            self,
            image_processor: Any = None,
            tokenizer: Any = None,
            chat_template: str | None = None,
            image_seq_len: int | None = None,
            image_seq_length: int | None = None,
        ) -> None:
            lengths = {"image_seq_len": image_seq_len, "image_seq_length": image_seq_length}
            given = {key: value for key, value in lengths.items() if value is not None}
            super().__init__(image_processor, tokenizer, None, chat_template=chat_template, **given)

    ImageOnly.__name__ = ImageOnly.__qualname__ = name
    return ImageOnly


def read_processor(name: str, family: Family, **keywords: Any) -> Any:
    """The processor of a model's folder or Hub id: the stock one, or where it wants torchvision one for pictures alone.

    Raises OSError, ValueError or ImportError, whose text says what is missing.
    """
    from transformers import AutoProcessor
    from transformers.utils import is_torchvision_available

    keywords = {"trust_remote_code": False, **keywords}
    if is_torchvision_available() or family.processor.startswith(("Llava", "Idefics3")):
        return AutoProcessor.from_pretrained(name, **keywords)
    return image_only(family.processor).from_pretrained(name, **keywords)


def load_processor(run: LoadedRun, family: Family) -> Any:
    """The processor of a run's model, with its `max_pixels` and chat template."""
    name, keywords = model_source(run)
    at, block = run.at("model", "hub" if run.run.model.path is None else "path"), run.run.model
    try:
        processor = read_processor(name, family, **keywords)
    except (OSError, ValueError, ImportError) as error:
        raise RecipeError(f"{at}: its processor cannot be loaded: {error}") from None
    if block.chat_template is not None:
        processor.chat_template = run.file(block.chat_template).read_text(encoding="utf-8")
    if processor.chat_template is None:
        raise RecipeError(f"{at}: its processor has no chat template: give one, `model: {{chat_template: FILE}}`")
    if block.max_pixels is not None:
        if not family.pixels:
            raise RecipeError(f"{run.at('model', 'max_pixels')}: this family's pictures have one size; take it out")
        least = int(processor.image_processor.size["shortest_edge"])
        processor.image_processor.size = {"shortest_edge": least, "longest_edge": max(block.max_pixels, least)}
    return processor


def keep_processor(run: LoadedRun, processor: Any, target: Path) -> None:
    """Puts the base model's processor beside trained weights, with this run's `max_pixels` and chat template."""
    name, keywords = model_source(run)
    copied_files(name, keywords, target, FILES)
    if run.run.model.chat_template is not None:
        write_bytes(processor.chat_template.encode(), target / "chat_template.jinja")
    if run.run.model.max_pixels is not None:
        for file, inside in (("preprocessor_config.json", None), ("processor_config.json", "image_processor")):
            if not (target / file).is_file():
                continue
            whole = read_json(target / file, "it is as the base model has it: take `model.max_pixels` out")
            settings = whole if inside is None else whole.get(inside)
            if settings is not None:
                settings.pop("min_pixels", None), settings.pop("max_pixels", None)
                settings["size"] = dict(processor.image_processor.size)
                write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2), target / file)


def processor_of(folder: Path, model_type: str) -> Any:
    """The processor that lies beside a model of this type, or its adapters, for answering. Raises RecipeError."""
    try:
        return read_processor(str(folder), family_of(model_type, str(folder)))
    except (OSError, ValueError, ImportError) as error:
        raise RecipeError(f"{folder}: its processor cannot be loaded: {error}") from None
