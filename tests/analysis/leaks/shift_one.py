"""Buys before the bar that rises.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    return {"entries": market.close.shift(-1) > 1.01 * market.close, "exits": market.close.shift(-1) < market.close}
