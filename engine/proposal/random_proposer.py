"""Strategies drawn at random from a grammar of classic rules: the baseline that a language model must beat."""

import ast
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeVar

import numpy as np

from engine.proposal import grammar, vocabulary
from engine.proposal.grammar import Condition
from engine.records import Proposal

Item = TypeVar("Item")
LINE = 110


@dataclass
class Draft:
    """A strategy as it is drawn: what it says, what it returns, and the choices that hold throughout its source."""

    horizon: int
    average: str
    long: str = ""
    short: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    exits: str = ""
    short_exits: str = ""
    risk: dict[str, str] = field(default_factory=dict)
    buy_words: str = ""
    leave_words: list[str] = field(default_factory=list)


class RandomProposer:
    """Draws whole strategies; sees neither data nor results.

    `sides`: "long" writes long-only strategies; "both" mirrors about half of them to the short side. `without`: fields of the
    market that are never read, such as the volume of a set that has none. Stateless: the source depends on these and on the
    generator passed to `draw` alone.
    """

    def __init__(self, sides: Literal["both", "long"] = "both", *, without: Sequence[str] = ()) -> None:
        self.sides = sides
        self._without = frozenset(f"market.{name}" for name in without)

    def draw(self, rng: np.random.Generator) -> Proposal:
        """A strategy in the contract's form (arm "random", no parent); its summary tells in a sentence what it does."""
        mirrored = self.sides == "both" and rng.random() < 0.55
        average = "average" if rng.random() < 0.25 else f"ta.{_pick(rng, vocabulary.AVERAGES)}"
        draft = Draft(horizon=_pick(rng, range(len(vocabulary.HORIZONS)), (0.2, 0.4, 0.4)), average=average)
        events = _draw_entry(rng, draft, mirrored, self._without)
        _draw_exit(rng, draft, events[0])
        if not mirrored:
            draft.short = draft.short_exits = ""
        return Proposal(source=_write(draft), summary=_summary(draft), arm="random")


def _pick(rng: np.random.Generator, items: Sequence[Item], weights: Sequence[float] | None = None) -> Item:
    if weights is None:
        return items[int(rng.integers(len(items)))]
    return items[int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"))]


def _several(
    rng: np.random.Generator, items: Sequence[Condition], count: int, beside: Sequence[Condition] = ()
) -> list[Condition]:
    """Up to `count` conditions about different things, and other things than those `beside` them."""
    drawn: list[Condition] = []
    for at in rng.permutation(len(items)):
        taken = {other.about for other in (*beside, *drawn) if other.about}
        if len(drawn) < count and items[at].about not in taken:
            drawn.append(items[at])
    return drawn


# --- entry


def _draw_entry(rng: np.random.Generator, draft: Draft, mirrored: bool, without: frozenset[str]) -> list[Condition]:
    """Set the entry of the draft from one to three conditions; the events (not the filters) come back."""
    weights = {grammar.TREND: 0.36, grammar.REVERSION: 0.30, grammar.RANKS: 0.17, grammar.STATES: 0.12, grammar.CLOCK: 0.05}
    possible = {family: weight for family, weight in weights.items() if _readable(family, without)}
    family = _pick(rng, list(possible), list(possible.values()))
    either = family in (grammar.TREND, grammar.REVERSION) and rng.random() < 0.18
    together = family is grammar.STATES
    events = _several(rng, _readable(family, without), 2 if either or together else 1)
    allowed = _readable(_filters_for(family), without)
    least = 1 if family is grammar.CLOCK else 0
    filters = _several(rng, allowed, int(rng.integers(least, 4 - len(events))), events)
    draft.long = _joined(events, filters, "long", either=either)
    draft.short = _joined(events, filters, "short", either=either)
    if either and not mirrored:
        draft.tags = {event.name: _joined([event], filters, "long", either=False) for event in events}
    words = (" or " if either else " and ").join(e.words for e in events)
    draft.buy_words = words + (" while " + " and ".join(f.words for f in filters) if filters else "")
    return events


def _readable(conditions: Sequence[Condition], without: frozenset[str]) -> list[Condition]:
    """The conditions that read none of those fields, be it through another series."""
    return [c for c in conditions if not (without and without & _fields_of(c))]


@cache
def _fields_of(condition: Condition) -> set[str]:
    return _fields_read((condition.long, condition.short, condition.leave, condition.leave_short))


def _fields_read(texts: Sequence[str]) -> set[str]:
    """Fields of the market, as `market.volume`, that the expressions and the series they name depend on."""
    found = set(re.findall(r"market\.\w+", " ".join(texts)))
    named = _names_in([text for text in texts if text]) & vocabulary.LOCALS.keys()
    series = [vocabulary.LOCALS[name].replace("{average}", "ta.ema") for name in named]
    return found | _fields_read(series) if series else found


def _filters_for(family: Sequence[Condition]) -> tuple[Condition, ...]:
    common = grammar.NEUTRAL + grammar.MARKET_STATES
    if family is grammar.STATES:
        return common + grammar.TREND_FILTERS
    if family is grammar.TREND:
        return common + grammar.STATES + grammar.TREND_FILTERS
    if family is grammar.REVERSION:
        return common + grammar.REVERSION_FILTERS
    return common + grammar.STATES


def _joined(events: list[Condition], filters: list[Condition], side: str, *, either: bool) -> str:
    """All filters and all events, or with `either` any event, of the side "long" or "short"."""
    heads = [getattr(event, side) for event in events]
    return _all_of(([_any_of(heads)] if either else heads) + [getattr(one, side) for one in filters])


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


# --- exit and risk


def _draw_exit(rng: np.random.Generator, draft: Draft, event: Condition) -> None:
    """Set exits, stops, target, size and times of the draft, so that every position has a way to end."""
    kind = _pick(rng, ("own", "opposite", "time", "stops"), (0.50, 0.12, 0.16, 0.22))
    if kind == "own":
        draft.exits, draft.short_exits = event.leave or event.short, event.leave_short or event.long
        draft.leave_words.append("when " + (event.leave_words or f"it no longer holds that {event.words}"))
    elif kind == "opposite":
        draft.exits, draft.short_exits = event.short, event.long
        draft.leave_words.append("on the opposite event")
    if kind == "time" or rng.random() < 0.25:
        draft.risk["max_bars"] = 'params["max_bars"]'
        draft.leave_words.append("after a number of bars")
    _draw_stops(rng, draft, needed=kind == "stops")
    _draw_size(rng, draft)
    if rng.random() < 0.3:
        draft.risk["cooldown"] = 'params["cooldown"]'


def _draw_stops(rng: np.random.Generator, draft: Draft, *, needed: bool) -> None:
    """Stop, trailing stop and target, each fixed or scaled with volatility; `needed`: they alone end a position."""
    scaled = rng.random() < 0.6
    stop, trailing = _pick(rng, ((1, 0), (0, 1), (1, 1)) if needed else ((0, 0), (1, 0), (0, 1)), (0.45, 0.35, 0.20))
    target = rng.random() < (0.3 if trailing else 0.9 if needed else 0.35)
    way = "by volatility" if scaled else "by a fixed share"
    if stop:
        draft.risk["stop_loss"] = "stop_loss" if scaled else 'params["stop_loss"]'
        draft.leave_words.append(f"at a stop set {way}")
    if target:
        fixed, free = 'params["take_profit"]', '(params["target_atr"] * volatility).clip(0.003, 5.0)'
        by_stop = f'params["reward"] * {draft.risk["stop_loss"]}' if stop and rng.random() < 0.5 else ""
        draft.risk["take_profit"] = by_stop or (free if scaled else fixed)
        draft.leave_words.append("at a target")
    if trailing:
        draft.risk["trailing_stop"] = "trailing_stop" if scaled else 'params["trailing_stop"]'
        draft.leave_words.append(f"at a trailing stop set {way}")


def _draw_size(rng: np.random.Generator, draft: Draft) -> None:
    """Full size, a fixed share, equal risk to the stop, or a share that falls as volatility rises."""
    kind = _pick(rng, ("full", "fixed", "target", "usual", "risk"), (0.5, 0.05, 0.2, 0.1, 0.15))
    stop = draft.risk.get("stop_loss", draft.risk.get("trailing_stop", ""))
    if kind == "fixed":
        draft.risk["size"] = 'params["size"]'
    elif kind == "usual":
        draft.risk["size"] = "(usual_volatility / volatility).clip(0.1, 1.0)"
    elif kind == "target" or (kind == "risk" and "params" in stop):
        draft.risk["size"] = '(params["volatility_target"] / volatility).clip(0.05, 1.0)'
    elif kind == "risk" and stop:
        draft.risk["size"] = f'(params["risk"] / {stop}).clip(0.05, 1.0)'


# --- source


def _write(draft: Draft) -> str:
    """The draft as a module: docstring, the parameters it uses, the series it uses, and what it returns."""
    body, returned = _body(draft)
    params = dict.fromkeys(name for text in [*body.values(), *returned.values()] for name in _params_in(text))
    lines = [f'"""{_docstring(draft)}"""', ""]
    if any("np." in text for text in body.values()):
        lines += ["import numpy as np", ""]
    lines += ["PARAMS = {", *(f'    "{name}": {_range_text(name, draft.horizon)},' for name in params), "}", "", ""]
    lines += ["def signals(market, params, ta):", *(f"    {name} = {text}" for name, text in body.items())]
    lines += ["    return {", *(f'        "{key}": {text},' for key, text in returned.items()), "    }", ""]
    return "\n".join(lines)


def _body(draft: Draft) -> tuple[dict[str, str], dict[str, str]]:
    """Local names with their expressions in order of need, and the returned keys with theirs."""
    sides = {"long": "" if draft.tags else draft.long, "short": draft.short}
    tagged = ", ".join(f'"{tag}": enter_on_{tag}' for tag in draft.tags)
    returned = {"entries": f"{{{tagged}}}" if tagged else "long"}
    keys = {"exits": draft.exits, "short_entries": "short" if draft.short else "", "short_exits": draft.short_exits}
    returned |= {key: text for key, text in (keys | draft.risk).items() if text}
    own = {name: text for name, text in sides.items() if text} | {f"enter_on_{t}": text for t, text in draft.tags.items()}
    series = {name: text.format(average=draft.average) for name, text in vocabulary.LOCALS.items()}
    used = _names_in([*own.values(), *returned.values()])
    for name in reversed(series):
        if name in used:
            used |= _names_in([series[name]])
    return {name: text for name, text in series.items() if name in used} | own, returned


def _names_in(texts: Sequence[str]) -> set[str]:
    return {node.id for text in texts for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}


def _params_in(text: str) -> list[str]:
    """Names of the parameters that the expression reads, in order of appearance."""
    reads = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == "params"]
    reads.sort(key=lambda n: (n.lineno, n.col_offset))
    return [n.slice.value for n in reads if isinstance(n.slice, ast.Constant) and isinstance(n.slice.value, str)]


def _range_text(name: str, horizon: int) -> str:
    found = vocabulary.SCALED[name][horizon] if name in vocabulary.SCALED else vocabulary.RANGES[name]
    return repr(found).replace("'", '"')


def _summary(draft: Draft) -> str:
    *ways, last = draft.leave_words
    leave = f"{', '.join(ways)} or {last}" if ways else last
    shorts = "; shorts mirror it" if draft.short else ""
    return f"Buy when {draft.buy_words}; leave {leave}{shorts} ({vocabulary.HORIZONS[draft.horizon]} look-backs)."


def _docstring(draft: Draft) -> str:
    text = textwrap.fill(_summary(draft), LINE)
    return text + ("\n" if "\n" in text else "")
