"""The causality gate: candidates that look ahead, do not repeat, follow bar numbers or never trade are told so and refused.

Caught: whatever reaches an output before a cut, once a probe's cut lies between the bar and what it looked at. Probes cut at
random bars and directly behind the entries and exits of the trades that earned most. Not caught for certain: a look ahead on
a few bars that earn little and that no cut meets (`k=None` leaves none that decided a trade), history known by heart that
fits within the number literals allowed, and bar numbers mixed with sums over the whole past.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

import numpy as np
import pandas as pd

from engine.analysis.cuts import by_asset, common, deciding_bars, most_active
from engine.analysis.decisions import changed_cells, unpack_signals
from engine.analysis.every_signal import EverySignal
from engine.analysis.look_ahead import REPEATABLE, Ground, Reruns, explain, first_difference, probe
from engine.analysis.warm_up import CLOSE_ENOUGH, StartCheck
from engine.analysis.window_end import EndCheck
from engine.backtest.simulation import simulate_trades
from engine.backtest.sweep import TestBed, salt_of
from engine.records import Failure, Params, Signals
from engine.strategy.packing import Digester
from engine.strategy.probe_windows import seal_excerpt, take_excerpt
from engine.strategy.sandbox import SandboxPool

SCREENED_ASSETS = 12
SHORT_ROWS = 2_500
"""A cross-sectional candidate is probed on so many last rows, since all assets are needed."""
WHOLE_SHARE = 10
"""Of this many deep probes one is made on the whole window."""
FEW = 3
"""With more probes than a campaign's screening makes, one is on the whole window even so: a leak may ask how long that is."""
CHAMPION = 30
"""Deep probes of a champion, before those at every signal."""
_ENDS = 3
"""So many earlier ends of the window are tried by a deep check, one by a campaign's screening."""
_OTHERS_SAY = 0.005


@dataclass(frozen=True)
class Verdict:
    """What the gate says. `failure`: why the candidate is refused. `warm_up_bars`: None if signals never settle, or it was not
    measured. `is_cross_sectional`: an asset's signals depend on other assets; None if not measured. `probes`: runs made.
    `is_of_real_bars`: the failure is of the set by itself, before any bar was replaced."""

    failure: Failure | None
    warm_up_bars: int | None = None
    is_cross_sectional: bool | None = None
    probes: int = 0
    is_of_real_bars: bool = False


def screen(
    source: str, params: Params, bed: TestBed, *, pool: SandboxPool, executor: Executor, seed: int, sides: str = "both",
    k: int = 3, ends: Sequence[int] = (), cancelled: Event | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on one drawn parameter set, before a sweep: k probes on a part of the window.

    `ends`: rows of the other windows on which it will run; the first so many alone must be decided on in the same way. Not to
    be called from a thread of `executor`. Equal seeds give equal verdicts. Raises Cancelled when the event is set.
    """
    reruns = _reruns(source, params, bed, pool, executor, sides, cancelled)
    first, second = (task.result() for task in [reruns.signals(lambda: bed.data) for _ in range(2)])
    for answer in (first, second):
        if isinstance(answer, Failure):
            return Verdict(answer, probes=reruns.count, is_of_real_bars=True)
    assert isinstance(first, Signals)
    assert isinstance(second, Signals)
    if changed := first_difference(first, second):
        text = f"two runs on the same bars differ, first in {changed[0]} at bar {changed[1]}; {REPEATABLE}"
        return Verdict(Failure("nondeterministic", text), probes=reruns.count)
    gate = _Gate(reruns, bed, first, seed, ends)
    if gate.trades.empty:
        text = f"not one trade on the {bed.market.window.name} window; loosen the conditions for an entry"
        return Verdict(Failure("no_trades", text), probes=reruns.count, is_of_real_bars=True)
    return gate.verdict(False, k)


def confirm(
    source: str, params: Params, batch_digest: int, known: Verdict, bed: TestBed, *, pool: SandboxPool, executor: Executor,
    seed: int, sides: str = "both", k: int | None = 30, ends: Sequence[int] = (), cancelled: Event | None = None,
) -> Verdict:  # fmt: skip
    """The verdict on the set that won a batch: run again alone it must give the signals of the batch, whose digest is
    `batch_digest`, then k probes.

    With k None, for champions, it is CHAMPION probes and then one cut behind every bar that decided an entry or an exit of a
    trade. `known` is the verdict of `screen`. Otherwise as `screen`.
    """
    reruns = _reruns(source, params, bed, pool, executor, sides, cancelled)
    alone = reruns.signals(lambda: bed.data).result()
    if isinstance(alone, Failure):
        return replace(known, failure=alone, warm_up_bars=None, probes=reruns.count)
    if Digester().digest(alone) != batch_digest:
        failure = Failure("nondeterministic", _OTHER_ALONE)
        return replace(known, failure=failure, warm_up_bars=None, probes=reruns.count)
    gate = _Gate(reruns, bed, alone, seed, ends)
    verdict = gate.verdict(known.is_cross_sectional is True, CHAMPION if k is None else k, deep=True)
    if k is not None or verdict.failure is not None:
        return verdict
    settled = None if verdict.warm_up_bars is None else max(verdict.warm_up_bars, known.warm_up_bars or 0)
    return gate.at_every_signal(verdict, settled)


_OTHER_ALONE = (
    "run alone, the parameter set gives other signals than among others; nothing may be carried from one set to the next"
)


def _reruns(
    source: str, params: Params, bed: TestBed, pool: SandboxPool, executor: Executor, sides: str, cancelled: Event | None
) -> Reruns:
    salt = salt_of(source, bed.market.panel.data_hash)
    return Reruns(source, params, pool=pool, executor=executor, sides=sides, salt=salt, cancelled=cancelled)


_UNREPEATED = Failure("nondeterministic", f"a change in its signals did not repeat; {REPEATABLE}")


@dataclass(frozen=True, eq=False)
class _Task:
    """A part of the window (columns or last rows, None for all) and the cuts of its probes, in bars of the window."""

    cuts: list[np.ndarray]
    columns: list[int] | None = None
    rows: int | None = None


@dataclass(frozen=True)
class _Finding:
    failure: Failure | None
    warm_up_bars: int | None = None


class _Gate:
    """The probing of one parameter set whose signals on the whole window are known."""

    def __init__(self, reruns: Reruns, bed: TestBed, signals: Signals, seed: int, ends: Sequence[int]) -> None:
        self._reruns, self._signals, self._seed, self._ends = reruns, signals, seed, ends
        self._panel, self._window = bed.market.panel, bed.market.window
        self.trades: pd.DataFrame = simulate_trades(bed.market, signals, bed.costs, bed.shared_cash)[1]
        self._decided = deciding_bars(self.trades, self._panel.symbols)

    def verdict(self, is_cross_sectional: bool, k: int, *, deep: bool = False) -> Verdict:
        """The verdict of k probes, of which some are made on the whole window if `deep`.

        What is taken for a candidate that treats each asset by itself and turns out to look at others is probed as such.
        """
        rng, ends = np.random.default_rng([self._seed, 1]), _ENDS if deep or k > FEW else 1
        found = None if is_cross_sectional else self._judge(self._tasks_by_asset(k, rng, deep=deep), ends)
        across = found is None
        if found is None:
            found = self._judge(self._tasks_in_common(k, rng, deep=deep), ends)
        if found is None:  # no cut of one asset can be behind it
            found = _Finding(_UNREPEATED)
        return Verdict(found.failure, found.warm_up_bars, across, self._reruns.count)

    def at_every_signal(self, verdict: Verdict, warm_up_bars: int | None) -> Verdict:
        """The verdict of a set that has passed so far, with a cut behind every decision too. `warm_up_bars`: the longest that is
        known, of any window."""
        ground = Ground(take_excerpt(self._panel, self._window), unpack_signals(self._signals), self._window.name)
        for across in (False, True) if not verdict.is_cross_sectional else (True,):
            found = EverySignal(self._reruns, ground, self._decided, across, warm_up_bars, self._seed).found()
            if found is None:
                return replace(verdict, is_cross_sectional=across, probes=self._reruns.count)
            failure = found if isinstance(found, Failure) else explain(self._reruns, ground, found)
            if failure:
                break
        return replace(verdict, failure=failure or _UNREPEATED, probes=self._reruns.count)

    def _tasks_by_asset(self, k: int, rng: np.random.Generator, *, deep: bool) -> list[_Task]:
        """Each probe tests many cuts: one for each of some assets."""
        panel, bars = self._panel, self._window.bars
        wide = max(1, k // WHOLE_SHARE) if deep or k > FEW else 0
        few = most_active(self._signals, self._decided[0], SCREENED_ASSETS)
        tasks = [_Task(by_asset(self._decided, few, bars, k - wide, rng), columns=few)]
        if wide:
            tasks.append(_Task(by_asset(self._decided, range(panel.assets), bars, wide, rng)))
        return tasks

    def _tasks_in_common(self, k: int, rng: np.random.Generator, *, deep: bool) -> list[_Task]:
        """All assets and one cut a probe, most of them on the last rows."""
        assets, bars = self._panel.assets, self._window.bars
        wide = max(1, k // WHOLE_SHARE) if deep or k > FEW else 0
        first = max(0, bars - SHORT_ROWS)
        cuts = common(self._decided, assets, first, bars, k - wide, rng)
        # Few cuts are met by both of opposite futures: all assets may follow the future of a single one.
        tasks = [_Task(cuts if deep else [c for c in cuts for _ in range(2)], rows=SHORT_ROWS)]
        if wide:
            tasks.append(_Task(common(self._decided, assets, 0, bars, wide, rng)))
        return tasks

    def _judge(self, tasks: list[_Task], ends: int) -> _Finding | None:
        """What the tasks find, the first measuring the warm-up too; None if other assets have an unexpected say. On each part
        of the window it is seen too whether its end matters.
        """
        warm_up: int | None = None
        for number, task in enumerate(tasks):
            ground = self._open(task)
            if not isinstance(ground, Ground):
                return _Finding(ground) if ground else None
            start = StartCheck(self._reruns, ground, seed=self._seed) if number == 0 else None
            end = EndCheck(self._reruns, ground, lengths=self._ends, seed=self._seed + number, most=ends)
            found = probe(self._reruns, ground, [c - ground.excerpt.first_bar for c in task.cuts], seed=self._seed)
            begun, ended = start.result() if start else None, end.result()
            if isinstance(found, Failure):
                return _Finding(found)
            if found:
                failure = explain(self._reruns, ground, found)
                return _Finding(failure) if failure else None
            if start and begun is None and ground.excerpt.bars < self._window.bars:
                begun = self._warm_up_of_whole()
            if isinstance(begun, Failure) or ended:
                return _Finding(begun if isinstance(begun, Failure) else ended)
            warm_up = begun if start else warm_up
        return _Finding(None, warm_up)

    def _warm_up_of_whole(self) -> int | Failure | None:
        """What takes longer to settle than a part of the window can show."""
        ground = self._open(_Task([]))
        return StartCheck(self._reruns, ground, seed=self._seed).result() if isinstance(ground, Ground) else ground

    def _open(self, task: _Task) -> Ground | Failure | None:
        """The part of the window and what is decided there; the whole of it if that part carries nothing.

        None if its assets alone do not decide as they do among all others.
        """
        excerpt = take_excerpt(self._panel, self._window, columns=task.columns, rows=task.rows)
        base = self._reruns.decisions(partial(seal_excerpt, excerpt)).result()
        if task.rows is not None and (isinstance(base, Failure) or not base.signalling.any()):
            return self._open(replace(task, rows=None))
        if isinstance(base, Failure):
            return None if task.columns else base
        if task.columns:
            among_all = unpack_signals(self._signals, task.columns)
            changed = changed_cells(base, among_all, tolerance=CLOSE_ENOUGH).sum()
            if changed > _OTHERS_SAY * base.signalling.sum():
                return None
        return Ground(excerpt, base, self._window.name)
