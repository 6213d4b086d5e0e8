"""The attributes that strategy source may name: those of frames, series, arrays, texts and containers that only compute.

Built once, when the fork server starts. Why a name is not among them, and what to write instead, stands in `refusals`.
"""

import numpy as np
import pandas as pd

from engine.features.indicators import NAMES, output_names
from engine.strategy.facade import MODULES, Facade, public
from engine.strategy.market_view import FACTS, FRAMES

FIELDS = frozenset((*FRAMES, *FACTS))
"""What `market` holds."""
DISPATCHING = frozenset(("apply", "agg", "aggregate", "transform"))
"""Methods of pandas that take the name of another method as text, be it `to_csv`."""
_STATISTICS = """
    all any count corr cov cummax cummin cumprod cumsum diff ffill first idxmax idxmin kurt last max mean median min ngroup
    nunique pct_change prod quantile rank sem shift size skew std sum var
"""
STATISTICS = frozenset(_STATISTICS.split())
"""The texts that they may be given."""
_FILES_AND_TEXT = "boxplot eval format format_map from_arrow hist info pipe pivot_table plot query style"
"""Files, evaluation and dispatch by text; `format` walks attributes: "{0.__class__}"."""
_MEMORY = """
    base byteswap ctypes data device dump dumps flags flat getfield resize set_flags setfield setflags tobytes tofile view
"""
"""What lies under an array, and changes of it that others see."""
_ASIDE = """
    args attrs bit_generator bytes cat dt encode from_bytes fromhex func keywords list maketrans mro obj online set_names sparse
    spawn str struct translate
"""
"""What else leads away from values, or would hide a table of numbers in text."""
_DENIED = frozenset((*_FILES_AND_TEXT.split(), *_MEMORY.split(), *_ASIDE.split()))
_CONVERSIONS = frozenset(("to_frame", "to_list", "to_numpy", "to_series"))
_EXTRA = frozenset(["accumulate", "at", "eps", "iat", "iloc", "loc", "nlevels", "outer", "reduce", "reduceat", "tiny"])


def _is_denied(name: str) -> bool:
    writes = name.startswith(("to_", "read_")) and name not in _CONVERSIONS
    return name.startswith("_") or writes or name in _DENIED


def _samples() -> list[object]:
    """One of everything that a strategy handles."""
    series, frame = pd.Series([1.0, 2.0]), pd.DataFrame({"a": [1.0, 2.0]})
    grouped = frame.groupby([0, 1])
    return [
        series, frame, frame.index, frame.columns, frame.rolling(1), frame.expanding(), frame.ewm(1), grouped, grouped["a"],
        grouped.rolling(1), np.zeros(1), np.float64(0), np.random.default_rng(0), "", [], {}, (), set(), 0, 0.0,
    ]  # fmt: skip


def _facade_names(facade: Facade) -> set[str]:
    names = set(public(facade))
    for name in names.copy():
        member = vars(facade)[name]
        if isinstance(member, Facade):
            names |= _facade_names(member)
    return names


def _allowlist() -> frozenset[str]:
    of_values = {name for sample in _samples() for name in dir(type(sample)) if not _is_denied(name)}
    of_modules = {name for facade in MODULES.values() for name in _facade_names(facade)}
    return frozenset(of_values | of_modules | {*_EXTRA} | NAMES | output_names() | FIELDS) - _DENIED


ATTRIBUTES = _allowlist()
