"""The kinds of number a check's settings are made of, with the bounds a recipe is held to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Kilometres = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
