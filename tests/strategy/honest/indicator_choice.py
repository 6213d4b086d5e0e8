"""The indicator itself is a parameter: getattr on ta, with keywords, and named outputs."""

PARAMS = {
    "average": ["ema", "sma", "kama", "wma"],
    "fast": (5, 20),
    "slow": (25, 80),
    "oscillator": ["rsi", "cmo"],
    "use_bands": [True, False],
}


def signals(market, params, ta):
    average = getattr(ta, params["average"])
    oscillator = getattr(ta, params["oscillator"])(market.close, timeperiod=14)
    fast = average(market.close, params["fast"])
    slow = average(market.close, params["slow"])
    upper, middle, lower = ta.bbands(market.close, timeperiod=20, nbdevup=2.0, nbdevdn=2.0)
    macd = ta.macd(market.close, fastperiod=12, slowperiod=26, signalperiod=9)
    entries = (fast > slow) & (macd.macdhist > 0)
    if params["use_bands"]:
        entries &= market.close < upper
    exits = (fast < slow) | (oscillator > 85)
    return {"entries": entries, "exits": exits, "plot": {"fast": fast, "slow": slow, "middle": middle, "lower": lower}}
