"""What was computed is not computed again, survives a kill, and is the same to the bit."""

import dataclasses
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.backtest import sweep as sweep_module
from engine.backtest.sweep import TestBed
from engine.market.bars import Panel
from engine.market.splits import split_windows
from engine.records import Costs, Params
from engine.research import evaluation as evaluation_module
from engine.research.evaluation import Evaluator, Sweep
from engine.research.outcome_cache import OutcomeCache, context_of
from engine.strategy.sandbox import Cancelled
from tests.research import small

SETS: list[Params] = [{"n": n} for n in range(5, 13)]


@pytest.fixture
def bed(panel: Panel, evaluator: Evaluator) -> TestBed:
    return evaluator.bed(panel, panel.symbols, split_windows(panel.bars)[0], Costs())


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[Params]:
    """The sets that were really run."""
    ran: list[Params] = []
    plain = evaluation_module.sweep

    def watched(source: str, params: Sequence[Params], *words: object, **more: object) -> object:
        ran.extend(params)
        return plain(source, params, *words, **more)

    monkeypatch.setattr(evaluation_module, "sweep", watched)
    return ran


def with_cache(evaluator: Evaluator, folder: Path | None, **limits: int) -> Evaluator:
    return Evaluator(evaluator._pool, evaluator._executor, cache=OutcomeCache(folder, **limits))


def check_equal(one: Sweep, other: Sweep) -> None:
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    assert one.outcomes.failures == other.outcomes.failures
    for name in ("sums", "daily_equity", "curve", "digests"):
        np.testing.assert_array_equal(getattr(one.outcomes, name), getattr(other.outcomes, name))


def test_the_same_again_costs_nothing_and_is_the_same(evaluator, bed, swept, tmp_path):
    plain = evaluator.sweep(small.CROSS, SETS, bed)
    cached = with_cache(evaluator, tmp_path)
    first = cached.sweep(small.CROSS, SETS, bed)
    swept.clear()
    check_equal(first, plain)
    check_equal(cached.sweep(small.CROSS, SETS[::-1], bed), evaluator.sweep(small.CROSS, SETS[::-1], bed))
    assert swept == SETS[::-1]  # of the evaluator without a cache alone


def test_what_a_process_has_left_is_found_by_the_next(evaluator, bed, swept, tmp_path):
    first = with_cache(evaluator, tmp_path).sweep(small.CROSS, SETS[:5], bed)
    swept.clear()
    check_equal(with_cache(evaluator, tmp_path).sweep(small.CROSS, SETS[:5], bed), first)
    assert swept == []


def test_only_what_is_new_is_run_wherever_it_stands(evaluator, bed, swept, tmp_path):
    cached = with_cache(evaluator, tmp_path)
    cached.sweep(small.CROSS, SETS[2:4], bed)
    swept.clear()
    check_equal(cached.sweep(small.CROSS, SETS, bed), evaluator.sweep(small.CROSS, SETS, bed))
    assert swept[:6] == SETS[:2] + SETS[4:]


def test_a_search_that_was_stopped_keeps_what_it_had(evaluator, bed, swept, tmp_path):
    cached, stop = with_cache(evaluator, tmp_path), threading.Event()
    many: list[Params] = [{"n": 5 + i % 8, "m": i} for i in range(40)]
    source = small.CROSS.replace('PARAMS = {"n": (5, 12)}', 'PARAMS = {"n": (5, 12), "m": (0, 50)}')

    def stop_at_half(done: int) -> None:
        if done >= 20:
            stop.set()

    with pytest.raises(Cancelled):
        cached.sweep(source, many, bed, cancelled=stop, progress=stop_at_half)
    swept.clear()
    found = with_cache(evaluator, tmp_path).sweep(source, many, bed)
    assert 0 < len(swept) <= 24
    check_equal(found, evaluator.sweep(source, many, bed))


def test_failures_are_not_kept_and_come_again(evaluator, bed, swept, tmp_path):
    cached = with_cache(evaluator, tmp_path)
    first = cached.sweep(small.SOMETIMES_FAILS, SETS, bed)
    swept.clear()
    check_equal(cached.sweep(small.SOMETIMES_FAILS, SETS, bed), first)
    assert swept == [s for s in SETS if s["n"] % 2]


def test_whatever_decides_a_result_is_part_of_its_name(evaluator, bed, panel):
    def name(of: TestBed = bed, source: str = small.CROSS, sides: str = "both", look: str = "") -> str:
        return context_of(source, of, sides=sides, look=look)

    other_costs = evaluator.bed(panel, panel.symbols, split_windows(panel.bars)[0], Costs(fee_rate=0.002))
    other_window = evaluator.bed(panel, panel.symbols, split_windows(panel.bars)[1], Costs())
    fewer = evaluator.bed(panel, panel.symbols[:3], split_windows(panel.bars)[0], Costs())
    other_bars = dataclasses.replace(panel, data_hash="sha256:other")
    others = evaluator.bed(other_bars, panel.symbols, split_windows(panel.bars)[0], Costs())
    names = [name(), name(other_costs), name(other_window), name(fewer), name(others), name(bed.after(50))]
    names += [name(source=small.READS_VOLUME), name(sides="long"), name(look="sharpe on 8 of 40 assets")]
    assert len(set(names)) == len(names)
    assert name() == name()


def test_values_of_another_kind_are_other_sets(evaluator, bed, swept):
    source = small.strategy('return {"entries": market.close > ta.sma(market.close, 5 + int(n))}', n="[1, 1.0, True]")
    cached = with_cache(evaluator, None)
    cached.sweep(source, [{"n": 1}], bed)
    swept.clear()
    cached.sweep(source, [{"n": 1}, {"n": 1.0}, {"n": True}], bed)
    assert len(swept) == 2


def test_memory_and_files_stay_within_their_limits(evaluator, bed, tmp_path):
    row = 6 * sweep_module.kernel.SUMS * 8
    cached = with_cache(evaluator, tmp_path, in_memory=3 * row, on_disk=1)
    cached.sweep(small.CROSS, SETS, bed)
    assert cached._cache._bytes <= 3 * row
    assert len(list(tmp_path.glob("*"))) <= 1


@pytest.mark.parametrize("content", [b"", b"no file of ours", b"PK\x03\x04 cut off"])
def test_a_broken_file_is_no_loss(evaluator, bed, tmp_path, content):
    with_cache(evaluator, tmp_path).sweep(small.CROSS, SETS[:2], bed)
    (path,) = tmp_path.glob("*.npz")
    path.write_bytes(content)
    check_equal(with_cache(evaluator, tmp_path).sweep(small.CROSS, SETS[:2], bed), evaluator.sweep(small.CROSS, SETS[:2], bed))


def test_a_folder_that_cannot_be_written_is_no_loss(evaluator, bed, tmp_path):
    (tmp_path / "file").write_text("in the way")
    found = with_cache(evaluator, tmp_path / "file").sweep(small.CROSS, SETS[:2], bed)
    check_equal(found, evaluator.sweep(small.CROSS, SETS[:2], bed))
