"""The board's order, campaigns by their latest event, and what the assets did."""

import dataclasses
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from engine.errors import CampaignError, UnknownRun
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries
from tests.store.samples import assets, batch, failed_run, figures, run, spec

NAN = float("nan")


def _few_trades(number: int, validation: float) -> object:
    made = run(number, validation=validation)
    return dataclasses.replace(made, figures=made.figures | {"train": figures(number, trades_with_open=9.0)})


def _record(ledger: Ledger, *records: object) -> None:
    for record in records:
        ledger.record_run(record, [batch(record.run_id)])  # type: ignore[attr-defined]


def test_the_board_ranks_scored_runs_first_and_never_a_nan(ledger: Ledger, queries: Queries) -> None:
    _record(
        ledger,
        failed_run(1),
        _few_trades(2, 9.0),
        run(3, validation=NAN),
        run(4, validation=0.5),
        run(5, validation=2.0),
        run(6, validation=0.5),
        _few_trades(7, NAN),
        run(8, validation=-1.0),
        failed_run(9),
    )
    board = queries.runs("c1")
    assert board["number"].tolist() == [5, 4, 6, 8, 3, 2, 7, 1, 9]
    assert board["rank"].tolist() == list(range(1, 10))
    assert board["enough_trades"].tolist() == [True] * 5 + [False] * 4
    assert queries.runs("c1", limit=2)["number"].tolist() == [5, 4]
    assert queries.campaigns()["best_run_id"].tolist() == ["c1-0005"]
    assert queries.recent_runs("c1", limit=3)["number"].tolist() == [9, 8, 7]


def test_equal_runs_give_equal_boards_whenever_they_were_made(settings: Settings) -> None:
    boards = []
    for place, hour in (("a", 1), ("b", 9)):
        store = dataclasses.replace(settings, store_dir=settings.store_dir / place)
        database = Database(store.database_path)
        ledger = Ledger(database, store, clock=lambda hour=hour: datetime(2024, 1, 1, hour, tzinfo=UTC))
        ledger.create_campaign("c1", spec())
        _record(ledger, run(1, elapsed_s=float(hour)), failed_run(2), run(3, validation=NAN))
        boards.append(Queries(database).runs("c1").to_json(orient="records", double_precision=15))
        database.close()
    assert boards[0] == boards[1]


def test_a_campaign_without_a_fit_run_has_no_best(ledger: Ledger, queries: Queries) -> None:
    _record(ledger, _few_trades(1, 3.0), failed_run(2), run(3, validation=NAN))
    (row,) = queries.campaigns().itertuples()
    assert (row.runs, row.failed, row.scenarios) == (3, 1, 8)
    assert pd.isna(row.best_run_id)
    assert np.isnan(row.best_validation_sharpe)


def test_a_campaigns_state_and_name_are_its_latest_events(settings: Settings, database: Database, queries: Queries) -> None:
    minutes = iter(range(1000))
    ledger = Ledger(database, settings, clock=lambda: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=next(minutes)))
    ledger.create_campaign("c1", spec(theme="volume"))
    ledger.create_campaign("c2", spec(name="Second"))
    states = [queries.state("c1")]
    for kind in (
        "started",
        "note",
        "paused",
        "resumed",
        "interrupted",
        "stopped",
        "archived",
        "unarchived",
        "failed",
        "finished",
    ):
        ledger.campaign_event("c1", kind)
        states.append(queries.state("c1"))
    assert states == [
        "new", "running", "running", "paused", "running", "interrupted", "stopped", "archived", "stopped", "failed", "finished",
    ]  # fmt: skip
    ledger.campaign_event("c1", "renamed", "Better name")
    assert (queries.campaign("c1").name, queries.campaign("c1").spec.name) == ("Better name", "First")
    listed = queries.campaigns()
    assert listed["campaign_id"].tolist() == ["c1", "c2"]
    assert listed["state"].tolist() == ["finished", "new"]
    assert listed[["name", "theme", "dataset", "runs"]].to_numpy().tolist() == [
        ["Better name", "volume", "demo", 0],
        ["Second", "", "demo", 0],
    ]
    assert listed["changed_at"].tolist() == [
        pd.Timestamp("2024-01-01 00:12", tz="UTC"),
        pd.Timestamp("2024-01-01 00:01", tz="UTC"),
    ]
    assert queries.events("c1", limit=2)["kind"].tolist() == ["renamed", "finished"]
    assert len(queries.events()) == 13


def test_ids_that_are_not_there_name_the_nearest(ledger: Ledger, queries: Queries) -> None:
    _record(ledger, run(1), run(2))
    with pytest.raises(UnknownRun, match="no run 'c1-0003' is in the ledger; nearest: c1-000"):
        queries.run("c1-0003")
    with pytest.raises(UnknownRun, match="leaderboard"):
        queries.lineage("zzz")
    with pytest.raises(CampaignError, match="no campaign 'c2' is in the ledger; nearest: c1"):
        queries.progress("c2")


def test_progress_shows_the_best_so_far_among_runs_with_enough_trades(ledger: Ledger, queries: Queries) -> None:
    _record(
        ledger,
        run(1, validation=0.3, elapsed_s=2.5),
        failed_run(2),
        run(3, validation=1.2),
        _few_trades(4, 9.0),
        run(5, validation=NAN),
        run(6, validation=0.7),
    )
    progress = queries.progress("c1")
    assert progress["number"].tolist() == [1, 2, 3, 4, 5, 6]
    assert progress["best_validation_sharpe"].tolist() == [0.3, 0.3, 1.2, 1.2, 1.2, 1.2]
    assert progress["best_objective"].tolist() == [1.01, 1.01, 1.03, 1.03, 1.05, 1.06]
    pd.testing.assert_series_equal(progress["validation_objective"], progress["validation_sharpe"], check_names=False)
    assert progress["elapsed_s"].tolist()[:2] == [2.5, 0.0]


def test_progress_knows_objectives_that_are_no_figure(ledger: Ledger, queries: Queries) -> None:
    ledger.create_campaign("c3", spec(objective="blend"))
    _record(ledger, run(1, campaign="c3"))
    assert queries.progress("c3")["validation_objective"].isna().all()


def test_lineage_leads_from_the_draft_to_the_run(ledger: Ledger, queries: Queries) -> None:
    for number, parent in ((1, None), (2, "c1-0001"), (3, "c1-0001"), (4, "c1-0002")):
        made = run(number)
        _record(ledger, dataclasses.replace(made, proposal=dataclasses.replace(made.proposal, parent_run_id=parent)))
    assert queries.lineage("c1-0004")["run_id"].tolist() == ["c1-0001", "c1-0002", "c1-0004"]
    assert queries.lineage("c1-0001")["run_id"].tolist() == ["c1-0001"]


def test_assets_over_the_campaign_say_who_carried_it(ledger: Ledger, queries: Queries) -> None:
    for number, pnl in ((1, [1.0, -1.0, 0.0]), (2, [3.0, 0.5, 0.0]), (3, [3.0, -0.5, 0.0])):
        table = assets(number).assign(pnl=pnl, trades_with_open=[10.0, 5.0, 0.0])
        _record(ledger, run(number, assets={"train": table, "validation": table * 0}))
    ledger.create_campaign("c2", spec())
    _record(ledger, run(1, campaign="c2", assets={"train": assets(9).assign(pnl=99.0), "validation": assets(9)}), failed_run(4))
    found = queries.assets_over_campaign("c1", "train").set_index("symbol")
    assert found.index.tolist() == ["BTCUSDT", "XRPUSDT", "ETHUSDT"]
    assert found["mean_pnl"].tolist() == pytest.approx([7 / 3, 0.0, -1 / 3])
    assert found["positive_share"].tolist() == pytest.approx([1.0, 0.0, 1 / 3])
    assert found["trades"].tolist() == [30, 0, 15]
    assert found["runs"].tolist() == [3, 3, 3]
    assert found["runs_traded"].tolist() == [3, 0, 3]
    assert found["best_run_id"].tolist() == ["c1-0002", "c1-0001", "c1-0002"]


def test_asset_change_sets_one_run_against_another(ledger: Ledger, queries: Queries) -> None:
    tables = [assets(1).assign(pnl=[1.0, 2.0, 3.0]), assets(2, ("BTCUSDT", "ETHUSDT")).assign(pnl=[0.5, 2.5])]
    for number, table in enumerate(tables, 1):
        _record(ledger, run(number, assets={"train": table, "validation": table}))
    change = queries.asset_change("c1-0001", "c1-0002", "train")
    assert change["symbol"].tolist() == ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    assert change["change_pnl"].tolist()[:2] == [0.5, -0.5]
    assert change["other_pnl"].isna().tolist() == [False, False, True]


def test_an_empty_campaign_answers_every_question(ledger: Ledger, queries: Queries) -> None:
    assert queries.runs("c1").empty
    assert queries.progress("c1").empty
    assert queries.assets_over_campaign("c1", "train").empty
    assert queries.run_ids() == []
    assert queries.campaign("c1").next_number == 1
    assert (queries.totals().runs, queries.totals().scenarios) == (0, 0)
