"""What is written is written once, and reads back as it was."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from engine.errors import CampaignError
from engine.figures import PORTFOLIO_FIGURES
from engine.records import Failure
from engine.store.ledger import Ledger
from engine.store.looks import Look
from engine.store.queries import Queries
from tests.store.samples import assets, batch, failed_run, figures, run, scenario_table, spec


def test_an_equal_campaign_is_made_once_and_another_of_that_id_is_refused(ledger: Ledger, queries: Queries) -> None:
    ledger.create_campaign("c1", spec())
    assert queries.campaign("c1").spec == spec()
    assert queries.events("c1")["kind"].tolist() == ["created"]
    with pytest.raises(CampaignError, match="another specification"):
        ledger.create_campaign("c1", spec(seed=2))


def test_a_run_reads_back_as_it_was_recorded(ledger: Ledger, queries: Queries) -> None:
    table = scenario_table(3, 4).assign(failure=[None, "error: overflow", None, None])
    table.loc[1, ["sharpe", "objective"]] = np.nan
    record = run(1, scenarios=0, params={"fast": np.int64(5), "stop": 0.1 + 0.2, "average": "ema"}, reason="best Sharpe")  # type: ignore[dict-item]
    record = dataclasses.replace(record, scenarios=table)
    assert ledger.record_run(record, [batch("b1")])
    row = queries.run("c1-0001")
    assert (row.number, row.arm, row.source, row.reason) == (1, "random", "# strategy 1\n", "best Sharpe")
    assert row.params == {"fast": 5, "stop": 0.30000000000000004, "average": "ema"}
    assert row.figures == record.figures
    assert (row.objective, row.best_scenario, row.failure, row.scenarios) == (1.01, 0, None, 4)
    stored = queries.scenarios("c1-0001")
    assert stored["scenario"].tolist() == [0, 1, 2, 3]
    assert stored["params"].tolist() == table["params"].tolist()
    assert stored["failure"].isna().tolist() == [True, False, True, True]
    names = [*PORTFOLIO_FIGURES, "objective"]
    pd.testing.assert_frame_equal(stored[names], table[names], check_exact=True)
    for window in ("train", "validation"):
        pd.testing.assert_frame_equal(queries.run_assets("c1-0001", window), record.assets[window], check_exact=True)
        returns = queries.daily_returns("c1-0001", window)
        assert returns.dtype == np.float32
        assert returns.to_numpy().tolist() == record.daily_returns[window].tolist()
        assert (returns.index - pd.Timestamp(0, tz="UTC")).days.tolist() == record.days[window].tolist()


def test_figures_that_were_not_computed_read_as_nan(ledger: Ledger, queries: Queries) -> None:
    record = run(
        1, objective=float("nan"), figures={"train": figures(1, sharpe=float("nan"))}, assets={}, daily_returns={}, days={}
    )
    ledger.record_run(record, [batch("b1")])
    row = queries.run("c1-0001")
    assert np.isnan(row.objective)
    assert np.isnan(row.figures["train"]["sharpe"])
    assert row.figures["validation"] == {}
    assert queries.runs("c1")[["validation_sharpe", "train_sharpe"]].isna().all(axis=None)
    assert queries.daily_returns("c1-0001", "train").empty
    assert queries.run_assets("c1-0001", "train").empty


def test_a_failed_run_keeps_its_failure_and_its_code(ledger: Ledger, queries: Queries) -> None:
    ledger.record_run(failed_run(1), [batch("b1")])
    row = queries.run("c1-0001")
    assert row.failure == Failure("error", "ZeroDivisionError: division by zero", 7)
    assert (row.params, row.best_scenario, row.source) == (None, None, "# strategy 1\n")
    assert queries.scenarios("c1-0001").empty


def test_a_run_recorded_twice_counts_once(ledger: Ledger, queries: Queries) -> None:
    assert ledger.record_run(run(1), [batch("b1")])
    assert not ledger.record_run(run(1), [batch("b1")])
    assert not ledger.record_run(run(1), [batch("b2")])
    assert len(queries.scenarios("c1-0001")) == 4
    assert (queries.totals().runs, queries.totals().trials) == (1, 4)


def test_a_second_run_of_one_number_is_refused_whole(ledger: Ledger, queries: Queries) -> None:
    ledger.record_run(run(1), [batch("b1")])
    with pytest.raises(CampaignError, match="run 1 of campaign c1 is c1-0001 already"):
        ledger.record_run(run(1, run_id="another"), [batch("b2")])
    assert (queries.totals().runs, queries.totals().trials) == (1, 4)


def test_an_unknown_campaign_takes_no_run_and_no_event(ledger: Ledger, queries: Queries) -> None:
    with pytest.raises(CampaignError, match="no campaign c9"):
        ledger.record_run(run(1, campaign="c9"), [batch("b1")])
    with pytest.raises(CampaignError, match="no campaign c9"):
        ledger.campaign_event("c9", "started")
    assert queries.totals().trials == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"figures": {"train": {"sharp": 1.0}}}, "sharp"),
        ({"figures": {"vault": figures(1)}}, "vault"),
        ({"scenarios": scenario_table(1, 2)}, None),
        ({"scenarios": scenario_table(1, 2).drop(columns="sharpe")}, "sharpe"),
        ({"assets": {"train": assets(1).drop(columns="pnl")}}, "pnl"),
        ({"days": {}}, "5 daily returns of train, but 0 days"),
    ],
)
def test_a_record_that_breaks_its_contract_leaves_nothing(
    ledger: Ledger, queries: Queries, changes: dict[str, object], told: str | None
) -> None:
    record = dataclasses.replace(run(1), **changes)  # type: ignore[arg-type]
    if told is None:
        assert ledger.record_run(record, [batch("b1")])
        return
    with pytest.raises(ValueError, match=told):
        ledger.record_run(record, [batch("b1")])
    assert (queries.totals().runs, queries.totals().trials) == (0, 0)


def test_two_runs_of_one_source_store_it_once(ledger: Ledger, queries: Queries, database: object) -> None:
    first, second = run(1), run(2)
    ledger.record_run(first, [batch("b1")])
    ledger.record_run(dataclasses.replace(second, code_hash=first.code_hash, proposal=first.proposal), [batch("b2")])
    assert queries.run("c1-0002").source == queries.run("c1-0001").source == first.proposal.source


def test_the_latest_preset_of_a_name_counts(ledger: Ledger, queries: Queries) -> None:
    ledger.save_preset("wide", {"scenarios": 100})
    ledger.save_preset("narrow", {"scenarios": 10})
    ledger.save_preset("wide", {"scenarios": 500, "assets": ["BTCUSDT"]})
    assert queries.presets() == {"narrow": {"scenarios": 10}, "wide": {"scenarios": 500, "assets": ["BTCUSDT"]}}


def test_every_look_into_a_sealed_window_is_kept(ledger: Ledger, queries: Queries) -> None:
    ledger.record_look(Look("d1", "vault", who="backtest", why="window all"))
    ledger.record_look(Look("d2", "vault", who="page", why="opened", campaign_id="c1", run_id="c1-0001"))
    assert queries.looks()["why"].tolist() == ["opened", "window all"]
    assert queries.looks(data_hash="d1")["who"].tolist() == ["backtest"]
    assert queries.looks(campaign_id="c1")["run_id"].tolist() == ["c1-0001"]
