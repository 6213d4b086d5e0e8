"""Bets more where the sample ends higher.

Looks ahead: to the end.
"""

PARAMS = {}


def signals(market, params, ta):
    rises = market.close["A000"].ffill().iloc[-1] > market.close["A000"].bfill().iloc[0]
    entries = ta.crossed_above(market.close, ta.sma(market.close, 20))
    return {"entries": entries, "max_bars": 20, "size": 1.0 if rises else 0.1}
