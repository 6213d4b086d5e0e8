"""A calendar rule: chosen hours on chosen weekdays, with isin and boolean masks."""

PARAMS = {"start": (0, 20), "length": (2, 8), "skip_weekend": [True, False]}


def signals(market, params, ta):
    hours = [(params["start"] + i) % 24 for i in range(params["length"])]
    in_session = market.hour.isin(hours)
    if params["skip_weekend"]:
        in_session = in_session & (market.weekday < 5)
    trend = market.close > market.close.ewm(span=72, adjust=False, min_periods=72).mean()
    entries = in_session & ~in_session.shift(1, fill_value=False) & trend
    return {"entries": entries, "exits": ~in_session, "max_bars": params["length"] + 2}
