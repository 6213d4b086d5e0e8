"""Buy what has fallen far behind the mean of all assets; hold it for four hours after. The true rule of planted:reversion."""

PARAMS = {}


def signals(market, params, ta):
    change = market.close / market.close.shift(1) - 1
    relative = change.sub(change.mean(axis=1), axis=0)
    usual = ta.sma(relative * relative, 168).shift(1) ** 0.5
    fall = relative < -2.5 * usual
    return {"entries": fall, "exits": ta.max(fall, 4) < 1}
