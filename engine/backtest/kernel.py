"""The kernel: a few scenarios over all assets, by the execution rules, compiled.

Rules (numbers as in `docs/execution.md`): 1 the open, 2 inside the bar, 3 the close, 4 missing bars, 5 the floor. Each asset
is a sleeve that starts with capital 1; all amounts are in that unit. `shared_cash` follows its trades by the same code. A slow
twin in plain Python stands in `slow_twin.py`; both agree to 1e-9.

Flat stretches are skipped 64 bars at a time by scanning the packed entry bits, so time goes with bars held, not bars. An
asset's bars are read for one scenario after the other while they are in the cache: from memory they come at half the speed.
"""

import math

import numpy as np
from numba import float64, int64, njit, types, uint64, void

# What the kernel adds up for each asset; columns of its `sums`.
TRADES, WINS, GAIN, LOSS, RETURN, PNL, PNL_SQUARED, OPEN_PNL, OPEN_RETURN, FINAL = range(10)
DRAWDOWN, BARS_HELD, TURNOVER, FEES, AMBIGUOUS, STOP_OUTS, IS_OPEN, REJECTED = range(10, 18)
SUMS = 18

# What it says of the whole portfolio at each bar; columns of its `curves`.
EQUITY, DEPLOYED, LARGEST = range(3)

# What it says of the portfolio over all bars; columns of its `facts`.
MAX_DRAWDOWN, EXPOSURE, MAX_EXPOSURE, LARGEST_SHARE = range(4)
FACTS = 4

# Columns of a recorded trade.
(T_ASSET, T_SIDE, T_ENTRY, T_EXIT, T_PRICE_IN, T_PRICE_OUT, T_PNL, T_REASON, T_AMBIGUOUS, T_QUANTITY, T_FEES, T_CELL) = range(12)
TRADE_COLUMNS = 12

# Positions in records.TRADE_REASONS.
EXIT_SIGNAL, REVERSE, MAX_BARS, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, DELISTED, LIQUIDATED, STILL_OPEN = range(9)
NOTHING = -1

# Last axis of the prices: one bar lies in one piece of memory, since all of it is read together.
OPEN, HIGH, LOW, CLOSE = range(4)

# Rows of the risk table handed to the kernel.
R_STOP, R_TARGET, R_TRAIL, R_SIZE = range(4)

_ONE = np.uint64(1)
_prices = types.Array(float64, 3, "C", readonly=True)
_bits = types.Array(uint64, 3, "C", readonly=True)
_rows = types.Array(int64, 1, "C", readonly=True)
_floats = types.Array(float64, 1, "C", readonly=True)


@njit(inline="always")
def _popcount(x: np.uint64) -> int:
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(inline="always")
def _bit(words: np.ndarray, asset: int, t: int) -> bool:
    """Bit of bar t; an absent table has no words and is all False."""
    return words.shape[1] > 0 and (words[asset, t >> 6] >> np.uint64(t & 63)) & _ONE != 0


@njit(inline="always")
def _word(words: np.ndarray, asset: int, w: int) -> np.uint64:
    return np.uint64(0) if words.shape[1] == 0 else words[asset, w]


@njit(inline="always")
def _surviving(entries, exits, short_entries, short_exits, asset, w):
    """Rule 1 on one word: each side's entry is vetoed by its own exit, then a tie of what remains cancels."""
    longs = entries[asset, w] & ~_word(exits, asset, w)
    shorts = _word(short_entries, asset, w) & ~_word(short_exits, asset, w)
    return longs & ~shorts, shorts & ~longs


@njit(inline="always")
def _next_entry(entries, exits, short_entries, short_exits, asset, t, stop):
    """First bar >= t and < stop whose close decides an entry, and its side; (stop, 0) if none."""
    if t >= stop:
        return stop, 0
    w = t >> 6
    last = (stop - 1) >> 6
    mask = ~np.uint64(0) << np.uint64(t & 63)
    while w <= last:
        longs, shorts = _surviving(entries, exits, short_entries, short_exits, asset, w)
        either = (longs | shorts) & mask
        if either != 0:
            lowest = either & (~either + _ONE)
            found = (w << 6) + _popcount(lowest - _ONE)
            if found >= stop:
                return stop, 0
            return found, 1 if longs & lowest != 0 else -1
        mask = ~np.uint64(0)
        w += 1
    return stop, 0


@njit(inline="always")
def _cell(entries, short_entries, cell_of_word, asset, t):
    """Index of the deciding cell of bar t among all deciding cells; 0 where nobody counts them."""
    if cell_of_word.shape[1] == 0:
        return 0
    w = t >> 6
    below = (_ONE << np.uint64(t & 63)) - _ONE
    return cell_of_word[asset, w] + _popcount((_word(entries, asset, w) | _word(short_entries, asset, w)) & below)


@njit(inline="always")
def _is_forbidden(cells, offsets, cell):
    """A risk value of that cell is NaN: what is decided there is no entry, so it reverses nothing either."""
    for kind in range(4):  # noqa: SIM110 numba compiles no generator
        if offsets[kind + 1] > offsets[kind] and math.isnan(cells[offsets[kind] + cell]):
            return True
    return False


@njit(inline="always")
def _inside(o, h, low, side, stop, is_fixed, target, reach, floor):
    """Rule 2 and 5 on one bar of a position: (reason or NOTHING, price before slippage, is ambiguous).

    `stop` and `target` are infinite where there is none; `reach`, the target or a price beyond it, must be touched for a fill at
    the target; `floor` is the price at which the sleeve is worth nothing.
    """
    worst, best = (low, h) if side > 0 else (h, low)
    stop_reason = STOP_LOSS if is_fixed else TRAILING_STOP
    if side * (o - stop) <= 0:
        return stop_reason, o, False
    if side * (o - reach) >= 0:
        return TAKE_PROFIT, o, False
    if side * (worst - stop) <= 0:
        return stop_reason, stop, side * (best - reach) >= 0
    if side * (worst - floor) <= 0:
        return LIQUIDATED, floor, False
    if side * (best - reach) >= 0:
        return TAKE_PROFIT, target, False
    return NOTHING, 0.0, False


@njit(inline="always")
def _hold(
    prices, asset, row0, n, entry, side, price_in, quantity, basis, cash, limit, floor, stop_loss, target, trail,
    own, own_exits, other, other_exits, cell_of_word, cells, offsets, max_bars, fee, slip, beyond, delist_bar, sums, curves, peak,
):  # fmt: skip
    """Hold one position from bar `entry` to its end.

    Returns (exit bar, price out, P/L, reason, is ambiguous, is out at the open, peak). STILL_OPEN: exit bar n - 1, P/L valued
    at the last close less exit costs.
    `own` and `other`: entries of the position's side and of the opposite one. `basis` is what the entry left
    of cash, minus cash; `limit` is the most that can be lost; marks go into `curves` and `sums`.
    """
    fixed = price_in * (1.0 - side * stop_loss) if stop_loss >= 0 else -side * math.inf
    best, reach = price_in, target * (1.0 + side * beyond)
    pending = NOTHING
    mark = price_in
    held, drawdown = 0, sums[asset, DRAWDOWN]
    for t in range(entry, n):
        row = row0 + t
        c = prices[asset, row, CLOSE]
        if c == c:
            o, h, low = prices[asset, row, OPEN], prices[asset, row, HIGH], prices[asset, row, LOW]
            if pending != NOTHING:
                price = o * (1.0 - side * slip)
                sums[asset, BARS_HELD] += held
                sums[asset, DRAWDOWN] = drawdown
                return t, price, basis + side * quantity * price * (1.0 - side * fee), pending, False, True, peak
            stop, is_fixed = fixed, True
            if trail >= 0:
                trailing = best * (1.0 - side * trail)
                if side * (trailing - fixed) > 0:
                    stop, is_fixed = trailing, False
            if side > 0:
                ends = (o <= stop) | (low <= stop) | (o >= reach) | (h >= reach) | (t == delist_bar)
            else:
                ends = (o >= stop) | (h >= stop) | (o <= reach) | (low <= reach) | (h >= floor) | (t == delist_bar)
            if ends:
                reason, price, ambiguous = _inside(o, h, low, side, stop, is_fixed, target, reach, floor)
                if reason == NOTHING:
                    reason, price = DELISTED, c
                if reason != TAKE_PROFIT and reason != LIQUIDATED:
                    price = price * (1.0 - side * slip)
                pnl = -limit if reason == LIQUIDATED else basis + side * quantity * price * (1.0 - side * fee)
                sums[asset, BARS_HELD] += held
                sums[asset, DRAWDOWN] = drawdown
                return t, price, pnl, reason, ambiguous, False, peak
            best = max(best, h) if side > 0 else min(best, low)
            mark = c
            held += 1
            if _bit(own_exits, asset, t):
                pending = EXIT_SIGNAL
            elif (
                _bit(other, asset, t) and not _bit(other_exits, asset, t)
                and not _bit(own, asset, t)  # it would tie; the own exit, which could veto that, is not set here
                and not _is_forbidden(cells, offsets, _cell(own, other, cell_of_word, asset, t))
            ):  # fmt: skip
                pending = REVERSE
            elif max_bars > 0 and t - entry + 1 >= max_bars:
                pending = MAX_BARS
        value = quantity * mark
        unrealized = basis + side * value
        curves[t, EQUITY] += unrealized
        curves[t, DEPLOYED] += value
        curves[t, LARGEST] = max(curves[t, LARGEST], value)
        peak = max(peak, cash + unrealized)
        drawdown = max(drawdown, (peak - cash - unrealized) / peak)
    sums[asset, BARS_HELD] += held
    sums[asset, DRAWDOWN] = drawdown
    sums[asset, FINAL] = cash + basis + side * quantity * mark
    price = mark * (1.0 - side * slip)
    pnl = max(basis + side * quantity * price * (1.0 - side * fee), -limit)
    return n - 1, price, pnl, STILL_OPEN, False, False, peak


@njit(inline="always")
def _mark_cash(cash, peak, sums, asset):
    """Take a sleeve in cash into its drawdown; returns the new peak."""
    if cash > peak:
        return cash
    if (peak - cash) > sums[asset, DRAWDOWN] * peak:
        sums[asset, DRAWDOWN] = (peak - cash) / peak
    return peak


@njit(inline="always")
def _risk(scalars, cells, offsets, kind, cell):
    """Value of one risk key for one deciding cell: -1 where the strategy gave none."""
    start, stop = offsets[kind], offsets[kind + 1]
    return cells[start + cell] if stop > start else scalars[kind]


@njit(inline="always")
def _trade(
    prices, asset, row0, n, t, side, cell, stake, cash, limit, peak, entries, exits, short_entries, short_exits,
    cell_of_word, scalars, cells, offsets, max_bars, fee, slip, beyond, delist_bar, sums, curves, steps, trades, made,
):  # fmt: skip
    """The trade that the close of t decides, from its fill for `stake`, fee included, to its end, booked as number `made`.

    Returns (exit bar, P/L, reason, is out at the open, peak). Drawdown is of `cash` and P/L; `limit` is the most it can lose.
    """
    stop_loss = _risk(scalars, cells, offsets, R_STOP, cell)
    take_profit = _risk(scalars, cells, offsets, R_TARGET, cell)
    trail = _risk(scalars, cells, offsets, R_TRAIL, cell)
    price_in = prices[asset, row0 + t + 1, OPEN] * (1.0 + side * slip)
    quantity = stake / (price_in * (1.0 + fee))
    basis = -side * quantity * price_in * (1.0 + side * fee)
    floor = -1.0 if side > 0 else (limit + basis) / quantity
    target = price_in * (1.0 + side * take_profit) if take_profit >= 0 else side * math.inf
    if side > 0:  # a literal side: the compiler folds every multiplication by it away
        out, price_out, pnl, reason, ambiguous, at_open, peak = _hold(
            prices, asset, row0, n, t + 1, 1.0, price_in, quantity, basis, cash, limit, floor, stop_loss, target, trail,
            entries, exits, short_entries, short_exits, cell_of_word, cells, offsets, max_bars, fee, slip, beyond, delist_bar,
            sums, curves, peak,
        )  # fmt: skip
    else:
        out, price_out, pnl, reason, ambiguous, at_open, peak = _hold(
            prices, asset, row0, n, t + 1, -1.0, price_in, quantity, basis, cash, limit, floor, stop_loss, target, trail,
            short_entries, short_exits, entries, exits, cell_of_word, cells, offsets, max_bars, fee, slip, beyond, delist_bar,
            sums, curves, peak,
        )  # fmt: skip
    if reason != STILL_OPEN and limit + pnl <= 0.0:
        reason, pnl = LIQUIDATED, -limit
    notional = quantity * price_in
    fees = fee * quantity * (price_in + (0.0 if reason == STILL_OPEN else price_out))
    if trades.shape[0] > 0:
        record = trades[made]
        record[T_ASSET], record[T_SIDE], record[T_ENTRY], record[T_EXIT] = asset, side, t + 1, out
        record[T_PRICE_IN], record[T_PRICE_OUT], record[T_PNL], record[T_REASON] = price_in, price_out, pnl, reason
        record[T_AMBIGUOUS], record[T_QUANTITY], record[T_FEES], record[T_CELL] = ambiguous, quantity, fees, cell
    if reason == STILL_OPEN:
        sums[asset, IS_OPEN] = 1
        sums[asset, OPEN_PNL] = pnl
        sums[asset, OPEN_RETURN] = pnl / notional
        sums[asset, TURNOVER] += notional
        sums[asset, FEES] += fee * notional
        return out, pnl, reason, at_open, peak
    steps[out] += pnl
    sums[asset, TRADES] += 1
    if pnl > 0:
        sums[asset, WINS] += 1
        sums[asset, GAIN] += pnl
    else:
        sums[asset, LOSS] -= pnl
    sums[asset, RETURN] += pnl / notional
    sums[asset, PNL] += pnl
    sums[asset, PNL_SQUARED] += pnl * pnl
    sums[asset, TURNOVER] += notional + quantity * price_out
    sums[asset, FEES] += fees
    sums[asset, AMBIGUOUS] += ambiguous
    sums[asset, STOP_OUTS] += reason in (STOP_LOSS, TRAILING_STOP)
    return out, pnl, reason, at_open, peak


@njit(inline="always")
def _decides_again(out, reason, at_open, cooldown):
    """The first bar at whose close an entry may be decided after an exit at bar `out`."""
    pause = cooldown if reason in (STOP_LOSS, TRAILING_STOP) else 0
    return out - 1 if at_open else out + pause


@njit(inline="always")
def _asset(
    prices, asset, row0, n, delist_bar, first_decision, entries, exits, short_entries, short_exits,
    cell_of_word, scalars, cells, offsets, max_bars, cooldown, fee, slip, beyond, sums, curves, steps, trades, made,
):  # fmt: skip
    """All trades of one asset; returns the number of trades recorded so far (`made` and those added)."""
    cash, peak, left = 1.0, 1.0, 0
    decide = first_decision
    last_decision = n - 1 if delist_bar < 0 else delist_bar
    while True:
        t, side = _next_entry(entries, exits, short_entries, short_exits, asset, decide, last_decision)
        if side == 0:
            break
        decide = t + 1
        if math.isnan(prices[asset, row0 + t, CLOSE] + prices[asset, row0 + t + 1, OPEN]):
            continue
        cell = _cell(entries, short_entries, cell_of_word, asset, t)
        if _is_forbidden(cells, offsets, cell):
            continue
        if t + 1 > left:  # the sleeve was in cash at a close; entered anew at the open of its exit, it was not
            peak = _mark_cash(cash, peak, sums, asset)
        size = _risk(scalars, cells, offsets, R_SIZE, cell)
        left, pnl, reason, at_open, peak = _trade(
            prices, asset, row0, n, t, side, cell, cash * (size if size > 0 else 1.0), cash, cash, peak, entries, exits,
            short_entries, short_exits, cell_of_word, scalars, cells, offsets, max_bars, fee, slip, beyond, delist_bar, sums,
            curves, steps, trades, made,
        )  # fmt: skip
        made += 1
        if reason == STILL_OPEN:
            return made
        cash += pnl
        if reason == LIQUIDATED or cash <= 0.0:
            cash = 0.0
            break
        decide = _decides_again(left, reason, at_open, cooldown)
    _mark_cash(cash, peak, sums, asset)
    sums[asset, FINAL] = cash
    return made


@njit(inline="always")
def _sum_up(curves, steps, facts, assets):
    """Turn the marks of open positions into the portfolio's equity, and fill its facts."""
    n = curves.shape[0]
    realized, peak, low, exposure, most, largest = float(assets), 1.0, 0.0, 0.0, 0.0, 0.0
    for t in range(n):
        realized += steps[t]
        worth = curves[t, EQUITY] + realized
        equity = worth / assets
        curves[t, EQUITY] = equity
        peak = max(peak, equity)
        low = min(low, equity / peak - 1.0)
        if worth > 0.0:
            deployed = curves[t, DEPLOYED] / worth
            exposure += deployed
            most = max(most, deployed)
            largest = max(largest, curves[t, LARGEST] / worth)
    facts[MAX_DRAWDOWN], facts[EXPOSURE], facts[MAX_EXPOSURE], facts[LARGEST_SHARE] = low, exposure / n, most, largest


@njit(
    void(
        _prices, int64, int64, _rows, int64, _bits, _bits, _bits, _bits, float64[:, ::1], _floats, int64[:, ::1], _rows, _rows,
        float64, float64, float64, float64[:, :, ::1], float64[:, ::1], float64[:, ::1], int64[::1], float64[:, :, ::1],
        float64[:, ::1], int64[:, :, ::1],
    ),
    nogil=True, cache=True, _nrt=False, error_model="numpy",
)  # fmt: skip
def simulate(
    prices, row0, n, delist_bars, first_decision, entries, exits, short_entries, short_exits, scalars, cells, offsets,
    max_bars, cooldown, fee, slip, beyond, sums, facts, trades, made, curves, steps, cell_of_word,
):  # fmt: skip
    """Run S scenarios on rows [row0, row0 + n).

    Prices: (assets, rows, 4) of open, high, low, close, NaN where there is no bar. `delist_bars`: for each asset the bar,
    counted from row0, at whose close it leaves the market, -1 if it does not inside the window. Signals: packed words (S,
    assets, words) or (S, assets, 0) for none. `scalars` (S, 4): stop, target, trail, size, -1 for none; a key with values for
    each deciding cell has them in `cells[offsets[s, k]:offsets[s, k + 1]]`. Targets fill a fraction of `beyond` beyond them.
    Fills `sums` (S, assets, SUMS), from zero; `facts` (S, FACTS); `made` (S,), the number of trades, open ones included;
    `curves` (S, n, 3), equity in units of total capital, deployed and largest in sleeves; and `trades`, which has a row for
    each trade to be recorded, or none, and is for one scenario. `steps` (S, n + 1) and `cell_of_word` (S, assets, words) are
    room to work in; the second has no columns where neither `cells` nor `trades` is used. The kernel allocates nothing, so
    that it can be compiled without reference counting, which took half of its time.
    """
    scenarios, assets = len(made), prices.shape[0]
    for s in range(scenarios):
        made[s] = count = 0
        curves[s] = 0.0
        steps[s] = 0.0
        for asset in range(assets):
            for w in range(cell_of_word.shape[2]):
                cell_of_word[s, asset, w] = count
                count += _popcount(entries[s, asset, w] | _word(short_entries[s], asset, w))
    for asset in range(assets):
        for s in range(scenarios):
            made[s] = _asset(
                prices, asset, row0, n, delist_bars[asset], first_decision, entries[s], exits[s], short_entries[s],
                short_exits[s], cell_of_word[s], scalars[s], cells, offsets[s], max_bars[s], cooldown[s], fee, slip, beyond,
                sums[s], curves[s], steps[s], trades, made[s],
            )  # fmt: skip
    for s in range(scenarios):
        _sum_up(curves[s], steps[s], facts[s], assets)
