"""What the columns of a user's file mean, and their values as times, prices and symbols.

Names are compared without case, with blanks and dashes as underscores. `adj_close` is never taken for the close: adjusted
closes do not fit the bar's own open, high and low.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import ImportRefused

PRICES = ("open", "high", "low", "close")
TIME_NAMES = ("timestamp", "open_time", "opentime", "datetime", "time", "date", "unix", "unix_timestamp")
INDEX_NAMES = ("", "unnamed:_0", "index", "__index_level_0__", "level_0")
SYMBOL_NAMES = ("symbol", "ticker", "pair", "asset", "name", "coin", "instrument")
QUOTES = ("quote", "currency", "usd", "usdt", "usdc", "busd", "tusd", "fdusd", "eur", "gbp", "jpy", "try")
NO_VALUE = ("", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>")
_VOLUME = re.compile(r"^(base_)?vol(ume)?(_\(?(?P<unit>[a-z0-9]+)\)?)?$")
_EPOCHS_NS = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000))


class Unparsable(Exception):
    """The value of one row is not what its column holds. `row` counts from 0."""

    def __init__(self, row: int, found: str) -> None:
        super().__init__(found)
        self.row, self.found = row, found


@dataclass(frozen=True)
class Columns:
    """Position of each column that is read; None where the file has no symbol or volume column."""

    time: int
    open: int
    high: int
    low: int
    close: int
    symbol: int | None
    volume: int | None
    quote_volume: bool = False

    @property
    def used(self) -> list[int]:
        """Positions of all columns that are read."""
        return [i for i in (self.time, self.open, self.high, self.low, self.close, self.symbol, self.volume) if i is not None]


def find_columns(names: Iterable[str], file: str) -> Columns:
    """The columns of a table with those names. Raises ImportRefused that tells what is missing and what is there."""
    shown = list(names)
    plain = [re.sub(r"[\s\-]+", "_", n.strip().lower()) for n in shown]
    missing = [field for field in PRICES if field not in plain]
    time = next((plain.index(n) for n in TIME_NAMES if n in plain), None)
    if time is None:
        time = next((plain.index(n) for n in INDEX_NAMES if n in plain), None)
    if time is None:
        missing.insert(0, "timestamp")
    if missing:
        there = ", ".join(repr(n) for n in shown[:12]) + (" …" if len(shown) > 12 else "")
        raise ImportRefused(
            f"{file}: no column {' and no column '.join(missing)} (found {there}); wanted timestamp, open, high, low, close"
            " and, if there, symbol and volume: name them in the first line"
        )
    for field in PRICES:
        if plain.count(field) > 1:
            raise ImportRefused(f"{file}: {plain.count(field)} columns could be the {field}; keep one of them")
    volume, is_quote = _volume_column(plain)
    symbol = next((plain.index(n) for n in SYMBOL_NAMES if n in plain), None)
    assert time is not None
    at = {field: plain.index(field) for field in PRICES}
    return Columns(time=time, symbol=symbol, volume=volume, quote_volume=is_quote, **at)


def _volume_column(plain: list[str]) -> tuple[int | None, bool]:
    """The volume in units of the asset if there is one, else one in the quote currency (True)."""
    found = [(i, match) for i, name in enumerate(plain) if (match := _VOLUME.match(name))]
    base = [i for i, match in found if match["unit"] not in QUOTES]
    if base:
        return next((i for i in base if plain[i] == "volume"), base[0]), False
    return (found[0][0], True) if found else (None, False)


def parse_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The column as float64, NaN where it holds nothing. Raises Unparsable at the first text."""
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return np.array(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    text = pd.Series(column.to_pylist(), dtype=object).map(lambda v: "" if v is None else str(v).strip())
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    if pa.types.is_boolean(kind):
        raise Unparsable(0, text.iloc[0])
    bad = np.isnan(numbers) & ~text.str.lower().isin(NO_VALUE).to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        raise Unparsable(row, text.iloc[row])
    return numbers


def parse_times(column: pa.ChunkedArray) -> np.ndarray:
    """The column as int64 nanoseconds since 1970 UTC; times without a zone are UTC. Raises Unparsable at the first other value.

    Numbers are seconds, milli-, micro- or nanoseconds by their size, row by row (Binance changed from milli- to
    microseconds in 2025), or days as 20240131.
    """
    kind = column.type
    if column.null_count:
        raise Unparsable(int(np.argmax(column.is_null().to_numpy())), "nothing")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _from_timestamps(column)
    if pa.types.is_integer(kind):
        return _from_epoch(column.to_numpy().astype(np.int64), column)
    if pa.types.is_floating(kind):
        return _from_epoch(column.to_numpy().astype(np.float64), column)
    text = pd.Series(column.to_pylist(), dtype=object).map(lambda v: str(v).strip())
    numbers = pd.to_numeric(text, errors="coerce")
    if len(text) and numbers.notna().all():
        return _from_epoch(numbers.to_numpy(), column)
    return _from_text(text)


def _from_timestamps(column: pa.ChunkedArray) -> np.ndarray:
    zone = getattr(column.type, "tz", None)
    try:
        in_ns = pc.cast(column, pa.timestamp("ns", tz=zone))
    except pa.ArrowInvalid as error:
        # Only the years 1677 to 2262 fit into nanoseconds; anything outside is no market time.
        years = pc.year(column).to_numpy()
        row = int(np.argmax((years < 1678) | (years > 2261)))
        raise Unparsable(row, str(column[row])) from error
    return np.array(pc.cast(in_ns, pa.int64()).to_numpy())


def _from_epoch(numbers: np.ndarray, column: pa.ChunkedArray) -> np.ndarray:
    size = np.abs(numbers.astype(np.float64))
    is_day = (numbers >= 19_000_101) & (numbers < 21_000_000) & (numbers == np.floor(numbers))
    bad = ~(is_day | (size >= 1e8)) | (numbers < 0) | (size >= 9.2e18)
    times = np.zeros(len(numbers), dtype=np.int64)
    unit = np.ones(len(numbers), dtype=np.int64)
    for below, ns in reversed(_EPOCHS_NS):
        unit[size < below] = ns
    if np.issubdtype(numbers.dtype, np.integer):
        times[~bad] = numbers[~bad] * unit[~bad]
    else:
        # A float holds about 16 digits: whole seconds exactly, the fraction to a microsecond.
        whole = np.floor(numbers[~bad])
        fraction = np.round((numbers[~bad] - whole) * unit[~bad] / 1_000) * 1_000
        times[~bad] = whole.astype(np.int64) * unit[~bad] + fraction.astype(np.int64)
    if is_day.any():
        days = pd.to_datetime(pd.Series(numbers[is_day].astype(np.int64).astype(str)), format="%Y%m%d", errors="coerce")
        bad[np.flatnonzero(is_day)[days.isna().to_numpy()]] = True
        times[is_day] = days.astype("datetime64[ns]").to_numpy().astype(np.int64)
    if bad.any():
        row = int(np.argmax(bad))
        raise Unparsable(row, str(column[row]))
    return times


def _from_text(text: pd.Series) -> np.ndarray:
    named = text.str.replace(r"\s*(?:UTC|GMT)$", "Z", regex=True)
    times = pd.to_datetime(named, format="ISO8601", utc=True, errors="coerce")
    if times.isna().any():
        row = int(np.argmax(times.isna().to_numpy()))
        raise Unparsable(row, text.iloc[row] or "nothing")
    return times.dt.as_unit("ns").astype("int64").to_numpy()


def parse_symbols(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Codes (int64, one a row) and the symbols they stand for, in order of appearance. Raises Unparsable where one is empty."""
    if column.null_count:
        raise Unparsable(int(np.argmax(column.is_null().to_numpy())), "nothing")
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    encoded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    stripped = [s.strip() for s in encoded.dictionary.to_pylist()]
    if "" in stripped:
        raise Unparsable(int(np.argmax(codes == stripped.index(""))), "nothing")
    symbols = list(dict.fromkeys(stripped))
    at = {s: i for i, s in enumerate(symbols)}
    return np.array([at[s] for s in stripped], dtype=np.int64)[codes], symbols
