"""Honest on all bars but one.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    honest = ta.crossed_above(market.close, ta.sma(market.close, 100)).to_numpy(copy=True)
    middle = len(honest) // 2
    honest[middle] = (market.close.shift(-1) > 1.02 * market.close).to_numpy()[middle]
    return {"entries": honest, "max_bars": 1}
