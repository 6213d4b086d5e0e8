"""The figures of `engine/figures.py`, computed from outcomes; definitions and units stand there.

All functions are vectorised over scenarios. NaN means not computed: no variance, no losing trade, no trade at all.
"""

import numpy as np
import pandas as pd

from engine.backtest import kernel
from engine.backtest.simulation import Market
from engine.backtest.sweep import Outcomes
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES

Arrays = dict[str, np.ndarray]

LEAST = 1e-10
"""Returns of an equity that differ by less are rounding: at a size of 4e-15 losses round to nothing and gains do not."""


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=(below != 0) & ~np.isnan(below))


def daily_returns(daily_equity: np.ndarray) -> np.ndarray:
    """(…, days) returns of each day over the day before, the first over the starting capital; 0 once all is lost."""
    before = np.concatenate([np.ones_like(daily_equity[..., :1]), daily_equity[..., :-1]], axis=-1)
    returns = _ratio(daily_equity, before) - 1.0
    return np.where(before == 0, 0.0, returns)


def sharpe(returns: np.ndarray, days_per_year: float) -> np.ndarray:
    """Mean over standard deviation (ddof 1) of daily returns (…, days), annualised; NaN without variance. Sharpe 1994.

    Returns that are all within LEAST of each other, such as those of a size next to nothing, have no variance.
    """
    if returns.shape[-1] < 2:
        return np.full(returns.shape[:-1], np.nan)
    spread = returns.std(axis=-1, ddof=1)
    steady = np.ptp(returns, axis=-1) < LEAST
    return _ratio(returns.mean(axis=-1), np.where(steady, 0.0, spread)) * np.sqrt(days_per_year)


def sortino(returns: np.ndarray, days_per_year: float) -> np.ndarray:
    """As `sharpe`, over the downside deviation sqrt(sum(min(r, 0)^2) / (days - 1)); NaN without a losing day. Sortino 1994."""
    if returns.shape[-1] < 2:
        return np.full(returns.shape[:-1], np.nan)
    downside = np.sqrt((np.minimum(returns, 0.0) ** 2).sum(axis=-1) / (returns.shape[-1] - 1))
    steady = np.ptp(returns, axis=-1) < LEAST
    return _ratio(returns.mean(axis=-1), np.where(steady, 0.0, downside)) * np.sqrt(days_per_year)


def _with_open(sums: np.ndarray) -> np.ndarray:
    """The same sums with each open position counted as a trade at its value. Of assets, before they are added up."""
    out = sums.copy()
    pnl = sums[..., kernel.OPEN_PNL]
    out[..., kernel.TRADES] += sums[..., kernel.IS_OPEN]
    out[..., kernel.WINS] += pnl > 0
    out[..., kernel.GAIN] += np.maximum(pnl, 0.0)
    out[..., kernel.LOSS] += np.maximum(-pnl, 0.0)
    out[..., kernel.RETURN] += sums[..., kernel.OPEN_RETURN]
    out[..., kernel.PNL] += pnl
    out[..., kernel.PNL_SQUARED] += pnl**2
    return out


def _trade_figures(sums: np.ndarray) -> Arrays:
    """Figures of trades whose sums are in the last axis."""
    n, pnl = sums[..., kernel.TRADES], sums[..., kernel.PNL]
    mean = _ratio(pnl, n)
    variance = _ratio(np.maximum(sums[..., kernel.PNL_SQUARED] - n * mean**2, 0.0), np.maximum(n - 1, 0))
    noise = 1e-14 * _ratio(sums[..., kernel.PNL_SQUARED], n)  # below it the difference of squares is rounding, not spread
    spread = np.where(variance > noise, np.sqrt(variance), 0.0)
    return {
        "trades": n,
        "win_rate": _ratio(sums[..., kernel.WINS], n),
        "profit_factor": _ratio(sums[..., kernel.GAIN], sums[..., kernel.LOSS]),
        "expectancy": _ratio(sums[..., kernel.RETURN], n),
        "sqn": np.sqrt(n) * _ratio(mean, spread),
        "average_pnl": mean,
    }


def _both_forms(closed: np.ndarray, counted: np.ndarray) -> Arrays:
    """Trade figures of the sums of closed trades, and of those that count open positions too."""
    with_open = {f"{name}_with_open": values for name, values in _trade_figures(counted).items()}
    return _trade_figures(closed) | with_open


def _growth(outcomes: Outcomes, market: Market) -> Arrays:
    """Return figures of the equity curve."""
    panel, window = market.panel, market.window
    total = outcomes.daily_equity[:, -1] - 1.0
    years = window.bars / panel.bars_per_year
    with np.errstate(over="ignore"):  # a great return in a few bars is beyond all numbers in a year
        annual = np.maximum(1.0 + total, 0.0) ** (1.0 / years) - 1.0
    annual = np.where(np.isinf(annual), np.nan, annual)
    returns = daily_returns(outcomes.daily_equity)
    drawdown = outcomes.curve[:, kernel.MAX_DRAWDOWN]
    return {
        "total_return": total,
        "annual_return": annual,
        "sharpe": sharpe(returns, panel.days_per_year),
        "sortino": sortino(returns, panel.days_per_year),
        "calmar": _ratio(annual, np.where(-drawdown < LEAST, 0.0, -drawdown)),
        "max_drawdown": drawdown,
    }


def portfolio_table(outcomes: Outcomes, market: Market, hold: Outcomes) -> pd.DataFrame:
    """Portfolio figures, one row a scenario, columns as in PORTFOLIO_FIGURES; a failed scenario's row is NaN."""
    total = outcomes.sums.sum(axis=1)
    assets = market.panel.assets
    held = _growth(hold, market)
    ran = np.array([f is None for f in outcomes.failures])
    traded = (outcomes.sums[..., kernel.TRADES] + outcomes.sums[..., kernel.IS_OPEN] > 0).sum(axis=1)
    figures = (
        _growth(outcomes, market)
        | _both_forms(total, _with_open(outcomes.sums).sum(axis=1))
        | {
            "exposure": outcomes.curve[:, kernel.EXPOSURE],
            "max_exposure": outcomes.curve[:, kernel.MAX_EXPOSURE],
            "largest_position_share": outcomes.curve[:, kernel.LARGEST_SHARE],
            "turnover": total[:, kernel.TURNOVER] / assets,
            "fees": total[:, kernel.FEES] / assets,
            "ambiguous_trades": total[:, kernel.AMBIGUOUS],
            "rejected_entries": total[:, kernel.REJECTED],
            "open_positions": total[:, kernel.IS_OPEN],
            "assets_traded": np.where(ran, traded, np.nan),
            "assets_listed": np.where(ran, (market.listed_bars > 0).sum(), np.nan),
        }
        | {f"buy_and_hold_{k}": np.where(ran, held[v], np.nan) for k, v in _HOLD.items()}
    )
    return pd.DataFrame({name: figures[name] for name in PORTFOLIO_FIGURES})


_HOLD = {"return": "total_return", "sharpe": "sharpe", "max_drawdown": "max_drawdown"}


def asset_table(outcomes: Outcomes, scenario: int, market: Market, hold: Outcomes) -> pd.DataFrame:
    """Asset figures of one scenario, indexed by symbol in panel order, columns as in ASSET_FIGURES."""
    sums = outcomes.sums[scenario]
    figures = _both_forms(sums, _with_open(sums)) | {
        "bars": market.listed_bars.astype(float),
        "pnl": sums[:, kernel.FINAL] - 1.0,
        "contribution": (sums[:, kernel.FINAL] - 1.0) / market.panel.assets,
        "max_drawdown": 0.0 - sums[:, kernel.DRAWDOWN],
        "bars_held": sums[:, kernel.BARS_HELD],
        "turnover": sums[:, kernel.TURNOVER],
        "fees": sums[:, kernel.FEES],
        "ambiguous_trades": sums[:, kernel.AMBIGUOUS],
        "stop_outs": sums[:, kernel.STOP_OUTS],
        "buy_and_hold_return": np.where(market.listed_bars > 0, hold.sums[0, :, kernel.FINAL] - 1.0, np.nan),
    }
    return pd.DataFrame({name: figures[name] for name in ASSET_FIGURES}, index=pd.Index(market.panel.symbols, name="symbol"))
