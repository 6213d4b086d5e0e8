"""Attacks on memory, CPU time, the host's patience, and the parser."""

from tests.strategy.attacks.attack import HEAD, PLAIN, RETURN, Family, module

memory = Family("memory bombs", must_fail=True, held_by="limits")
memory.plain("one large array", "np.ones(10**9)")
memory.plain("a list that doubles", "x = [0]\nwhile True:\n    x = x + x")
memory.plain("a text that doubles", "x = 'x'\nwhile True:\n    x = x + x")
memory.plain("a wide f-string", "x = f'{1:>9000000000}'")
memory.plain("frames kept", "kept = []\nwhile True:\n    kept.append(np.zeros((1000, 1000)) + 1)")
memory.plain("an outer product", "x = np.arange(100_000.0)\nnp.outer(x, x)")
memory.plain(
    "errors swallowed",
    """
kept = []
for i in range(10**9):
    try:
        kept.append(np.zeros(10**6) + 1)
    except Exception:
        pass""",
)
memory.free(
    "mapped by libc",
    """
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
raise (MemoryError if libc.mmap(None, 1 << 34, 3, 0x22, -1, 0) == 2**64 - 1 else ValueError)("EFFECT"[:0])""",
)

cpu = Family("CPU bombs", must_fail=True, held_by="limits")
cpu.plain("an endless loop", "while True:\n    pass")
cpu.raw("an endless loop on import", PLAIN + "PARAMS = {}\nwhile True:\n    pass\n" + module(""))
cpu.plain("a power", "x = 3 ** (10 ** 8)\nx = x ** 9")
cpu.plain("a loop inside C", "sum(range(10**12))")
cpu.plain("linear algebra", "x = np.ones((1500, 1500))\nfor i in range(10**6):\n    np.linalg.svd(x)")
cpu.plain("a sort by a loop", "sorted(range(10**9), key=lambda x: -x)")
cpu.plain("errors swallowed", "while True:\n    try:\n        [][0]\n    except Exception:\n        pass")
cpu.free(
    "signals blocked",
    """
signals = (ctypes.c_uint64 * 16)(*([2**64 - 1] * 16))
libc.sigprocmask(0, signals, None)
while True:
    pass""",
)
cpu.free(
    "soft limit raised",
    """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (resource.getrlimit(resource.RLIMIT_CPU)[1],) * 2)
while True:
    pass""",
)
cpu.free("asleep for ever", "lock = threading.Lock()\nlock.acquire()\nlock.acquire()")
cpu.free(
    "asleep but for a byte now and then",
    """
lock = threading.Lock()
lock.acquire()
os.write(4, b'S')
os.write(4, (1000).to_bytes(4, 'little'))
while True:
    lock.acquire(timeout=0.05)
    os.write(4, b'x')""",
)

output = Family("huge output", must_fail=True, held_by="limits")
output.plain("a huge error text", "raise ValueError('x' * 10**7)")
output.plain("an error text of control characters", "raise ValueError('\\x1b[2J\\r\\n\\t\\u202e<script>' * 1000)")
output.plain("a huge name", "return {'x' * 10**6: 1}")
output.plain("a huge range", "pass", params="{'a': ['x' * 10**6]}")
output.free("flood of the result descriptor", "while True:\n    os.write(4, b'x' * 65536)")
output.free("flood of well-formed messages", "while True:\n    os.write(4, b'R' + (2).to_bytes(4, 'little') + bytes(2))")
output.free("a message of 4 GB", "os.write(4, b'S' + b'\\xff' * 4)\nwhile True:\n    os.write(4, b'x' * 65536)")
output.free("flood of standard output", "while True:\n    os.write(1, b'x' * 65536)")
output.raw(
    "a text that never ends",
    HEAD
    + """
class Endless(Exception):
    def __str__(self):
        while True:
            pass
PARAMS = {}
def signals(market, params, ta):
    raise Endless
""",
)
output.raw(
    "a text that exits",
    HEAD
    + """
class Leaving(Exception):
    def __str__(self):
        raise SystemExit
PARAMS = {}
def signals(market, params, ta):
    raise Leaving
""",
)

_END = "\nPARAMS = {}\ndef signals(market, params, ta):\n" + RETURN
nesting = Family("deep nesting", held_by="limits")
nesting.raw("brackets", "x = " + "(" * 30_000 + ")" * 30_000 + _END)
nesting.raw("lists", "x = " + "[" * 30_000 + "]" * 30_000 + _END)
nesting.raw("minus signs", "x = " + "-" * 60_000 + "1" + _END)
nesting.raw("nots", "x = " + "not " * 15_000 + "1" + _END)
nesting.raw("a long sum", "x = " + "+".join(["1"] * 30_000) + _END)
nesting.raw("a long chain of attributes", "x = 1" + ".a" * 30_000 + _END)
nesting.raw("a long chain of calls", "x = int" + "()" * 30_000 + _END)
nesting.raw("lambdas", "x = " + "lambda:" * 9_000 + "1" + _END)
nesting.raw("else after else", "if 1: pass\n" + "elif 1: pass\n" * 4_000 + _END)
nesting.raw("blocks", "".join(" " * i + "if 1:\n" for i in range(99)) + " " * 99 + "pass" + _END)
nesting.raw("a name too long", "x" * 60_000 + " = 1" + _END)
nesting.raw("a source too long", "# " + "x" * 70_000 + _END)
nesting.raw("a zero byte", "x = 1\0" + _END)
nesting.raw("half a surrogate", "x = '\ud800'" + _END)
nesting.raw("another encoding", "# -*- coding: utf-7 -*-\n+AGkAbQBwAG8AcgB0 os" + _END)
nesting.raw("a source that is no text", "\x7fELF\x02\x01" + "\0" * 100)
nesting.raw("an empty source", "")
nesting.plain("endless recursion", "f = lambda g: g(g)\nf(f)")
nesting.free(
    "endless recursion in C",
    """
sys.setrecursionlimit(10**9)
def f():
    return f()
f()""",
)
nesting.plain("a list in itself", "x = []\nx.append(x)\ny = []\ny.append(y)\nx == y")
nesting.plain("ranges nested deeply", "pass", params="{'a': " + "[" * 80 + "1" + "]" * 80 + "}")
nesting.plain("an answer nested deeply", "x = {}\nfor i in range(100_000):\n    x = {'entries': x}\nreturn x")

FAMILIES = (memory, cpu, output, nesting)
