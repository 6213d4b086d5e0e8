"""An average whose window reaches as far ahead as back.

Looks ahead: 10.
"""

PARAMS = {}


def signals(market, params, ta):
    smooth = market.close.rolling(21, center=True).mean()
    return {"entries": ta.crossed_above(market.close, smooth), "exits": market.close < smooth}
