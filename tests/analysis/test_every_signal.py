"""Champions: one decision of hundreds that looks ahead is found, near or far, and an honest strategy passes, memory or none."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.causality import Verdict, confirm
from engine.analysis.cuts import deciding_bars
from engine.analysis.decisions import unpack_signals
from engine.analysis.every_signal import EverySignal, _parted
from engine.analysis.look_ahead import Ground, Probe, Reruns
from engine.backtest.simulation import simulate_trades
from engine.backtest.sweep import TestBed, prepare, salt_of
from engine.records import Costs, Failure, Signals, Window
from engine.settings import Limits
from engine.strategy.packing import Digester
from engine.strategy.probe_windows import take_excerpt
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars

BARS, ASSETS = 1_200, 6
MIDDLE = """
    entries = ta.crossed_above(market.close, ta.sma(market.close, 20)).to_numpy(copy=True)
    middle = len(entries) // 2
    entries[middle] = {leak}.to_numpy()[middle]
    return {{"entries": entries, "take_profit": 0.002, "stop_loss": 0.05, "max_bars": 8}}
"""
LEAKS = {
    "whether there is a next bar": MIDDLE.format(leak="market.close.shift(-1).notna()"),
    "the sign of the next bar": MIDDLE.format(leak="(market.close.shift(-1) > market.close)"),
    "the sign of the next bar turned": MIDDLE.format(leak="(market.close.shift(-1) < market.close)"),
    "the volume three bars on": MIDDLE.format(leak="(market.volume.shift(-3) > market.volume)"),
    "a price far ahead": MIDDLE.format(leak="(market.close.shift(-370) > market.close)"),
}
HONEST = {
    "a crossing": """
    return {"entries": ta.crossed_above(market.close, ta.sma(market.close, 30)), "max_bars": 20}
""",
    "a sum over all of the past": """
    flow = (market.volume * (market.close > market.close.shift(1))).cumsum()
    return {"entries": flow > 1.02 * flow.shift(24), "max_bars": 12}
""",
    "a comparison of assets": """
    gain = market.close.pct_change(24)
    best = gain.rank(axis=1, ascending=False) <= 2
    return {"entries": best, "exits": ~best}
""",
}


def module(body: str) -> str:
    return "import numpy as np\n\nPARAMS = {}\n\n\ndef signals(market, params, ta):" + body


@pytest.fixture(scope="module")
def bed() -> TestBed:
    rng = np.random.default_rng(7)
    bars = random_bars(rng, BARS, ASSETS, step=0.012, missing=0.01)
    bars[:300, 3] = bars[900:, 5] = np.nan
    return prepare(panel_of(bars, volume=1_000 * np.exp(rng.normal(0, 1, (BARS, ASSETS)))), Window("train", 0, BARS), Costs())


@pytest.fixture(scope="module")
def runs(bed) -> Iterator["Runs"]:
    with ThreadPoolExecutor(2) as executor:
        pool = SandboxPool(2, Limits())
        yield Runs(bed, pool, executor)
        pool.close()


class Runs:
    """Strategies run and probed on one bed."""

    def __init__(self, bed: TestBed, pool: SandboxPool, executor: ThreadPoolExecutor) -> None:
        self.bed, self.pool, self.executor = bed, pool, executor

    def signals(self, source: str) -> Signals:
        (found,) = self.pool.signals(source, [{}], self.bed.data, salt=salt_of(source, self.bed.market.panel.data_hash))
        assert isinstance(found, Signals), found
        return found

    def every_signal(self, source: str, *, across: bool, warm_up: int | None) -> Probe | Failure | None:
        bed, signals = self.bed, self.signals(source)
        salt = salt_of(source, bed.market.panel.data_hash)
        reruns = Reruns(source, {}, pool=self.pool, executor=self.executor, sides="both", salt=salt, cancelled=None)
        trades = simulate_trades(bed.market, signals, bed.costs, None)[1]
        ground = Ground(take_excerpt(bed.market.panel, bed.market.window), unpack_signals(signals), "train")
        decided = deciding_bars(trades, bed.market.panel.symbols)
        return EverySignal(reruns, ground, decided, across, warm_up, seed=3).found()


@pytest.mark.parametrize("across", [False, True], ids=["by asset", "across assets"])
@pytest.mark.parametrize("leak", LEAKS)
def test_one_decision_that_looks_ahead_is_found(leak, across, runs):
    found = runs.every_signal(module(LEAKS[leak]), across=across, warm_up=60)
    assert isinstance(found, Probe)
    assert found.change.bar == BARS // 2


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_strategy_passes_whatever_it_remembers(name, runs):
    """Of the sum too short a memory is told."""
    assert runs.every_signal(module(HONEST[name]), across="assets" in name, warm_up=40) is None


def test_a_strategy_that_never_settles_is_cut_behind_each_decision(runs):
    assert runs.every_signal(module(HONEST["a crossing"]), across=False, warm_up=None) is None
    assert runs.every_signal(module(LEAKS["the sign of the next bar"]), across=False, warm_up=None) is not None


def test_a_champion_that_looks_ahead_at_one_rare_event_is_refused(runs):
    """As a campaign asks: the screening and the deep probes pass it, since the event is rare and no great trade hangs on it."""
    source = module("""
    entries = ta.crossed_above(market.close, ta.sma(market.close, 20))
    rare = market.volume == market.volume.rolling(300, min_periods=200).max()
    return {"entries": entries | (rare & (market.close.shift(-1) > market.close)), "max_bars": 8}
""")
    digest = Digester().digest(runs.signals(source))
    known = Verdict(None, is_cross_sectional=False)
    verdict = confirm(
        source, {}, digest, known, runs.bed, pool=runs.pool, executor=runs.executor, seed=3, k=None
    )  # fmt: skip
    assert verdict.failure is not None
    assert verdict.failure.kind == "lookahead"


@given(st.sets(st.integers(0, 5_000), min_size=1), st.integers(1, 500))
def test_parts_hold_every_bar_once_and_none_too_near(bars, apart):
    parts = _parted(np.array(sorted(bars)), apart)
    assert sorted(np.concatenate(parts).tolist()) == sorted(bars)
    assert all((np.diff(part) >= apart).all() for part in parts)
    densest = max(sum(bar <= other < bar + apart for other in bars) for bar in bars)
    assert len(parts) == densest
