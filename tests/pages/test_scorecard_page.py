"""Scorecard: its figures are those of the ledger, the vault stays sealed, and luck is told on Overview and Runs."""

from collections.abc import Callable

import pandas as pd
from streamlit.testing.v1 import AppTest

from engine.research.campaign_luck import campaign_luck, runs_counted
from pages.access import research
from pages.look import figure_text, plain


def captions(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def test_each_benchmark_has_its_windows_with_the_figures_of_the_ledger(page: Callable[[str], AppTest]) -> None:
    scorecard, queries = page("scorecard"), research().queries
    run = queries.run(queries.campaigns()["best_run_id"].iloc[0])
    assert len(scorecard.table) == 4
    table = scorecard.table[0].value.T
    assert table.index.tolist() == ["train", "validation", "vault", "worst case"]
    assert table.loc["validation", "Found"] == plain(figure_text("total_return", run.figures["validation"]["total_return"]))
    assert table.loc["train", "Buy-and-hold"] == plain(figure_text("total_return", run.figures["train"]["buy_and_hold_return"]))
    assert table.loc["vault", "Found"] == "sealed"
    assert "Data budget" in " ".join(text.value for text in scorecard.markdown)


def test_a_win_rate_has_expectancy_beside_it_and_an_interval_once_trades_are_made(page: Callable[[str], AppTest]) -> None:
    scorecard = page("scorecard")
    before = scorecard.table[3].value.T.loc["train"]
    assert before["Expectancy"].endswith("%")
    assert before["95% interval"].startswith("not computed")
    scorecard.button(key="scorecard.trades").click().run()
    assert not scorecard.exception
    after = scorecard.table[3].value.T.loc["train"]
    assert " to " in after["95% interval"] or "days with trades" in after["95% interval"]
    assert after["Found"] == before["Found"]


def test_an_opened_vault_is_shown_beside_the_other_windows(page: Callable[[str], AppTest]) -> None:
    page("overview")
    service = research()
    run_id = service.queries.campaigns()["best_run_id"].iloc[0]
    seen = service.promoter.vault.look(run_id, who="page", why="test")
    table = page("scorecard").table[0].value.T
    assert table.loc["vault", "Found"] == plain(figure_text("total_return", seen.figures["total_return"]))


def test_luck_is_told_behind_the_best_results_on_overview_and_on_runs(page: Callable[[str], AppTest]) -> None:
    overview = captions(page("overview"))
    assert "effective trials without skill" in overview
    assert "years of train can bear" in overview
    runs = page("runs")
    runs.segmented_control(key="runs.view").set_value("Best so far").run()
    assert not runs.exception
    assert "effective trials without skill" in captions(runs)


def test_the_effective_trials_of_the_curve_grow_to_those_of_the_evidence(page: Callable[[str], AppTest]) -> None:
    page("overview")
    service = research()
    campaign_id = service.queries.campaigns()["campaign_id"].iloc[0]
    luck = campaign_luck(campaign_id, service.queries)
    evidence = service.promoter.book.of(campaign_id)
    train = luck.lines["train"].curve.trials
    assert (train[1:] >= train[:-1]).all()
    assert train[-1] == evidence.effective
    assert luck.budget.used == evidence.effective
    assert runs_counted(12_345) == 12_000


def test_without_its_bars_a_campaign_keeps_its_scorecard_and_its_luck(page: Callable[[str], AppTest]) -> None:
    before = page("scorecard")
    rows = [table.value for table in before.table]
    service = research()
    service.catalog.remove(service.queries.campaign(service.queries.campaigns()["campaign_id"].iloc[0]).spec.dataset)
    after = page("scorecard")
    assert not after.exception
    assert "no dataset" in " ".join(error.value for error in after.error)
    for table, wanted in zip(after.table, rows, strict=True):
        pd.testing.assert_frame_equal(table.value, wanted)
    after.button(key="scorecard.trades").click().run()
    assert not after.exception
    assert len(after.table) == len(rows), "what needs bars says so, and the rest stays"
    assert "effective trials without skill" in captions(page("overview"))
