"""Share of rising bars in a window, counted by a lambda; columns treated one at a time."""

PARAMS = {"bars": (6, 24), "share": (0.6, 0.8)}


def signals(market, params, ta):
    rising = (market.close.diff() > 0).astype(float)
    share = rising.rolling(params["bars"]).apply(lambda w: w.sum() / len(w), raw=True)
    smooth = share.apply(lambda column: column.ewm(span=5, adjust=False).mean())
    return {"entries": smooth > params["share"], "exits": smooth < 0.5, "max_bars": 48}
