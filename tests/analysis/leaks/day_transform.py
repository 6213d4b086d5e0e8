"""The high of the whole day, known from its first hour on.

Looks ahead: 23.
"""

PARAMS = {}


def signals(market, params, ta):
    new_day = (market.hour["A000"] == 0).cumsum()
    top = market.high.groupby(new_day).transform("max")
    return {"entries": top > 1.05 * market.close, "exits": market.close >= 0.99 * top}
