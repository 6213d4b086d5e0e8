"""Trades explained: planted truths are named first with their figures, chance is not, and odd runs are no trouble."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.explanation import Explanation, explain
from engine.analysis.names import names_for_model, names_for_people
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import open_market
from engine.records import Costs, Window
from engine.strategy.packing import pack_signals
from studies.planted_findings import TRUTHS, at_random, buys_falls, place_of, planted, unplanted
from tests.markets import panel_of, random_bars


@pytest.mark.parametrize("name", TRUTHS)
def test_a_planted_truth_is_named_first_or_second(name: str) -> None:
    truth = TRUTHS[name]
    found = planted(truth, 2)
    place = place_of(truth, found)
    assert place in (1, 2), [f.what for f in found.findings]
    finding = found.findings[place - 1]
    assert finding.n == finding.members.sum()
    assert finding.value == pytest.approx(found.table["pnl"].to_numpy()[finding.members].sum() / 30)
    assert finding.low < finding.value < finding.high
    overlap = (finding.members & truth.about(found)).sum() / truth.about(found).sum()
    assert overlap > 0.8


@pytest.mark.parametrize("trade", [at_random, buys_falls])
def test_nothing_is_named_where_nothing_is(trade) -> None:
    assert [f.what for seed in range(3) for f in unplanted(seed, trade).findings] == []


def result(bars: np.ndarray, entries: np.ndarray, **changes) -> Result:
    market = open_market(panel_of(bars), Window("train", 0, len(bars)))
    return run_signals(replace(pack_signals({"entries": entries}, {}), **changes), market, Costs())


def explained(found: Result) -> Explanation:
    return explain(found, names_for_people(found.market))


ODD = {
    "no trades": (lambda e: e & False, {}),
    "one trade": (lambda e: e & (np.cumsum(e, axis=0) == 1) & (np.arange(e.shape[1]) == 0), {"max_bars": 3}),
    "open trades only": (lambda e: e, {}),
    "every asset in one bar": (lambda e: (np.arange(len(e)) == 60)[:, None] & np.ones_like(e), {"max_bars": 5}),
    "an entry on every bar": (lambda e: np.ones_like(e), {"max_bars": 1}),
    "all stopped": (lambda e: e, {"stop_loss": 1e-4}),
    "all winners": (lambda e: e, {"take_profit": 0.004, "max_bars": 400}),
}


@pytest.mark.parametrize("assets", [1, 6])
@pytest.mark.parametrize("name", ODD)
def test_odd_runs_are_explained_without_a_finding_that_is_none(name: str, assets: int) -> None:
    choose, changes = ODD[name]
    rng = np.random.default_rng(4)
    bars = random_bars(rng, 700, assets, missing=0.05)
    found = explained(result(bars, choose(rng.random((700, assets)) < 0.05), **changes))
    assert found.table.empty == (name == "no trades")
    assert all(np.isfinite([f.value, f.q]).all() for f in found.findings)
    assert found.breakdowns["trades"].groupby(found.breakdowns["dimension"]).sum().le(len(found.table)).all()


def test_short_trades_are_told_from_long_ones() -> None:
    rng = np.random.default_rng(5)
    bars = random_bars(rng, 700, 4)
    market = open_market(panel_of(bars), Window("train", 0, 700))
    flags = {name: rng.random((700, 4)) < 0.05 for name in ("entries", "short_entries")}
    found = explained(run_signals(replace(pack_signals(flags, {}), max_bars=5), market, Costs()))
    sides = found.breakdowns[found.breakdowns["dimension"] == "direction"].set_index("what")["trades"]
    assert sides.to_dict() == found.table["direction"].map({"long": "longs", "short": "shorts"}).value_counts().to_dict()


def test_what_the_model_is_told_has_no_symbol_and_no_date() -> None:
    rng = np.random.default_rng(6)
    found = result(random_bars(rng, 700, 4), rng.random((700, 4)) < 0.05, max_bars=5)
    told = explain(found, names_for_model(found.market)).breakdowns["what"]
    assert not told.str.contains(r"S\d|20\d\d").any()
    assert told.str.contains("A002").any()


def test_cells_of_a_dimension_hold_each_trade_once_and_what_they_made() -> None:
    rng = np.random.default_rng(8)
    made = result(random_bars(rng, 900, 5), rng.random((900, 5)) < 0.05, max_bars=6)
    found = explained(made)
    for name, cells in found.breakdowns.groupby("dimension"):
        dimension = next(d for d in found.dimensions if d.name == name)
        known = dimension.codes >= 0
        assert cells["trades"].sum() == known.sum()
        assert cells["pnl"].sum() == pytest.approx(found.sample.pnl[known].sum(), abs=1e-12)
    after = found.breakdowns[~found.breakdowns["is_known_before"].astype(bool)]
    assert set(after["dimension"]) == {"bars_held", "gap", "market_during", "reason"}
    assert after["p"].isna().all()


def test_equal_results_and_seeds_are_explained_equally() -> None:
    first, second = planted(TRUTHS["loses on Mondays"], 4), planted(TRUTHS["loses on Mondays"], 4)
    pd.testing.assert_frame_equal(first.breakdowns, second.breakdowns)
    assert [(f.what, f.q) for f in first.findings] == [(f.what, f.q) for f in second.findings]
