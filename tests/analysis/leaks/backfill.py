"""Fills gaps with the next sample.

Looks ahead: 4.
"""

PARAMS = {}


def signals(market, params, ta):
    sampled = market.close.where(market.hour % 5 == 0).bfill()
    return {"entries": sampled > 1.01 * market.close, "exits": sampled < market.close}
