"""How many sequences a random order of the same trades would show: what each trade came to is dealt anew, its time stays.

Compiled, since fifty thousand trades are dealt hundreds of times.
"""

import numpy as np
from numba import njit

DRAWS = 200


def chained_draws(flags: np.ndarray, blocks: np.ndarray, near: np.ndarray, least: int, seed: int) -> np.ndarray:
    """(DRAWS,) how many trades stand in chains of at least so many, when flags (trades,) are dealt anew within each block (its
    trades stand together). `near`: (trades,) the trade may go on with the chain of the one before it."""
    return _chained_draws(flags, blocks, near, least, DRAWS, seed)


def crowded_draws(flags: np.ndarray, slots: np.ndarray, count: int, least: int, seed: int) -> np.ndarray:
    """(DRAWS,) how many flagged trades stand in slots with at least so many of them, when flags are dealt anew over all trades.
    `slots`: (trades,) from 0 to count - 1."""
    return _crowded_draws(flags, slots, count, least, DRAWS, seed)


def longest_draws(flags: np.ndarray, blocks: np.ndarray, seed: int) -> np.ndarray:
    """(2, DRAWS) the longest row of trades without the flag, and of those with it, in any block, when flags are dealt anew within
    each block."""
    return _longest_draws(flags, blocks, DRAWS, seed)


def longest_row(flags: np.ndarray, blocks: np.ndarray) -> int:
    """The longest row of flagged trades in any block."""
    return int(_longest(flags, blocks, True))


def chained(flags: np.ndarray, near: np.ndarray, least: int) -> int:
    """How many trades stand in chains of at least so many flagged ones, each near the one before it."""
    return int(_chained(flags, near, least))


@njit(cache=True, nogil=True)
def _deal(flags: np.ndarray, blocks: np.ndarray, state: np.uint64) -> np.uint64:
    """Fisher and Yates within each block of trades that stand together; the state of the generator behind it.

    The generator is SplitMix64 (Steele, Lea and Flood 2014), four times as fast as numpy's in compiled code; a place among n is n
    times its upper half, off by less than n / 2^32.
    """
    start = 0
    for end in range(1, len(flags) + 1):
        if end == len(flags) or blocks[end] != blocks[start]:
            for i in range(end - 1, start, -1):
                state += np.uint64(0x9E3779B97F4A7C15)
                z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                z = (z ^ (z >> np.uint64(31))) >> np.uint64(32)
                j = start + np.int64((z * np.uint64(i - start + 1)) >> np.uint64(32))
                flags[i], flags[j] = flags[j], flags[i]
            start = end
    return state


@njit(cache=True, nogil=True)
def _chained(flags: np.ndarray, near: np.ndarray, least: int) -> int:
    total, length = 0, 0
    for i in range(len(flags)):
        if flags[i] and length and near[i]:
            length += 1
        else:
            if length >= least:
                total += length
            length = 1 if flags[i] else 0
    return total + length if length >= least else total


@njit(cache=True, nogil=True)
def _longest(flags: np.ndarray, blocks: np.ndarray, wanted: bool) -> int:
    best, length = 0, 0
    for i in range(len(flags)):
        if i and blocks[i] != blocks[i - 1]:
            length = 0
        length = length + 1 if flags[i] == wanted else 0
        best = max(best, length)
    return best


@njit(cache=True, nogil=True)
def _chained_draws(
    flags: np.ndarray, blocks: np.ndarray, near: np.ndarray, least: int, draws: int, seed: int
) -> np.ndarray:  # fmt: skip
    state = np.uint64(seed)
    dealt, out = flags.copy(), np.zeros(draws, np.int64)
    for draw in range(draws):
        state = _deal(dealt, blocks, state)
        out[draw] = _chained(dealt, near, least)
    return out


@njit(cache=True, nogil=True)
def _longest_draws(flags: np.ndarray, blocks: np.ndarray, draws: int, seed: int) -> np.ndarray:
    state = np.uint64(seed)
    dealt, out = flags.copy(), np.zeros((2, draws), np.int64)
    for draw in range(draws):
        state = _deal(dealt, blocks, state)
        out[0, draw], out[1, draw] = _longest(dealt, blocks, False), _longest(dealt, blocks, True)
    return out


@njit(cache=True, nogil=True)
def _crowded_draws(flags: np.ndarray, slots: np.ndarray, count: int, least: int, draws: int, seed: int) -> np.ndarray:
    state = np.uint64(seed)
    dealt, out, counts = flags.copy(), np.zeros(draws, np.int64), np.zeros(count, np.int64)
    one_block = np.zeros(len(flags), np.int64)
    for draw in range(draws):
        state = _deal(dealt, one_block, state)
        counts[:] = 0
        for i in range(len(flags)):
            if dealt[i]:
                counts[slots[i]] += 1
        for slot in range(count):
            if counts[slot] >= least:
                out[draw] += counts[slot]
    return out
