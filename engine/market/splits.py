"""Train, validation and vault: which rows a search may learn from, which judge it, and which stay sealed."""

from engine.errors import DataError
from engine.records import Window

TRAIN, VALIDATION = 0.6, 0.2
EMBARGO_BARS = 500
MIN_WINDOW_BARS = 20
NAMES = ("train", "validation", "vault", "all")


def split_windows(
    bars: int, *, train: float = TRAIN, validation: float = VALIDATION, embargo_bars: int | None = None
) -> tuple[Window, Window, Window]:
    """Windows train, validation and vault over a panel of that many rows, in order of time.

    `train` and `validation` are shares of the rows, the vault has the rest. The embargo, rows that no window trades, lies at
    the start of validation and of the vault; by default 500 rows, but at most a third of a 20 % share. Their lead-in is the
    embargo, and where that is shorter 500 rows, as far as there are: indicators may know all that is past, and long averages
    of daily bars would have nothing to be judged on. Train has none. Raises DataError for other shares, and where a window
    would keep fewer than 20 rows.

    >>> [(w.name, w.start, w.stop, w.lead_in) for w in split_windows(10_000)]
    [('train', 0, 6000, 0), ('validation', 6500, 8000, 500), ('vault', 8500, 10000, 500)]
    """
    if not (0 < train < 1 and 0 < validation < 1 and train + validation < 1):
        raise DataError(
            f"found shares train {train:g} and validation {validation:g}; wanted two fractions above 0 whose sum is below 1,"
            " so that the vault keeps the rest: choose for example 0.6 and 0.2"
        )
    embargo = min(EMBARGO_BARS, bars // 15) if embargo_bars is None else embargo_bars
    if embargo < 0:
        raise DataError(f"found an embargo of {embargo} bars; wanted 0 or more: choose for example {EMBARGO_BARS}")
    lead_in = max(embargo, EMBARGO_BARS)
    # Rounded first: 0.7 + 0.1 is 0.7999… in floating point.
    first, second = (int(round(share * bars, 6)) for share in (train, train + validation))
    windows = (
        Window("train", 0, first),
        Window("validation", first + embargo, second, lead_in=min(lead_in, first + embargo)),
        Window("vault", second + embargo, bars, lead_in=min(lead_in, second + embargo)),
    )
    for window in windows:
        if window.bars < MIN_WINDOW_BARS:
            raise DataError(
                f"{bars:,} bars with an embargo of {embargo:,} leave {max(0, window.bars):,} bars for {window.name}; wanted at"
                f" least {MIN_WINDOW_BARS}: take a longer history, a shorter embargo or other shares"
            )
    return windows


def window_named(bars: int, name: str) -> Window:
    """The default window of that name; `all` is the whole panel without lead-in, vault included.

    Raises DataError for another name.
    """
    if name == "all":
        return Window("all", 0, bars)
    if name not in NAMES:
        raise DataError(f"found window {name!r}; wanted one of {', '.join(NAMES)}: name one of them")
    return split_windows(bars)[NAMES.index(name)]
