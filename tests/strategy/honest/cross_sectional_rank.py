"""Long the strongest fifth, short the weakest, ranked at each bar; risk-adjusted momentum."""

import pandas as pd

PARAMS = {"lookback": ("log", 24, 200), "top": (0.1, 0.3), "volatility_bars": (24, 96)}


def signals(market, params, ta):
    returns: pd.DataFrame = market.close.pct_change(fill_method=None)
    momentum = market.close / market.close.shift(params["lookback"]) - 1.0
    volatility = returns.rolling(params["volatility_bars"]).std()
    score = momentum.div(volatility).rank(axis=1, pct=True, na_option="keep")
    top = params["top"]
    return {
        "entries": score.gt(1 - top),
        "exits": score.lt(0.5),
        "short_entries": score.lt(top),
        "short_exits": score.gt(0.5),
        "rank": (score - 0.5).abs(),
        "cooldown": 5,
    }
