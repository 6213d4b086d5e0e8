"""A thousand hostile evaluations in a row leave nothing behind: no process, file, descriptor or memory."""

import contextlib
import gc
import itertools
import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine.records import Failure, Window
from engine.settings import Limits
from engine.strategy.sandbox import SandboxPool
from engine.strategy.slot import WALLS
from engine.strategy.window_data import SealedWindow, seal_window
from tests.markets import panel_of, random_bars
from tests.strategy.attacks.attack import module

EVALUATIONS = 1_000
WARM_UP = 60
GROWTH_MB = 8.0
"""What host and server may each have grown by: a hundredth of a megabyte an evaluation would show as 10."""
LIMITS = Limits(cpu_s_per_set=0.05, cpu_s_start=0.05, wall_s_idle=2, memory_mb=48, indicator_cache_mb=8)
QUICK = {
    "crash": module("ctypes.string_at(0)"),
    "exit": module("os._exit(3)"),
    "abort": module("os.abort()"),
    "memory": module("np.ones(10**9)"),
    "memory, touched": module("kept = []\nwhile True:\n    kept.append(np.ones(10**5))"),
    "error": module("raise ValueError('x' * 10**5)"),
    "error of the module": "1 / 0",
    "syntax": "def",
    "nested": "x = " + "(" * 5_000,
    "rubbish for an answer": module("os.write(4, b'?' * 100)\nos._exit(0)"),
    "endless output": module("while True:\n    os.write(4, b'x' * 65536)"),
    "half a message": module("os.write(4, b'S' + b'\\xff\\0\\0\\0')\nos._exit(0)"),
    "pipe closed": module("os.close(4)"),
    "fork": module("os.fork()"),
    "file": module("open('@DIR/made', 'w')"),
    "thread": module("threading.Thread(target=print).start()"),
    "socket": module("socket.socket()"),
    "shared memory": module("libc.shmget(0x0EDCE, 4096, 0o1600)"),
    "recursion": module("f = lambda: f()\nf()"),
    "wrong answer": module("return {'entries': 5}"),
    "honest": module("market.close * 2"),
}
"""Quick to end; most are run without the policy, so that they reach the kernel's walls."""
REFUSED = {"walk": "PARAMS = {}\ndef signals(market, params, ta):\n    return market.__class__\n"}
FENCED = 200
"""So many evaluations have the policy before them, too."""
LOOP = "PARAMS = {}\ndef signals(market, params, ta):\n    while True:\n        pass\n"
LOOPS = 4
"""Endless loops cost a CPU second each, since the system counts its limit in whole seconds; so there are few of them."""


@pytest.fixture(scope="module")
def data() -> SealedWindow:
    return seal_window(panel_of(random_bars(np.random.default_rng(1), 200, 3)), Window("train", 0, 200))


class Watched:
    """A pool whose server is known, and what host and server hold."""

    def __init__(self, walls: tuple[str, ...], data: SealedWindow) -> None:
        before = set(psutil.Process().children())
        self.pool, self._data = SandboxPool(1, LIMITS, walls=walls), data
        self.pool.warm()
        (self.server,) = set(psutil.Process().children()) - before

    def kinds(self, sources: dict[str, str], count: int) -> Counter[str]:
        """Kinds of the failures of so many evaluations, the sources in turn; "" for signals."""
        out: Counter[str] = Counter()
        for _, source in zip(range(count), itertools.cycle(sources.values()), strict=False):
            (answer,) = self.pool.signals(source, [{}], self._data)
            out[answer.kind if isinstance(answer, Failure) else ""] += 1
        return out

    def processes(self) -> list[int]:
        return [self.server.pid, *(child.pid for child in self.server.children(recursive=True))]

    def descriptors(self) -> tuple[int, int | None]:
        """Open ones of host and server; what a user's own server has open is hidden even from that user, so None."""
        gc.collect()
        with contextlib.suppress(psutil.AccessDenied):
            return psutil.Process().num_fds(), self.server.num_fds()
        return psutil.Process().num_fds(), None

    def memory_mb(self) -> np.ndarray:
        gc.collect()
        return np.array([psutil.Process().memory_info().rss, self.server.memory_info().rss]) / 2**20


def things(folder: Path) -> dict[str, object]:
    """What could lie about: files where anybody may write, as far as they can be a candidate's, and System V memory."""
    nobodys = [61_803, 65_534, *([] if os.geteuid() == 0 else [os.geteuid()])]
    shared = [path for place in ("/tmp", "/var/tmp") for path in Path(place).iterdir()]
    with contextlib.suppress(FileNotFoundError):
        shared = [path for path in shared if path.lstat().st_uid in nobodys and not path.name.startswith("pytest-")]
    return {
        **{str(place): sorted(os.listdir(place)) for place in ("/dev/shm", "/", os.getcwd(), folder)},
        "shared": sorted(map(str, shared)),
        "System V": Path("/proc/sysvipc/shm").read_text().count(f" {0x0EDCE} "),
    }


def test_a_thousand_hostile_evaluations_leave_nothing_behind(data: SealedWindow, capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o777)
        sources = {name: source.replace("@DIR", made) for name, source in QUICK.items()}
        fenced, walled = Watched(WALLS, data), Watched(WALLS[:-1], data)
        try:
            _measure(fenced, walled, sources, folder, capsys)
        finally:
            fenced.pool.close()
            walled.pool.close()
        assert not any(watched.server.is_running() for watched in (fenced, walled))


def _measure(fenced: Watched, walled: Watched, sources: dict[str, str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for watched in (fenced, walled):
        watched.kinds(sources, WARM_UP)
    before = [(w.processes(), w.descriptors()) for w in (fenced, walled)], things(folder)
    held = np.array([w.memory_mb() for w in (fenced, walled)])
    found = walled.kinds(sources, EVALUATIONS - FENCED - LOOPS)
    found += fenced.kinds({**sources, **REFUSED}, FENCED)
    found += fenced.kinds({"endless loop": LOOP}, LOOPS)
    grown = np.array([w.memory_mb() for w in (fenced, walled)]) - held
    assert ([(w.processes(), w.descriptors()) for w in (fenced, walled)], things(folder)) == before
    assert (grown < GROWTH_MB).all()
    assert sum(found.values()) == EVALUATIONS
    assert {"killed", "memory", "error", "output", "syntax", "contract", "policy", "timeout", ""} <= set(found)
    with capsys.disabled():
        rows = ", ".join(f"{kind or 'signals'} {count}" for kind, count in found.most_common())
        print(f"\n{EVALUATIONS} hostile evaluations ({rows}): 0 processes, files and descriptors left,"
              f" memory {grown.max():+.1f} MB at most")  # fmt: skip
