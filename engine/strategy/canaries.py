"""Harmless attempts at what a candidate must not be able to do, made in a child to see that it is stopped.

Each is run by trusted code in a child that is locked down as for a candidate. A child that dies of it was stopped too.
"""

import ctypes
import mmap
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

_PROBE = "/tmp/edgewise-canary"
_BOMB_BYTES = 1 << 29


def is_stopped(name: str, window: tuple[Any, ...] | None) -> bool:
    """Try what that canary is about; True if it raised, False if it went through."""
    try:
        CANARIES[name](window)
    except (OSError, MemoryError, ValueError):
        return True
    return False


def _open_file(_: Any) -> None:
    with open("/etc/passwd" if os.path.exists("/etc/passwd") else sys.executable, "rb") as file:
        file.read(1)


def _make_file(_: Any) -> None:
    os.close(os.open(_PROBE, os.O_CREAT | os.O_WRONLY, 0o600))
    os.unlink(_PROBE)


def _tcp(_: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        probe.connect_ex(("127.0.0.1", 9))


def _udp(_: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"", ("127.0.0.1", 9))


def _unix(_: Any) -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()


def _fork(_: Any) -> None:
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _exec(_: Any) -> None:
    os.execv(sys.executable, [sys.executable, "-c", ""])


def _executable_memory(_: Any) -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _write_to_panel(window: Any) -> None:
    """Make the window's memory writable, and write; a sealed file allows neither."""
    times: np.ndarray = window[1]
    libc = ctypes.CDLL(None, use_errno=True)
    page = times.ctypes.data // mmap.PAGESIZE * mmap.PAGESIZE
    if libc.mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE) != 0:
        raise PermissionError(ctypes.get_errno(), "the window cannot be made writable")
    ctypes.memset(times.ctypes.data, 0, 1)


def _signal(_: Any) -> None:
    os.kill(os.getppid(), 0)


def _endless_loop(_: Any) -> None:
    while True:
        pass


def _memory_bomb(_: Any) -> None:
    np.ones(_BOMB_BYTES // 8)


CANARIES: dict[str, Callable[[Any], None]] = {
    "open a file": _open_file,
    "make a file": _make_file,
    "TCP": _tcp,
    "UDP": _udp,
    "unix socket": _unix,
    "fork": _fork,
    "run a program": _exec,
    "executable memory": _executable_memory,
    "write to the panel": _write_to_panel,
    "signal another process": _signal,
    "endless loop": _endless_loop,
    "memory bomb": _memory_bomb,
}
LIMITED = ("endless loop", "memory bomb")
"""What limits stop, where there are no walls."""
