"""What a strategy's indicators said comes back in true units, from train alone, and from the cage as numbers only."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import talib

from engine.backtest.sweep import TestBed, prepare
from engine.records import Costs, Failure, Window
from engine.research.indicator_states import IndicatorStates, indicator_states
from engine.settings import Limits
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars

SOURCE = """
PARAMS = {"n": (5, 30)}


def signals(market, params, ta):
    slow = ta.ema(market.close, params["n"])
    strong = ta.rsi(market.close, 14) > 50
    wide = ta.bbands(market.close, 20, 2.0, 2.0).upperband
    ta.sma(market.volume, 5)
    ta.ema(market.close, params["n"])
    return {"entries": ta.crossed_above(market.close, slow) & strong & (wide > 0)}
"""


@pytest.fixture(scope="module")
def bed() -> TestBed:
    rng = np.random.default_rng(2)
    bars = random_bars(rng, 400, 5)
    return prepare(panel_of(bars, volume=rng.uniform(1, 9, bars.shape[:2])), Window("train", 0, 400), Costs())


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(1, Limits())
    yield made
    made.close()


CELLS = np.array([50, 120, 3, 399]), np.array([0, 4, 2, 1])


@pytest.fixture(scope="module")
def states(bed: TestBed, pool: SandboxPool) -> IndicatorStates:
    found = indicator_states(SOURCE, {"n": 10}, bed, *CELLS, pool=pool)
    assert isinstance(found, IndicatorStates), found
    return found


def at_cells(bed: TestBed, of) -> np.ndarray:
    panel = bed.market.panel
    return np.array([of(panel, int(asset))[bar] for bar, asset in zip(*CELLS, strict=True)])


def test_prices_volumes_and_plain_figures_come_in_true_units(bed: TestBed, states: IndicatorStates) -> None:
    wanted = {
        "ema(close, 10)": lambda p, a: talib.EMA(np.ascontiguousarray(p.close[:, a]), 10),
        "rsi(close, 14)": lambda p, a: talib.RSI(np.ascontiguousarray(p.close[:, a]), 14),
        "sma(volume, 5)": lambda p, a: talib.SMA(np.ascontiguousarray(p.volume[:, a]), 5),
    }
    labels = [label for label in states.values if not label.startswith(("bbands", "crossed"))]
    assert labels == list(wanted)
    for label, of in wanted.items():
        np.testing.assert_allclose(states.values[label], at_cells(bed, of), rtol=1e-9)
    assert [label.split("(")[0] for label in states.prices] == ["ema", "bbands", "bbands", "bbands"]


def test_prices_are_compared_across_assets_as_shares_of_the_close(bed: TestBed, states: IndicatorStates) -> None:
    panel, (bars, assets) = bed.market.panel, CELLS
    shares = states.comparable(panel, bars, assets)
    wanted = states.values["ema(close, 10)"] / panel.close[bars, assets] - 1
    pd.testing.assert_series_equal(shares["ema(close, 10)"], wanted, check_names=False)
    pd.testing.assert_series_equal(shares["rsi(close, 14)"], states.values["rsi(close, 14)"])


def test_only_train_is_told_of(bed: TestBed, pool: SandboxPool) -> None:
    other = prepare(bed.market.panel, Window("validation", 100, 400, lead_in=100), Costs())
    with pytest.raises(ValueError, match="wanted train"):
        indicator_states(SOURCE, {"n": 10}, other, *CELLS, pool=pool)


def test_a_strategy_that_fails_says_why_and_one_without_indicators_has_none(bed: TestBed, pool: SandboxPool) -> None:
    broken = indicator_states(SOURCE.replace("> 50", "> 50 / 0"), {"n": 10}, bed, *CELLS, pool=pool)
    assert isinstance(broken, Failure)
    assert broken.kind == "error"
    plain = 'PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {"entries": market.close > market.open}\n'
    none = indicator_states(plain, {}, bed, *CELLS, pool=pool)
    assert isinstance(none, IndicatorStates)
    assert none.values.empty


def test_a_strategy_cannot_put_in_values_of_its_own(bed: TestBed, pool: SandboxPool) -> None:
    for line in ('ta.calls.append(("x", market.close))', "ta.calls = []", 'setattr(ta, "calls", [])'):
        source = SOURCE.replace("    ta.sma(market.volume, 5)\n", f"    {line}\n")
        found = indicator_states(source, {"n": 10}, bed, *CELLS, pool=pool)
        assert isinstance(found, Failure)
        assert found.kind == "policy"
