"""Buy a bar that rises on several times its usual volume and closes near its high; ride it with a trailing stop.

Volume and the size of price changes go together, and a burst draws the eyes of new buyers for some time after it.
Sources: Karpoff (1987), "The Relation between Price Changes and Trading Volume"; Gervais, Kaniel & Mingelgrin (2001),
"The High-Volume Return Premium".
"""

PARAMS = {
    "volume_bars": (24, 240),
    "burst": ("log", 2.0, 8.0),
    "close_share": (0.5, 0.9),
    "atr_bars": (14, 96),
    "trail_atr": ("log", 3.0, 15.0),
    "max_bars": ("log", 12, 168),
}


def signals(market, params, ta):
    burst = market.volume > params["burst"] * ta.sma(market.volume, params["volume_bars"])
    rising = market.close > market.open
    near_high = market.close - market.low > params["close_share"] * (market.high - market.low)
    atr = ta.atr(market.high, market.low, market.close, params["atr_bars"])
    return {
        "entries": burst & rising & near_high,
        "trailing_stop": (params["trail_atr"] * atr / market.close).clip(0.005, 0.5),
        "max_bars": params["max_bars"],
    }
