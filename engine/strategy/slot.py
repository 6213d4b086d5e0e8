"""One slot: a fork server, the orders it is given, and the messages that come back from its children."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.records import Failure
from engine.settings import PROJECT_DIR, Limits
from engine.strategy.messages import Messages, Patience
from engine.strategy.server import ANSWER, ENDED, HAS_LANDLOCK, HAS_SECCOMP, KILL, LENGTH, ORDER, READY, REFUSED, STARTED

WALLS = ("user", "landlock", "seccomp", "policy")
"""What stands round a candidate, from the outside to the inside; a test may leave some out to see what the others hold."""
_START = "import sys; sys.path.insert(0, {path!r}); from engine.strategy.server import main; main({fd}, {walls!r})"
_SEATBELT = "/usr/bin/sandbox-exec"
_SEATBELT_PROFILE = """(version 1)(deny default)(allow process-fork)(allow sysctl-read)(allow signal (target same-sandbox))
(allow file-read* (subpath "/usr/lib") (subpath "/System") (literal "/dev/null") (literal "/dev/urandom") {paths})
(allow file-write-data (literal "/dev/null"))"""
ENVIRONMENT = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1") | {
    "PYTHONHASHSEED": "0",  # the order of a set of names would differ from server to server, and results with it
    # A frame's memory given back to the system has to be asked for and cleared again with the next frame: half of the time.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
}
_START_S, _ANSWER_S = 120.0, 30.0
_PIPE_BYTES = 1 << 20


class SandboxBroken(EngineError):
    """The fork server itself could not be started or ended; the candidate is not to blame."""


class Cancelled(EngineError):
    """The work was told to stop."""


class ChildEnded(Exception):
    """A child ended before its last word; `failure` is what that amounts to for the set it was at."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


@dataclass(frozen=True)
class _Answer:
    """A record from the server, its fields as in `server.ANSWER`."""

    kind: bytes = b""
    first: int = 0
    second: int = 0
    cpu_s: float = 0.0


class Slot:
    """One fork server, started when first needed and again after it died. For one thread at a time, but for `stop`; after that
    `close` may come from another thread, and a server that is just being started then is ended by the thread that starts it."""

    def __init__(self, limits: Limits, walls: tuple[str, ...] = WALLS) -> None:
        self.limits = limits
        self.has_landlock = self.has_seccomp = False
        self._walls = walls
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._stopped = False

    def ask(
        self, order: dict[str, Any], window_fd: int | None, *, cap: int, cancelled: threading.Event | None = None
    ) -> Generator[tuple[bytes, memoryview]]:
        """(kind, body) of each message that a child writes before DONE, checked for no more than a length of `cap`.

        Raises ChildEnded when it ended without DONE or was ended by a limit, Cancelled when the event is set or the slot is
        stopped, SandboxBroken when there is no server to be had. In every case the slot can be used again.
        """
        body = json.dumps({**order, **_limits_of(self.limits), "policy": "policy" in self._walls}).encode()
        pipe, pid = self._order(body, window_fd)
        assert self._control is not None
        bounds = self.limits
        patience = Patience(pid, idle_s=bounds.wall_s_idle, start_cpu_s=bounds.cpu_s_start, cpu_s=bounds.cpu_s_per_set)
        messages = Messages(pipe, self._control, cap, patience, cancelled)
        ended = _Answer()
        try:
            yield from messages
        finally:
            os.close(pipe)
            ended = self._end()
        if messages.finished:
            return
        if self._stopped or (cancelled is not None and cancelled.is_set()):
            raise Cancelled("the work was stopped")
        raise ChildEnded(_failure_of(ended, messages, self.limits))

    def start(self) -> None:
        """Start the server if it does not run. Raises SandboxBroken, or Cancelled if the slot is stopped."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise _no_descriptors(error) from error
        self._control = ours
        ours.settimeout(_START_S)
        with theirs:
            if self._stopped:
                raise Cancelled("the work was stopped")
            try:
                self._process = subprocess.Popen(
                    [*_seatbelt(self._walls), sys.executable, "-s", "-P", "-c", _start(theirs.fileno(), self._walls)],
                    pass_fds=[theirs.fileno()], env=ENVIRONMENT, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                self.close()
                raise SandboxBroken(f"the process for strategy code did not start: {error}; run `doctor`") from error
        ready = self._answer()
        self.has_landlock, self.has_seccomp = bool(ready.first & HAS_LANDLOCK), bool(ready.first & HAS_SECCOMP)
        if ready.kind != READY:
            said = self._last_words()
            if self._stopped:
                raise Cancelled("the work was stopped")
            raise SandboxBroken(f"the process for strategy code did not start: {said or 'no reason given'}; run `doctor`")
        ours.settimeout(_ANSWER_S)

    def stop(self) -> None:
        """From any thread and for good: end the child in work, and let no other begin. `close` is still to be called."""
        self._stopped = True
        control = self._control
        if control is not None:
            with contextlib.suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the server and its child."""
        control, process = self._control, self._process
        self._process, self._control = None, None
        if control is not None:
            control.close()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            if process.poll() is None:
                process.kill()
                process.wait()
            if process.stderr:
                process.stderr.close()

    def _last_words(self) -> str:
        """Close, and tell what a server that did not start wrote last."""
        process = self._process
        said = b""
        if process is not None and process.stderr is not None:
            process.kill()
            said = process.stderr.read()
        self.close()
        return said.decode(errors="replace").strip()[-300:]

    def _answer(self) -> _Answer:
        """The server's next record; an empty one if it has ended, does not answer, or was closed by another thread."""
        control, record = self._control, b""
        with contextlib.suppress(OSError):
            while control is not None and len(record) < ANSWER.size:
                part = control.recv(ANSWER.size - len(record))
                if not part:
                    break
                record += part
        return _Answer(*ANSWER.unpack(record)) if len(record) == ANSWER.size else _Answer()

    def _order(self, body: bytes, window_fd: int | None) -> tuple[int, int]:
        """Send an order: the descriptor its child's answers come from, and the child's pid. A dead server is replaced once."""
        for _ in range(2):
            self.start()
            pipe = self._hand_over(body, window_fd)
            answer = self._answer() if pipe is not None else _Answer()
            if pipe is not None and answer.kind == STARTED:
                return pipe, answer.first
            if pipe is not None:
                os.close(pipe)
            if answer.kind == REFUSED:
                raise SandboxBroken(
                    f"no process for strategy code could be made: {os.strerror(answer.first)}; close other programs"
                )
            self.close()
        if self._stopped:
            raise Cancelled("the work was stopped")
        raise SandboxBroken("the process for strategy code ended twice before it took an order; run `doctor`")

    def _hand_over(self, body: bytes, window_fd: int | None) -> int | None:
        """Send an order; the reading end of its pipe, or None if the server is gone."""
        assert self._control is not None
        try:
            null = os.open(os.devnull, os.O_RDONLY)
        except OSError as error:
            raise _no_descriptors(error) from error
        try:
            ours, theirs = os.pipe()
        except OSError as error:
            os.close(null)
            raise _no_descriptors(error) from error
        try:
            with contextlib.suppress(OSError):  # a user's share of large pipes may be used up
                fcntl.fcntl(ours, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            socket.send_fds(self._control, [ORDER], [null if window_fd is None else window_fd, theirs])
            self._control.sendall(LENGTH.pack(len(body)) + body)
        except (ConnectionError, TimeoutError):
            os.close(ours)
            return None
        except BaseException:
            os.close(ours)
            self.close()  # half an order may have been sent
            raise
        finally:
            os.close(theirs)
            os.close(null)
        return ours

    def _end(self) -> _Answer:
        """See the child ended, by KILL if it does not end by itself, and return how it did; a lost server is let go of.

        What has ended is not harmed by KILL: the server skips one that comes too late.
        """
        if self._control is None:
            return _Answer()
        with contextlib.suppress(OSError):
            self._control.sendall(KILL)
        answer = self._answer()
        if answer.kind != ENDED:
            self.close()
        return answer


def _start(fd: int, walls: tuple[str, ...]) -> str:
    """The program of a fork server."""
    return _START.format(path=str(PROJECT_DIR), fd=fd, walls=" ".join(walls))


def _seatbelt(walls: tuple[str, ...]) -> list[str]:
    """What puts the server behind the wall of macOS: it may read its libraries and nothing else."""
    if sys.platform != "darwin" or "seccomp" not in walls or not os.path.exists(_SEATBELT):
        return []
    folders = {sys.prefix, sys.base_prefix, str(PROJECT_DIR / "engine"), *filter(os.path.isdir, sys.path)}
    paths = " ".join(f"(subpath {json.dumps(os.path.realpath(f))})" for f in sorted(folders))
    return [_SEATBELT, "-p", _SEATBELT_PROFILE.format(paths=paths)]


def _limits_of(limits: Limits) -> dict[str, float]:
    return {
        "cpu_s_start": limits.cpu_s_start, "cpu_s_per_set": limits.cpu_s_per_set,
        "memory_mb": limits.memory_mb, "cache_mb": limits.indicator_cache_mb,
    }  # fmt: skip


def _failure_of(ended: _Answer, messages: Messages, limits: Limits) -> Failure:
    """What a child's end without a last word amounts to. The first message comes when the module has run."""
    if messages.problem == "idle":
        return Failure("timeout", f"nothing was computed for {limits.wall_s_idle:g} seconds; look for something that waits")
    if messages.problem == "cpu":
        return _too_slow(messages, limits)
    if messages.problem == "output":
        return Failure("output", "what came back is not an answer of the contract; a strategy must not write to open files")
    if ended.kind != ENDED:
        return Failure(
            "killed", "the process was lost together with its server; look for code that ends processes, or run it again"
        )
    if ended.first == signal.SIGXCPU or (ended.first == signal.SIGKILL and ended.cpu_s > limits.cpu_s_per_set):
        return _too_slow(messages, limits)
    if ended.first == signal.SIGKILL:
        return Failure("killed", "the system ended the process, most likely because memory ran out; use less memory")
    if ended.first:
        return Failure("killed", f"the process crashed with signal {ended.first} before its answer; look for very deep recursion")
    return Failure("killed", f"the process ended itself with exit code {ended.second} before its answer; return a dict instead")


def _too_slow(messages: Messages, limits: Limits) -> Failure:
    what = "one parameter set" if messages.heard else "running the module"
    limit = limits.cpu_s_per_set if messages.heard else limits.cpu_s_start
    return Failure("timeout", f"{what} used more than {limit:g} CPU seconds; look for an endless loop")


def _no_descriptors(error: OSError) -> SandboxBroken:
    return SandboxBroken(f"no process for strategy code could be given its files: {error.strerror}; close other programs")
