"""A sweep's outcomes do not depend on how many slots shared the work, even where sets end their child."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from engine.backtest.simulation import hold_everything
from engine.backtest.sweep import Outcomes, TestBed, prepare, sweep
from engine.records import Costs, Failure, Params, Signals
from engine.strategy.sandbox import MAX_ENDED
from tests.markets import panel_of, random_bars, whole


class ScriptedPool:
    """Slots whose sets hold everything, but those in `ending` end their child and those in `failing` just fail.

    As the real one, a slot gives up the rest of its part after MAX_ENDED ended children.
    """

    def __init__(self, slots: int, bed: TestBed, *, ending: set[int], failing: set[int]) -> None:
        self.slots, self._bed, self._ending, self._failing = slots, bed, ending, failing

    def signals(self, source: str, params: Sequence[Params], *_: Any, **__: Any) -> Iterator[Signals | Failure]:
        ended = 0
        for given in params:
            n = int(given["n"])
            if n in self._ending:
                ended += 1
            if ended == MAX_ENDED or n in self._ending:
                yield Failure("timeout", "one parameter set used too many CPU seconds")
            else:
                yield Failure("error", f"set {n}") if n in self._failing else hold_everything(self._bed.market)


@pytest.fixture(scope="module")
def bed() -> TestBed:
    return prepare(*whole(panel_of(random_bars(np.random.default_rng(2), 60, 2))), Costs())


def outcomes(bed: TestBed, slots: int, ending: set[int], failing: set[int]) -> Outcomes:
    pool = ScriptedPool(slots, bed, ending=ending, failing=failing)
    with ThreadPoolExecutor(slots) as executor:
        return sweep("", [{"n": n} for n in range(20)], bed, pool=pool, executor=executor)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", [set(), {4}, {1, 12}, {0, 1, 2}, {8, 9, 10, 11}, {3, 12, 15}, {17, 18, 19}, set(range(20))])
@pytest.mark.parametrize("slots", [2, 3, 7, 20])
def test_any_number_of_slots_gives_the_outcomes_of_one(bed, slots, ending):
    one, many = (outcomes(bed, count, ending, failing={6, 13}) for count in (1, slots))
    assert many.failures == one.failures
    for name in ("sums", "daily_equity", "curve"):
        np.testing.assert_array_equal(getattr(many, name), getattr(one, name))


def test_sets_that_merely_fail_give_nothing_up(bed):
    found = outcomes(bed, 2, ending={4}, failing=set(range(10, 19)))
    assert [i for i, f in enumerate(found.failures) if f is None] == [0, 1, 2, 3, 5, 6, 7, 8, 9, 19]
    assert np.isfinite(found.curve[19]).all()
