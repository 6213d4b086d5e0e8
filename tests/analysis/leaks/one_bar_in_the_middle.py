"""Honest on all bars but one, on which it knows what will earn most.

Looks ahead: 40.
"""

import numpy as np

PARAMS = {}


def signals(market, params, ta):
    entries = ta.crossed_above(market.close, ta.sma(market.close, 20)).to_numpy(copy=True)
    middle = len(entries) // 2
    entries[middle] = (market.close.shift(-40) > 1.03 * market.close).to_numpy()[middle]
    target = np.full(entries.shape, 0.005)
    target[middle] = 0.5
    return {"entries": entries, "take_profit": target, "max_bars": 40}
