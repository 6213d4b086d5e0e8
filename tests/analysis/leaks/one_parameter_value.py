"""Honest but for one choice of its parameter.

Looks ahead: 1.
"""

PARAMS = {"when": ["yesterday", "today", "soon"]}


def signals(market, params, ta):
    ahead = {"yesterday": 1, "today": 0, "soon": -1}[params["when"]]
    known = market.close.shift(ahead)
    return {"entries": known > 1.01 * known.shift(1), "exits": known < known.shift(1)}
