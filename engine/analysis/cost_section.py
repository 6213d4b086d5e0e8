"""What trading has cost a run, for the model's pack."""

import numpy as np

from engine.analysis.wording import ratio, rough, rough_change
from engine.backtest.portfolio import Result

NOTHING_WON = "no trade won before costs"


def cost_section(result: Result) -> str:
    """What trading cost. P/L before costs is that of the same quantities at prices without slippage and fees; a liquidated
    sleeve loses what it had either way."""
    trades, assets = result.trades, result.market.panel.assets
    if not len(trades):
        return "COSTS on train: none, no trades"
    quantity, price_in, price_out = (trades[name].to_numpy(float) for name in ("quantity", "entry_price", "exit_price"))
    side = np.where(trades["direction"].to_numpy(object) == "long", 1.0, -1.0)
    reason, net, fees = trades["reason"].to_numpy(object), trades["pnl"].to_numpy(float), trades["fees"].to_numpy(float)
    slip = result.costs.slippage_rate
    pays = ~np.isin(reason.astype(str), ("take_profit", "liquidated"))
    bought, sold = price_in / (1.0 + side * slip), price_out / np.where(pays, 1.0 - side * slip, 1.0)
    gross = np.where(reason == "liquidated", net, side * quantity * (sold - bought))
    turnover = quantity * price_in + np.where(reason == "open", 0.0, quantity * price_out)
    won = float(gross[gross > 0].sum())
    eaten = f"{rough(float(fees.sum()) / won)} of the gross profit of trades that won before costs" if won > 0 else ""
    return (
        f"COSTS on train: P/L before costs {rough_change(gross.sum() / assets)} of capital, after"
        f" {rough_change(net.sum() / assets)}; fees {rough(fees.sum() / assets)} of capital, {eaten or NOTHING_WON};"
        f" turnover {ratio(float(turnover.sum()) / assets)} x capital"
    )
