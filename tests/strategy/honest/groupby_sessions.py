"""Opening-range break: the range so far of each day, by groupby().cummax() with days counted from the hour."""

PARAMS = {"after": (3, 8), "take_profit": (0.01, 0.06)}


def signals(market, params, ta):
    hour = market.hour.iloc[:, 0]
    day = (hour.diff() < 0).cumsum()
    early = market.hour < params["after"]
    high = market.high.where(early).groupby(day).cummax().groupby(day).ffill()
    entries = (market.close > high) & ~early
    return {
        "entries": entries.fillna(False),
        "exits": market.hour == 23,
        "take_profit": params["take_profit"],
        "stop_loss": params["take_profit"] / 2,
    }
