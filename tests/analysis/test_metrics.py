"""Figures against values worked out by hand, against plain pandas on the trades, and against what must never change them."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from engine.analysis.metrics import asset_table, daily_returns, portfolio_table, sharpe, sortino
from engine.backtest import kernel
from engine.backtest.simulation import Market, Simulation, open_market, simulate_trades
from engine.backtest.sweep import hold_outcomes, outcomes_of
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.market.bars import FIELDS, Panel
from engine.records import Costs, Signals, Window
from engine.strategy.packing import BITS, pack_signals
from tests.markets import panel_of, random_bars, whole

FREE = Costs(0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Run:
    """One scenario with all that is said of it."""

    market: Market
    simulation: Simulation
    trades: pd.DataFrame
    figures: pd.Series
    assets: pd.DataFrame


def run(panel: Panel, signals: Signals, costs: Costs, window: Window | None = None) -> Run:
    market = open_market(panel, window or Window("all", 0, panel.bars))
    simulation, trades = simulate_trades(market, signals, costs)
    outcomes, hold = outcomes_of([simulation], market), hold_outcomes(market, costs)
    figures = portfolio_table(outcomes, market, hold).iloc[0]
    return Run(market, simulation, trades, figures, asset_table(outcomes, 0, market, hold))


def eventful_market(seed: int, *, bars: int = 400, assets: int = 5) -> tuple[Panel, dict[str, np.ndarray]]:
    """Hourly bars with holes, a late asset, one that leaves the market; and random decisions on both sides."""
    rng = np.random.default_rng(seed)
    prices = random_bars(rng, bars, assets, missing=0.03)
    prices[: bars // 3, 1] = prices[bars // 2 :, 2] = np.nan
    return panel_of(prices), {name: rng.random((bars, assets)) < 0.08 for name in BITS}


RISKS = {"stop_loss": 0.03, "take_profit": 0.05, "size": 0.6}


@pytest.fixture(params=range(4))
def eventful(request: pytest.FixtureRequest) -> Run:
    """A run with stops, targets, shorts, delisting and open positions."""
    panel, flags = eventful_market(request.param)
    flags["entries"][-3:] = flags["entries"][190:200, 2] = True
    calm = np.full((400, 5), RISKS["stop_loss"])
    for frame in (flags["exits"], flags["short_entries"]):
        frame[190:200, 2] = False
    calm[190:200, 2] = 0.5  # S2 is held when it leaves the market
    return run(panel, pack_signals(flags, RISKS | {"stop_loss": calm}), Costs(), Window("w", 0, 400))


def bar(opened: float, close: float) -> list[float]:
    return [opened, max(opened, close), min(opened, close), close]


# --- by hand -------------------------------------------------------------------------------------------------------------


def test_sharpe_and_sortino_of_a_known_series() -> None:
    returns = np.array([0.01, -0.01, 0.02, 0.0])  # mean 0.005, squared deviations sum to 5e-4, squared losses to 1e-4
    assert sharpe(returns, 365) == pytest.approx(np.sqrt(0.15 * 365), rel=1e-12)
    assert sharpe(returns, 252) == pytest.approx(np.sqrt(0.15 * 252), rel=1e-12)
    assert sortino(returns, 365) == pytest.approx(np.sqrt(0.75 * 365), rel=1e-12)


def test_ratios_are_taken_along_the_last_axis() -> None:
    rows = np.random.default_rng(1).normal(0, 0.01, (3, 2, 50))
    for ratio in (sharpe, sortino):
        np.testing.assert_allclose(ratio(rows, 365)[2, 1], ratio(rows[2, 1], 365), rtol=1e-12)


@pytest.mark.parametrize("returns", [[0.0] * 9, [0.01] * 9, [-0.1 / 3] * 7, [0.02], []])
def test_sharpe_without_variance_is_not_computed(returns: list[float]) -> None:
    assert np.isnan(sharpe(np.array(returns), 365))


@pytest.mark.parametrize("returns", [[0.0] * 9, [0.01, 0.02, 0.0], [-0.02], []])
def test_sortino_without_a_losing_day_is_not_computed(returns: list[float]) -> None:
    assert np.isnan(sortino(np.array(returns), 365))


def test_daily_returns_begin_at_the_capital_and_are_zero_once_all_is_lost() -> None:
    np.testing.assert_allclose(daily_returns(np.array([1.1, 0.55, 0.0, 0.0])), [0.1, -0.5, -1.0, 0.0], rtol=1e-12)


def test_growth_figures_of_a_path_worked_out_by_hand() -> None:
    daily = [bar(100, 100), bar(100, 110), bar(110, 99), bar(99, 108.9)]
    panel = panel_of(np.array(daily)[:, None], bar_s=86_400)
    found = run(panel, pack_signals({"entries": np.array([[1], [0], [0], [0]], bool)}, {}), FREE).figures
    annual = 1.089 ** (365 / 4) - 1  # equity 1, 1.1, 0.99, 1.089: daily returns 0, 0.1, -0.1, 0.1
    wanted = {
        "total_return": 0.089, "annual_return": annual, "max_drawdown": -0.1, "calmar": annual / 0.1,
        "sharpe": np.sqrt(0.000625 * 3 / 0.0275 * 365), "sortino": np.sqrt(0.000625 * 3 / 0.01 * 365),
        "exposure": 0.75, "max_exposure": 1.0, "largest_position_share": 1.0, "turnover": 1.0, "fees": 0.0,
        "trades": 0, "trades_with_open": 1, "open_positions": 1, "assets_traded": 1, "assets_listed": 1,
        "win_rate_with_open": 1.0, "expectancy_with_open": 0.089, "average_pnl_with_open": 0.089,
        "buy_and_hold_return": 0.089, "buy_and_hold_max_drawdown": -0.1,
    }  # fmt: skip
    assert {k: found[k] for k in wanted} == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert found[["win_rate", "profit_factor", "profit_factor_with_open", "expectancy", "sqn", "sqn_with_open"]].isna().all()


def chain() -> Panel:
    """S0 opens at 100, 110, 104.5 and 125.4 on bars 1 to 4; S1 opens at 100 on bar 4 and closes at 90 on bar 5."""
    first = [bar(100, 100), bar(100, 110), bar(110, 104.5), bar(104.5, 125.4), bar(125.4, 125.4), bar(125.4, 125.4)]
    second = [bar(100, 100)] * 4 + [bar(100, 95), bar(95, 90)]
    return panel_of(np.array([first, second]).transpose(1, 0, 2))


def test_trade_figures_worked_out_by_hand_in_both_forms() -> None:
    entries = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0]], bool).T
    found = run(chain(), pack_signals({"entries": entries}, {}, max_bars=1), FREE).figures
    pnl = [0.1, -0.055, 0.209]  # of capital 1, 1.1 and 1.045
    closed = {
        "trades": 3 + 1, "win_rate": 2 / 4, "profit_factor": 0.309 / 0.105, "expectancy": (0.1 - 0.05 + 0.2 - 0.05) / 4,
        "average_pnl": 0.204 / 4, "sqn": 2 * 0.051 / np.std([*pnl, -0.05], ddof=1),
    }  # fmt: skip
    assert {k: found[k] for k in closed} == pytest.approx(closed, rel=1e-9)
    still_open = pack_signals({"entries": entries}, {"take_profit": 0.5}, max_bars=None)
    one = run(chain(), replace(still_open, entries=still_open.entries * np.array([[0], [1]], np.uint64)), FREE).figures
    assert one["trades"] == 0
    assert np.isnan(one["win_rate"])
    wanted = {"trades_with_open": 1, "win_rate_with_open": 0.0, "profit_factor_with_open": 0.0, "expectancy_with_open": -0.1}
    assert {k: one[k] for k in wanted} == pytest.approx(wanted, rel=1e-12)


def test_an_open_position_is_valued_at_the_last_close_less_exit_costs() -> None:
    entries = np.zeros((6, 2), bool)
    entries[3, 1] = True
    found = run(chain(), pack_signals({"entries": entries}, {}), Costs(0.01, 0.02))
    price_in, price_out = 100 * 1.02, 90 * 0.98
    assert found.figures["average_pnl_with_open"] == pytest.approx(price_out * 0.99 / (price_in * 1.01) - 1, rel=1e-12)
    assert found.figures["total_return"] == pytest.approx((90 / (price_in * 1.01) - 1) / 2, rel=1e-12)  # marked, not sold
    assert found.figures["fees"] == pytest.approx(0.01 / 1.01 / 2, rel=1e-12)  # none paid for an exit that has not been


def test_open_positions_of_several_assets_are_a_trade_each_and_not_one_netted_trade() -> None:
    entries = np.array([[1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]], bool).T
    found = run(chain(), pack_signals({"entries": entries}, {}), FREE).figures
    wanted = {
        "trades_with_open": 2, "win_rate_with_open": 0.5, "profit_factor_with_open": 0.254 / 0.1,
        "sqn_with_open": np.sqrt(2) * 0.077 / np.std([0.254, -0.1], ddof=1),
    }  # fmt: skip
    assert {k: found[k] for k in wanted} == pytest.approx(wanted, rel=1e-12)


def test_an_open_short_that_could_not_pay_its_exit_costs_is_worth_nothing_not_less() -> None:
    prices = np.array([bar(100, 100), bar(100, 100), bar(150, 199.5)])[:, None]  # a floor of 200 under a fee of 1 %
    flags = {"entries": np.zeros((3, 1), bool), "short_entries": np.array([[1], [0], [0]], bool)}
    found = run(panel_of(prices), pack_signals(flags, {}), Costs(0.01, 0.0)).figures
    assert found["open_positions"] == 1
    assert found["average_pnl_with_open"] == -1.0


def test_a_target_without_a_stop_wins_every_closed_trade_but_not_with_the_open_ones_counted() -> None:
    prices = random_bars(np.random.default_rng(2), 600, 8, step=0.01)
    found = run(panel_of(prices), pack_signals({"entries": np.ones((600, 8), bool)}, {"take_profit": 0.02}), Costs()).figures
    assert found["trades"] > 50
    assert found["win_rate"] == 1.0
    assert np.isnan(found["profit_factor"])
    assert found["win_rate_with_open"] < 1.0
    assert np.isfinite(found["profit_factor_with_open"])


def test_equal_trades_have_no_system_quality_number() -> None:
    prices = np.array([bar(100, 100)] * 40)[:, None]
    found = run(panel_of(prices), pack_signals({"entries": np.ones((40, 1), bool)}, {"size": 1e-9}, max_bars=1), Costs()).figures
    assert found["trades"] > 30
    assert np.isnan(found["sqn"])


def test_a_return_beyond_all_numbers_in_a_year_is_not_computed() -> None:
    prices = np.array([bar(1, 1), bar(1, 1), bar(1, 1e6), bar(1e6, 1e6)])[:, None]
    found = run(panel_of(prices), pack_signals({"entries": np.ones((4, 1), bool)}, {}), Costs()).figures
    assert found["total_return"] > 1e5
    assert np.isnan(found["annual_return"])
    assert np.isnan(found["calmar"])


@pytest.mark.parametrize("size", [4e-15, 2e-15, 1e-13])
def test_a_size_at_which_losses_round_to_nothing_has_no_ratio(size: float) -> None:
    """It made a Sharpe of 8 of a strategy that loses: stops of 1 % vanished in the cash, targets of 10 % did not."""
    panel = panel_of(random_bars(np.random.default_rng(3), 4_000, 1))
    entries = pack_signals({"entries": panel.close > panel.open}, {"stop_loss": 0.01, "take_profit": 0.1, "size": size})
    found = run(panel, entries, Costs()).figures
    assert found["trades"] > 500
    assert found["profit_factor"] < 0.5
    assert all(np.isnan(found[name]) for name in ("sharpe", "sortino", "calmar"))


# --- against the trades --------------------------------------------------------------------------------------------------


def plain_trade_figures(trades: pd.DataFrame) -> dict[str, float]:
    pnl = trades["pnl"]
    losses = -pnl[pnl <= 0].sum()
    return {
        "trades": len(trades), "win_rate": (pnl > 0).mean(), "expectancy": trades["return"].mean(), "average_pnl": pnl.mean(),
        "profit_factor": pnl[pnl > 0].sum() / losses if losses else np.nan, "sqn": np.sqrt(len(pnl)) * pnl.mean() / pnl.std(),
    }  # fmt: skip


def check_figures(found: pd.Series, wanted: dict[str, float]) -> None:
    assert found[list(wanted)].to_dict() == pytest.approx(wanted, rel=1e-9, abs=1e-12, nan_ok=True)


def closed_of(trades: pd.DataFrame) -> pd.DataFrame:
    return trades[trades["reason"] != "open"]


def test_portfolio_trade_figures_are_those_of_the_trades(eventful: Run) -> None:
    assert {"open", "delisted", "stop_loss", "take_profit", "reverse"} <= set(eventful.trades["reason"])
    check_figures(eventful.figures, plain_trade_figures(closed_of(eventful.trades)))
    counted = {f"{name}_with_open": value for name, value in plain_trade_figures(eventful.trades).items()}
    check_figures(eventful.figures, counted)


def test_asset_figures_are_those_of_the_assets_trades(eventful: Run) -> None:
    for symbol, row in eventful.assets.iterrows():
        trades = eventful.trades[eventful.trades["symbol"] == symbol]
        for form, part in (("", closed_of(trades)), ("_with_open", trades)):
            wanted = {f"{k}{form}": v for k, v in plain_trade_figures(part).items() if k not in ("average_pnl", "sqn")}
            check_figures(row, wanted)
        stopped = trades["reason"].isin(["stop_loss", "trailing_stop"]).sum()
        check_figures(row, {"stop_outs": stopped, "ambiguous_trades": trades["ambiguous"].sum()})


def held_values(found: Run) -> np.ndarray:
    """(bars, assets) value of what is held at each close, from trades and closes alone."""
    panel, window = found.market.panel, found.market.window
    close = pd.DataFrame(panel.close[window.start : window.stop]).ffill().to_numpy()
    out = np.zeros_like(close)
    for trade in found.trades.itertuples():
        asset = panel.symbols.index(trade.symbol)
        last = trade.exit_bar + (trade.reason == "open")
        out[trade.entry_bar : last, asset] = trade.quantity * close[trade.entry_bar : last, asset]
    return out


def test_exposure_turnover_and_fees_follow_from_the_trades(eventful: Run) -> None:
    trades, assets = eventful.trades, eventful.market.panel.assets
    held, capital = held_values(eventful), eventful.simulation.equity * assets
    sold = trades["quantity"] * trades["exit_price"] * (trades["reason"] != "open")
    fills = (trades["quantity"] * trades["entry_price"] + sold).sum()
    wanted = {
        "exposure": (held.sum(axis=1) / capital).mean(), "max_exposure": (held.sum(axis=1) / capital).max(),
        "largest_position_share": (held.max(axis=1) / capital).max(), "turnover": fills / assets,
        "fees": fills * 0.001 / assets, "ambiguous_trades": trades["ambiguous"].sum(),
        "open_positions": (trades["reason"] == "open").sum(), "assets_traded": trades["symbol"].nunique(),
    }  # fmt: skip
    check_figures(eventful.figures, wanted)
    exists = eventful.market.panel.exists
    assert eventful.assets["bars_held"].tolist() == ((held > 0) & exists).sum(axis=0).tolist()
    assert eventful.assets["bars"].tolist() == exists.sum(axis=0).tolist()


def test_trades_and_marks_add_up_to_the_final_equity(eventful: Run) -> None:
    trades = eventful.trades
    is_open = trades["reason"] == "open"
    last = pd.DataFrame(eventful.market.panel.close, columns=eventful.market.panel.symbols).ffill().iloc[-1]
    side = trades["direction"].map({"long": 1, "short": -1})
    paid = trades["quantity"] * trades["entry_price"]
    marked = side * (trades["quantity"] * trades["symbol"].map(last) - paid) - 0.001 * paid
    earned = trades["pnl"].where(~is_open, marked).groupby(trades["symbol"]).sum()
    assert is_open.any()
    check_figures(eventful.assets["pnl"], earned.to_dict())
    assert eventful.figures["total_return"] == pytest.approx(earned.sum() / eventful.market.panel.assets, rel=1e-9)
    assert eventful.simulation.equity[-1] == pytest.approx(1 + eventful.figures["total_return"], rel=1e-12)


def test_contributions_sum_to_the_total_return(eventful: Run) -> None:
    assert eventful.assets["contribution"].sum() == pytest.approx(eventful.figures["total_return"], rel=1e-9)


def test_every_figure_is_there_in_the_order_it_is_defined(eventful: Run) -> None:
    assert list(eventful.figures.index) == list(PORTFOLIO_FIGURES)
    assert list(eventful.assets.columns) == list(ASSET_FIGURES)


def test_drawdown_is_the_deepest_fall_of_equity_at_closes(eventful: Run) -> None:
    equity = pd.Series(eventful.simulation.equity)
    assert eventful.figures["max_drawdown"] == pytest.approx((equity / equity.cummax().clip(lower=1) - 1).min(), rel=1e-12)


def test_an_asset_that_never_trades_has_no_drawdown_and_no_sign_before_its_zero() -> None:
    found = run(chain(), pack_signals({"entries": np.zeros((6, 2), bool)}, {}), Costs()).assets["max_drawdown"]
    assert not np.signbit(found).any()
    assert (found == 0).all()


# --- what must not change them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_assets_changes_no_portfolio_figure(seed: int) -> None:
    panel, flags = eventful_market(seed)
    order = np.random.default_rng(seed).permutation(panel.assets)
    found = run(panel, pack_signals(flags, RISKS), Costs())
    turned = run(
        panel.select(tuple(panel.symbols[i] for i in order)),
        pack_signals({name: frame[:, order] for name, frame in flags.items()}, RISKS),
        Costs(),
    )
    pd.testing.assert_series_equal(found.figures, turned.figures, rtol=1e-9, atol=1e-9)
    pd.testing.assert_frame_equal(found.assets.sort_index(), turned.assets.sort_index(), rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_prices_in_another_unit_change_nothing(seed: int) -> None:
    panel, flags = eventful_market(seed)
    signals = pack_signals(flags, RISKS)
    doubled = replace(panel, **{name: np.asfortranarray(getattr(panel, name) * 2) for name in FIELDS})
    pd.testing.assert_series_equal(run(panel, signals, Costs()).figures, run(doubled, signals, Costs()).figures, check_exact=True)


@pytest.mark.parametrize("seed", range(3))
def test_higher_costs_never_raise_equity(seed: int) -> None:
    panel, flags = eventful_market(seed)
    for cheap, dear in ((Costs(0.0, 0.0), Costs(0.0, 0.002)), (Costs(), Costs(0.005)), (Costs(0.0), Costs(1e-6))):
        low, high = (run(panel, pack_signals(flags, {}), costs).simulation.equity for costs in (dear, cheap))
        assert (low <= high + 1e-12).all()
        assert low[-1] < high[-1]


@pytest.mark.parametrize("seed", range(3))
def test_later_bars_change_no_earlier_trade(seed: int) -> None:
    panel, flags = eventful_market(seed)
    for bars in (150, 300):  # 300: S2 has left the market before
        early = run(panel, pack_signals({k: v[:bars] for k, v in flags.items()}, RISKS), Costs(), Window("w", 0, bars))
        full = run(panel, pack_signals(flags, RISKS), Costs())
        wanted = full.trades[full.trades["exit_bar"] < bars].reset_index(drop=True)
        pd.testing.assert_frame_equal(closed_of(early.trades).reset_index(drop=True), wanted, check_exact=True)
        np.testing.assert_allclose(early.simulation.equity, full.simulation.equity[:bars], rtol=1e-12)


# --- days and years ------------------------------------------------------------------------------------------------------


def test_a_year_of_365_or_252_days_scales_the_ratios() -> None:
    panel, flags = eventful_market(1)
    crypto, stocks = (run(replace(panel, days_per_year=n), pack_signals(flags, {}), Costs()).figures for n in (365, 252))
    for name in ("sharpe", "sortino", "buy_and_hold_sharpe"):
        assert stocks[name] == pytest.approx(crypto[name] * np.sqrt(252 / 365), rel=1e-12)
    for figures, days in ((crypto, 365), (stocks, 252)):
        years = 400 / (24 * days)
        assert figures["annual_return"] == pytest.approx((1 + figures["total_return"]) ** (1 / years) - 1, rel=1e-12)
        assert figures["calmar"] == pytest.approx(figures["annual_return"] / -figures["max_drawdown"], rel=1e-12)


@pytest.mark.parametrize("start", [0, 13, 24])
def test_daily_returns_are_those_of_utc_days_wherever_the_window_starts(start: int) -> None:
    panel, flags = eventful_market(2)
    signals = pack_signals({k: v[start:] for k, v in flags.items()}, {})
    found = run(panel, signals, Costs(), Window("w", start, 400))
    times = pd.DatetimeIndex(panel.times_ns[start:], tz="UTC")
    daily = pd.Series(found.simulation.equity, times).resample("1D").last()
    returns = pd.concat([pd.Series([1.0]), daily]).pct_change().dropna()
    assert found.figures["sharpe"] == pytest.approx(returns.mean() / returns.std() * np.sqrt(365), rel=1e-9)
    downside = np.sqrt((returns.clip(upper=0) ** 2).sum() / (len(returns) - 1))
    assert found.figures["sortino"] == pytest.approx(returns.mean() / downside * np.sqrt(365), rel=1e-9)


def test_sums_of_the_kernel_have_a_column_each() -> None:
    panel, window = whole(chain())
    found = run(panel, pack_signals({"entries": np.ones((window.bars, 2), bool)}, {}), Costs())
    assert found.simulation.sums.shape == (2, kernel.SUMS)
    assert found.simulation.curves.shape == (3, window.bars)
