"""What a child may say: parameter ranges, packed signals, lines for a chart, values of indicators, failures.

All of it in fixed binary forms that the host checks by length.

A message is one byte of kind, a uint32 of length, and a body. Nothing in it is parsed as code or unpickled; every count is
checked against what the host knows before a byte of it is used.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.records import Failure, ParamRange, ParamValue, Signals
from engine.strategy.contract import DOMAINS, MAX_COUNT, MAX_LINES, MAX_NAME, MAX_TAGS
from engine.strategy.packing import BITS, RISKS, words_for
from engine.strategy.params import ContractBreach, read_ranges

RANGES, SIGNALS, LINES, VALUES, FAILURE, REFUSED, CANARY, DONE = b"R", b"S", b"L", b"V", b"F", b"X", b"C", b"D"
"""Ranges of a source; signals, lines for a chart, values of indicators, or the failure, of one parameter set; the failure of the
whole source; whether a canary was stopped; the last word."""
KINDS = (RANGES, SIGNALS, LINES, VALUES, FAILURE, REFUSED, CANARY, DONE)
MAX_STATES = 40
"""So many different calls of `ta` are told of; what a strategy computes beyond is left out."""
MAX_LABEL = 120
FRAME = struct.Struct("<cI")
MAX_BODY = 2**32 - 1
TEXT_CAP = 500
_FAILURES = ("policy", "syntax", "contract", "error", "timeout", "memory", "output", "killed")
_MAX_LINE = 1_000_000
_KINDS = ("int", "float", "choice")
_HEAD = struct.Struct("<BBBBqqQ4d")
_NONE, _SCALAR, _CELLS = 0, 1, 2
_HERE, _AS_BEFORE = 1, 2
_RANK, _TAG = 1, 2


class WireError(Exception):
    """A message that is not of the form: what was found and wanted."""


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "replace")[:4000]
    return struct.pack("<H", len(data)) + data


def _value(value: ParamValue) -> bytes:
    if isinstance(value, bool):
        return b"b" + struct.pack("<?", value)
    if isinstance(value, int):
        return b"i" + struct.pack("<q", value)
    if isinstance(value, float):
        return b"f" + struct.pack("<d", value)
    return b"s" + _text(value)


def pack_ranges(ranges: tuple[ParamRange, ...]) -> bytes:
    """The body of a RANGES message."""
    out = [struct.pack("<H", len(ranges))]
    for r in ranges:
        out += [_text(r.name), struct.pack("<B?ddH", _KINDS.index(r.kind), r.log, r.low, r.high, len(r.choices))]
        out += [_value(c) for c in r.choices]
    return b"".join(out)


class _Reader:
    """Takes values off a body; running short raises WireError."""

    def __init__(self, body: bytes | memoryview) -> None:
        self.body, self.at = memoryview(body), 0

    def take(self, size: int) -> memoryview:
        if self.at + size > len(self.body):
            raise WireError(f"a message of {len(self.body)} bytes ends before its {self.at + size} bytes")
        part = self.body[self.at : self.at + size]
        self.at += size
        return part

    def end(self) -> None:
        """Raises WireError if there is more."""
        if self.at != len(self.body):
            raise WireError(f"a message of {len(self.body)} bytes goes on after its {self.at} bytes")

    def unpack(self, form: str) -> tuple:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> str:
        return bytes(self.take(self.unpack("<H")[0])).decode("utf-8", "replace")

    def array(self, kind: str, count: int) -> np.ndarray:
        """A read-only array over the body."""
        size = count * np.dtype(kind).itemsize
        return np.frombuffer(self.take(size), kind) if size else np.zeros(0, kind)

    def value(self) -> ParamValue:
        kind = bytes(self.take(1))
        if kind == b"s":
            return self.text()
        forms = {b"b": "<?", b"i": "<q", b"f": "<d"}
        if kind not in forms:
            raise WireError(f"a value of kind {kind!r}; wanted b, i, f or s")
        return self.unpack(forms[kind])[0]


def unpack_ranges(body: bytes | memoryview) -> tuple[ParamRange, ...]:
    """The ranges of a RANGES message, held to the rules of PARAMS once more. Raises WireError."""
    reader = _Reader(body)
    declared: dict[str, Any] = {}
    for _ in range(reader.unpack("<H")[0]):
        name = reader.text()
        kind, log, low, high, choices = reader.unpack("<B?ddH")
        values = [reader.value() for _ in range(choices)]
        if kind >= len(_KINDS) or name in declared:
            raise WireError(f"a range of kind {kind} under the name {name!r:.60}; wanted kind 0, 1 or 2 and each name once")
        declared[name] = values if _KINDS[kind] == "choice" else _declaration(_KINDS[kind] == "int", log, low, high)
    reader.end()
    try:
        return read_ranges(declared)
    except ContractBreach as breach:
        raise WireError(str(breach)) from breach


def _declaration(whole: bool, log: bool, low: float, high: float) -> tuple[Any, ...]:
    if whole and not (low.is_integer() and high.is_integer()):
        raise WireError(f"a range of whole numbers from {low} to {high}")
    ends = (int(low), int(high)) if whole else (low, high)
    return ("log", *ends) if log else ends


def pack_failure(failure: Failure) -> bytes:
    """The body of a FAILURE message; the text is capped."""
    return struct.pack("<q", failure.line or 0) + _text(failure.kind) + _text(failure.message[:TEXT_CAP])


def unpack_failure(body: bytes | memoryview) -> Failure:
    """The failure, its untrusted text without control characters and capped. Raises WireError."""
    reader = _Reader(body)
    line = reader.unpack("<q")[0]
    kind, message = reader.text(), reader.text()
    reader.end()
    clean = "".join(c if c.isprintable() else " " for c in message)[:TEXT_CAP]
    return Failure(kind if kind in _FAILURES else "error", clean, line if 0 < line <= _MAX_LINE else None)


def pack_signals_message(signals: Signals, before: Signals | None = None) -> list[bytes | memoryview]:
    """The body of a SIGNALS message, in parts that need no further copy; tables equal to those of the message before it are
    not sent again. Raises MemoryError if the parts are too large together.
    """
    tables = [getattr(signals, name) for name in BITS]
    known = [t is not None and before is not None and _equal(t, getattr(before, n)) for n, t in zip(BITS, tables, strict=True)]
    risks = [getattr(signals, name) for name in RISKS]
    kinds = [_NONE if r is None else _CELLS if isinstance(r, np.ndarray) else _SCALAR for r in risks]
    arrays = [a for a in (*risks, signals.rank, signals.tag) if isinstance(a, np.ndarray)]
    head = _HEAD.pack(
        sum((_AS_BEFORE if known[i] else _HERE) << (2 * i) for i, t in enumerate(tables) if t is not None),
        sum(k << (2 * i) for i, k in enumerate(kinds)),
        (_RANK if signals.rank is not None else 0) | (_TAG if signals.tag is not None else 0),
        len(signals.tag_names),
        signals.max_bars or 0,
        signals.cooldown,
        len(arrays[0]) if arrays else 0,
        *(r if k == _SCALAR else 0.0 for r, k in zip(risks, kinds, strict=True)),
    )
    parts: list[bytes | memoryview] = [head, *(_text(n) for n in signals.tag_names)]
    new = [t for t, is_known in zip(tables, known, strict=True) if t is not None and not is_known]
    parts += [np.ascontiguousarray(a).data.cast("B") for a in (*new, *arrays) if a.size]
    if sum(map(len, parts)) > MAX_BODY:
        raise MemoryError
    return parts


def _equal(table: np.ndarray, other: np.ndarray | None) -> bool:
    return other is not None and (table is other or np.array_equal(table, other))


def unpack_signals(body: bytes | memoryview, bars: int, assets: int, before: Signals | None = None) -> Signals:
    """Signals of that shape from a SIGNALS message; every length and domain is checked again. Raises WireError.

    `before`: what the message before this one said. The arrays are read-only and stand in the bodies themselves.
    """
    reader = _Reader(body)
    present, kinds, has, tags, max_bars, cooldown, cells, *scalars = reader.unpack(_HEAD.format)
    kind_of = [kinds >> (2 * i) & 3 for i in range(len(RISKS))]
    sent = [present >> (2 * i) & 3 for i in range(len(BITS))]
    if not sent[0] or max(sent) > _AS_BEFORE or max(kind_of) > _CELLS or has > _RANK | _TAG or tags > MAX_TAGS:
        raise WireError("signals without entries, or with more than there can be")
    if not (0 <= max_bars <= MAX_COUNT and 0 <= cooldown <= MAX_COUNT):
        raise WireError(f"max_bars {max_bars} or cooldown {cooldown} lies outside its domain")
    names = tuple(_tag_name(reader.text()) for _ in range(tags))
    tables = [
        _table(reader, bars, assets) if how == _HERE else _known_table(before, name) if how == _AS_BEFORE else None
        for name, how in zip(BITS, sent, strict=True)
    ]
    wanted = _count_cells(tables[0], tables[2]) if has or _CELLS in kind_of else 0
    if cells != wanted:
        raise WireError(f"values for {cells} entries; wanted them for {wanted}")
    risks = [
        _in_domain(name, reader.array("<f8", cells) if k == _CELLS else scalars[i] if k == _SCALAR else None)
        for i, (name, k) in enumerate(zip(RISKS, kind_of, strict=True))
    ]
    rank = reader.array("<f8", cells) if has & _RANK else None
    tag = reader.array("u1", cells) if has & _TAG else None
    reader.end()
    if bool(names) != (tag is not None) or (tag is not None and len(tag) and tag.max() >= len(names)):
        raise WireError("a tag without its name, or names without tags")
    return Signals(bars, assets, *tables, *risks, max_bars or None, cooldown, tag, names, rank)  # type: ignore[arg-type,call-arg]


def pack_lines(scale: float, lines: dict[str, np.ndarray]) -> list[bytes | memoryview]:
    """The body of a LINES message: the asset's price scale, and float64 values a bar under each name."""
    parts: list[bytes | memoryview] = [struct.pack("<dH", scale, len(lines)), *(_text(name) for name in lines)]
    return parts + [np.ascontiguousarray(values, "<f8").data.cast("B") for values in lines.values() if values.size]


def unpack_lines(body: bytes | memoryview, bars: int) -> tuple[float, dict[str, np.ndarray]]:
    """(price scale, lines by name) of a LINES message, each of so many bars, finite or NaN. Raises WireError."""
    reader = _Reader(body)
    scale, count = reader.unpack("<dH")
    if count > MAX_LINES or not (0 < scale < np.inf and np.frexp(scale)[0] == 0.5):
        raise WireError(f"{count} lines at the scale {scale}; wanted at most {MAX_LINES}, at a power of two")
    names = [_tag_name(reader.text()) for _ in range(count)]
    lines = {name: reader.array("<f8", bars) for name in names}
    reader.end()
    if len(lines) != count or any(np.isinf(values).any() for values in lines.values()):
        raise WireError("two lines of one name, or a line with an infinite value")
    return scale, lines


def pack_values(scales: np.ndarray, values: dict[str, np.ndarray]) -> list[bytes | memoryview]:
    """The body of a VALUES message: each asset's price scale, and float64 values a cell under each label."""
    parts: list[bytes | memoryview] = [struct.pack("<HH", len(scales), len(values)), *(_text(label) for label in values)]
    return parts + [np.ascontiguousarray(a, "<f8").data.cast("B") for a in (scales, *values.values()) if a.size]


def unpack_values(body: bytes | memoryview, assets: int, cells: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """(price scales (assets,), values by label) of a VALUES message, each of so many cells, finite or NaN. Raises WireError."""
    reader = _Reader(body)
    own, count = reader.unpack("<HH")
    if own != assets or count > MAX_STATES:
        raise WireError(f"{count} indicators of {own} assets; wanted at most {MAX_STATES}, of {assets}")
    labels = [_printable(reader.text(), MAX_LABEL) for _ in range(count)]
    scales = reader.array("<f8", assets)
    values = {label: reader.array("<f8", cells) for label in labels}
    reader.end()
    if not all(0 < scale < np.inf and np.frexp(scale)[0] == 0.5 for scale in scales):
        raise WireError("a price scale that is no power of two")
    if len(values) != count or any(np.isinf(v).any() for v in values.values()):
        raise WireError("two indicators of one label, or an infinite value")
    return scales, values


def _tag_name(name: str) -> str:
    return _printable(name, MAX_NAME)


def _printable(name: str, longest: int) -> str:
    if not (0 < len(name) <= longest and name.isprintable()):
        raise WireError(f"a name is {name!r:.60}; wanted 1 to {longest} printable letters")
    return name


def _table(reader: _Reader, bars: int, assets: int) -> np.ndarray:
    """A table of bits; none may be set behind the last bar, for it would count as an entry there."""
    words = words_for(bars)
    table = reader.array("<u8", assets * words).reshape(assets, words)
    if bars % 64 and bool((table[:, -1] >> np.uint64(bars % 64)).any()):
        raise WireError(f"decisions behind the last of {bars} bars")
    return table


def _known_table(before: Signals | None, name: str) -> np.ndarray:
    table = None if before is None else getattr(before, name)
    if table is None:
        raise WireError(f"{name} as before, and there were none before")
    return table


def _count_cells(entries: Any, short_entries: Any) -> int:
    """Cells at which an entry of either side is decided."""
    return int(np.bitwise_count(entries if short_entries is None else entries | short_entries).sum())


def _in_domain(name: str, value: float | np.ndarray | None) -> float | np.ndarray | None:
    if value is None:
        return None
    fits, wanted = DOMAINS[name]
    inside = fits(np.float64(value)) if isinstance(value, float) else fits(value) | np.isnan(value)
    if not np.all(inside):
        raise WireError(f"{name} lies outside its domain; wanted values {wanted}")
    return value


def send(write: Callable[[bytes | memoryview], None], kind: bytes, parts: list[bytes | memoryview]) -> None:
    """Write one message through `write`, which must take all it is given."""
    write(FRAME.pack(kind, sum(len(p) for p in parts)))
    for part in parts:
        write(part)
