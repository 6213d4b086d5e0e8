"""Running strategy code outside this process: slots, each a fork server that answers one order at a time.

Here the child is a separate process with limits on CPU seconds, memory and output, no inherited environment, and only one
window of data. That stops what is careless, not what is hostile: `LEVEL` says so wherever results are shown.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from engine.errors import EngineError
from engine.records import Failure, ParamRange, Params, Signals
from engine.settings import PROJECT_DIR, Limits
from engine.strategy import wire
from engine.strategy.server import KILL, LENGTH, ORDER
from engine.strategy.window_data import SealedWindow

LEVEL = "child process with limits (not a cage: run only code that you trust)"
MAX_SOURCE = 64 << 10
_START = "import sys; sys.path.insert(0, {path!r}); from engine.strategy.server import main; main({fd})"
_ENVIRONMENT = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class SandboxBroken(EngineError):
    """The fork server itself could not be started or ended; the candidate is not to blame."""


class Cancelled(EngineError):
    """The work was told to stop."""


class Slot:
    """One fork server. Not for two threads at once; `SandboxPool` sees to that."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def start(self) -> None:
        """Start the server if it does not run. Raises SandboxBroken."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START.format(path=str(PROJECT_DIR), fd=theirs.fileno())],
                pass_fds=[theirs.fileno()], env=_ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        self._control = ours
        if self._answer().get("ready") is not True:
            said = (self._process.stderr.read() if self._process.stderr else b"").decode(errors="replace").strip()
            self.close()
            raise SandboxBroken(f"the process for strategy code did not start: {said[-300:] or 'no reason given'}; run `doctor`")

    def close(self) -> None:
        """End the server and its child."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
            if self._process.stderr:
                self._process.stderr.close()
        self._process, self._control = None, None

    def _answer(self) -> dict[str, Any]:
        """The server's next line; empty if it has ended."""
        assert self._control is not None
        line = b""
        while not line.endswith(b"\n"):
            part = self._control.recv(4096)
            if not part:
                return {}
            line += part
        return json.loads(line)

    def _order(self, order: dict[str, Any], window_fd: int | None) -> int:
        """Send an order and return the descriptor that its child's answers come from."""
        self.start()
        assert self._control is not None
        ours, theirs = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError, AttributeError):
                import fcntl

                fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, 1 << 20)
            body = json.dumps(order).encode()
            socket.send_fds(self._control, [ORDER], [null if window_fd is None else window_fd, theirs])
            self._control.sendall(LENGTH.pack(len(body)) + body)
        finally:
            os.close(theirs)
            os.close(null)
        return ours

    def ask(
        self, source: str, params: Sequence[Params] | None, data: SealedWindow | None, *, salt: int = 0, sides: str = "both",
        cancelled: threading.Event | None = None,
    ) -> Generator[tuple[bytes, bytes]]:  # fmt: skip
        """(kind, body) of each message the child writes, checked for length only; ends when the child does.

        A child that was ended by a limit, or that wrote too much, is answered by one last FAILURE.
        """
        limits = self.limits
        if len(source.encode()) > MAX_SOURCE:
            yield _failed(Failure("contract", f"the source has {len(source.encode())} bytes; at most {MAX_SOURCE} are allowed"))
            return
        order: dict[str, Any] = {
            "source": source, "salt": salt, "sides": sides,
            "cpu_s_start": limits.cpu_s_start, "cpu_s_per_set": limits.cpu_s_per_set,
            "memory_mb": limits.memory_mb, "cache_mb": limits.indicator_cache_mb,
        }  # fmt: skip
        cap = 1 << 20
        if data is not None and params is not None:
            order |= {"params": list(params), "header": json.dumps(data.header())}
            cap += data.rows * data.assets * (8 * 5 + 2)
        pipe = self._order(order, None if data is None else data.fd)
        finished = False
        reader = _MessageReader(pipe, cap, limits.wall_s_idle, cancelled)
        try:
            for kind, body in reader:
                finished = finished or kind == wire.DONE or params is None
                yield kind, body
        finally:
            os.close(pipe)
            if not finished and self._control is not None:
                with contextlib.suppress(OSError):
                    self._control.send(KILL)
            ended = self._answer()
        if not ended:
            self.close()
        if not finished:
            if cancelled is not None and cancelled.is_set():
                raise Cancelled("the work was stopped")
            yield _failed(_ending(ended, reader.problem, limits))


class _MessageReader:
    """Whole messages off a pipe; `problem` says why it gave up: idle, output or nothing."""

    def __init__(self, fd: int, cap: int, idle_s: float, cancelled: threading.Event | None) -> None:
        self.fd, self.cap, self.idle_s, self.cancelled = fd, cap, idle_s, cancelled
        self.problem = ""

    def _take(self, size: int) -> bytes | None:
        out = bytearray(size)
        view, at, waited = memoryview(out), 0, 0.0
        while at < size:
            if not select.select([self.fd], [], [], 0.25)[0]:
                waited += 0.25
                if waited >= self.idle_s or (self.cancelled is not None and self.cancelled.is_set()):
                    self.problem = "idle"
                    return None
                continue
            got = os.readv(self.fd, [view[at:]])
            if not got:
                return None
            at, waited = at + got, 0.0
        return bytes(out)

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        while (head := self._take(wire.FRAME.size)) is not None:
            kind, length = wire.FRAME.unpack(head)
            if length > self.cap:
                self.problem = "output"
                return
            body = self._take(length)
            if body is None:
                return
            yield kind, body
            if self.cancelled is not None and self.cancelled.is_set():
                return


def _failed(failure: Failure) -> tuple[bytes, bytes]:
    return wire.FAILURE, wire.pack_failure(failure)


def _ending(ended: dict[str, Any], problem: str, limits: Limits) -> Failure:
    """What a child's end without a last word amounts to."""
    if ended.get("signal") == signal.SIGXCPU or (ended.get("signal") == signal.SIGKILL and not problem):
        return Failure(
            "timeout", f"one parameter set used more than {limits.cpu_s_per_set:g} CPU seconds; look for an endless loop"
        )
    if problem == "idle":
        return Failure("timeout", f"nothing came back for {limits.wall_s_idle:g} seconds; look for something that waits")
    if problem == "output":
        return Failure("output", "the answer is larger than signals of the market's shape can be")
    return Failure(
        "killed", f"the process ended by signal {ended.get('signal', 0)}, exit {ended.get('exit', 0)}, before its answer"
    )


class SandboxPool:
    """The slots of a process, handed to one thread each. Closing it ends all their processes."""

    def __init__(self, slots: int, limits: Limits) -> None:
        self.slots = slots
        self._free: list[Slot] = [Slot(limits) for _ in range(slots)]
        self._all = tuple(self._free)
        self._condition = threading.Condition()

    @contextlib.contextmanager
    def slot(self) -> Iterator[Slot]:
        """A free slot, waited for."""
        with self._condition:
            self._condition.wait_for(lambda: bool(self._free))
            taken = self._free.pop()
        try:
            yield taken
        finally:
            with self._condition:
                self._free.append(taken)
                self._condition.notify()

    def close(self) -> None:
        """End every process of the pool."""
        for slot in self._all:
            slot.close()

    def ranges(self, source: str) -> tuple[ParamRange, ...] | Failure:
        """The parameter ranges that a source declares, or why it has none."""
        with self.slot() as slot:
            answer: tuple[ParamRange, ...] | Failure = Failure("killed", "the child gave no answer")
            for kind, body in slot.ask(source, None, None):
                if kind == wire.DONE:
                    continue
                answer = _read(lambda k=kind, b=body: wire.unpack_failure(b) if k == wire.FAILURE else wire.unpack_ranges(b))
            return answer

    def signals(
        self,
        source: str,
        params: Sequence[Params],
        data: SealedWindow,
        *,
        salt: int = 0,
        sides: str = "both",
        cancelled: threading.Event | None = None,
    ) -> Iterator[Signals | Failure]:
        """Signals, or a failure, of each parameter set in its order, as they come; with sides "long" without the short ones.

        A source that fails altogether, or a child that is ended, gives one failure for each set that is left.
        Raises Cancelled when the event is set meanwhile.
        """
        left = len(params)
        last = Failure("killed", "the child ended before its answer")
        bars = data.rows - data.lead_in
        with (
            self.slot() as slot,
            contextlib.closing(slot.ask(source, params, data, salt=salt, sides=sides, cancelled=cancelled)) as messages,
        ):
            for kind, body in messages:
                if kind == wire.DONE or left == 0:
                    continue
                unpack = wire.unpack_failure if kind == wire.FAILURE else lambda b: wire.unpack_signals(b, bars, data.assets)
                last = _read(lambda u=unpack, b=body: u(b))
                left -= 1
                yield last
        for _ in range(left):
            yield last if isinstance(last, Failure) else Failure("killed", "the child ended before its answer")


def _read(unpack: Any) -> Any:
    """The unpacked message, or the failure that a malformed one is."""
    try:
        return unpack()
    except wire.WireError as error:
        return Failure("output", str(error))
