"""Price moves that no market makes, and long holes: what tells a wrong bar, a reused ticker or a redenomination from a wild day.

A move is the log return between an asset's successive bars. Its scale is the asset's own: 1.4826 times the median absolute
deviation of its moves less the market's (the median move of all assets at that time), which a few wild days do not widen.
"""

from dataclasses import dataclass

import numpy as np

from engine.market.bars import DAY_NS, Panel

OUTLIER_SCALES = 20.0
OUT_OF_PLACE_SCALES = 10.0
COMES_BACK = 0.25
JUMP_FACTOR = 3.0
LONG_HOLE_DAYS = 7
MARKET_ASSETS = 5
MIN_MOVES = 20

RULES = {
    "outlier_moves": f"a close-to-close move of more than {OUTLIER_SCALES:g} times the asset's usual one, in itself and against"
    " the market's median move",
    "wrong_closes": "such a move to a close outside the bar's own high and low, gone with the next open: that one price is wrong",
    "bars_out_of_place": f"a whole bar more than {OUT_OF_PLACE_SCALES:g} times the usual move away from the close before and"
    " from the open after it, which agree: most likely another asset's bar",
    "long_wicks": "a low under half of both open and close, or a high over twice them: a stop there may not have filled so",
    "holes": f"no bar for {LONG_HOLE_DAYS} days or more between two bars, or any hole across which the price changes by"
    f" {JUMP_FACTOR:g} times or more: the ticker may have been reused or redenominated",
}


@dataclass(frozen=True)
class Hole:
    """Rows [first, stop) without a bar between two bars of one asset; `ratio` is the open after it over the close before."""

    first: int
    stop: int
    ratio: float

    @property
    def rows(self) -> int:
        """How many rows it spans."""
        return self.stop - self.first

    @property
    def jumps(self) -> bool:
        """The price across it changes by `JUMP_FACTOR` or more, up or down."""
        return abs(np.log(self.ratio)) >= np.log(JUMP_FACTOR)


@dataclass(frozen=True)
class AssetMoves:
    """What stands out in one asset's moves; rows are the panel's. `largest` is the move in logs, `largest_row` where it ends."""

    outliers: int
    wrong_closes: tuple[int, ...]
    out_of_place: tuple[int, ...]
    holes: tuple[Hole, ...]
    largest: float
    largest_row: int


def find_moves(panel: Panel) -> list[AssetMoves]:
    """One `AssetMoves` for each asset, in panel order."""
    rows = [np.flatnonzero(column) for column in panel.exists.T]
    moves = np.full((panel.bars, panel.assets), np.nan, order="F")
    for i, at in enumerate(rows):
        moves[at[1:], i] = np.diff(np.log(panel.close[at, i]))
    market = _row_median(moves)
    return [_asset_moves(panel, i, at, moves[at[1:], i], market) for i, at in enumerate(rows)]


def _row_median(moves: np.ndarray) -> np.ndarray:
    """Median of each row's numbers; 0 where fewer than `MARKET_ASSETS` assets moved: they are no market."""
    ordered = np.sort(moves, axis=1)
    count = (~np.isnan(moves)).sum(axis=1)
    row = np.arange(len(moves))
    middle = (ordered[row, np.maximum(count - 1, 0) // 2] + ordered[row, np.minimum(count // 2, moves.shape[1] - 1)]) / 2
    return np.where(count >= MARKET_ASSETS, middle, 0.0)


def _asset_moves(panel: Panel, asset: int, at: np.ndarray, move: np.ndarray, market: np.ndarray) -> AssetMoves:
    if len(at) < 2:
        return AssetMoves(0, (), (), (), float("nan"), int(at[0]))
    own = move - market[at[1:]]
    scale = _scale(own)
    outlier = (np.abs(move) > OUTLIER_SCALES * scale) & (np.abs(own) > OUTLIER_SCALES * scale)
    wrong, displaced = _wrong_bars(panel, asset, at, own, outlier=outlier, scale=scale)
    top = int(np.argmax(np.abs(move)))
    return AssetMoves(
        outliers=int(outlier.sum()),
        wrong_closes=tuple(at[1:-1][wrong].tolist()),
        out_of_place=tuple(at[1:-1][displaced].tolist()),
        holes=tuple(_holes(panel, asset, at)),
        largest=float(move[top]),
        largest_row=int(at[top + 1]),
    )


def _scale(own: np.ndarray) -> float:
    """The asset's usual move; by the mean where most prices stand still (a median of 0), infinite where it cannot be told."""
    if len(own) < MIN_MOVES:
        return float("inf")
    deviation = np.abs(own - np.median(own))
    return float(1.4826 * np.median(deviation) or 1.2533 * np.mean(deviation) or "inf")


def _wrong_bars(
    panel: Panel, asset: int, at: np.ndarray, own: np.ndarray, *, outlier: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Bool for each inner bar: its close is wrong; the whole bar is out of place."""
    before, bar, after = at[:-2], at[1:-1], at[2:]
    low, high, close = (getattr(panel, f)[bar, asset] for f in ("low", "high", "close"))
    last_close, next_open = panel.close[before, asset], panel.open[after, asset]
    there, back = own[:-1], own[1:]
    comes_back = np.abs(np.log(next_open / last_close)) < COMES_BACK * np.abs(there)
    outside = (close < low) | (close > high)
    apart = (low > np.maximum(last_close, next_open)) | (high < np.minimum(last_close, next_open))
    far = (np.minimum(np.abs(there), np.abs(back)) > OUT_OF_PLACE_SCALES * scale) & (there * back < 0)
    return outlier[:-1] & outside & comes_back, far & apart & comes_back


def _holes(panel: Panel, asset: int, at: np.ndarray) -> list[Hole]:
    """Holes that are long, or across which the price jumps."""
    found = []
    for i in np.flatnonzero(np.diff(at) > 1):
        ratio = panel.open[at[i + 1], asset] / panel.close[at[i], asset]
        hole = Hole(int(at[i]) + 1, int(at[i + 1]), float(ratio))
        days = (panel.times_ns[hole.stop] - panel.times_ns[hole.first]) / DAY_NS
        if hole.jumps or (days >= LONG_HOLE_DAYS and hole.rows >= 3):
            found.append(hole)
    return found
