"""Changes drawn at random: repeatable, really changes, in the contract's form, and causal."""

import ast
from dataclasses import replace

import numpy as np
import pytest

from engine.proposal.genome import Genome, params_of, source_of
from engine.proposal.mutation import Mutator
from engine.proposal.random_proposer import RandomProposer
from tests.fake_market import Bench, default_params, drawn_params, fake_market, first_difference, truncated

OPERATORS = ("improve", "risk", "ranges", "crossover")
CUT = 1_100
ENDS = ('"exits"', '"max_bars"', '"stop_loss"', '"trailing_stop"')


Made = tuple[str, list[Genome], Genome]


def generations(count: int, *, sides: str = "both", without: tuple[str, ...] = (), seed: int = 5) -> list[Made]:
    """(operator, parents, child) of that many changes, each child a possible parent of later ones."""
    proposer, rng = RandomProposer(sides, without=without), np.random.default_rng(seed)
    mutator, made = Mutator(proposer), []
    pool = [proposer.draw_genome(rng) for _ in range(20)]
    for turn in range(count):
        operator = OPERATORS[turn % len(OPERATORS)]
        parents = [pool[i] for i in rng.choice(len(pool), 2 if operator == "crossover" else 1, replace=False)]
        child = mutator.child(operator, parents, rng).genome
        made.append((operator, parents, child))
        pool[int(rng.integers(len(pool)))] = child
    return made


@pytest.fixture(scope="module")
def made() -> list[Made]:
    return generations(240)


def test_equal_generators_give_equal_children(made):
    for operator, parents, _ in made[:40]:
        one, other = (Mutator(RandomProposer()).child(operator, parents, np.random.default_rng(3)) for _ in range(2))
        assert one == other


def test_a_child_differs_from_its_parents_and_only_where_the_operator_says(made):
    for operator, parents, child in made:
        assert source_of(child) not in {source_of(parent) for parent in parents}
        if operator == "risk":
            assert replace(child, risk=parents[0].risk) == parents[0]
        if operator == "ranges":
            assert replace(child, ranges=parents[0].ranges) == parents[0]


def test_a_joined_child_has_its_parts_from_both_parents(made):
    for operator, parents, child in made:
        if operator == "crossover" and not _are_kin(*parents):
            assert child.events in [p.events for p in parents]
            assert (child.leave, child.risk) in [(p.leave, p.risk) for p in parents]
            assert (child.horizon, child.average, child.goes_short) in [(p.horizon, p.average, p.goes_short) for p in parents]


def _are_kin(one: Genome, other: Genome) -> bool:
    """They differ in one of the three parts at most, so that joining them gives nothing new."""
    parts = [
        [(p.family, p.events, p.filters, p.either), (p.leave, p.risk), (p.horizon, p.average, p.goes_short)] for p in (one, other)
    ]
    return sum(a != b for a, b in zip(*parts, strict=True)) < 2


def test_joining_near_kin_changes_a_part_of_the_first():
    parent = RandomProposer().draw_genome(np.random.default_rng(1))
    child = Mutator(RandomProposer()).child("crossover", [parent, parent], np.random.default_rng(2))
    assert child.words != "A fresh draw."
    assert source_of(child.genome) != source_of(parent)


def test_without_parents_a_child_is_a_fresh_draw():
    child = Mutator(RandomProposer()).child("improve", [], np.random.default_rng(4))
    assert child.genome == RandomProposer().draw_genome(np.random.default_rng(4))


def test_after_many_changes_every_position_still_has_a_way_to_end_and_every_range_its_width(made):
    for _, _, child in made:
        source = source_of(child)
        assert any(f"        {end}:" in source for end in ENDS)
        declared = ast.literal_eval(next(n for n in ast.parse(source).body if isinstance(n, ast.Assign)).value)
        assert list(declared) == params_of(child)
        for found in declared.values():
            assert len(set(found)) >= 2
            assert isinstance(found, list) or found[-2] < found[-1]


def test_long_only_stays_long_only_and_fields_that_say_nothing_stay_unread():
    for _, _, child in generations(120, sides="long", without=("volume",)):
        source = source_of(child)
        assert "market.volume" not in source
        assert "short" not in source.split('"""')[2]


def test_children_keep_the_contract_and_do_not_look_ahead(made):
    market = fake_market()
    bench, early = Bench(market), Bench(truncated(market, CUT))
    rng = np.random.default_rng(9)
    for _, _, child in made[-24:]:
        source = source_of(child)
        bench.signals(source, default_params(source))
        params = drawn_params(source, rng)
        assert first_difference(bench.answer(source, params), early.answer(source, params), CUT) is None, source
