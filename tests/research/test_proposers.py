"""Which proposer an arm is, and what it is told about the data."""

import ast
import re

import numpy as np

from engine.market.bars import Panel
from engine.proposal.random_proposer import RandomProposer
from engine.records import Failure
from engine.research.campaign import Choices, draft_spec
from engine.research.proposers import make_proposer
from tests.markets import panel_of, random_bars
from tests.research.small import without_volume


def sources(panel: Panel, count: int = 400) -> str:
    proposer, rng = make_proposer(draft_spec(panel, Choices()), panel), np.random.default_rng(5)
    return "\n".join(proposer.draw(rng).source for _ in range(count))


def fields_in(text: str) -> set[str]:
    return set(re.findall(r"market\.(\w+)", text))


def test_on_hourly_bars_with_volume_every_field_is_read(panel):
    assert {"volume", "hour", "weekday"} <= fields_in(sources(panel))


def test_without_volume_no_draw_reads_it(panel):
    found = fields_in(sources(without_volume(panel, "silent")))
    assert "volume" not in found
    assert {"close", "hour", "weekday"} <= found


def test_without_volume_every_draw_runs(panel, evaluator):
    silent = without_volume(panel, "silent")
    spec = draft_spec(silent, Choices())
    proposer, rng = make_proposer(spec, silent), np.random.default_rng(6)
    bed = evaluator.bed(silent, spec.assets, spec.window("train"), spec.costs)
    for _ in range(12):
        source = proposer.draw(rng).source
        ranges = evaluator.ranges(source)
        assert not isinstance(ranges, Failure)
        assert evaluator.sweep(source, [{}], bed).outcomes.failures == (None,), source


def test_on_daily_bars_the_hour_is_left_alone_and_on_weekly_ones_the_weekday_too():
    def market(days: int) -> Panel:
        return panel_of(random_bars(np.random.default_rng(1), 400, 2), bar_s=days * 86_400)

    assert {"hour", "weekday"} & fields_in(sources(market(1))) == {"weekday"}
    assert {"hour", "weekday"} & fields_in(sources(market(7))) == set()


def test_what_is_not_said_changes_no_other_draw():
    plain, told = RandomProposer(), RandomProposer(without=())
    assert [plain.draw(np.random.default_rng(s)) for s in range(20)] == [told.draw(np.random.default_rng(s)) for s in range(20)]


def test_draws_without_volume_are_still_broad(panel):
    proposer, rng = RandomProposer(without=("volume", "hour")), np.random.default_rng(7)
    drawn = [proposer.draw(rng).source for _ in range(300)]
    assert len({ast.dump(ast.parse(source).body[-1]) for source in drawn}) >= 270
