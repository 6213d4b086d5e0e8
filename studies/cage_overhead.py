"""What does the cage cost? Milliseconds a call over the same code uncaged, and what else was promised of it.

    python -m studies.cage_overhead [CALLS]

On 100 assets x 8,760 random bars: one evaluation in this process ("uncaged"), in a child without walls, and in the cage, taken in
turn so that load on the machine meets all alike; the start of a fork server and its memory; the time from a kill to the next
evaluation's start; the sweep of `bench` with and without walls. Medians; prints one JSON object.
"""

import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil

from engine.backtest.sweep import prepare, sweep
from engine.command.bench import BARS, STRATEGY
from engine.market.bars import FIELDS, Panel
from engine.records import Costs, Window
from engine.settings import Limits
from engine.strategy import child
from engine.strategy.params import grid
from engine.strategy.sandbox import SandboxPool
from engine.strategy.slot import WALLS, ChildEnded, Slot
from engine.strategy.window_data import SealedWindow, seal_window

ASSETS, SCENARIOS, PAIRS, STARTS, KILLS = 100, 500, 5, 5, 20
TRIVIAL = "PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {'entries': market.close > market.open}\n"
LOOP = "PARAMS = {}\n\n\ndef signals(market, params, ta):\n    while True:\n        pass\n"


def _panel() -> Panel:
    rng = np.random.default_rng(1)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, (BARS, ASSETS)), axis=0))
    opened = np.vstack([close[:1], close[:-1]])
    high, low = np.maximum(opened, close) * 1.002, np.minimum(opened, close) * 0.998
    bars = dict(zip(FIELDS, (opened, high, low, close, np.ones_like(close)), strict=True))
    times = np.arange(BARS, dtype=np.int64) * 3_600_000_000_000
    arrays = {name: np.asfortranarray(values) for name, values in bars.items()}
    return Panel(
        "random", tuple(f"S{i}" for i in range(ASSETS)), times, **arrays, data_hash="random", bar_s=3600, days_per_year=365
    )


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def _uncaged(source: str, data: SealedWindow, limits: Limits) -> None:
    """What a child does, in this process: parse, compile, run, check and pack."""
    order: dict[str, Any] = {
        "source": source, "salt": 0, "sides": "both", "policy": False, "params": [{}], "header": json.dumps(data.header()),
        "cpu_s_per_set": 1e6, "cache_mb": limits.indicator_cache_mb,
    }  # fmt: skip
    answers: list[bytes] = []
    child.work(order, child.open_window(order, data.fd), lambda part: answers.append(bytes(part)))


def _calls(data: SealedWindow, limits: Limits, calls: int) -> dict[str, Any]:
    pools = {"no walls": SandboxPool(1, limits, walls=()), "kernel": SandboxPool(1, limits, walls=WALLS[:-1]),
             "cage": SandboxPool(1, limits)}  # fmt: skip
    out: dict[str, Any] = {}
    for name, source in (("EMA cross", STRATEGY), ("trivial", TRIVIAL)):
        ways: dict[str, Callable[[], object]] = {"uncaged": lambda s=source: _uncaged(s, data, limits)}
        ways |= {way: lambda s=source, p=pool: list(p.signals(s, [{}], data)) for way, pool in pools.items()}
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(calls + 2):
            for way, work in ways.items():
                took = _ms(work)
                if turn > 1:
                    times[way].append(took)
        overhead = [caged - free for caged, free in zip(times["cage"], times["uncaged"], strict=True)]
        out[name] = {f"{way} ms": round(statistics.median(took), 1) for way, took in times.items()}
        out[name]["overhead ms"] = round(statistics.median(overhead), 1)
    for pool in pools.values():
        pool.close()
    return out


def _servers(limits: Limits) -> dict[str, float]:
    """Seconds until a fork server is ready, and what one holds."""
    ready, memory = [], []
    for _ in range(STARTS):
        slot, before = Slot(limits), set(psutil.Process().children())
        ready.append(_ms(slot.start) / 1e3)
        (server,) = set(psutil.Process().children()) - before
        memory.append(_memory_mb(server))
        slot.close()
    middle = {f"{name} MB": round(statistics.median(m[name] for m in memory)) for name in memory[0]}
    return {"ready s": round(statistics.median(ready), 2)} | middle


def _memory_mb(server: psutil.Process) -> dict[str, float]:
    """What it holds; how much of it is its own alone, a caged server hides from its own user."""
    held = {"rss": server.memory_info().rss}
    with contextlib.suppress(psutil.AccessDenied):
        full = server.memory_full_info()
        held |= {"pss": full.pss, "uss": full.uss}
    return {name: size / 2**20 for name, size in held.items()}


def _after_a_kill(data: SealedWindow) -> dict[str, float]:
    """Milliseconds from the host's wish to end a child that computes until the next child has begun."""
    slot = Slot(Limits())
    took = []
    order = {"salt": 0, "sides": "both", "params": [{}], "header": json.dumps(data.header())}
    for _ in range(KILLS):
        running = slot.ask({**order, "source": LOOP}, data.fd, cap=2**20)
        next(running)  # the ranges: the loop has begun
        began = time.perf_counter()
        running.close()
        following = slot.ask({**order, "source": TRIVIAL}, data.fd, cap=2**26)
        next(following)  # its module has run
        took.append((time.perf_counter() - began) * 1e3)
        try:
            for _ in following:
                pass
        except ChildEnded as ended:
            raise SystemExit(f"an honest strategy failed: {ended}") from ended
    slot.close()
    return {"ms": round(statistics.median(took), 1), "most ms": round(max(took), 1)}


def _sweeps(panel: Panel) -> dict[str, Any]:
    bed = prepare(panel, Window("all", 0, panel.bars), Costs())
    slots = os.cpu_count() or 1
    pools = {"no walls": SandboxPool(slots, Limits(), walls=()), "cage": SandboxPool(slots, Limits())}
    ranges = pools["cage"].ranges(STRATEGY)
    assert isinstance(ranges, tuple)
    sets = grid(ranges, SCENARIOS)
    times: dict[str, list[float]] = {name: [] for name in pools}
    with ThreadPoolExecutor(slots) as executor:
        for turn in range(PAIRS + 1):
            for name, pool in pools.items():
                took = _ms(lambda p=pool: sweep(STRATEGY, sets, bed, pool=p, executor=executor)) / 1e3  # type: ignore[misc]
                if turn:
                    times[name].append(took)
    for pool in pools.values():
        pool.close()
    ratios = [free / caged for free, caged in zip(times["no walls"], times["cage"], strict=True)]
    return {"scenarios": len(sets)} | {f"{name} s": round(statistics.median(took), 2) for name, took in times.items()} | {
        "speed kept": round(statistics.median(ratios), 3)}  # fmt: skip


def main(calls: int) -> dict[str, Any]:
    """All figures, with the load before and after."""
    load = os.getloadavg()[0]
    panel, limits = _panel(), Limits()
    data = seal_window(panel, Window("all", 0, panel.bars))
    return {
        "assets x bars": f"{ASSETS} x {BARS}",
        "calls": _calls(data, limits, calls),
        "fork server": _servers(limits),
        "from a kill to the next start": _after_a_kill(data),
        "sweep": _sweeps(panel),
        "cores": os.cpu_count(),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40), indent=2))
