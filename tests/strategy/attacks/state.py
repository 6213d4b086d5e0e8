"""Attacks on what others share: the child's own machinery, the panel, the next call, the next scenario of a batch."""

from tests.strategy.attacks.attack import HEAD, PLAIN, Family

patches = Family("monkeypatching", held_by="single use")
for _name, _line in {
    "numpy": "np.greater = np.less; np.where = None; np.ndarray.__gt__ = None",
    "pandas": "pd.DataFrame.__gt__ = lambda a, b: a != a; pd.DataFrame.to_numpy = None",
    "indicators": "type(ta).__getattr__ = None; type(ta).crossed_above = lambda *a: None",
    "result reading": "import engine.strategy.contract as c; c.read_answer = None; c._check_cells = lambda s: s",
    "wire": "import engine.strategy.wire as w; w.pack_signals_message = None; w.send = None",
    "policy": "import engine.strategy.policy as p; p.check_policy = lambda tree: None",
    "cage": "import engine.strategy.cage as c; c.lock_down = lambda fd: None",
    "server": "import engine.strategy.server as s; s._serve = None; s._limit = None",
    "built-ins": "import builtins; builtins.len = None; builtins.isinstance = None",
    "modules": "sys.modules.clear()",
    "recursion": "sys.setrecursionlimit(60)",
    "warnings and errors of numpy": "np.seterr(all='raise')",
    "facade": "import engine.strategy.facade as f; f.BUILTINS.clear(); f.MODULES.clear()",
    "exit hooks": "import atexit; atexit.register(lambda: os.write(4, b'S')); sys.excepthook = None",
    "tracing": "sys.settrace(lambda *a: 1 / 0); sys.setprofile(lambda *a: 1 / 0)",
    "garbage collector": "import gc; gc.unfreeze(); gc.callbacks.append(lambda *a: os.abort()); gc.collect()",
}.items():
    patches.free(_name, _line)

panel = Family("writing into the shared panel", held_by="sealed window")
for _name, _line in {
    "iloc": "market.close.iloc[0, 0] = 1e9",
    "a column": "market.close['A000'] = 1e9",
    "in place": "x = market.close\nx *= 0",
    "out": "np.multiply(market.close, 0, out=market.close)",
    "to_numpy": "market.close.to_numpy()[:] = 0",
    "values": "market.close.values[:] = 0",
    "copyto": "np.copyto(market.close.to_numpy(), 0)",
    "put": "np.put(market.close.to_numpy(), 0, 0)",
    "sort": "market.close.to_numpy().sort(axis=0)",
    "fill": "market.close.to_numpy().fill(0)",
    "writable": "x = market.close.to_numpy()\nx.setflags(write=True)\nx[:] = 0",
    "flags": "x = market.close.to_numpy()\nx.flags.writeable = True\nx[:] = 0",
    "base": "x = market.close.to_numpy()\nwhile x.base is not None:\n    x = x.base\n    x.flags.writeable = True\n    x[:] = 0",
    "windows": "x = np.lib.stride_tricks.sliding_window_view(market.close.to_numpy(), 3, axis=0, writeable=True)\nx[:] = 0",
    "numbers of rows": "np.asarray(market.close.index)[0] = 5",
    "names of columns": "market.close.columns.to_numpy()[0] = 'x'",
    "fill_diagonal": "np.fill_diagonal(market.close.to_numpy(), 0)",
}.items():
    panel.plain(_name, _line)
_RAW = "raw = market._frames._raw['close']\n"
panel.free("the mapped array", _RAW + "raw.flags.writeable = True\nraw[:] = 0")
panel.free(
    "the mapping",
    _RAW
    + """
while not hasattr(raw, 'obj') and raw.base is not None:
    raw = raw.base
memoryview(raw)[:8] = bytes(8)""",
)
panel.free("memset", _RAW + "ctypes.memset(raw.ctypes.data, 0, 8)")
panel.free(
    "mprotect and memset",
    _RAW
    + """
page = raw.ctypes.data // 4096 * 4096
if libc.mprotect(ctypes.c_void_p(page), 4096, 3) == 0:
    ctypes.memset(page, 0, 4096)
    told('written')""",
)
panel.free(
    "holes by madvise",
    _RAW
    + """
done(libc.madvise(ctypes.c_void_p(raw.ctypes.data // 4096 * 4096), 4096, 9))""",
)
panel.free(
    "another file over it",
    _RAW
    + """
libc.mmap.restype = ctypes.c_void_p
page = raw.ctypes.data // 4096 * 4096
libc.mmap(ctypes.c_void_p(page), ctypes.c_size_t(4096), 3, 0x32, -1, ctypes.c_long(0))
ctypes.memset(page, 0, 4096)""",
)
panel.free(
    "its descriptor, written",
    """
for fd in range(3, 64):
    for act in (lambda: os.pwrite(fd, bytes(64), 0), lambda: os.ftruncate(fd, 0)):
        try:
            act()
        except OSError:
            pass""",
)
panel.free(
    "its seals",
    """
import fcntl
for fd in range(3, 64):
    try:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0)
    except OSError:
        pass""",
)

kept = Family("state kept between calls", calls=2, held_by="single use")
for _name, _line in {
    "a module's name": "if hasattr(np, 'kept'):\n    told('kept')\nnp.kept = 1",
    "sys": "if hasattr(sys, 'kept'):\n    told('kept')\nsys.kept = 1",
    "environment": "if 'KEPT' in os.environ:\n    told('kept')\nos.environ['KEPT'] = '1'",
    "the C library": "if libc.getenv(b'KEPT'):\n    told('kept')\nlibc.setenv(b'KEPT', b'1', 1)",
    "a class": "if hasattr(type(market), 'kept'):\n    told('kept')\ntype(market).kept = 1",
    "random numbers": """
import random
if random.getstate()[1][:3] == (7, 7, 7):
    told('kept')
random.setstate((3, (7,) * 624 + (1,), None))""",
}.items():
    kept.free(_name, _line)
kept.free(
    "a file",
    """
if os.path.exists('@DIR/kept'):
    os.rmdir('@DIR/kept')
    told('kept')
os.mkdir('@DIR/kept')""",
    held_by="",
)
kept.free(
    "shared memory of System V",
    """
number = libc.shmget(0x0EDCE, 4096, 0)
if number >= 0:
    libc.shmctl(number, 0, None)
    told('kept')
libc.shmget(0x0EDCE, 4096, 0o1600)""",
    held_by="",
)
kept.free(
    "a message queue",
    """
number = libc.msgget(0x0EDCE, 0)
if number >= 0:
    libc.msgctl(number, 0, None)
    told('kept')
libc.msgget(0x0EDCE, 0o1600)""",
    held_by="",
)
kept.free(
    "shared memory of POSIX",
    """
fd = libc.shm_open(b'/edgewise-kept', 0, 0)
if fd >= 0:
    libc.shm_unlink(b'/edgewise-kept')
    told('kept')
libc.shm_open(b'/edgewise-kept', 66, 0o600)""",
    held_by="",
)
kept.free(
    "a key ring",
    """
call = 250 if os.uname().machine == 'x86_64' else 219
done(libc.syscall(call, 0, -4, 1))""",
    held_by="this system",
)

# What one parameter set leaves for the next one of its batch, which reads it by `seen`.
batch = Family(
    "from one scenario to the next", sets=({"step": 0}, {"step": 1}, {"step": 0}), by_policy=True, held_by="single use"
)
_READ = """
    seen = frame.index.name is None and frame.columns.name is None and not frame.isna().to_numpy()[100:].any()
    return {'entries': (frame * 2).fillna(0) > market.open, 'max_bars': 1 if seen else 2}
"""
for _of, _frame in (("the market", "market.close"), ("an indicator", "ta.ema(market.close, 5)")):
    for _line in (
        "frame['A000'] = 0.0", "frame -= frame", "frame.iloc[60:] = 0.0", "frame.loc[:, 'A001'] = 0.0",
        "frame.at[frame.index[60], 'A000'] = 0.0", "frame['A000'].iloc[60:] = 0.0", "frame.fillna(0.0, inplace=True)",
        "frame.pop('A000')", "del frame['A000']", "frame.insert(0, 'B', 1.0)", "frame.update(frame * 0)",
        "frame.drop(columns='A000', inplace=True)", "frame.clip(0, 1, inplace=True)", "frame.mask(frame > 0, 0.0, inplace=True)",
        "frame.rename(columns={'A000': 'Z'}, inplace=True)", "frame.sort_index(ascending=False, inplace=True)",
        "frame.reset_index(drop=True, inplace=True)", "frame.dropna(inplace=True)", "frame.ffill(inplace=True)",
        "frame.index.rename('x', inplace=True)", "frame.columns.rename('x', inplace=True)",
        "frame.rename_axis('x', inplace=True)",
        "frame.replace(frame.iloc[100, 0], 0.0, inplace=True)", "np.multiply(frame, 0, out=frame)",
        "np.copyto(frame.to_numpy(), 0)", "frame.to_numpy().sort(axis=0)", "frame['A000'].sort_values(inplace=True)",
        "frame.setflags(write=True)", "frame.flags.allows_duplicate_labels = False", "frame.attrs['x'] = 1",
        "np.asarray(frame.index)[0] = 5", "frame.columns.to_numpy()[0] = 'x'", "frame.iloc[:, 0].to_numpy()[:] = 0",
        "frame.T.iloc[0] = 0.0", "frame.to_numpy().base[:] = 0", "frame.index.values[:] = 0",
        "frame.transpose(copy=False).iloc[:] = 0",
    ):  # fmt: skip
        batch.plain(
            f"{_of}: {_line}",
            f"frame = {_frame}\nif params['step']:\n    try:\n        {_line}\n    except Exception:\n        pass",
            params="{'step': [0, 1]}", end=_READ,
        )  # fmt: skip
for _name, _line in {
    "params": "params['kept'] = 1",
    "features of the market": "market.features['kept'] = market.close",
    "seed of numpy": "np.random.seed(3)",
    "errors of numpy": "np.seterr(all='raise')",
    "attribute of ta": "ta.kept = 1",
    "calls of ta": "ta.calls = []",
    "default of a function": "KEPT(1)",
    "a list of the module": "LIST.append(1)",
    "a name of the module": "global COUNT\n        COUNT = 5",
}.items():
    batch.raw(
        _name,
        PLAIN + "PARAMS = {'step': [0, 1]}\nLIST = []\nCOUNT = 0\n"
        + "def KEPT(x, kept=[]):\n    kept.append(x)\n    return len(kept)\n"
        + f"def signals(market, params, ta):\n    if params['step']:\n        {_line}\n"
        + "        return {'entries': market.close > 0}\n"
        + "    kept = len(LIST) + COUNT + KEPT(1) + len(params) + len(market.features)\n"
        + "    return {'entries': market.close > market.open, 'max_bars': kept + 1}\n",
    )  # fmt: skip
for _name, _line in {
    "numpy's functions": "np.ndarray\n        np.greater = np.less; np.kept = 1",
    "methods of pandas": "pd.DataFrame.__gt__ = lambda a, b: a != a",
    "indicators": "type(ta)._indicator = lambda *a: None; np.kept = 1",
    "the cache of ta": "ta._cache._results.clear(); np.kept = 1",
}.items():
    batch.raw(
        _name + " replaced",
        HEAD + f"PARAMS = {{'step': [0, 1]}}\ndef signals(market, params, ta):\n    if params['step']:\n        {_line}\n"
        + "    return {'entries': market.close > market.open, 'max_bars': 2 if hasattr(np, 'kept') else 1}\n",
    )  # fmt: skip

FAMILIES = (patches, panel, kept, batch)
