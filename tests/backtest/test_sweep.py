"""A sweep: the same as single runs, on any number of slots, past failures, with buy and hold beside it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from engine.analysis.metrics import portfolio_table
from engine.backtest import kernel
from engine.backtest.portfolio import Result, run_strategy
from engine.backtest.simulation import open_market, simulate_signals
from engine.backtest.sweep import Outcomes, TestBed, outcomes_of, prepare, sweep
from engine.figures import PORTFOLIO_FIGURES
from engine.market.bars import Panel
from engine.records import Costs, Failure, Params, Signals, Window
from engine.settings import PROJECT_DIR, Limits
from engine.strategy.packing import pack_signals, unpack_bits
from engine.strategy.sandbox import Cancelled, SandboxPool
from tests.markets import panel_of, random_bars, whole

SOURCE = '''"""EMA cross on both sides."""
PARAMS = {"fast": (2, 10), "slow": (11, 40), "stop": (0.01, 0.05), "fail": [False, True]}


def signals(market, params, ta):
    if params["fail"]:
        raise ValueError("told to fail")
    fast, slow = ta.ema(market.close, params["fast"]), ta.ema(market.close, params["slow"])
    return {
        "entries": ta.crossed_above(fast, slow), "short_entries": ta.crossed_below(fast, slow),
        "stop_loss": params["stop"], "take_profit": 2 * ta.atr(market.high, market.low, market.close, 14) / market.close,
    }
'''
NEVER = "PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {'entries': market.close < 0}\n"
SETS: list[Params] = [
    {"fast": fast, "slow": slow, "stop": stop, "fail": False} for fast in (2, 5, 9) for slow in (11, 30) for stop in (0.01, 0.04)
]
ARRAYS = ("sums", "daily_equity", "curve")


@pytest.fixture(scope="module")
def bed() -> TestBed:
    """A window inside a panel, with lead-in, holes, a late asset, and one that leaves the market inside the window."""
    prices = random_bars(np.random.default_rng(11), 500, 5, missing=0.02)
    prices[:250, 1] = prices[400:, 2] = np.nan
    return prepare(panel_of(prices), Window("validation", 100, 450, lead_in=60), Costs())


@pytest.fixture(scope="module")
def pools() -> Iterator[dict[int, SandboxPool]]:
    made = {slots: SandboxPool(slots, Limits()) for slots in (1, 2)}
    yield made
    for pool in made.values():
        pool.close()


def run(pool: SandboxPool, sets: list[Params], bed: TestBed, *, source: str = SOURCE, **more) -> Outcomes:
    with ThreadPoolExecutor(pool.slots) as executor:
        return sweep(source, sets, bed, pool=pool, executor=executor, **more)


def check_equal(found: Outcomes, wanted: Outcomes) -> None:
    """Bit for bit."""
    assert found.failures == wanted.failures
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_every_row_of_a_sweep_equals_its_single_run(bed, pools):
    swept = run(pools[2], SETS, bed)
    for row, params in enumerate(SETS):
        single = run_strategy(SOURCE, params, bed, pool=pools[1])
        assert isinstance(single, Result)
        assert single.simulation.trades > 10
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(swept, name)[row], getattr(single.outcomes, name)[0])


def test_the_number_of_slots_changes_nothing(bed, pools):
    check_equal(run(pools[2], SETS, bed), run(pools[1], SETS, bed))


def test_long_only_takes_no_short_trade_and_keeps_the_long_entries(bed, pools):
    both = run_strategy(SOURCE, SETS[0], bed, pool=pools[1])
    long = run_strategy(SOURCE, SETS[0], bed, pool=pools[1], sides="long")
    assert set(both.trades["direction"]) == {"long", "short"}
    assert set(long.trades["direction"]) == {"long"}
    np.testing.assert_array_equal(long.signals.entries, both.signals.entries)


@pytest.mark.parametrize("slots", [1, 2])
def test_a_set_that_fails_leaves_an_empty_row_and_the_others_alone(bed, pools, slots):
    broken = [SETS[0] | {"fail": True}, SETS[1], SETS[2] | {"fail": True}, SETS[3]]
    found, whole_run = run(pools[slots], broken, bed), run(pools[slots], SETS[:4], bed)
    assert [f is None for f in found.failures] == [False, True, False, True]
    for failure in (found.failures[0], found.failures[2]):
        assert failure.kind == "error"
        assert "told to fail" in failure.message
        assert failure.line == 7
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name)[[1, 3]], getattr(whole_run, name)[[1, 3]])
        assert np.isnan(getattr(found, name)[[0, 2]]).all()
    table = portfolio_table(found, bed.market, bed.hold)
    assert table.loc[[0, 2]].isna().all(axis=None)
    assert list(table.columns) == list(PORTFOLIO_FIGURES)


def test_a_source_that_cannot_be_read_fails_every_set(bed, pools):
    found = run(pools[2], SETS[:3], bed, source="PARAMS = {}\ndef signals(:\n")
    assert [f.kind for f in found.failures] == ["syntax"] * 3
    assert np.isnan(found.sums).all()


def test_the_seed_strategy_that_buys_and_holds_earns_what_buy_and_hold_earns(bed, pools):
    source = (PROJECT_DIR / "data" / "strategies" / "buy_and_hold.py").read_text()
    panel, window = whole(bed.market.panel)
    entire = prepare(panel, window, Costs())
    found = portfolio_table(run(pools[1], [{}], entire, source=source), entire.market, entire.hold).iloc[0]
    held = portfolio_table(entire.hold, entire.market, entire.hold).iloc[0]
    for name in ("total_return", "sharpe", "max_drawdown"):
        assert found[name] == pytest.approx(held[name], rel=1e-12)
        assert found[f"buy_and_hold_{name.removeprefix('total_')}"] == held[name]
    assert found["trades_with_open"] == panel.assets


def test_buy_and_hold_is_bought_at_the_first_possible_open_and_valued_at_the_last_close():
    prices = random_bars(np.random.default_rng(5), 200, 3)
    prices[:50, 1] = np.nan  # listed late
    prices[120:, 2] = np.nan  # leaves the market
    panel = panel_of(prices)
    bed = prepare(panel, Window("train", 10, 180), Costs(0.001, 0.0005))
    paid = 1.0005 * 1.001
    wanted = [
        panel.close[179, 0] / (panel.open[11, 0] * paid),
        panel.close[179, 1] / (panel.open[51, 1] * paid),
        panel.close[119, 2] * 0.9995 * 0.999 / (panel.open[11, 2] * paid),
    ]
    np.testing.assert_allclose(bed.hold.sums[0, :, kernel.FINAL], wanted, rtol=1e-12)
    assert bed.hold.daily_equity[0, -1] == pytest.approx(np.mean(wanted), rel=1e-12)


@pytest.mark.parametrize("slots", [1, 2])
def test_a_sweep_told_to_stop_raises_cancelled_and_its_slots_work_on(bed, pools, slots):
    stop = Event()

    def halt(done: int) -> None:
        if done == 2:
            stop.set()

    with pytest.raises(Cancelled):
        run(pools[slots], SETS * 20, bed, progress=halt, cancelled=stop)
    check_equal(run(pools[slots], SETS[:2], bed), run(pools[1], SETS[:2], bed))


def test_progress_counts_every_scenario_once(bed, pools):
    told: list[int] = []
    run(pools[2], SETS, bed, progress=told.append)
    assert sorted(told) == list(range(1, len(SETS) + 1))


def test_a_strategy_that_never_trades_is_no_failure_and_stays_at_its_capital(bed, pools):
    found = run(pools[1], [{}], bed, source=NEVER)
    assert found.failures == (None,)
    assert (found.daily_equity == 1.0).all()
    assert found.curve.tolist() == [[0.0, 0.0, 0.0, 0.0]]
    figures = portfolio_table(found, bed.market, bed.hold).iloc[0]
    assert [figures[n] for n in ("trades", "trades_with_open", "total_return", "assets_traded", "turnover")] == [0] * 5
    assert figures[["sharpe", "sortino", "calmar", "win_rate", "profit_factor", "expectancy", "sqn", "average_pnl"]].isna().all()


def panel_with_ends() -> Panel:
    """100 bars: S0 to the end, S1 to row 70, S2 to row 40, S3 from row 60, S4 to the last row but missing before it."""
    prices = random_bars(np.random.default_rng(3), 100, 5)
    prices[71:, 1] = prices[41:, 2] = prices[:60, 3] = prices[80:99, 4] = np.nan
    return panel_of(prices)


@pytest.mark.parametrize(
    ("start", "stop", "wanted"),
    [
        (0, 100, [-1, 70, 40, -1, -1]),
        (20, 71, [-1, 50, 20, -1, -1]),  # the last row of the window counts
        (20, 70, [-1, -1, 20, -1, -1]),  # still listed behind the window
        (41, 100, [-1, 29, -1, -1, -1]),  # gone before it
        (40, 60, [-1, -1, 0, -1, -1]),
        (70, 95, [-1, 0, -1, -1, -1]),  # without a bar at the window's end, but not gone
    ],
)
def test_an_asset_is_delisted_where_its_bars_end_before_the_panel_does(start, stop, wanted):
    market = open_market(panel_with_ends(), Window("w", start, stop))
    assert market.delist_bars.tolist() == wanted
    assert market.listed_bars.tolist() == panel_with_ends().exists[start:stop].sum(axis=0).tolist()


def test_the_end_of_a_window_sells_nothing_and_the_end_of_an_asset_does():
    panel = panel_with_ends()
    entries = pack_signals({"entries": np.ones((51, 5), bool)}, {})
    sums = simulate_signals(open_market(panel, Window("w", 20, 71)), entries, Costs()).sums
    assert sums[:, kernel.TRADES].tolist() == [0, 1, 1, 0, 0]
    assert sums[:, kernel.IS_OPEN].tolist() == [1, 0, 0, 1, 1]


def test_signals_of_another_shape_than_the_window_are_refused():
    market = open_market(panel_with_ends(), Window("w", 20, 71))
    with pytest.raises(ValueError, match="51 x 5"):
        simulate_signals(market, pack_signals({"entries": np.ones((50, 5), bool)}, {}), Costs())


def test_days_end_at_the_last_bar_of_each_utc_day_even_if_the_window_starts_at_noon():
    market = open_market(panel_with_ends(), Window("w", 12, 60))  # hourly from 2022-01-01 00:00
    assert market.day_ends.tolist() == [11, 35, 47]


def test_outcomes_of_a_failure_are_nan_beside_the_figures_of_what_ran(bed):
    ran = simulate_signals(bed.market, pack_signals({"entries": np.ones((350, 5), bool)}, {}), bed.costs)
    found = outcomes_of([Failure("error", "no"), ran], bed.market)
    assert np.isnan(found.curve[0]).all()
    peak = np.maximum(np.maximum.accumulate(ran.equity), 1.0)
    assert found.curve[1, kernel.MAX_DRAWDOWN] == pytest.approx((ran.equity / peak - 1).min(), rel=1e-12)
    np.testing.assert_array_equal(found.daily_equity[1], ran.equity[bed.market.day_ends])


def test_entries_on_the_warm_up_are_masked():
    panel, flags = panel_with_ends(), {"entries": np.ones((100, 5), bool)}
    signals: Signals = pack_signals(flags, {}, max_bars=5)
    assert unpack_bits(signals.entries, 100).all()
    market = open_market(panel, Window("train", 0, 100, warm_up_bars=30))
    deployed = simulate_signals(market, signals, Costs()).curves[kernel.DEPLOYED]
    assert (deployed[:31] == 0).all()
    assert deployed[31] > 0
