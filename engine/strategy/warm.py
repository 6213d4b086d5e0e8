"""What numpy and pandas import or prepare only when first used, done beforehand in the fork server."""

import importlib

import numpy as np
import pandas as pd

_LATE = (
    "numpy.char", "numpy.fft", "numpy.polynomial", "numpy.rec", "numpy.strings", "numpy.ma", "numpy.lib.recfunctions",
    "numpy.random", "pandas.core.methods.select", "pandas.core.methods.to_dict", "pandas.core.reshape.reshape",
    "pandas.core.strings.accessor", "pandas.core.window", "pandas.core.groupby.generic", "pandas.core.resample",
    "pandas.core.interchange.dataframe", "encodings.idna", "encodings.unicode_escape", "encodings.latin_1", "traceback",
    "difflib", "inspect", "stringprep", "unicodedata", "_strptime", "fractions", "statistics",
)  # fmt: skip


def import_late_modules() -> None:
    """Import those modules and go once through the paths that set something up."""
    for name in _LATE:
        importlib.import_module(name)
    frame = pd.DataFrame(np.arange(12.0).reshape(6, 2), columns=["a", "b"])
    rolling = frame.rolling(3, min_periods=1)
    for result in (
        rolling.mean(),
        rolling.std(),
        rolling.quantile(0.5),
        rolling.corr(),
        rolling.rank(),
        frame.ewm(span=3).mean(),
    ):
        str(result)
    rolling.apply(lambda x: float(x.sum()), raw=True)
    frame.groupby(np.arange(6) // 2).transform("mean")
    frame.expanding().max()
    frame.rank(axis=1, pct=True).where(frame > 1).ffill().interpolate().describe()
    frame.stack().unstack()
    np.polyfit(np.arange(6.0), frame["a"].to_numpy(), 1)
    np.random.default_rng(0).normal(size=3)
    np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 3)
