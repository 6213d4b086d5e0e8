"""`sweep`: one candidate, many parameter sets, all assets, one call."""

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import Protocol

import numpy as np

from engine.backtest import kernel
from engine.backtest.simulation import (
    BATCH,
    Market,
    Room,
    Simulation,
    open_market,
    simulate_batch,
    simulate_hold,
)
from engine.market.bars import Panel
from engine.records import Costs, Failure, Params, SharedCash, Signals, Window
from engine.strategy.packing import Digester
from engine.strategy.sandbox import MAX_ENDED, SandboxPool
from engine.strategy.window_data import SealedWindow, seal_window

ENDED_ITS_CHILD = ("timeout", "killed", "output")
Progress = Callable[[int], None]
Look = Callable[[Sequence[Signals]], np.ndarray]


class Screen(Protocol):
    """A first look at scenarios, by which the hopeless ones are spared the kernel. Thread-safe, and the same all through a sweep.

    `least`: scenarios whose look is below it get `failure_of` that look in place of their outcomes; NaN is not below. `opened`
    gives the look of one thread: a value for each of at most BATCH signals. `name` says what a look is: equal names on equal
    beds, equal looks.
    """

    @property
    def name(self) -> str: ...

    @property
    def least(self) -> float: ...

    def opened(self) -> Look: ...

    def failure_of(self, look: float) -> Failure: ...


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What S scenarios did, as raw material for figures; a failed scenario's rows are NaN.

    `sums` (S, assets, kernel.SUMS); `daily_equity` (S, days): equity at the last close of each UTC day, starting capital 1;
    `curve` (S, kernel.FACTS): maximum drawdown (negative), mean and largest exposure, largest position share; `failures` (S,);
    `digests` (S,) uint64 of the signals, as `packing.Digester` makes them, 0 where there were none; `looks` (S,): what a first
    look gave, NaN for none.
    """

    sums: np.ndarray
    daily_equity: np.ndarray
    curve: np.ndarray
    failures: tuple[Failure | None, ...]
    digests: np.ndarray
    looks: np.ndarray

    @property
    def count(self) -> int:
        return len(self.failures)

    def rows(self, chosen: Sequence[int]) -> "Outcomes":
        """The outcomes of those scenarios, in that order."""
        at = list(chosen)
        return Outcomes(
            self.sums[at], self.daily_equity[at], self.curve[at], tuple(self.failures[i] for i in at), self.digests[at],
            self.looks[at],
        )  # fmt: skip


Keep = Callable[[Sequence[Params], Outcomes], None]


@dataclass(eq=False)
class TestBed:
    """A window of a panel ready for scenarios: what the kernel reads, what children see, and buy-and-hold under its costs.

    `shared_cash` None: each asset is a sleeve, as it always is for buy-and-hold.
    """

    __test__ = False  # not a test, whatever its name begins with

    market: Market
    data: SealedWindow
    costs: Costs
    hold: Outcomes
    shared_cash: SharedCash | None = None

    def after(self, warm_up_bars: int) -> "TestBed":
        """The same bars without entries decided on so many first ones; buy and hold stays what it is."""
        window = replace(self.market.window, warm_up_bars=warm_up_bars)
        return replace(self, market=replace(self.market, window=window))


def prepare(panel: Panel, window: Window, costs: Costs, shared_cash: SharedCash | None = None) -> TestBed:
    """The test bed of that window."""
    market = open_market(panel, window)
    return TestBed(market, seal_window(panel, window), costs, hold_outcomes(market, costs), shared_cash)


def hold_outcomes(market: Market, costs: Costs) -> Outcomes:
    """The outcomes of buy and hold, one scenario."""
    return outcomes_of([simulate_hold(market, costs)], market)


def outcomes_of(results: Sequence[Simulation | Failure], market: Market, digests: Sequence[int] | None = None) -> Outcomes:
    """The outcomes of simulations, in their order."""
    count, assets = len(results), market.panel.assets
    sums = np.full((count, assets, kernel.SUMS), np.nan)
    daily = np.full((count, len(market.day_ends)), np.nan)
    curve = np.full((count, kernel.FACTS), np.nan)
    for i, result in enumerate(results):
        if isinstance(result, Simulation):
            sums[i], daily[i], curve[i] = result.sums, result.daily_equity, result.facts
    failures = tuple(r if isinstance(r, Failure) else None for r in results)
    known = np.array([0] * count if digests is None else digests, np.uint64)
    return Outcomes(sums, daily, curve, failures, known, np.full(count, np.nan))


class _Bench:
    """What one thread simulates with: its memory, its digests, and its first look if there is a screen."""

    def __init__(self, bed: TestBed, screen: Screen | None) -> None:
        self._bed, self._screen = bed, screen
        self._room, self._digester = Room(bed.market.window.bars), Digester()
        self._look = None if screen is None else screen.opened()

    def simulate(self, batch: Sequence[Signals | Failure]) -> Outcomes:
        """The outcomes of at most BATCH answers of a child, in their order."""
        bed = self._bed
        digests = [0 if isinstance(a, Failure) else self._digester.digest(a) for a in batch]
        answers, looks = self._screened(batch)
        signals = [a for a in answers if isinstance(a, Signals)]
        ran = iter(simulate_batch(bed.market, signals, bed.costs, self._room, bed.shared_cash))
        found = outcomes_of([a if isinstance(a, Failure) else next(ran) for a in answers], bed.market, digests)
        return replace(found, looks=looks)

    def _screened(self, batch: Sequence[Signals | Failure]) -> tuple[list[Signals | Failure], np.ndarray]:
        """The answers, those below the screen's least replaced by its failure, and what was seen of each."""
        looks = np.full(len(batch), np.nan)
        ran = [i for i, answer in enumerate(batch) if isinstance(answer, Signals)]
        if self._screen is None or self._look is None or not ran:
            return list(batch), looks
        looks[ran] = self._look([batch[i] for i in ran])  # type: ignore[misc]
        least, seen = self._screen.least, looks.tolist()
        return [self._screen.failure_of(look) if look < least else a for a, look in zip(batch, seen, strict=True)], looks


def join(parts: Sequence[Outcomes]) -> Outcomes:
    """The outcomes of all parts, one behind the other."""
    return Outcomes(
        np.concatenate([p.sums for p in parts]),
        np.concatenate([p.daily_equity for p in parts]),
        np.concatenate([p.curve for p in parts]),
        tuple(f for p in parts for f in p.failures),
        np.concatenate([p.digests for p in parts]),
        np.concatenate([p.looks for p in parts]),
    )


def give_up(outcomes: Outcomes) -> Outcomes:
    """The outcomes without those behind the set that was the last to be allowed to end its child.

    A slot gives up there for its own part; held over all parts, the number of slots changes no result.
    """
    ended = [i for i, f in enumerate(outcomes.failures) if f is not None and f.kind in ENDED_ITS_CHILD]
    if len(ended) < MAX_ENDED:
        return outcomes
    last = ended[MAX_ENDED - 1]
    for values in (outcomes.sums, outcomes.daily_equity, outcomes.curve, outcomes.looks):
        values[last:] = np.nan
    outcomes.digests[last:] = 0
    rest = (outcomes.failures[last],) * (outcomes.count - last)
    return replace(outcomes, failures=outcomes.failures[:last] + rest)


def salt_of(source: str, data_hash: str) -> int:
    """The seed of what a child sees at random (row labels, price scales): of code and data alone, so that runs repeat."""
    return zlib.crc32(f"{data_hash}\n{source}".encode())


def sweep(
    source: str, params: Sequence[Params], bed: TestBed, *, pool: SandboxPool, executor: Executor, sides: str = "both",
    progress: Progress | None = None, cancelled: Event | None = None, says_why: bool = True, screen: Screen | None = None,
    keep: Keep | None = None,
) -> Outcomes:  # fmt: skip
    """Outcomes of every parameter set, in their order; equal inputs give equal bits on any number of slots.

    Each slot takes a contiguous part of the sets, so that neighbours on a grid share cached indicators; signals come back as
    bits while the next set computes, and the kernel runs beside it without the GIL. `progress` is told the number of
    scenarios done, from any thread. `says_why` as for `SandboxPool.signals`. `screen`: scenarios that it does not let pass have
    its failure. `keep` is handed a few sets with their outcomes as soon as they are there, from any thread. Raises Cancelled
    when the event is set, ValueError without any set.
    """
    if not params:
        raise ValueError("a sweep of no parameter sets; wanted at least one")
    lock, done = Lock(), 0

    def part(chosen: Sequence[Params]) -> Outcomes:
        nonlocal done
        out: list[Outcomes] = []
        bench, salt = _Bench(bed, screen), salt_of(source, bed.market.panel.data_hash)
        answers = pool.signals(source, chosen, bed.data, salt=salt, sides=sides, cancelled=cancelled, says_why=says_why)
        batch: list[Signals | Failure] = []

        def simulate() -> None:
            at = sum(o.count for o in out)
            out.append(bench.simulate(batch))
            if keep is not None:
                keep(chosen[at : at + len(batch)], out[-1])
            batch.clear()

        for answer in answers:
            batch.append(answer)
            if len(batch) == BATCH:
                simulate()
            with lock:
                done += 1
                if progress is not None:
                    progress(done)
        if batch:
            simulate()
        return join(out)

    size = max(1, -(-len(params) // pool.slots))
    parts = [executor.submit(part, params[i : i + size]) for i in range(0, len(params), size)]
    return give_up(join([p.result() for p in parts]))
