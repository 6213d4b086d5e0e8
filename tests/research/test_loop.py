"""One turn of the loop: repeatable, complete whatever the candidate does, and every scoring counted."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.market.bars import Panel
from engine.records import Proposal, RunRecord, TrialBatch
from engine.research.campaign import Choices, campaign_id_of, draft_spec
from engine.research.evaluation import Evaluator
from engine.research.gate import gate_seed
from engine.research.loop import ResearchLoop
from engine.research.proposers import make_proposer
from engine.research.tuning import METHODS
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from engine.strategy.sandbox import Cancelled
from tests.research import small
from tests.research.small import CHOICES, Scripted


@pytest.fixture
def loop_of(panel: Panel, evaluator: Evaluator) -> Callable[..., ResearchLoop]:
    """A loop on the small market, for a source that a script says or for random ones."""

    def make(source: str | None = None, **changes: Any) -> ResearchLoop:
        spec = draft_spec(panel, dataclasses.replace(CHOICES, **changes))
        proposer = make_proposer(spec, panel) if source is None else Scripted(source)
        return ResearchLoop(campaign_id_of(spec), spec, panel, proposer, evaluator)

    return make


def assert_equal_records(one: RunRecord, other: RunRecord) -> None:
    for field in dataclasses.fields(RunRecord):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name == "elapsed_s":
            continue
        pairs = [(left[k], right[k]) for k in left] if isinstance(left, dict) else [(left, right)]
        for a, b in pairs:
            if isinstance(a, pd.DataFrame):
                pd.testing.assert_frame_equal(a, b, check_exact=True)
            else:
                np.testing.assert_equal(a, b, err_msg=field.name)


def test_equal_numbers_give_equal_records(loop_of):
    (one, trials), (other, trials_again) = loop_of().step(4), loop_of().step(4)
    assert_equal_records(one, other)
    assert trials == trials_again


def test_a_run_does_not_depend_on_those_before_it(loop_of):
    loop = loop_of(method="random")
    loop.step(1)
    assert_equal_records(loop.step(2)[0], loop_of(method="random").step(2)[0])


def test_other_numbers_and_seeds_give_other_runs(loop_of):
    records = [loop_of(seed=seed).step(number)[0] for seed, number in ((3, 1), (3, 2), (4, 1))]
    assert len({r.run_id for r in records}) == 3
    assert len({r.code_hash for r in records}) == 3


def test_a_run_is_judged_on_validation_by_its_best_set_on_train(loop_of):
    record, _ = loop_of(small.CROSS).step(1)
    sharpe = record.scenarios["sharpe"].to_numpy()
    assert record.best == int(np.nanargmax(sharpe))
    assert record.objective == sharpe[record.best] == record.figures["train"]["sharpe"]
    assert record.failure is None
    assert set(record.figures) == set(record.assets) == set(record.daily_returns) == set(record.days) == {"train", "validation"}
    assert record.figures["validation"]["assets_listed"] == len(record.assets["validation"]) == 6
    assert [len(record.days[w]) for w in ("train", "validation")] == [len(record.daily_returns[w]) for w in record.days]


def test_scenarios_on_train_and_one_on_validation_are_counted(loop_of, panel):
    loop = loop_of(small.CROSS)
    record, (train, validation) = loop.step(1)
    assert (train.window, train.scenarios) == ("train", len(record.scenarios)) == ("train", 6)
    assert (validation.window, validation.scenarios) == ("validation", 1)
    assert train.batch_id != validation.batch_id
    rows = loop.spec.window("validation")
    assert validation.first_ns == panel.times_ns[rows.start]
    assert validation.last_ns == panel.times_ns[rows.stop - 1]
    assert train.symbols == validation.symbols == loop.spec.assets
    assert (train.origin, train.arm, train.code_hash) == ("loop", "random", record.code_hash)


def test_a_draft_that_is_refused_is_a_run_without_trials(loop_of):
    record, trials = loop_of(small.NO_SYNTAX).step(1)
    assert record.failure.kind == "syntax"
    assert record.failure.line == 4
    assert (record.best, record.params, len(record.scenarios), trials) == (None, None, 0, ())
    assert np.isnan(record.objective)


def test_a_strategy_that_fails_for_some_sets_is_judged_by_the_others(loop_of):
    record, (train, _) = loop_of(small.SOMETIMES_FAILS, scenarios=8).step(1)
    odd = [n % 2 == 1 for n in range(5, 13)]
    assert record.failure is None
    assert record.scenarios["failure"].notna().tolist() == odd
    assert "odd" in record.scenarios["failure"][0]
    assert record.scenarios["objective"].isna().tolist() == odd
    assert record.params["n"] % 2 == 0
    assert train.scenarios == 8


def test_a_strategy_that_fails_for_all_sets_is_refused_before_it_is_swept(loop_of):
    record, trials = loop_of(small.ALWAYS_FAILS).step(1)
    assert (record.failure.kind, record.best) == ("error", None)
    assert "never mind" in record.failure.message
    assert trials == ()
    assert record.figures == record.assets == record.daily_returns == {}


def test_a_strategy_that_never_ends_costs_its_run_only(loop_of):
    record, _ = loop_of(small.ENDLESS, scenarios=1).step(1)
    assert record.failure.kind == "timeout"
    assert "CPU seconds" in record.failure.message
    assert loop_of(small.CROSS).step(2)[0].failure is None


def test_a_strategy_that_never_trades_is_refused_before_it_is_swept(loop_of):
    record, trials = loop_of(small.NEVER_TRADES, min_trades=0).step(1)
    assert record.failure.kind == "no_trades"
    assert trials == ()


def test_a_strategy_that_sees_the_future_is_refused_before_it_is_swept(loop_of):
    record, trials = loop_of(small.strategy('return {"entries": market.close.shift(-1) > market.close, "max_bars": n}')).step(1)
    assert record.failure.kind == "lookahead"
    assert "1 bar" in record.failure.message
    assert trials == ()


def test_a_leak_that_the_drawn_set_does_not_show_is_found_in_the_winner(loop_of):
    """Its trials count, its figures do not."""
    loop = loop_of(small.CROSS, scenarios=8)
    drawn = np.random.default_rng(gate_seed(loop.spec.seed, 1)).integers(5, 13)
    leak = f"ahead = market.close if n == {drawn} else market.close.shift(-1)\n"
    loop.proposer = Scripted(small.strategy(leak + 'return {"entries": ahead > ta.sma(market.close, n), "max_bars": 1}'))
    record, (train,) = loop.step(1)
    assert record.failure.kind == "lookahead"
    assert (record.best, record.figures, train.scenarios) == (None, {}, 8)
    assert record.scenarios["sharpe"].isna().all()
    assert len(record.scenarios) == 8


def test_no_entry_is_decided_while_the_strategy_warms_up(loop_of):
    loop = loop_of(small.CROSS)
    record, _ = loop.step(1)
    assert 0 < record.warm_up_bars < 300
    assert record.is_cross_sectional is False
    bed = loop.evaluator.bed(loop.panel, loop.spec.assets, loop.spec.window("train"), loop.spec.costs)
    masked, whole = (loop.evaluator.result(small.CROSS, record.params, b) for b in (bed.after(record.warm_up_bars), bed))
    assert masked.trades["entry_bar"].min() > record.warm_up_bars >= whole.trades["entry_bar"].min()
    assert masked.buy_and_hold.equals(whole.buy_and_hold)
    assert record.figures["train"]["trades_with_open"] == len(masked.trades)


def test_fewer_trades_than_the_minimum_leave_no_objective(loop_of):
    record, _ = loop_of(small.CROSS, min_trades=100_000).step(1)
    assert np.isnan(record.objective)
    assert record.scenarios["objective"].isna().all()
    assert record.best == record.scenarios["trades_with_open"].argmax()


def test_what_goes_wrong_on_validation_comes_back_as_one_word(loop_of, panel):
    record, trials = loop_of(small.fails_on_validation()).step(1)
    assert "price" not in repr(dataclasses.replace(record, proposal=Proposal("", "", ""))).replace("on_price", "")
    assert record.reason.endswith("; on validation it failed (error)")
    assert np.isnan(list(record.figures["validation"].values())).all()
    assert record.failure is None
    assert len(trials) == 2


def test_long_only_drops_short_positions(loop_of):
    both, long = (loop_of(small.CROSS, sides=sides, scenarios=1).step(1)[0] for sides in ("both", "long"))
    trades = [r.figures["train"]["trades_with_open"] for r in (both, long)]
    assert 0 < trades[1] < trades[0]


def test_a_strategy_that_wants_volume_fails_where_there_is_none(panel, evaluator):
    silent = small.without_volume(panel, "silent")
    spec = draft_spec(silent, CHOICES)
    record, _ = ResearchLoop("c", spec, silent, Scripted(small.READS_VOLUME), evaluator).step(1)
    assert record.failure.kind == "contract"
    assert "no volume" in record.failure.message


def test_one_asset_without_its_reference_can_be_searched(panel, evaluator):
    spec = draft_spec(panel, dataclasses.replace(CHOICES, top_assets=1, exclude=(panel.symbols[0],)))
    record, (train, _) = ResearchLoop("c", spec, panel, Scripted(small.CROSS), evaluator).step(1)
    assert train.symbols == spec.assets == tuple(record.assets["train"].index)
    assert panel.symbols[0] not in spec.assets
    assert record.figures["train"]["assets_listed"] == 1


def test_progress_is_told_stage_by_stage(loop_of):
    told: list[tuple[str, int, int]] = []
    loop = loop_of(small.CROSS)
    loop.tell = lambda *words: told.append(words)
    loop.step(1)
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["proposal", "check", "sweep", "check of the best", "validation"]
    assert [done for stage, done, total in told if stage == "sweep"] == list(range(7))


def test_a_loop_that_is_told_to_stop_gives_no_record(loop_of):
    loop = loop_of(small.CROSS)
    loop.cancelled.set()
    with pytest.raises(Cancelled):
        loop.step(1)


def test_the_board_has_failures_last_and_too_few_trades_before_them(loop_of, tmp_path: Path):
    settings = Settings(store_dir=tmp_path)
    database = Database(settings.database_path)
    ledger, queries = Ledger(database, settings), Queries(database)
    plan = [small.NO_SYNTAX, small.BUYS_ONCE, small.fails_on_validation(), small.CROSS, small.ALWAYS_FAILS]
    records: list[tuple[RunRecord, tuple[TrialBatch, ...]]] = []
    loop = loop_of(min_trades=7)
    for number, source in enumerate(plan, 1):
        loop.proposer = Scripted(source)
        records.append(loop.step(number))
    ledger.create_campaign(loop.campaign_id, loop.spec)
    for record, trials in records:
        assert ledger.record_run(record, trials)
    board = queries.runs(loop.campaign_id)
    assert board["number"].tolist() == [4, 2, 3, 1, 5]
    assert board["status"].tolist() == ["scored"] * 3 + ["failed"] * 2
    assert queries.totals().trials == sum(t.scenarios for _, trials in records for t in trials)
    database.close()


def test_choices_without_a_name_name_themselves_after_arm_data_and_seed(panel):
    assert draft_spec(panel, Choices(seed=9)).name == "random on small, seed 9"


def test_what_looks_ahead_on_validation_alone_is_refused_with_all_its_figures(loop_of):
    peeks = small.fails_on_validation().replace(
        "raise ValueError(", 'return {"entries": market.close.shift(-1) > market.close}  # ('
    )
    record, trials = loop_of(peeks).step(1)
    assert record.failure.kind == "lookahead"
    assert not any(character.isdigit() for character in record.failure.message)
    assert (record.best, record.figures) == (None, {})
    assert [batch.window for batch in trials] == ["train", "validation"]


TWO = small.CROSS.replace('PARAMS = {"n": (5, 12)}', 'PARAMS = {"n": (5, 12), "stop": (0.02, 0.10)}').replace(
    '"stop_loss": 0.05', '"stop_loss": params["stop"]'
)


@pytest.mark.parametrize("method", [m for m in METHODS if m not in ("grid", "random")])
def test_a_search_that_learns_repeats_and_counts_every_scenario(loop_of, method):
    (one, trials), (other, _) = (loop_of(TWO, method=method, scenarios=30).step(1) for _ in range(2))
    assert_equal_records(one, other)
    assert trials[0].scenarios == len(one.scenarios) > 12
    assert one.objective == one.scenarios["objective"].max()


def test_a_childs_search_begins_with_its_parents_best_sets_and_says_what_it_gained(loop_of):
    loop = loop_of(TWO, method="hybrid", scenarios=30)
    asked: list[str] = []
    parent = [({"n": 9, "stop": 0.07}, 0.5), ({"n": 6, "stop": 0.03}, 0.4)]
    loop.trials_of = lambda run_id: asked.append(run_id) or parent
    record, _ = loop.step(1, Proposal(TWO, "A child.", "random", parent_run_id="abc"))
    assert asked == ["abc"]
    assert [json.loads(p) for p in record.scenarios["params"][:2]] == [p for p, _ in parent]
    gain = record.objective - 0.5
    assert record.reason.endswith(f"; the best of the parent's 2 sets had 0.50, this one {record.objective:.2f} ({gain:+.2f})")
