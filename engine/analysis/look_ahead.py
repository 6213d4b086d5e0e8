"""Does a strategy look ahead? Its run is repeated on windows with another future, and nothing before the cut may change."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from threading import Event

import numpy as np

from engine.analysis.decisions import CONSTANTS, Change, Decisions, differences, furthest_change, unpack_signals
from engine.records import Failure, Params, Signals
from engine.strategy.probe_windows import Excerpt, Style, seal_excerpt, seal_probe
from engine.strategy.sandbox import SandboxPool
from engine.strategy.window_data import SealedWindow

Make = Callable[[], SealedWindow]
REPEATABLE = "a strategy may depend on its market and parameters alone"
AT_ONCE = 64
"""Probes whose answers are held at once: those of a large window take megabytes each."""
_NEAR_THE_END = 0.02
"""Who looks at all bars is still seen when so few are replaced, though perhaps not when it is one."""
MILDER: tuple[Style, ...] = ("plain", "calm")
"""Futures to fall back on when a strategy fails on the drawn one: a frame of stops may leave its domain in a wild market."""


class Reruns:
    """One parameter set of a candidate, run on any window, each time in a fresh child. `count` tells how often.

    Runs go on `executor`, so it must not be called from one of that executor's own threads.
    """

    def __init__(
        self, source: str, params: Params, *, pool: SandboxPool, executor: Executor, sides: str, salt: int,
        cancelled: Event | None,
    ) -> None:  # fmt: skip
        self._source, self._params, self._pool, self._executor = source, params, pool, executor
        self._sides, self._salt, self._cancelled = sides, salt, cancelled
        self.count = 0

    def signals(self, make: Make, *, other_salt: bool = False) -> "Future[Signals | Failure]":
        """The signals to come; on request with other row labels and price scales. Raises Cancelled from `result()`."""
        self.count += 1
        return self._executor.submit(self._run, make, self._salt ^ 0x5EED if other_salt else self._salt)

    def decisions(self, make: Make, *, other_salt: bool = False) -> "Future[Decisions | Failure]":
        """The same, unpacked."""
        self.count += 1
        return self._executor.submit(self._unpacked, make, self._salt ^ 0x5EED if other_salt else self._salt)

    def _run(self, make: Make, salt: int) -> Signals | Failure:
        (answer,) = self._pool.signals(
            self._source, [self._params], make(), salt=salt, sides=self._sides, cancelled=self._cancelled
        )
        return answer

    def _unpacked(self, make: Make, salt: int) -> Decisions | Failure:
        answer = self._run(make, salt)
        return answer if isinstance(answer, Failure) else unpack_signals(answer)


@dataclass(frozen=True, eq=False)
class Ground:
    """A part of a window to probe on, and what the candidate decides there."""

    excerpt: Excerpt
    base: Decisions
    window: str

    def bar(self, bar: int) -> int:
        """The number that a bar of the excerpt has in the window."""
        return self.excerpt.first_bar + bar


@dataclass(frozen=True)
class Probe:
    """A change that a replaced future has made, and the future that made it."""

    change: Change
    seed: int
    style: Style


def probe(
    reruns: Reruns, ground: Ground, cuts: Sequence[np.ndarray], *, seed: int, turns: Sequence[Style] = ("drawn", "opposite")
) -> Probe | Failure | None:
    """The furthest look of all probes, one for each item of `cuts` (assets,); None if nothing changed before any cut. With more
    than AT_ONCE probes that of the first so many which find one.

    The futures take `turns`, so that what depends on their direction meets both. A probe on which the candidate fails is
    repeated with milder futures; it is a failure if it fails on all of them and no look is found.
    """
    for first in range(0, len(cuts), AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, len(cuts)))
        if found := _probe_those(numbers, reruns, ground, cuts, seed, turns):
            return found
    return None


def _probe_those(
    numbers: range, reruns: Reruns, ground: Ground, cuts: Sequence[np.ndarray], seed: int, turns: Sequence[Style]
) -> Probe | Failure | None:
    def start(i: int, style: Style) -> "Future[Decisions | Failure]":
        return reruns.decisions(partial(seal_probe, ground.excerpt, cuts[i], seed=seed + i // len(turns), style=style))

    styles: dict[int, Style] = {i: turns[i % len(turns)] for i in numbers}
    tasks = {i: start(i, style) for i, style in styles.items()}
    answers = {i: task.result() for i, task in tasks.items()}
    for style in MILDER:
        failed = [i for i, answer in answers.items() if isinstance(answer, Failure)]
        again = {i: start(i, style) for i in failed}
        answers |= {i: task.result() for i, task in again.items()}
        styles |= dict.fromkeys(failed, style)
    best: Probe | None = None
    failed_on: Failure | None = None
    for i, answer in answers.items():
        if isinstance(answer, Failure):
            failed_on = failed_on or _failed_on_probe(answer, ground, int(cuts[i].min()))
            continue
        change = furthest_change(ground.base, answer, cuts[i])
        if change and change.ahead > (best.change.ahead if best else 0):
            best = Probe(change, seed + i // len(turns), styles[i])
    return best or failed_on


def _failed_on_probe(failure: Failure, ground: Ground, cut: int) -> Failure:
    where = f"on the {ground.window} window with made-up bars from bar {ground.bar(cut)} on, though not on the real ones"
    return Failure(failure.kind, f"{failure.message} ({where})", failure.line)


def explain(reruns: Reruns, ground: Ground, found: Probe) -> Failure | None:
    """How far a change looks ahead, or that the candidate is not deterministic.

    None if nothing changes before the cut when all assets are cut at the same bar: then the change came from another
    asset that was cut earlier.
    """
    again = reruns.decisions(partial(seal_excerpt, ground.excerpt))
    best = _reach(reruns, ground, found, found.change.cut)
    repeated = again.result()
    if isinstance(repeated, Failure) or (differences(ground.base, repeated, tolerance=0.0)):
        return Failure("nondeterministic", f"two runs on the same bars of the {ground.window} window differ; {REPEATABLE}")
    if best is None:
        return None
    last = ground.excerpt.bars - 1
    if found.change.bar < (1 - _NEAR_THE_END) * last and (furthest := _reach(reruns, ground, found, last)):
        return _look_ahead(furthest, ground, to_the_end=True)
    seen, beyond = best.cut, last
    step = 1
    while seen < beyond - 1:
        cut = min(seen + step, beyond - 1) if step else (seen + beyond) // 2
        change = _reach(reruns, ground, found, cut)
        if change:
            best = max(best, change, key=lambda c: c.ahead)
            seen, step = cut, step * 2
        else:
            beyond, step = cut, 0
    return _look_ahead(best, ground, to_the_end=last - best.cut < _NEAR_THE_END * last)


def _reach(reruns: Reruns, ground: Ground, found: Probe, cut: int) -> Change | None:
    """The furthest change, up to the bar that was found, when all assets are replaced from that bar on; in several ways."""
    cuts = np.full(ground.excerpt.assets, cut)
    styles: tuple[Style, ...] = (found.style, "up", "down", "gone")
    tasks = [reruns.decisions(partial(seal_probe, ground.excerpt, cuts, seed=found.seed, style=style)) for style in styles]
    answers = [task.result() for task in tasks]
    changes = [
        furthest_change(ground.base, answer, cuts, until=found.change.bar)
        for answer in answers
        if not isinstance(answer, Failure)
    ]
    return max((c for c in changes if c), key=lambda c: c.ahead, default=None)


def _look_ahead(change: Change, ground: Ground, *, to_the_end: bool) -> Failure:
    cut, bars = ground.bar(change.cut), "bar" if change.ahead == 1 else "bars"
    replaced = f"changed when bars from {cut} on were replaced"
    if change.is_constant:
        remedy = "compute it from params alone" + ("" if change.output in CONSTANTS else ", or give a frame")
        text = f"{change.output!r}, which holds for all bars, {replaced}: {remedy}"
    else:
        least, end = ("at least ", f", as far as the last bar of the {ground.window} window") if to_the_end else ("", "")
        text = (
            f"{change.output} at bar {ground.bar(change.bar)} {replaced}: it looks {least}{change.ahead} {bars} ahead{end};"
            " use only data up to the close of the bar: shift(1), rolling without center, expanding statistics, no bfill"
        )
    return Failure("lookahead", text)


def first_difference(a: Signals, b: Signals) -> tuple[str, int] | None:
    """Where two runs first differ, to the last digit: (output, bar of the window); None if they are equal."""
    one, other = unpack_signals(a), unpack_signals(b)
    found = {name: int(np.argmax(cells.any(axis=0))) for name, cells in differences(one, other, tolerance=0.0).items()}
    return min(found.items(), key=lambda item: item[1], default=None)
