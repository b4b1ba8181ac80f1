"""Adapters and the models under them: opened together, or merged into one.

Merging adds the adapters to the weights of the base model as it was published, never to those in 4 bits: what QLoRA
trained beside rounded weights fits the exact ones better than rounding the sum would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_args

import orjson

from factory.errors import CorruptBuild, RecipeError
from factory.store.files import file_digest, make_folder, read_json, write_bytes
from factory.text import did_you_mean
from train.blocks import COMMIT, HUB_NAME, Dtype
from train.folder import WHOLE, RunFolder
from train.models import copied_files, model_source
from train.processors import FILES
from train.settings import LoadedRun

BASE: Final = "base.json"
"""In an adapter's folder: which model it belongs to."""
LIKE: Final = '{"name": "org/name", "revision": "<40 digits>", "dtype": "bfloat16"}'
DTYPES: Final[tuple[str, ...]] = get_args(Dtype)


@dataclass(frozen=True, slots=True)
class Base:
    """The model that an adapter changes."""

    name: str
    """A folder, or an id on the Hub."""
    revision: str | None
    dtype: str

    @property
    def keywords(self) -> dict[str, Any]:
        """For `from_pretrained`."""
        return {"trust_remote_code": False, **({"revision": self.revision} if self.revision else {})}


def keep_base(run: LoadedRun, target: Path) -> None:
    """Notes beside an adapter which model it belongs to."""
    name, keywords = model_source(run)
    noted = {"name": name, "revision": keywords.get("revision"), "dtype": run.run.model.dtype}
    write_bytes(orjson.dumps(noted, option=orjson.OPT_INDENT_2), target / BASE)


def base_of(adapter: Path) -> Base:
    """The base of an adapter. Raises RecipeError where it is not noted, or noted by a name that may move."""
    if (adapter / BASE).is_file():
        return _noted(adapter / BASE)
    config = _read(adapter / "adapter_config.json", "expected the one that was written with the adapters")
    named = str(config.get("base_model_name_or_path") or "")
    if not Path(named).is_dir():
        raise RecipeError(
            f"{adapter}: its base model {named!r:.200} is no folder here, and no revision is noted in {BASE}; write "
            f"one: {LIKE}"
        )
    return Base(named, None, "bfloat16")


def _noted(file: Path) -> Base:
    """What a `base.json` says. Raises RecipeError that names the file and the key."""
    noted = _read(file, f"expected {LIKE}")
    name, revision, dtype = (noted.get(key) for key in ("name", "revision", "dtype"))
    here = isinstance(name, str) and bool(name) and Path(name).is_dir()
    if not here and not (isinstance(name, str) and re.fullmatch(HUB_NAME, name)):
        raise RecipeError(f"{file}: `name`: {name!r:.200} is no folder here; expected one, or `org/name` on the Hub")
    if not here and not (isinstance(revision, str) and re.fullmatch(COMMIT, revision)):
        raise RecipeError(
            f"{file}: `revision`: {revision!r:.80}; expected the commit, 40 hexadecimal digits, since {name} is no "
            "folder here, and a name alone is another model after the next upload: `git ls-remote "
            f"https://huggingface.co/{name} HEAD` prints it"
        )
    if dtype not in DTYPES:
        hint = did_you_mean(str(dtype), DTYPES)
        raise RecipeError(f"{file}: `dtype`: {dtype!r:.80}{hint}; expected {', '.join(DTYPES)}")
    return Base(str(name), None if here else str(revision), str(dtype))


def _read(file: Path, remedy: str) -> dict[str, Any]:
    """A JSON file beside an adapter. Raises RecipeError where it is damaged."""
    try:
        return read_json(file, remedy)
    except CorruptBuild as error:
        raise RecipeError(str(error)) from None


def model_folder(path: Path) -> Path:
    """The folder of weights or adapters that a path means: itself, or what came out of a run.

    Raises RecipeError where there is neither.
    """
    if (path / "run.json").is_file():
        found = RunFolder(path).model
        if found is None:
            raise RecipeError(f"{path}: this run is not finished; the same `factory train` goes on with it")
        return found
    if not any((path / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise RecipeError(
            f"{path}: neither a model (config.json), an adapter (adapter_config.json) nor a run (run.json)"
        )
    return path


def weights_digest(path: Path) -> str:
    """SHA-256 that tells a model's folder, and that of an adapter's base, from what is trained there later: contents of
    its small files, and size and time of writing of its weights, as reading them takes minutes.

    Raises RecipeError as `model_folder` and `base_of` do.
    """
    folder = model_folder(path)
    found = [_noted_file(file) for file in sorted(folder.iterdir()) if file.is_file()]
    if (folder / "adapter_config.json").is_file():
        base = base_of(folder)
        there = Path(base.name)
        found.append(("base", base.name, base.revision, weights_digest(there) if there.is_dir() else ""))
    return sha256(orjson.dumps(found)).hexdigest()


def _noted_file(file: Path) -> tuple[Any, ...]:
    stat = file.stat()
    if stat.st_size > _SMALL:
        return file.name, stat.st_size, stat.st_mtime_ns
    return file.name, stat.st_size, file_digest(file)


_SMALL: Final = 32_000_000
"""Bytes of a file that is read whole: tokenizers have 10 MB."""


def open_model(path: Path) -> tuple[Any, Path]:
    """A model for answering, with adapters where there are some, and the folder that has its processor's files.

    Raises RecipeError.
    """
    import torch
    from transformers import AutoModelForImageTextToText

    folder = model_folder(path)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if (folder / "adapter_config.json").is_file():
            model = _with_adapter(base_of(folder), folder)
        else:
            model = AutoModelForImageTextToText.from_pretrained(
                str(folder), trust_remote_code=False, use_safetensors=True, dtype="auto"
            )
    except (OSError, ValueError, ImportError) as error:
        raise RecipeError(f"{folder}: cannot be loaded: {error}") from None
    return model.to(device).eval(), folder


def _with_adapter(base: Base, folder: Path) -> Any:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    if not (folder / "adapter_model.safetensors").is_file():
        raise RecipeError(f"{folder}: has no adapter_model.safetensors; other weights are pickles, and not read")
    model = AutoModelForImageTextToText.from_pretrained(
        base.name, use_safetensors=True, dtype=getattr(torch, base.dtype), **base.keywords
    )
    return PeftModel.from_pretrained(model, str(folder))


def merge(path: Path, out: Path) -> Path:
    """Writes the model that adapters and their base are together, with the processor; a model without adapters is one
    already.

    Args:
        path: an adapter's folder, or its run's.
        out: a folder that is not there yet.

    Raises RecipeError where there is nothing to merge or `out` is taken.
    """
    folder = model_folder(path)
    if not (folder / "adapter_config.json").is_file():
        raise RecipeError(f"{folder}: has no adapters: it is a whole model already")
    if out.exists():
        raise RecipeError(f"{out}: is there already; choose another folder")
    try:
        merged = _with_adapter(base_of(folder), folder).merge_and_unload()
    except (OSError, ValueError, ImportError) as error:
        raise RecipeError(f"{folder}: cannot be loaded: {error}") from None
    out.parent.mkdir(parents=True, exist_ok=True)
    make_folder(out)
    merged.save_pretrained(str(out))
    copied_files(str(folder), {}, out, FILES)
    write_bytes(b"{}\n", out / WHOLE)
    return out
