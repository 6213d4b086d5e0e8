"""Buy everything at 12:00 UTC and sell it at 20:00. The true rule of planted:hour."""

PARAMS = {}


def signals(market, params, ta):
    return {"entries": market.hour == 11, "exits": market.hour == 19}
