"""The fork server of one slot: imports the libraries once, encloses itself, then forks a fresh child for each order.

It speaks with its host over one stream socket. An order is a byte with two descriptors (the window, or the null device; and
the pipe that the child writes to), a length, and a body that only the child reads. The server answers in records of fixed
size: READY once, then for each order STARTED (the child's pid) and ENDED (signal, exit code, CPU seconds), or REFUSED
(errno) when it could not fork. The host may send KILL at any time; one that comes after its child has ended is stale and is
skipped. The server never runs strategy code; the end of the stream, that is the host's end, ends it and its child. READY says
which walls of `cage` stand.
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
from dataclasses import dataclass
from typing import Any

from engine.strategy.cage import enclose_server, lock_down

LENGTH = struct.Struct("<I")
ANSWER = struct.Struct("<cqqd")
ORDER, KILL = b"o", b"k"
READY, STARTED, ENDED, REFUSED = b"r", b"s", b"e", b"x"
HAS_LANDLOCK, HAS_SECCOMP = 1, 2
_WINDOW, _OUT, _LIFE = 3, 4, 5
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class _Host:
    """What the server holds ready for its children, since nothing can be opened any more when they are made."""

    control: socket.socket
    null: int
    statm: int | None
    locks_down: bool
    forks_no_more: bool


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


def _limit(order: dict[str, Any], window_fd: int, has_pages: int) -> None:
    """Resource limits of the child: CPU seconds, address space over what it has now and the window, no written file."""
    sets = max(1, len(order.get("params", [])))
    hard = int(order["cpu_s_start"] + sets * (order["cpu_s_per_set"] + 1)) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (int(order["cpu_s_start"]) + 1, hard))
    limit = has_pages * resource.getpagesize() + os.fstat(window_fd).st_size + (order["memory_mb"] << 20)
    if has_pages:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _child(body: bytes, fds: tuple[int, int, int | None], host: _Host, server: int) -> None:
    """Become the child: a process group of its own that dies with its server, with one descriptor to write to, locked down
    before it looks at the candidate.
    """
    from engine.strategy.child import open_window, read_order, work, writer

    window_fd, out_fd, life = fds
    try:
        os.setpgid(0, 0)
        if hasattr(_LIBC, "prctl"):
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
        pages = int(os.pread(host.statm, 200, 0).split()[0]) if host.statm is not None else 0
        kept = [os.dup(fd) for fd in (host.null, window_fd, out_fd, life) if fd is not None]  # out of the way of their numbers
        for number, fd in enumerate((kept[0], kept[0], *kept)):
            os.dup2(fd, number)
        os.closerange(2 + len(kept), 65_536)
        order = read_order(body)
        _limit(order, _WINDOW, pages)
        if host.forks_no_more:
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        window = open_window(order, _WINDOW)
        os.close(_WINDOW)
        if host.locks_down:
            lock_down(_OUT)
        work(order, window, writer(_OUT))
        os._exit(0)
    except BaseException:  # a forked child must never return into the server's loop
        os._exit(1)


def _wait(pid: int, life: int, control: socket.socket) -> bytes:
    """Wait for the child; a byte from the host kills it, the host's end kills it and ends the server.

    `life` becomes readable, or is hung up, when the child ends; it is closed here.
    """
    poll = select.poll()  # unlike select it takes descriptors beyond 1023
    poll.register(life, select.POLLIN)
    poll.register(control, select.POLLIN)
    told = b"-"
    try:
        if life not in dict(poll.poll()):
            told = control.recv(1)
            os.kill(pid, signal.SIGKILL)
            poll.unregister(control)
            poll.poll()
        _end_group(pid)  # while the ended child still holds the group's number
        _, status, used = os.wait4(pid, 0)
    finally:
        os.close(life)
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


def _serve(host: _Host) -> None:
    server, control = os.getpid(), host.control
    while True:
        body, window_fd, out_fd = _next_order(control)
        pid, refused = -1, 0
        # Where there is no descriptor of a process, the end of a pipe that only the child can write to tells of its end.
        life, childs_life = (None, None) if hasattr(os, "pidfd_open") else os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            refused = error.errno or 0
        if pid == 0:
            _child(body, (window_fd, out_fd, childs_life), host, server)
        for fd in (window_fd, out_fd, childs_life):
            if fd is not None:
                os.close(fd)
        if pid < 0:
            if life is not None:
                os.close(life)
            control.sendall(ANSWER.pack(REFUSED, refused, 0, 0.0))
            continue
        control.sendall(ANSWER.pack(STARTED, pid, 0, 0.0))
        control.sendall(_wait(pid, os.pidfd_open(pid) if life is None else life, control))


def _import_libraries() -> None:
    """Import what children need, and whatever those libraries would import late: a child can open no file."""
    for name in ("pyarrow", "numexpr", "numba", "scipy", "bottleneck"):  # threads of their own, or code made at run time
        sys.modules[name] = None  # type: ignore[assignment]
    import engine.strategy.child
    from engine.strategy.warm import import_late_modules

    import_late_modules()
    assert engine.strategy.child


def main(fd: int, walls: str) -> None:
    """Serve orders on the inherited socket until its other end closes. `walls`: names of those to put up, for a self-test
    that leaves some out.
    """
    _import_libraries()
    _assert_single_thread()
    null = os.open(os.devnull, os.O_RDWR)
    statm = os.open("/proc/self/statm", os.O_RDONLY) if os.path.exists("/proc/self/statm") else None
    stands = enclose_server(walls.split())
    control = socket.socket(fileno=fd)
    gc.collect()
    gc.freeze()
    control.sendall(ANSWER.pack(READY, HAS_LANDLOCK * ("landlock" in stands) + HAS_SECCOMP * ("seccomp" in stands), 0, 0.0))
    try:
        _serve(_Host(control, null, statm, "seccomp" in stands, "seccomp" in walls))
    except (EOFError, ConnectionError):
        return
