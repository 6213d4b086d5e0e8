"""Distance from a straight line that was fitted to the whole sample.

Looks ahead: to the end.
"""

import numpy as np

PARAMS = {}


def signals(market, params, ta):
    rows = np.arange(len(market.close))
    prices = np.log(market.close.ffill().bfill().to_numpy())
    slope, level = np.polyfit(rows, prices, 1)
    away = prices - (rows[:, None] * slope + level)
    return {"entries": away < -0.05, "exits": away > 0.05}
