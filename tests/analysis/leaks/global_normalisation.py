"""A z-score with mean and deviation of the whole sample.

Looks ahead: to the end.
"""

PARAMS = {}


def signals(market, params, ta):
    returns = market.close.pct_change(fill_method=None)
    z = (returns - returns.mean()) / returns.std()
    return {"entries": z < -1.5, "exits": z > 1.0}
