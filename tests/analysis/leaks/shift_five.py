"""Buys what will stand higher five bars later, when its average says so too.

Looks ahead: 5.
"""

PARAMS = {"bars": (10, 40)}


def signals(market, params, ta):
    rising = market.close > ta.sma(market.close, params["bars"])
    return {"entries": rising & (market.close.shift(-5) > 1.02 * market.close), "max_bars": 5}
