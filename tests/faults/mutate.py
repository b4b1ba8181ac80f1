"""Damage and malice done to bytes, by a seeded generator: the same seed does the same."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

MOST_BYTES = 4_000_000
"""Of a mutated file: whatever is done to it again and again, it stays a small one."""

TOKENS = (
    b"",
    b"\x00",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b'"',
    b"'",
    b"`",
    b",",
    b":",
    b";",
    b"\t",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b"<think>",
    b"</think>",
    b"<answer>",
    b"</answer>",
    b"```json\n",
    b"&a ",
    b"*a",
    b"<<: *a\n",
    b"!!python/object/apply:os.system ['true']",
    b"- ",
    b"? ",
    b"#",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 400,
    b"-0",
    b"null",
    b"true",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\\u0000",
    b"\x1b[31m",
    b"\x1b]0;x\x07",
    b"[bold]",
    b"\xe2\x80\xae",
    b"../../../../etc/passwd",
    b"/dev/stdin",
    b"file:///etc/passwd",
    b"a" * 70_000,
    b'=HYPERLINK("http://127.0.0.1")',
    b"<script>alert(1)</script>",
    b"${HOME}",
    b"{{7*7}}",
    b"%s%n",
    b"0x10",
    b"PAR1",
    b"\xff\xd8\xff\xe1",
    b"Exif\x00\x00II*\x00",
)
"""What readers stumble over."""


def mutated(data: bytes, rng: Random) -> bytes:
    """The bytes after one to eight changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        data = rng.choice(CHANGES)(data, rng)[:MOST_BYTES]
    return data


def _place(data: bytes, rng: Random) -> int:
    """Somewhere; often at the very start or end, where headers and footers are."""
    size = len(data)
    return rng.choice((rng.randint(0, size), rng.randint(0, min(size, 64)), size - rng.randint(0, min(size, 64))))


def flip(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        if changed:
            changed[min(_place(data, rng), len(changed) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def overwrite(data: bytes, rng: Random) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 2, 4, 8, 64))
    value = rng.choice((b"\x00" * size, b"\xff" * size, b"\x7f" + b"\xff" * (size - 1), rng.randbytes(size)))
    return data[:at] + value + data[at + size :]


def insert(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.choice(TOKENS) * rng.choice((1, 1, 1, 2, 100, 3_000)) + data[at:]


def nest(data: bytes, rng: Random) -> bytes:
    opening, closing = rng.choice(((b"[", b"]"), (b"{", b"}"), (b'{"a":', b"}"), (b"(", b")"), (b"[{", b"}]")))
    at, depth = _place(data, rng), rng.choice((5, 60, 70, 300, 20_000))
    return data[:at] + opening * depth + rng.choice((b"", closing * depth)) + data[at:]


def cut(data: bytes, rng: Random) -> bytes:
    return data[: _place(data, rng)]


def remove(data: bytes, rng: Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 16, 500)) :]


def repeat(data: bytes, rng: Random) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 8, 100, 2_000))
    return data[: at + size] + data[at : at + size] * rng.choice((1, 1, 50, 2_000)) + data[at + size :]


def shuffle(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


Change = Callable[[bytes, Random], bytes]
CHANGES: tuple[Change, ...] = (flip, flip, overwrite, insert, insert, nest, cut, remove, repeat, shuffle)
