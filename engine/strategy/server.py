"""The fork server of one slot: imports the libraries once, then forks a fresh child for each order.

It speaks with its host over one stream socket. An order is a byte with two descriptors (the window, or the null device; and
the pipe that the child writes to), a length, and a body that only the child reads. The server answers in records of fixed
size: READY once, then for each order STARTED (the child's pid) and ENDED (signal, exit code, CPU seconds), or REFUSED
(errno) when it could not fork. The host may send KILL at any time; one that comes after its child has ended is stale and is
skipped. The server never runs strategy code; the end of the stream, that is the host's end, ends it and its child.
"""

import ctypes
import gc
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any

LENGTH = struct.Struct("<I")
ANSWER = struct.Struct("<cqqd")
ORDER, KILL = b"o", b"k"
READY, STARTED, ENDED, REFUSED = b"r", b"s", b"e", b"x"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


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


def _next_order(control: socket.socket) -> tuple[bytes, int, int]:
    """(body, window descriptor, pipe descriptor). Raises EOFError when the host has ended."""
    while True:
        kind, fds, _, _ = socket.recv_fds(control, 1, 2)
        if kind != KILL:
            break
    if not kind:
        raise EOFError
    return _receive(control, LENGTH.unpack(_receive(control, LENGTH.size))[0]), fds[0], fds[1]


def _limit(order: dict[str, Any], window_fd: int) -> None:
    """Resource limits of the child: CPU seconds, address space over what it has now and the window, no written file."""
    sets = max(1, len(order.get("params", [])))
    hard = int(order["cpu_s_start"] + sets * (order["cpu_s_per_set"] + 1)) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (int(order["cpu_s_start"]) + 1, hard))
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    limit = now + os.fstat(window_fd).st_size + (order["memory_mb"] << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _child(body: bytes, window_fd: int, out_fd: int, server: int) -> None:
    """Become the child: a process group of its own that dies with its server, with two descriptors and no others."""
    from engine.strategy.child import read_order, work, writer

    try:
        os.setpgid(0, 0)
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
        null = os.open(os.devnull, os.O_RDWR)
        kept = os.dup(window_fd), os.dup(out_fd)  # out of the way of the numbers they are to have
        for number, fd in enumerate((null, null, null, *kept)):
            os.dup2(fd, number)
        os.closerange(5, 65_536)
        order = read_order(body)
        _limit(order, 3)
        work(order, 3, writer(4))
        os._exit(0)
    except BaseException:  # a forked child must never return into the server's loop
        os._exit(1)


def _wait(pid: int, control: socket.socket) -> bytes:
    """Wait for the child; a byte from the host kills it, the host's end kills it and ends the server."""
    pidfd = os.pidfd_open(pid)
    poll = select.poll()  # unlike select it takes descriptors beyond 1023
    poll.register(pidfd, select.POLLIN)
    poll.register(control, select.POLLIN)
    told = b"-"
    try:
        if pidfd not in dict(poll.poll()):
            told = control.recv(1)
            os.kill(pid, signal.SIGKILL)
            poll.unregister(control)
            poll.poll()
        _end_group(pid)  # while the ended child still holds the group's number
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(pidfd)
    if not told:
        raise EOFError
    signalled = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return ANSWER.pack(ENDED, signalled, 0 if signalled else os.WEXITSTATUS(status), used.ru_utime + used.ru_stime)


def _end_group(pid: int) -> None:
    """End what the child may have started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it ended before it had a group
        return


def _serve(control: socket.socket) -> None:
    server = os.getpid()
    while True:
        body, window_fd, out_fd = _next_order(control)
        pid, refused = -1, 0
        try:
            pid = os.fork()
        except OSError as error:
            refused = error.errno or 0
        if pid == 0:
            _child(body, window_fd, out_fd, server)
        os.close(window_fd)
        os.close(out_fd)
        if pid < 0:
            control.sendall(ANSWER.pack(REFUSED, refused, 0, 0.0))
            continue
        control.sendall(ANSWER.pack(STARTED, pid, 0, 0.0))
        control.sendall(_wait(pid, control))


def main(fd: int) -> None:
    """Serve orders on the inherited socket until its other end closes."""
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # pandas would import it, and it starts threads
    sys.modules["numexpr"] = None  # type: ignore[assignment]
    import engine.strategy.child  # noqa: F401  the libraries every child needs, imported once

    _assert_single_thread()
    control = socket.socket(fileno=fd)
    gc.collect()
    gc.freeze()
    control.sendall(ANSWER.pack(READY, 0, 0, 0.0))
    try:
        _serve(control)
    except (EOFError, ConnectionError):
        return
