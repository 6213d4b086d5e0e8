"""The pack: complete, short, computed from train alone, and without a word from which history could be recited."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.cost_section import cost_section
from engine.analysis.folds import fold_sharpes
from engine.analysis.sensitivity import sensitivity_section
from engine.analysis.statistics_pack import MOST_CHARS, statistics_pack
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import open_market
from engine.figures import PORTFOLIO_FIGURES
from engine.market.bars import FIELDS, Panel
from engine.records import Benchmarks, Costs, Window
from engine.strategy.packing import pack_signals
from tests.analysis.packs import SYMBOLS, TRAIN, figures_of, known_panel, material, parent_of, run_on
from tests.markets import panel_of

SECTIONS = ("PORTFOLIO", "BENCHMARKS", "FOLDS", "ASSETS", "TRADES", "PARAMETER SENSITIVITY", "COSTS")
FREE = Costs(0.0, 0.0)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return known_panel()


@pytest.fixture(scope="module")
def text(panel: Panel) -> str:
    return statistics_pack(**material(panel)).text


def with_other_future(panel: Panel, row: int) -> Panel:
    """The panel with every price and volume from that row on another; bars stay where they are."""
    rng = np.random.default_rng(99)
    factor = rng.uniform(0.2, 5.0, (panel.bars, 1))
    factor[:row] = 1.0
    return replace(panel, **{name: np.asfortranarray(getattr(panel, name) * factor) for name in FIELDS})


# --- the whole text -------------------------------------------------------------------------------------------------------


def test_every_section_is_there_in_order_and_trades_and_parameters_are_also_had_alone(panel: Panel, text: str) -> None:
    assert [next(s for s in SECTIONS if part.startswith(s)) for part in text.split("\n\n")] == list(SECTIONS)
    pack = statistics_pack(**material(panel))
    assert pack.trades.splitlines()[0] in pack.text
    assert pack.sensitivity in pack.text
    assert pack.trades.startswith("TRADES")
    assert pack.sensitivity.startswith("PARAMETER SENSITIVITY")


def test_every_portfolio_figure_is_told_and_trade_figures_count_open_positions(panel: Panel, text: str) -> None:
    for name, figure in PORTFOLIO_FIGURES.items():
        if name not in ("turnover", "fees"):
            assert figure.label.removesuffix(" (with open)") + " " in text, name
    given = material(panel)
    given["table"] = given["table"].assign(win_rate=0.987, win_rate_with_open=0.123)
    told = statistics_pack(**given).text
    assert "Win rate 12.3%" in told
    assert "98.7" not in told


def test_no_symbol_date_or_price_stands_in_the_text(panel: Panel, text: str) -> None:
    assert not [s for s in (*SYMBOLS, *(s.removesuffix("USD") for s in SYMBOLS), panel.name) if s in text]
    assert not re.search(r"20\d\d-|\d\d:\d\d|UTC|Jan|Feb|USD", text)
    trades = material(panel)["result"].trades
    prices = {f"{price:.2f}" for name in ("entry_price", "exit_price") for price in trades[name]}
    assert not prices & set(re.findall(r"\d+\.\d\d", text)) - {f"{x / 100:.2f}" for x in range(1_000)}
    assert all(int(a) < len(SYMBOLS) for a in re.findall(r"\bA(\d{3})\b", text))


@pytest.mark.parametrize("factor", [1 / 1024, 4096.0])
def test_price_levels_change_nothing(panel: Panel, text: str, factor: float) -> None:
    prices = {name: np.asfortranarray(getattr(panel, name) * factor) for name in FIELDS if name != "volume"}
    assert statistics_pack(**material(replace(panel, **prices))).text == text


def test_prices_behind_train_change_not_a_byte(panel: Panel, text: str) -> None:
    other = with_other_future(panel, TRAIN.stop)
    assert not np.array_equal(other.close, panel.close, equal_nan=True)
    assert statistics_pack(**material(other)).text == text
    assert statistics_pack(**material(with_other_future(panel, TRAIN.stop - 30))).text != text


def test_equal_runs_give_equal_packs(panel: Panel) -> None:
    assert statistics_pack(**material(panel)) == statistics_pack(**material(known_panel()))


def test_the_greatest_pack_stays_within_its_bound() -> None:
    rng = np.random.default_rng(2)
    bars, assets = 300, 120
    close = 100 * np.exp(np.cumsum(0.03 * rng.normal(size=(bars, 1)) + 0.02 * rng.normal(size=(bars, assets)), axis=0))
    close[60::50] *= 0.5  # everyone is stopped out at once
    opened = np.vstack([close[:1], close[:-1]])
    prices = np.stack([opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close], axis=2)
    prices[250:, :5] = np.nan
    panel = panel_of(prices)
    flags = {name: rng.random((bars, assets)) < 0.2 for name in ("entries", "exits", "short_entries", "short_exits")}
    risks = {"stop_loss": 0.04, "take_profit": 0.06, "trailing_stop": rng.choice([0.01, 0.5], (bars, assets))}
    result = run_signals(pack_signals(flags, risks, max_bars=4), open_market(panel, Window("train", 0, bars)), Costs())
    table, facts, daily = figures_of(result)
    params = [
        {f"a_very_long_parameter_name_that_says_everything_of_it_{k:02d}": rng.choice([1.5, -2e15]) for k in range(60)}
        | {f"and_a_choice_of_long_texts_with_a_name_as_long_{k:02d}": "x" * 90 + str(rng.integers(9)) for k in range(4)}
        for _ in range(200)
    ]
    huge = table * -1.23456789e11
    parent = parent_of(result)
    parent = replace(parent, figures=huge.iloc[0].to_dict(), assets=facts * -3.3e9, folds=(-1.2345e11,) * 4)
    text = statistics_pack(
        table=pd.concat([huge] * 200, ignore_index=True), values=rng.normal(0, 1e12, 200), params=params, best=7, result=result,
        assets=facts.assign(trades_with_open=2e6) * 7.7e9, daily=daily, benchmarks=Benchmarks(), parent=parent,
        objective="expectancy_with_open", min_trades=-(10**9),
    ).text  # fmt: skip
    assert len(result.trades["reason"].unique()) >= 8
    assert "parameters that matter less are left out" in text
    assert len(text) <= MOST_CHARS <= 4_500


def test_a_run_without_trades_or_parent_says_so() -> None:
    panel = known_panel()
    given = material(panel, has_parent=False)
    nothing = pack_signals({"entries": np.zeros((TRAIN.bars, panel.assets), bool)}, {})
    given["result"] = run_signals(nothing, open_market(panel, TRAIN), Costs())
    table, given["assets"], given["daily"] = figures_of(given["result"])
    given["table"], given["values"] = pd.concat([table] * 30, ignore_index=True), np.full(30, np.nan)
    text = statistics_pack(**given).text
    for said in ("TRADES on train: none", "none traded", "COSTS on train: none", "Win rate not computed"):
        assert said in text
    assert "parent" not in text
    assert "nan" not in text.lower()


def test_gaps_to_benchmarks_are_in_the_units_of_the_figure(panel: Panel) -> None:
    given = material(panel)
    figures = {"total_return": 0.25, "trades_with_open": 1_200.0, "assets_traded": 7.0, "win_rate_with_open": np.nan}
    given["table"] = given["table"].assign(**figures)
    text = statistics_pack(**given).text
    assert "BENCHMARKS: 1 of 4 met on train\nTotal return at least 100%: short by 75.0 points" in text
    assert "\nTrades at least 1000: met by 200\nAssets traded at least 100: short by 93\n" in text
    assert "Win rate over 50.0%: not computed, not met" in text


def test_changes_against_the_parent_run_are_counted_and_named_both_ways(panel: Panel) -> None:
    given = material(panel)
    before = given["assets"].copy()
    before["pnl"] += [0.0, 0.10, -0.30, 0.0, 0.20, -0.01, 0.0, 0.0]
    given["parent"] = replace(given["parent"], assets=before.iloc[::-1])  # in another order: joined by symbol
    line = next(s for s in statistics_pack(**given).text.splitlines() if s.startswith("P/L against the parent run"))
    assert "2 assets improved, 2 worsened, 4 unchanged" in line
    assert line.endswith("most improved A002 +30%, A005 +1.0%; most worsened A004 -20%, A001 -10%")


# --- folds ----------------------------------------------------------------------------------------------------------------


def test_folds_are_the_sharpe_of_each_quarter_of_days() -> None:
    daily = np.array([0.01, -0.01, 0.02, 0.0] + [0.0] * 4 + [0.01, -0.01, 0.02, 0.0] + [-0.01, 0.01, -0.02, 0.0])
    first, second, third, last = fold_sharpes(daily, 365)
    assert first == third == pytest.approx(np.sqrt(0.15 * 365))
    assert last == pytest.approx(-first)
    assert np.isnan(second)


def test_folds_take_every_day_once_and_in_order() -> None:
    daily = np.random.default_rng(4).normal(0, 0.01, 103)
    parts = [daily[a:b] for a, b in ((0, 26), (26, 52), (52, 78), (78, 103))]
    assert fold_sharpes(daily, 365) == pytest.approx([p.mean() / p.std(ddof=1) * np.sqrt(365) for p in parts])


# --- costs by hand --------------------------------------------------------------------------------------------------------


def flat_market(closes: list[list[float]]) -> Panel:
    """A bar opens at the close before it and touches nothing beyond its ends; one list an asset."""
    close = np.array(closes).T
    opened = np.vstack([close[:1], close[:-1]])
    return panel_of(np.stack([opened, np.maximum(opened, close), np.minimum(opened, close), close], axis=2))


def play(panel: Panel, entries: dict[int, list[int]], costs: Costs = FREE, **risks: float) -> Result:
    flags = np.zeros((panel.bars, panel.assets), bool)
    for asset, bars in entries.items():
        flags[bars, asset] = True
    return run_signals(pack_signals({"entries": flags}, risks), open_market(panel, Window("train", 0, panel.bars)), costs)


@pytest.mark.parametrize("seed", range(4))
def test_costs_are_what_the_same_fills_would_have_earned_without_them(seed: int) -> None:
    panel = known_panel(seed)
    free = run_on(panel, seed=seed, costs=FREE)
    told = cost_section(free)
    before, after = re.findall(r"P/L before costs (\S+) of capital, after (\S+);", told)[0]
    assert before == after
    paid = cost_section(run_on(panel, seed=seed, costs=Costs(0.002, 0.001)))
    before, after = (float(x) for x in re.findall(r"before costs (\S+)% of capital, after (\S+)%", paid)[0])
    assert before > after


def test_costs_of_one_trade_worked_out_by_hand() -> None:
    panel = flat_market([[100, 100, 150, 150, 150]])
    told = cost_section(play(panel, {0: [0]}, Costs(0.01, 0.02), take_profit=0.4))
    # In at 102 for 100, quantity 1 / (102 * 1.01); the target of 142.8 pays no slippage; fees 1 % of 244.8.
    quantity = 1 / (102 * 1.01)
    fees, gross = 0.01 * 244.8 * quantity, 42.8 * quantity
    assert f"before costs +{100 * gross:.0f}% of capital, after +{100 * (gross - fees - 2 * quantity):.0f}%" in told
    assert f"fees {100 * fees:.1f}% of capital, {100 * fees / gross:.1f}% of the gross profit" in told
    assert f"turnover {244.8 * quantity:.2f} x capital" in told


# --- parameters -----------------------------------------------------------------------------------------------------------


def sensitivity(values: list[float], params: list[dict], best: int, *, trades: float = 500.0) -> str:
    table = pd.DataFrame({"trades_with_open": np.full(len(values), trades)})
    return sensitivity_section(table, np.array(values), params, best, objective="sharpe", min_trades=100)


def test_a_parameter_that_decides_all_comes_first_with_its_thirds_and_its_edge() -> None:
    noise = [3, 1, 4, 1, 5, 9, 2, 6, 5]
    told = sensitivity([float(i) for i in range(9)], [{"idle": noise[i], "fast": 10 + i**2} for i in range(9)], 8)
    lines = told.splitlines()
    assert lines[2] == "fast: +1.00; 59 / 11; 74 of 10 to 74, AT THE HIGH EDGE"
    assert lines[3].startswith("idle: +0.5")
    assert "EDGE" not in lines[3]


def test_choices_show_their_medians() -> None:
    params = [{"average": name} for name in ("ema", "ema", "ema", "sma", "sma", "sma")]
    told = sensitivity([3.0, 4.0, 5.0, 0.0, 1.0, 2.0], params, 2)
    assert "average: correlation ratio 0.88; median by choice ema 4.00, sma 1.00; best set ema" in told


def test_without_an_objective_the_number_of_trades_stands_in_and_it_is_said() -> None:
    table = pd.DataFrame({"trades_with_open": np.arange(8.0)})
    params = [{"fast": i} for i in range(8)]
    told = sensitivity_section(table, np.full(8, np.nan), params, 7, objective="sharpe", min_trades=100)
    assert "0 with at least 100 trades; too few have a Sharpe ratio, so the number of trades stands in its place" in told
    assert "fast: +1.00" in told


@pytest.mark.parametrize(
    ("params", "said"), [([{}] * 9, "no parameters"), ([{"fast": 3}] * 9, "one value tried, 3")]
)  # fmt: skip
def test_what_cannot_be_told_is_said(params: list[dict], said: str) -> None:
    assert said in sensitivity([float(i) for i in range(9)], params, 0)


def test_scenarios_that_failed_are_counted_and_left_out() -> None:
    table = pd.DataFrame({"trades_with_open": [200.0] * 6 + [np.nan] * 2})
    values = np.array([0.0, 1, 2, 3, 4, 5, np.nan, np.nan])
    told = sensitivity_section(table, values, [{"fast": i} for i in range(8)], 5, objective="sharpe", min_trades=100)
    assert "8 scenarios, 2 failed, 6 with at least 100 trades" in told
    assert "over 6 scenarios" in told
