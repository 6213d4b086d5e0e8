"""Twins: as many decisions, at other times; who knows the future beats them, who knows nothing does not."""

import numpy as np
import pytest

from engine.analysis.decisions import unpack_signals
from engine.analysis.twins import shifted, shifted_twins
from engine.backtest.simulation import open_market, simulate_trades
from engine.records import Costs, Window
from engine.strategy.packing import pack_signals
from tests.markets import panel_of, random_bars

FREE = Costs(0.0, 0.0)


@pytest.fixture(scope="module")
def market():
    panel = panel_of(random_bars(np.random.default_rng(1), 1_200, 4))
    return open_market(panel, Window("validation", 0, 1_200))


def signals_of(market, entries, **risks):
    return pack_signals({"entries": np.asfortranarray(entries)}, risks, max_bars=3)


def test_who_knows_the_next_bars_beats_all_twins(market):
    close = market.panel.close
    ahead = np.zeros(close.shape, bool)
    ahead[:-4] = close[4:] > close[:-4] * 1.01
    found = shifted_twins(signals_of(market, ahead), market, FREE, n=30, seed=2)
    assert found.beaten == 1.0


def test_who_knows_nothing_beats_about_half():
    rng, shares = np.random.default_rng(3), []
    for seed in range(12):
        panel = panel_of(random_bars(np.random.default_rng(seed), 800, 3))
        market = open_market(panel, Window("validation", 0, 800))
        shares.append(shifted_twins(signals_of(market, rng.random((800, 3)) < 0.05), market, FREE, n=20, seed=seed).beaten)
    assert 0.3 < np.mean(shares) < 0.7


def test_a_twin_trades_as_often_with_the_stops_of_its_entries(market):
    rng = np.random.default_rng(4)
    entries = np.zeros((1_200, 4), bool)
    entries[::40] = True
    stops = np.where(rng.random((1_200, 4)) < 0.5, 0.9, np.nan)  # NaN there means no entry
    own = signals_of(market, entries, stop_loss=stops)
    wanted = len(simulate_trades(market, own, FREE)[1])
    found = shifted_twins(own, market, FREE, n=1, seed=5)
    assert np.isfinite(found.twins).all()
    assert 0 < wanted < 120


def test_equal_seeds_give_equal_twins_and_others_others(market):
    own = signals_of(market, np.random.default_rng(6).random((1_200, 4)) < 0.02)
    one, same, other = (shifted_twins(own, market, FREE, n=10, seed=seed).twins for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_who_never_trades_beats_nobody_and_is_not_computed(market):
    found = shifted_twins(signals_of(market, np.zeros((1_200, 4), bool)), market, FREE, n=5)
    assert np.isnan(found.beaten)


def test_what_is_shifted_out_of_the_window_comes_in_again_only_where_it_wraps(market):
    entries, stops = np.zeros((1_200, 4), bool), np.random.default_rng(7).uniform(0.01, 0.1, (1_200, 4))
    entries[[0, 5, 1_199]] = True
    own = signals_of(market, entries, stop_loss=stops)
    for wraps, bars in ((True, [0, 1, 6]), (False, [1, 6])):
        found = unpack_signals(shifted(own, unpack_signals(own), 1, wraps=wraps))
        assert np.flatnonzero(found.flags["entries"][2]).tolist() == bars
        assert found.values["stop_loss"][2, [1, 6]].tolist() == stops[[0, 5], 2].tolist()
