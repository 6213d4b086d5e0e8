"""What a strategy of our own grammar is made of, and how it is written: equal genomes give equal texts."""

import ast
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from engine.proposal import grammar, vocabulary
from engine.proposal.grammar import Condition
from engine.proposal.vocabulary import Range

Family = Literal["trend", "reversion", "ranks", "states", "clock"]
Leave = Literal["own", "opposite", "time", "stops"]
Risk = tuple[tuple[str, str], ...]
"""Returned keys with their expressions, in the order of RISK_KEYS."""
FAMILIES: dict[Family, tuple[Condition, ...]] = {
    "trend": grammar.TREND, "reversion": grammar.REVERSION, "ranks": grammar.RANKS, "states": grammar.STATES,
    "clock": grammar.CLOCK,
}  # fmt: skip
RISK_KEYS = ("max_bars", "stop_loss", "take_profit", "trailing_stop", "size", "cooldown")
LINE = 110


@dataclass(frozen=True)
class Genome:
    """A strategy before it is written.

    `events` are of the `family`; with `either` any of them is enough, else all hold at once. All `filters` must hold too.
    `leave`: by the first event's own state, on its opposite, or by `risk` alone. `goes_short` mirrors it to the short side.
    `ranges` stand in place of the vocabulary's, by parameter; those that the source does not use are left out of it.
    """

    family: Family
    horizon: int
    average: str
    goes_short: bool
    events: tuple[Condition, ...]
    filters: tuple[Condition, ...]
    either: bool
    leave: Leave
    risk: Risk
    ranges: tuple[tuple[str, Range], ...] = ()


def source_of(genome: Genome) -> str:
    """The genome as a module: docstring, the parameters it uses, the series it uses, and what it returns."""
    body, returned = _body(genome)
    ranges = dict(genome.ranges)
    lines = [f'"""{_docstring(genome)}"""', ""]
    if any("np." in text for text in body.values()):
        lines += ["import numpy as np", ""]
    declared = {name: ranges.get(name) or usual_range(name, genome) for name in params_of(genome)}
    lines += ["PARAMS = {", *(f'    "{name}": {_range_text(found)},' for name, found in declared.items()), "}", "", ""]
    lines += ["def signals(market, params, ta):", *(f"    {name} = {text}" for name, text in body.items())]
    lines += ["    return {", *(f'        "{key}": {text},' for key, text in returned.items()), "    }", ""]
    return "\n".join(lines)


def summary_of(genome: Genome) -> str:
    """What it does, in a sentence."""
    *ways, last = _leave_words(genome)
    leave = f"{', '.join(ways)} or {last}" if ways else last
    shorts = "; shorts mirror it" if genome.goes_short else ""
    return f"Buy when {_buy_words(genome)}; leave {leave}{shorts} ({vocabulary.HORIZONS[genome.horizon]} look-backs)."


def params_of(genome: Genome) -> list[str]:
    """Names of the parameters that the source reads, in order of appearance."""
    body, returned = _body(genome)
    return list(dict.fromkeys(name for text in [*body.values(), *returned.values()] for name in _params_in(text)))


def usual_range(name: str, genome: Genome) -> Range:
    """The vocabulary's range of that parameter."""
    return vocabulary.SCALED[name][genome.horizon] if name in vocabulary.SCALED else vocabulary.RANGES[name]


def reads(condition: Condition, fields: frozenset[str]) -> bool:
    """Whether the condition depends on any of those fields, be it through another series."""
    return bool(fields and fields & _fields_of(condition))


def filters_for(family: Family) -> tuple[Condition, ...]:
    """The filters that make sense beside events of that family."""
    common = grammar.NEUTRAL + grammar.MARKET_STATES
    if family == "states":
        return common + grammar.TREND_FILTERS
    if family == "trend":
        return common + grammar.STATES + grammar.TREND_FILTERS
    if family == "reversion":
        return common + grammar.REVERSION_FILTERS
    return common + grammar.STATES


# --- conditions


@cache
def _fields_of(condition: Condition) -> set[str]:
    return _fields_read((condition.long, condition.short, condition.leave, condition.leave_short))


def _fields_read(texts: Sequence[str]) -> set[str]:
    """Fields of the market, as `market.volume`, that the expressions and the series they name depend on."""
    found = set(re.findall(r"market\.\w+", " ".join(texts)))
    named = _names_in([text for text in texts if text]) & vocabulary.LOCALS.keys()
    series = [vocabulary.LOCALS[name].replace("{average}", "ta.ema") for name in named]
    return found | _fields_read(series) if series else found


def _entry(genome: Genome, side: Literal["long", "short"]) -> str:
    """All filters and all events, or with `either` any event, of that side."""
    return _joined(genome.events, genome.filters, side, either=genome.either)


def _joined(events: Sequence[Condition], filters: Sequence[Condition], side: str, *, either: bool) -> str:
    heads = [getattr(event, side) for event in events]
    return _all_of(([_any_of(heads)] if either else heads) + [getattr(one, side) for one in filters])


@lru_cache(10_000)
def _grouped(condition: str, inside: type[ast.operator]) -> str:
    """The condition in parentheses, unless it is a name, a call, or joined by the operator that it goes inside of."""
    node = ast.parse(condition, mode="eval").body
    needs_none = isinstance(node, ast.Name | ast.Call) or (isinstance(node, ast.BinOp) and isinstance(node.op, inside))
    return condition if needs_none else f"({condition})"


def _all_of(conditions: list[str]) -> str:
    """The conditions joined by `&`, one on each line where they are too long for one."""
    if len(conditions) == 1:
        return conditions[0]
    parts = [_grouped(c, ast.BitAnd) for c in conditions]
    joined = " & ".join(parts)
    return joined if len(joined) <= LINE - 15 else "(\n        " + "\n        & ".join(parts) + "\n    )"


def _any_of(conditions: list[str]) -> str:
    return " | ".join(_grouped(c, ast.BitOr) for c in conditions)


# --- text


def _body(genome: Genome) -> tuple[dict[str, str], dict[str, str]]:
    """Local names with their expressions in order of need, and the returned keys with theirs."""
    is_tagged = genome.either and not genome.goes_short
    own = {} if is_tagged else {"long": _entry(genome, "long")}
    own |= {"short": _entry(genome, "short")} if genome.goes_short else {}
    tags = genome.events if is_tagged else ()
    own |= {f"enter_on_{e.name}": _joined([e], genome.filters, "long", either=False) for e in tags}
    tagged = ", ".join(f'"{e.name}": enter_on_{e.name}' for e in tags)
    exits, short_exits = _exits(genome)
    returned = {"entries": f"{{{tagged}}}" if tagged else "long", "exits": exits}
    returned |= {"short_entries": "short", "short_exits": short_exits} if genome.goes_short else {}
    returned = {key: text for key, text in (returned | dict(genome.risk)).items() if text}
    series = {name: text.format(average=genome.average) for name, text in vocabulary.LOCALS.items()}
    used = _names_in([*own.values(), *returned.values()])
    for name in reversed(series):
        if name in used:
            used |= _names_in([series[name]])
    return {name: text for name, text in series.items() if name in used} | own, returned


def _exits(genome: Genome) -> tuple[str, str]:
    """The conditions to leave a long and a short position; empty where `risk` alone ends them."""
    event = genome.events[0]
    if genome.leave == "own":
        return event.leave or event.short, event.leave_short or event.long
    return (event.short, event.long) if genome.leave == "opposite" else ("", "")


def _names_in(texts: Sequence[str]) -> set[str]:
    return {name for text in texts for name in _names_of(text)}


@lru_cache(10_000)
def _names_of(text: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name))


@lru_cache(10_000)
def _params_in(text: str) -> tuple[str, ...]:
    """Names of the parameters that the expression reads, in order of appearance."""
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == "params"]
    found.sort(key=lambda n: (n.lineno, n.col_offset))
    return tuple(n.slice.value for n in found if isinstance(n.slice, ast.Constant) and isinstance(n.slice.value, str))


def _range_text(found: Range) -> str:
    return repr(found).replace("'", '"')


def _buy_words(genome: Genome) -> str:
    words = (" or " if genome.either else " and ").join(event.words for event in genome.events)
    return words + (" while " + " and ".join(f.words for f in genome.filters) if genome.filters else "")


def _leave_words(genome: Genome) -> list[str]:
    event, risk = genome.events[0], dict(genome.risk)
    words = []
    if genome.leave == "own":
        words.append("when " + (event.leave_words or f"it no longer holds that {event.words}"))
    elif genome.leave == "opposite":
        words.append("on the opposite event")
    told = {"stop_loss": "at a stop set {}", "take_profit": "at a target", "trailing_stop": "at a trailing stop set {}"}
    if "max_bars" in risk:
        words.append("after a number of bars")
    for key in (key for key in told if key in risk):
        words.append(told[key].format("by a fixed share" if "params" in risk[key] else "by volatility"))
    return words


def _docstring(genome: Genome) -> str:
    text = textwrap.fill(summary_of(genome), LINE)
    return text + ("\n" if "\n" in text else "")
