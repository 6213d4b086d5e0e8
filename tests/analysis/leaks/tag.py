"""Only the name of an entry knows what follows.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    crossed = ta.crossed_above(market.close, ta.sma(market.close, 20))
    good = market.close.shift(-1) > market.close
    return {"entries": {"winner": crossed & good, "loser": crossed}, "max_bars": 10}
