"""A cap that is divided among processes: its sum is never exceeded, whatever they do and whenever they speak."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from factory.calls.gate import Gate


@dataclass
class Process:
    """One that goes by what it was told last, once the answer is in."""

    allowed: int = 0
    in_flight: int = 0
    waiting: int = 0


STEPS = ["arrive", "begin", "end", "speak", "die"]


@settings(max_examples=40, deadline=None)
@given(
    most=st.integers(1, 12),
    steps=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(STEPS)), max_size=60),
)
def test_all_processes_together_never_have_more_in_flight_than_the_cap(most: int, steps: list[tuple[int, str]]) -> None:
    gate, processes = Gate(most), dict[int, Process]()
    for name, what in steps:
        process = processes.setdefault(name, Process())
        if what == "arrive":
            process.waiting += 1
        elif what == "begin" and process.waiting and process.in_flight < process.allowed:
            process.waiting, process.in_flight = process.waiting - 1, process.in_flight + 1
        elif what == "end" and process.in_flight:
            process.in_flight -= 1
        elif what == "speak":
            wants = process.in_flight + process.waiting
            process.allowed = gate.exchange(
                str(name), allowed=process.allowed, in_flight=process.in_flight, wants=wants
            )
        elif what == "die":
            gate.gone(str(name))
            del processes[name]
        assert sum(one.in_flight for one in processes.values()) <= gate.out <= most
        assert all(one.allowed >= 0 for one in processes.values())


def speak(gate: Gate, processes: dict[str, Process], times: int = 6) -> None:
    for _ in range(times):
        for name, one in processes.items():
            wants = one.in_flight + one.waiting
            one.allowed = gate.exchange(name, allowed=one.allowed, in_flight=one.in_flight, wants=wants)


def test_one_process_has_the_whole_cap_and_two_share_it() -> None:
    gate, processes = Gate(9), {"a": Process(waiting=50)}
    speak(gate, processes)
    assert processes["a"].allowed == 9
    processes["b"] = Process(waiting=50)
    speak(gate, processes)
    assert [one.allowed for one in processes.values()] == [5, 4]


def test_what_one_does_not_want_is_the_others() -> None:
    gate, processes = Gate(10), {"a": Process(waiting=1), "b": Process(waiting=50)}
    speak(gate, processes)
    assert processes["b"].allowed >= 9


def test_a_slot_is_not_given_on_while_a_call_holds_it() -> None:
    gate, busy, new = Gate(4), Process(allowed=0, waiting=4), Process(waiting=4)
    speak(gate, {"busy": busy})
    busy.in_flight, busy.waiting = 4, 0
    speak(gate, {"busy": busy, "new": new})
    assert new.allowed == 0 and busy.allowed == 2
    busy.in_flight = 2
    speak(gate, {"busy": busy, "new": new})
    assert new.allowed == 2


def test_a_process_that_is_gone_leaves_its_slots() -> None:
    gate, processes = Gate(6), {"a": Process(waiting=9), "b": Process(waiting=9)}
    speak(gate, processes)
    gate.gone("a")
    del processes["a"]
    speak(gate, processes)
    assert processes["b"].allowed == 6


def test_more_processes_than_slots_leave_some_with_none() -> None:
    gate, processes = Gate(2), {name: Process(waiting=1) for name in "abc"}
    speak(gate, processes)
    assert sum(one.allowed for one in processes.values()) == 2
