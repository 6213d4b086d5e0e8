"""What a child may say: every message comes back as it went, and no bytes do more harm than a WireError."""

import contextlib
import struct
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from engine.records import Failure, ParamRange, Signals
from engine.strategy import wire
from engine.strategy.packing import BITS, RISKS, pack_signals
from engine.strategy.params import read_ranges

BARS, ASSETS = 70, 2

real = st.floats(-(2.0**53), 2.0**53)
whole = st.integers(-(2**53), 2**53)
specs = st.one_of(
    st.tuples(whole, whole).map(lambda e: (min(e), max(e))),
    st.tuples(real, real).map(lambda e: (min(e), max(e))),
    st.tuples(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9)).map(lambda e: ("log", min(e), max(e))),
    st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.booleans(), whole, real), min_size=1),
)
declarations = st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), specs, max_size=6)
flags = npst.arrays(bool, (BARS, ASSETS))
values = st.floats(0.001, 0.999)
risk = st.one_of(st.none(), values, npst.arrays(float, (BARS, ASSETS), elements=st.one_of(values, st.just(float("nan")))))


@st.composite
def packed(draw: st.DrawFn) -> Signals:
    """Any signals that the contract lets through."""
    tables = {"entries": draw(flags)} | {n: draw(flags) for n in BITS[1:] if draw(st.booleans())}
    names = tuple(draw(st.lists(st.text("ab c", min_size=1, max_size=40), max_size=8)))
    tag = draw(npst.arrays(np.uint8, (BARS, ASSETS), elements=st.integers(0, len(names) - 1))) if names else None
    return pack_signals(
        tables,
        {n: draw(risk) for n in RISKS},
        max_bars=draw(st.one_of(st.none(), st.integers(1, 2**31))),
        cooldown=draw(st.integers(0, 2**31)),
        rank=draw(st.one_of(st.none(), npst.arrays(float, (BARS, ASSETS)))),
        tag=tag,
        tag_names=names,
    )


def body_of(signals: Signals) -> bytes:
    return b"".join(bytes(p) for p in wire.pack_signals_message(signals))


def lines_of(lines: dict[str, np.ndarray], scale: float = 0.25) -> bytes:
    return b"".join(bytes(p) for p in wire.pack_lines(scale, lines))


def values_of(values: dict[str, np.ndarray], scales: np.ndarray | None = None) -> bytes:
    own = np.full(ASSETS, 0.5) if scales is None else scales
    return b"".join(bytes(p) for p in wire.pack_values(own, values))


def assert_same(found: Signals, wanted: Signals) -> None:
    for field in fields(Signals):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)
        else:
            assert one == other, field.name


@settings(deadline=None)
@given(packed())
def test_signals_come_back_as_they_went(signals: Signals) -> None:
    assert_same(wire.unpack_signals(body_of(signals), BARS, ASSETS), signals)


def test_unpacked_arrays_are_read_only() -> None:
    body = bytearray(body_of(pack_signals({"entries": np.ones((BARS, ASSETS), bool)}, {"size": np.ones((BARS, ASSETS))})))
    signals = wire.unpack_signals(memoryview(body).toreadonly(), BARS, ASSETS)
    assert not signals.entries.flags.writeable
    assert not signals.size.flags.writeable


@settings(deadline=None)
@given(declarations)
def test_ranges_come_back_as_they_went(declared: dict[str, Any]) -> None:
    ranges = read_ranges(declared)
    assert wire.unpack_ranges(wire.pack_ranges(ranges)) == ranges


@settings(deadline=None)
@given(
    st.sampled_from(["syntax", "contract", "error", "timeout", "memory", "output", "killed"]),
    st.text(st.characters(categories=["L", "N", "P"]), max_size=500),
    st.one_of(st.none(), st.integers(1, 10_000)),
)
def test_a_failure_comes_back_as_it_went(kind: str, message: str, line: int | None) -> None:
    failure = Failure(kind, message, line)
    assert wire.unpack_failure(wire.pack_failure(failure)) == failure


def test_a_failure_is_stripped_of_what_could_trick_a_terminal_or_a_page() -> None:
    failure = wire.unpack_failure(wire.pack_failure(Failure("<b>evil", "\x1b[31mred\nline\u202e" + "x" * 9_000, 2**60)))
    assert failure == Failure("error", (" [31mred line " + "x" * 9_000)[: wire.TEXT_CAP], None)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("ab é", min_size=1, max_size=40), npst.arrays(float, BARS, elements=st.floats(allow_infinity=False)), max_size=12
    ),
    st.integers(-1000, 1000),
)
def test_lines_come_back_as_they_went(lines: dict[str, np.ndarray], power: int) -> None:
    scale, found = wire.unpack_lines(lines_of(lines, 2.0**power), BARS)
    assert (scale, list(found)) == (2.0**power, list(lines))
    for name, values in lines.items():
        np.testing.assert_array_equal(found[name], values)


LINE = np.ones(BARS)


@pytest.mark.parametrize(
    "body",
    [
        lines_of({"a": LINE}, 0.3),
        lines_of({"a": LINE}, -2.0),
        lines_of({"a": LINE}, 0.0),
        lines_of({"a": LINE}, float("nan")),
        lines_of({"a": LINE}, float("inf")),
        lines_of({"a": LINE * np.inf}),
        lines_of({"": LINE}),
        lines_of({"a" * 41: LINE}),
        lines_of({"a\n": LINE}),
        lines_of({str(i): LINE for i in range(13)}),
        lines_of({"a": LINE[1:]}),
        lines_of({"a": LINE, "b": LINE}).replace(b"b", b"a"),
    ],
)
def test_lines_that_the_contract_does_not_know_are_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack_lines(body, BARS)


CELLS = np.arange(1.0, 8.0)


def test_values_of_indicators_come_back_as_they_went() -> None:
    sent = {"ema(close, 20)": CELLS, "rsi(close, 14)": np.where(CELLS > 3, np.nan, CELLS)}
    scales, found = wire.unpack_values(values_of(sent, np.full(ASSETS, 4.0)), ASSETS, 7)
    assert scales.tolist() == [4.0] * ASSETS
    assert list(found) == list(sent)
    for label, values in sent.items():
        np.testing.assert_array_equal(found[label], values)


@pytest.mark.parametrize(
    "body",
    [
        values_of({"a": CELLS}, np.full(ASSETS, 0.3)),
        values_of({"a": CELLS}, np.full(ASSETS, np.nan)),
        values_of({"a": CELLS}, np.full(ASSETS + 1, 0.5)),
        values_of({"a": CELLS * np.inf}),
        values_of({"a": CELLS[1:]}),
        values_of({"": CELLS}),
        values_of({"a" * 121: CELLS}),
        values_of({"\x1b[31m": CELLS}),
        values_of({str(i): CELLS for i in range(41)}),
        values_of({"a": CELLS, "b": CELLS}).replace(b"b", b"a"),
    ],
)
def test_values_that_could_not_be_are_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack_values(body, ASSETS, 7)


READERS = {
    "values": lambda body: wire.unpack_values(body, ASSETS, 7),
    "lines": lambda body: wire.unpack_lines(body, BARS),
    "signals": lambda body: wire.unpack_signals(body, BARS, ASSETS),
    "ranges": wire.unpack_ranges,
    "failure": wire.unpack_failure,
}
SAMPLES = {
    "values": values_of({"one": CELLS, "two": CELLS * np.nan}),
    "lines": lines_of({"one": LINE, "two": LINE * np.nan}),
    "signals": body_of(
        pack_signals(
            {"entries": np.eye(BARS, ASSETS, dtype=bool), "short_exits": np.ones((BARS, ASSETS), bool)},
            {"stop_loss": np.full((BARS, ASSETS), 0.1), "size": 0.5},
            tag=np.ones((BARS, ASSETS), np.uint8), tag_names=("a", "b"), rank=np.ones((BARS, ASSETS)), max_bars=5,
        )
    ),
    "ranges": wire.pack_ranges(read_ranges({"a": (1, 5), "b": ["x", 1, 2.0, True], "c": ("log", 0.1, 1.0)})),
    "failure": wire.pack_failure(Failure("error", "a message", 7)),
}  # fmt: skip


@pytest.mark.parametrize("kind", READERS)
def test_a_body_that_is_cut_or_goes_on_is_refused(kind: str) -> None:
    sample = SAMPLES[kind]
    for body in (*(sample[:i] for i in range(len(sample))), sample + b"\0"):
        with pytest.raises(wire.WireError):
            READERS[kind](body)


@pytest.mark.parametrize("kind", READERS)
@settings(deadline=None)
@given(data=st.data())
def test_garbage_raises_a_wire_error_and_nothing_else(kind: str, data: st.DataObject) -> None:
    sample = bytearray(SAMPLES[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        sample[data.draw(st.integers(0, len(sample) - 1))] = data.draw(st.integers(0, 255))
    for body in (bytes(sample), data.draw(st.binary(max_size=400))):
        with contextlib.suppress(wire.WireError):
            READERS[kind](body)


def head_of(**changed: Any) -> bytes:
    """The head of a SIGNALS message that has entries alone, with some fields changed."""
    head = {"present": 1, "kinds": 0, "has": 0, "tags": 0, "max_bars": 0, "cooldown": 0, "cells": 0} | changed
    return struct.pack("<BBBBqqQ4d", *head.values(), 0.0, 0.0, 0.0, 0.0)


def table(*bits: int) -> bytes:
    """A table of bits for two assets of 70 bars; bits are numbers within the whole."""
    return sum(1 << b for b in bits).to_bytes(32, "little")


@pytest.mark.parametrize(
    "body",
    [
        head_of(present=0) + table(),
        head_of(present=0b10) + table(),
        head_of(present=0b11) + table(),
        head_of(present=0b1000001) + table(),
        head_of(kinds=0b11, cells=1) + table(5) + b"\0" * 8,
        head_of(has=4) + table(),
        head_of(has=1, cells=2) + table(5) + b"\0" * 16,
        head_of(has=1, cells=0) + table(5),
        head_of(has=1, cells=2**64 - 1) + table(5),
        head_of(cells=1) + table(5),
        head_of(has=2, cells=1) + table(5) + b"\0",
        head_of(has=2, tags=1, cells=1) + b"\1\0a" + table(5) + b"\1",
        head_of(tags=1) + b"\1\0a" + table(5),
        head_of(has=2, tags=1, cells=1) + b"\1\0\n" + table(5) + b"\0",
        head_of(has=2, tags=9, cells=1) + b"\1\0a" * 9 + table(5) + b"\0",
        head_of(max_bars=-1) + table(),
        head_of(max_bars=2**31 + 1) + table(),
        head_of(cooldown=-1) + table(),
        head_of(cooldown=2**62) + table(),
        head_of() + table(BARS),
        head_of() + table(255),
        head_of(present=0b10001) + table() + table(127),
    ],
)
def test_what_the_contract_does_not_know_is_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack_signals(body, BARS, ASSETS)


def test_tables_that_have_not_changed_are_not_sent_again() -> None:
    first = pack_signals(
        {"entries": np.eye(BARS, ASSETS, dtype=bool), "exits": np.ones((BARS, ASSETS), bool)}, {"stop_loss": 0.1}
    )
    same_tables = replace(first, exits=first.exits.copy(), stop_loss=0.2)
    other_exits = replace(first, exits=first.entries)
    before = None
    sizes = []
    for signals in (first, same_tables, other_exits, replace(first, exits=None), first):
        body = b"".join(bytes(p) for p in wire.pack_signals_message(signals, before))
        before = wire.unpack_signals(body, BARS, ASSETS, before)
        assert_same(before, signals)
        sizes.append(len(body))
    assert sizes[1] < sizes[2] < sizes[0] == sizes[2] + len(table())
    assert sizes[3] == sizes[1]


def test_a_table_as_before_where_there_was_none_is_refused() -> None:
    before = pack_signals({"entries": np.eye(BARS, ASSETS, dtype=bool)}, {})
    assert wire.unpack_signals(head_of(present=0b10), BARS, ASSETS, before).entries is before.entries
    with pytest.raises(wire.WireError, match="exits as before"):
        wire.unpack_signals(head_of(present=0b1010), BARS, ASSETS, before)
    with pytest.raises(wire.WireError, match="entries as before"):
        wire.unpack_signals(head_of(present=0b10), BARS, ASSETS)


def test_a_decision_on_the_last_bar_is_none_behind_it() -> None:
    signals = wire.unpack_signals(head_of() + table(BARS - 1, 128 + BARS - 1), BARS, ASSETS)
    assert np.bitwise_count(signals.entries).sum() == 2


@pytest.mark.parametrize("name", RISKS)
@pytest.mark.parametrize("value", [0.0, -0.1, np.inf, -np.inf, 1.5, np.nan])
def test_a_risk_value_outside_its_domain_is_refused(name: str, value: float) -> None:
    if name == "take_profit" and value == 1.5:
        return
    entries = {"entries": np.eye(BARS, ASSETS, dtype=bool)}
    with pytest.raises(wire.WireError, match=name):
        wire.unpack_signals(body_of(pack_signals(entries, {name: value})), BARS, ASSETS)
    if not np.isnan(value):
        with pytest.raises(wire.WireError, match=name):
            wire.unpack_signals(body_of(pack_signals(entries, {name: np.full((BARS, ASSETS), value)})), BARS, ASSETS)


@pytest.mark.parametrize(
    "declared",
    [
        ParamRange("p", "int", 5, 1),
        ParamRange("p", "int", 0.5, 2),
        ParamRange("p", "int", 0, float("inf")),
        ParamRange("p", "float", float("nan"), 2),
        ParamRange("p", "float", 0, 1, log=True),
        ParamRange("p", "choice"),
        ParamRange("p", "choice", choices=("x" * 101,)),
        ParamRange("not a name", "int", 1, 5),
    ],
)
def test_a_range_that_params_could_not_declare_is_refused(declared: ParamRange) -> None:
    with pytest.raises(wire.WireError):
        wire.unpack_ranges(wire.pack_ranges((declared,)))


def test_a_name_that_comes_twice_is_refused() -> None:
    twice = (ParamRange("p", "int", 1, 5),) * 2
    with pytest.raises(wire.WireError, match="each name once"):
        wire.unpack_ranges(wire.pack_ranges(twice))


def test_an_answer_too_large_for_one_message_is_a_matter_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BODY", 100)
    with pytest.raises(MemoryError):
        wire.pack_signals_message(pack_signals({"entries": np.ones((BARS, ASSETS), bool)}, {"size": np.ones((BARS, ASSETS))}))
