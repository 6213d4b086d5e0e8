"""Sells before the fall.

Looks ahead: 2.
"""

PARAMS = {}


def signals(market, params, ta):
    return {
        "entries": ta.crossed_above(market.close, ta.sma(market.close, 20)),
        "exits": market.close < ta.sma(market.close, 20),
        "short_entries": market.close.shift(-2) < 0.98 * market.close,
        "short_exits": market.close > ta.sma(market.close, 20),
    }
