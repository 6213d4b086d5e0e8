"""Draws of random entry times: as many trades, held as long; who knows the future beats them all, who knows nothing does not."""

import numpy as np
import pytest

from engine.analysis import random_entries as module
from engine.analysis.random_entries import random_entries
from engine.backtest.simulation import open_market, simulate_trades
from engine.records import Costs, SharedCash, Signals, Window
from engine.strategy.packing import pack_signals
from tests.markets import panel_of, random_bars

COSTS = Costs()


def market_of(seed: int, bars: int = 1_200, assets: int = 4, missing: float = 0.0):
    panel = panel_of(random_bars(np.random.default_rng(seed), bars, assets, missing=missing))
    return open_market(panel, Window("train", 0, bars))


def drawn(signals: Signals, market, monkeypatch: pytest.MonkeyPatch) -> list[Signals]:
    """The draws themselves."""
    kept: list[Signals] = []
    own = module.simulate_batch
    monkeypatch.setattr(module, "simulate_batch", lambda m, batch, *more: kept.extend(batch) or own(m, batch, *more))
    random_entries(signals, simulate_trades(market, signals, COSTS)[1], market, COSTS, n=10, seed=1)
    return kept[1:]


@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_each_draw_trades_as_often_on_each_side_of_each_asset_and_holds_as_long(monkeypatch, missing):
    market, rng = market_of(1, missing=missing), np.random.default_rng(2)
    flags = {"entries": rng.random((1_200, 4)) < 0.01, "short_entries": rng.random((1_200, 4)) < 0.005}
    own = pack_signals(flags, {"stop_loss": 0.04, "size": 0.5}, max_bars=9)
    wanted = simulate_trades(market, own, COSTS)[1]
    wanted["held"] = wanted["bars_held"].clip(lower=1)
    starts = set()
    for signals in drawn(own, market, monkeypatch):
        found = simulate_trades(market, signals, COSTS)[1]
        starts.add(tuple(found["entry_bar"]))
        for symbol, of in wanted.groupby("symbol"):
            ours = found[found["symbol"] == symbol]
            assert sorted(ours["direction"]) == sorted(of["direction"])
            if missing:  # a bar before a missing one, which no entry can be decided on, is held and not counted
                assert ours["bars_held"].sum() == pytest.approx(of["held"].sum(), rel=0.1)
            else:
                assert sorted(ours["bars_held"]) == sorted(of["held"])
        assert (found["quantity"] * found["entry_price"]).max() < 0.7  # half of a sleeve, as its own
    assert len(starts) == 10


def test_sizes_go_with_their_trades(monkeypatch):
    market, rng = market_of(3), np.random.default_rng(4)
    sizes = np.where(rng.random((1_200, 4)) < 0.5, 0.1, 1.0)
    own = pack_signals({"entries": rng.random((1_200, 4)) < 0.01}, {"size": sizes}, max_bars=5)
    counted = np.sort(own.size)
    for signals in drawn(own, market, monkeypatch):
        taken = simulate_trades(market, own, COSTS)[1]
        assert len(signals.size) == len(taken) <= len(counted)
        assert set(np.unique(signals.size)) == {0.1, 1.0}


def test_who_knows_the_next_bars_beats_all_draws_and_who_knows_nothing_about_half():
    close = market_of(5).panel.close
    ahead = np.zeros(close.shape, bool)
    ahead[:-6] = close[6:] > close[:-6] * 1.03
    market = market_of(5)
    own = pack_signals({"entries": ahead}, {}, max_bars=5)
    assert random_entries(own, simulate_trades(market, own, COSTS)[1], market, COSTS, n=60, seed=1)[0].beaten == 1.0
    shares = []
    for seed in range(16):
        market, rng = market_of(seed, bars=700), np.random.default_rng(100 + seed)
        own = pack_signals({"entries": rng.random((700, 4)) < 0.02}, {"stop_loss": 0.05, "take_profit": 0.05}, max_bars=12)
        shares.append(random_entries(own, simulate_trades(market, own, COSTS)[1], market, COSTS, n=60, seed=seed)[0].beaten)
    assert 0.3 < np.mean(shares) < 0.7
    assert np.std(shares) > 0.1


def test_draws_are_no_calmer_than_a_strategy_that_enters_all_assets_at_once():
    shares = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        together = random_bars(rng, 900, 1).repeat(8, axis=1) * np.exp(rng.normal(0, 0.002, (900, 8)))[:, :, None]
        market = open_market(panel_of(together), Window("train", 0, 900))
        own = pack_signals({"entries": np.repeat(rng.random((900, 1)) < 0.04, 8, axis=1)}, {}, max_bars=4)
        trades = simulate_trades(market, own, Costs(0.004))[1]
        shares.append(random_entries(own, trades, market, Costs(0.004), n=40, seed=seed)[0].beaten)
    assert 0.25 < np.mean(shares) < 0.75  # entered each by itself, all draws would have a lower Sharpe ratio: costs alone, calmly


def test_equal_seeds_give_equal_draws_also_of_an_account():
    market = market_of(6)
    own = pack_signals({"entries": np.random.default_rng(7).random((1_200, 4)) < 0.02}, {}, max_bars=5)
    for shared in (None, SharedCash(2, 0.5)):
        trades = simulate_trades(market, own, COSTS, shared)[1]
        one, same, other = (
            random_entries(own, trades, market, COSTS, n=20, seed=seed, shared_cash=shared)[0].twins for seed in (1, 1, 2)
        )
        assert (one == same).all()
        assert (one != other).any()


def test_whoever_has_no_other_times_is_told_so():
    market, always = market_of(8), np.ones((1_200, 4), bool)
    churning = pack_signals({"entries": always}, {"stop_loss": 1e-5})
    nobody = pack_signals({"entries": ~always}, {})
    for own, told in ((churning, "so often"), (nobody, "no trades")):
        found, reason = random_entries(own, simulate_trades(market, own, COSTS)[1], market, COSTS, n=5, seed=1)
        assert told in reason
        assert np.isnan(found.beaten)
    holder = pack_signals({"entries": always}, {})
    found, reason = random_entries(holder, simulate_trades(market, holder, COSTS)[1], market, COSTS, n=20, seed=1)
    assert not reason
    assert found.beaten <= 0.9  # to buy and hold is no timing
