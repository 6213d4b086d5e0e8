"""`engine bench`: how fast the product is, beside its peers, in ratios of one run. Not a test: it decides nothing."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer

from engine.backtest.simulation import open_market, simulate_hold
from engine.backtest.sweep import TestBed
from engine.command import peers
from engine.command.answer import JsonOption, StoreOption
from engine.errors import EngineError
from engine.market.bars import FIELDS, Panel
from engine.market.catalog import Catalog
from engine.records import Costs, Params, Window
from engine.research.campaign import MAX_SCENARIOS
from engine.research.evaluation import Evaluator, open_evaluator
from engine.settings import PROJECT_DIR, load_settings
from engine.strategy.params import grid

STRATEGY = '''"""EMA cross with stop and target."""

PARAMS = {"fast": (5, 40), "slow": (50, 200), "stop_loss": (0.01, 0.10), "take_profit": (0.02, 0.30)}


def signals(market, params, ta):
    fast, slow = ta.ema(market.close, params["fast"]), ta.ema(market.close, params["slow"])
    return {
        "entries": ta.crossed_above(fast, slow),
        "exits": ta.crossed_below(fast, slow),
        "stop_loss": params["stop_loss"],
        "take_profit": params["take_profit"],
    }
'''
BARS = 8_760


def head(panel: Panel, *, bars: int, assets: int) -> Panel:
    """The panel's first rows and assets."""
    part = panel.select(panel.symbols[:assets])
    arrays = {f: getattr(part, f)[:bars] for f in FIELDS}
    return replace(part, times_ns=part.times_ns[:bars], data_hash=f"{panel.data_hash}[{bars}x{assets}]", **arrays)


class Peak:
    """The most memory that this process and its children held while the block ran, above what they held before, in MB.

    Proportional set size where the system tells it, so that pages shared between forked processes count once.
    """

    def __enter__(self) -> "Peak":
        self._ended = threading.Event()
        self._before = self.peak = _held_mb()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            self.peak = max(self.peak, _held_mb())

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()

    @property
    def mb(self) -> float:
        return round(self.peak - self._before, 1)


def _held_mb() -> float:
    total = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
        except psutil.Error:
            continue
    return total / 2**20


def bench(
    data: Annotated[str, typer.Option("--data", help="Dataset; its first 8,760 bars and 100 assets are used.")] = "demo",
    scenarios: Annotated[int, typer.Option(help="Scenarios of the sweep.")] = 500,
    pairs: Annotated[int, typer.Option(help="Repeated pairs, of which the median counts.")] = 3,
    pages: Annotated[bool, typer.Option(help="Also time every page on a ledger of 10,000 runs and 2 million scenarios.")] = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Time a sweep with all its figures against vectorbt and backtesting.py, and how time grows."""
    catalog = Catalog(load_settings(store).bars_dir)
    panel, costs = head(catalog.open(data), bars=BARS, assets=100), Costs()
    _check(panel, scenarios, pairs)
    with open_evaluator(load_settings(store)) as evaluator:
        ranges = evaluator.ranges(STRATEGY)
        assert isinstance(ranges, tuple)
        params = grid(ranges, scenarios)
        bed = _bed(evaluator, panel, costs)
        _timed(lambda: evaluator.sweep(STRATEGY, params[:20], bed))
        with Peak() as peak:
            evaluator.sweep(STRATEGY, params, bed)
        answer: dict[str, Any] = {
            "data": data,
            "bars": panel.bars,
            "assets": panel.assets,
            "scenarios": len(params),
            "cores": os.cpu_count(),
        }
        answer |= _against_peers(evaluator, bed, params, peers.Frames(panel), costs, pairs)
        answer |= {
            "kernel_ns_per_bar": _kernel_ns(panel, costs),
            "peak_mb": peak.mb,
            "growth": _growth(evaluator, panel, params, costs),
        }
    answer["open_s"] = round(_timed(lambda: Catalog(load_settings(store).bars_dir).open(data)), 4)
    if pages:
        answer["pages"] = _pages()
    return answer, json.dumps(answer, indent=2)


def _check(panel: Panel, scenarios: int, pairs: int) -> None:
    """Raises EngineError with the first number that cannot be; growth is timed from half of each to the whole."""
    for name, found, least, most in (
        ("assets", panel.assets, 2, 100),
        ("scenarios", scenarios, 2, MAX_SCENARIOS),
        ("pairs", pairs, 1, 100),
    ):
        if not least <= found <= most:
            raise EngineError(f"the bench was given {found} {name}; wanted {least} to {most:,}")


def _bed(evaluator: Evaluator, panel: Panel, costs: Costs) -> TestBed:
    return evaluator.bed(panel, panel.symbols, Window("all", 0, panel.bars), costs)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _against_peers(
    evaluator: Evaluator, bed: TestBed, params: list[Params], frames: peers.Frames, costs: Costs, pairs: int
) -> dict[str, Any]:
    """Milliseconds a scenario and the median over pairs of the ratio to ours, each pair timed one after the other."""
    middle = params[len(params) // 3 :: max(1, len(params) // 4)]
    rivals = {
        "vectorbt_from_signals": (peers.vectorbt_from_signals(frames, costs), middle[:2]),
        "vectorbt_simulate": (peers.vectorbt_simulate(frames, costs), middle),
        "backtesting_py": (peers.backtesting_py(frames, costs), middle[:1]),
    }
    times: dict[str, list[float]] = {name: [] for name in ("sweep", *rivals)}
    for rival, some in rivals.values():
        if rival is not None:
            rival(some[:1])  # warm: what is compiled or imported late is not timed
    for _ in range(pairs):
        times["sweep"].append(_timed(lambda: evaluator.sweep(STRATEGY, params, bed)) / len(params) * 1e3)
        for name, (rival, some) in rivals.items():
            if rival is not None:
                times[name].append(rival(some))
    out: dict[str, Any] = {"sweep": {"ms": round(statistics.median(times["sweep"]), 3)}}
    for name in rivals:
        ratios = [t / ours for t, ours in zip(times[name], times["sweep"], strict=False)]
        out[name] = (
            {"ms": round(statistics.median(times[name]), 2), "ratio": round(statistics.median(ratios), 1)}
            if ratios
            else "not installed"
        )
    return out


def _kernel_ns(panel: Panel, costs: Costs) -> float:
    """Nanoseconds of the kernel alone per bar and asset held, one core, on buy and hold: every bar is in a position."""
    market = open_market(panel, Window("all", 0, panel.bars))
    best = min(_timed(lambda: simulate_hold(market, costs)) for _ in range(7))
    return round(best / (panel.bars * panel.assets) * 1e9, 2)


def _growth(evaluator: Evaluator, panel: Panel, params: list[Params], costs: Costs) -> dict[str, Any]:
    """Seconds of a sweep at half and at full size of each dimension, and their ratio: 2 is linear."""
    some = params[: max(2, len(params) // 4)]
    halves = {
        "assets": (head(panel, bars=panel.bars, assets=panel.assets // 2), some),
        "bars": (head(panel, bars=panel.bars // 2, assets=panel.assets), some),
        "scenarios": (panel, some[: len(some) // 2]),
    }
    full = _sweep_s(evaluator, panel, some, costs)
    halved = {name: _sweep_s(evaluator, part, sets, costs) for name, (part, sets) in halves.items()}
    return {name: {"half_s": round(s, 3), "full_s": round(full, 3), "ratio": round(full / s, 2)} for name, s in halved.items()}


def _sweep_s(evaluator: Evaluator, panel: Panel, params: list[Params], costs: Costs) -> float:
    bed = _bed(evaluator, panel, costs)
    return statistics.median(_timed(lambda: evaluator.sweep(STRATEGY, params, bed)) for _ in range(3))


def _pages() -> dict[str, Any]:
    """Seconds that each page takes on a large ledger, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        script = PROJECT_DIR / "studies" / "page_speed.py"
        done = subprocess.run([sys.executable, str(script), folder], capture_output=True, text=True, cwd=PROJECT_DIR, check=False)
    if done.returncode != 0:
        raise EngineError(
            f"the pages could not be timed: {done.stderr.strip().splitlines()[-1:]}; run {Path(script).name} to see why"
        )
    return json.loads(done.stdout)
