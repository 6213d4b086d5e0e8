"""What if a run had not made some of its entries, had waited, or had other stops? Signals changed, to be simulated anew.

Nothing is subtracted: a sleeve that does not enter is free for the next entry, and its stake grows or shrinks with all before it.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.analysis.decisions import unpack_signals
from engine.analysis.dimensions import Dimension
from engine.analysis.explanation import Explanation
from engine.backtest.portfolio import Result, run_signals
from engine.backtest.simulation import Market
from engine.errors import CannotChange
from engine.features.entry_states import STATES, entry_states
from engine.records import Signals
from engine.strategy.packing import RISKS, deciding_cells, pack_signals, without_cells

MOST_BARS = 1_000


@dataclass(frozen=True)
class WhatIf:
    """A change; what is None stays. `leave_out`: (dimension, cell) whose entries are not made, a cluster under "cluster";
    `cooldown`: bars without an entry after a stop-out; `stop`: the stop loss is so many times as far; `later`: entries are
    decided so many bars later, exits stay."""

    leave_out: tuple[str, int] | None = None
    cooldown: int | None = None
    stop: float | None = None
    later: int | None = None


def what_if(result: Result, found: Explanation, change: WhatIf) -> Result:
    """The result of the changed signals on the same window. Raises CannotChange."""
    signals = result.signals
    if change.leave_out is not None:
        signals = _left_out(signals, result.market, found, *change.leave_out)
    if change.later:
        signals = _later(signals, _bars("delay", change.later))
    if change.cooldown is not None:
        signals = replace(signals, cooldown=_bars("cooldown", change.cooldown))
    if change.stop is not None:
        signals = replace(signals, stop_loss=_stop(signals, change.stop))
    return run_signals(signals, result.market, result.costs, result.shared_cash)


def _bars(what: str, bars: int) -> int:
    if not 0 <= bars <= MOST_BARS:
        raise CannotChange(f"the {what} is {bars} bars; wanted 0 to {MOST_BARS:,}")
    return bars


def _stop(signals: Signals, factor: float) -> float | np.ndarray:
    if signals.stop_loss is None:
        raise CannotChange("the strategy has no stop loss to move; choose another change")
    stop = signals.stop_loss * factor
    if not factor > 0 or np.nanmax(stop) >= 1:
        raise CannotChange(f"a stop {factor:g} times as far lies {np.nanmax(stop):.0%} off; wanted more than 0 % and below 100 %")
    return stop


def _later(signals: Signals, bars: int) -> Signals:
    """Entries and what was said with them so many bars later; those that leave the window lapse."""
    plain = unpack_signals(signals)

    def moved(table: np.ndarray) -> np.ndarray:
        out = np.roll(table, bars, axis=1)
        out[:, :bars] = 0
        return out.T

    flags = {name: moved(table) if "entries" in name else table.T for name, table in plain.flags.items()}
    risks = {name: moved(plain.values[name]) if name in plain.values else getattr(signals, name) for name in RISKS}
    rank, tag = (moved(plain.values[name]) if name in plain.values else None for name in ("rank", "tag"))
    return pack_signals(
        _of_sides(flags, signals), risks, max_bars=signals.max_bars, cooldown=signals.cooldown, rank=rank,
        tag=None if tag is None else np.nan_to_num(tag).astype(np.uint8), tag_names=signals.tag_names,
    )  # fmt: skip


def _of_sides(flags: dict[str, np.ndarray], signals: Signals) -> dict[str, np.ndarray]:
    return {name: table for name, table in flags.items() if getattr(signals, name) is not None}


def _left_out(signals: Signals, market: Market, found: Explanation, name: str, cell: int) -> Signals:
    if name == "direction":
        return _one_side(signals, found, cell)
    assets, bars = deciding_cells(signals)
    if name == "asset":
        return without_cells(signals, assets == cell)
    if name == "entry_tag" and signals.tag is not None:
        return without_cells(signals, signals.tag == signals.tag_names.index(_dimension(found, name).words[cell]))
    if name != "cluster" and name not in {s.name for s in STATES}:
        raise CannotChange(
            f"{name} is not known when an entry is decided; leave out an hour, a volume, an asset or another state"
        )
    states = entry_states(market.panel, bars + market.window.start, assets)
    if name == "cluster":
        if found.clusters is None:
            raise CannotChange("there are too few trades for kinds of entries; leave out something else")
        return without_cells(signals, found.clusters.assign(states) == cell)
    return without_cells(signals, _dimension(found, name).codes_of(states[name].to_numpy(float)) == cell)


def _dimension(found: Explanation, name: str) -> Dimension:
    dimension = next((d for d in found.dimensions if d.name == name), None)
    if dimension is None:
        raise CannotChange(f"all trades have the same {name}; leave out something by which they differ")
    return dimension


def _one_side(signals: Signals, found: Explanation, cell: int) -> Signals:
    """Without the longs or the shorts: cells at which only that side was wanted go."""
    plain = unpack_signals(signals)
    goes = "entries" if _dimension(found, "direction").words[cell] == "long" else "short_entries"
    stays = "short_entries" if goes == "entries" else "entries"
    assets, bars = deciding_cells(signals)
    kept = without_cells(signals, ~plain.flags[stays][assets, bars])
    nothing = np.zeros_like(kept.entries)
    return replace(kept, entries=nothing) if goes == "entries" else replace(kept, short_entries=None)
