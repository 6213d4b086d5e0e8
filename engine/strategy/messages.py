"""Reading what a child writes: whole messages, bounded in size, and bounded in the time that it is silent."""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator

from engine.strategy import wire

_POLL_MS = 250
_END_MS = 2_000
_GRACE_S = 2.0


class Patience:
    """How long a child is waited for between two whole messages: `idle_s` of sleep, `cpu_s` of computing.

    A child that waits for a core is not asleep, so that load on the machine changes no result; where the system does not tell
    (no schedstat), one that computes at all is not. The child's own CPU limit is lower and ends it first; this one holds what
    has blocked that limit's signal. Both are looked at a few times a second, and only while the host itself is waiting.
    """

    def __init__(self, pid: int, *, idle_s: float, start_cpu_s: float, cpu_s: float) -> None:
        self._pid, self._idle_s, self._cpu_s = pid, idle_s, cpu_s
        self._renew(start_cpu_s)

    def renew(self) -> None:
        """The child has said something whole."""
        self._renew(self._cpu_s)

    def _renew(self, cpu_s: float) -> None:
        self._cpu_left, self._sleep_left = cpu_s + _GRACE_S, self._idle_s
        self.resume()

    def resume(self) -> None:
        """The host begins to wait; what the child did meanwhile does not count."""
        self._looked = time.monotonic()
        self._used: tuple[float, float] | None = None

    def problem(self) -> str:
        """Why patience is over, "idle" or "cpu"; nothing if it is not."""
        now = time.monotonic()
        if now - self._looked < _POLL_MS / 1_000:
            return ""
        used = self._times()
        if self._used is not None:
            computed, waited = used[0] - self._used[0], used[1] - self._used[1]
            passed = min(now - self._looked, 4 * _POLL_MS / 1_000)  # this process may have been stopped
            self._cpu_left -= computed
            if self._has_waits or computed <= 0:
                self._sleep_left -= max(0.0, passed - computed - waited)
        self._looked, self._used = now, used
        return "cpu" if self._cpu_left < 0 else "idle" if self._sleep_left < 0 else ""

    def _times(self) -> tuple[float, float]:
        """Seconds that the child has computed, and that it has waited for a core."""
        try:
            with open(f"/proc/{self._pid}/schedstat") as file:
                computed, waited, _ = map(int, file.read().split())
            self._has_waits = True
            return computed / 1e9, waited / 1e9
        except (OSError, ValueError):
            self._has_waits = False
        try:
            with open(f"/proc/{self._pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), 0.0
        except OSError:
            return 0.0, 0.0


class Messages:
    """Whole messages off a pipe. `heard` says that there were any, `finished` that DONE came; if it did not, `problem` says why
    reading ended: "idle", "cpu", "output", or nothing."""

    def __init__(
        self, pipe: int, control: socket.socket, cap: int, patience: Patience, cancelled: threading.Event | None
    ) -> None:
        self._pipe, self._cap, self._patience, self._cancelled = pipe, cap, patience, cancelled
        self._poll = select.poll()  # unlike select it takes descriptors beyond 1023
        self._poll.register(pipe, select.POLLIN)
        self._poll.register(control, select.POLLIN)
        self.heard = False
        self.finished = False
        self.problem = ""

    def __iter__(self) -> Iterator[tuple[bytes, memoryview]]:
        while (head := self._take(wire.FRAME.size)) is not None:
            kind, length = wire.FRAME.unpack(head)
            if kind == wire.DONE:
                self.finished = True
                return
            if kind not in wire.KINDS or length > self._cap:
                self.problem = "output"
                return
            body = self._take(length)
            if body is None:
                return
            self.heard = True
            yield kind, body
            self._patience.renew()

    def _take(self, size: int) -> memoryview | None:
        """So many bytes; None when there are not so many to come, when patience is over or the work is cancelled."""
        out = memoryview(bytearray(size))
        at = 0
        self._patience.resume()
        while at < size:
            if self._cancelled is not None and self._cancelled.is_set():
                return None
            ready = dict(self._poll.poll(_POLL_MS))
            if self._pipe in ready:
                got = os.readv(self._pipe, [out[at:]])
                at += got
                if not got:
                    self._await_end()
                    return None
            elif ready:  # the server has told the child's end, and yet something holds the pipe
                return None
            self.problem = self._patience.problem()
            if self.problem:
                return None
        return out.toreadonly()

    def _await_end(self) -> None:
        """After the pipe's end: the child's own follows, unless the strategy has closed the pipe."""
        self._poll.unregister(self._pipe)
        if not self._poll.poll(_END_MS):
            self.problem = "output"
