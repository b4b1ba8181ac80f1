"""A Qwen2.5-VL of random numbers that vLLM loads: its answers mean nothing, and have the form that is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.training.tiny import make_qwen


@dataclass(frozen=True, slots=True)
class Vllm:
    """An environment with vLLM, and a model that it loads."""

    home: Path
    model: Path


def make_served_qwen(root: Path) -> Path:
    """Writes it to a folder, with the settings of a video processor, which vLLM reads though no video is shown."""
    make_qwen(root, width=128, heads=2)
    processor = json.loads((root / "processor_config.json").read_text())
    pictures = {**processor.pop("image_processor"), "image_processor_type": "Qwen2VLImageProcessor"}
    videos = {**pictures, "video_processor_type": "Qwen2VLVideoProcessor"}
    videos.pop("image_processor_type")
    (root / "preprocessor_config.json").write_text(json.dumps(pictures))
    (root / "video_preprocessor_config.json").write_text(json.dumps(videos))
    (root / "processor_config.json").unlink()
    return root
