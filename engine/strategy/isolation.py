"""How well strategy code is held on this machine: tried by canaries once per boot, never assumed."""

import contextlib
import functools
import hashlib
import json
import os
import stat
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engine.errors import StrategyError
from engine.market.bars import Panel
from engine.records import Window
from engine.settings import Limits
from engine.strategy import wire
from engine.strategy.canaries import CANARIES, LIMITED
from engine.strategy.slot import ChildEnded, SandboxBroken, Slot
from engine.strategy.window_data import SealedWindow, seal_window

LEVELS = {
    "full": "full: system calls, files and network are closed to strategy code by the kernel",
    "seccomp": "seccomp only: system calls are closed by the kernel; it has no Landlock as a second wall",
    "seatbelt": "seatbelt: files, network and programs are closed to strategy code by macOS",
    "policy": "policy only: this system has no wall that strategy code cannot pass; limits and the source policy hold",
    "none": "none: strategy code is not held on this machine",
}
WALLED = ("full", "seccomp", "seatbelt")
ALLOW = "ALLOW_UNSANDBOXED"
_QUICK = Limits(cpu_s_per_set=0, cpu_s_start=0, memory_mb=128)
_RULING = ("cage.py", "canaries.py", "server.py", "child.py", "slot.py", "isolation.py")  # what the answer depends on
_lock = threading.Lock()
_known: dict[str, "Isolation"] = {}


@dataclass(frozen=True)
class Isolation:
    """The level (a key of LEVELS), and of each canary whether it was stopped."""

    level: str
    stopped: dict[str, bool]

    def __str__(self) -> str:
        passed = [name for name, was_stopped in self.stopped.items() if not was_stopped]
        return LEVELS[self.level] + (f" (not stopped: {', '.join(passed)})" if passed else "")


def isolation() -> Isolation:
    """What holds strategy code here. Measured when first asked for since the machine started, then remembered.

    Takes seconds when it measures. Never raises: where no process can be had or what is remembered cannot be read or
    trusted, it is measured again, and what cannot be measured is "none".
    """
    with _lock:
        key = _key()
        if key not in _known:
            _known[key] = _remembered(key) or _measured(key)
        return _known[key]


def known_isolation() -> Isolation | None:
    """What `isolation` would say, if it can say so at once."""
    key = _key()
    return _known.get(key) or _remembered(key)


def check_allowed(arm: str) -> None:
    """Raises StrategyError where code of that arm must not run: a model's, without a wall, unless the environment allows it."""
    if arm in ("random", "mutate", "human") or os.environ.get(ALLOW) == "1" or (held := isolation()).level in WALLED:
        return
    raise StrategyError(
        f"code written by a model is not run here: isolation is {held}; use Linux with seccomp, or set {ALLOW}=1 if you accept"
        " that it can do whatever you can"
    )


def measure(slot: Slot) -> Isolation:
    """Try every canary in a child of its own. Raises SandboxBroken if there is no server to be had."""
    window = _tiny_window()
    stopped = {name: _is_stopped(slot, name, window) for name in CANARIES}
    if all(stopped.values()):
        level = "seatbelt" if sys.platform == "darwin" else "full" if slot.has_landlock else "seccomp"
    else:
        level = "policy" if all(stopped[name] for name in LIMITED) else "none"
    return Isolation(level, stopped)


def _is_stopped(slot: Slot, name: str, window: SealedWindow) -> bool:
    order = {"canary": name, "header": json.dumps(window.header())}
    said = None
    try:
        with contextlib.closing(slot.ask(order, window.fd, cap=100)) as messages:
            for kind, body in messages:
                said = bytes(body) if kind == wire.CANARY else said
    except ChildEnded:
        return True
    return said == b"\1"


def _tiny_window() -> SealedWindow:
    prices = np.ones((4, 1), order="F")
    panel = Panel("canary", ("A",), np.arange(4) * 10**9, prices, prices, prices, prices, prices, "canary", 1, 365)
    return seal_window(panel, Window("canary", 0, 4))


def _measured(key: str) -> Isolation:
    slot = Slot(_QUICK)
    try:
        found = measure(slot)
    except (SandboxBroken, OSError):
        return Isolation("none", {})
    finally:
        slot.close()
    with contextlib.suppress(OSError):  # it is measured again next time
        _remember(key, found)
    return found


@functools.cache
def _key() -> str:
    """Names what was measured: this boot of the machine, this user, this Python, this code."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    digest = hashlib.sha256((boot.read_text() if boot.exists() else str(os.getppid())).encode())
    digest.update(f"{sys.version}{getattr(os, 'geteuid', int)()}".encode())
    for name in _RULING:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:24]


def _folder() -> Path:
    """A folder that only this user can write to. Raises OSError where somebody else owns what stands in its place."""
    user = getattr(os, "geteuid", int)()
    folder = Path(tempfile.gettempdir()) / f"edgewise-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's own folder")
    return folder


def _remember(key: str, found: Isolation) -> None:
    part = _folder() / f"{key}.{os.getpid()}"
    part.write_text(json.dumps(asdict(found)))
    part.replace(_folder() / f"{key}.json")


def _remembered(key: str) -> Isolation | None:
    try:
        plain = json.loads((_folder() / f"{key}.json").read_text())
        found = Isolation(plain["level"], {str(k): bool(v) for k, v in plain["stopped"].items()})
        return found if found.level in LEVELS and set(found.stopped) == set(CANARIES) else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
