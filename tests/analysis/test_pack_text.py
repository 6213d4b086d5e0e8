"""The text on trades: each line's figures worked out by hand, never longer than asked, for a model without symbols and dates."""

import re

import numpy as np
import pytest

from engine.analysis.explanation import explain
from engine.analysis.names import names_for_model, names_for_people
from engine.analysis.pack_text import MOST_CHARS, pack_text, tokens_in
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import open_market
from engine.market.bars import Panel
from engine.records import Costs, Window
from engine.strategy.packing import pack_signals
from tests.analysis.packs import SYMBOLS, known_panel, run_on
from tests.markets import panel_of

FREE = Costs(0.0, 0.0)


def flat_market(closes: list[list[float]]) -> Panel:
    """A bar opens at the close before it and touches nothing beyond its ends; one list an asset."""
    close = np.array(closes).T
    opened = np.vstack([close[:1], close[:-1]])
    return panel_of(np.stack([opened, np.maximum(opened, close), np.minimum(opened, close), close], axis=2))


def play(panel: Panel, entries: dict[int, list[int]], **risks: float) -> Result:
    flags = np.zeros((panel.bars, panel.assets), bool)
    for asset, bars in entries.items():
        flags[bars, asset] = True
    return run_signals(pack_signals({"entries": flags}, risks), open_market(panel, Window("train", 0, panel.bars)), FREE)


def told(result: Result, **options: int) -> str:
    return pack_text(explain(result, names_for_model(result.market)), result.market, **options)


def test_a_trade_is_told_with_what_asset_and_market_did_before_during_and_after() -> None:
    panel = flat_market([[100, 90, 90, 99, 110, 110], [100, 110, 100, 100, 90, 90]])
    # Decided at the close of bar 2 (asset 100 to 90; the mean of both assets by bar: 0 %, -4.5 %), filled at 90, target 108
    # inside bar 4 (by bar: 5 %, 0.6 %).
    text = told(play(panel, {0: [2]}, take_profit=0.2))
    assert "A000 long +20%, bar 4 of 6, take_profit after 1 bars" in text
    assert "asset -10% / +22% / +0.00%; market -4.5% / +5.6%" in text
    assert "TRADES on train: 1, P/L +10% of capital, won 100%" in text


def test_stop_outs_one_after_the_other_are_told_with_their_cost_and_what_the_market_did() -> None:
    fall = [100 * 0.9**i for i in range(9)]
    text = told(play(flat_market([fall, [100.0] * 9, [100.0] * 9]), {0: [0, 1, 2, 3]}, stop_loss=0.1))
    assert ": 1 with 4 trades, P/L -11% of capital" in text
    assert "most: 4 on A000 within 4 bars from bar 2 of 9, P/L -11%, asset -34%, market -13% meanwhile" in text
    assert "EXITS (number, won, P/L of capital): stop_loss 4, won 0.00%, P/L -11%" in text


def test_two_stop_outs_or_those_of_different_assets_are_no_sequence() -> None:
    fall = [100 * 0.9**i for i in range(9)]
    assert "each stopped out" not in told(play(flat_market([fall, fall]), {0: [0, 1], 1: [0, 1]}, stop_loss=0.1))


def test_an_hour_that_stops_many_assets_out_is_told() -> None:
    calm, fall = [100.0] * 9, [100.0] * 5 + [80.0] * 4
    text = told(play(flat_market([fall, fall, fall, calm]), {a: [1] for a in range(4)}, stop_loss=0.1))
    assert "hours in which 3 or more assets were stopped out at a loss: 1 with 3 trades, P/L -7.5% of capital" in text


@pytest.mark.parametrize("most", [200, 800, MOST_CHARS])
def test_it_is_never_longer_than_asked_and_ends_with_no_heading(most: int) -> None:
    text = told(run_on(known_panel()), most_chars=most)
    assert len(text) <= most
    assert not text.endswith(":")
    assert tokens_in(text) <= 1_500


def test_for_a_model_it_names_neither_symbol_nor_date_and_for_people_both() -> None:
    result = run_on(known_panel())
    assert not re.search(r"20\d\d-", told(result))
    assert not [s for s in SYMBOLS if s in told(result)]
    people = pack_text(explain(result, names_for_people(result.market)), result.market)
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", people)
    assert [s for s in SYMBOLS if s in people]
