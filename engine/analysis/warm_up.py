"""From which bar on signals no longer depend on where the data begins, and whether they depend on bar numbers instead."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from engine.analysis.decisions import Decisions, changed_cells
from engine.analysis.look_ahead import Ground, Reruns
from engine.records import Failure
from engine.strategy.probe_windows import Past, seal_excerpt, seal_other_past

STARTS = (0.25, 0.4)
"""Where the two later starts lie, as shares of the rows."""
CLOSE_ENOUGH = 1e-3
"""Risk values and ranks that are so near relatively count as settled: averages without end only come ever nearer."""
MAX_CELLS, MAX_SIGNALS = 0.001, 0.01
"""Of all cells, and of those that carry a signal, so many may still differ once signals have settled."""
_LONGEST = 0.75
_STRETCH_BARS, _STRETCH_SIGNALS = 50, 100
_FAR_BARS = 100
_FEW_CELLS, _FEW_GAINED = 8, 3
_MEMORY = 0.02
"""Of the cells that tell bar numbers from memory so many may change with the past."""
_SALTED = 0.02
"""Of all signals so many may change with labels and scales: logarithms of scaled prices are rounded otherwise."""


def later_rows(rows: int) -> tuple[int, ...]:
    """Rows of the later starts: odd, and no multiple of 3, 5 or 7, so that no common rhythm of bar numbers fits."""
    least = [max(1, int(share * rows)) for share in STARTS]
    return tuple(next((r for r in range(at, rows) if all(r % d for d in (2, 3, 5, 7))), at) for at in least)


def _joined(base: Decisions, later: Sequence[Decisions]) -> tuple[np.ndarray, np.ndarray, int]:
    """(cells that differ, cells with a signal) of each bar after the start, over all starts and assets, and cells of a bar."""
    bars = min(d.bars for d in later)
    differ, signal = np.zeros(bars, np.int64), np.zeros(bars, np.int64)
    for decisions in later:
        full = base.last(decisions.bars)
        differ += changed_cells(full, decisions, tolerance=CLOSE_ENOUGH)[:, :bars].sum(axis=0)
        signal += (full.signalling | decisions.signalling)[:, :bars].sum(axis=0)
    return differ, signal, base.assets * len(later)


def settling_bar(base: Decisions, later: Sequence[Decisions]) -> int | None:
    """The first bar after a later start from which its signals equal the full ones; None if that does not come.

    Equal: of all later cells at most 0.1 % differ, of those with a signal at most 1 %, and at most 0.1 % in the stretch that
    follows. It must come within the first three quarters of what can be compared.
    """
    differ, signal, cells = _joined(base, later)
    bars = len(differ)
    left_differ = np.append(np.cumsum(differ[::-1])[::-1], 0)
    left_signal = np.append(np.cumsum(signal[::-1])[::-1], 0)
    a_bar = max(float(signal.mean()), 1e-9)
    stretch = int(np.clip(_STRETCH_SIGNALS / a_bar, _STRETCH_BARS, max(_STRETCH_BARS, bars // 4)))
    at = np.arange(int(bars * _LONGEST) + 1)
    ends = np.minimum(at + stretch, bars)
    settled = (
        (left_differ[at] <= MAX_CELLS * cells * (bars - at))
        & (left_differ[at] <= MAX_SIGNALS * left_signal[at])
        & (left_differ[at] - left_differ[ends] <= MAX_CELLS * (left_signal[at] - left_signal[ends]))
    )
    return int(np.argmax(settled)) if settled.any() else None


def _far_differences(base: Decisions, later: Decisions) -> tuple[np.ndarray, int]:
    """(cells (assets, bars) that differ long after the later start, how many of them carry a signal only there)."""
    full = base.last(later.bars)
    changed = changed_cells(full, later, tolerance=CLOSE_ENOUGH)
    changed[:, : min(_FAR_BARS, later.bars // 5)] = False
    gained = np.logical_or.reduce([later.flags[name] & ~full.flags[name] for name in full.flags])
    return changed, int((changed & gained).sum())


def _later_half(changed: np.ndarray) -> np.ndarray:
    """The half of the cells that come later."""
    middle = np.median(np.nonzero(changed)[1])
    return changed & (np.arange(changed.shape[1]) >= middle)


class StartCheck:
    """The runs of a candidate from later starts and under another salt, begun when this is made."""

    def __init__(self, reruns: Reruns, ground: Ground, *, seed: int) -> None:
        self._reruns, self._ground, self._seed = reruns, ground, seed
        self._rows = later_rows(ground.excerpt.rows)
        self._later = [reruns.decisions(partial(seal_excerpt, ground.excerpt.later(rows))) for rows in self._rows]
        self._salted = reruns.decisions(partial(seal_excerpt, ground.excerpt), other_salt=True)

    def result(self) -> int | Failure | None:
        """`warm_up_bars`, or why the candidate is refused: it follows labels, price levels or bar numbers.

        Bar numbers: long after a later start there are signals that the full window does not have, and yet on such cells it
        decides as ever when all bars before that start are other ones and only their count is kept. What has a long memory
        (OBV, the highest price ever) changes with one of three different pasts; what only waits for a number of bars, and
        settles then, gains no signal by a later start.
        """
        later, salted = [task.result() for task in self._later], self._salted.result()
        if isinstance(salted, Failure):
            return salted
        if _differs_by_salt(self._ground.base, salted):
            return Failure("start_dependent", _LABELS)
        for answer in later:
            if isinstance(answer, Failure):
                where = f"on the {self._ground.window} window without its first bars, though not on the whole"
                kind = "start_dependent" if answer.kind == "error" else answer.kind
                return Failure(kind, f"{answer.message} ({where}; {_INSTEAD})", answer.line)
        begun = [answer for answer in later if not isinstance(answer, Failure)]
        settled = settling_bar(self._ground.base, begun)
        if self._follows_bar_numbers(begun[0], waits=settled is not None):
            return Failure("start_dependent", _BAR_NUMBERS)
        return settled

    def _follows_bar_numbers(self, later: Decisions, *, waits: bool) -> bool:
        ground = self._ground
        changed, gained = _far_differences(ground.base, later)
        if changed.sum() < _FEW_CELLS or (waits and gained < _FEW_GAINED):
            return False
        pasts: tuple[Past, ...] = ("up", "down", "calm")
        makers = [partial(seal_other_past, ground.excerpt, self._rows[0], seed=self._seed, style=past) for past in pasts]
        answers = [task.result() for task in [self._reruns.decisions(make) for make in makers]]
        cells, full = _later_half(changed), ground.base.last(later.bars)
        for answer in answers:
            if isinstance(answer, Failure):
                continue  # who fails on every other past hides what it looks at
            differ = changed_cells(full, answer.last(later.bars), tolerance=CLOSE_ENOUGH)
            if (differ & cells).sum() > _MEMORY * cells.sum():
                return False
        return True


def _differs_by_salt(base: Decisions, salted: Decisions) -> bool:
    changed = changed_cells(base, salted, tolerance=CLOSE_ENOUGH).sum()
    return bool(changed > 2 and changed > _SALTED * (base.signalling | salted.signalling).sum())


_INSTEAD = "use market.hour and market.weekday for rhythms, and windows of a fixed length"
_BAR_NUMBERS = (
    "the signals follow the number of the bar in the window: they are others when the data begins later, however long one waits;"
    f" {_INSTEAD}"
)
_LABELS = (
    "the signals follow row labels, price levels or random numbers, which are drawn anew for each run and mean nothing: use"
    " market.hour and market.weekday for rhythms, and compare prices and volumes with others of the same asset, never with a"
    " number: close < 0.98 * ta.sma(close, 24), not close < 0.98"
)
