"""Only addresses of the whole internet are fetched, however they are written."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.fetch.fetcher import Lane
from factory.fetch.public import Refused, fetchable, hosts, is_public, resolver


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:101:101::1",
        "2001:0:7f00:1::",
        "::127.0.0.1",
        "::1.1.1.1",
        "64:ff9b:1::a00:1",
        "fec0::1",
        "5f00::1",
        "no number",
        "",
    ],
)
def test_a_number_that_not_all_can_reach_is_not_public(number: str) -> None:
    assert not is_public(number)


@pytest.mark.parametrize(
    "number", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_a_number_of_the_internet_is_public(number: str) -> None:
    assert is_public(number)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("file:///etc/passwd", "no_address"),
        ("ftp://example.com/x", "no_address"),
        ("javascript:alert(1)", "no_address"),
        ("//example.com/x", "no_address"),
        ("/local", "no_address"),
        ("", "no_address"),
        ("http://", "no_address"),
        ("http://[::1", "no_address"),
        ("http://example.com:0/", "no_address"),
        ("http://example.com:99999/", "no_address"),
        ("http://me:secret@example.com/", "no_address"),
        ("http://127.0.0.1/", "not_public"),
        ("http://[::1]/", "not_public"),
        ("http://[::ffff:7f00:1]/", "not_public"),
        ("https://169.254.169.254/latest/meta-data", "not_public"),
    ],
)
def test_an_address_that_leads_elsewhere_is_refused_by_name(written: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        fetchable(written)
    assert refused.value.reason == reason


async def resolved(host: str, allowed: Collection[str] = ()) -> list[Any]:
    return await resolver(allowed).resolve(host, 80)


@pytest.mark.parametrize("written", ["http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/", "http://localhost/"])
def test_a_number_in_another_writing_is_judged_by_what_it_leads_to(written: str) -> None:
    host = fetchable(written).host
    assert host is not None
    with pytest.raises(OSError) as refused:  # where the system knows no such name, it says so itself
        asyncio.run(resolved(host))
    assert not isinstance(refused.value, Refused) or refused.value.reason == "not_public"


def test_a_backslash_does_not_hide_the_host() -> None:
    with pytest.raises(Refused):
        fetchable("http://example.com\\@127.0.0.1/")


def test_a_name_with_one_inner_number_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 80)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80)),
        ]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    with pytest.raises(Refused, match=r"leads to 10\.0\.0\.1"):
        asyncio.run(resolved("rebinding.example"))
    assert len(asyncio.run(resolved("rebinding.example", {"rebinding.example"}))) == 2


def test_a_mirror_of_ones_own_is_allowed_by_its_name_alone() -> None:
    allowed = hosts([" 127.0.0.1 ", "[::1]", "Mirror.Example"])
    assert fetchable("http://127.0.0.1:8000/x", allowed).port == 8000
    assert fetchable("http://[::1]/x", allowed).host == "::1"
    with pytest.raises(Refused):
        fetchable("http://127.0.0.2/x", allowed)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(written: str) -> None:
    try:
        url = fetchable(written)
    except Refused as refused:
        assert refused.reason in ("no_address", "not_public")
    else:
        assert url.scheme in ("http", "https") and url.host


def test_requests_at_a_host_begin_one_pause_apart_and_not_before_it_asked() -> None:
    lane = Lane(asyncio.Semaphore(2))
    assert [lane.pause(100.0, 0.5) for _ in range(3)] == [0.0, 0.5, 1.0]
    lane.hold(130.0)
    assert lane.pause(110.0, 0.5) == 20.0
    assert lane.pause(140.0, 0.5) == 0.0
