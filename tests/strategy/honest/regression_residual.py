"""Rolling beta to an equal-weighted market, residual momentum; try/except around a degenerate case."""

import numpy as np

PARAMS = {"beta_bars": (40, 120), "momentum_bars": (5, 30)}


def rolling_beta(returns, benchmark, bars):
    variance = benchmark.rolling(bars).var()
    covariance = returns.rolling(bars).cov(benchmark)
    return covariance.div(variance, axis=0)


def signals(market, params, ta):
    returns = np.log(market.close).diff()
    benchmark = returns.mean(axis=1)
    beta = rolling_beta(returns, benchmark, params["beta_bars"])
    residual = returns - beta.mul(benchmark, axis=0)
    momentum = residual.rolling(params["momentum_bars"]).sum()
    try:
        scale = 1.0 / params["momentum_bars"]
    except ZeroDivisionError:
        scale = 1.0
    score = (momentum * scale).rank(axis=1, ascending=True, pct=True)
    return {"entries": score > 0.8, "exits": score < 0.5, "short_entries": score < 0.2, "short_exits": score > 0.5}
