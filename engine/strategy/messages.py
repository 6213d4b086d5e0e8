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


class Patience:
    """How long a silent child is waited for: `idle_s` in which it does not compute either.

    A child that computes is bounded by CPU seconds alone, so that load on the machine changes no result.
    """

    def __init__(self, pid: int, idle_s: float) -> None:
        self._stat = f"/proc/{pid}/stat"
        self._idle_s = idle_s
        self._ticks = self._cpu_ticks()
        self.renew()

    def renew(self) -> None:
        """The child has said something."""
        self._since = time.monotonic()

    def is_over(self) -> bool:
        """It has neither said nor computed anything for too long."""
        if time.monotonic() - self._since < self._idle_s:
            return False
        before, self._ticks = self._ticks, self._cpu_ticks()
        if self._ticks > before:
            self.renew()
        return self._ticks <= before

    def _cpu_ticks(self) -> int:
        try:
            with open(self._stat) as stat:
                fields = stat.read().rpartition(")")[2].split()
            return int(fields[11]) + int(fields[12])
        except OSError:
            return -1


class Messages:
    """Whole messages off a pipe. `heard` says that there were any, `finished` that DONE came; if it did not, `problem` says why
    reading ended: "idle", "output", or nothing."""

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

    def _take(self, size: int) -> memoryview | None:
        """So many bytes; None when there are not so many to come, when patience is over or the work is cancelled."""
        out = memoryview(bytearray(size))
        at = 0
        while at < size:
            if self._cancelled is not None and self._cancelled.is_set():
                return None
            ready = dict(self._poll.poll(_POLL_MS))
            if self._pipe in ready:
                got = os.readv(self._pipe, [out[at:]])
                at += got
                self._patience.renew()
                if not got:
                    self._await_end()
                    return None
            elif ready:  # the server has told the child's end, and yet something holds the pipe
                return None
            elif self._patience.is_over():
                self.problem = "idle"
                return None
        return out.toreadonly()

    def _await_end(self) -> None:
        """After the pipe's end: the child's own follows, unless the strategy has closed the pipe."""
        self._poll.unregister(self._pipe)
        if not self._poll.poll(_END_MS):
            self.problem = "output"
