"""Known statistics by name: agg, transform and expanding; a dict of them."""

PARAMS = {"window": (20, 60), "quantile": (0.7, 0.95)}


def signals(market, params, ta):
    ranges = (market.high - market.low) / market.close
    rolled = ranges.rolling(params["window"])
    typical = rolled.agg("median")
    wide = rolled.quantile(params["quantile"])
    peak = market.close.expanding(min_periods=10).max()
    drawdown = 1 - market.close / peak
    calm = typical.agg("mean", axis=1) < ranges.quantile(0.9, axis=1)
    centred = ranges.T.transform("rank").T
    entries = ranges.gt(wide) & (drawdown > 0.05) & (centred > 1)
    return {"entries": entries.mul(calm, axis=0).astype(bool), "exits": drawdown < 0.01, "max_bars": 60}
