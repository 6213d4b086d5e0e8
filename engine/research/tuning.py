"""Which parameter sets to try: six methods that ask in batches and are told what came of them. Optuna lives here.

How they search, and what was measured, stands in `docs/tuning.md`.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from engine.analysis.plateau import around
from engine.records import ParamRange, Params, ParamValue
from engine.strategy.param_space import (
    coarse,
    even,
    fitted,
    key_of,
    near,
    neighbours,
    other_levels,
    place_of,
    points_in,
    stepped,
    value_at,
)
from engine.strategy.params import different, draw, grid, middle

METHODS = {
    "grid": "Spreads the sets evenly over all ranges, both ends included, and tries them all.",
    "random": "Draws each value anywhere in its range.",
    "tpe": "Learns from each batch where good sets lie and tries more of them there (tree-structured Parzen estimator).",
    "hybrid": "A part of a coarse grid first, then changes of its best sets and what promises most; quick to a good set.",
    "adaptive": "Drawing, learning and closing in share each batch by what they find; ends early when none finds more.",
    "robust": "Looks for sets that did well in most eighths of train and whose neighbours did well too, rather than for a peak.",
}
"""How each method searches, in a sentence."""
PRUNING = ("tpe", "hybrid", "adaptive")
"""Methods whose later sets may be given up after a first look. Grid and random show what was asked for, whole, and the folds of
robust need all of train."""
WARM = 8
"""So many of the parent's best sets are tried first."""
_LEAST_BATCH = 12
_BATCHES = 16
_REACH = 0.03
_MARGIN = 0.08
"""So much of the estimator's space lies beyond each end of a range and stands for that end, which it would else never meet."""
_TOP = 4
_TRIES = 20
_PATIENCE = 4
_GAIN = 0.02

Trials = Sequence[tuple[Params, float]]


class Tuner(Protocol):
    """One search for the best of a strategy's parameter sets. Not thread-safe.

    `ask` gives the next batch, empty when the search is over; `tell` takes the values of that batch, in its order, before the
    next is asked for: NaN for a set that failed, has no value or was given up. What is asked follows from the arguments of
    `make_tuner` and the values told, never from the clock or the number of slots. At most `most` sets are asked for.
    """

    most: int

    def ask(self) -> list[Params]: ...

    def tell(self, params: Sequence[Params], values: np.ndarray) -> None: ...


def make_tuner(
    method: str, ranges: tuple[ParamRange, ...], scenarios: int, rng: np.random.Generator, *, warm: Trials = ()
) -> Tuner:
    """The tuner of that method, one of METHODS, for at most `scenarios` sets.

    `warm`: sets that a parent of the strategy has tried, with their values, which need not be of the same ranges: grid and random
    ignore them, the others try the best ones first. Where there are no more different sets than `scenarios`, all are tried once,
    whatever the method, but for `random`. Raises ValueError for another method.
    """
    if method == "random":
        return _Listed(draw(ranges, scenarios, rng))
    if method == "grid" or (method in METHODS and points_in(ranges) <= scenarios):
        return _Listed(grid(ranges, scenarios))
    sequential = {"tpe": _Tpe, "hybrid": _Hybrid, "adaptive": _Adaptive, "robust": _Robust}
    if method not in sequential:
        raise ValueError(f"the method is {method!r}; wanted one of {', '.join(METHODS)}")
    return sequential[method](ranges, scenarios, rng, warm)


class _Listed:
    """Sets that are known beforehand, in one batch."""

    def __init__(self, sets: list[Params]) -> None:
        self._sets, self.most = sets, len(sets)

    def ask(self) -> list[Params]:
        asked, self._sets = self._sets, []
        return asked

    def tell(self, params: Sequence[Params], values: np.ndarray) -> None:
        """Nothing is made of it."""


class _Sequential:
    """What the methods share that learn as they go. `sets` and `values` are those told so far."""

    def __init__(self, ranges: tuple[ParamRange, ...], scenarios: int, rng: np.random.Generator, warm: Trials) -> None:
        self.most, self._ranges, self._rng = scenarios, ranges, rng
        self._batch = max(_LEAST_BATCH, -(-scenarios // _BATCHES))
        self._model = _TreeParzen(ranges, rng)
        self._seen: set[object] = set()
        self._sets: list[Params] = []
        self._values = np.zeros(0)
        self._first = [*_best_of(warm, ranges), *self._start()]

    def ask(self) -> list[Params]:
        if not self._sets:
            return self._new(self._first, self.most)
        room = min(self._batch, self.most - len(self._sets))
        return [] if room <= 0 or self._is_over() else self._new(self._next(), room)

    def tell(self, params: Sequence[Params], values: np.ndarray) -> None:
        self._sets += params
        self._values = np.append(self._values, values)
        for values_of, value in zip(params, values, strict=True):
            self._model.tell(values_of, float(value))

    def _start(self) -> list[Params]:
        """The sets to begin with."""
        raise NotImplementedError

    def _next(self) -> Iterator[Params]:
        """What to try next, without end; sets that were tried already are left out by `_new`."""
        raise NotImplementedError

    def _is_over(self) -> bool:
        return False

    def _new(self, candidates: Iterable[Params], room: int) -> list[Params]:
        """The first `room` of the candidates that were never asked for. After _TRIES known ones in a row it is drawn at random;
        fewer come back where the candidates end, or where even draws find nothing new."""
        stream, out, known = iter(candidates), list[Params](), 0
        while len(out) < room and known < 2 * _TRIES:
            candidate = next(stream, None) if known < _TRIES else draw(self._ranges, 1, self._rng)[0]
            if candidate is None:
                break
            if (key := key_of(candidate)) in self._seen:
                known += 1
                continue
            self._seen.add(key)
            out.append(candidate)
            known = 0
        return out

    def _suggested(self) -> Iterator[Params]:
        while True:
            yield self._model.suggest()

    def _beside(self, rows: Sequence[int]) -> Iterator[Params]:
        """Steps from the sets of these rows, in turn."""
        while True:
            for row in rows:
                yield stepped(self._ranges, self._sets[row], self._rng)

    def _top(self, count: int, values: np.ndarray) -> list[int]:
        """Rows of the highest values, best first; of all of them if none has a value."""
        order = np.argsort(-values, kind="stable")  # NaN last
        known = int(np.isfinite(values).sum())
        return [int(row) for row in (order[: min(count, known)] if known else order)]

    def _plateaus(self) -> np.ndarray:
        """Each value, averaged with the median of its neighbours (`plateau.around`)."""
        if len(self._sets) < 2 or np.isnan(self._values).all():
            return self._values
        return (self._values + around(self._values, neighbours(self._ranges, self._sets))) / 2


class _Tpe(_Sequential):
    """A tree-structured Parzen estimator (Bergstra et al. 2011) after an even start."""

    def _start(self) -> list[Params]:
        return even(self._ranges, min(self.most, self._batch), self._rng)

    def _next(self) -> Iterator[Params]:
        return self._suggested()


class _Hybrid(_Sequential):
    """A part of the grid of ends and middles; then, from the two best sets, changes of one parameter to another level of that
    grid, those that gained joined in the next batch, and every third set by the estimator, which looks between the levels."""

    def __init__(self, ranges: tuple[ParamRange, ...], scenarios: int, rng: np.random.Generator, warm: Trials) -> None:
        super().__init__(ranges, scenarios, rng, warm)
        self._from: int | None = None

    def _start(self) -> list[Params]:
        return coarse(self._ranges, min(self.most, max(_LEAST_BATCH, self.most // 12)), self._rng)

    def _next(self) -> Iterator[Params]:
        best = self._top(2, self._values)
        changes = [*self._joined(), *(changed for row in best for changed in self._changes(self._sets[row]))]
        self._from = best[0]
        return _every_third(self._suggested(), iter(changes))

    def _changes(self, params: Params) -> list[Params]:
        """All sets that differ from that one in one parameter, which lies at another level, in any order."""
        found = [{**params, r.name: value} for r in self._ranges for value in other_levels(r, params[r.name])]
        self._rng.shuffle(found)  # type: ignore[arg-type]
        return found

    def _joined(self) -> list[Params]:
        """The set that the last changes were made from, with all of those that gained, with all but the least, and so on."""
        if self._from is None or np.isnan(self._values[self._from]):
            return []
        origin, before = self._sets[self._from], self._values[self._from]
        gains: dict[str, tuple[float, ParamValue]] = {}
        for params, value in zip(self._sets, self._values.tolist(), strict=True):
            changed = [name for name in origin if params[name] != origin[name]]
            if len(changed) == 1 and value > max(before, gains.get(changed[0], (before,))[0]):
                gains[changed[0]] = value, params[changed[0]]
        order = sorted(gains, key=lambda name: -gains[name][0])
        return [{**origin, **{name: gains[name][1] for name in order[:count]}} for count in range(len(order), 1, -1)]


class _Adaptive(_Sequential):
    """Three ways to search share each batch by what they have lately found; it ends when none finds anything.

    A way earns what its sets rise above the upper quartile of all that was tried before; what it earned earlier counts half with
    each batch. Each keeps a tenth of the batch, so that none is given up for good.
    """

    def __init__(self, ranges: tuple[ParamRange, ...], scenarios: int, rng: np.random.Generator, warm: Trials) -> None:
        super().__init__(ranges, scenarios, rng, warm)
        self._earned = np.ones(3)
        self._way_of: dict[object, int] = {}
        self._best, self._idle = -math.inf, 0

    def _start(self) -> list[Params]:
        return even(self._ranges, min(self.most, self._batch), self._rng)

    def _next(self) -> Iterator[Params]:
        ways = self._suggested(), self._beside(self._top(_TOP, self._values)), self._drawn()
        share = 0.1 + 0.7 * self._earned / self._earned.sum()
        while True:
            way = int(self._rng.choice(3, p=share))
            candidate = next(ways[way])
            self._way_of[key_of(candidate)] = way
            yield candidate

    def _drawn(self) -> Iterator[Params]:
        while True:
            yield draw(self._ranges, 1, self._rng)[0]

    def tell(self, params: Sequence[Params], values: np.ndarray) -> None:
        """Also what each way has earned, and whether anything was gained."""
        before = self._values[np.isfinite(self._values)]
        super().tell(params, values)
        if len(before):
            middle_one, high = np.quantile(before, (0.5, 0.75))
            gained = np.nan_to_num(np.maximum(values - high, 0.0) / max(high - middle_one, 1e-9))
            ways = np.array([self._way_of.get(key_of(p), 2) for p in params])
            self._earned = self._earned / 2 + [gained[ways == way].mean() if (ways == way).any() else 0.0 for way in range(3)]
        known = self._values[np.isfinite(self._values)]
        best = float(known.max(initial=-math.inf))
        self._idle = 0 if best > self._best + _GAIN * (np.ptp(known) if len(known) else 0.0) else self._idle + 1
        self._best = max(self._best, best)

    def _is_over(self) -> bool:
        return self._idle >= _PATIENCE


class _Robust(_Sequential):
    """An even net, then the estimator; the last fifth lies around the best, to tell a plateau from a peak. Few large batches,
    since what it looks for is broad and each batch costs the start of its processes."""

    def __init__(self, ranges: tuple[ParamRange, ...], scenarios: int, rng: np.random.Generator, warm: Trials) -> None:
        super().__init__(ranges, scenarios, rng, warm)
        self._batch = max(_LEAST_BATCH, -(-scenarios // 5))

    def _start(self) -> list[Params]:
        return even(self._ranges, min(self.most, max(_LEAST_BATCH, self.most // 4)), self._rng)

    def _next(self) -> Iterator[Params]:
        if len(self._sets) < 0.8 * self.most:
            return self._suggested()
        rows = self._top(_TOP, self._plateaus())
        return (near(self._ranges, self._sets[rows[i % len(rows)]], _REACH, self._rng) for i in itertools.count())


def _every_third(suggested: Iterator[Params], others: Iterator[Params]) -> Iterator[Params]:
    """Two of the others, one that is suggested, and so on; suggestions alone where the others end."""
    for i in itertools.count():
        other = None if i % 3 == 2 else next(others, None)
        yield next(suggested) if other is None else other


def _best_of(warm: Trials, ranges: tuple[ParamRange, ...]) -> list[Params]:
    """The parent's best sets, put into these ranges."""
    default: Params = {r.name: middle(r) for r in ranges}
    known = [(params, value) for params, value in warm if math.isfinite(value)]
    known.sort(key=lambda trial: -trial[1])
    return different([fitted(ranges, params, default) for params, _ in known[: 4 * WARM]])[:WARM]


class _TreeParzen:
    """Optuna's TPE sampler over these ranges, asked for one set at a time; equal seeds and histories give equal sets.

    It sees each number as its place in the range, 0 to 1, since whole numbers take it longer. A set without a value is told as
    pruned, so that it counts among the bad ones without a number of its own.
    """

    def __init__(self, ranges: tuple[ParamRange, ...], rng: np.random.Generator) -> None:
        import optuna  # late: grid and random need not wait for it

        self._optuna, self._ranges = optuna, ranges
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=int(rng.integers(2**31)), n_startup_trials=_LEAST_BATCH // 2)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        place, kinds = optuna.distributions.FloatDistribution(0.0, 1.0), optuna.distributions
        self._space: dict[str, Any] = {
            r.name: kinds.CategoricalDistribution(range(len(r.choices))) if r.kind == "choice" else place for r in ranges
        }
        self._asked: dict[object, Any] = {}

    def suggest(self) -> Params:
        """The set that promises most; those that were suggested and not told yet are kept away from."""
        trial = self._study.ask(self._space)
        params: Params = {
            r.name: r.choices[trial.params[r.name]] if r.kind == "choice" else value_at(r, _unstretched(trial.params[r.name]))
            for r in self._ranges
        }
        if key_of(params) in self._asked:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # it is known already: this one counts nothing
        else:
            self._asked[key_of(params)] = trial
        return params

    def tell(self, params: Params, value: float) -> None:
        """What came of a set, its own or another's."""
        states = self._optuna.trial.TrialState
        known = value if math.isfinite(value) else None
        state = states.PRUNED if known is None else states.COMPLETE
        trial = self._asked.get(key_of(params))
        if trial is not None:
            self._study.tell(trial, known, state=state)
            return
        inner = {r.name: _inner(r, params[r.name]) for r in self._ranges}
        told = self._optuna.trial.create_trial(params=inner, distributions=self._space, value=known, state=state)
        self._asked[key_of(params)] = None
        self._study.add_trial(told)


def _inner(kind: ParamRange, value: ParamValue) -> float:
    if kind.kind == "choice":
        return next(i for i, c in enumerate(kind.choices) if type(c) is type(value) and c == value)
    return (place_of(kind, value) + _MARGIN) / (1 + 2 * _MARGIN)


def _unstretched(place: float) -> float:
    return place * (1 + 2 * _MARGIN) - _MARGIN
