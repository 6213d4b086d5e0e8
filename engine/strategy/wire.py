"""What a child may say: parameter ranges, packed signals, failures; in fixed binary forms that the host checks by length.

A message is one byte of kind, a uint32 of length, and a body. Nothing in it is parsed as code or unpickled; every count is
checked against what the host knows before a byte of it is used.
"""

import struct
from collections.abc import Callable

import numpy as np

from engine.records import Failure, ParamRange, ParamValue, Signals
from engine.strategy.packing import BITS, RISKS, words_for

RANGES, SIGNALS, FAILURE, DONE = b"R", b"S", b"F", b"D"
FRAME = struct.Struct("<cI")
TEXT_CAP = 500
_KINDS = ("int", "float", "choice")
_HEAD = struct.Struct("<BBBBqqQ4d")
_NONE, _SCALAR, _CELLS = 0, 1, 2


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

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.body):
            raise WireError(f"a message of {len(self.body)} bytes ends before its {self.at + size} bytes")
        part = self.body[self.at : self.at + size]
        self.at += size
        return part

    def unpack(self, form: str) -> tuple:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def text(self) -> str:
        return self.take(self.unpack("<H")[0]).decode("utf-8", "replace")

    def value(self) -> ParamValue:
        kind = self.take(1)
        if kind == b"s":
            return self.text()
        forms = {b"b": "<?", b"i": "<q", b"f": "<d"}
        if kind not in forms:
            raise WireError(f"a value of kind {kind!r}; wanted b, i, f or s")
        return self.unpack(forms[kind])[0]


def unpack_ranges(body: bytes) -> tuple[ParamRange, ...]:
    """The ranges of a RANGES message. Raises WireError."""
    reader, out = _Reader(body), []
    for _ in range(reader.unpack("<H")[0]):
        name = reader.text()
        kind, log, low, high, choices = reader.unpack("<B?ddH")
        if kind >= len(_KINDS):
            raise WireError(f"a range of kind {kind}; wanted 0, 1 or 2")
        out.append(ParamRange(name, _KINDS[kind], low, high, log, tuple(reader.value() for _ in range(choices))))  # type: ignore[arg-type]
    return tuple(out)


def pack_failure(failure: Failure) -> bytes:
    """The body of a FAILURE message; the text is capped."""
    return struct.pack("<q", failure.line or 0) + _text(failure.kind) + _text(failure.message[:TEXT_CAP])


def unpack_failure(body: bytes) -> Failure:
    """The failure, its untrusted text without control characters and capped. Raises WireError."""
    reader = _Reader(body)
    line = reader.unpack("<q")[0]
    kind, message = reader.text(), reader.text()
    clean = "".join(c if c.isprintable() else " " for c in message)[:TEXT_CAP]
    return Failure("".join(c for c in kind if c.isalpha() or c == "_")[:20] or "error", clean, line or None)


def pack_signals_message(signals: Signals) -> list[bytes | memoryview]:
    """The body of a SIGNALS message, in parts that need no further copy."""
    tables = [getattr(signals, name) for name in BITS]
    risks = [getattr(signals, name) for name in RISKS]
    kinds = [_NONE if r is None else _CELLS if isinstance(r, np.ndarray) else _SCALAR for r in risks]
    arrays = [r for r in risks if isinstance(r, np.ndarray)]
    has = (signals.rank is not None) | (signals.tag is not None) << 1
    if signals.rank is not None:
        arrays.append(signals.rank)
    cells = len(arrays[0]) if arrays else len(signals.tag) if signals.tag is not None else 0
    head = _HEAD.pack(
        sum(1 << i for i, t in enumerate(tables) if t is not None),
        sum(k << (2 * i) for i, k in enumerate(kinds)),
        has,
        len(signals.tag_names),
        signals.max_bars or 0,
        signals.cooldown,
        cells,
        *(r if k == _SCALAR else 0.0 for r, k in zip(risks, kinds, strict=True)),
    )
    parts: list[bytes | memoryview] = [head, *(_text(n) for n in signals.tag_names)]
    parts += [np.ascontiguousarray(t).data.cast("B") for t in tables if t is not None]
    parts += [np.ascontiguousarray(a, np.float64).data.cast("B") for a in arrays if len(a)]
    if signals.tag is not None and cells:
        parts.append(np.ascontiguousarray(signals.tag).data.cast("B"))
    return parts


def unpack_signals(body: bytes, bars: int, assets: int) -> Signals:
    """Signals of that shape from a SIGNALS message; every length and domain is checked again. Raises WireError."""
    reader = _Reader(body)
    present, kinds, has, tags, max_bars, cooldown, cells, *scalars = reader.unpack(_HEAD.format)
    names = tuple(reader.text() for _ in range(tags))
    words = words_for(bars)
    size = assets * words * 8
    tables = [
        np.frombuffer(reader.take(size), "<u8").reshape(assets, words) if present >> i & 1 else None for i in range(len(BITS))
    ]
    if tables[0] is None:
        raise WireError("signals without entries")
    decided = tables[0] if tables[2] is None else tables[0] | tables[2]
    kind_of = [kinds >> (2 * i) & 3 for i in range(len(RISKS))]
    needs_cells = _CELLS in kind_of or has
    if needs_cells and cells != int(np.bitwise_count(decided).sum()):
        raise WireError(f"{cells} risk values for another number of entries")

    def floats() -> np.ndarray:
        return np.frombuffer(reader.take(cells * 8), np.float64)

    risks = [floats() if k == _CELLS else scalars[i] if k == _SCALAR else None for i, k in enumerate(kind_of)]
    for name, value in zip(RISKS, risks, strict=True):
        _check_domain(name, value)
    rank = floats() if has & 1 else None
    tag = np.frombuffer(reader.take(cells), np.uint8) if has & 2 else None
    if (tag is not None and len(tag) and tag.max() >= len(names)) or max_bars < 0 or cooldown < 0 or reader.at != len(body):
        raise WireError("a tag, a count or the length of the message is out of range")
    return Signals(bars, assets, *tables, *risks, max_bars or None, cooldown, tag, names, rank)  # type: ignore[arg-type,call-arg]


def _check_domain(name: str, value: float | np.ndarray | None) -> None:
    if value is None:
        return
    high = {"take_profit": np.inf, "size": np.nextafter(1.0, 2.0)}.get(name, 1.0)
    if not bool(np.all(np.isnan(value) & isinstance(value, np.ndarray) | ((np.asarray(value) > 0) & (np.asarray(value) < high)))):
        raise WireError(f"{name} lies outside its domain")


def send(write: Callable[[bytes | memoryview], None], kind: bytes, parts: list[bytes | memoryview]) -> None:
    """Write one message through `write`, which must take all it is given."""
    write(FRAME.pack(kind, sum(len(p) for p in parts)))
    for part in parts:
        write(part)
