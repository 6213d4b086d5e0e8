"""A threshold from the sorted column.

Looks ahead: to the end.
"""

import numpy as np

PARAMS = {}


def signals(market, params, ta):
    ordered = np.sort(np.nan_to_num(market.close.to_numpy()), axis=0)
    cheap = ordered[len(ordered) // 5]
    return {"entries": market.close < cheap, "exits": market.close > 1.1 * cheap}
