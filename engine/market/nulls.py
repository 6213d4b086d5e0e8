"""Markets without an edge, made from a real one: what a search finds in them it has found by luck.

**A bar's moves** are those of its open against the asset's last close, and of its high, low and close against its open. Every
row gets one drawn sign for all assets; where it is minus, up and down change places and with them high and low.

**Why no rule gains.** The sign of a row is independent of all that was known before. A price that grew by the ratio r grows by
2 / (1 + r^-2) or 2 / (1 + r^2), that is by 1 + tanh(log r) or 1 - tanh(log r): equally far up and down, so that the expected
price is the last one, whatever r was. Turning log moves alone would not do: exp(m) and exp(-m) average to more than 1, a drift
of half the variance, which pays whoever holds. The map keeps the order of open, high, low and close, and prices positive.

**What is kept.** Missing bars stay where they are, as do times and each asset's first open. A bar's dollar volume goes
with its moves. Names of assets carry the seed, so that trials here never count as trials on the real bars.

**What is not null.** Inside a bar the real bar's shape is kept: how far it ran before it turned back. Targets and stops
see that; market orders at the open do not.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.market.assemble import content_hash
from engine.market.bars import FIELDS, Panel


def mirrored(panel: Panel, seed: int) -> Panel:
    """The panel with each row's moves of all assets turned by one random sign; named `mirrored:NAME`, marked synthetic.

    Keeps when the market is wild (sizes of moves and volumes stay in their rows) and how assets move together; loses every
    direction. Equal panels and seeds give equal bits. Raises DataError for a seed below 0.
    """
    rng = _rng(seed, 1)
    signs = rng.integers(0, 2, panel.bars, dtype=np.int8).astype(bool)
    stay = np.arange(panel.bars)
    return _rebuilt(panel, "mirrored", seed, signs, [stay[column] for column in panel.exists.T])


def permuted(panel: Panel, seed: int) -> Panel:
    """The panel with its rows in random order, each turned by a random sign; named `permuted:NAME`, marked synthetic.

    Keeps how assets move together and how large moves are; loses direction, volatility clustering, hours and every other
    order. The sign is needed too: order alone keeps each asset's whole drift, and with the drift taken out every path would
    end where it began, so that what fell early must rise later. Where the drawn row has no bar of an asset, that asset
    follows the permutation on to one that has: each of its bars is used once. Equal panels and seeds give equal bits.
    Raises DataError for a seed below 0.
    """
    rng = _rng(seed, 2)
    signs = rng.integers(0, 2, panel.bars, dtype=np.int8).astype(bool)
    order = rng.permutation(panel.bars)
    return _rebuilt(panel, "permuted", seed, signs, [_induced(order, column) for column in panel.exists.T])


def _rng(seed: int, stream: int) -> np.random.Generator:
    if seed < 0:
        raise DataError(f"the seed is {seed}; wanted a whole number of 0 or more")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, stream))))


def _induced(order: np.ndarray, exists: np.ndarray) -> np.ndarray:
    """For each row with a bar the first row with a bar on the permutation's way from it: a permutation of these rows."""
    rows = np.flatnonzero(exists)
    source = order[rows]
    while not (there := exists[source]).all():
        source[~there] = order[source[~there]]
    return source


def _rebuilt(panel: Panel, how: str, seed: int, up: np.ndarray, sources: list[np.ndarray]) -> Panel:
    """`up` (bars,): the row's moves keep their direction; `sources`: for each asset the rows whose moves its bars take, in
    the order of its bars."""
    arrays: dict[str, Any] = {field: np.full((panel.bars, panel.assets), np.nan, order="F") for field in FIELDS}
    for asset, source in enumerate(sources):
        rows = np.flatnonzero(panel.exists[:, asset])
        for field, column in _asset(panel, asset, rows, source, up[rows]).items():
            arrays[field][rows, asset] = column
    symbols = tuple(f"{symbol}~{how[0]}{seed}" for symbol in panel.symbols)
    return replace(
        panel,
        name=f"{how}:{panel.name}",
        symbols=symbols,
        data_hash=content_hash(symbols, panel.times_ns, arrays),
        synthetic=True,
        **arrays,
    )


def _asset(panel: Panel, asset: int, rows: np.ndarray, source: np.ndarray, up: np.ndarray) -> dict[str, np.ndarray]:
    """The asset's new bars at its `rows`."""
    open_, high, low, close, volume = (getattr(panel, field)[:, asset] for field in FIELDS)
    since_last = np.ones(panel.bars)
    since_last[rows[1:]] = open_[rows[1:]] / close[rows[:-1]]
    gap = _turned(since_last[source], up)
    body, first, second = (_turned(x[source] / open_[source], up) for x in (close, high, low))
    new_open = open_[rows[:1]] * np.exp(np.cumsum(np.log(gap) + np.log(body))) / body
    new_close = new_open * body  # so that it meets high or low to the last bit where it did
    return {
        "open": new_open,
        "high": new_open * np.maximum(first, second),
        "low": new_open * np.minimum(first, second),
        "close": new_close,
        "volume": volume[source] * (close[source] / new_close),
    }


def _turned(ratio: np.ndarray, up: np.ndarray) -> np.ndarray:
    """1 + tanh(log ratio) where up, 1 - tanh(log ratio) elsewhere."""
    square = ratio**2
    return np.where(up, 2 * square, 2.0) / (1 + square)
