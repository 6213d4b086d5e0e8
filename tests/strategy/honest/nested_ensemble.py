"""Closures over market, a list of (name, rule) pairs, and majority voting by np.stack and mean."""

import numpy as np

PARAMS = {"short": (5, 15), "medium": (20, 50), "long": (60, 120), "quorum": (0.5, 0.9)}


def signals(market, params, ta):
    close = market.close

    def above(length):
        return (close > ta.ema(close, length)).to_numpy()

    def rising(length, lag=3):
        average = ta.sma(close, length)
        return (average > average.shift(lag)).to_numpy()

    lengths = sorted({params["short"], params["medium"], params["long"]}, reverse=True)
    rules = [("above", above), ("rising", rising)]
    votes = np.array([rule(n) for _, rule in rules for n in lengths])
    agreement = votes.mean(axis=0)
    return {
        "entries": agreement >= params["quorum"],
        "exits": agreement < 0.4,
        "size": np.clip(agreement, 0.1, 1.0),
    }
