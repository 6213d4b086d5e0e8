"""Bars as users keep them, read into one long table: Parquet or CSV, one long file or a folder with a file per symbol.

Nothing is decided here about what a bar is worth; a file that cannot be read for certain is refused, with its row.
"""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from engine.errors import ImportRefused
from engine.market.bars import FIELDS
from engine.market.columns import NO_VALUE, PRICES, Columns, Unparsable, find_columns, parse_numbers, parse_symbols, parse_times

SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz")
_NULLS = sorted({form for value in NO_VALUE for form in (value, value.upper(), value.capitalize())} | {"NaN", "-NaN"})
_MONTH = re.compile(r"[-_]\d{4}-\d{2}(-\d{2})?$")
_BAR_LENGTH = re.compile(
    r"[-_ ](\d+(s|m|min|h|d|w|M|mo)|min(ute)?|hour(ly)?|daily?|week(ly)?|month(ly)?|data|ohlcv)(-(futures|spot))?$", re.IGNORECASE
)


@dataclass(frozen=True)
class LongBars:
    """Rows of all files, as they stood there.

    `codes` index `symbols`, `times_ns` are UTC bar opens, `values` is float64 (5, rows) in the order of `FIELDS` with NaN
    where the file holds nothing. `files` are (name, first row) in reading order. `notes` are sentences for the report.
    """

    symbols: tuple[str, ...]
    codes: np.ndarray
    times_ns: np.ndarray
    values: np.ndarray
    files: tuple[tuple[str, int], ...]
    has_volume: bool
    notes: tuple[str, ...] = ()

    def where(self, row: int) -> str:
        """The row as a person finds it: file and data row, counted from 1."""
        name, first = [f for f in self.files if f[1] <= row][-1]
        return f"{name}, row {row - first + 1:,}"


@dataclass(frozen=True)
class _File:
    symbols: list[str]
    codes: np.ndarray
    times_ns: np.ndarray
    values: np.ndarray
    has_volume: bool
    note: str = ""


def read_bars(path: Path) -> LongBars:
    """All rows under the path. Raises ImportRefused with file, row, reason and what to do."""
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.is_file():
            raise ImportRefused(f"{path}: no such file or folder; check the path")
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    file = _read_file(path)
    return LongBars(
        tuple(file.symbols), file.codes, file.times_ns, file.values, ((path.name, 0),), file.has_volume,
        (file.note,) if file.note else (),
    )  # fmt: skip


def symbol_of(name: str) -> str:
    """The symbol that a file name stands for: `BTC_USDT-1h.csv` is BTC_USDT, `BTCUSDT-1h-2023-01.csv` BTCUSDT."""
    stem = name[: -len(_suffix(name))] if _suffix(name) else name
    stem = _MONTH.sub("", stem)
    shorter = _BAR_LENGTH.sub("", stem)
    return (shorter or stem).strip()


def _suffix(name: str) -> str:
    return next((s for s in SUFFIXES if name.lower().endswith(s)), "")


def _read_folder(folder: Path) -> LongBars:
    inside = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    paths = [p for p in inside if _suffix(p.name)]
    if not paths:
        raise ImportRefused(f"{folder}: no Parquet or CSV file among {len(inside)} files; wanted one file per symbol")
    at: dict[str, int] = {}
    files: list[tuple[str, int]] = []
    parts: list[tuple[np.ndarray, _File]] = []
    rows = 0
    for path in paths:
        file = _read_file(path)
        codes = np.array([at.setdefault(s, len(at)) for s in file.symbols], dtype=np.int64)[file.codes]
        parts.append((codes, file))
        files.append((path.name, rows))
        rows += len(codes)
    notes = list(dict.fromkeys(f.note for _, f in parts if f.note))
    if len(inside) > len(paths):
        notes.append(f"{len(inside) - len(paths)} other files in the folder were not read.")
    without = [name for (name, _), (_, f) in zip(files, parts, strict=True) if not f.has_volume]
    if without and len(without) < len(paths):
        notes.append(f"{len(without)} of {len(paths)} files have no volume column ({without[0]} is the first).")
    return LongBars(
        tuple(at),
        np.concatenate([codes for codes, _ in parts]),
        np.concatenate([f.times_ns for _, f in parts]),
        np.concatenate([f.values for _, f in parts], axis=1),
        tuple(files),
        any(f.has_volume for _, f in parts),
        tuple(notes),
    )


def _read_file(path: Path) -> _File:
    """One file's rows. Raises ImportRefused also for a file without a single valid bar."""
    suffix = _suffix(path.name)
    if not suffix:
        raise ImportRefused(f"{path.name}: wanted Parquet (.parquet) or CSV (.csv, .csv.gz); export the bars to one of them")
    try:
        columns, table = _read_parquet(path) if suffix in (".parquet", ".pq") else _read_csv(path)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ImportRefused(f"{path.name}: cannot be read ({reason}); check that it is a whole {suffix[1:]} file") from error
    if table.num_rows == 0:
        raise ImportRefused(f"{path.name}: holds no rows; wanted at least two bars: remove the file or export it again")
    file = _convert(path.name, columns, table)
    prices = file.values[:4]
    if not (np.isfinite(prices) & (prices > 0)).all(axis=0).any():
        raise ImportRefused(
            f"{path.name}: none of its {table.num_rows:,} rows is a bar (open, high, low and close finite and above zero);"
            " remove the file or export it again"
        )
    return file


def _read_parquet(path: Path) -> tuple[Columns, pa.Table]:
    with pq.ParquetFile(path) as source:
        names = source.schema_arrow.names
        columns = find_columns(names, path.name)
        return columns, source.read(columns=[names[i] for i in columns.used]).select([names[i] for i in columns.used])


def _read_csv(path: Path) -> tuple[Columns, pa.Table]:
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as source:
        head = source.read(65_536)
    if b"\0" in head:
        raise ImportRefused(f"{path.name}: is not plain text; wanted CSV in UTF-8: export it again")
    lines = re.split(r"\r\n|\n|\r", head.decode("utf-8-sig", errors="replace"))
    if not head.strip():
        raise ImportRefused(f"{path.name}: is empty; wanted a line of column names and at least two bars")
    # Some exporters put their address above the column names.
    skip = 1 if len(lines) > 1 and not re.search(r"[,;\t|]", lines[0]) else 0
    delimiter = max(",;\t|", key=lines[skip].count)
    names = [n.strip().strip('"') for n in lines[skip].split(delimiter)]
    if all(re.fullmatch(r"[-+0-9.eE]+", n) for n in names):
        raise ImportRefused(f"{path.name}: its first line holds numbers; wanted the column names there: add them")
    columns = find_columns(names, path.name)
    numbered = [str(i) for i in range(len(names))]

    def read(types: dict[str, pa.DataType]) -> pa.Table:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(column_names=numbered, skip_rows=skip + 1),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter),
            convert_options=pa_csv.ConvertOptions(
                include_columns=[numbered[i] for i in columns.used],
                column_types=types,
                null_values=_NULLS,
                strings_can_be_null=False,
            ),
        )

    # Types are given, not inferred from the first rows: volumes may begin whole, a ticker may read as a number or "NA".
    types = {numbered[i]: pa.string() if i == columns.symbol else pa.float64() for i in columns.used if i != columns.time}
    try:
        return columns, read(types)
    except pa.ArrowInvalid:
        # As text, so that the row of the value that does not fit can be told.
        return columns, read({numbered[i]: pa.string() for i in columns.used})


def _convert(name: str, columns: Columns, table: pa.Table) -> _File:
    """The table's columns as arrays. Raises ImportRefused at the first value that cannot be read."""
    column = {position: table.column(i) for i, position in enumerate(columns.used)}
    values = np.full((len(FIELDS), table.num_rows), np.nan)
    what = "the time"
    try:
        times_ns = parse_times(column[columns.time])
        for i, field in enumerate(PRICES):
            what = f"the {field}"
            values[i] = parse_numbers(column[getattr(columns, field)])
        if columns.volume is not None:
            what = "the volume"
            values[4] = parse_numbers(column[columns.volume])
        what = "the symbol"
        if columns.symbol is None:
            codes, symbols = np.zeros(table.num_rows, dtype=np.int64), [symbol_of(name)]
        else:
            codes, symbols = parse_symbols(column[columns.symbol])
    except Unparsable as bad:
        wanted = {
            "the time": "an ISO time or a Unix time in s, ms, us or ns",
            "the symbol": "a name",
        }.get(what, "a number")
        cure = "write a decimal point and no thousands separator" if _has_comma(bad.found) else "correct or remove the row"
        raise ImportRefused(f"{name}, row {bad.row + 1:,}: {what} is {bad.found!r}; wanted {wanted}: {cure}") from bad
    note = (
        "The volume is in the quote currency, not in units of the asset; it was taken as it stands."
        if columns.quote_volume
        else ""
    )
    return _File(symbols, codes, times_ns, values, columns.volume is not None, note)


def _has_comma(found: str) -> bool:
    """It is a number, written with a decimal comma or with thousands separated."""
    digits = found.strip().replace(",", "").replace(".", "").lstrip("+-")
    return "," in found and digits.isdigit()
