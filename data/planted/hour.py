"""Buy everything at 14:00 UTC and sell it at 17:00. The true rule of planted:hour."""

PARAMS = {}


def signals(market, params, ta):
    return {"entries": market.hour == 13, "exits": market.hour == 16}
