"""What a run's trades have in common, in words and figures: the best and worst, why trades ended, repeated stop-outs, costs.

All of it is read from the window of the result: no bar before or behind it counts. Capital means starting capital.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.wording import asset_name, ratio, rough, rough_change
from engine.backtest.portfolio import Result
from engine.records import TRADE_REASONS

BARS_BEFORE = 24
"""How far back is told of what led to a trade, and how soon a re-entry counts as chasing the stop before it."""
SHOWN = 3
LEAST_SEQUENCE = 3
CROWD_SHARE = 0.1
STOPS = ("stop_loss", "trailing_stop")
NOTHING_WON = "no trade won before costs"
_AT_OPEN = ("exit_signal", "reverse", "max_bars")


@dataclass(frozen=True, eq=False)
class Fills:
    """The trades of a result as arrays, with `asset` as column of its panel and `last` the last bar whose close was held
    through or traded in: an exit at a bar's open ends with the close before it."""

    close: np.ndarray
    asset: np.ndarray
    side: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    last: np.ndarray
    returns: np.ndarray
    pnl: np.ndarray
    held: np.ndarray
    reason: np.ndarray

    @property
    def count(self) -> int:
        return len(self.pnl)

    @property
    def bars(self) -> int:
        return len(self.close)

    def share(self, pnl: float) -> str:
        """P/L in sleeves as per cent of starting capital."""
        return rough_change(pnl / self.close.shape[1])

    def asset_move(self, asset: int, start: int, stop: int) -> float:
        """Return of an asset from the close of bar `start` to that of `stop`; where it has none, its last before counts, and
        before its first bar the first."""
        closes = self.close[max(start, 0) : stop + 1, asset]
        closes = closes[~np.isnan(closes)]
        earlier = self.close[: max(start, 0) + 1, asset]
        earlier = earlier[~np.isnan(earlier)]
        first = earlier[-1] if len(earlier) else closes[0]
        last = closes[-1] if len(closes) else first
        return float(last / first - 1.0)

    def market_move(self, start: int, stop: int) -> float:
        """Mean return of all assets with a bar at both ends; NaN if there is none."""
        moves = self.close[stop] / self.close[max(start, 0)] - 1.0
        moves = moves[~np.isnan(moves)]
        return float(moves.mean()) if len(moves) else float("nan")


def fills_of(result: Result) -> Fills:
    """The trades of a result, in order of asset and entry."""
    market, trades = result.market, result.trades
    reason = trades["reason"].to_numpy(object).astype(str)
    leave = trades["exit_bar"].to_numpy(np.int64)
    return Fills(
        close=market.panel.close[market.window.start : market.window.stop],
        asset=pd.Index(market.panel.symbols).get_indexer(pd.Index(trades["symbol"])),
        side=np.where(trades["direction"].to_numpy(object) == "long", 1, -1),
        entry=trades["entry_bar"].to_numpy(np.int64),
        exit=leave,
        last=leave - np.isin(reason, _AT_OPEN),
        returns=trades["return"].to_numpy(float),
        pnl=trades["pnl"].to_numpy(float),
        held=trades["bars_held"].to_numpy(np.int64),
        reason=reason,
    )


def trade_section(result: Result) -> str:
    """The trades of a run, compact; open positions count as trades, valued at the last close less exit costs."""
    fills = fills_of(result)
    if fills.count == 0:
        return "TRADES on train: none"
    head = (
        f"TRADES on train: {fills.count}, entered at bar n of {fills.bars}, returns after costs; asset and market (mean of all"
        f" assets): move of up to {BARS_BEFORE} bars before the entry / during the trade"
    )
    return "\n".join([head, *_extremes(fills), _sides(fills), _reasons(fills), _sequences(fills), _crowds(fills)])


def _extremes(fills: Fills) -> list[str]:
    """The best and worst trades by return, of equals by P/L, each at most once."""
    order = np.lexsort((-fills.pnl, -np.round(fills.returns, 9)))  # every stop of one distance returns the same
    best = order[: min(SHOWN, (fills.count + 1) // 2)]
    worst = order[::-1][: min(SHOWN, fills.count - len(best))]
    out = ["best:", *(_story(fills, int(i)) for i in best)]
    return out + (["worst:", *(_story(fills, int(i)) for i in worst)] if len(worst) else [])


def _story(fills: Fills, i: int) -> str:
    asset, decided = int(fills.asset[i]), int(fills.entry[i]) - 1
    last = max(int(fills.last[i]), decided, 0)
    moves = [(decided - BARS_BEFORE, max(decided, 0)), (decided, last)]
    own = " / ".join(rough_change(fills.asset_move(asset, *m)) for m in moves)
    whole = " / ".join(rough_change(fills.market_move(*m)) for m in moves)
    return (
        f"{asset_name(asset)} {_side(fills.side[i])} {rough_change(fills.returns[i])}, bar {fills.entry[i] + 1},"
        f" {fills.reason[i]} after {fills.held[i]} bars; asset {own}; market {whole}"
    )


def _side(side: int) -> str:
    return "long" if side > 0 else "short"


def _group(name: str, fills: Fills, chosen: np.ndarray) -> str:
    won, mean = float((fills.pnl[chosen] > 0).mean()), float(fills.returns[chosen].mean())
    return f"{name} {chosen.sum()}: {rough(won)}, {rough_change(mean)}, {fills.share(float(fills.pnl[chosen].sum()))}"


def _sides(fills: Fills) -> str:
    groups = [_group(_side(side), fills, fills.side == side) for side in (1, -1) if (fills.side == side).any()]
    return f"sides (number: win rate, mean return, P/L of capital): {'; '.join(groups)}"


def _reasons(fills: Fills) -> str:
    groups = [(reason, fills.reason == reason) for reason in TRADE_REASONS]
    return "exits (likewise): " + "; ".join(_group(reason, fills, chosen) for reason, chosen in groups if chosen.any())


def _sequences(fills: Fills) -> str:
    """Repeated stop-outs: trades of one asset in a row, each stopped at a loss and entered soon after the stop before it."""
    label = f"stop-out sequences ({LEAST_SEQUENCE}+ entries on one asset, each stopped at a loss and within {BARS_BEFORE} bars of"
    label += " the last stop)"
    stopped = _stopped(fills)
    linked = np.zeros(fills.count, bool)
    linked[1:] = stopped[1:] & stopped[:-1] & (np.diff(fills.asset) == 0) & (fills.entry[1:] - fills.exit[:-1] <= BARS_BEFORE)
    chain = np.cumsum(~linked) - 1
    length = np.bincount(chain)
    places = np.flatnonzero(np.isin(chain, np.flatnonzero(length >= LEAST_SEQUENCE)))
    if not len(places):
        return f"{label}: none"
    cost = float(fills.pnl[places].sum())
    losses = float(fills.pnl[fills.pnl < 0].sum())
    longest = np.flatnonzero(chain == int(np.argmax(length)))
    first, end, asset = int(longest[0]), int(longest[-1]), int(fills.asset[longest[0]])
    decided, last = max(int(fills.entry[first]) - 1, 0), int(fills.last[end])
    return (
        f"{label}: {len(np.unique(chain[places]))} with {len(places)} trades, P/L {fills.share(cost)} of capital,"
        f" {rough(cost / losses)} of all losses; longest {len(longest)} entries within"
        f" {fills.entry[end] - fills.entry[first] + 1} bars on {asset_name(asset)}, P/L"
        f" {fills.share(float(fills.pnl[longest].sum()))} of capital; asset"
        f" {rough_change(fills.asset_move(asset, decided, last))}, market"
        f" {rough_change(fills.market_move(decided, last))} meanwhile"
    )


def _crowds(fills: Fills) -> str:
    """Bars at which many assets were stopped out at once."""
    stopped = np.flatnonzero(_stopped(fills))
    least = max(LEAST_SEQUENCE, int(np.ceil(CROWD_SHARE * fills.close.shape[1])))
    counts = np.bincount(fills.exit[stopped], minlength=fills.bars)  # one position an asset, and one stop a bar at most
    crowded = counts >= least
    label = f"bars at which {least}+ assets were stopped out at a loss"
    if not crowded.any():
        return f"{label}: none"
    chosen = stopped[crowded[fills.exit[stopped]]]
    worst = int(np.argmax(counts))
    return (
        f"{label}: {crowded.sum()} with {len(chosen)} trades, P/L"
        f" {fills.share(float(fills.pnl[chosen].sum()))} of capital; most at bar {worst + 1} of {fills.bars}: {counts[worst]}"
        f" assets, market {rough_change(fills.market_move(max(worst - BARS_BEFORE, 0), worst))} over the"
        f" {min(BARS_BEFORE, worst)} bars to its close"
    )


def _stopped(fills: Fills) -> np.ndarray:
    return np.isin(fills.reason, STOPS) & (fills.pnl < 0)


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
