"""What a strategy's own indicators said when its trades were decided is a way to tell trades apart like any other."""

import numpy as np
import pandas as pd

from engine.analysis.explanation import explain
from engine.analysis.names import names_for_people
from engine.backtest.portfolio import run_signals
from engine.backtest.simulation import open_market
from engine.records import Costs, Window
from engine.strategy.packing import pack_signals
from tests.markets import panel_of, random_bars


def test_an_indicator_that_decides_over_profit_and_loss_is_named() -> None:
    rng = np.random.default_rng(4)
    bars, assets = 6_000, 10
    prices = random_bars(rng, bars, assets, step=0.01)
    close = prices[:, :, 3]
    flags = {"entries": rng.random((bars, assets)) < 0.02}
    result = run_signals(pack_signals(flags, {}, max_bars=4), open_market(panel_of(prices), Window("train", 0, bars)), Costs())
    entry, asset = result.trades["entry_bar"].to_numpy(), [panel_of(prices).symbols.index(s) for s in result.trades["symbol"]]
    ahead = close[np.minimum(entry + 3, bars - 1), asset] / close[entry - 1, asset]  # an indicator that no one could have
    said = pd.DataFrame({"rsi(close, 14)": 100 * ahead, "idle(close)": rng.normal(size=len(entry))})
    found = explain(result, names_for_people(result.market), indicators=said)
    assert "rsi(close, 14)" in found.findings[0].what
    assert not [f for f in found.findings if "idle" in f.what]
    assert {"ta.rsi(close, 14)", "ta.idle(close)"} <= set(found.breakdowns["dimension"])
    assert found.rule is not None
    assert any("rsi(close, 14)" in words for words in found.rule.what)


def test_an_indicator_without_a_value_is_no_trouble() -> None:
    rng = np.random.default_rng(5)
    prices = random_bars(rng, 900, 3)
    flags = {"entries": rng.random((900, 3)) < 0.05}
    result = run_signals(pack_signals(flags, {}, max_bars=4), open_market(panel_of(prices), Window("train", 0, 900)), Costs())
    said = pd.DataFrame({"rsi(close, 14)": np.full(len(result.trades), np.nan)})
    found = explain(result, names_for_people(result.market), indicators=said)
    assert "ta.rsi(close, 14)" not in set(found.breakdowns["dimension"])
