"""What a strategy's own indicators said at some decisions, put back to true units."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.backtest.sweep import TestBed, salt_of
from engine.market.bars import Panel
from engine.records import Failure, Params
from engine.strategy.sandbox import SandboxPool

_SALTS = 9  # one of eight scales is drawn for each asset by each
_CLOSE = 1e-9


@dataclass(frozen=True, eq=False)
class IndicatorStates:
    """`values`: a column for each call of `ta`, labelled as in `ema(close, 20)`, a row for each cell asked for, in true units.
    `prices`: labels of those that are prices."""

    values: pd.DataFrame
    prices: tuple[str, ...]

    def comparable(self, panel: Panel, rows: np.ndarray, assets: np.ndarray) -> pd.DataFrame:
        """The same for comparing assets: prices over the close of their row, less one."""
        close = panel.close[rows, assets]
        return self.values.assign(**{label: self.values[label] / close - 1.0 for label in self.prices})


def indicator_states(
    source: str, params: Params, bed: TestBed, bars: np.ndarray, assets: np.ndarray, *, pool: SandboxPool, sides: str = "both"
) -> IndicatorStates | Failure:
    """What each call of `ta` came to at the close of those bars of train, each for the asset in that column; or why there is
    nothing.

    A strategy is asked twice, with prices scaled differently: what follows the scale is a price (or, if it goes against it, a
    volume) and is put back, the rest stays as it is. Raises ValueError for another window than train: from those nothing but
    decisions may come back.
    """
    if bed.market.window.name != "train":
        raise ValueError(f"indicators were asked for on {bed.market.window.name}; wanted train")
    salt = salt_of(source, bed.market.panel.data_hash)
    first = pool.states(source, params, bed.data, bars, assets, salt=salt, sides=sides)
    second = first
    for other in range(salt + 1, salt + _SALTS):
        if isinstance(first, Failure) or isinstance(second, Failure):
            break
        second = pool.states(source, params, bed.data, bars, assets, salt=other, sides=sides)
        if not first[1] or isinstance(second, Failure) or (first[0][assets] != second[0][assets]).any():
            break
    if isinstance(first, Failure) or isinstance(second, Failure):
        return first if isinstance(first, Failure) else second  # type: ignore[return-value]
    return _put_back(first[1], second[1], first[0][assets], second[0][assets])


def _put_back(
    values: dict[str, np.ndarray], others: dict[str, np.ndarray], scale: np.ndarray, other_scale: np.ndarray
) -> IndicatorStates:  # fmt: skip
    found, prices = {}, []
    for label, own in values.items():
        power = next((p for p in (1, -1) if _follows(own, others.get(label), (other_scale / scale) ** p)), 0)
        found[label] = own / scale**power
        prices += [label] if power == 1 else []
    return IndicatorStates(pd.DataFrame(found), tuple(prices))


def _follows(own: np.ndarray, others: np.ndarray | None, ratio: np.ndarray) -> bool:
    """Whether the values are the other ones times that ratio, where that tells anything."""
    if others is None or not np.any((own != 0) & ~np.isnan(own) & (ratio != 1)):
        return False
    return np.allclose(others, own * ratio, rtol=_CLOSE, atol=0, equal_nan=True)
