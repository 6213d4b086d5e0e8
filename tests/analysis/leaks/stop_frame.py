"""A stop just below the low of the bar that follows.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    room = 1 - 0.999 * market.low.shift(-1) / market.close
    return {
        "entries": ta.crossed_above(market.close, ta.sma(market.close, 20)),
        "stop_loss": room.fillna(0.05).clip(0.001, 0.5),
        "take_profit": 0.05,
    }
