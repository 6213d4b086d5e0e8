"""Buy the assets that have gained most in relation to all others; leave when they fall behind; sell the losers likewise.

Past winners go on winning for a while, as the market is slow to believe good news. Kept until well out of the top, so that
a rank at the border does not trade on every bar.
Source: Jegadeesh & Titman (1993), "Returns to Buying Winners and Selling Losers".
"""

PARAMS = {
    "lookback": ("log", 48, 480),
    "top_share": (0.05, 0.25),
    "keep_share": (0.4, 0.7),
    "trailing_stop": ("log", 0.05, 0.30),
    "cooldown": (0, 96),
}


def signals(market, params, ta):
    momentum = ta.roc(market.close, params["lookback"])
    position = momentum.rank(axis=1, pct=True)
    return {
        "entries": position > 1 - params["top_share"],
        "exits": position < 1 - params["keep_share"],
        "short_entries": position < params["top_share"],
        "short_exits": position > params["keep_share"],
        "trailing_stop": params["trailing_stop"],
        "cooldown": params["cooldown"],
        "rank": (position - 0.5).abs(),
    }
