"""A changed strategy is simulated anew: it trades as one that had decided so from the beginning."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.explanation import Explanation, explain
from engine.analysis.names import names_for_people
from engine.analysis.what_if import WhatIf, what_if
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import Market, open_market
from engine.errors import CannotChange
from engine.records import Costs, SharedCash, Window
from engine.strategy.packing import pack_signals
from tests.markets import panel_of, random_bars

BARS, ASSETS = 900, 5
STOP = 0.03


def flags_of(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {name: rng.random((BARS, ASSETS)) < share for name, share in
            (("entries", 0.06), ("exits", 0.02), ("short_entries", 0.06), ("short_exits", 0.02))}  # fmt: skip


@pytest.fixture(scope="module")
def market() -> Market:
    rng = np.random.default_rng(9)
    bars = random_bars(rng, BARS + 100, ASSETS, missing=0.02)
    panel = panel_of(bars, volume=rng.uniform(1, 9, bars.shape[:2]))
    return open_market(panel, Window("validation", 100, BARS + 100, lead_in=100))


@pytest.fixture(scope="module")
def flags() -> dict[str, np.ndarray]:
    return flags_of(np.random.default_rng(4))


@pytest.fixture(scope="module")
def sizes() -> np.ndarray:
    return np.random.default_rng(7).uniform(0.2, 1, (BARS, ASSETS))


def run(market: Market, flags: dict[str, np.ndarray], sizes: np.ndarray, shared: SharedCash | None = None, **changes) -> Result:
    signals = pack_signals(flags, {"stop_loss": STOP, "size": sizes}, max_bars=30)
    return run_signals(replace(signals, **changes), market, Costs(), shared)


@pytest.fixture(scope="module")
def result(market: Market, flags: dict[str, np.ndarray], sizes: np.ndarray) -> Result:
    return run(market, flags, sizes)


@pytest.fixture(scope="module")
def found(result: Result) -> Explanation:
    return explain(result, names_for_people(result.market))


def same(one: Result, other: Result) -> None:
    pd.testing.assert_frame_equal(one.trades, other.trades)
    np.testing.assert_array_equal(one.simulation.equity, other.simulation.equity)


def cell_of(found: Explanation, name: str, what: str) -> int:
    dimension = next(d for d in found.dimensions if d.name == name)
    return next(i for i, cell in enumerate(dimension.cells) if what in cell)


def masked(flags: dict[str, np.ndarray], out: np.ndarray) -> dict[str, np.ndarray]:
    return {name: table & ~out if "entries" in name else table for name, table in flags.items()}


def test_without_mondays_it_is_a_strategy_that_never_enters_on_one(market, flags, sizes, result, found) -> None:
    times = pd.DatetimeIndex(market.panel.times_ns, tz="UTC")
    fills = np.append(times.day_of_week[market.window.start + 1 :], 0)  # of the bar behind each decision
    wanted = run(market, masked(flags, (fills == 0)[:, None]), sizes)
    changed = what_if(result, found, WhatIf(leave_out=("weekday", cell_of(found, "weekday", "Monday"))))
    same(changed, wanted)
    assert not (changed.trades["entry_time"].dt.day_of_week == 0).any()
    assert len(changed.trades) != (result.trades["entry_time"].dt.day_of_week != 0).sum()  # simulated, not subtracted


def test_without_an_asset_or_a_side(market, flags, sizes, result, found) -> None:
    out = np.zeros((BARS, ASSETS), bool)
    out[:, 2] = True
    same(what_if(result, found, WhatIf(leave_out=("asset", 2))), run(market, masked(flags, out), sizes))
    for side, name in (("long", "entries"), ("short", "short_entries")):
        cell = cell_of(found, "direction", side)
        wanted = run(market, flags | {name: np.zeros_like(out)}, sizes)
        same(what_if(result, found, WhatIf(leave_out=("direction", cell))), wanted)


@pytest.mark.parametrize("name", ["volume", "trend", "regime", "hour", "month", "cluster"])
def test_no_trade_is_left_of_a_cell_that_is_left_out(name: str, result: Result, found: Explanation) -> None:
    codes = found.clusters.codes if name == "cluster" else next(d for d in found.dimensions if d.name == name).codes
    cell = int(codes.max())
    assert (codes == cell).any()
    changed = what_if(result, found, WhatIf(leave_out=(name, cell)))
    again = explain(changed, found.names)
    states = again.table
    if name == "cluster":
        assert not (found.clusters.assign(states) == cell).any()
    else:
        dimension = next(d for d in found.dimensions if d.name == name)
        assert not (dimension.codes_of(states[name].to_numpy(float)) == cell).any()
    assert len(states)


def test_a_tag_is_left_out(market: Market, flags: dict[str, np.ndarray], sizes: np.ndarray) -> None:
    tag = np.random.default_rng(3).integers(0, 2, (BARS, ASSETS)).astype(np.uint8)
    longs = {name: flags[name] for name in ("entries", "exits")}
    signals = pack_signals(longs, {"size": sizes}, max_bars=20, tag=tag, tag_names=("dip", "up_trend"))
    result = run_signals(signals, market, Costs())
    found = explain(result, names_for_people(market))
    changed = what_if(result, found, WhatIf(leave_out=("entry_tag", cell_of(found, "entry_tag", "up trend"))))
    assert set(changed.trades["entry_tag"]) == {"dip"}
    wanted = pack_signals(masked(longs, tag == 1), {"size": sizes}, max_bars=20)
    np.testing.assert_array_equal(changed.simulation.equity, run_signals(wanted, market, Costs()).simulation.equity)


def test_a_cooldown_another_stop_and_later_entries(market, flags, sizes, result, found) -> None:
    same(what_if(result, found, WhatIf(cooldown=12)), run(market, flags, sizes, cooldown=12))
    same(what_if(result, found, WhatIf(stop=2.0)), run(market, flags, sizes, stop_loss=2 * STOP))
    later = {n: np.vstack([np.zeros((3, ASSETS), bool), t[:-3]]) if "entries" in n else t for n, t in flags.items()}
    moved = np.vstack([np.ones((3, ASSETS)), sizes[:-3]])
    same(what_if(result, found, WhatIf(later=3)), run(market, later, moved))


def test_no_change_changes_nothing_and_several_work_together(market, flags, sizes, result, found) -> None:
    same(what_if(result, found, WhatIf()), result)
    out = np.zeros((BARS, ASSETS), bool)
    out[:, 1] = True
    wanted = run(market, masked(flags, out), sizes, cooldown=5, stop_loss=0.5 * STOP)
    same(what_if(result, found, WhatIf(leave_out=("asset", 1), cooldown=5, stop=0.5)), wanted)


def test_a_shared_account_stays_one(market: Market, flags: dict[str, np.ndarray], sizes: np.ndarray) -> None:
    shared = SharedCash(2, 0.4)
    result = run(market, flags, sizes, shared)
    found = explain(result, names_for_people(market))
    same(what_if(result, found, WhatIf(cooldown=9)), run(market, flags, sizes, shared, cooldown=9))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (WhatIf(leave_out=("reason", 0)), "not known when an entry is decided"),
        (WhatIf(leave_out=("entry_tag", 0)), "choose|leave out"),
        (WhatIf(stop=40.0), "below 100 %"),
        (WhatIf(stop=0.0), "wanted more than 0 %"),
        (WhatIf(cooldown=-1), "wanted 0 to"),
        (WhatIf(later=100_000), "wanted 0 to"),
    ],
)
def test_what_cannot_be_is_refused(change: WhatIf, told: str, result: Result, found: Explanation) -> None:
    with pytest.raises(CannotChange, match=told):
        what_if(result, found, change)


def test_a_strategy_without_a_stop_has_none_to_move(market: Market, flags: dict[str, np.ndarray]) -> None:
    result = run_signals(pack_signals(flags, {}), market, Costs())
    with pytest.raises(CannotChange, match="no stop loss"):
        what_if(result, explain(result, names_for_people(market)), WhatIf(stop=0.5))
