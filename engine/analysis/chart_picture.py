"""A picture for models that take pictures: one asset's price with its trades, and the portfolio's equity. Nothing that dates it.

matplotlib lives here, imported late.
"""

import io
from typing import Any

import numpy as np

from engine.analysis.trade_table import asset_of
from engine.analysis.wording import asset_name
from engine.backtest.portfolio import Result

_PRICE, _EQUITY, _GAIN, _LOSS = "#4b5563", "#1f77b4", "#0072b2", "#d55e00"  # the last two told apart by colour-blind eyes


def chart_picture(result: Result) -> bytes:
    """PNG bytes, about 900 x 600 pixels: above, the price of the asset with most trades (of equals the first), below, the
    portfolio's equity, both rebased to 100 over bars counted from the window's first. Equal results give equal bytes.

    Entries are triangles, up for long and down for short, exits crosses; blue made a profit, orange a loss.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)  # no pyplot: it keeps figures in a global list, which threads would share
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    traded = asset_of(result.market, result.trades)
    asset = int(np.bincount(traded).argmax()) if len(traded) else 0
    _draw_price(above, result, asset)
    below.plot(100.0 * result.simulation.equity, color=_EQUITY, linewidth=1.0)
    below.axhline(100.0, color="#9ca3af", linewidth=0.8)
    below.set(ylabel="portfolio equity, start = 100", xlabel=f"bar of {result.market.window.bars}")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _draw_price(axes: Any, result: Result, asset: int) -> None:
    panel, window = result.market.panel, result.market.window
    close = panel.close[window.start : window.stop, asset]
    trades = result.trades[result.trades["symbol"] == panel.symbols[asset]]
    known = np.flatnonzero(~np.isnan(close))
    axes.set_title("triangles: entries; crosses: exits; blue: profit; orange: loss")
    axes.set_ylabel(f"price of {asset_name(asset)}, first = 100")
    if not len(known):
        return
    price = 100.0 * close / close[known[0]]
    axes.plot(known, price[known], color=_PRICE, linewidth=0.8)
    for won, color in ((True, _GAIN), (False, _LOSS)):
        for side, marker in (("long", "^"), ("short", "v")):
            chosen = trades[((trades["pnl"] > 0) == won) & (trades["direction"] == side)]
            entry = chosen["entry_bar"].to_numpy()
            leave = chosen["exit_bar"].to_numpy()[(chosen["reason"] != "open").to_numpy()]
            axes.plot(entry, price[entry], marker, color=color, markersize=5, linestyle="none")
            axes.plot(leave, price[leave], "x", color=color, markersize=5, linestyle="none")
