"""From long rows to the panel: duplicates, what is a bar, the common rows, the reference asset, the content hash."""

import difflib
import hashlib
from dataclasses import dataclass

import numpy as np

from engine.errors import ImportRefused
from engine.market.bars import DAY_NS, DAY_S, FIELDS, Panel
from engine.market.sources import LongBars

MAX_SPARSE_CELLS = 50_000_000


@dataclass(frozen=True)
class Intake:
    """What was counted while rows became a panel, for the quality report. Mappings are by symbol, zero left out."""

    file_rows: int = 0
    unsorted: int = 0
    duplicates: int = 0
    nan_rows: dict[str, int] | None = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def assemble(long: LongBars, name: str, *, reference: str | None = None) -> tuple[Panel, Intake]:
    """The panel of these rows, and what was counted on the way.

    Rows may come in any order; identical duplicates are dropped, a row whose four prices are not all finite and above zero is
    "no bar" (its time stays a row of the panel), a symbol without any bar is left out. Raises ImportRefused for conflicting
    duplicates, for fewer than two times, for steps below a second, and for an unknown reference asset.
    """
    order = np.argsort(np.array(long.symbols))
    symbols = tuple(np.array(long.symbols)[order].tolist())
    codes = np.argsort(order)[long.codes]
    is_bar = (np.isfinite(long.values[:4]) & (long.values[:4] > 0)).all(axis=0)
    has_bars = np.bincount(codes, weights=is_bar, minlength=len(symbols)) > 0
    times_ns, rows = np.unique(long.times_ns[has_bars[codes]], return_inverse=True)
    _check_times(long, times_ns, int(has_bars.sum()))
    kept = np.flatnonzero(has_bars[codes])
    cells = (np.cumsum(has_bars) - 1)[codes[kept]] * len(times_ns) + rows
    first = _first_of_duplicates(long, kept, cells)
    symbols_kept = tuple(s for s, ok in zip(symbols, has_bars, strict=True) if ok)
    bad = np.bincount(codes[kept][first & ~is_bar[kept]], minlength=len(symbols))
    intake = Intake(
        file_rows=len(codes),
        unsorted=_count_unsorted(codes, long.times_ns),
        duplicates=int((~first).sum()),
        nan_rows={s: int(n) for s, n in zip(symbols, bad, strict=True) if n},
        left_out=tuple(s for s, ok in zip(symbols, has_bars, strict=True) if not ok),
        notes=long.notes,
    )
    arrays = _fill(long.values[:, kept], cells, is_bar[kept], shape=(len(symbols_kept), len(times_ns)))
    return build_panel(name, symbols_kept, times_ns, arrays, reference=reference), intake


def build_panel(
    name: str,
    symbols: tuple[str, ...],
    times_ns: np.ndarray,
    arrays: np.ndarray,
    *,
    reference: str | None = None,
    synthetic: bool = False,
) -> Panel:
    """A panel of `arrays`, float64 (5, assets, bars) in the order of `FIELDS`, NaN where an asset has no bar.

    Moves the reference asset to column 0 (the given one, else by `choose_reference`) and sorts the others by symbol.
    Raises ImportRefused for an unknown reference asset.
    """
    first = choose_reference(symbols, arrays) if reference is None else reference
    if first not in symbols:
        near = difflib.get_close_matches(first, symbols, n=3, cutoff=0.4)
        raise ImportRefused(
            f"no asset {first!r} among the {len(symbols)} of {name!r}; name as reference asset one of them"
            + (f", perhaps {' or '.join(near)}" if near else "")
        )
    at = {s: i for i, s in enumerate(symbols)}
    ordered = (first, *sorted(s for s in symbols if s != first))
    columns = [at[s] for s in ordered]
    if columns != list(range(len(columns))):
        arrays = np.ascontiguousarray(arrays[:, columns])
    fields = dict(zip(FIELDS, (a.T for a in arrays), strict=True))
    bar_s = most_common_step_s(times_ns)
    return Panel(
        name=name,
        symbols=ordered,
        times_ns=times_ns,
        data_hash=content_hash(ordered, times_ns, fields),
        bar_s=bar_s,
        days_per_year=days_per_year(times_ns, bar_s),
        has_volume=bool(np.isfinite(arrays[4]).any()),
        synthetic=synthetic,
        **fields,
    )


def choose_reference(symbols: tuple[str, ...], arrays: np.ndarray) -> str:
    """The asset with the highest median dollar volume; without volume the one with the most bars; then the first by name."""
    close, volume = arrays[3], arrays[4]
    scores = []
    for symbol, price, units in zip(symbols, close, volume, strict=True):
        exists = ~np.isnan(price)
        dollars = (price * units)[exists & ~np.isnan(units)]
        scores.append((-float(np.median(dollars)) if len(dollars) else 0.0, -int(exists.sum()), symbol))
    return min(scores)[2]


def content_hash(symbols: tuple[str, ...], times_ns: np.ndarray, fields: dict[str, np.ndarray]) -> str:
    """`sha256:` and the hex digest of symbols in panel order, times and the five (bars, assets) arrays.

    Every NaN counts as the same and −0 as 0, so that equal bars hash alike whatever file, order or memory they came from.
    """
    digest = hashlib.sha256()
    digest.update("\n".join(symbols).encode() + b"\0")
    digest.update(np.ascontiguousarray(times_ns, dtype="<i8").data)
    for field in FIELDS:
        for column in fields[field].T:
            canonical = np.where(np.isnan(column), np.nan, column + 0.0)
            digest.update(np.ascontiguousarray(canonical, dtype="<f8").data)
    return f"sha256:{digest.hexdigest()}"


def most_common_step_s(times_ns: np.ndarray) -> int:
    """The bar length in seconds: the most common time step, the shortest of equals."""
    steps, counts = np.unique(np.diff(times_ns) // 1_000_000_000, return_counts=True)
    return int(steps[np.argmax(counts)])


def days_per_year(times_ns: np.ndarray, bar_s: int) -> int:
    """Days with bars in a year: 365; 252 where weekends lie in the span and hold no bar; 52 for weekly bars, and so on."""
    if bar_s > DAY_S:
        return max(1, round(365 * DAY_S / bar_s))
    days = np.unique(times_ns // DAY_NS)
    span = np.arange(days[0], days[-1] + 1)
    # 1970-01-01 was a Thursday: with Monday as 0, Saturday is 5.
    weekend_in_span, weekend_traded = (((d + 3) % 7 >= 5).any() for d in (span, days))
    return 252 if weekend_in_span and not weekend_traded else 365


def _check_times(long: LongBars, times_ns: np.ndarray, assets: int) -> None:
    files = long.files[0][0] if len(long.files) == 1 else f"{len(long.files)} files"
    if len(times_ns) < 2:
        raise ImportRefused(f"{files}: bars at {len(times_ns)} time in all; wanted at least two: export a longer history")
    if most_common_step_s(times_ns) < 1:
        raise ImportRefused(f"{files}: most times follow within a second; wanted bars of a second or longer: aggregate the ticks")
    cells = assets * len(times_ns)
    if cells > MAX_SPARSE_CELLS and cells > 50 * len(long.codes):
        raise ImportRefused(
            f"{files}: {assets:,} assets share hardly any of the {len(times_ns):,} times; wanted bars of one length at common"
            " times: resample them"
        )


def _first_of_duplicates(long: LongBars, kept: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Bool per kept row: the first of its symbol and time. Raises ImportRefused where a second one holds other values."""
    first = np.ones(len(cells), dtype=bool)
    if len(cells) == 0 or np.bincount(cells).max() == 1:
        return first
    order = np.argsort(cells, kind="stable")
    again = np.flatnonzero(np.diff(cells[order]) == 0) + 1
    left, right = long.values[:, kept[order[again - 1]]], long.values[:, kept[order[again]]]
    differ = ~((left == right) | (np.isnan(left) & np.isnan(right))).all(axis=0)
    if differ.any():
        second = again[differ][np.argmin(kept[order[again[differ]]])]
        rows = kept[order[second - 1]], kept[order[second]]
        field = int(np.argmax(long.values[:, rows[0]] != long.values[:, rows[1]]))
        moment = np.datetime_as_string(long.times_ns[rows[0]].astype("datetime64[ns]"), unit="s")
        raise ImportRefused(
            f"{long.where(rows[1])}: {long.symbols[long.codes[rows[1]]]} at {moment}Z has {FIELDS[field]}"
            f" {long.values[field, rows[1]]:g}, but {long.where(rows[0])} gives {long.values[field, rows[0]]:g}"
            " for the same time; keep one of the two, or, if the file holds several assets, add a column `symbol`"
        )
    first[order[again]] = False
    return first


def _count_unsorted(codes: np.ndarray, times_ns: np.ndarray) -> int:
    """Rows that stand before an earlier bar of the same symbol."""
    order = np.argsort(codes, kind="stable") if (np.diff(codes) < 0).any() else slice(None)
    same = np.diff(codes[order]) == 0
    return int((same & (np.diff(times_ns[order]) < 0)).sum())


def _fill(values: np.ndarray, cells: np.ndarray, is_bar: np.ndarray, *, shape: tuple[int, int]) -> np.ndarray:
    """(5, assets, bars), NaN where no bar is; a volume that is negative or infinite is NaN."""
    arrays = np.full((len(FIELDS), shape[0] * shape[1]), np.nan)
    for field, column in enumerate(values):
        usable = is_bar if field < 4 else is_bar & np.isfinite(column) & (column >= 0)
        arrays[field, cells[usable]] = column[usable]
    return arrays.reshape(len(FIELDS), *shape)
