"""Teachers: vision-language models that answer a prompt about a photo. Importing the package registers the backends."""

from __future__ import annotations

from factory.teachers import batch_teacher as batch_teacher
from factory.teachers import openai_backend as openai_backend
from factory.teachers import replay as replay
from factory.teachers import vllm_teacher as vllm_teacher
