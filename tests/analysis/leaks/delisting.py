"""Leaves out what will be delisted, known from bars that do not exist.

Looks ahead: 50.
"""

PARAMS = {}


def signals(market, params, ta):
    survives = market.close.notna()[::-1].cummax()[::-1].shift(-50, fill_value=False)
    return {"entries": ta.crossed_above(market.close, ta.sma(market.close, 20)) & survives, "max_bars": 20}
