"""Buy an asset that is cheap against the reference asset for its own history, sell one that is dear; leave at the mean.

Assets that share a common driver are tied to each other: what has strayed from the tie tends to come back.
Source: Gatev, Goetzmann & Rouwenhorst (2006), "Pairs Trading: Performance of a Relative-Value Arbitrage Rule".
"""

import numpy as np

PARAMS = {
    "spread_bars": ("log", 36, 400),
    "depth": (1.5, 3.5),
    "home": (-0.5, 0.5),
    "stop_loss": ("log", 0.03, 0.25),
    "max_bars": ("log", 24, 336),
    "cooldown": (0, 48),
}


def signals(market, params, ta):
    spread = np.log(market.close.div(market.close["A000"], axis=0))
    mean = ta.sma(spread, params["spread_bars"])
    z = (spread - mean) / ta.stddev(spread, params["spread_bars"])
    return {
        "entries": z < -params["depth"],
        "exits": z > params["home"],
        "short_entries": z > params["depth"],
        "short_exits": z < -params["home"],
        "stop_loss": params["stop_loss"],
        "max_bars": params["max_bars"],
        "cooldown": params["cooldown"],
    }
