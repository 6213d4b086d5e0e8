"""The figures of a backtest: their field names, labels, units, direction and definitions, in the order they are shown.

Trade figures come in two forms. The plain name counts closed trades only; `..._with_open` also counts each position that
is still open at the window's end, valued at the last close less exit costs. Scorecard, objective and trade floor use the
second form, else "target 2 %, no stop" would win all of its trades on a random walk.
"""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["fraction", "ratio", "count", "sleeve", "multiple", "bars"]


@dataclass(frozen=True)
class Figure:
    """One figure. `unit`: fraction (0.02 = 2 %), ratio, count, sleeve (share of one sleeve's capital), multiple, bars."""

    name: str
    label: str
    unit: Unit
    higher_is_better: bool | None
    definition: str


def _twins(name: str, label: str, unit: Unit, better: bool | None, definition: str) -> tuple[Figure, Figure]:
    return (
        Figure(name, label, unit, better, definition + " Closed trades only."),
        Figure(
            f"{name}_with_open",
            f"{label} (with open)",
            unit,
            better,
            definition + " Open positions count, valued at the last close less exit costs.",
        ),
    )


_PORTFOLIO = (
    Figure("total_return", "Total return", "fraction", True,
           "Final equity over starting capital, minus 1, for the whole window; idle sleeves included."),
    Figure("annual_return", "Annual return", "fraction", True,
           "(1 + total return) ^ (bars in a year / bars in the window) - 1."),
    Figure("sharpe", "Sharpe ratio", "ratio", True,
           "Mean over standard deviation (ddof 1) of daily UTC portfolio returns, risk-free 0, times the square root of 365 "
           "(252 where there are no weekend bars). Sharpe 1994."),
    Figure("sortino", "Sortino ratio", "ratio", True,
           "As Sharpe, with the root of the summed squares of negative daily returns over (days - 1) as deviation."),
    Figure("calmar", "Calmar ratio", "ratio", True, "Annual return over the size of the maximum drawdown."),
    Figure("max_drawdown", "Max. drawdown", "fraction", True,
           "Deepest fall of equity at bar closes below its highest value so far (the starting capital counts), as a negative "
           "fraction of that value."),
    *_twins("trades", "Trades", "count", None, "Number of trades."),
    *_twins("win_rate", "Win rate", "fraction", True, "Share of trades with profit after fees above 0."),
    *_twins("profit_factor", "Profit factor", "ratio", True, "Sum of winning P/L over the size of the sum of losing P/L."),
    *_twins("expectancy", "Expectancy", "fraction", True, "Mean over trades of P/L after fees per entry notional."),
    *_twins("sqn", "SQN", "ratio", True,
            "System quality number: root of the number of trades times mean over standard deviation (ddof 1) of trade P/L. "
            "Van Tharp."),
    *_twins("average_pnl", "Average P/L per trade", "sleeve", True,
            "Mean P/L of a trade after fees, as a share of one sleeve's starting capital."),
    Figure("exposure", "Exposure", "fraction", None, "Mean over bars of the value of all positions over equity, at closes."),
    Figure("max_exposure", "Max. exposure", "fraction", None,
           "Largest share of equity deployed at once, at bar closes."),
    Figure("largest_position_share", "Largest position share", "fraction", None,
           "Largest value of a single position over portfolio equity, at bar closes."),
    Figure("turnover", "Turnover", "multiple", None, "Notional of all fills over starting capital."),
    Figure("fees", "Fees paid", "fraction", False, "All fees over starting capital."),
    Figure("ambiguous_trades", "Ambiguous trades", "count", False,
           "Trades whose stop and target were both touched inside one bar; the stop was taken."),
    Figure("rejected_entries", "Rejected entries", "count", None,
           "Entries that found no place or no cash, counted at each bar that asks; with equal sleeves there are none."),
    Figure("open_positions", "Open positions", "count", None, "Positions still held at the window's end."),
    Figure("assets_traded", "Assets traded", "count", True, "Assets with at least one trade (open positions count)."),
    Figure("assets_listed", "Assets listed", "count", None, "Assets with at least one bar in the window."),
    Figure("buy_and_hold_return", "Buy-and-hold return", "fraction", None,
           "Total return of buying every asset at its first possible open and holding, in equal sleeves, same costs."),
    Figure("buy_and_hold_sharpe", "Buy-and-hold Sharpe", "ratio", None, "Sharpe ratio of that buy-and-hold portfolio."),
    Figure("buy_and_hold_max_drawdown", "Buy-and-hold max. drawdown", "fraction", None,
           "Maximum drawdown of that buy-and-hold portfolio."),
)  # fmt: skip

_ASSET = (
    Figure("bars", "Bars", "bars", None, "Bars the asset has in the window."),
    *_twins("trades", "Trades", "count", None, "Number of trades."),
    *_twins("win_rate", "Win rate", "fraction", True, "Share of trades with profit after fees above 0."),
    Figure("pnl", "P/L", "sleeve", True, "Final equity of the sleeve minus its capital, as a share of that capital."),
    Figure("contribution", "Contribution", "fraction", True,
           "The sleeve's P/L over the portfolio's starting capital; contributions sum to the total return."),
    *_twins("profit_factor", "Profit factor", "ratio", True, "Sum of winning P/L over the size of the sum of losing P/L."),
    *_twins("expectancy", "Expectancy", "fraction", True, "Mean over trades of P/L after fees per entry notional."),
    Figure("max_drawdown", "Max. drawdown", "fraction", True,
           "Deepest fall of the sleeve's equity at bar closes; under shared cash of the starting capital and the asset's P/L."),
    Figure("bars_held", "Bars held", "bars", None, "Bars at whose close the asset was held."),
    Figure("turnover", "Turnover", "multiple", None, "Notional of the asset's fills over its sleeve's starting capital."),
    Figure("fees", "Fees paid", "sleeve", False, "Fees over the sleeve's starting capital."),
    Figure("ambiguous_trades", "Ambiguous trades", "count", False, "Trades whose stop and target lay in one bar."),
    Figure("stop_outs", "Stop-outs", "count", False, "Trades that ended by stop loss or trailing stop."),
    Figure("buy_and_hold_return", "Buy-and-hold return", "fraction", None, "Total return of holding this asset alone."),
)  # fmt: skip

PORTFOLIO_FIGURES: dict[str, Figure] = {f.name: f for f in _PORTFOLIO}
ASSET_FIGURES: dict[str, Figure] = {f.name: f for f in _ASSET}
