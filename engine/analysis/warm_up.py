"""From which bar on signals no longer depend on where the data begins, and whether they depend on bar numbers instead."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from engine.analysis.decisions import Decisions, changed_cells
from engine.analysis.look_ahead import Ground, Reruns
from engine.records import Failure
from engine.strategy.probe_windows import Style, seal_excerpt, seal_other_past

STARTS = (0.25, 0.4)
"""Where the two later starts lie, as shares of the rows."""
CLOSE_ENOUGH = 1e-3
"""Risk values and ranks that are so near relatively count as settled: averages without end only come ever nearer."""
MAX_CELLS, MAX_SIGNALS = 0.001, 0.01
"""Of all cells, and of those that carry a signal, so many may still differ once signals have settled."""
_LONGEST = 0.75
_STRETCH_BARS, _STRETCH_SIGNALS = 50, 100
_TAIL = 0.15
_TAIL_SIGNALS = 20
_TIED, _UNTIED = 0.02, 0.002


def later_rows(rows: int) -> tuple[int, ...]:
    """Rows of the later starts: odd, and no multiple of 3, 5 or 7, so that no common rhythm of bar numbers fits."""
    return tuple(next(r for r in range(max(1, int(share * rows)), rows) if all(r % d for d in (2, 3, 5, 7))) for share in STARTS)


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


def _still_different(base: Decisions, later: Sequence[Decisions]) -> float:
    """The share of signals that still differ at the end; NaN if there are too few to tell."""
    differ, signal, _ = _joined(base, later)
    tail = slice(int(len(differ) * (1 - _TAIL)), None)
    return float(differ[tail].sum() / signal[tail].sum()) if signal[tail].sum() >= _TAIL_SIGNALS else np.nan


class StartCheck:
    """The runs of a candidate from later starts and under another salt, begun when this is made."""

    def __init__(self, reruns: Reruns, ground: Ground, *, seed: int) -> None:
        self._reruns, self._ground, self._seed = reruns, ground, seed
        self._rows = later_rows(ground.excerpt.rows)
        self._later = [reruns.decisions(partial(seal_excerpt, ground.excerpt.later(rows))) for rows in self._rows]
        self._salted = reruns.decisions(partial(seal_excerpt, ground.excerpt), other_salt=True)

    def result(self) -> int | Failure | None:
        """`warm_up_bars`, or why the candidate is refused: it follows labels, price levels or bar numbers.

        Bar numbers: signals from a later start never become those of the full window, yet they do when all bars before
        that start are other ones and only their count is kept. What sums up its past for ever (OBV) does neither: None.
        """
        later, salted = [task.result() for task in self._later], self._salted.result()
        if isinstance(salted, Failure):
            return salted
        if _differs_by_salt(self._ground.base, salted):
            return Failure("start_dependent", _LABELS)
        for answer in later:
            if isinstance(answer, Failure):
                where = f"on a part of the {self._ground.window} window that starts later"
                return Failure(answer.kind, f"{answer.message} ({where})", answer.line)
        begun = [answer for answer in later if not isinstance(answer, Failure)]
        found = settling_bar(self._ground.base, begun)
        if found is None and _still_different(self._ground.base, begun) > _TIED and self._forgets_the_past():
            return Failure("start_dependent", _BAR_NUMBERS)
        return found

    def _forgets_the_past(self) -> bool:
        """Signals are those of the full window some time after a past that is another one in every way but its length."""
        excerpt = self._ground.excerpt
        styles: tuple[Style, ...] = ("up", "down")
        tasks = [
            (rows, self._reruns.decisions(partial(seal_other_past, excerpt, rows, seed=self._seed, style=style)))
            for rows, style in zip(self._rows, styles, strict=True)
        ]
        answers = [(rows, task.result()) for rows, task in tasks]
        kept = [a.last(excerpt.later(rows).bars) for rows, a in answers if not isinstance(a, Failure)]
        return len(kept) == len(answers) and _still_different(self._ground.base, kept) < _UNTIED


def _differs_by_salt(base: Decisions, salted: Decisions) -> bool:
    changed = changed_cells(base, salted, tolerance=CLOSE_ENOUGH).sum()
    return bool(changed > 2 and changed > _TIED * (base.signalling | salted.signalling).sum())


_BAR_NUMBERS = (
    "the signals follow the number of the bar in the window: they are others when the data begins later, however long one waits;"
    " use market.hour and market.weekday for rhythms, and windows of a fixed length"
)
_LABELS = (
    "the signals follow row labels, price levels or random numbers, which are drawn anew for each run and mean nothing: use"
    " market.hour and market.weekday for rhythms, and ratios (close / average, atr / close) instead of prices"
)
