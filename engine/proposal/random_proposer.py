"""Strategies drawn at random from a grammar of classic rules: the baseline that a language model must beat."""

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np

from engine.proposal import vocabulary
from engine.proposal.genome import FAMILIES, RISK_KEYS, Family, Genome, Leave, Risk, filters_for, reads, source_of, summary_of
from engine.proposal.grammar import Condition
from engine.records import Proposal

Item = TypeVar("Item")
Sides = Literal["both", "long"]
SHORT_SHARE = 0.55
"""Of draws that may go short."""
_WEIGHTS: dict[Family, float] = {"trend": 0.36, "reversion": 0.30, "ranks": 0.17, "states": 0.12, "clock": 0.05}


class RandomProposer:
    """Draws whole strategies; sees neither data nor results.

    `sides`: "long" writes long-only strategies; "both" mirrors about half of them to the short side. `without`: fields of the
    market that are never read, such as the volume of a set that has none. Stateless: the source depends on these and on the
    generator passed to `draw` alone.
    """

    def __init__(self, sides: Sides = "both", *, without: Sequence[str] = ()) -> None:
        self.sides: Sides = sides
        self.without = frozenset(f"market.{name}" for name in without)

    def draw(self, rng: np.random.Generator) -> Proposal:
        """A strategy in the contract's form (arm "random", no parent); its summary tells in a sentence what it does."""
        genome = self.draw_genome(rng)
        return Proposal(source=source_of(genome), summary=summary_of(genome), arm="random")

    def draw_genome(self, rng: np.random.Generator) -> Genome:
        """The same before it is written."""
        goes_short = self.sides == "both" and rng.random() < SHORT_SHARE
        average, horizon = draw_average(rng), pick(rng, range(len(vocabulary.HORIZONS)), (0.2, 0.4, 0.4))
        family, events, filters, either = draw_entry(rng, self.without)
        leave, risk = draw_exit(rng)
        return Genome(family, horizon, average, goes_short, events, filters, either, leave, risk)


def pick(rng: np.random.Generator, items: Sequence[Item], weights: Sequence[float] | None = None) -> Item:
    """One of the items, all equally likely or by their weights."""
    if weights is None:
        return items[int(rng.integers(len(items)))]
    return items[int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"))]


def several(
    rng: np.random.Generator, items: Sequence[Condition], count: int, beside: Sequence[Condition] = ()
) -> tuple[Condition, ...]:
    """Up to `count` conditions about different things, and other things than those `beside` them."""
    drawn: list[Condition] = []
    for at in rng.permutation(len(items)):
        taken = {other.about for other in (*beside, *drawn) if other.about}
        if len(drawn) < count and items[at].about not in taken:
            drawn.append(items[at])
    return tuple(drawn)


def readable(conditions: Sequence[Condition], without: frozenset[str]) -> list[Condition]:
    """The conditions that read none of those fields."""
    return [c for c in conditions if not reads(c, without)]


def draw_average(rng: np.random.Generator) -> str:
    """A moving average, or a parameter that chooses one."""
    return "average" if rng.random() < 0.25 else f"ta.{pick(rng, vocabulary.AVERAGES)}"


def draw_entry(
    rng: np.random.Generator, without: frozenset[str]
) -> tuple[Family, tuple[Condition, ...], tuple[Condition, ...], bool]:
    """Family, events, filters and whether one event is enough: one to three conditions in all."""
    possible = {name: weight for name, weight in _WEIGHTS.items() if readable(FAMILIES[name], without)}
    family = pick(rng, list(possible), list(possible.values()))
    either = family in ("trend", "reversion") and rng.random() < 0.18
    events = several(rng, readable(FAMILIES[family], without), 2 if either or family == "states" else 1)
    allowed = readable(filters_for(family), without)
    least = 1 if family == "clock" else 0
    return family, events, several(rng, allowed, int(rng.integers(least, 4 - len(events))), events), either


def draw_exit(rng: np.random.Generator) -> tuple[Leave, Risk]:
    """How to leave, and stops, target, size and times, so that every position has a way to end."""
    kinds: tuple[Leave, ...] = ("own", "opposite", "time", "stops")
    leave = pick(rng, kinds, (0.50, 0.12, 0.16, 0.22))
    risk = {}
    if leave == "time" or rng.random() < 0.25:
        risk["max_bars"] = 'params["max_bars"]'
    risk |= draw_stops(rng, needed=leave == "stops")
    risk |= draw_size(rng, risk)
    if rng.random() < 0.3:
        risk["cooldown"] = 'params["cooldown"]'
    return leave, in_order(risk)


def in_order(risk: dict[str, str]) -> Risk:
    """The risk rules in the order in which a genome holds them."""
    return tuple((key, risk[key]) for key in RISK_KEYS if key in risk)


def draw_stops(rng: np.random.Generator, *, needed: bool) -> dict[str, str]:
    """Stop, trailing stop and target, each fixed or scaled with volatility; `needed`: they alone end a position."""
    risk: dict[str, str] = {}
    scaled = rng.random() < 0.6
    stop, trailing = pick(rng, ((1, 0), (0, 1), (1, 1)) if needed else ((0, 0), (1, 0), (0, 1)), (0.45, 0.35, 0.20))
    target = rng.random() < (0.3 if trailing else 0.9 if needed else 0.35)
    if stop:
        risk["stop_loss"] = "stop_loss" if scaled else 'params["stop_loss"]'
    if target:
        fixed, free = 'params["take_profit"]', '(params["target_atr"] * volatility).clip(0.003, 5.0)'
        by_stop = f'params["reward"] * {risk["stop_loss"]}' if stop and rng.random() < 0.5 else ""
        risk["take_profit"] = by_stop or (free if scaled else fixed)
    if trailing:
        risk["trailing_stop"] = "trailing_stop" if scaled else 'params["trailing_stop"]'
    return risk


def draw_size(rng: np.random.Generator, risk: dict[str, str]) -> dict[str, str]:
    """Full size, a fixed share, equal risk to the stop, or a share that falls as volatility rises."""
    kind = pick(rng, ("full", "fixed", "target", "usual", "risk"), (0.5, 0.05, 0.2, 0.1, 0.15))
    stop = risk.get("stop_loss", risk.get("trailing_stop", ""))
    if kind == "fixed":
        return {"size": 'params["size"]'}
    if kind == "usual":
        return {"size": "(usual_volatility / volatility).clip(0.1, 1.0)"}
    if kind == "target" or (kind == "risk" and "params" in stop):
        return {"size": '(params["volatility_target"] / volatility).clip(0.05, 1.0)'}
    if kind == "risk" and stop:
        return {"size": f'(params["risk"] / {stop}).clip(0.05, 1.0)'}
    return {}
