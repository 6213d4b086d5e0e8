"""The place of a volume among all volumes, later ones included.

Looks ahead: to the end.
"""

PARAMS = {}


def signals(market, params, ta):
    place = market.volume.rank(pct=True)
    return {"entries": place > 0.9, "max_bars": 10}
