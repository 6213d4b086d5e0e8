"""Buy when a fast average crosses above a slow one on high volume; leave on the cross back.

Prices trend because news spreads slowly; volume tells a move that many take part in from noise.
Source: Brock, Lakonishok & LeBaron (1992), "Simple Technical Trading Rules and the Stochastic Properties of Stock Returns".
"""

PARAMS = {
    "average": ["ema", "sma"],
    "fast": (8, 48),
    "slow": (60, 240),
    "volume_bars": (24, 168),
    "busy": (0.8, 2.0),
    "stop_loss": ("log", 0.02, 0.15),
}


def signals(market, params, ta):
    average = getattr(ta, params["average"])
    fast = average(market.close, params["fast"])
    slow = average(market.close, params["slow"])
    busy = market.volume > params["busy"] * ta.sma(market.volume, params["volume_bars"])
    return {
        "entries": ta.crossed_above(fast, slow) & busy,
        "exits": fast < slow,
        "stop_loss": params["stop_loss"],
    }
