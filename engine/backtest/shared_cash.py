"""The kernel's twin for one account that all assets share: entries in order of time, then of rank, as long as cash lasts.

Rules as in `docs/execution.md`, "Shared cash". What follows an entry depends on nothing but its own asset and stake, so each
trade is followed to its end at once, by the kernel's own code; only what it frees, and when, is kept for later entries. Amounts
are in units of 1/N of the starting capital for N assets, so that figures read as those of sleeves: the account starts with N.
A slow twin in plain Python stands in `tests/backtest/slow_shared_cash.py`; both agree to 1e-9.
"""

import math
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import float64, int64, njit, types, uint64, void

from engine.backtest import kernel
from engine.backtest.kernel import EQUITY, FINAL, IS_OPEN, PNL, R_SIZE, REJECTED, STILL_OPEN

LEAST_CASH = 1e-9
"""Free cash of no more than this share of equity, or of the starting capital if that is more, is rounding: it buys nothing."""

# Columns of the whole numbers that are kept for each asset, and of what is due at each open.
DECIDE, LEFT, QUEUE = range(3)
CASH, PLACES = range(2)

_ONE = np.uint64(1)
_count, _cell, _is_forbidden, _word = kernel._popcount, kernel._cell, kernel._is_forbidden, kernel._word
_surviving, _risk, _trade, _mark_cash = kernel._surviving, kernel._risk, kernel._trade, kernel._mark_cash
_decides_again, _sum_up = kernel._decides_again, kernel._sum_up


@njit(inline="always")
def _by_bar(w, possible, entries, exits, short_entries, short_exits, cell_of_word, cells, offsets, of_asset, by_bar):
    """Turn word w of every asset's entries into sets of assets, one for each of its 64 bars; those while it is held are out."""
    by_bar[:] = 0
    has_cells = offsets[4] > offsets[0]
    for asset in range(possible.shape[0]):
        longs, shorts = _surviving(entries, exits, short_entries, short_exits, asset, w)
        left = (longs | shorts) & possible[asset, w]
        first = of_asset[asset, DECIDE] - (w << 6)
        if left == 0 or first >= 64:
            continue
        if first > 0:
            left &= ~np.uint64(0) << np.uint64(first)
        while left != 0:
            bar = _count((left & (~left + _ONE)) - _ONE)
            left &= left - _ONE
            if has_cells and _is_forbidden(cells, offsets, _cell(entries, short_entries, cell_of_word, asset, (w << 6) + bar)):
                continue
            by_bar[bar, asset >> 6] |= _ONE << np.uint64(asset & 63)


@njit(inline="always")
def _willing(t, wanted, entries, short_entries, cell_of_word, ranks, sums, of_asset, merit, has_room):
    """Queue the assets that enter at the open of t + 1 if there is room, by column, and return how many; reject them if not."""
    count = 0
    for w in range(len(wanted)):
        left = wanted[w]
        while left != 0:
            asset = (w << 6) + _count((left & (~left + _ONE)) - _ONE)
            left &= left - _ONE
            if t < of_asset[asset, DECIDE]:  # it was entered since its set was made
                continue
            if not has_room:
                sums[asset, REJECTED] += 1.0
                continue
            if len(ranks) > 0:
                rank = ranks[_cell(entries, short_entries, cell_of_word, asset, t)]
                merit[count] = -math.inf if math.isnan(rank) else rank
            of_asset[count, QUEUE] = asset
            count += 1
    return count


@njit(inline="always")
def _bring_forward(place, count, of_asset, merit):
    """Move the best of the queue from `place` on there, the others keeping their order; of equals the first is best."""
    best = place
    for i in range(place + 1, count):
        if merit[i] > merit[best]:
            best = i
    asset, rank = of_asset[best, QUEUE], merit[best]
    for i in range(best, place, -1):
        of_asset[i, QUEUE], merit[i] = of_asset[i - 1, QUEUE], merit[i - 1]
    of_asset[place, QUEUE], merit[place] = asset, rank


@njit(inline="always")
def _close_books(sums, peaks):
    """Each asset's final worth: one unit and its P/L."""
    assets = len(peaks)
    for asset in range(assets):
        if sums[asset, IS_OPEN] != 0:
            sums[asset, FINAL] -= assets - 1.0
        else:
            _mark_cash(assets + sums[asset, PNL], peaks[asset], sums, asset)
            sums[asset, FINAL] = 1.0 + sums[asset, PNL]


@njit(inline="always")
def _enter(
    prices, row0, n, t, asset, equity, free, delist_bars, entries, exits, short_entries, short_exits, cell_of_word, scalars,
    cells, offsets, max_bars, cooldown, fee, slip, beyond, fraction, sums, curves, steps, trades, made, due, of_asset, peaks,
):  # fmt: skip
    """Enter that asset at the open of t + 1, follow the trade to its end and note what it frees then; returns its stake."""
    longs, _ = _surviving(entries, exits, short_entries, short_exits, asset, t >> 6)
    side = 1 if (longs >> np.uint64(t & 63)) & _ONE != 0 else -1
    cell = _cell(entries, short_entries, cell_of_word, asset, t)
    size = _risk(scalars, cells, offsets, R_SIZE, cell)
    stake = min(equity * fraction * (size if size > 0 else 1.0), free)
    worth, peak = len(peaks) + sums[asset, PNL], peaks[asset]
    if t + 1 > of_asset[asset, LEFT]:  # it was not held at a close; entered anew at the open of its exit, it was
        peak = _mark_cash(worth, peak, sums, asset)
    out, pnl, reason, at_open, peaks[asset] = _trade(
        prices, asset, row0, n, t, side, cell, stake, worth, stake, peak, entries, exits, short_entries, short_exits,
        cell_of_word, scalars, cells, offsets, max_bars, fee, slip, beyond, delist_bars[asset], sums, curves, steps, trades,
        made,
    )  # fmt: skip
    of_asset[asset, LEFT], of_asset[asset, DECIDE] = out, n
    if reason != STILL_OPEN:
        of_asset[asset, DECIDE] = _decides_again(out, reason, at_open, cooldown)
        freed = out if at_open else out + 1
        due[freed, CASH] += stake + pnl
        due[freed, PLACES] += 1.0
    return stake


@njit(inline="always")
def _account(
    prices, row0, n, delist_bars, possible, entries, exits, short_entries, short_exits, cell_of_word, scalars, cells, offsets,
    ranks, max_bars, cooldown, fee, slip, beyond, max_positions, fraction, sums, curves, steps, trades, due, by_bar, of_asset,
    peaks, merit,
):  # fmt: skip
    """All trades of one scenario; returns their number."""
    free = realized = float(len(peaks))
    held = made = 0
    for t in range(n - 1):
        if t & 63 == 0:
            _by_bar(t >> 6, possible, entries, exits, short_entries, short_exits, cell_of_word, cells, offsets, of_asset, by_bar)
        realized += steps[t]
        free += due[t + 1, CASH]
        held -= int64(due[t + 1, PLACES])
        equity = realized + curves[t, EQUITY]
        least = LEAST_CASH * max(equity, float(len(peaks)))
        has_room = held < max_positions and free > least
        count = _willing(t, by_bar[t & 63], entries, short_entries, cell_of_word, ranks, sums, of_asset, merit, has_room)
        for place in range(count):
            if held >= max_positions or free <= least:
                sums[of_asset[place, QUEUE], REJECTED] += 1.0
                continue
            if len(ranks) > 0:
                _bring_forward(place, count, of_asset, merit)
            free -= _enter(
                prices, row0, n, t, of_asset[place, QUEUE], equity, free, delist_bars, entries, exits, short_entries,
                short_exits, cell_of_word, scalars, cells, offsets, max_bars, cooldown, fee, slip, beyond, fraction, sums, curves,
                steps, trades, made, due, of_asset, peaks,
            )  # fmt: skip
            made += 1
            held += 1
    _close_books(sums, peaks)
    return made


def _compiled(rules: int) -> Callable[..., None]:
    """`simulate`, compiled. What numba keeps on disk is found by this file and what the function closes over: `rules` stands for
    the kernel's file, whose code is built in here.
    """

    @njit(
        void(
            kernel._prices, int64, int64, kernel._rows, types.Array(uint64, 2, "C", readonly=True), kernel._bits, kernel._bits,
            kernel._bits, kernel._bits, float64[:, ::1], kernel._floats, int64[:, ::1], kernel._floats, int64[:, ::1],
            kernel._rows, kernel._rows, float64, float64, float64, int64, float64, float64[:, :, ::1], float64[:, ::1],
            float64[:, ::1], int64[::1], float64[:, :, ::1], float64[:, ::1], int64[:, :, ::1], float64[:, ::1],
            types.Array(uint64, 2, "C"), int64[:, ::1], float64[:, ::1],
        ),
        nogil=True, cache=True, _nrt=False, error_model="numpy",
    )  # fmt: skip
    def simulate(
        prices, row0, n, delist_bars, possible, entries, exits, short_entries, short_exits, scalars, cells, offsets,
        ranks, rank_ends, max_bars, cooldown, fee, slip, beyond, max_positions, fraction, sums, facts, trades, made, curves,
        steps, cell_of_word, due, by_bar, of_asset, of_queue,
    ):  # fmt: skip
        assets = prices.shape[0]
        for s in range(len(made) if rules >= 0 else 0):
            curves[s] = 0.0
            steps[s] = 0.0
            due[:] = 0.0
            of_asset[:] = 0
            of_queue[0] = float(assets)
            count = 0
            for asset in range(assets):
                for w in range(cell_of_word.shape[2]):
                    cell_of_word[s, asset, w] = count
                    count += _count(entries[s, asset, w] | _word(short_entries[s], asset, w))
            made[s] = _account(
                prices, row0, n, delist_bars, possible, entries[s], exits[s], short_entries[s],
                short_exits[s], cell_of_word[s], scalars[s], cells, offsets[s], ranks[rank_ends[s, 0] : rank_ends[s, 1]],
                max_bars[s], cooldown[s], fee, slip, beyond, max_positions, fraction, sums[s], curves[s], steps[s], trades, due,
                by_bar, of_asset, of_queue[0], of_queue[1],
            )  # fmt: skip
            _sum_up(curves[s], steps[s], facts[s], assets)

    return simulate


simulate = _compiled(zlib.crc32(Path(kernel.__file__).read_bytes()))
