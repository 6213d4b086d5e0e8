"""A part of a market: what scenarios do there is what they would do if it were the whole."""

import numpy as np
import pytest

from engine.backtest import first_look
from engine.backtest.first_look import cut_signals, part_of
from engine.backtest.simulation import Room, simulate_signals
from engine.backtest.sweep import TestBed, prepare
from engine.records import Costs, SharedCash, Signals, Window
from engine.strategy.packing import pack_signals, unpack_bits
from tests.markets import panel_of, random_bars

BARS, ASSETS = 330, 12


@pytest.fixture(scope="module")
def bed() -> TestBed:
    """Small enough for a test, with holes and an asset that leaves; what is too small for a first look is made smaller still."""
    prices = random_bars(np.random.default_rng(5), BARS + 50, ASSETS, missing=0.02)
    prices[200:, 3] = np.nan
    return prepare(panel_of(prices), Window("train", 20, 20 + BARS), Costs())


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "LEAST_ASSETS", 10)
    monkeypatch.setattr(first_look, "LEAST_BARS", 100)
    monkeypatch.setattr(first_look, "ASSET_SHARE", 0.4)


def flags(seed: int) -> dict[str, np.ndarray]:
    drawn = np.random.default_rng(seed)
    return {name: drawn.random((BARS, ASSETS)) < share for name, share in (
        ("entries", 0.1), ("exits", 0.1), ("short_entries", 0.05), ("short_exits", 0.1)
    )}  # fmt: skip


def risks(seed: int) -> dict[str, np.ndarray | float]:
    drawn = np.random.default_rng(seed)
    return {"stop_loss": drawn.uniform(0.01, 0.1, (BARS, ASSETS)), "take_profit": 0.05}


def part_signals(columns: np.ndarray, bars: int, *, seed: int = 1) -> Signals:
    """The signals of the part, packed from its own flags."""
    cut = {name: np.asfortranarray(values[:bars, columns]) for name, values in flags(seed).items()}
    stop = risks(seed)["stop_loss"]
    rank = np.arange(BARS * ASSETS, dtype=float).reshape(BARS, ASSETS)[:bars, columns]
    return pack_signals(cut, {"stop_loss": stop[:bars, columns], "take_profit": 0.05}, rank=rank, cooldown=2)


def whole_signals(seed: int = 1) -> Signals:
    return part_signals(np.arange(ASSETS), BARS, seed=seed)


@pytest.mark.parametrize(("columns", "bars"), [([1, 4, 5, 11], BARS), (range(ASSETS), 100), ([0, 7], 128), ([3], 1)])
def test_cut_signals_are_those_packed_from_the_part(columns, bars):
    columns = np.array(columns)
    found, wanted = cut_signals(whole_signals(), columns, bars), part_signals(columns, bars)
    assert (found.bars, found.assets, found.cooldown, found.take_profit) == (bars, len(columns), 2, 0.05)
    for name in ("entries", "exits", "short_entries", "short_exits", "stop_loss", "rank"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


def test_what_is_absent_stays_absent():
    plain = pack_signals({"entries": flags(1)["entries"]}, {})
    found = cut_signals(plain, np.array([2, 3]), 90)
    assert (found.exits, found.stop_loss, found.rank) == (None, None, None)
    np.testing.assert_array_equal(unpack_bits(found.entries, 90), flags(1)["entries"][:90, [2, 3]])


def test_assets_on_their_own_do_as_they_do_among_all(bed):
    part = part_of(bed, is_joint=False)
    assert part is not None
    assert part.told == "5 of 12 assets"
    outcomes = part.outcomes([whole_signals(1), whole_signals(2)], Room(part.market.window.bars))
    for row in range(2):
        among_all = simulate_signals(bed.market, whole_signals(row + 1), bed.costs)
        np.testing.assert_array_equal(outcomes.sums[row], among_all.sums[part.columns])


def test_joint_scenarios_are_seen_on_their_first_bars(bed):
    part = part_of(bed, is_joint=True)
    assert part is not None
    assert part.told == "its first 99 of 330 bars"
    outcomes = part.outcomes([whole_signals()], Room(part.market.window.bars))
    whole = simulate_signals(bed.market, whole_signals(), bed.costs)
    days = len(part.market.day_ends) - 1  # the last day of the part is cut short
    np.testing.assert_array_equal(outcomes.daily_equity[0, :days], whole.daily_equity[:days])


def test_shared_cash_is_joint_whatever_the_strategy_is(bed):
    account = prepare(bed.market.panel, bed.market.window, bed.costs, SharedCash(3, 0.3))
    part = part_of(account, is_joint=False)
    assert part is not None
    assert part.market.window.bars == 99
    shared = part.outcomes([whole_signals()], Room(99))
    among_all = simulate_signals(bed.market, whole_signals(), bed.costs, SharedCash(3, 0.3))
    days = len(part.market.day_ends) - 1
    np.testing.assert_array_equal(shared.daily_equity[0, :days], among_all.daily_equity[:days])


def test_a_small_market_is_seen_whole_at_once(bed, monkeypatch):
    monkeypatch.setattr(first_look, "LEAST_ASSETS", ASSETS + 1)
    monkeypatch.setattr(first_look, "LEAST_BARS", BARS + 1)
    assert part_of(bed, is_joint=False) is None
    assert part_of(bed, is_joint=True) is None
