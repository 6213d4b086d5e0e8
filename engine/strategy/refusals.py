"""What a strategy is told to write instead of what the policy refuses."""

import ast
import re
from collections.abc import Iterable

from engine.features.indicators import NAMES
from engine.strategy.allowed import ATTRIBUTES, FIELDS
from engine.strategy.facade import MODULES, nearest, public

_COMPUTES = "a strategy computes from market, params and ta alone: leave it out"
_PLAIN = "use plain functions, dicts and lists"
_COMPILED = "compiled functions cannot be made here: use ta, whole-array numpy such as np.maximum.accumulate, or a plain loop"

_IMPORTS = {
    "numba": _COMPILED, "cython": _COMPILED, "jax": _COMPILED, "numexpr": "write the expression in numpy",
    "talib": "the argument ta holds every TA-Lib function by its lower-case name, as in ta.rsi(market.close, 14)",
    "pandas_ta": "the argument ta holds the indicators, as in ta.rsi(market.close, 14)",
    "ta": "ta is an argument of signals and needs no import",
    "scipy": "use np.linalg, np.fft, np.polyfit, np.convolve or ta, as in ta.linearreg_slope(market.close, 20)",
    "sklearn": "use np.linalg.lstsq on rolling windows", "statsmodels": "use np.linalg.lstsq on rolling windows",
    "random": "draw from np.random.default_rng(7)", "secrets": "draw from np.random.default_rng(7)",
    "dataclasses": _PLAIN, "enum": _PLAIN, "abc": _PLAIN, "collections": _PLAIN, "functools": _PLAIN, "operator": _PLAIN,
    "itertools": "use zip, enumerate, range and comprehensions", "statistics": "use np.mean, np.median, np.std",
    "datetime": "use market.hour and market.weekday", "time": "use market.hour and market.weekday",
    "warnings": "nobody reads them here: leave it out", "logging": "nobody reads it here: leave it out",
    "typing_extensions": "import from typing",
}  # fmt: skip

_BUILTINS = {
    "open": _COMPUTES, "input": _COMPUTES, "breakpoint": _COMPUTES, "exit": "return from signals", "quit": "return from signals",
    "eval": "write the expression itself", "exec": "write the code itself", "compile": "write the code itself",
    "setattr": "keep the value in a variable", "delattr": "keep values in variables", "hasattr": "write the attribute's name out",
    "type": "use isinstance(x, pd.DataFrame)", "super": _PLAIN, "property": _PLAIN, "classmethod": _PLAIN,
    "staticmethod": _PLAIN, "callable": "use isinstance", "issubclass": "use isinstance",
    "vars": "use a dict", "dir": "use a dict", "globals": "use a dict", "locals": "use a dict",
    "format": "use an f-string", "id": "compare values", "hash": "compare values", "memoryview": "use np.asarray",
    "bytes": "use np.asarray", "bytearray": "use np.zeros", "chr": "write the text out", "ord": "write the number out",
    "repr": "use an f-string", "complex": "use np.fft or real numbers", "BaseException": "use Exception",
    "SystemExit": "return from signals", "KeyboardInterrupt": "use Exception", "Warning": "use ValueError",
    "help": _COMPUTES, "hex": "use an f-string", "bin": "use an f-string", "oct": "use an f-string", "ascii": "use an f-string",
    "aiter": _PLAIN, "anext": _PLAIN,
}  # fmt: skip
REFUSED_BUILTINS = frozenset(_BUILTINS)
"""Built-in names that a strategy does not have, as far as they are known here."""

_NODES = {
    "ClassDef": ("a class", _PLAIN),
    "AsyncFunctionDef": ("async", "write a plain def"),
    "AsyncFor": ("async", "write a plain for"),
    "AsyncWith": ("async", "write plain code"),
    "Await": ("await", "call the function itself"),
    "Yield": ("a generator function", "build a list and return it"),
    "YieldFrom": ("a generator function", "build a list and return it"),
    "Match": ("match", "use if and elif"),
    "Global": ("global", "pass the value as an argument and return it"),
    "Nonlocal": ("nonlocal", "pass the value as an argument and return it"),
    "TryStar": ("except*", "use except ValueError: or another name"),
}

_ATTRIBUTES = {
    "format": "use an f-string, as in f'{x:.2f}'",
    "format_map": "use an f-string",
    "eval": "write the expression in Python, as in a + b",
    "query": "use a mask, as in frame[frame > 0] or frame.where(frame > 0)",
    "pipe": "call the function itself, as in f(frame)",
    "pivot_table": "use groupby with a named statistic, as in .groupby(x).mean()",
    "plot": "return lines for the chart under the key 'plot', as in {'plot': {'fast': fast}}",
    "view": "use .astype or .copy()",
    "resize": "use np.pad or np.tile",
    "data": "use .to_numpy()",
    "base": "use .to_numpy()",
    "flat": "use .ravel()",
    "as_strided": "from numpy.lib.stride_tricks import sliding_window_view",
    "frompyfunc": "use np.where, np.vectorize or .apply(f)",
    "seed": "draw from rng = np.random.default_rng(7)",
    "rand": "use np.random.default_rng(7).random(shape)",
    "randn": "use np.random.default_rng(7).normal(size=shape)",
    "randint": "use np.random.default_rng(7).integers(low, high, shape)",
    "seterr": "use with np.errstate(divide='ignore', invalid='ignore'):",
    "options": "leave it out",
    "set_option": "leave it out",
    "applymap": "use .map(f)",
    "iteritems": "use .items()",
    "r_": "use np.concatenate",
    "c_": "use np.column_stack",
    "nditer": "use np.ndindex or whole-array numpy",
    "matrix": "use np.array",
    "str": "columns and rows are A000, A001, … and numbers, which mean nothing",
    "dt": "use market.hour and market.weekday",
    "read": _COMPUTES,
    "write": _COMPUTES,
    "args": "use f'{error}' for its text",
}


def of_import(name: str) -> str:
    """For a module that a strategy has not."""
    root = name.split(".")[0]
    if root in ("numpy", "pandas", "math", "typing"):
        return f"import {root} and name what you need from there, as in np.linalg.norm"
    return _IMPORTS.get(root, "imports are numpy, pandas, math and typing; indicators come as `ta`")


def of_member(module: str, name: str) -> str:
    """For a name that a module does not have here."""
    holder = {"numpy": "np", "pandas": "pd"}.get(module, module)
    return _named(name) or "name something that only computes" + nearest(name, public(MODULES[module]), holder)


def of_builtin(name: str) -> str:
    """For a built-in name that a strategy has not."""
    return _BUILTINS[name]


def of_node(node: ast.AST) -> tuple[str, str]:
    """What was found, and what to write instead."""
    kind = type(node).__name__
    return _NODES.get(kind, (f"the syntax {kind}", "use plain statements and expressions"))


def of_attribute(node: ast.Attribute) -> tuple[str, str]:
    """What was found, and what to write instead, for an attribute that is not allowed."""
    name, holder = node.attr, node.value.id if isinstance(node.value, ast.Name) else ""
    found = f"{holder}.{name:.60}" if holder else f"the attribute .{name:.60}"
    if re.fullmatch(r"A\d{3}", name):
        return found, f'write frame["{name}"]'
    if holder == "params":
        return found, f'write params["{name:.60}"]'
    return found, _named(name) or _like(name, holder)


def _named(name: str) -> str:
    if name.startswith(("to_", "read_", "save", "load", "from")) and name not in _ATTRIBUTES:
        return f"{_COMPUTES}; for the values of a frame use .to_numpy()"
    return _ATTRIBUTES.get(name, "")


def _like(name: str, holder: str) -> str:
    own: dict[str, Iterable[str]] = {
        "ta": NAMES, "market": FIELDS, "np": public(MODULES["numpy"]), "pd": public(MODULES["pandas"]),
        "math": public(MODULES["math"]),
    }  # fmt: skip
    hint = nearest(name.lower() if holder in ("ta", "market") else name, frozenset(own.get(holder, ATTRIBUTES)), holder)
    if holder == "ta":
        return f"ta holds TA-Lib's functions by their lower-case names{hint}"
    if holder == "market":
        return f"market holds {', '.join(sorted(FIELDS))}{hint}"
    return f"it is none of the names that only compute on frames, series, arrays and texts{hint}"
