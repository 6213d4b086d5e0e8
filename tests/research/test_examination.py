"""What a person is told of a strategy: evasions that once passed are refused, and what was not measured is not told."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.backtest.sweep import TestBed, prepare
from engine.records import Costs, Window
from engine.research.evaluation import Evaluator
from engine.research.examination import Examination, examine
from engine.settings import Limits
from engine.strategy.sandbox import SandboxPool
from tests.markets import panel_of, random_bars

BARS, ASSETS = 900, 6
CROSS = "return {'entries': ta.crossed_above(market.close, ta.sma(market.close, 3 + params['n'])), 'max_bars': 9}"
PEEK = "return {'entries': market.close.shift(-1) > market.close, 'max_bars': 5}"
GUARD = """prices = market.close.to_numpy()
    if np.nanmax(np.abs(np.log(prices[1:] / prices[:-1]))) > 0.15:
        raise ValueError('wild')"""


@pytest.fixture(scope="module")
def bed() -> TestBed:
    rng = np.random.default_rng(7)
    bars = random_bars(rng, BARS, ASSETS, step=0.012)
    panel = panel_of(bars, volume=1_000 * np.exp(rng.normal(0, 1, (BARS, ASSETS))))
    return prepare(panel, Window("train", 0, BARS), Costs())


@pytest.fixture(scope="module")
def told(bed: TestBed) -> Iterator[Callable[..., Examination]]:
    """What is told of a source with that range of `n` and those lines."""
    pool = SandboxPool(2, Limits())
    with ThreadPoolExecutor(2) as executor:
        evaluator = Evaluator(pool, executor)

        def examined(values: str, *lines: str) -> Examination:
            body = "\n    ".join(lines)
            source = f"import numpy as np\nPARAMS = {{'n': {values}}}\n\n\ndef signals(market, params, ta):\n    {body}\n"
            return examine(source, bed, evaluator)

        yield examined
        pool.close()


def kind_of(found: Examination) -> str | None:
    return found.failure and found.failure.kind


def test_a_leak_at_one_value_is_found_though_it_refuses_a_wild_market(told):
    guarded = f"    {GUARD}".replace("\n", "\n    ")
    found = told("(2, 30)", "if params['n'] == 17:", guarded, f"    {PEEK}", CROSS)
    assert kind_of(found) == "lookahead"
    assert "n = 17" in found.failure.message


def test_bar_numbers_are_found_though_a_wild_market_is_refused(told):
    rows = "rows = np.arange(len(market.close)) % 7 == 0"
    answer = "return {'entries': np.repeat(rows[:, None], market.close.shape[1], 1), 'max_bars': 3}"
    assert kind_of(told("(2, 3)", GUARD, rows, answer)) == "start_dependent"


def test_true_and_one_are_two_choices(told):
    found = told("[1, True, 5, 6, 7, 8, 9]", "if isinstance(params['n'], bool):", f"    {PEEK}", CROSS)
    assert kind_of(found) == "lookahead"


def test_the_measures_are_of_a_set_that_trades_where_the_default_does_not(told):
    found = told("(0, 30)", "if params['n'] == 15:", "    return {'entries': market.close < 0}", CROSS)
    assert found.is_accepted
    assert found.warm_up_bars is not None
    assert found.is_cross_sectional is False


def test_what_never_trades_has_no_measures(told):
    found = told("(0, 30)", "return {'entries': market.close < 0}")
    assert (kind_of(found), found.warm_up_bars, found.is_cross_sectional) == ("no_trades", None, None)


def test_a_leak_that_one_probe_shows_counts_for_more_than_a_failure_on_another(told):
    peek = "ahead = market.close.shift(-1)"
    fails = "if np.nanmin((market.close / market.close.shift(1)).to_numpy()) < 0.85:"
    found = told(
        "(2, 30)", peek, fails, "    raise ValueError('fell')", "return {'entries': ahead > market.close, 'max_bars': 5}"
    )
    assert kind_of(found) == "lookahead"
