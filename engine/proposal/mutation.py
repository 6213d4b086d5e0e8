"""Changes of strategies, drawn at random: the baseline that has all of the model's loop but the model.

A change is of the same kind as the model's would be (a part of the logic, two parents joined, risk rules, ranges); which one it
is, is left to chance.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.model_records import Operator
from engine.proposal import vocabulary
from engine.proposal.genome import FAMILIES, Genome, Leave, filters_for, params_of, source_of, usual_range
from engine.proposal.grammar import Condition
from engine.proposal.random_proposer import (
    RandomProposer,
    draw_average,
    draw_size,
    draw_stops,
    in_order,
    pick,
    readable,
    several,
)
from engine.proposal.vocabulary import Range

MOST_CONDITIONS = 3
_LEAVE_WORDS: dict[Leave, str] = {
    "own": "when its own reason has gone", "opposite": "on the opposite event", "time": "after a number of bars",
    "stops": "at stops alone",
}  # fmt: skip


@dataclass(frozen=True)
class Child:
    """A genome and what is new in it, as a sentence."""

    genome: Genome
    words: str


_Change = Callable[[Genome, np.random.Generator], Child | None]
"""None where it would change nothing."""


class Mutator:
    """Draws the next strategy from its parents. Stateless: a child depends on these and on the generator alone.

    What may be drawn is what `proposer` may draw: its sides, and no field that it must not read.
    """

    def __init__(self, proposer: RandomProposer) -> None:
        self._proposer = proposer

    def child(self, operator: Operator, parents: Sequence[Genome], rng: np.random.Generator) -> Child:
        """A fresh draw without parents; else the parents changed in one way that the operator names. Its text differs from
        theirs: where the operator can give no other, as in joining near kin, a part of the first parent's logic is changed.
        """
        changes: dict[Operator, tuple[_Change, ...]] = {
            "improve": (
                self._other_event, self._more_filters, _fewer_filters, self._other_filter, _other_leave, self._other_side,
                _other_horizon, _other_average,
            ),
            "risk": (_other_stops, _other_size, _other_time, _other_cooldown),
            "ranges": (_other_ranges,),
        }  # fmt: skip
        found = None
        if operator == "crossover" and len(parents) == 2:
            found = _joined(parents[0], parents[1], rng)
        elif parents:
            found = _first(changes.get(operator, ()), parents[0], rng)
        if found is None and parents:
            found = _first(changes["improve"], parents[0], rng)
        return found or Child(self._proposer.draw_genome(rng), "A fresh draw.")

    def _other_event(self, of: Genome, rng: np.random.Generator) -> Child | None:
        old = pick(rng, of.events)
        kept = tuple(event for event in of.events if event is not old)
        others = [c for c in readable(FAMILIES[of.family], self._proposer.without) if c not in of.events]
        new = several(rng, others, 1, (*kept, *of.filters))
        return Child(replace(of, events=(*new, *kept)), f"Enters when {new[0].words}, not when {old.words}.") if new else None

    def _more_filters(self, of: Genome, rng: np.random.Generator) -> Child | None:
        new = self._filter(of, rng) if len(of.events) + len(of.filters) < MOST_CONDITIONS else ()
        return Child(replace(of, filters=(*of.filters, *new)), f"Enters only while {new[0].words}.") if new else None

    def _other_filter(self, of: Genome, rng: np.random.Generator) -> Child | None:
        if not of.filters:
            return None
        old = pick(rng, of.filters)
        less = replace(of, filters=tuple(f for f in of.filters if f is not old))
        new = self._filter(less, rng)
        words = f"Enters only while {new[0].words}, not while {old.words}." if new else ""
        return Child(replace(less, filters=(*less.filters, *new)), words) if new else None

    def _filter(self, of: Genome, rng: np.random.Generator) -> tuple[Condition, ...]:
        allowed = [c for c in readable(filters_for(of.family), self._proposer.without) if c not in of.filters]
        return several(rng, allowed, 1, (*of.events, *of.filters))

    def _other_side(self, of: Genome, rng: np.random.Generator) -> Child | None:
        if self._proposer.sides == "long":
            return None
        return Child(replace(of, goes_short=not of.goes_short), "Long only." if of.goes_short else "Goes short too.")


def _first(changes: Sequence[_Change], parent: Genome, rng: np.random.Generator) -> Child | None:
    """The first of the changes, in an order that is drawn, that makes the text another one."""
    before = source_of(parent)
    for at in rng.permutation(len(changes)):
        child = changes[at](parent, rng)
        if child is not None and source_of(child.genome) != before:
            return child
    return None


def _joined(one: Genome, other: Genome, rng: np.random.Generator) -> Child | None:
    """Entry, exit with risk, and look-backs with sides: some of the one, some of the other."""
    texts = {source_of(one), source_of(other)}
    ways = [way for way in np.ndindex(2, 2, 2) if 0 < sum(way) < 3]
    for at in rng.permutation(len(ways)):
        entry, leave, frame = ((one, other)[i] for i in ways[at])
        child = replace(
            entry, leave=leave.leave, risk=leave.risk, horizon=frame.horizon, average=frame.average,
            goes_short=frame.goes_short, ranges=tuple((dict(other.ranges) | dict(one.ranges)).items()),
        )  # fmt: skip
        if source_of(child) not in texts:
            told = [("the first", "the second")[i] for i in ways[at]]
            return Child(child, f"Entry of {told[0]} parent, exits of {told[1]}, look-backs and sides of {told[2]}.")
    return None


def _fewer_filters(of: Genome, rng: np.random.Generator) -> Child | None:
    if len(of.filters) <= (of.family == "clock"):
        return None
    old = pick(rng, of.filters)
    return Child(replace(of, filters=tuple(f for f in of.filters if f is not old)), f"Enters not only while {old.words}.")


def _other_leave(of: Genome, rng: np.random.Generator) -> Child | None:
    new = pick(rng, [leave for leave in _LEAVE_WORDS if leave != of.leave])
    risk = dict(of.risk)
    if new == "time":
        risk["max_bars"] = 'params["max_bars"]'
    if new == "stops" and not {"stop_loss", "trailing_stop"} & risk.keys():
        risk |= draw_stops(rng, needed=True)
    return Child(replace(of, leave=new, risk=in_order(risk)), f"Leaves {_LEAVE_WORDS[new]}, not {_LEAVE_WORDS[of.leave]}.")


def _other_horizon(of: Genome, rng: np.random.Generator) -> Child | None:
    new = pick(rng, [h for h in range(len(vocabulary.HORIZONS)) if h != of.horizon])
    ranges = tuple((name, found) for name, found in of.ranges if name not in vocabulary.SCALED)
    return Child(replace(of, horizon=new, ranges=ranges), f"Looks back over {vocabulary.HORIZONS[new]} spans.")


def _other_average(of: Genome, rng: np.random.Generator) -> Child | None:
    return Child(replace(of, average=draw_average(rng)), "Another moving average.")


def _other_stops(of: Genome, rng: np.random.Generator) -> Child | None:
    kept = {key: text for key, text in of.risk if key not in ("stop_loss", "take_profit", "trailing_stop")}
    risk = kept | draw_stops(rng, needed=of.leave == "stops")
    return Child(replace(of, risk=in_order(risk)), "Other stops and targets.")


def _other_size(of: Genome, rng: np.random.Generator) -> Child | None:
    kept = {key: text for key, text in of.risk if key != "size"}
    return Child(replace(of, risk=in_order(kept | draw_size(rng, kept))), "Other sizes of positions.")


def _other_time(of: Genome, rng: np.random.Generator) -> Child | None:
    risk = dict(of.risk)
    if "max_bars" not in risk:
        return Child(replace(of, risk=in_order(risk | {"max_bars": 'params["max_bars"]'})), "Leaves after a number of bars.")
    if of.leave == "time":
        return None
    del risk["max_bars"]
    return Child(replace(of, risk=in_order(risk)), "Holds for any number of bars.")


def _other_cooldown(of: Genome, rng: np.random.Generator) -> Child | None:
    risk = dict(of.risk)
    words = "Enters again at once after a stop." if risk.pop("cooldown", None) else "Waits after a stop."
    risk |= {"cooldown": 'params["cooldown"]'} if words.startswith("Waits") else {}
    return Child(replace(of, risk=in_order(risk)), words)


def _other_ranges(of: Genome, rng: np.random.Generator) -> Child | None:
    names, known = params_of(of), dict(of.ranges)
    chosen = [name for name in names if rng.random() < 0.5] or names[:1]
    new = {name: _other_range(name, known.get(name) or usual_range(name, of), rng) for name in chosen}
    return Child(replace(of, ranges=tuple((known | new).items())), f"Other ranges for {', '.join(chosen)}.")


def _other_range(name: str, now: Range, rng: np.random.Generator) -> Range:
    """A list less one choice; a half of the range; or, if it goes with look-backs, the range of another horizon."""
    if isinstance(now, list):
        drop = int(rng.integers(len(now)))
        return [choice for at, choice in enumerate(now) if at != drop] if len(now) > 2 else now
    if name in vocabulary.SCALED and rng.random() < 0.5:
        return pick(rng, [other for other in vocabulary.SCALED[name] if other != now])
    return _half(now, float(rng.random()) / 2)


def _half(now: Range, start: float) -> Range:
    """The part of the range from `start` (0 to 0.5 of its length, on its own scale) that is half as long; the whole where half
    of it would be a single value."""
    is_log, (low, high) = now[0] == "log", [float(bound) for bound in now[-2:]]
    are_ints = all(isinstance(bound, int) for bound in now[-2:])
    if high - low < (2 if are_ints else 1e-3 * abs(high)):
        return now
    if is_log:
        low, high = math.log(low), math.log(high)
    bounds = [low + part * (high - low) for part in (start, start + 0.5)]
    bounds = [math.exp(bound) for bound in bounds] if is_log else bounds
    if are_ints:
        first = round(bounds[0])
        ends: tuple[float | str, ...] = (first, max(round(bounds[1]), first + 1))
    else:
        ends = tuple(float(f"{bound:.4g}") for bound in bounds)
    return ("log", *ends) if is_log else ends
