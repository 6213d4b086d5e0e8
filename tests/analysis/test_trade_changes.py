"""Two runs trade by trade: every trade of both is accounted for, and what the changes made sums to the runs' difference."""

import numpy as np
import pandas as pd
import pytest

from engine.analysis.trade_changes import KINDS, summed, trade_changes
from engine.backtest.portfolio import run_signals
from engine.backtest.simulation import open_market
from engine.records import Costs
from engine.strategy.packing import pack_signals
from tests.analysis.packs import TRAIN, known_panel, run_on


def test_every_trade_of_both_is_there_once_and_changes_sum_to_the_difference() -> None:
    before, after = run_on(known_panel(), stop=0.03), run_on(known_panel(), stop=0.02)
    changes = trade_changes(before.trades, after.trades)
    assert changes["pnl_before"].notna().sum() == len(before.trades)
    assert changes["pnl"].notna().sum() == len(after.trades)
    assert changes["change"].sum() == pytest.approx(after.trades["pnl"].sum() - before.trades["pnl"].sum())
    sums = summed(changes)
    assert sums["kind"].tolist() == list(KINDS)
    assert sums["trades"].sum() == len(changes)
    assert sums["change"].sum() == pytest.approx(changes["change"].sum())
    assert (changes.loc[changes["kind"] == "vanished", "pnl"].isna()).all()
    assert (changes.loc[changes["kind"] == "appeared", "pnl_before"].isna()).all()


def test_a_run_against_itself_has_nothing_but_the_same() -> None:
    trades = run_on(known_panel()).trades
    changes = trade_changes(trades, trades)
    assert set(changes["kind"]) == {"the same"}
    assert (changes["change"] == 0).all()


@pytest.mark.parametrize("which", ["first", "second", "both"])
def test_a_run_without_trades(which: str) -> None:
    panel = known_panel()
    none = run_signals(
        pack_signals({"entries": np.zeros((TRAIN.bars, panel.assets), bool)}, {}), open_market(panel, TRAIN), Costs()
    )
    some = run_on(panel)
    before, after = (none if which in (name, "both") else some for name in ("first", "second"))
    changes = trade_changes(before.trades, after.trades)
    wanted = {"first": "appeared", "second": "vanished", "both": None}[which]
    assert set(changes["kind"]) == ({wanted} if wanted else set())
    assert summed(changes)["trades"].sum() == len(changes)
    assert isinstance(changes, pd.DataFrame)
