"""Buy every asset at its first bar and never sell: what any trading has to beat.

Before costs the average active investor earns the market's return, so after costs less.
Source: Sharpe (1991), "The Arithmetic of Active Management".
"""

PARAMS = {}


def signals(market, params, ta):
    return {"entries": market.close > 0}
