"""Signals unpacked: any columns of them, and where two runs differ."""

from dataclasses import replace

import numpy as np
import pytest

from engine.analysis.decisions import changed_cells, differences, furthest_change, unpack_signals
from engine.records import Signals
from engine.strategy.packing import of_assets, pack_signals

BARS, ASSETS = 130, 4


@pytest.fixture
def plain() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    flags = {name: rng.random((BARS, ASSETS)) < 0.2 for name in ("entries", "exits", "short_entries")}
    return flags | {"stop": rng.uniform(0.01, 0.1, (BARS, ASSETS)), "rank": rng.normal(size=(BARS, ASSETS))}


def packed(plain: dict[str, np.ndarray]) -> Signals:
    flags = {name: plain[name] for name in ("entries", "exits", "short_entries")}
    return pack_signals(flags, {"stop_loss": plain["stop"], "size": 0.5}, max_bars=9, rank=plain["rank"])


@pytest.mark.parametrize("columns", [None, [2], [3, 0]])
def test_unpacking_gives_back_what_was_packed(columns, plain):
    chosen = slice(None) if columns is None else columns
    found = unpack_signals(packed(plain), columns)
    deciding = (plain["entries"] | plain["short_entries"]).T[chosen]
    for name in ("entries", "exits", "short_entries"):
        np.testing.assert_array_equal(found.flags[name], plain[name].T[chosen])
    for name, key in (("stop_loss", "stop"), ("rank", "rank")):
        np.testing.assert_array_equal(found.values[name], np.where(deciding, plain[key].T[chosen], np.nan))
    assert not found.flags["short_exits"].any()
    assert (found.constants["size"], found.constants["max_bars"]) == (0.5, 9)


def test_a_difference_is_told_by_output_and_cell(plain):
    before = unpack_signals(packed(plain))
    asset, bar = np.argwhere(before.deciding)[5]
    other = {name: values.copy() for name, values in plain.items()}
    other["stop"][bar, asset] += 0.01
    other["exits"][100, 1] ^= True
    after = unpack_signals(packed(other))
    found = differences(before, after)
    assert {name: [tuple(cell) for cell in np.argwhere(cells)] for name, cells in found.items()} == {
        "exits": [(1, 100)],
        "stop_loss": [(asset, bar)],
    }
    assert changed_cells(before, after, tolerance=0.5).sum() == 1


def test_rounding_is_no_difference_and_a_new_gap_is(plain):
    before = unpack_signals(packed(plain))
    assert differences(before, unpack_signals(packed(plain | {"stop": plain["stop"] * (1 + 1e-14)}))) == {}
    gaps = np.where(np.arange(BARS)[:, None] == np.argwhere(before.deciding)[0][1], np.nan, plain["stop"])
    assert list(differences(before, unpack_signals(packed(plain | {"stop": gaps})))) == ["stop_loss"]


def test_a_constant_that_changes_does_so_on_all_bars(plain):
    signals = packed(plain)
    before = unpack_signals(signals)
    for changed in (replace(signals, size=0.4), replace(signals, size=None), replace(signals, stop_loss=0.05)):
        (cells,) = differences(before, unpack_signals(changed)).values()
        assert cells.all()


def test_the_furthest_look_counts_and_only_before_its_assets_cut(plain):
    before = unpack_signals(packed(plain))
    other = {name: values.copy() for name, values in plain.items()}
    for bar, asset in ((40, 0), (77, 1), (90, 1)):
        other["exits"][bar, asset] ^= True
    after = unpack_signals(packed(other))
    change = furthest_change(before, after, np.array([50, 80, 80, 80]))
    assert (change.output, change.asset, change.bar, change.ahead) == ("exits", 0, 40, 10)
    assert furthest_change(before, after, np.array([40, 80, 80, 80])).bar == 77
    assert furthest_change(before, after, np.full(ASSETS, 40)) is None
    assert furthest_change(before, after, np.full(ASSETS, 85), until=39) is None


def test_without_the_entries_of_some_assets_the_others_keep_theirs_with_their_stops(plain):
    kept = np.array([True, False, False, True])
    before, after = unpack_signals(packed(plain)), unpack_signals(of_assets(packed(plain), kept))
    for name in ("entries", "short_entries"):
        np.testing.assert_array_equal(after.flags[name], before.flags[name] & kept[:, None])
    np.testing.assert_array_equal(after.flags["exits"], before.flags["exits"])
    for name in ("stop_loss", "rank"):
        np.testing.assert_array_equal(after.values[name][kept], before.values[name][kept])
        assert np.isnan(after.values[name][~kept]).all()
