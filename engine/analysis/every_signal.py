"""Is every decision of a champion blind to what came after it? Each bar that decided a trade is followed by made-up bars.

Near looks: behind a decision STRETCH bars are replaced, and then the real ones go on; further decisions are tested in the same
run, as far away as signals need to forget. Far looks: all bars are replaced behind a cut, at every STRETCH-th bar, so that
none that reaches further stays between two cuts. What changes in a stretch may also come from memory that lasts longer than
was measured, so a cut is made there, and only what changes before a cut is a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush

import numpy as np

from engine.analysis.decisions import Decisions, changed_cells
from engine.analysis.look_ahead import AT_ONCE, Ground, Probe, Reruns, probe
from engine.analysis.warm_up import CLOSE_ENOUGH
from engine.records import Failure
from engine.strategy.probe_windows import CLOSE, Style
from engine.strategy.stretches import Stretches

STRETCH = 100
"""Bars that are replaced behind a decision, and between cuts."""
SETTLES = (1, 2, 4, 8)
"""After so many times the bars in which signals settle from a start a stretch is taken to be forgotten. Most decisions have
forgotten it at first; what averages without end has not, since a stretch's prices lie further off than those before a start.
Whatever is still suspect is cut one by one, five times each: of 2,640 rows that compare all assets nothing was left at 4."""

FAR: tuple[Style, ...] = ("drawn", "opposite")
NEAR: tuple[Style, ...] = (*FAR, "up", "down", "gone")
"""The futures behind a cut: of which kind a look is that none of many cuts has shown, only all of them tell."""

Starts = Sequence[np.ndarray]
"""For each asset the bars at which a stretch begins, ascending."""


@dataclass(frozen=True, eq=False)
class EverySignal:
    """The probing of one parameter set at all its decisions on a window.

    `ground`: the window, with what was decided there; `decided`: (columns, first bars behind the decisions) as
    `cuts.deciding_bars` gives them; `warm_up_bars` None if signals never settle: then there is a cut behind each decision.
    """

    reruns: Reruns
    ground: Ground
    decided: tuple[np.ndarray, np.ndarray]
    is_cross_sectional: bool
    warm_up_bars: int | None
    seed: int

    def found(self) -> Probe | Failure | None:
        """The first look ahead that was found, or a failure on made-up bars; None if no decision changed when what came after it
        did."""
        wanted = self._wanted()
        if self.warm_up_bars is None:
            return self._cut(wanted, NEAR)
        every = np.zeros_like(wanted)
        every[:, STRETCH::STRETCH] = True
        if found := self._cut(every, FAR):
            return found
        for settles in SETTLES:
            wanted = self._suspects(wanted, STRETCH + settles * self.warm_up_bars)
        return self._cut(wanted, NEAR)

    def _wanted(self) -> np.ndarray:
        """Bool (assets, bars): a decision was made on the bar before; of any asset, for who compares them."""
        base = self.ground.base
        out = np.zeros((base.assets, base.bars + 1), bool)
        out[self.decided] = True
        if self.is_cross_sectional:
            out[:] = out.any(axis=0)
        return out[:, :-1]

    def _cut(self, wanted: np.ndarray, futures: Sequence[Style]) -> Probe | Failure | None:
        """The finding of a probe of each of these cuts (assets, bars) with each of these futures; assets are cut together."""
        if (wanted == wanted[:1]).all():
            cuts = [np.full(len(wanted), bar) for bar in np.flatnonzero(wanted[0])]
        else:
            own = [np.flatnonzero(row) for row in wanted]
            cuts = [np.array([o[i] if i < len(o) else wanted.shape[1] for o in own]) for i in range(max(map(len, own)))]
        return probe(self.reruns, self.ground, [cut for cut in cuts for _ in futures], seed=self.seed, turns=futures)

    def _suspects(self, wanted: np.ndarray, apart: int) -> np.ndarray:
        """Bool (assets, bars): of the wanted cuts those before which something changed when a stretch behind them was replaced;
        `apart`: bars from where a stretch begins to where it is forgotten.

        A strategy that fails on made-up bars makes all of them suspect.
        """
        suspects, stretches = np.zeros_like(wanted), Stretches(self.ground.excerpt, STRETCH)
        rounds: list[tuple[Starts, tuple[int, ...]]] = [(starts, (1, -1)) for starts in self._rounds(wanted, apart)]
        rounds += [(starts, (0,)) for starts in self._rounds(wanted & self._listings_change(), apart)]
        for first in range(0, len(rounds), AT_ONCE):
            runs = []
            for number, (starts, sides) in enumerate(rounds[first : first + AT_ONCE], self.seed + first):
                make = partial(stretches.seal, starts, seed=number)
                runs += [(starts, self.reruns.decisions(partial(make, side=side))) for side in sides]
            for starts, answer in runs:
                self._mark(suspects, starts, answer.result(), apart)
        if self.is_cross_sectional:
            suspects[:] = suspects.any(axis=0)
        return suspects

    def _listings_change(self) -> np.ndarray:
        """Bool (assets, bars): a bar is missing within a stretch from there on, or comes after some that were. Only there is it
        worth anything to know which bars will be."""
        excerpt = self.ground.excerpt
        exists = ~np.isnan(excerpt.fields[CLOSE][:, excerpt.lead_in :])
        changes = np.cumsum(exists[:, 1:] != exists[:, :-1], axis=1)
        changes = np.pad(changes, ((0, 0), (1, STRETCH)), mode="edge")
        changes[:, 0] = 0
        bars = np.arange(excerpt.bars)
        out = changes[:, bars + STRETCH] > changes[:, np.maximum(bars - 1, 0)]
        if self.is_cross_sectional:
            out[:] = out.any(axis=0)
        return np.asarray(out)

    def _rounds(self, wanted: np.ndarray, apart: int) -> list[Starts]:
        """The wanted cuts of each asset, parted so that in no part two lie nearer than a stretch is forgotten in."""
        if self.is_cross_sectional:
            return [[part] * len(wanted) for part in _parted(np.flatnonzero(wanted[0]), apart + 1)]
        parted = [_parted(np.flatnonzero(row), apart + 1) for row in wanted]
        none = np.zeros(0, np.int64)
        return [[parts[i] if i < len(parts) else none for parts in parted] for i in range(max(map(len, parted), default=0))]

    def _mark(self, suspects: np.ndarray, starts: Starts, answer: Decisions | Failure, apart: int) -> None:
        """Mark the starts before which, back to where the stretch before is forgotten, the answer is another one."""
        for asset, own in enumerate(starts):
            if isinstance(answer, Failure):
                suspects[asset, own] = True
        if isinstance(answer, Failure):
            return
        changed = changed_cells(self.ground.base, answer, tolerance=CLOSE_ENOUGH)
        before = np.concatenate([np.zeros((len(changed), 1), np.int64), np.cumsum(changed, axis=1)], axis=1)
        for asset, own in enumerate(starts):
            known = np.concatenate([[0], own[:-1] + apart])[: len(own)]
            suspects[asset, own[before[asset, own] > before[asset, known]]] = True


def _parted(bars: np.ndarray, apart: int) -> list[np.ndarray]:
    """The ascending bars in as few parts as can be, none of whose bars lie nearer than `apart`."""
    parts: list[list[int]] = []
    free: list[tuple[int, int]] = []
    for bar in bars.tolist():
        if free and free[0][0] <= bar:
            _, part = heappop(free)
        else:
            part = len(parts)
            parts.append([])
        parts[part].append(bar)
        heappush(free, (bar + apart, part))
    return [np.array(part) for part in parts]
