"""Vault, evidence and the rule of promotion on a small campaign."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from engine.errors import CampaignError, DataError
from engine.records import Promotion
from engine.research.campaign import campaign_id_of
from engine.research.evidence import CampaignBook
from engine.research.evidence_report import evidence_report
from engine.research.loop import ResearchLoop
from engine.research.promotion import Promoter
from engine.research.promotion_rule import Condition, Judgement, judge
from engine.research.service import ResearchService
from engine.store.looks import Look, VaultResult
from engine.store.queries import Queries
from tests.research import small
from tests.research.campaigns import drafted, finish
from tests.research.conftest import Opened
from tests.research.small import CHOICES, Scripted, results_of, small_panel, store_with

LENIENT = Promotion(train_trades=1, validation_trades=1, luck=0.999, judged=0.999, overfit=0.999, superior=0.999)

OF_MANY_DAYS = ("luck", "luck_beyond_hold", "validation_alpha", "overfit", "over_hold", "over_baselines")

KNOWS_AT_12 = small.strategy(
    "ahead = market.close.shift(-1) if n == 12 else market.close.shift(n)\nup = ahead > market.close\n"
    'return {"entries": up, "exits": ~up}'
)
"""Of its sets the best, and no other, knows the next close."""


def _promoter(service: ResearchService) -> Promoter:
    return Promoter(service.queries, service.ledger, service.evaluator, service.results.panel)


def _judge_by_its_own_figures(run_id: str, queries: Queries, book: CampaignBook) -> Judgement:
    """Without the conditions that 38 days of a made-up market cannot meet."""
    found = judge(run_id, queries, book)
    return dataclasses.replace(found, conditions=tuple(c for c in found.conditions if c.name not in OF_MANY_DAYS))


def _finished(service: ResearchService, monkeypatch: pytest.MonkeyPatch, *, runs: int = 2, **changes: object) -> str:
    monkeypatch.setattr("engine.research.service.make_proposer", lambda spec, panel: Scripted(small.CROSS))
    return finish(service, drafted(service, runs=runs, **changes))


def test_a_look_is_recorded_counted_and_not_repeated(service: ResearchService, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = _finished(service, monkeypatch)
    first, second = service.queries.run_ids(campaign_id)
    vault = _promoter(service).vault
    assert vault.next_k(campaign_id) == 1

    seen = vault.look(first, who="page", why="a person asked")

    assert (seen.k, seen.level) == (1, pytest.approx(0.025))
    assert len(seen.daily) == len(seen.days)
    assert vault.next_k(campaign_id) == 2
    again = vault.look(first, who="page", why="a person asked twice")
    assert again.k == 1
    np.testing.assert_array_equal(again.daily, seen.daily)
    assert len(service.queries.looks()) == 1
    assert vault.look(second, who="page", why="another run").level == pytest.approx(0.0125)
    assert service.queries.campaign_trials(campaign_id)["vault"] == 2


def test_a_look_changes_nothing_that_the_search_does_after_it(open_service: Opened, market_store: Path, tmp_path: Path) -> None:
    boards = []
    for looks in (False, True):
        service = open_service(store_with(market_store, tmp_path / str(looks)))
        spec = drafted(service, runs=2, proposer="random+mutate")
        campaign_id = finish(service, spec)
        if looks:
            for run_id in service.queries.run_ids(campaign_id):
                if service.queries.run(run_id).params is not None:
                    _promoter(service).vault.look(run_id, who="page", why="a person asked")
        assert finish(service, dataclasses.replace(spec, stop=dataclasses.replace(spec.stop, runs=5))) == campaign_id
        boards.append(results_of(service.queries, campaign_id))
        service.close()
    assert boards[0] == boards[1]


def test_runs_after_a_persons_look_are_marked_and_those_after_a_promotions_are_not(
    service: ResearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = _finished(service, monkeypatch, runs=1)
    spec = service.queries.campaign(campaign_id).spec
    marks = service.queries.evidence.after_looks
    service.ledger.record_look(Look(spec.data_hash, "vault", "promotion", "", campaign_id))
    finish(service, dataclasses.replace(spec, stop=dataclasses.replace(spec.stop, runs=2)))
    assert marks(campaign_id, spec.data_hash) == {}
    service.ledger.record_look(Look(spec.data_hash, "all", "backtest", "mine.py"))
    finish(service, dataclasses.replace(spec, stop=dataclasses.replace(spec.stop, runs=3)))
    assert list(marks(campaign_id, spec.data_hash).values()) == [2]
    assert list(marks(campaign_id, spec.data_hash)) == service.queries.run_ids(campaign_id)[2:]


def test_changed_bars_are_refused_and_old_results_stay(service: ResearchService, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = _finished(service, monkeypatch, runs=2)
    first, second = service.queries.run_ids(campaign_id)
    promoter = _promoter(service)
    before = promoter.vault.look(first, who="page", why="before")
    small.save(small_panel(seed=2), service.settings.store_dir, replace=True)

    with pytest.raises(DataError, match="changed"):
        promoter.vault.look(second, who="page", why="after")
    with pytest.raises(DataError, match="changed"):
        judge(second, service.queries, CampaignBook(service.queries, service.results.panel))

    assert len(service.queries.looks()) == 1
    assert promoter.vault.look(first, who="page", why="again").p == before.p or np.isnan(before.p)


def test_the_vault_stays_shut_for_a_run_that_misses_another_condition(
    service: ResearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = _finished(service, monkeypatch, promotion=Promotion(train_trades=10_000))
    run_id = service.queries.run_ids(campaign_id)[0]

    found = _promoter(service).promote(run_id)

    assert not found.is_promoted
    assert "train_trades" in [c.name for c in found.missed]
    assert _named(found, "vault").passed is None
    assert _named(found, "causality").passed is None
    assert service.queries.looks().empty


def test_a_run_that_meets_all_else_is_held_against_the_vault_once(
    service: ResearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.research.promotion.judge", _judge_by_its_own_figures)
    campaign_id = _finished(service, monkeypatch, promotion=LENIENT)
    run_id = service.queries.run_ids(campaign_id)[0]

    found = _promoter(service).promote(run_id)

    assert _named(found, "causality").passed is True
    assert _named(found, "vault").passed is not None
    looks = service.queries.looks()
    assert looks[["who", "run_id", "k"]].values.tolist() == [["promotion", run_id, 1]]
    assert _judge_by_its_own_figures(run_id, service.queries, CampaignBook(service.queries, service.results.panel)) == found


def test_a_run_that_fails_in_the_vault_leaves_the_other_looks_to_other_runs(
    service: ResearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.research.promotion.judge", _judge_by_its_own_figures)
    campaign_id = _finished(service, monkeypatch, promotion=LENIENT)
    promoter = _promoter(service)
    monkeypatch.setattr(
        promoter.vault, "look", lambda run_id, **_: VaultResult(run_id, 1, 0.025, math.nan, failure="the strategy raised")
    )

    tried, _ = promoter.promote_campaign(campaign_id)

    assert sorted(j.run_id for j in tried) == sorted(service.queries.run_ids(campaign_id))
    assert not any(j.is_promoted for j in tried)


def test_what_only_its_best_set_would_betray_is_not_promoted_where_that_was_not_checked_either(
    service: ResearchService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a calibration, which leaves the gate's look at the best set to promotion."""
    monkeypatch.setattr("engine.research.promotion.judge", _judge_by_its_own_figures)
    spec, panel = drafted(service, promotion=LENIENT), small_panel()
    campaign_id = campaign_id_of(spec)
    for checks in (True, False):
        loop = ResearchLoop(campaign_id, spec, panel, Scripted(KNOWS_AT_12), service.evaluator, checks_best=checks)
        record, trials = loop.step(1)
        assert (record.failure is not None) == checks
    service.ledger.create_campaign(campaign_id, spec)
    service.ledger.record_run(record, trials)

    found = _promoter(service).promote(record.run_id)

    assert record.params == {"n": 12}
    assert [c.name for c in found.missed] == ["causality"]
    assert "lookahead" in _named(found, "causality").sentence
    assert service.queries.looks().empty


def test_evidence_lists_every_condition_with_its_margin(service: ResearchService, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = _finished(service, monkeypatch, promotion=Promotion(train_trades=7))
    run_id = service.queries.run_ids(campaign_id)[0]
    book = CampaignBook(service.queries, service.results.panel)

    again = _promoter(service).again
    report = evidence_report(run_id, service.queries, book, service.results.panel, again)
    plain = report.plain()

    assert plain["folds"]["sets"] == CHOICES.scenarios
    assert "warm-up" in plain["folds"]["walk_forward"]["reason"], "38 days are too few for windows of this warm-up"
    assert again.is_known(run_id)
    for figure, by_day in again.of(run_id).by_day["train"].items():
        found = next(i for i in report.intervals if i.figure == f"{figure}_with_open" and i.window == "train")
        sums, numbers = by_day.sum(axis=1)
        assert found.low < found.value < found.high
        assert sums / numbers == pytest.approx(found.value, rel=1e-6)

    trades = next(c for c in plain["conditions"] if c["name"] == "train_trades")
    assert trades["margin"] == service.queries.run(run_id).figures["train"]["trades_with_open"] - 7
    assert plain["trials"] == 2 * CHOICES.scenarios
    assert 1 <= plain["effective_trials"] <= plain["trials"]
    assert [c["name"] for c in plain["conditions"]][-2:] == ["causality", "vault"]
    assert book.of(campaign_id) is book.known(campaign_id)


def test_the_rule_is_fixed_when_a_campaign_starts(service: ResearchService) -> None:
    spec = drafted(service, promotion=Promotion(luck=0.01))
    other = drafted(service)
    assert service.enter(spec) != service.enter(other)
    assert service.queries.campaign(service.enter(spec)).spec.promotion == Promotion(luck=0.01)
    with pytest.raises(CampaignError, match="promotion's vault"):
        drafted(service, promotion=Promotion(vault=0.0))


def _named(found: Judgement, name: str) -> Condition:
    return next(c for c in found.conditions if c.name == name)
