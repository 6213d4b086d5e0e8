"""Runs that were searched with first looks, or by folds, repeat from the ledger like any other; and a killed one costs little."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.backtest import first_look
from engine.market.bars import Panel
from engine.market.catalog import Catalog
from engine.records import RunRecord
from engine.research.campaign import campaign_id_of, draft_spec
from engine.research.evaluation import Evaluator
from engine.research.loop import ResearchLoop
from engine.research.repeat import repeat_run
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from tests.research import small
from tests.research.small import CHOICES, Scripted, store_with

SOURCE = small.CROSS.replace('PARAMS = {"n": (5, 12)}', 'PARAMS = {"n": (3, 30), "stop": (0.02, 0.10)}').replace(
    '"stop_loss": 0.05', '"stop_loss": params["stop"]'
)


@pytest.fixture
def queries(market_store: Path, tmp_path: Path) -> Iterator[Queries]:
    database = Database(store_with(market_store, tmp_path / "store").database_path)
    yield Queries(database)
    database.close()


@pytest.fixture
def recorded(panel: Panel, evaluator: Evaluator, queries: Queries, tmp_path: Path) -> Callable[[str], RunRecord]:
    """Make and record a run by that method, in a market whose six assets are enough for a first look."""

    def make(method: str) -> RunRecord:
        spec = draft_spec(panel, dataclasses.replace(CHOICES, method=method, scenarios=60))
        loop = ResearchLoop(campaign_id_of(spec), spec, panel, Scripted(SOURCE), evaluator)
        record, trials = loop.step(1)
        ledger = Ledger(queries._database, Settings(store_dir=tmp_path / "store"))
        ledger.create_campaign(loop.campaign_id, spec)
        assert ledger.record_run(record, trials)
        assert sum(batch.scenarios for batch in trials) == len(record.scenarios) + 1
        return record

    return make


@pytest.fixture(autouse=True)
def small_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_look, "LEAST_ASSETS", 4)
    monkeypatch.setattr(first_look, "ASSET_SHARE", 0.5)


@pytest.mark.parametrize("method", ["hybrid", "tpe", "robust"])
def test_a_searched_run_repeats_to_the_last_figure(recorded, queries, evaluator, tmp_path, method):
    record = recorded(method)
    repeat = repeat_run(record.run_id, queries, Catalog(tmp_path / "store" / "bars"), evaluator)
    assert repeat.difference is None
    assert repeat.compared > 1_000


def test_what_was_given_up_stands_in_the_ledger_as_such(recorded, queries):
    record = recorded("hybrid")
    stored = queries.scenarios(record.run_id)
    gone = stored["failure"].fillna("").str.startswith("pruned: ")
    assert 0 < gone.sum() < len(stored) / 2
    assert stored.loc[gone, ["objective", "sharpe", "trades_with_open"]].isna().all(axis=None)
    assert not gone[record.best]
    assert f"{gone.sum()} sets were given up after a first look" in record.reason
