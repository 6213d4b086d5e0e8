"""The markets on which calibration is measured, by their names."""

from dataclasses import replace
from typing import Any

import numpy as np

from engine.errors import DataError
from engine.market.assemble import content_hash
from engine.market.bars import FIELDS, Panel
from engine.market.catalog import Catalog
from engine.market.demo import demo_market
from engine.market.nulls import mirrored, permuted
from engine.market.planted import ASSETS, BARS, DEFAULT_STRENGTH, planted

FORMS = "none, mirrored:NAME, permuted:NAME or planted:KIND[:STRENGTH]"
_NULLS = {"mirrored": mirrored, "permuted": permuted}


def market_named(
    text: str, seed: int, catalog: Catalog, *, assets: int | None = None, bars: int | None = None, most: int | None = None
) -> Panel:
    """The market of that name and seed; equal arguments, and equal bars under NAME, give equal bits.

    `none`: a demo market without an edge; `mirrored:NAME` and `permuted:NAME`: nulls of a dataset in the catalog;
    `planted:KIND[:STRENGTH]`: see `planted`. `assets` and `bars` give its size: of a dataset its first assets and last bars.
    Without `bars` it has `most`, a dataset with fewer all of its own. Each asset's name carries the seed, so that trials on one
    market never count as trials on another.

    Raises DataError for another form, a size that cannot be, and a seed below 0; UnknownDataset for an unknown NAME.
    """
    form, _, rest = text.partition(":")
    if seed < 0:
        raise DataError(f"the seed is {seed}; wanted a whole number of 0 or more")
    if form in _NULLS and rest:
        panel = catalog.open(rest)
        return _NULLS[form](_part(panel, assets, min(most or panel.bars, panel.bars) if bars is None else bars), seed)
    bars = (most or BARS) if bars is None else bars
    if text == "none":
        size = {"assets": ASSETS if assets is None else assets, "bars": bars}
        return _signed(demo_market("none", seed=seed, edge=None, **size), seed)
    if form == "planted" and rest:
        kind, colon, strength = rest.partition(":")
        if assets not in (None, ASSETS):
            raise DataError(f"found {assets} assets for {text}; a planted market has {ASSETS}: leave the number out")
        gain = _number(strength, text) if colon else DEFAULT_STRENGTH
        return _signed(planted(kind, gain, seed=seed, bars=bars), seed)
    raise DataError(f"found market {text!r}; wanted {FORMS}: name one of them")


def _number(text: str, market: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"found strength {text!r} in {market}; wanted a number such as planted:momentum:4") from None


def _part(panel: Panel, assets: int | None, bars: int) -> Panel:
    """The last bars of the first assets that have any there."""
    start = panel.bars - bars
    here = np.flatnonzero(panel.exists[max(start, 0) :].any(axis=0))
    if not 0 < bars <= panel.bars or not 0 < (1 if assets is None else assets) <= len(here):
        raise DataError(
            f"found {panel.assets if assets is None else assets} assets and {bars:,} bars wanted of {panel.name}, which has"
            f" {len(here)} and {panel.bars:,} there: ask for at least 1 and no more than that"
        )
    if assets is None and bars == panel.bars:
        return panel
    columns = here[:assets]
    rows = start + np.flatnonzero(panel.exists[start:, columns].any(axis=1))
    arrays: dict[str, Any] = {field: np.asfortranarray(getattr(panel, field)[rows][:, columns]) for field in FIELDS}
    symbols, times_ns = tuple(panel.symbols[i] for i in columns), panel.times_ns[rows]
    return replace(panel, symbols=symbols, times_ns=times_ns, data_hash=content_hash(symbols, times_ns, arrays), **arrays)


def _signed(panel: Panel, seed: int) -> Panel:
    """The panel whose assets carry the seed in their names."""
    symbols = tuple(f"{symbol}~{seed}" for symbol in panel.symbols)
    arrays: dict[str, Any] = {field: getattr(panel, field) for field in FIELDS}
    return replace(panel, symbols=symbols, data_hash=content_hash(symbols, panel.times_ns, arrays))
