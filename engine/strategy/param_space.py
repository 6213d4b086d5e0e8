"""Parameter sets as points: how far apart two are, which lie next to one, and sets that fill the space evenly."""

import math
from collections.abc import Sequence

import numpy as np

from engine.records import ParamRange, Params, ParamValue
from engine.strategy.params import distinct_values

MAX_NEIGHBOURS = 8
LEAP = 0.6
STEP = 0.1


def key_of(params: Params) -> tuple[tuple[str, type, ParamValue], ...]:
    """What two parameter sets have in common if they are the same one; 1, 1.0 and True are three values."""
    return tuple((name, type(value), value) for name, value in params.items())


def points_in(ranges: Sequence[ParamRange]) -> float:
    """How many different parameter sets there are; infinite where a range of reals has more than one value.

    >>> points_in((ParamRange("n", "int", 1, 5), ParamRange("how", "choice", choices=("a", "b"))))
    10
    """
    return math.prod(distinct_values(r) for r in ranges)


def positions(ranges: Sequence[ParamRange], sets: Sequence[Params]) -> np.ndarray:
    """(sets, dimensions) coordinates: a number's place in its range from 0 to 1, on its logarithm for a log scale; a choice has a
    dimension for each of its values, so that two different choices are 1 apart, as are the ends of a range.
    """
    columns = [column for r in ranges for column in _columns(r, [params[r.name] for params in sets])]
    return np.column_stack(columns) if columns else np.zeros((len(sets), 0))


def _columns(kind: ParamRange, values: Sequence[ParamValue]) -> list[np.ndarray]:
    if distinct_values(kind) == 1:
        return []
    if kind.kind == "choice":
        return [np.array([type(v) is type(c) and v == c for v in values]) * math.sqrt(0.5) for c in kind.choices]
    scale = np.log if kind.log else np.asarray
    low, high = scale(np.array([kind.low, kind.high], float))
    return [(scale(np.array(values, float)) - low) / (high - low)]


def neighbours(ranges: Sequence[ParamRange], sets: Sequence[Params]) -> np.ndarray:
    """(sets, k) rows of the k sets nearest to each, itself left out: two for each parameter that can vary, as on a grid, at most
    MAX_NEIGHBOURS; fewer where there are fewer sets. The sets are to be different.
    """
    varied = sum(distinct_values(r) > 1 for r in ranges)
    count = min(2 * varied, MAX_NEIGHBOURS, len(sets) - 1)
    if count < 1:
        return np.zeros((len(sets), 0), np.int64)
    from scipy.spatial import KDTree  # late: it takes longer to import than most searches need it for

    places = positions(ranges, sets)
    _, rows = KDTree(places).query(places, k=count + 1)
    own = np.arange(len(sets))[:, None]
    others = np.argsort(rows == own, axis=1, kind="stable")[:, :count]  # the set itself last, the order of the rest kept
    return np.take_along_axis(rows, others, axis=1)


def value_at(kind: ParamRange, place: float) -> ParamValue:
    """The value at that place of a range, 0 to 1; a choice has equal parts."""
    place = min(max(place, 0.0), 1.0)
    if kind.kind == "choice":
        return kind.choices[min(int(place * len(kind.choices)), len(kind.choices) - 1)]
    if kind.log:
        value = math.exp(math.log(kind.low) + place * (math.log(kind.high) - math.log(kind.low)))
    elif kind.kind == "int":  # each whole number has an equal part of the range, the ends too
        value = min(math.floor(kind.low + place * (kind.high - kind.low + 1)), kind.high)
    else:
        value = kind.low + place * (kind.high - kind.low)
    return round(value) if kind.kind == "int" else min(max(float(value), kind.low), kind.high)


def place_of(kind: ParamRange, value: ParamValue) -> float:
    """The place that `value_at` makes that value of a range of numbers from, the middle of its part for a whole number."""
    number = float(value)
    if kind.log:
        low, high = math.log(kind.low), math.log(kind.high)
        return 0.5 if low == high else (math.log(number) - low) / (high - low)
    width = kind.high - kind.low + (1 if kind.kind == "int" else 0)
    return 0.5 if width == 0 else (number - kind.low + (0.5 if kind.kind == "int" else 0.0)) / width


def even(ranges: Sequence[ParamRange], count: int, rng: np.random.Generator) -> list[Params]:
    """`count` sets whose values, parameter by parameter, lie one in each of `count` equal parts of the range, the parts joined at
    random (Latin hypercube: McKay, Beckman & Conover 1979). Sets can be equal where ranges have few values.
    """
    places = np.column_stack([(rng.permutation(count) + rng.random(count)) / count for _ in ranges] or [np.zeros(count)])
    return [{r.name: value_at(r, float(at)) for r, at in zip(ranges, row, strict=False)} for row in places]


def coarse(ranges: Sequence[ParamRange], count: int, rng: np.random.Generator) -> list[Params]:
    """`count` points of the grid of low ends, middles and high ends, or of all choices: each level of a parameter occurs equally
    often, joined at random with those of the others."""
    columns = []
    for kind in ranges:
        levels = [*kind.choices] if kind.kind == "choice" else [value_at(kind, place) for place in (0.0, 0.5, 1.0)]
        columns.append([levels[i % len(levels)] for i in rng.permutation(count)])
    return [{r.name: column[i] for r, column in zip(ranges, columns, strict=True)} for i in range(count)]


def other_levels(kind: ParamRange, value: ParamValue) -> list[ParamValue]:
    """Where else a parameter may lie on a grid of ends and middle: both ends for a value in between, the other two for one near
    an end, the others of a choice; nothing where there is no other value."""
    if kind.kind == "choice":
        return [c for c in kind.choices if type(c) is not type(value) or c != value]
    if kind.low == kind.high:
        return []
    place = place_of(kind, value)
    others = (0.0, 1.0) if 0.25 < place < 0.75 else (1.0, 0.5) if place <= 0.25 else (0.0, 0.5)
    return [level for at in others if (level := value_at(kind, at)) != value]


def near(ranges: Sequence[ParamRange], params: Params, reach: float, rng: np.random.Generator) -> Params:
    """A set next to that one: each number moved by a normal step of `reach` of its range (by 1 at least, for half of the whole
    numbers that would not move), each choice drawn anew with chance `reach`.
    """
    return {r.name: _moved(r, params[r.name], reach, rng) for r in ranges}


def _moved(kind: ParamRange, value: ParamValue, reach: float, rng: np.random.Generator) -> ParamValue:
    if kind.kind == "choice":
        return kind.choices[int(rng.integers(len(kind.choices)))] if rng.random() < reach else value
    step = float(rng.normal(0.0, reach))
    if kind.low == kind.high:
        return value
    number = float(value)
    if kind.log:
        moved = number * math.exp(step * (math.log(kind.high) - math.log(kind.low)))
    else:
        moved = number + step * (kind.high - kind.low)
    moved = min(max(moved, kind.low), kind.high)
    if kind.kind == "float":
        return moved
    if round(moved) == number and rng.random() < 0.5:
        moved = min(max(number + math.copysign(1.0, step), kind.low), kind.high)
    return round(moved)


def ranges_tried(sets: Sequence[Params]) -> tuple[ParamRange, ...]:
    """The least ranges that hold these sets, for what only knows what was tried: texts and truth values are choices, numbers
    are spans on a plain scale. Names are those of the first set; empty without any.

    >>> ranges_tried([{"n": 3}, {"n": 9}])[0].high
    9.0
    """
    return tuple(_span(name, [params[name] for params in sets]) for name in (sets[0] if sets else ()))


def _span(name: str, values: Sequence[ParamValue]) -> ParamRange:
    if any(isinstance(value, bool | str) for value in values):
        return ParamRange(name, "choice", choices=tuple(sorted(set(values), key=str)))
    numbers = [float(value) for value in values]
    is_whole = all(isinstance(value, int) for value in values)
    return ParamRange(name, "int" if is_whole else "float", min(numbers), max(numbers))


def stepped(ranges: Sequence[ParamRange], params: Params, rng: np.random.Generator) -> Params:
    """A set that differs from that one in one parameter, or for half of them in two: a leap to an end or the middle, since good
    sets often lie at ends, or, with a chance of 1 - LEAP, a step as `near` makes with a reach of 0.15."""
    free = [r for r in ranges if distinct_values(r) > 1]
    count = min(len(free), 2 if rng.random() < 0.5 else 1)
    moved = dict(params)
    for i in rng.choice(len(free), count, replace=False) if free else ():
        kind = free[int(i)]
        if kind.kind == "choice":
            moved[kind.name] = value_at(kind, rng.random())
        elif rng.random() < LEAP:
            moved[kind.name] = value_at(kind, float(rng.choice((0.0, 0.5, 1.0))))
        else:
            moved[kind.name] = _moved(kind, params[kind.name], 0.15, rng)
    return moved


def one_step_each_way(ranges: Sequence[ParamRange], params: Params, step: float = STEP) -> list[Params]:
    """The sets that differ from that one in one parameter, by one step up or down: `step` of a range of numbers, on its logarithm
    for a log scale, 1 at least for whole ones; the choice before and the one behind. A step that would leave its range ends at
    its end, and where the set lies there already there is none.

    >>> one_step_each_way((ParamRange("n", "int", 1, 21),), {"n": 20})
    [{'n': 18}, {'n': 21}]
    """
    return [params | {r.name: value} for r in ranges for value in _one_step(r, params[r.name], step)]


def _one_step(kind: ParamRange, value: ParamValue, step: float) -> list[ParamValue]:
    if kind.kind == "choice":
        at = next(i for i, c in enumerate(kind.choices) if type(c) is type(value) and c == value)
        return [kind.choices[i] for i in (at - 1, at + 1) if 0 <= i < len(kind.choices)]
    number = float(value)
    found: list[ParamValue] = []
    for side in (-1, 1):
        width = step * (math.log(kind.high / kind.low) if kind.log else kind.high - kind.low)
        moved = number * math.exp(side * width) if kind.log else number + side * width
        if kind.kind == "int":
            moved = round(moved) if abs(moved - number) > 1 else number + side
        moved = min(max(moved, kind.low), kind.high)
        if moved != number:
            found.append(int(moved) if kind.kind == "int" else moved)
    return found


def fitted(ranges: Sequence[ParamRange], params: Params, default: Params) -> Params:
    """The set with each value put into its range: what lies outside at the nearer end, what is missing or of another kind at its
    default.
    """
    return {r.name: _fitted(r, params.get(r.name), default[r.name]) for r in ranges}


def _fitted(kind: ParamRange, value: ParamValue | None, default: ParamValue) -> ParamValue:
    if kind.kind == "choice":
        return next((c for c in kind.choices if type(c) is type(value) and c == value), default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    inside = min(max(float(value), kind.low), kind.high)
    return round(inside) if kind.kind == "int" else inside
