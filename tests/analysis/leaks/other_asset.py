"""The future of the reference asset, for all assets.

Looks ahead: 1.
"""

PARAMS = {}


def signals(market, params, ta):
    driver = market.close["A000"]
    rises = (driver.shift(-1) > 1.005 * driver).to_numpy()[:, None]
    return {"entries": (market.close > ta.sma(market.close, 10)) & rises, "exits": market.close < ta.sma(market.close, 10)}
