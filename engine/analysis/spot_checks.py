"""Many parameter sets probed a little each: a look ahead may hide at one value of a range and nowhere else."""

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from threading import Event

import numpy as np

from engine.analysis.causality import screen
from engine.analysis.decisions import Decisions, furthest_change, unpack_signals
from engine.analysis.look_ahead import Ground, Probe, Reruns, explain, probe
from engine.backtest.sweep import TestBed, salt_of
from engine.records import Failure, Params
from engine.strategy.probe_windows import Excerpt, Style, seal_excerpt, seal_probe, take_excerpt
from engine.strategy.sandbox import SandboxPool
from engine.strategy.window_data import SealedWindow

ASSETS, ROWS = 24, 5_000
"""A candidate that treats each asset by itself is probed on so many of them and so many last rows."""
ROWS_OF_ALL = 2_500
"""One that compares assets is probed on all of them, and so many last rows."""
TOGETHER = 8
"""Sets that share their children."""
CUTS = 3
"""So many assets at least are cut behind decisions of a set's own."""
FUTURES: tuple[Style, ...] = ("drawn", "up", "down")
_EXITS = 0.33
"""So many cuts stand behind an exit, the others behind an entry."""

Suspicion = tuple[Decisions, Probe | np.ndarray]
"""What a set decides on the real bars, and the furthest look found; or the cuts of a future that it failed on."""


@dataclass(frozen=True, eq=False)
class SpotChecks:
    """Spot checks of one candidate on a part of a bed's window. Equal seeds give equal answers."""

    source: str
    bed: TestBed
    pool: SandboxPool
    executor: Executor
    seed: int
    sides: str = "both"
    is_cross_sectional: bool = False

    def failures(self, sets: Sequence[Params]) -> Iterator[Failure | None]:
        """For each set in turn why it is refused, None if nothing was found; sets that fail by themselves are passed over.

        Each decides on real bars and on three made-up futures, cut behind decisions of its own; one that compares assets has
        a cut in common with the others of its group. What fails on these futures, and on milder ones too, is refused. Not to
        be called from a thread of the executor. What is not asked for any more is not begun.
        """
        over = Event()
        excerpt = self._part_of_window()
        groups = [(start, sets[start : start + TOGETHER]) for start in range(0, len(sets), TOGETHER)]
        running: deque[Future[list[Suspicion | None]]] = deque()
        try:
            for number, (_, group) in enumerate(groups):
                while len(running) <= self.pool.slots and number + len(running) < len(groups):
                    start, ahead = groups[number + len(running)]
                    running.append(self.executor.submit(self._suspicions, ahead, excerpt, self.seed + start, over))
                for params, suspicion in zip(group, running.popleft().result(), strict=True):
                    yield suspicion and self._explained(params, excerpt, *suspicion)
        finally:
            over.set()
            for task in running:
                task.cancel()

    def _part_of_window(self) -> Excerpt:
        panel, window = self.bed.market.panel, self.bed.market.window
        if self.is_cross_sectional:
            return take_excerpt(panel, window, rows=ROWS_OF_ALL)
        columns = np.linspace(min(1, panel.assets - 1), panel.assets - 1, min(ASSETS, panel.assets)).astype(int)
        return take_excerpt(panel, window, columns=list(dict.fromkeys(columns.tolist())), rows=ROWS)

    def _suspicions(self, group: Sequence[Params], excerpt: Excerpt, seed: int, over: Event) -> list[Suspicion | None]:
        """What speaks against each set; a look that was found counts for more than a failure."""
        bases = self._decisions(group, seal_excerpt(excerpt), over)
        found: list[Suspicion | None] = [None] * len(group)
        rounds = 1 if self.is_cross_sectional else math.ceil(CUTS * len(group) / excerpt.assets)
        for turn in range(rounds):
            cuts = self._cuts(bases, excerpt, turn, np.random.default_rng([seed, turn]))
            for style in FUTURES:
                after = self._decisions(group, seal_probe(excerpt, cuts, seed=seed + turn, style=style), over)
                for number, (base, other) in enumerate(zip(bases, after, strict=True)):
                    if base is None:
                        continue
                    if other is None:
                        found[number] = found[number] or (base, cuts)
                    elif change := furthest_change(base, other, cuts):
                        found[number] = _further(found[number], base, Probe(change, seed + turn, style))
        return found

    def _decisions(self, group: Sequence[Params], window: SealedWindow, over: Event) -> list[Decisions | None]:
        answers = self.pool.signals(
            self.source, group, window, salt=self._salt, sides=self.sides, cancelled=over
        )  # fmt: skip
        return [None if isinstance(answer, Failure) else unpack_signals(answer) for answer in answers]

    def _cuts(self, bases: Sequence[Decisions | None], excerpt: Excerpt, turn: int, rng: np.random.Generator) -> np.ndarray:
        """Cuts (assets,), each directly behind a decision of one of the sets; all assets at one bar for who compares them."""
        known = [base for base in bases if base is not None]
        if not known:
            return rng.integers(1, excerpt.bars, excerpt.assets)
        if self.is_cross_sectional:
            decided = np.sum([_begun(base, exits=False).any(axis=0) for base in known], axis=0)
            return np.full(excerpt.assets, _behind_one(decided == decided[:-1].max(), rng))
        turns = [(known[(turn * excerpt.assets + asset) % len(known)], asset) for asset in range(excerpt.assets)]
        return np.array([_behind_one(_begun(base, exits=rng.random() < _EXITS)[asset], rng) for base, asset in turns])

    def _explained(self, params: Params, excerpt: Excerpt, base: Decisions, found: Probe | np.ndarray) -> Failure | None:
        reruns = Reruns(
            self.source, params, pool=self.pool, executor=self.executor, sides=self.sides, salt=self._salt, cancelled=None
        )
        ground = Ground(excerpt, base, self.bed.market.window.name)
        if isinstance(found, np.ndarray):
            closer = probe(reruns, ground, [found, found], seed=self.seed)
            if not isinstance(closer, Probe):
                return closer
            found = closer
        failure = explain(reruns, ground, found)
        # What no common cut explains comes from other assets: this set compares them, though the default does not.
        return failure or screen(
            self.source, params, self.bed, pool=self.pool, executor=self.executor, seed=found.seed, sides=self.sides
        ).failure  # fmt: skip

    @property
    def _salt(self) -> int:
        return salt_of(self.source, self.bed.market.panel.data_hash)


def _further(known: Suspicion | None, base: Decisions, found: Probe) -> Suspicion:
    """The one of two that looks further ahead."""
    if known and isinstance(known[1], Probe) and known[1].change.ahead >= found.change.ahead:
        return known
    return base, found


def _begun(base: Decisions, *, exits: bool) -> np.ndarray:
    """Bool (assets, bars): an entry, or an exit, is decided here and was not on the bar before."""
    names = ("exits", "short_exits") if exits else ("entries", "short_entries")
    decided: np.ndarray = base.flags[names[0]] | base.flags[names[1]]
    begun = decided.copy()
    begun[:, 1:] &= ~decided[:, :-1]
    return begun


def _behind_one(decided: np.ndarray, rng: np.random.Generator) -> int:
    """The bar after one of those (bars,) that are decided on, or any if there are none."""
    bars = np.flatnonzero(decided[:-1]) + 1
    return int(rng.choice(bars)) if len(bars) else int(rng.integers(1, len(decided)))
