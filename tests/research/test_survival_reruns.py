"""What a strategy survives, run again: hand-made markets whose answer is known, wrong input with its reason, and equal bits."""

from typing import Any

import numpy as np
import pytest

from engine.analysis.survival import StressTest
from engine.backtest.sweep import TestBed, prepare
from engine.market.bars import Panel
from engine.market.demo import demo_market
from engine.market.planted import planted
from engine.market.splits import window_named
from engine.records import Costs, Failure, SharedCash, Window
from engine.research.evaluation import Evaluator
from engine.research.survival import SurvivalReport, survive
from engine.settings import PROJECT_DIR
from engine.strategy.params import complete_params
from tests.markets import panel_of, random_bars
from tests.research.small import ALWAYS_FAILS, NEVER_TRADES, without_volume
from tests.research.small import strategy as written

BARS, ASSETS = 1_500, 6
EVERY_DAY = written('return {"entries": market.hour == n, "max_bars": 12}')
STOPS = written('return {"entries": market.hour == n, "stop_loss": 0.01, "take_profit": 0.01, "max_bars": 20}')
NO_PARAMETERS = 'PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {"entries": market.hour == 7, "max_bars": 12}\n'
LATE = 'return {"entries": (market.hour == n).shift(1, fill_value=False), "max_bars": 12}'


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    return random_bars(np.random.default_rng(3), BARS, ASSETS, step=0.01)


def bed_of(panel: Panel, costs: Costs | None = None, shared_cash: SharedCash | None = None) -> TestBed:
    return prepare(panel, Window("train", 0, panel.bars), costs or Costs(), shared_cash)


def tried(evaluator: Evaluator, source: str, bed: TestBed, **params: Any) -> SurvivalReport:
    ranges = evaluator.ranges(source)
    assert not isinstance(ranges, Failure)
    found = survive(source, complete_params(ranges, params)[0], ranges, bed, evaluator)
    assert isinstance(found, SurvivalReport)
    return found


def named(found: SurvivalReport) -> dict[str, StressTest]:
    return {test.name: test for test in found.survival.tests}


def total(evaluator: Evaluator, source: str, bed: TestBed) -> float:
    ranges = evaluator.ranges(source)
    assert not isinstance(ranges, Failure)
    return float(evaluator.sweep(source, [complete_params(ranges, {})[0]], bed).table["total_return"][0])


def test_a_profit_that_hangs_on_one_asset_does_not_survive_without_it(evaluator: Evaluator, bars: np.ndarray) -> None:
    drift = np.where(np.arange(ASSETS) == 2, 0.004, -0.0005)
    lifted = bars * np.exp(drift * np.arange(BARS)[:, None])[:, :, None]
    found = tried(evaluator, EVERY_DAY, bed_of(panel_of(lifted)))
    without = named(found)["without_best_asset"]
    assert found.figures["total_return"] > 0
    assert "without S2" in without.sentence
    assert without.passed is False
    others = panel_of(lifted).select(tuple(f"S{i}" for i in range(ASSETS) if i != 2))
    assert without.value == pytest.approx(total(evaluator, EVERY_DAY, bed_of(others)), rel=1e-12)
    assert found.survival.verdict == "does not survive"


def test_each_rerun_is_the_backtest_that_one_would_make_oneself(evaluator: Evaluator, bars: np.ndarray) -> None:
    panel = panel_of(bars)
    found = tried(evaluator, EVERY_DAY, bed_of(panel))
    of = named(found)
    assert of["costs_doubled"].value == total(evaluator, EVERY_DAY, bed_of(panel, Costs(0.002, 0.001)))
    assert of["one_bar_late"].value == total(evaluator, written(LATE), bed_of(panel))
    assert of["neighbours_profitable"].sentence.startswith(("0.00% of 2", "50.0% of 2", "100% of 2"))
    assert found.scored == 1 + 2 + 2  # as it is, costs and delay, one step each way: it sets no target
    assert found.params == {"n": 8}


def test_ambiguous_trades_are_counted_and_targets_missed_by_a_slippage_are_lost(evaluator: Evaluator, bars: np.ndarray) -> None:
    found = tried(evaluator, STOPS, bed_of(panel_of(bars)))
    of = named(found)
    n = int(found.figures["ambiguous_trades"])
    assert n > 10
    assert f"in {n} of " in of["worst_order"].sentence
    assert of["worst_order"].value == found.figures["total_return"]
    assert of["strict_targets"].value is not None
    assert of["strict_targets"].value < found.figures["total_return"]


def test_equal_inputs_give_equal_figures_and_another_seed_other_draws(evaluator: Evaluator, bars: np.ndarray) -> None:
    bed, ranges = bed_of(panel_of(bars)), evaluator.ranges(EVERY_DAY)
    assert not isinstance(ranges, Failure)
    plain = [survive(EVERY_DAY, {"n": 8}, ranges, bed, evaluator, seed=s).plain() | {"wall_s": 0} for s in (1, 1, 2)]
    assert plain[0] == plain[1]
    assert [t["sentence"] for t in plain[0]["tests"]] != [t["sentence"] for t in plain[2]["tests"]]


def test_an_account_is_tried_as_one(evaluator: Evaluator, bars: np.ndarray) -> None:
    panel, account = panel_of(bars), SharedCash(2, 0.5)
    found = tried(evaluator, STOPS, bed_of(panel, shared_cash=account))
    best = next(s for s in panel.symbols if f"without {s}," in named(found)["without_best_asset"].sentence)
    assert not any(test.passed is None for test in found.survival.tests if test.name == "half_the_assets")
    assert best in panel.symbols
    assert found.scored > 20  # halves of an account have to be run


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("one asset", {"without_best_asset", "half_the_assets"}),
        ("no parameters", {"neighbours_profitable", "neighbours_median"}),
        ("no stop, no target", {"worst_order", "strict_targets"}),
        ("no volume", {"capacity"}),
        ("no costs", {"costs_doubled"}),
        ("short", {"random_entries", "regime_rising_and_wild"}),
        ("no trades", {"costs_doubled", "one_bar_late", "capacity", "sub_periods", "regime_rising_and_wild", "half_the_assets"}),
        ("holes", {"strict_targets"}),
    ],
)
def test_what_cannot_be_computed_says_why(evaluator: Evaluator, bars: np.ndarray, case: str, names: set[str]) -> None:
    panel, costs, source = panel_of(bars), Costs(), EVERY_DAY
    if case == "one asset":
        panel = panel_of(bars[:, :1])
    elif case == "no parameters":
        source = NO_PARAMETERS
    elif case == "no volume":
        panel = without_volume(panel, "silent")
    elif case == "no costs":
        costs = Costs(0.0, 0.0)
    elif case == "short":
        panel = panel_of(bars[:20])
    elif case == "no trades":
        source = NEVER_TRADES
    elif case == "holes":
        broken = bars.copy()
        broken[200:900, 1:4] = np.nan
        broken[np.random.default_rng(1).random((BARS, ASSETS)) < 0.1] = np.nan
        panel = panel_of(broken)
    of = named(tried(evaluator, source, bed_of(panel, costs)))
    assert len(of) == 18
    for name in names:
        assert of[name].passed is None
        assert of[name].value is None
        assert len(of[name].sentence) > 10
    for test in of.values():
        assert (test.value is None) == (test.passed is None)
        assert test.value is None or np.isfinite(test.value)


def test_a_strategy_that_fails_is_a_failure(evaluator: Evaluator, bars: np.ndarray) -> None:
    ranges = evaluator.ranges(ALWAYS_FAILS)
    assert not isinstance(ranges, Failure)
    found = survive(ALWAYS_FAILS, {"n": 8}, ranges, bed_of(panel_of(bars)), evaluator)
    assert isinstance(found, Failure)
    assert found.kind == "error"


def test_a_planted_edge_survives_and_what_trades_without_one_does_not(evaluator: Evaluator) -> None:
    def on_train(panel: Panel, folder: str, name: str) -> SurvivalReport:
        source = (PROJECT_DIR / "data" / folder / f"{name}.py").read_text()
        return tried(evaluator, source, prepare(panel, window_named(panel.bars, "train"), Costs()))

    edge = planted("reversion", 8.0, seed=2, bars=6_000)
    assert on_train(edge, "planted", "reversion").survival.verdict == "survives"
    nothing = demo_market("none", seed=2, edge=None, assets=12, bars=6_000)
    assert on_train(nothing, "planted", "reversion").survival.verdict == "does not survive"
    assert on_train(nothing, "strategies", "trend_ema_cross").survival.verdict == "does not survive"
