"""Tiny models with random weights, and tiny releases to teach them: made here, in a second, without any network.

A release shows plain colours and asks where the picture was taken; each colour is a country. Who does not look at the
picture is right once in four times.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from PIL import Image

from release.manifest import file_entry, manifest_bytes
from release.parquet_files import ParquetFile
from release.tar_index import index_path
from release.webdataset_shards import TarFile
from schemas.rows.messages import message
from schemas.rows.schema import RowSchema

COLOURS = {"Finland": (40, 90, 220), "Kenya": (210, 60, 40), "Brazil": (50, 180, 70), "Egypt": (230, 210, 90)}
QUESTION = "Where was this photo taken?"
CITIES = {"Finland": "Helsinki", "Kenya": "Nairobi", "Brazil": "Manaus", "Egypt": "Cairo"}
SCHEMA = RowSchema.of(
    "tiny",
    1,
    {"country": (pa.string(), "whose colour it is"), "city": (pa.string(), "in it")},
    summary="plain colours",
)
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = ["system", "user", "assistant", QUESTION, *COLOURS, "<think>", "</think>", "country: ", "Yes", "No"]


def picture(country: str, number: int) -> bytes:
    """A PNG of a country's colour, a shade of its own by the number."""
    random = np.random.default_rng([number, len(country)])
    shade = np.clip(np.array(COLOURS[country]) + random.integers(-25, 26, 3), 0, 255)
    pixels = np.clip(shade + random.integers(-12, 13, (28, 28, 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def tiny_row(number: int, split: str, *, turns: int = 1, swapped: bool = False) -> tuple[dict[str, Any], list[bytes]]:
    """A row's values and pictures; of several turns, the later ones ask again. Swapped pictures are of the right
    country once in four rows, as chance has it."""
    country = list(COLOURS)[number % len(COLOURS)]
    shown = list(COLOURS)[number // len(COLOURS) % len(COLOURS)] if swapped else country
    messages = [message("user", None, QUESTION), message("assistant", country)]
    for _ in range(turns - 1):
        messages += [message("user", QUESTION), message("assistant", country)]
    named = {"country": country, "city": CITIES[country]}
    values = {"id": f"{split}-{number:04d}", **named, "messages": messages, "saw_truth": "none", "people": None}
    values["split"] = split
    return values, [picture(shown, number + 1000 * (split != "train"))]


def make_release(
    root: Path,
    rows: int,
    *,
    held_out: int = 16,
    files: int = 2,
    turns: int = 1,
    tars: bool = False,
    swapped: bool = False,
) -> Path:
    """Writes a release of the splits train and validation, each in `files` files."""
    entries = []
    for split, count in (("train", rows), ("validation", held_out)):
        made = [tiny_row(number, split, turns=turns, swapped=swapped) for number in range(count)]
        for part in range(files):
            mine = list(enumerate(made))[part * count // files : (part + 1) * count // files]
            entries += _tar(root, split, part, mine) if tars else [_parquet(root, split, part, files, mine)]
    formats = ["webdataset"] if tars else ["parquet"]
    fields = {"row": SCHEMA.plain(), "formats": formats, "files": sorted(entries, key=lambda entry: entry["path"])}
    (root / "manifest.json").write_bytes(manifest_bytes(fields))
    return root


def _parquet(root: Path, split: str, part: int, parts: int, rows: Sequence[tuple[int, Any]]) -> dict[str, Any]:
    path = root / "parquet" / f"{split}-{part:05d}-of-{parts:05d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = ParquetFile(file, SCHEMA)
        for number, (values, jpegs) in rows:
            writer.write(number, values, jpegs)
        writer.close()
    return file_entry(root, path, len(rows))


def _tar(root: Path, split: str, part: int, rows: Sequence[tuple[int, Any]]) -> list[dict[str, Any]]:
    path = root / "webdataset" / f"{split}-{part:06d}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = TarFile(file, path.name)
        for number, (values, jpegs) in rows:
            writer.write(number, values["id"], orjson.dumps(SCHEMA.json_row(values)), jpegs)
        index_path(path).write_bytes(writer.close())
    return [file_entry(root, path, len(rows)), file_entry(root, index_path(path), None)]


def tokenizer(texts: Sequence[str] = WORDS, words: int = 400) -> Any:
    """Byte-level, with whole words for what the rows say, so many in all."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    specials = ["<|pad|>", "<|im_start|>", "<|im_end|>", "<image>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=words, initial_alphabet=alphabet, special_tokens=specials, show_progress=False
    )
    made.train_from_iterator([*texts] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<|pad|>", eos_token="<|im_end|>")


def make_qwen(
    root: Path,
    *,
    width: int = 32,
    heads: int = 4,
    sides: tuple[int, int] = (56, 112),
    language: Mapping[str, Any] = MappingProxyType({}),
    seeing: Mapping[str, Any] = MappingProxyType({}),
) -> Path:
    """Writes a Qwen2.5-VL of two layers each; its pictures become four tokens, at 56 pixels a side. vLLM wants heads of
    64 numbers: a width of 128 with two of them.

    Args:
        sides: least and most pixels of a side of what it sees.
        language, seeing: other settings of the language model and of the vision tower.
    """
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil, set_seed

    from train.processors import image_only

    marks = ["<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>"]
    words = tokenizer()
    words.add_special_tokens({"extra_special_tokens": marks})
    pad, end, *ids = words.convert_tokens_to_ids(["<|pad|>", "<|im_end|>", *marks])
    text = {
        "hidden_size": width,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": heads,
        "num_key_value_heads": 2,
        "vocab_size": len(words),
        "pad_token_id": pad,
        "eos_token_id": end,
        "bos_token_id": None,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [width // heads // 4, width // heads // 8, width // heads // 8],
            "rope_theta": 10000.0,
        },
        **language,
    }
    vision = {
        "depth": 2,
        "hidden_size": width,
        "intermediate_size": 64,
        "num_heads": heads,
        "out_hidden_size": width,
        "window_size": 56,
        "fullatt_block_indexes": [1],
        **seeing,
    }
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    set_seed(0)
    model = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config=text, vision_config=vision, tie_word_embeddings=False, **dict(zip(names, ids, strict=True))
        )
    )
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = pad, end
    pictures = Qwen2VLImageProcessorPil(size={"shortest_edge": sides[0] ** 2, "longest_edge": sides[1] ** 2})
    template = TEMPLATE.replace("<image>\n", "<|vision_start|><|image_pad|><|vision_end|>")
    model.save_pretrained(root)
    image_only("Qwen2_5_VLProcessor")(pictures, words, chat_template=template).save_pretrained(root)
    return root


def make_llava(root: Path, *, width: int = 32, pixels: int = 28, seed: int = 0, words: Any = None) -> Path:
    """Writes a LLaVA of two layers each, with its processor. Models in 4 bits want a width of 64.

    Args:
        pixels: of a side of what it sees, a multiple of 14.
        words: its tokenizer; by default that of the tiny rows.
    """
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        set_seed,
    )

    words = words or tokenizer()
    pad, end, image = words.convert_tokens_to_ids(["<|pad|>", "<|im_end|>", "<image>"])
    size: dict[str, Any] = {"hidden_size": width, "intermediate_size": 64, "num_hidden_layers": 2}
    vision = CLIPVisionConfig(**size, num_attention_heads=4, image_size=pixels, patch_size=14, projection_dim=32)
    text = LlamaConfig(
        **size,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=len(words),
        max_position_embeddings=512,
        pad_token_id=pad,
        eos_token_id=end,
        bos_token_id=None,
        initializer_range=0.1,
    )
    set_seed(seed)
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision,
            text_config=text,
            image_token_id=image,
            vision_feature_layer=-2,
            vision_feature_select_strategy="default",
            image_seq_length=(pixels // 14) ** 2,
            tie_word_embeddings=False,
        )
    )
    model.generation_config.pad_token_id, model.generation_config.eos_token_id = pad, end
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": pixels}, crop_size={"height": pixels, "width": pixels}),
        words,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    model.save_pretrained(root)
    processor.save_pretrained(root)
    return root
