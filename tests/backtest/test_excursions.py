"""MAE and MFE: what a plain walk over each trade's bars finds, and what the words promise."""

import numpy as np
import pytest

from engine.backtest.excursions import excursions
from engine.backtest.simulation import open_market, simulate_trades
from engine.records import Costs, Signals, Window
from engine.strategy.packing import pack_bits
from tests.markets import panel_of, random_bars


def traded(seed: int, *, missing: float = 0.03):
    """Random signals of both sides with stops, targets and a limit of bars, on a market in which one asset ends early."""
    rng = np.random.default_rng(seed)
    bars = random_bars(rng, 500, 4, missing=missing)
    bars[350:, 1] = np.nan
    market = open_market(panel_of(bars), Window("validation", 60, 480, lead_in=60))
    flags = [np.asfortranarray(rng.random((420, 4)) < share) for share in (0.1, 0.03, 0.1, 0.03)]
    signals = Signals(420, 4, *map(pack_bits, flags), stop_loss=0.06, take_profit=0.09, max_bars=40)
    return market, simulate_trades(market, signals, Costs())[1]


def walked(market, trade) -> tuple[float, float, int, int]:
    """Adverse, favourable and their bars, one bar after the other."""
    side = 1 if trade.direction == "long" else -1
    asset = market.panel.symbols.index(trade.symbol)
    adverse, favourable = (0.0, trade.entry_bar), (0.0, trade.entry_bar)
    for bar in range(trade.entry_bar, trade.exit_bar + 1):
        o, h, low, c = market.panel.by_bar[asset, market.window.start + bar]
        if np.isnan(c):
            continue
        prices = [low, h]
        if bar == trade.exit_bar:
            prices = [low, h, trade.exit_price] if trade.reason in ("open", "delisted") else [o, trade.exit_price]
        for gain in (side * (price / trade.entry_price - 1) for price in prices):
            if gain < adverse[0] - 1e-15:
                adverse = (gain, bar)
            if gain > favourable[0] + 1e-15:
                favourable = (gain, bar)
    return adverse[0], favourable[0], adverse[1], favourable[1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_equal_a_walk_over_each_trades_bars(seed: int) -> None:
    market, trades = traded(seed)
    found = excursions(market, trades)
    assert set(trades["reason"]) >= {"stop_loss", "take_profit", "exit_signal", "reverse"}
    for i, trade in enumerate(trades.itertuples()):
        adverse, favourable, adverse_bar, favourable_bar = walked(market, trade)
        assert found.adverse[i] == pytest.approx(adverse, abs=1e-12)
        assert found.favourable[i] == pytest.approx(favourable, abs=1e-12)
        if adverse < 0:
            assert found.adverse_bar[i] == adverse_bar - trade.entry_bar
        if favourable > 0:
            assert found.favourable_bar[i] == favourable_bar - trade.entry_bar


def test_a_return_before_fees_lies_between_them() -> None:
    market, trades = traded(7)
    found = excursions(market, trades)
    side = np.where(trades["direction"] == "long", 1, -1)
    gross = side * (trades["exit_price"] / trades["entry_price"] - 1).to_numpy()
    assert (found.adverse <= np.minimum(gross, 0) + 1e-12).all()
    assert (found.favourable >= np.maximum(gross, 0) - 1e-12).all()


def test_a_stop_is_its_own_worst_price_however_far_its_bar_fell_on() -> None:
    flat, crash = [100.0, 101.0, 99.0, 100.0], [100.0, 100.0, 50.0, 60.0]
    market = open_market(panel_of(np.array([[flat], [flat], [crash], [flat]])), Window("all", 0, 4))
    entries = np.zeros((4, 1), bool, order="F")
    entries[0] = True
    _, trades = simulate_trades(market, Signals(4, 1, pack_bits(entries), stop_loss=0.1), Costs(0.0, 0.0))
    found = excursions(market, trades)
    assert trades["reason"].tolist() == ["stop_loss"]
    assert found.adverse.tolist() == [pytest.approx(-0.1)]
    assert found.favourable.tolist() == [pytest.approx(0.01)]
    assert (found.adverse_bar.tolist(), found.favourable_bar.tolist()) == ([1], [0])


def test_no_trades_have_none() -> None:
    market, trades = traded(1)
    assert len(excursions(market, trades.iloc[:0]).adverse) == 0
