"""Is this release whole, consistent and free of metadata? Answered from its files alone, by anyone who has them."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched, pairwise
from pathlib import Path
from typing import Any, Final
