"""Several set-ups, each entry under its own name, collected in a dict comprehension."""

PARAMS = {"fast": (5, 20), "slow": (30, 90), "oversold": (20, 40)}


def signals(market, params, ta):
    close = market.close
    fast, slow = (ta.ema(close, n) for n in (params["fast"], params["slow"]))
    rsi = ta.rsi(close, 14)
    setups = {
        "cross": ta.crossed_above(fast, slow),
        "pullback": (fast > slow) & (rsi < params["oversold"]),
        "breakout": close > ta.max(market.high, 48).shift(1),
    }
    liquid = market.volume > ta.sma(market.volume, 24) * 0.5
    return {
        "entries": {name: setup & liquid for name, setup in setups.items()},
        "exits": ta.crossed_below(fast, slow),
        "take_profit": 0.15,
        "trailing_stop": 0.06,
    }
