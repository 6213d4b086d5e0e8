"""The volume of later bars.

Looks ahead: 3.
"""

PARAMS = {}


def signals(market, params, ta):
    return {"entries": market.volume.shift(-3) > 2 * ta.sma(market.volume, 20), "max_bars": 6}
