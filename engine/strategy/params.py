"""PARAMS: reading a strategy's parameter ranges, completing, drawing and gridding values."""

import difflib
import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.errors import StrategyError
from engine.records import ParamRange, Params, ParamValue

MAX_PARAMS = 64
MAX_CHOICES = 100
MAX_TEXT = 100
MAX_NUMBER = 2**53
"""Whole numbers up to here are exact as floats too, and no sum or product of two such ends overflows."""


class ContractBreach(Exception):
    """What a strategy declared or returned is not of the contract; becomes a `Failure` of kind `contract`."""


def _is_int(value: Any) -> bool:
    return type(value) is int and abs(value) <= MAX_NUMBER


def _is_number(value: Any) -> bool:
    return _is_int(value) or (type(value) is float and abs(value) <= MAX_NUMBER)


def _is_choice(value: Any) -> bool:
    return type(value) is bool or _is_number(value) or (type(value) is str and len(value) <= MAX_TEXT)


def _range(name: str, spec: Any) -> ParamRange:
    if isinstance(spec, list):
        if not 1 <= len(spec) <= MAX_CHOICES or not all(_is_choice(c) for c in spec):
            raise ContractBreach(
                f"PARAMS[{name!r}] is {spec!r:.80}; a list of choices holds 1 to {MAX_CHOICES} plain numbers, bools or texts"
                f" of at most {MAX_TEXT} letters"
            )
        return ParamRange(name, "choice", choices=tuple({(type(c), c): c for c in spec}.values()))
    log = isinstance(spec, tuple) and len(spec) == 3 and spec[0] == "log"
    ends = spec[1:] if log else spec
    if not (isinstance(ends, tuple) and len(ends) == 2 and all(_is_number(e) for e in ends)):
        raise ContractBreach(
            f"PARAMS[{name!r}] is {spec!r:.80}; wanted (low, high), ('log', low, high) with plain numbers, or a list of choices"
        )
    low, high = ends
    if low > high or (log and low <= 0):
        wanted = "0 < low <= high on a log scale" if log else "low <= high"
        raise ContractBreach(f"PARAMS[{name!r}] is {spec!r:.80}; wanted {wanted}")
    return ParamRange(name, "int" if _is_int(low) and _is_int(high) else "float", float(low), float(high), log)


def read_ranges(declared: Any) -> tuple[ParamRange, ...]:
    """The ranges of a module's PARAMS, in its order. Raises ContractBreach with what was found and wanted."""
    if not isinstance(declared, dict):
        raise ContractBreach(f"PARAMS is a {type(declared).__name__}; wanted a dict of parameter names to ranges")
    if len(declared) > MAX_PARAMS:
        raise ContractBreach(f"PARAMS has {len(declared)} parameters; wanted at most {MAX_PARAMS}")
    for name in declared:
        if not (isinstance(name, str) and name.isidentifier() and name.isascii() and len(name) <= 60):
            raise ContractBreach(f"a name in PARAMS is {name!r:.60}; wanted an ASCII identifier")
    return tuple(_range(name, spec) for name, spec in declared.items())


def _round(kind: ParamRange, value: float) -> ParamValue:
    return round(value) if kind.kind == "int" else float(min(max(value, kind.low), kind.high))


def middle(kind: ParamRange) -> ParamValue:
    """The value a parameter takes when none is given: middle of the range (geometric on a log scale), or the first choice."""
    if kind.kind == "choice":
        return kind.choices[0]
    return _round(kind, math.sqrt(kind.low * kind.high) if kind.log else (kind.low + kind.high) / 2)


def _check_value(kind: ParamRange, value: Any) -> ParamValue:
    if kind.kind == "choice":
        for choice in kind.choices:
            if type(choice) is type(value) and choice == value:
                return choice
        raise StrategyError(f"parameter {kind.name} is {value!r:.60}; wanted one of {list(kind.choices)}")
    fits = _is_int(value) if kind.kind == "int" else _is_number(value)
    if not fits or not kind.low <= value <= kind.high:
        low, high = (int(kind.low), int(kind.high)) if kind.kind == "int" else (kind.low, kind.high)
        unit = "a whole number" if kind.kind == "int" else "a number"
        raise StrategyError(f"parameter {kind.name} is {value!r:.60}; wanted {unit} from {low} to {high}")
    return int(value) if kind.kind == "int" else float(value)


def complete_params(ranges: tuple[ParamRange, ...], given: Mapping[str, Any]) -> tuple[Params, tuple[str, ...]]:
    """Values for all parameters, and the names of those that took their default.

    Raises StrategyError for an unknown name or a value outside its range.
    """
    known = {r.name for r in ranges}
    for name in given:
        if name not in known:
            nearest = difflib.get_close_matches(str(name), sorted(known), n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise StrategyError(f"the strategy has no parameter {name!r}; it has {', '.join(sorted(known)) or 'none'}{hint}")
    values = {r.name: _check_value(r, given[r.name]) if r.name in given else middle(r) for r in ranges}
    return values, tuple(r.name for r in ranges if r.name not in given)


def parse_params(ranges: tuple[ParamRange, ...], texts: Mapping[str, str]) -> dict[str, ParamValue]:
    """Values typed as text (`fast=12`), read as the range or the choices want them."""
    kinds = {r.name: r for r in ranges}
    return {name: _parse(kinds[name], text) if name in kinds else text for name, text in texts.items()}


def _parse(kind: ParamRange, text: str) -> ParamValue:
    if kind.kind == "choice":
        return next((c for c in kind.choices if (str(c).lower() == text.lower() if type(c) is bool else str(c) == text)), text)
    try:
        return int(text) if kind.kind == "int" else float(text)
    except ValueError:
        return text


def _levels(kind: ParamRange, count: int) -> list[ParamValue]:
    """`count` different values from end to end, or the default alone."""
    if count == 1:
        return [middle(kind)]
    if kind.kind == "choice":
        return [kind.choices[round(i)] for i in np.linspace(0, len(kind.choices) - 1, count)]
    values = (np.geomspace if kind.log else np.linspace)(kind.low, kind.high, count)
    if kind.kind == "float":
        return list(dict.fromkeys(_round(kind, float(v)) for v in values))
    # On a log scale the low end rounds to equal ints: push each above the one before, but leave room for those behind.
    steps = np.arange(count)
    return [int(v) for v in np.minimum(np.maximum.accumulate(np.rint(values) - steps), kind.high - count + 1) + steps]


def distinct_values(kind: ParamRange) -> float:
    if kind.kind == "choice":
        return len(kind.choices)
    if kind.kind == "int":
        return kind.high - kind.low + 1
    return 1 if kind.low == kind.high else math.inf


def grid(ranges: tuple[ParamRange, ...], scenarios: int) -> list[Params]:
    """At most `scenarios` parameter sets on a grid; the last parameter varies fastest.

    Counts per parameter are as equal as possible with a product within `scenarios`, both ends included; a parameter with
    fewer values than its share gives the rest to the others.
    """
    counts = {r.name: 1 for r in ranges}
    growing = [r for r in ranges if distinct_values(r) > 1]
    while growing:
        smallest = min(growing, key=lambda r: counts[r.name])
        product = math.prod(counts.values()) // counts[smallest.name] * (counts[smallest.name] + 1)
        if product > scenarios:
            break
        counts[smallest.name] += 1
        if counts[smallest.name] >= distinct_values(smallest):
            growing.remove(smallest)
    levels = [_levels(r, counts[r.name]) for r in ranges]
    return [dict(zip(counts, values, strict=True)) for values in itertools.product(*levels)]


def draw(ranges: tuple[ParamRange, ...], scenarios: int, rng: np.random.Generator) -> list[Params]:
    """`scenarios` parameter sets, each value uniform over its range (over its logarithm on a log scale) or its choices."""
    return [{r.name: _draw_one(r, rng) for r in ranges} for _ in range(scenarios if ranges else 1)]


def _draw_one(kind: ParamRange, rng: np.random.Generator) -> ParamValue:
    if kind.kind == "choice":
        return kind.choices[int(rng.integers(len(kind.choices)))]
    if kind.log:
        return _round(kind, math.exp(rng.uniform(math.log(kind.low), math.log(kind.high))))
    if kind.kind == "int":
        return int(rng.integers(int(kind.low), int(kind.high) + 1))
    return float(rng.uniform(kind.low, kind.high))


def spread(ranges: tuple[ParamRange, ...], scenarios: int) -> list[Params]:
    """At most `scenarios` different parameter sets: the default, then sets that walk each range from end to end, out of step
    with each other. Every value of a range that has fewer than `scenarios` of them occurs.
    """
    default: Params = {r.name: middle(r) for r in ranges}
    levels = [_levels(r, int(min(distinct_values(r), scenarios - 1))) for r in ranges]
    walks = [{r.name: own[(step + i * len(own) // 3) % len(own)] for i, (r, own) in enumerate(zip(ranges, levels, strict=True))}
             for step in range(scenarios - 1)]  # fmt: skip
    return different([default, *walks])


def different(sets: list[Params]) -> list[Params]:
    """The sets without repetitions; 1, 1.0 and True are three values."""
    found: dict[tuple[tuple[type, ParamValue], ...], Params] = {}
    for values in sets:
        found.setdefault(tuple((type(value), value) for value in values.values()), values)
    return list(found.values())
