"""Which rows to choose on and which to check on, so that no outcome or indicator reaches from one into the other.

A decision's outcome reaches `holding_bars` rows ahead, an indicator `warm_up_bars` rows back, and `embargo_bars` more rows are
left out for what neither covers. Rows are bars or days, as long as all numbers are of one kind; ranges are [start, stop).
Lopez de Prado 2018, "Advances in financial machine learning", chapters 7 (purging, embargo) and 12 (combinatorial paths).
"""

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from engine.analysis.evidence_inputs import candidates
from engine.analysis.metrics import sharpe
from engine.errors import DataError

Range = tuple[int, int]


@dataclass(frozen=True)
class Gaps:
    """Rows that keep choosing and checking apart: `warm_up_bars` the strategy looks back, `holding_bars` from a decision to the
    last row of its outcome, `embargo_bars` on top."""

    warm_up_bars: int = 0
    holding_bars: int = 0
    embargo_bars: int = 0

    def __post_init__(self) -> None:
        if min(self.warm_up_bars, self.holding_bars, self.embargo_bars) < 0:
            raise DataError(f"found {self}; wanted 0 or more rows each: leave out what is not needed")

    @property
    def behind(self) -> int:
        """Rows after a test that no training may use: positions of the test are still open, or its bars are still looked at."""
        return max(self.holding_bars, self.warm_up_bars) + self.embargo_bars


@dataclass(frozen=True)
class Fold:
    """`train` and `test` ranges in order of time. `lead_ins`: how many rows before each test range its indicators may read, so
    that they are warm at its first row; by then those prices are past."""

    train: tuple[Range, ...]
    test: tuple[Range, ...]
    lead_ins: tuple[int, ...]


@dataclass(frozen=True)
class Paths:
    """Combinatorial folds over consecutive `groups` of rows, and `paths` (paths, groups): the fold whose test gives that group's
    rows on that path. Each path covers all rows once, tested only."""

    groups: tuple[Range, ...]
    folds: tuple[Fold, ...]
    paths: np.ndarray


def walk_forward_windows(rows: int, folds: int, *, gaps: Gaps | None = None, train_parts: int | None = None) -> tuple[Fold, ...]:
    """`folds` consecutive tests, each trained on what lies before it: all of it, or the last `train_parts` parts.

    The rows are cut into folds + 1 parts; the first is only trained on. Training ends `holding_bars` + `embargo_bars` before a
    test. Raises DataError where a part is too short for that or for the warm-up.
    """
    gaps = gaps or Gaps()
    parts = _parts(rows, folds + 1, gaps)
    found = []
    for number in range(1, folds + 1):
        start, stop = parts[number]
        first = 0 if train_parts is None else parts[max(0, number - train_parts)][0]
        train = (first, start - gaps.holding_bars - gaps.embargo_bars)
        if train[1] - train[0] <= gaps.warm_up_bars:
            raise DataError(
                f"fold {number} has {max(0, train[1] - train[0])} rows to train on, of which the first {gaps.warm_up_bars} are"
                " warm-up; wanted more: take fewer folds or a longer window"
            )
        found.append(Fold((train,), ((start, stop),), (min(gaps.warm_up_bars, start),)))
    return tuple(found)


def purged_folds(rows: int, k: int, *, gaps: Gaps | None = None) -> tuple[Fold, ...]:
    """k consecutive tests, each trained on all other rows less those whose outcome or indicators touch it.

    Left out are `holding_bars` rows before a test and, behind it, the longer of holding and warm-up plus the embargo. Raises
    DataError where a test is too short for the warm-up or nothing is left to train on.
    """
    gaps = gaps or Gaps()
    parts = _parts(rows, k, gaps)
    return tuple(_fold(rows, (part,), gaps) for part in parts)


def cpcv_paths(rows: int, *, groups: int = 6, test_groups: int = 2, gaps: Gaps | None = None) -> Paths:
    """Every choice of `test_groups` out of `groups` as a purged fold, and the paths through them: one for each time that a
    group is tested, C(groups - 1, test_groups - 1) in all. Raises DataError as `purged_folds` does."""
    if not 1 <= test_groups < groups:
        raise DataError(f"found {test_groups} test groups of {groups}; wanted at least 1 and fewer than all")
    gaps = gaps or Gaps()
    parts = _parts(rows, groups, gaps)
    choices = list(combinations(range(groups), test_groups))
    folds = tuple(_fold(rows, tuple(parts[group] for group in choice), gaps) for choice in choices)
    paths = np.array([[at for at, choice in enumerate(choices) if group in choice] for group in range(groups)]).T
    return Paths(parts, folds, paths)


def best_on(returns: np.ndarray, fold: Fold) -> int | None:
    """Row of the (candidates, days) daily returns with the best Sharpe ratio on the fold's train ranges, of equals the first;
    None if none has one there."""
    values = sharpe(np.concatenate([returns[:, start:stop] for start, stop in fold.train], axis=1), 1.0)
    return int(np.nanargmax(values)) if np.isfinite(values).any() else None


def path_returns(returns: np.ndarray, paths: Paths) -> np.ndarray:
    """(paths, days) returns of choosing, in each fold, the candidate with the best Sharpe ratio on its train rows and holding it
    on its test rows, from (candidates, days) daily returns; NaN where no candidate has a Sharpe ratio to be chosen by.

    What the search's own way of choosing earns on days it did not choose on, several times over instead of once.
    """
    kept, reason = candidates(returns)
    out = np.full((len(paths.paths), np.atleast_2d(returns).shape[1]), np.nan)
    if reason:
        return out
    chosen = [best_on(kept, fold) for fold in paths.folds]
    for path, folds in enumerate(paths.paths):
        for (start, stop), at in zip(paths.groups, folds, strict=True):
            best = chosen[at]
            if best is not None:
                out[path, start:stop] = kept[best, start:stop]
    return out


def _parts(rows: int, number: int, gaps: Gaps) -> tuple[Range, ...]:
    """The rows in consecutive parts, the first ones a row longer where they do not divide evenly."""
    if number < 2:
        raise DataError(f"found {number} parts; wanted at least 2, one to train on and one to test on")
    if rows // number <= gaps.warm_up_bars:
        raise DataError(
            f"{rows} rows in {number} parts leave {rows // number} each; wanted more than the warm-up of {gaps.warm_up_bars}:"
            " take fewer parts, a longer window or a strategy that looks back less"
        )
    edges = np.cumsum([0, *(len(part) for part in np.array_split(np.arange(rows), number))]).tolist()
    return tuple(pairwise(edges))


def _fold(rows: int, tests: tuple[Range, ...], gaps: Gaps) -> Fold:
    """The purged fold of these test ranges."""
    train, start = [], 0
    for first, stop in tests:
        train.append((start, first - gaps.holding_bars))
        start = stop + gaps.behind
    train.append((start, rows))
    kept = tuple((low, high) for low, high in train if high > low)
    if not kept:
        raise DataError(
            f"{rows} rows leave none to train on around the tests {tests}; wanted some: take smaller gaps than"
            f" {gaps.holding_bars} rows of holding, {gaps.warm_up_bars} of warm-up and {gaps.embargo_bars} of embargo"
        )
    return Fold(kept, tests, tuple(min(gaps.warm_up_bars, first) for first, _ in tests))
