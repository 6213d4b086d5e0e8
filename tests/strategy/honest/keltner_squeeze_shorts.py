"""Bollinger inside Keltner, then momentum decides the side; .where, .mask, .ffill and np.sign."""

import numpy as np

PARAMS = {"length": (15, 40), "bb_mult": (1.8, 2.5), "kc_mult": (1.0, 2.0), "hold_bars": (5, 30)}


def signals(market, params, ta):
    n = params["length"]
    basis = ta.sma(market.close, n)
    dev = params["bb_mult"] * ta.stddev(market.close, n, 1.0)
    rng = params["kc_mult"] * ta.atr(market.high, market.low, market.close, n)
    squeeze_on = (basis + dev < basis + rng) & (basis - dev > basis - rng)
    fired = squeeze_on.shift(1, fill_value=False) & ~squeeze_on
    momentum = ta.linearreg(market.close - basis.ffill(), n)
    side = np.sign(momentum).mask(momentum.abs() < 1e-12, 0.0)
    recent = squeeze_on.rolling(5).sum().where(lambda f: f.notna(), 0.0) > 0
    trigger = fired | (recent & (side.diff().abs() > 1))
    return {
        "entries": trigger & (side > 0),
        "short_entries": trigger & (side < 0),
        "exits": momentum < momentum.shift(1),
        "short_exits": momentum > momentum.shift(1),
        "max_bars": params["hold_bars"],
        "plot": {"basis": basis, "upper": basis + dev, "lower": basis - dev},
    }
