"""Compares with the last close of the sample.

Looks ahead: to the end.
"""

PARAMS = {}


def signals(market, params, ta):
    return {"entries": market.close < 0.8 * market.close.ffill().iloc[-1], "exits": market.close > market.close.ffill().iloc[-1]}
