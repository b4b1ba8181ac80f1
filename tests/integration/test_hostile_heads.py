"""Responses that no library expects: each is a named failure of its own question, and the build goes on."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fake_endpoint import completion, plausible_answer
from tests.raw_endpoint import answering
from tests.real_build import factory, make_photos, write_recipe

LENGTH = b"Content-Length: 2\r\n\r\n{}"
DIGITS = b"9" * 5_000
SENT = {
    "a reason that is no text": b"HTTP/1.1 400 \xff\xfe\r\n" + LENGTH,
    "a good status with such a reason": b"HTTP/1.1 200 \xff\xfe\r\n" + LENGTH,
    "a header that is no text": b"HTTP/1.1 400 Bad\r\nX-A: \xff\xfe\r\n" + LENGTH,
    "a name of a header that is no text": b"HTTP/1.1 400 Bad\r\n\xff: a\r\n" + LENGTH,
    "an encoding that is no text": b"HTTP/1.1 400 Bad\r\nContent-Encoding: \xff\r\n" + LENGTH,
    "a character set that is none": b"HTTP/1.1 400 Bad\r\nContent-Type: text/html; charset=\xff\r\n" + LENGTH,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n" + LENGTH,
    "a length of no number": b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n{}",
    "a length of nothing": b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n{}",
    "a length and chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + LENGTH,
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n" + LENGTH,
    "announcements alone": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "no head": b"{}",
    "nothing": b"",
    "a code of 5,000 digits": b'HTTP/1.1 200 OK\r\n\r\n{"error": {"message": "x", "code": "' + DIGITS + b'"}}',
    "a code in other digits": 'HTTP/1.1 200 OK\r\n\r\n{"error": {"code": "\u0664\u0662\u0669"}}'.encode(),
    "a number of 5,000 digits": b'HTTP/1.1 200 OK\r\n\r\n{"usage": {"prompt_tokens": ' + DIGITS + b"}}",
}
"""Whole responses, by what is odd about them."""


def test_no_response_ends_a_build(tmp_path: Path) -> None:
    make_photos(tmp_path, len(SENT) + 2)
    good = completion(json.dumps(plausible_answer("1" * 64)))
    sent = [*SENT.values(), *[b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(good) + good] * 2]
    recipe = write_recipe(tmp_path, answering(sent))
    once = ("-s", "teachers.0.attempts=1", "-s", "teachers.0.recovery_s=5", "-s", "teachers.0.max_in_flight=1")
    done = factory("build", recipe, "--json", *once, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done
    counts = json.loads(done.stdout.partition("\n")[0])["counts"]
    assert counts["failures"] == {"teachers:exhausted": len(SENT)} and counts["answers"]["t0"]["ok"] == 2, counts
