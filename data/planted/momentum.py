"""Buy what rises on a burst of volume; hold it for six hours after the last one. The true rule of planted:momentum."""

PARAMS = {}


def signals(market, params, ta):
    burst = market.volume > 3 * ta.sma(market.volume, 24).shift(1)
    rise = burst & (market.close > market.open)
    return {"entries": rise, "exits": ta.max(rise, 6) < 1}
