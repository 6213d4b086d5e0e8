"""Trades: what stands out, groups, sequences, the worst and the best; a change is simulated anew and counted."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.access import research
from tests.pages.conftest import open_page

VIEWS = ("Groups", "Sequences", "Worst and best", "Kinds of entries", "What if")


def _run_id() -> str:
    queries = research().queries
    return str(queries.runs(str(queries.campaigns()["campaign_id"].iloc[0]))["run_id"].iloc[0])


@pytest.fixture
def trades(page: Callable[[str], AppTest]) -> AppTest:
    """The Trades page: without a choice it stands at the best run."""
    return page("trades")


def _view(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="trades.view").set_value(name).run()
    assert not app.exception
    return app


def test_it_says_how_many_trades_and_whether_anything_stands_out(trades: AppTest) -> None:
    run = research().queries.run(_run_id())
    count = run.figures["train"]["trades_with_open"]
    assert any(f"{count:,.0f} trades on train" in c.value for c in trades.caption)
    found = research().explanations.of(run.run_id).found
    said = [i.value for i in trades.info if "Nothing beyond chance" in i.value]
    assert bool(said) == (not found.findings)


def test_cells_of_a_dimension_sum_to_all_trades(trades: AppTest) -> None:
    run = research().queries.run(_run_id())
    trades.selectbox(key="trades.dimension").set_value("weekday").run()
    shown = trades.dataframe[0].value
    assert shown["trades"].sum() == run.figures["train"]["trades_with_open"]
    assert set(shown["what"]) <= {f"Entered on a {day}" for day in
                                  ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}  # fmt: skip


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_shown_on_both_windows(trades: AppTest, name: str) -> None:
    _view(trades, name)
    trades.segmented_control(key="trades.window").set_value("validation").run()
    assert not trades.exception
    assert not trades.error


def test_worst_and_best_are_the_trades_of_least_and_most_return(trades: AppTest) -> None:
    _view(trades, "Worst and best")
    returns = 100 * research().results.result(_run_id()).trades["return"]
    worst, best = (frame.value["return"] for frame in trades.dataframe[:2])
    assert worst.iloc[0] == pytest.approx(returns.min())
    assert best.iloc[0] == pytest.approx(returns.max())


def test_kinds_of_entries_of_train_hold_every_trade_of_validation_too(trades: AppTest) -> None:
    _view(trades, "Kinds of entries")
    trades.toggle(key="trades.outside").set_value(True).run()
    assert not trades.exception
    run = research().queries.run(_run_id())
    outside = next(frame.value for frame in trades.dataframe[1:] if "n" not in frame.value)
    assert outside["trades"].sum() == run.figures["validation"]["trades_with_open"]


def test_a_change_is_simulated_and_counted_as_a_trial_by_hand(trades: AppTest) -> None:
    _view(trades, "What if")
    service, run_id = research(), _run_id()
    before = service.explanations.looks(run_id, "train")
    trades.number_input[0].set_value(48)
    trades.button[-1].click().run()
    assert not trades.exception
    assert service.explanations.looks(run_id, "train") == before + 1
    shown = trades.table[-1].value.set_index("Figure")
    run = service.queries.run(run_id)
    assert shown.loc["Trades", "Before"] == f"{run.figures['train']['trades_with_open']:,.0f}"


def test_no_change_is_no_trial(trades: AppTest) -> None:
    _view(trades, "What if")
    service, run_id = research(), _run_id()
    before = service.explanations.looks(run_id, "train")
    trades.button[-1].click().run()
    assert any("Nothing is changed" in w.value for w in trades.warning)
    assert service.explanations.looks(run_id, "train") == before


def test_on_validation_the_button_says_which_look_it_is(trades: AppTest) -> None:
    _view(trades, "What if")
    trades.segmented_control(key="trades.window").set_value("validation").run()
    seen = research().explanations.looks(_run_id(), "validation")
    assert trades.button[-1].label == f"Look at validation: trial {seen + 1:,}"


def test_a_run_whose_bars_are_gone_says_so_and_offers_what_the_ledger_holds(trades: AppTest) -> None:
    service, run_id = research(), _run_id()
    spec = service.queries.campaign(service.queries.run(run_id).campaign_id).spec
    service.catalog.remove(spec.dataset)
    other = str(service.queries.runs(service.queries.run(run_id).campaign_id)["run_id"].iloc[1])
    trades.selectbox(key="selection.run.box").set_value(other).run()
    assert not trades.exception
    assert any(spec.dataset in e.value for e in trades.error)
    assert any("The ledger still holds" in m.value for m in trades.markdown)


def test_without_a_campaign_it_says_how_to_begin(empty_app: AppTest) -> None:
    empty_app.run()
    open_page(empty_app, "trades")
    assert any("No campaign yet" in i.value for i in empty_app.info)
