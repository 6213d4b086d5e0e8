"""Who gets the place is decided by what rises next.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    return {
        "entries": ta.crossed_above(market.close, ta.sma(market.close, 20)),
        "max_bars": 20,
        "rank": (market.close.shift(-1) / market.close).fillna(0.0),
    }
