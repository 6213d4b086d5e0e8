"""The walls that the kernel holds round a fork server and its children: Landlock and seccomp. Linux; nothing else to import.

`enclose_server` once in a fork server, before its first fork: no privilege can be gained, no path, TCP port or process outside
can be reached, no program run, no memory of another process read. `lock_down` once in a child, before it looks at the
candidate: of all system calls only those that computing needs, and of those only their harmless forms.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Collection

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_SECCOMP_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1
_ALLOW, _KILL, _DENY = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF: ld abs, jeq, jge, jset, ret
_NUMBER, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000
_PROT_EXEC, _MAP_ANONYMOUS, _RLIMIT_CPU = 4, 0x20, 0
_NOBODY = (61_803, 65_534)
_LIBC = ctypes.CDLL(None, use_errno=True)

_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_COMPUTE = {  # what a process needs that computes; numbers of linux/arch/*/unistd
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sched_yield": (24, 124), "munmap": (11, 215), "brk": (12, 214),
    "mremap": (25, 216), "madvise": (28, 233), "getpid": (39, 172), "gettid": (186, 178), "exit": (60, 93),
    "exit_group": (231, 94), "gettimeofday": (96, 169), "getrusage": (98, 165), "sigaltstack": (131, 132), "futex": (202, 98),
    "restart_syscall": (219, 128), "clock_gettime": (228, 113), "clock_getres": (229, 114), "getrandom": (318, 278),
}  # fmt: skip
_WRITE, _MMAP, _MPROTECT, _PRLIMIT = (1, 64), (9, 222), (10, 226), (302, 261)
_SECCOMP = (317, 277)
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_OUTWARD = {  # what neither a fork server nor its children have any use for
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "bind": (49, 200), "listen": (50, 201),
    "accept4": (288, 242), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "setns": (308, 268), "unshare": (272, 97), "kexec_load": (246, 104), "init_module": (175, 105),
    "finit_module": (313, 273), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "pidfd_getfd": (438, 438), "open_by_handle_at": (304, 265),
}  # fmt: skip


class CageError(OSError):
    """A wall could not be put up; the process must not go on to run a candidate."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def machine() -> str | None:
    """The architecture whose system calls are known here, or None."""
    name = platform.machine()
    return name if sys.platform == "linux" and name in _ARCHES and sys.maxsize > 2**32 else None


def enclose_server(walls: Collection[str]) -> set[str]:
    """Put up the outer walls round this process and all that it forks; those that stand, of those asked for.

    "user": a process of root's goes on as a user without rights. "landlock", "seccomp": see above. What is not to be had is
    left out: the self-test judges what stands. Raises CageError where a wall is there and yet cannot be put up.
    """
    if "user" in walls:
        _become_nobody()
    if machine() is None or not {"landlock", "seccomp"} & set(walls):
        return set()
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    stands = {"landlock"} if "landlock" in walls and _landlock() else set()
    return stands | ({"seccomp"} if "seccomp" in walls and _load(_outward_filter()) else set())


def lock_down(out_fd: int) -> None:
    """Leave this process nothing but computing and writing to `out_fd`, and to 1 and 2, which must be the null device.

    Raises CageError if the kernel does not take the filter.
    """
    if not _load(_compute_filter(out_fd)):
        raise CageError("the kernel takes no filter of system calls")


def _become_nobody() -> None:
    """Drop root for a user that owns nothing; in a namespace without such users root there is stays what it is."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return
    for user in _NOBODY:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        except OSError:
            continue
        return


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise CageError(ctypes.get_errno(), f"prctl {option} was refused")


def _landlock() -> bool:
    """A ruleset without a rule: no path, no TCP port, no abstract socket and no signal to the outside. False: not there."""
    version = _LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    paths = (1 << {1: 13, 2: 14}.get(version, 15 if version < 5 else 16)) - 1
    ports = 0b11 if version >= 4 else 0
    scope = 0b11 if version >= 6 else 0
    rules = struct.pack("<QQQ", paths, ports, scope)[: 8 if version < 4 else 16 if version < 6 else 24]
    fd = _LIBC.syscall(_LANDLOCK_CREATE, rules, ctypes.c_size_t(len(rules)), 0)
    if fd < 0:
        raise CageError(ctypes.get_errno(), "a Landlock ruleset was refused")
    try:
        if _LIBC.syscall(_LANDLOCK_RESTRICT, fd, 0) != 0:
            raise CageError(ctypes.get_errno(), "Landlock was refused")
    finally:
        os.close(fd)
    return True


def _load(program: bytes) -> bool:
    """Have the kernel apply the filter to this process for good. False where it knows no filters."""
    code = ctypes.create_string_buffer(program, len(program))
    wanted = _Program(len(program) // 8, ctypes.addressof(code))
    number = _SECCOMP[_column()]
    if _LIBC.syscall(number, _SECCOMP_SET_MODE_FILTER, _FLAG_TSYNC, ctypes.byref(wanted)) == 0:
        return True
    if ctypes.get_errno() in (errno.ENOSYS, errno.EINVAL):
        return False
    raise CageError(ctypes.get_errno(), "a filter of system calls was refused")


def _column() -> int:
    """Of a call's numbers, which is this machine's."""
    return list(_ARCHES).index(platform.machine())


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)


def _arg(place: int) -> bytes:
    """Load the low half of an argument; both machines are little-endian."""
    return _step(_LOAD, _ARGS + 8 * place)


def _opening() -> list[bytes]:
    """Another machine's calls, 32-bit or x32 ones, end the process; then the call's number is loaded."""
    out = [_step(_LOAD, _ARCH), _step(_EQUAL, _ARCHES[platform.machine()], yes=1), _step(_RETURN, _KILL), _step(_LOAD, _NUMBER)]
    if platform.machine() == "x86_64":
        out += [_step(_AT_LEAST, _X32, no=1), _step(_RETURN, _KILL)]
    return out


def _answer_to(number: int, answer: list[bytes]) -> list[bytes]:
    """Steps that are taken for that call alone; they must end in an answer."""
    return [_step(_EQUAL, number, no=len(answer)), *answer]


def _outward_filter() -> bytes:
    """All is allowed but what reaches outwards."""
    out = _opening()
    for numbers in _OUTWARD.values():
        out += _answer_to(numbers[_column()], [_step(_RETURN, _DENY)])
    return b"".join([*out, _step(_RETURN, _ALLOW)])


def _compute_filter(out_fd: int) -> bytes:
    """Nothing is allowed but computing."""
    here = _column()
    allow, deny = _step(_RETURN, _ALLOW), _step(_RETURN, _DENY)
    out = _opening()
    for numbers in _COMPUTE.values():
        out += _answer_to(numbers[here], [allow])
    to_known = [_step(_EQUAL, fd, yes=3 - i) for i, fd in enumerate((1, 2, out_fd))]
    out += _answer_to(_WRITE[here], [_arg(0), *to_known, deny, allow])
    out += _answer_to(_MPROTECT[here], [_arg(2), _step(_ANY_BIT, _PROT_EXEC, no=1), deny, allow])
    no_file = [_arg(3), _step(_ANY_BIT, _MAP_ANONYMOUS, yes=1), deny]
    out += _answer_to(_MMAP[here], [_arg(2), _step(_ANY_BIT, _PROT_EXEC, no=1), deny, *no_file, allow])
    own = [_arg(0), _step(_EQUAL, 0, yes=1), deny]
    out += _answer_to(_PRLIMIT[here], [*own, _arg(1), _step(_EQUAL, _RLIMIT_CPU, yes=1), deny, allow])
    return b"".join([*out, deny])
