"""Random strategies: repeatable, broad, well-formed, causal, and neither idle nor always in the market."""

import ast

import numpy as np
import pytest

from engine.features.indicators import NAMES
from engine.proposal import vocabulary
from engine.proposal.random_proposer import RandomProposer
from tests.fake_market import Bench, default_params, drawn_params, entry_flags, fake_market, first_difference, truncated

SAMPLE = 60
CUT = 1_100


def _draws(count: int, sides: str = "both") -> list[str]:
    proposer, rng = RandomProposer(sides), np.random.default_rng(20_240)
    return [proposer.draw(rng).source for _ in range(count)]


@pytest.fixture(scope="module")
def sources() -> list[str]:
    return _draws(1_000)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(fake_market())


@pytest.fixture(scope="module")
def early_bench(bench: Bench) -> Bench:
    return Bench(truncated(bench.market, CUT))


def _reads_of(name: str, tree: ast.AST) -> list[str]:
    """Attributes and constant keys read of the variable of that name."""
    attributes = [n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == name]
    keys = [n.slice.value for n in ast.walk(tree) if isinstance(n, ast.Subscript) and ast.unparse(n.value) == name]
    return attributes + keys


def test_the_same_generator_state_gives_the_same_strategy():
    for seed in range(50):
        one, other = (RandomProposer().draw(np.random.default_rng(seed)) for _ in range(2))
        assert one == other


def test_a_draw_does_not_depend_on_those_before_it():
    rng = np.random.default_rng(3)
    proposer = RandomProposer()
    proposer.draw(rng)
    state = rng.bit_generator.state
    later = proposer.draw(rng)
    fresh = np.random.default_rng()
    fresh.bit_generator.state = state
    assert RandomProposer().draw(fresh) == later


def test_a_proposal_says_who_made_it_and_what_it_does():
    proposal = RandomProposer().draw(np.random.default_rng(1))
    assert (proposal.arm, proposal.parent_run_id) == ("random", None)
    assert proposal.summary.startswith("Buy when ")
    assert proposal.summary.count(".") == 1
    assert ast.get_docstring(ast.parse(proposal.source)).replace("\n", " ") == proposal.summary


def test_a_thousand_draws_are_at_least_nine_hundred_sources_and_structures(sources):
    def structure(source: str) -> str:
        function = ast.parse(source).body[-1]
        return ast.dump(function)

    assert len(set(sources)) >= 900
    assert len({structure(s) for s in sources}) >= 900


def test_every_part_of_the_vocabulary_is_drawn(sources):
    text = "\n".join(sources)
    unused = [n for n in (*vocabulary.SCALED, *vocabulary.RANGES) if f'params["{n}"]' not in text]
    unused += [n for n in vocabulary.LOCALS if f" {n} = " not in text]
    assert unused == []


def test_sources_use_every_parameter_and_every_local_name(sources):
    for source in sources:
        tree = ast.parse(source)
        function = tree.body[-1]
        declared = [key.value for key in next(n for n in tree.body if isinstance(n, ast.Assign)).value.keys]
        assert declared == list(dict.fromkeys(declared))
        assert set(declared) == set(_reads_of("params", function))
        names = [n for n in ast.walk(function) if isinstance(n, ast.Name)]
        stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        loaded = {n.id for n in names if isinstance(n.ctx, ast.Load)}
        assert stored <= loaded
        assert loaded <= stored | {"market", "params", "ta", "np", "getattr"}


def test_sources_name_only_indicators_that_exist_and_stay_readable(sources):
    choices = {c for n in ("average", "candle") for c in vocabulary.RANGES[n]}
    used = {name for source in sources for name in _reads_of("ta", ast.parse(source))}
    assert (used | choices | set(vocabulary.AVERAGES)) <= NAMES
    for source in sources:
        literals = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, int | float)]
        assert len(literals) <= 100
        assert max(map(len, source.splitlines())) <= 130


def test_long_only_means_long_only():
    sources = _draws(200, "long")
    assert not any("short" in source.split('"""')[2] for source in sources)


def test_about_half_of_the_draws_go_short_too(sources):
    share = np.mean(["short_entries" in source for source in sources])
    assert 0.4 < share < 0.7


def test_every_position_has_a_way_to_end(sources):
    ends = ('"exits"', '"max_bars"', '"stop_loss"', '"trailing_stop"')
    assert all(any(f"        {end}:" in source for end in ends) for source in sources)


def test_draws_keep_the_contract_at_default_and_drawn_parameters(sources, bench):
    rng = np.random.default_rng(8)
    for source in sources[:SAMPLE]:
        for params in (default_params(source), drawn_params(source, rng)):
            bench.signals(source, params)


def test_draws_do_not_look_ahead(sources, bench, early_bench):
    rng = np.random.default_rng(9)
    for source in sources[:SAMPLE]:
        params = drawn_params(source, rng)
        full, early = bench.answer(source, params), early_bench.answer(source, params)
        assert first_difference(full, early, CUT) is None, source


def test_most_draws_trade_and_few_want_in_always(sources, bench):
    wanted = [entry_flags(bench.answer(source, default_params(source))) for source in sources[:SAMPLE]]
    onsets = np.array([(flags[1:] & ~flags[:-1]).sum() for flags in wanted])
    shares = np.array([flags.mean() for flags in wanted])
    assert np.mean(onsets >= 10) >= 0.7
    assert np.mean(shares > 0.5) <= 0.2
