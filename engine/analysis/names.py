"""What assets and times are called: by their own names for people, by number for a model, which must not recite history."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.wording import asset_name
from engine.backtest.simulation import Market
from engine.features.entry_states import month_name


@dataclass(frozen=True, eq=False)
class Names:
    """`assets`: names of the panel's columns; `times_ns`: UTC opens of the window's bars, None where none may be told."""

    assets: tuple[str, ...]
    bars: int
    times_ns: np.ndarray | None = None

    def bar(self, bar: int) -> str:
        """When that bar of the window opens."""
        if self.times_ns is None:
            return f"bar {bar + 1} of {self.bars}"
        return f"{pd.Timestamp(int(self.times_ns[bar])):%Y-%m-%d %H:%M} UTC"

    def month(self, first: int, place: int, months: int) -> str:
        """A month of the window, the first of which is `first` months after 1970-01."""
        return f"entered in month {place + 1} of {months}" if self.times_ns is None else f"entered in {month_name(first + place)}"


def names_for_people(market: Market) -> Names:
    """Symbols and dates."""
    window = market.window
    return Names(market.panel.symbols, window.bars, market.panel.times_ns[window.start : window.stop])


def names_for_model(market: Market) -> Names:
    """Assets by position, times by number."""
    return Names(tuple(asset_name(i) for i in range(market.panel.assets)), market.window.bars)
