"""Copies that are written to through loc, iloc and masks; np.select for states."""

import numpy as np
import pandas as pd

PARAMS = {"lookback": (12, 48)}


def signals(market, params, ta):
    n = params["lookback"]
    strength = market.close.copy()
    strength[:] = 0.0
    change = market.close.diff(n)
    strength[change > 0] = 1.0
    strength[change < 0] = -1.0
    strength.iloc[:n] = 0.0
    strength.loc[strength.index[0], "A000"] = 0.0
    adx = ta.adx(market.high, market.low, market.close, 14)
    state = np.select([adx > 30, adx > 20], [2, 1], default=0)
    state = pd.DataFrame(state, index=market.close.index, columns=market.close.columns)
    score = state * strength
    return {
        "entries": score >= 2,
        "exits": score <= 0,
        "short_entries": score <= -2,
        "short_exits": score >= 0,
        "rank": adx,
    }
