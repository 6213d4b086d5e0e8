"""Attacks from inside: ways round the policy, and native code."""

from tests.strategy.attacks.attack import Family

# Text that pandas takes for a method's name.
dispatch = Family("string dispatch")
_CALLS = {
    "agg": "market.close.agg('to_csv', path_or_buf='@DIR/made')",
    "apply": "market.close.apply('to_csv', path_or_buf='@DIR/made')",
    "aggregate of a series": "market.close['A000'].aggregate('to_csv', path_or_buf='@DIR/made')",
    "func by keyword": "market.close.agg(func='to_csv', path_or_buf='@DIR/made')",
    "func by double star": "market.close.agg(**{'func': 'to_csv', 'path_or_buf': '@DIR/made'})",
    "func by star": "market.close.agg(*['to_csv', 0, '@DIR/made'])",
    "text put together": "market.close.agg('to' + '_csv', path_or_buf='@DIR/made')",
    "text by f-string": "market.close.agg(f\"{'to'}_csv\", path_or_buf='@DIR/made')",
    "unbound method": "pd.DataFrame.agg(market.close, 'to_csv', path_or_buf='@DIR/made')",
    "by a name": "how = 'to_csv'\nmarket.close.agg(how, path_or_buf='@DIR/made')",
    "by a name bound twice": "how = 'mean'\nhow = 'to_csv'\nmarket.close.agg(how, path_or_buf='@DIR/made')",
    "by a loop": "for how in ['to_csv']:\n    market.close.agg(how, path_or_buf='@DIR/made')",
    "by a comprehension": "[market.close.agg(how, path_or_buf='@DIR/made') for how in ['to_csv']]",
    "by a function's argument": "f = lambda how: market.close.agg(how, path_or_buf='@DIR/made')\nf('to_csv')",
    "by a default": "def f(how='to_csv'):\n    market.close.agg(how, path_or_buf='@DIR/made')\nf()",
    "by a walrus": "market.close.agg((how := 'to_csv'), path_or_buf='@DIR/made')",
    "by a condition": "market.close.agg('mean' if len(market.close) < 0 else 'to_csv', path_or_buf='@DIR/made')",
    "by a list changed later": "how = ['mean']\nhow[0] = 'to_csv'\nmarket.close['A000'].agg(how, path_or_buf='@DIR/made')",
    "by a list appended to": "how = []\nhow.append('to_csv')\nmarket.close['A000'].agg(how, path_or_buf='@DIR/made')",
    "by a dict changed later": """how = {'A000': 'mean'}
how['A000'] = 'to_csv'
market.close.agg(how, path_or_buf='@DIR/made')""",
    "by a dict updated": """how = {'A000': 'mean'}
how.update(A000='to_csv')
market.close.agg(how, path_or_buf='@DIR/made')""",
    "by a list in a dict": """inner = ['mean']
how = {'A000': inner}
inner[0] = 'to_csv'
market.close.agg(how, path_or_buf='@DIR/made')""",
    "by map": "list(map(market.close.agg, ['to_csv'], [0], ['@DIR/made']))",
    "by a bound method": "f = market.close.agg\nf('to_csv', path_or_buf='@DIR/made')",
    "getattr as the function": "market.close.apply(getattr, args=('to_csv',))",
    "map of a getattr": "list(map(getattr, [market.close], ['to_csv']))[0]('@DIR/made')",
    "getattr of a frame": "getattr(market.close, 'to_csv')('@DIR/made')",
    "pipe": "market.close.pipe(pd.DataFrame.to_csv, '@DIR/made')",
    "of a group": "market.close['A000'].groupby(market.hour['A000']).agg('to_csv', '@DIR/made')",
    "of a group, named": "market.close.groupby(market.hour['A000']).agg(x=('A000', 'to_pickle'), path='@DIR/made')",
    "eval": "market.close.eval('@pd.io.common.os.mkdir(\"@DIR/made\")')",
    "query": "market.close.query('@pd.io.common.os.mkdir(\"@DIR/made\")')",
}  # fmt: skip
_DEAD = {
    "of a group",
    "of a group, named",
    "getattr as the function",
    "by a list in a dict",
    "by a dict changed later",
    "by a dict updated",
}
for _name, _body in _CALLS.items():
    dispatch.plain(_name, _body, held_by="pandas" if _name in _DEAD else "")
dispatch.plain("by a parameter", "market.close.agg(params['how'], path_or_buf='@DIR/made')", params="{'how': ['to_csv', 'mean']}")

modules = Family("modules by way of numpy and pandas")
for _name, _line in {
    "pd.io.common.os": "pd.io.common.os.mkdir('@DIR/made')",
    "pd.compat.sys": "pd.compat.sys.modules['os'].mkdir('@DIR/made')",
    "np.lib os": "np.lib._utils_impl.os.mkdir('@DIR/made')",
    "np.testing": "np.testing.runstring('import os; os.mkdir(\"@DIR/made\")', {})",
    "np.load": "np.load('@DIR/pickle', allow_pickle=True)",
    "np.ctypeslib": "np.ctypeslib.ctypes.CDLL(None).mkdir(b'@DIR/made', 511)",
    "np.f2py": "from numpy.f2py import os\nos.mkdir('@DIR/made')",
    "self of a built-in": "print.__self__.__import__('os').mkdir('@DIR/made')",
    "__import__": "__import__('os').mkdir('@DIR/made')",
    "import in a function": "import os\nos.mkdir('@DIR/made')",
    "import from a part": "from pandas.io.common import os\nos.mkdir('@DIR/made')",
    "import under another name": "import posix as np\nnp.mkdir('@DIR/made')",
    "eval": "eval(\"__import__('os').mkdir('@DIR/made')\")",
    "exec": "exec(\"import os; os.mkdir('@DIR/made')\")",
    "exec of compiled": "exec(compile(\"import os; os.mkdir('@DIR/made')\", 'x', 'exec'))",
    "open of the built-ins": "np.zeros.__builtins__",
    "names of another width": "ｅｘｅｃ(\"import os; os.mkdir('@DIR/made')\")",
}.items():
    modules.plain(_name, _line, **({"held_by": "Python"} if _name == "open of the built-ins" else {}))

_WAY = "INSIDE"
walks = Family("format strings, frames, generators", by_policy=True, held_by="single use")
for _name, _line in {
    "format": "x = '{0.__class__.__mro__}'.format(market)",
    "format_map": "x = '{a.__class__}'.format_map({'a': market})",
    "str.format by map": "x = list(map(str.format, ['{0.__class__}'], [market]))",
    "format, name put together": "f = '{0.__cl' + 'ass__}'\nx = f.format(market)",
    "f-string": "x = f'{market.__class__.__mro__}'",
    "subclasses": "x = ().__class__.__base__.__subclasses__()",
    "globals of a function": "x = (lambda: 0).__globals__",
    "globals of the market": "x = market.__init_subclass__.__self__",
    "code of a function": "x = (lambda: 0).__code__.co_consts",
    "closure": "f = lambda: market\nx = f.__closure__[0].cell_contents",
    "frame of a generator": "x = (i for i in [1]).gi_frame.f_back.f_globals",
    "frame of a running generator": "g = (g.gi_frame.f_back.f_back for i in [1])\nx = next(g).f_globals",
    "a generator function": "def g():\n    yield 1\nx = g().gi_code",
    "a coroutine": "async def g():\n    pass\nx = g().cr_frame",
    "traceback": """
try:
    [][0]
except Exception as error:
    x = error.__traceback__.tb_frame.f_back.f_globals""",
    "traceback of pandas": """
try:
    market.close['nothing']
except Exception as error:
    x = error.with_traceback(None).__cause__.__class__""",
    "the name of an AttributeError's object": """
try:
    market.nothing
except AttributeError as error:
    x = error.obj._frames""",
    "arguments of an error": "try:\n    1 / 0\nexcept Exception as error:\n    x = error.args",
    "getattr": "x = getattr(market, '_frames')",
    "getattr of ta": "x = getattr(ta, '_cache')",
    "getattr of ta, other text": "x = getattr(ta, '_' + 'cache')",
    "private field": "x = market._frames._raw",
    "calls of ta": "x = ta.calls",
    "register of ta": "x = ta.register",
    "vars": "x = vars(market)",
    "dir": "x = dir(market)",
    "type": "x = type('X', (), {})",
    "a class": "class X:\n    pass\nx = X",
    "a decorator": "@print\ndef x():\n    pass",
    "match by attributes": "match market:\n    case object(_frames=x):\n        pass",
    "super": "x = super",
    "global statement": "global x\nx = 1",
    "attribute assignment": "market.close.index.name = 'x'\nx = 1",
    "del of an attribute": "del market.close.attrs\nx = 1",
    "with of anything": "with market.close.a as x:\n    pass",
    "name with two underscores": "__x = 1\nx = 1",
    "argument with two underscores": "x = (lambda __x: __x)(1)",
    "keyword with two underscores": "x = dict(__class__=1)",
    "a text that names what is Python's": "x = '__class__'",
    "star import": "from numpy import *\nx = 1",
    "except of all": "try:\n    1 / 0\nexcept:\n    x = 1",
    "object arrays over numbers": "x = np.ndarray((2,), dtype=object, buffer=np.zeros(2, np.int64))",
    "an array over memory elsewhere": "x = np.ndarray((9,), strides=(10**6,), buffer=np.zeros(2))",
    "array interface": "x = np.zeros(1).__array_interface__",
    "address of an array": "x = np.zeros(1).ctypes.data",
    "bytes of the market": "x = market.close.to_numpy().tobytes()",
    "view of the market": "x = market.close.to_numpy().view('u1')",
    "as_strided": "x = np.lib.stride_tricks.as_strided(market.close.to_numpy(), (10**6,), (8,))",
    "base of an array": "x = market.close.to_numpy().base",
}.items():
    walks.plain(_name, _line.strip("\n") + f"\nraise ValueError('{_WAY}')")

_ALLOWED = (
    [1, 9, 10, 11, 12, 14, 15, 24, 25, 28, 39, 60, 96, 98, 131, 186, 202, 219, 228, 229, 231, 302, 318],
    [64, 222, 226, 215, 214, 135, 139, 124, 216, 233, 172, 93, 169, 165, 132, 178, 98, 128, 113, 114, 94, 261, 278],
)
"""Numbers of the system calls that a child may make, on x86-64 and aarch64; those are not tried."""
native = Family("ctypes and numba")
native.free("executable memory", "import mmap\ntold(mmap.mmap(-1, 4096, prot=7))")
native.free(
    "memory made executable",
    """
import mmap
buffer = mmap.mmap(-1, 4096)
done(libc.mprotect(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(buffer))), 4096, 7))""",
)
native.free("compile by numba", "import numba\nf = numba.njit(lambda x: x + 1)\ntold(f(1))", held_by="clean start")
native.free("compile by cffi", "import cffi\ntold(cffi.FFI().dlopen(None))", held_by="clean start")
native.free(
    "rolling by numba",
    """
told(market.close.rolling(3).apply(lambda x: x[0], raw=True, engine='numba'))""",
    held_by="clean start",
)
native.free("load a library", "ctypes.CDLL('libanl.so.1'); told('loaded')")
native.free(
    "32-bit calls of another kind",
    """
if os.uname().machine == 'x86_64':
    done(libc.syscall(0x40000000 + 39))
raise OSError""",
    held_by="this system",
)
native.free("every system call", """
known = {KNOWN}
passed = []
for number in range(470):
    if number not in known:
        ctypes.set_errno(0)
        if libc.syscall(number, -1, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != 1:
            passed.append(number)
if passed:
    told(passed)""".replace("{KNOWN}", f"{{'x86_64': {_ALLOWED[0]}, 'aarch64': {_ALLOWED[1]}}}[os.uname().machine]"),
    is_safe=False)  # fmt: skip
native.free("crash", "ctypes.string_at(0)", must_fail=True, held_by="single use")
native.free("abort", "os.abort()", must_fail=True, held_by="single use")
native.free("exit", "os._exit(0)", must_fail=True, held_by="single use")
native.free("exit by sys", "sys.exit(0)", must_fail=True, held_by="single use")

FAMILIES = (dispatch, modules, walks, native)
