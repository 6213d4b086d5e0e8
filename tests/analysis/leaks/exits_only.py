"""Enters honestly and leaves before the fall.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    return {
        "entries": ta.crossed_above(market.close, ta.sma(market.close, 20)),
        "exits": market.close.shift(-1) < 0.98 * market.close,
    }
