"""Attacks on the answer: what is returned, messages forged on the result descriptor, history recited, rewards without risk."""

import struct

from tests.strategy.attacks.attack import HEAD, PLAIN, RETURN, Family, module

pickles = Family("pickles")
_REDUCE = "class Pickled:\n    def __reduce__(self):\n        return os.mkdir, ('@DIR/made',)\n"
pickles.raw("loaded in the child", module("import pickle\npickle.loads(pickle.dumps(Pickled()))", head=HEAD + _REDUCE))
pickles.raw("in an array", module("return {'entries': np.full(market.close.shape, Pickled(), object)}", head=HEAD + _REDUCE),
            must_fail=True, held_by="result check")  # fmt: skip
pickles.raw("as a risk value", module("return {'entries': market.close > 0, 'size': Pickled()}", head=HEAD + _REDUCE),
            must_fail=True, held_by="result check")  # fmt: skip
pickles.raw("as a range", HEAD + _REDUCE + "PARAMS = {'a': [Pickled()]}\ndef signals(market, params, ta):\n" + RETURN,
            must_fail=True, held_by="result check")  # fmt: skip
pickles.raw("written for the host", module("import pickle\nos.write(4, pickle.dumps(Pickled()))", head=HEAD + _REDUCE),
            must_fail=True, held_by="result check")  # fmt: skip
pickles.plain("read by numpy", "np.load('@DIR/pickle', allow_pickle=True)")
pickles.plain("read by pandas", "pd.read_pickle('@DIR/pickle')")

results = Family("object, wrong and NaN results", must_fail=True, held_by="result check")
_UP = "market.close > market.open"
for _name, _line in {
    "objects": f"{{'entries': ({_UP}).astype(object)}}",
    "objects with NaN": f"{{'entries': ({_UP}).shift(1)}}",
    "floats": f"{{'entries': ({_UP}) * 1.0}}",
    "NaN": "{'entries': market.close * np.nan}",
    "texts": "{'entries': market.close.astype(str)}",
    "one scalar": "{'entries': True}",
    "an array without dimensions": "{'entries': np.array(True)}",
    "turned round": f"{{'entries': ({_UP}).T}}",
    "one row more": f"{{'entries': pd.concat([{_UP}, ({_UP}).iloc[-1:]])}}",
    "one row less": f"{{'entries': ({_UP}).iloc[1:]}}",
    "rows in another order": f"{{'entries': ({_UP}).iloc[::-1]}}",
    "columns in another order": f"{{'entries': ({_UP})[['A002', 'A001', 'A000']]}}",
    "columns twice": f"{{'entries': pd.concat([{_UP}, {_UP}], axis=1)}}",
    "other columns": f"{{'entries': ({_UP}).rename(columns={{'A000': 'B'}})}}",
    "a series": f"{{'entries': ({_UP})['A000']}}",
    "a list": f"{{'entries': ({_UP}).to_numpy().tolist()}}",
    "entries that are none": "{'entries': None}",
    "no dict": f"{_UP}",
    "nothing": "None",
    "unknown keys": f"{{'entries': {_UP}, 'score': 1e9}}",
    "keys that are no texts": f"{{'entries': {_UP}, 1: 2, None: 3, (): 4}}",
    "nine tags": f"{{'entries': {{str(i): {_UP} for i in range(9)}}}}",
    "no tag": "{'entries': {}}",
    "a tag of control characters": f"{{'entries': {{'a\\x1b[2J': {_UP}}}}}",
    "a long tag": f"{{'entries': {{'a' * 41: {_UP}}}}}",
    "a tag that is no text": f"{{'entries': {{1: {_UP}}}}}",
    "a dict in a dict": f"{{'entries': {{'a': {{'b': {_UP}}}}}}}",
    **{f"{key} {name}": f"{{'entries': {_UP}, '{key}': {value}}}"
       for key in ("size", "stop_loss", "take_profit", "trailing_stop")
       for name, value in (("NaN", "np.nan"), ("infinite", "np.inf"), ("negative", "-0.5"), ("zero", "0"),
                           ("beyond floats", "10**400"), ("bool", "True"), ("text", "'1'"), ("complex", "1j"))},
    "size above 1": f"{{'entries': {_UP}, 'size': 1.0000001}}",
    "size above 1 in one cell": f"{{'entries': {_UP}, 'size': ({_UP}) * 3.0 + 0.5}}",
    "size infinite in its cells": f"{{'entries': {_UP}, 'size': market.close * np.inf}}",
    "size of objects": f"{{'entries': {_UP}, 'size': market.close.astype(object)}}",
    "size of complex numbers": f"{{'entries': {_UP}, 'size': market.close.to_numpy() * 1j}}",
    "stop of 1": f"{{'entries': {_UP}, 'stop_loss': 1.0}}",
    "max_bars of 0": f"{{'entries': {_UP}, 'max_bars': 0}}",
    "max_bars beyond integers": f"{{'entries': {_UP}, 'max_bars': 2**70}}",
    "max_bars of a frame": f"{{'entries': {_UP}, 'max_bars': market.close}}",
    "cooldown below 0": f"{{'entries': {_UP}, 'cooldown': -1}}",
    "rank of texts": f"{{'entries': {_UP}, 'rank': market.close.astype(str)}}",
    "plot that is no dict": f"{{'entries': {_UP}, 'plot': 1}}",
    "plot of objects": f"{{'entries': {_UP}, 'plot': {{'a': market.close.astype(object)}}}}",
    "plot of another shape": f"{{'entries': {_UP}, 'plot': {{'a': market.close.T}}}}",
}.items():  # fmt: skip
    results.plain(_name, f"return {_line}", end="")
results.raw("a class for an array", module("return {'entries': np.ones(market.close.shape, bool).view(Own)}", end="",
            head=HEAD + "class Own(np.ndarray):\n    pass\n"))  # fmt: skip
results.raw(
    "a dict that changes its mind",
    module(
        "return Own(entries=0)",
        end="",
        head=HEAD
        + """
class Own(dict):
    count = 0
    def __getitem__(self, key):
        Own.count += 1
        return np.ones((3, 3), bool) if Own.count > 1 else np.ones((200, 3), bool)
    def get(self, key, default=None):
        return self[key] if key == 'entries' else default
""",
    ),
)
results.raw(
    "a number that changes its mind",
    module(
        f"return {{'entries': {_UP}, 'size': Own(0.5)}}",
        end="",
        head=HEAD
        + """
class Own(float):
    def __float__(self):
        return float('nan')
""",
    ),
)
results.raw(
    "a count that changes its mind",
    module(
        f"return {{'entries': {_UP}, 'max_bars': Own(5)}}",
        end="",
        head=HEAD
        + """
class Own(int):
    def __int__(self):
        return 2**80
""",
    ),
)
results.raw("a masked array", module("return {'entries': np.ma.masked_all(market.close.shape, bool)}", end=""))
results.raw("signals that are no function", PLAIN + "PARAMS = {}\nsignals = 5\n")
results.raw("no signals", PLAIN + "PARAMS = {}\n")
results.raw("no PARAMS", PLAIN + "def signals(market, params, ta):\n" + RETURN)
for _name, _params in {
    "NaN": "{'a': (0.0, float('nan'))}", "infinite": "{'a': (0.0, float('inf'))}", "the wrong way": "{'a': (2, 1)}",
    "huge": "{'a': (0, 2**60)}", "too many": "{f'a{i}': (0, 1) for i in range(65)}", "of objects": "{'a': [int]}",
    "choices without end": "{'a': list(range(10**5))}", "no dict": "[('a', (0, 1))]", "names with tags": "{'<b>': (0, 1)}",
    "log of zero": "{'a': ('log', 0, 1)}",
}.items():  # fmt: skip
    results.raw(f"ranges {_name}", PLAIN + f"PARAMS = {_params}\n\n\ndef signals(market, params, ta):\n{RETURN}")


# Signals as the wire has them: 200 bars, 3 assets, 4 words an asset.
def _head(*, present: int = 1, kinds: int = 0, has: int = 0, tags: int = 0, max_bars: int = 0, cooldown: int = 0,
          cells: int = 0, scalars: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)) -> bytes:  # fmt: skip
    return struct.pack("<BBBBqqQ4d", present, kinds, has, tags, max_bars, cooldown, cells, *scalars)


TABLE = bytes(3 * 4 * 8)
ONE_ENTRY = b"\x08" + bytes(3 * 4 * 8 - 1)
BEHIND = bytes(3 * 8) + (1 << 63).to_bytes(8, "little") + bytes(2 * 4 * 8)
NAN, INF = float("nan"), float("inf")


def _message(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(body) if length is None else length) + body


def _failure(kind: str, text: str, line: int = 1) -> bytes:
    parts = [struct.pack("<q", line)]
    for value in (kind, text):
        data = value.encode()
        parts.append(struct.pack("<H", len(data)) + data)
    return _message(b"F", b"".join(parts))


forged = Family("forged messages", must_fail=True, held_by="result check")
for _name, _bytes in {
    "not a message": b"\0" * 5,
    "unknown kind": _message(b"?", b""),
    "shorter than it says": _message(b"S", _head() + TABLE, length=5),
    "longer than signals": _message(b"S", _head() + TABLE + b"\0"),
    "shorter than signals": _message(b"S", _head() + TABLE[:-1]),
    "empty signals": _message(b"S", b""),
    "without entries": _message(b"S", _head(present=0)),
    "entries behind the end": _message(b"S", _head() + BEHIND),
    "as before, and nothing was": _message(b"S", _head(present=2)),
    "as before and here": _message(b"S", _head(present=3) + TABLE),
    "size NaN": _message(b"S", _head(kinds=1 << 6, scalars=(0, 0, 0, NAN)) + TABLE),
    "size infinite": _message(b"S", _head(kinds=1 << 6, scalars=(0, 0, 0, INF)) + TABLE),
    "size 1e300": _message(b"S", _head(kinds=1 << 6, scalars=(0, 0, 0, 1e300)) + TABLE),
    "size zero": _message(b"S", _head(kinds=1 << 6) + TABLE),
    "stop below zero": _message(b"S", _head(kinds=1, scalars=(-1, 0, 0, 0)) + TABLE),
    "target infinite": _message(b"S", _head(kinds=1 << 2, scalars=(0, INF, 0, 0)) + TABLE),
    "trail of 1": _message(b"S", _head(kinds=1 << 4, scalars=(0, 0, 1, 0)) + TABLE),
    "kinds of risk unknown": _message(b"S", _head(kinds=3) + TABLE),
    "size of a cell infinite": _message(b"S", _head(kinds=2 << 6, cells=1) + ONE_ENTRY + struct.pack("<d", INF)),
    "sizes for more cells": _message(b"S", _head(kinds=2 << 6, cells=2) + ONE_ENTRY + struct.pack("<2d", 1, 1)),
    "sizes for cells without end": _message(b"S", _head(kinds=2 << 6, cells=2**63) + ONE_ENTRY),
    "max_bars below zero": _message(b"S", _head(max_bars=-1) + TABLE),
    "cooldown beyond all": _message(b"S", _head(cooldown=2**62) + TABLE),
    "tags without names": _message(b"S", _head(has=2) + TABLE),
    "a name without tags": _message(b"S", _head(tags=1) + b"\1\0a" + TABLE),
    "a tag beyond its names": _message(b"S", _head(has=2, tags=1, cells=1) + b"\1\0a" + ONE_ENTRY + b"\7"),
    "a name of control characters": _message(b"S", _head(has=2, tags=1) + b"\2\0\x1b[" + TABLE),
    "200 names": _message(b"S", _head(has=2, tags=200) + b"\1\0a" * 200 + TABLE),
    "the last word first": _message(b"D", b""),
    "a canary's word": _message(b"C", b"\1"),
    "a second set of ranges": _message(b"R", b"\0\0"),
    "ranges of rubbish": _message(b"R", b"\xff" * 100),
    "a refusal of rubbish": _message(b"X", b"\xff" * 100),
    "a failure of a kind that the host gives": _failure("lookahead", "no"),
    "a failure of a kind of its own": _failure("accepted", "\x1b[2J<script>alert(1)</script>"),
    "a failure on a line beyond all": _failure("policy", "x", 2**62),
    "a failure that lies about its length": _message(b"F", bytes(8) + b"\xff\xff" + b"x" * 10),
    "short entries in a long-only campaign": _message(b"S", _head(present=1 | 1 << 4) + ONE_ENTRY + ONE_ENTRY),
}.items():
    forged.free(_name, f"os.write(4, {_bytes!r})\nos._exit(0)" if _name != "a canary's word" else f"os.write(4, {_bytes!r})",
                sides="long")  # fmt: skip
forged.free("more answers than sets", f"for i in range(5):\n    os.write(4, {_message(b'S', _head() + TABLE)!r})", by_policy=True)
forged.free("the next set's answer", f"os.write(4, {_message(b'S', _head() + ONE_ENTRY)!r} * 2)", sets=({}, {}), by_policy=True)

history = Family("history recited", must_fail=True, by_policy=True, held_by="the gate and validation")
_TABLE = [(i * 7919 + 13) % 997 for i in range(150)]
for _name, _body in {
    "row numbers in a list": f"rows = {_TABLE}\nx = pd.Series(range(len(market.close))).isin(rows)",
    "row numbers in a text": f"rows = '{' '.join(map(str, _TABLE))}'.split()\nx = [int(r) for r in rows]",
    "row numbers in short texts": "rows = "
    + " + ".join(f"'{' '.join(map(str, _TABLE[i : i + 30]))} '" for i in range(0, 150, 30)),
    "bits in one large number": f"rows = {(1 << 2000) - 12345}",
    "bits in large numbers": f"rows = [{', '.join(['0x1fffffffffffffff'] * 40)}]",
    "bits as booleans": f"rows = [{', '.join(str(bool(v % 2)) for v in _TABLE)}]",
    "bits as names": f"t, f = True, False\nrows = [{', '.join('t' if v % 2 else 'f' for v in _TABLE * 10)}]",
    "bits as signs": "rows = [" + ", ".join(("-" if v % 2 else "+") + "t" for v in _TABLE * 10) + "]\n".replace("t]", "t]"),
    "bits as letters": "rows = [" + ", ".join(repr("".join("ab"[v % 2] for v in _TABLE)) for _ in range(30)) + "]",
    "bits as keyword names": "rows = dict(" + ", ".join(f"a{v}x{i}=0" for i, v in enumerate(_TABLE)) + ")",
    "bits as calls": "rows = []\n" + "\n".join(f"rows.append({'True' if v % 2 else 'False'})" for v in _TABLE),
    "price levels": f"levels = {[round(v * 1.37, 2) for v in _TABLE]}\nx = market.close.round(2).isin(levels)",
    "mantissas": f"levels = {[v / 1024 for v in _TABLE]}\nx = np.isin(np.frexp(market.close)[0], levels)",
    "numbers in an f-string": "rows = f'" + " ".join(map(str, _TABLE)) + "'",
    "numbers in ranges": "pass",
    "complex numbers": "rows = [" + ", ".join(f"{v}+{v}j" for v in _TABLE) + "]",
    "numbers as slices": "rows = [" + ", ".join(f"[][{v}:{v}]" for v in _TABLE) + "]",
    "bytes": f"rows = {bytes(v % 256 for v in _TABLE)!r}",
}.items():
    _body = "t = 1\n" + _body if _name == "bits as signs" else _body
    history.plain(_name, _body, params=f"{{'a': {_TABLE[:100]}, 'b': {_TABLE[50:]}}}" if _name == "numbers in ranges" else "{}")

FAMILIES = (pickles, results, forged, history)
