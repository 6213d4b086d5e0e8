"""Buy what rises on a burst of volume; leave 24 hours after the last such hour. The true rule of planted:momentum."""

PARAMS = {}


def signals(market, params, ta):
    burst = market.volume > 3 * ta.sma(market.volume, 24).shift(1)
    rise = burst & (market.close > market.open)
    return {"entries": rise, "exits": ta.max(rise, 24) < 1}
