"""How often the choice of the best candidate fails on the other half of the days: PBO by CSCV.

Bailey, Borwein, Lopez de Prado and Zhu 2017, "The probability of backtest overfitting", Journal of Computational Finance.
"""

import math
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

import numpy as np

from engine.analysis.evidence_inputs import candidates

_CHUNK = 256
_STEADY = 1e-12
"""A half whose variance is this share of the candidate's own has none: what is left is rounding."""
_ALIKE = 1e-12
"""Exact copies share a rank, whatever their column does to the last digit."""


@dataclass(frozen=True)
class Overfit:
    """`pbo`: share of the splits in which the candidate chosen on one half ranks below the median of all on the other; 0.5 is a
    choice that is worth nothing. `loss`: share in which it has a Sharpe ratio below 0 there. `slope`: of its Sharpe ratio on the
    other half over that on the half it was chosen on; below 0 is a mark of overfitting. `logits`: (splits,) log odds of its rank,
    `chosen` and `checked`: (splits,) the two Sharpe ratios, per day. NaN and empty, with the `reason`, where not computed."""

    candidates: int
    pbo: float = math.nan
    loss: float = math.nan
    slope: float = math.nan
    logits: np.ndarray = field(default_factory=lambda: np.empty(0))
    chosen: np.ndarray = field(default_factory=lambda: np.empty(0))
    checked: np.ndarray = field(default_factory=lambda: np.empty(0))
    reason: str = ""


def probability_of_overfitting(returns: np.ndarray, blocks: int = 16) -> Overfit:
    """PBO of choosing by Sharpe ratio among (candidates, days) daily returns.

    The days are cut into `blocks` consecutive parts, each choice of half of them is a sample to choose on (12,870 choices of 16),
    the rest the sample to check on. rank = r / (candidates + 1) with r the rank on the rest, ties shared; logit = ln(rank / (1 -
    rank)); PBO = share of logits below 0, so that one exactly at the median counts as held. A half on which a
    candidate's returns do not vary has a Sharpe ratio of 0.
    Raises ValueError if blocks is not even and from 2 to 20.
    """
    if blocks % 2 or not 2 <= blocks <= 20:
        raise ValueError(f"{blocks} blocks; wanted an even number from 2 to 20, since halves of them are compared")
    kept, reason = candidates(returns, least=2)
    if not reason and kept.shape[1] < 2 * blocks:
        reason = f"{kept.shape[1]} days; {blocks} blocks want at least {2 * blocks}"
    if not reason and not np.ptp(kept, axis=0).any():
        reason = "all candidates have the same returns, so that there is no choice"
    if reason:
        return Overfit(len(kept), reason=reason)
    logits, chosen, checked = _splits(kept, blocks)
    spread = float(chosen.var())
    slope = float(np.mean((chosen - chosen.mean()) * (checked - checked.mean())) / spread) if spread > 0 else math.nan
    below, loss = float(np.mean(logits < 0)), float(np.mean(checked < 0))
    return Overfit(len(kept), below, loss, slope, logits, chosen, checked)


def _splits(returns: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logit, Sharpe ratio on the choosing half and on the other, for each split; from sums over blocks, not from days.

    In lexicographic order the complement of choice i is choice (last - i), so each half is scored once and serves twice.
    """
    mean = returns.mean(axis=1, keepdims=True)
    scale = returns.std(axis=1, keepdims=True)
    scores = (returns - mean) / scale  # sums of squares lose no digits where the mean is great beside the spread
    starts = np.cumsum([0, *(len(part) for part in np.array_split(np.arange(returns.shape[1]), blocks))])
    sums = np.add.reduceat(scores, starts[:-1], axis=1).T
    squares = np.add.reduceat(scores**2, starts[:-1], axis=1).T
    sizes, offset = np.diff(starts).astype(float), (mean / scale).ravel()
    choices = _halves(blocks)
    half = len(choices) // 2
    logits, chosen, checked = (np.empty(len(choices)) for _ in range(3))
    for start in range(0, half, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, half))
        mirrored = len(choices) - 1 - rows
        first = _sharpes(choices[rows], sums, squares, sizes, offset)
        second = _sharpes(choices[mirrored], sums, squares, sizes, offset)
        for at, own, other in ((rows, first, second), (mirrored, second, first)):
            logits[at], chosen[at], checked[at] = _outcome(own, other)
    return logits, chosen, checked


def _sharpes(choices: np.ndarray, sums: np.ndarray, squares: np.ndarray, sizes: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(choices, candidates) daily Sharpe ratios (ddof 1) over the chosen blocks; 0 where the returns do not vary."""
    days = (choices @ sizes)[:, None]
    total = choices @ sums
    variance = (choices @ squares - total**2 / days) / (days - 1)
    steady = variance < _STEADY
    return np.where(steady, 0.0, (total / days + offset) / np.sqrt(np.where(steady, 1.0, variance)))


def _outcome(own: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What became on the other half of the best on the own half: logit of its rank, and both Sharpe ratios."""
    best = own.argmax(axis=1)
    rows = np.arange(len(own))
    found = other[rows, best]
    below = (other < found[:, None] - _ALIKE).sum(axis=1)
    above = (other > found[:, None] + _ALIKE).sum(axis=1)
    rank = (below + (own.shape[1] - above) + 1) / 2 / (own.shape[1] + 1)
    return np.log(rank / (1 - rank)), own[rows, best], found


@lru_cache(maxsize=4)
def _halves(blocks: int) -> np.ndarray:
    """(choices, blocks) 1.0 where a block belongs to the choice, in lexicographic order."""
    chosen = np.array(list(combinations(range(blocks), blocks // 2)))
    choices = np.zeros((len(chosen), blocks))
    np.put_along_axis(choices, chosen, 1.0, axis=1)
    return choices
