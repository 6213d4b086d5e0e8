"""Where attacks are run, with probes that see from outside whether one had an effect.

Placeholders of a source: @DIR a folder that anybody may write to, holding `secret`, `victim`, `pickle`, and the socket `unix`;
@TCP, @UDP ports and @ABSTRACT a name on which this process listens; @HOST its pid, @ADDRESS where a secret lies in its memory,
@SPARE where it may be overwritten, @SECRET_FD its descriptor of the secret file.
"""

import contextlib
import ctypes
import os
import pickle
import shutil
import signal
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from engine.records import Failure, Signals, Window
from engine.settings import Limits
from engine.strategy.packing import unpack_bits
from engine.strategy.sandbox import SandboxPool
from engine.strategy.window_data import seal_window
from tests.markets import panel_of, random_bars
from tests.strategy.attacks.attack import Attack

LIMITS = Limits(cpu_s_per_set=0.2, cpu_s_start=0.2, wall_s_idle=1, memory_mb=100, indicator_cache_mb=16)
BARS, ASSETS = 200, 3
HONEST = "PARAMS = {}\n\n\ndef signals(market, params, ta):\n    return {'entries': ta.ema(market.close, 3) > market.open}\n"
FILE_SECRET, MEMORY_SECRET = "edgewise-secret", b"edgewise-memory!"
TEXT_CAP = 500
_NEVER_RAN = ("policy", "syntax")


class _Pickled:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (self.path,)


@dataclass(frozen=True)
class Shot:
    """What an attack came to: its effects in words, the kind of its first failure ("" where signals came), and its text."""

    effects: tuple[str, ...]
    kind: str
    said: str
    wall_s: float


class Range:
    """A pool with those walls, and all probes. For use by the main thread, since it handles a signal."""

    def __init__(self, walls: tuple[str, ...], limits: Limits = LIMITS) -> None:
        self._has_policy = "policy" in walls
        self._close = contextlib.ExitStack()
        try:
            self._set_up(walls, limits)
        except BaseException:
            self.close()
            raise

    def _set_up(self, walls: tuple[str, ...], limits: Limits) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="edgewise-range-"))
        self._close.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._folder.chmod(0o777)
        self._set_up_files()
        self._listen()
        self._signals = 0
        before = signal.signal(signal.SIGUSR1, self._count_signal)
        self._close.callback(signal.signal, signal.SIGUSR1, before)
        self._secret = ctypes.create_string_buffer(MEMORY_SECRET)
        self._spare = ctypes.create_string_buffer(16)
        self._secret_fd = os.open(self._folder / "secret", os.O_RDONLY)
        self._close.callback(os.close, self._secret_fd)
        panel = panel_of(random_bars(np.random.default_rng(1), BARS, ASSETS))
        self._data = seal_window(panel, Window("train", 0, BARS))
        self._window = self._window_bytes()
        self._others = set(psutil.Process().children())
        self._pool = SandboxPool(1, limits, walls=walls)
        self._close.callback(self._pool.close)
        self._honest = self._answer_to_honest()
        self._servers = self._children()

    def close(self) -> None:
        self._close.close()

    def fire(self, attack: Attack) -> Shot:
        """Run an attack, then an honest strategy, and look at every probe."""
        began = time.perf_counter()
        source = self._aim(attack.source)
        answers = [
            a for _ in range(attack.calls) for a in self._pool.signals(source, attack.sets, self._data, sides=attack.sides)
        ]
        wall_s = time.perf_counter() - began
        failures = [a for a in answers if isinstance(a, Failure)]
        first = failures[0] if failures else Failure("", "")
        may_last = first.kind not in _NEVER_RAN and not attack.by_policy
        effects = [*self._outside(may_last=may_last), *self._told(failures)]
        if self._has_policy or not attack.by_policy:
            effects += self._inside(attack, answers, failures)
        return Shot(tuple(effects), first.kind, first.message, wall_s)

    def _aim(self, source: str) -> str:
        values = {
            "@DIR": self._folder, "@TCP": self._tcp.getsockname()[1], "@UDP": self._udp.getsockname()[1],
            "@ABSTRACT": self._abstract_name, "@HOST": os.getpid(), "@ADDRESS": ctypes.addressof(self._secret),
            "@SPARE": ctypes.addressof(self._spare), "@SECRET_FD": self._secret_fd,
        }  # fmt: skip
        for name, value in values.items():
            source = source.replace(name, str(value))
        return source

    def _set_up_files(self) -> None:
        for name, text in (("secret", FILE_SECRET), ("victim", "here")):
            (self._folder / name).write_text(text)
            (self._folder / name).chmod(0o644)
        (self._folder / "pickle").write_bytes(pickle.dumps(_Pickled(str(self._folder / "made"))))
        self._expected = ["pickle", "secret", "unix", "victim"]

    def _listen(self) -> None:
        self._abstract_name = self._folder.name
        self._tcp = self._bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        self._udp = self._bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        self._unix = self._bound(socket.AF_UNIX, socket.SOCK_STREAM, str(self._folder / "unix"))
        self._abstract = self._bound(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{self._abstract_name}")
        (self._folder / "unix").chmod(0o777)

    def _bound(self, family: int, kind: int, address: Any) -> socket.socket:
        made = self._close.enter_context(socket.socket(family, kind))
        made.bind(address)
        made.setblocking(False)
        if kind == socket.SOCK_STREAM:
            made.listen()
        return made

    def _count_signal(self, *_: object) -> None:
        self._signals += 1

    def _window_bytes(self) -> bytes:
        return os.pread(self._data.fd, os.fstat(self._data.fd).st_size, 0)

    def _children(self) -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True)) - self._others

    def _answer_to_honest(self) -> list[Any]:
        (answer,) = self._pool.signals(HONEST, [{}], self._data)
        return [answer.kind] if isinstance(answer, Failure) else unpack_bits(answer.entries, BARS).tolist()

    def _outside(self, *, may_last: bool) -> list[str]:
        """What the probes saw since they were last asked; they are set up anew."""
        out = self._in_the_folder() + self._on_the_sockets()
        if self._signals:
            out.append("the host was sent a signal")
        if bytes(self._spare) != bytes(16):
            out.append("the host's memory was written")
        self._signals = 0
        ctypes.memset(self._spare, 0, 16)
        if self._window_bytes() != self._window:
            out.append("the window was changed")
        if may_last and self._answer_to_honest() != self._honest:
            out.append("the next evaluation was changed")
        children = self._children()
        if len(children) > len(self._servers):
            out.append("a process was left behind")
        elif children != self._servers:
            out.append("the server was ended")
            self._servers = children
        return out

    def _in_the_folder(self) -> list[str]:
        out = []
        for path in self._folder.iterdir():
            if path.name not in self._expected:
                out.append(f"{path.name} was made")
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        victim = self._folder / "victim"
        if not victim.exists() or victim.read_text() != "here" or victim.stat().st_mode & 0o777 != 0o644:
            out.append("a file was changed")
            victim.write_text("here")
            victim.chmod(0o644)
        return out

    def _on_the_sockets(self) -> list[str]:
        out = []
        for name, listening in (("TCP", self._tcp), ("unix", self._unix), ("abstract unix", self._abstract)):
            with contextlib.suppress(BlockingIOError):
                listening.accept()[0].close()
                out.append(f"{name} was reached")
        with contextlib.suppress(BlockingIOError):
            self._udp.recv(10)
            out.append("UDP was reached")
        return out

    def _told(self, failures: list[Failure]) -> list[str]:
        out = []
        for failure in failures:
            if FILE_SECRET in failure.message or MEMORY_SECRET.decode() in failure.message:
                out.append("a secret was told")
            if "EFFECT" in failure.message and failure.kind == "error":
                out.append(failure.message[failure.message.index("EFFECT") :][:60])
            if len(failure.message) > TEXT_CAP or not failure.message.isprintable():
                out.append("the failure's text is not clean")
        return out

    def _inside(self, attack: Attack, answers: list[Any], failures: list[Failure]) -> list[str]:
        out = []
        if attack.must_fail and len(failures) < len(answers):
            out.append("it was accepted")
        if any("INSIDE" in f.message and f.kind == "error" for f in failures):
            out.append("it looked round inside")
        if len(attack.sets) > 2 and _said(answers[0]) != _said(answers[-1]):
            out.append("the next scenario was changed")
        return out


def _said(answer: Signals | Failure) -> object:
    if isinstance(answer, Failure):
        return answer.kind
    return answer.entries.tobytes(), answer.max_bars
