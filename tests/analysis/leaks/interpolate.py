"""Prices sampled every fifth bar of the day, the bars between drawn on a straight line to the next sample.

Looks ahead: 4.
"""

PARAMS = {}


def signals(market, params, ta):
    sampled = market.close.where(market.hour % 5 == 0)
    line = sampled.interpolate(limit_area="inside")
    return {"entries": line > 1.005 * line.shift(1), "exits": line < line.shift(1)}
