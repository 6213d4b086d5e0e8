"""Buy what closes far below its mean of two days; leave 24 hours after the last such hour. The true rule of planted:reversion."""

PARAMS = {}


def signals(market, params, ta):
    fall = market.close < ta.bbands(market.close, 48, 2.0, 2.0).lowerband
    return {"entries": fall, "exits": ta.max(fall, 24) < 1}
