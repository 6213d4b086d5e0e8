"""The fork server of one slot: imports the libraries once, then forks a fresh child for each order.

It speaks with its host over one stream socket: an order is a byte with two descriptors (the window, or the null device; and
the pipe that the child writes to), a length and a JSON text. When the child has ended the server answers one JSON
line: how it ended.
The server never runs strategy code; end of the stream, that is the host's end, ends it and its child.
"""

import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any

LENGTH = struct.Struct("<I")
MAX_ORDER = 16 << 20
ORDER, KILL = b"o", b"k"


def _assert_single_thread() -> None:
    """Limits and later the cage bind one thread only, and fork copies one only."""
    if os.path.isdir("/proc/self/task") and len(os.listdir("/proc/self/task")) != 1:
        raise SystemExit("the fork server has more than one thread; a library started one on import")


def _receive(control: socket.socket, size: int) -> bytes:
    out = bytearray()
    while len(out) < size:
        part = control.recv(size - len(out))
        if not part:
            raise EOFError
        out += part
    return bytes(out)


def _next_order(control: socket.socket) -> tuple[dict[str, Any], int, int]:
    while True:
        kind, fds, _, _ = socket.recv_fds(control, 1, 2)
        if kind != KILL:  # a kill that came after its child had ended is stale
            break
    if not kind:
        raise EOFError
    size = LENGTH.unpack(_receive(control, LENGTH.size))[0]
    order = json.loads(_receive(control, min(size, MAX_ORDER)))
    return order, fds[0], fds[1]


def _limit(order: dict[str, Any]) -> None:
    """Resource limits of the child: CPU seconds, address space over what it has now, no core file, no written file."""
    sets = max(1, len(order.get("params", [])))
    hard = int(order["cpu_s_start"] + sets * order["cpu_s_per_set"]) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (int(order["cpu_s_start"]) + 1, hard))
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    limit = now + (order["memory_mb"] << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _child(order: dict[str, Any], window_fd: int, out_fd: int, control: socket.socket) -> None:
    from engine.strategy.child import work, writer

    try:
        control.close()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.closerange(3, min(window_fd, out_fd))
        _limit(order)
        work(order, window_fd, writer(out_fd))
        os._exit(0)
    except BaseException:
        os._exit(1)


def _wait(pid: int, control: socket.socket) -> dict[str, Any]:
    """Wait for the child; a byte from the host kills it, the host's end kills it and ends the server."""
    pidfd = os.pidfd_open(pid)
    try:
        ready, _, _ = select.select([pidfd, control.fileno()], [], [])
        if pidfd not in ready:
            told = control.recv(1)
            os.kill(pid, signal.SIGKILL)
            if not told:
                os.waitpid(pid, 0)
                raise EOFError
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(pidfd)
    signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {"signal": signalled, "exit": os.WEXITSTATUS(status) if not signalled else 0, "cpu_s": used.ru_utime + used.ru_stime}


def main(fd: int) -> None:
    """Serve orders on the inherited socket until its other end closes."""
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # pandas would import it, and it starts threads
    sys.modules["numexpr"] = None  # type: ignore[assignment]
    import engine.strategy.child  # noqa: F401  the libraries every child needs, imported once

    _assert_single_thread()
    control = socket.socket(fileno=fd)
    gc.collect()
    gc.freeze()
    control.sendall(b'{"ready": true}\n')
    while True:
        try:
            order, window_fd, out_fd = _next_order(control)
            pid = os.fork()
            if pid == 0:
                _child(order, window_fd, out_fd, control)
            os.close(window_fd)
            os.close(out_fd)
            control.sendall(json.dumps(_wait(pid, control)).encode() + b"\n")
        except (EOFError, ConnectionError):
            return
