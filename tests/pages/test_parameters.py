"""The Parameters page: charts of a run's search from the ledger alone, and each set opened."""

import json

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.research.service import ResearchService
from pages import figures_params
from pages.access import research
from tests.pages.conftest import open_page


@pytest.fixture
def page(app: AppTest) -> AppTest:
    return open_page(app, "parameters")


def _metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_the_counts_are_those_of_the_ledger(page: AppTest) -> None:
    service: ResearchService = research()
    runs = service.queries.runs(str(service.queries.campaigns()["campaign_id"].iloc[0]))
    run_id = str(runs.sort_values("rank")["run_id"].iloc[-1])
    page.query_params["run"] = run_id
    page.run()
    rows = service.queries.scenarios(run_id)
    assert int(_metrics(page)["Sets tried"].replace(",", "")) == len(rows)
    assert int(page.query_params["set"]) in rows["scenario"].tolist()


def test_a_set_is_opened_with_its_equity(page: AppTest) -> None:
    page.button(key="parameters.equity").click().run()
    assert not page.exception
    assert not page.error


def test_another_set_is_opened_by_its_number(page: AppTest) -> None:
    box = page.selectbox(key="selection.set.box")
    last = int(box.options[-1].removeprefix("Set ").partition(",")[0])
    box.set_value(str(last)).run()
    assert not page.exception
    assert page.query_params["set"] == str(last)


def test_a_set_of_an_address_is_opened_and_one_that_is_not_there_told(page: AppTest) -> None:
    box = page.selectbox(key="selection.set.box")
    number = box.options[-1].removeprefix("Set ").partition(",")[0]
    page.query_params["set"] = number
    page.run()
    assert page.selectbox(key="selection.set.box").value == number
    page.query_params["set"] = "99999"
    page.run()
    assert "'99999'" in page.warning[0].value.replace("\\", "")
    assert not page.exception


def _sets(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame({
        "scenario": range(n), "trial": range(1, n + 1), "objective": rng.normal(size=n), "best": 1.0, "state": "scored",
        "fast": rng.integers(2, 100, n), "slow": rng.uniform(0, 1, n), "kind": rng.choice(["ema", "sma"], n),
    })  # fmt: skip


def test_a_cell_of_the_heat_map_leads_to_its_best_set() -> None:
    sets = _sets()
    figure = figures_params.heat_figure(sets, "kind", "kind", "Sharpe", "best", dark=False)
    marks, told = figure.data[1], figure.layout.xaxis.ticktext
    assert {round(x) for x in marks.x} == set(range(len(told)))
    for place, data in zip(marks.x, marks.customdata, strict=True):
        some = sets[sets["kind"] == told[round(place)]]
        assert data[0] == some.loc[some["objective"].idxmax(), "scenario"]
        assert data[1] == len(some)


def test_cells_stand_side_by_side_and_that_of_the_chosen_set_has_a_frame() -> None:
    sets = _sets(8).assign(fast=[8, 36] * 4, slow=[1.5, 1.5, 150.0, 150.0] * 2)
    figure = figures_params.heat_figure(sets, "fast", "slow", "Sharpe", "best", chosen=3, dark=False)
    assert figure.layout.xaxis.ticktext == ("8", "36")
    assert figure.layout.yaxis.ticktext == ("1.5", "150")
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0.5, 1.5, 0.5, 1.5)


@pytest.mark.parametrize("data", [7, 7.0, [7, 3, 0.5], {"0": 7, "1": 3}, {0: 7}])
def test_a_clicked_mark_names_its_set_in_whatever_form_it_comes(data: object) -> None:
    assert figures_params.set_of(data) == 7


def test_cells_hold_all_sets_and_no_more_than_fit() -> None:
    sets = _sets(500)
    for name in ("fast", "slow"):
        put = figures_params.cells(sets[name])
        assert put.notna().all()
        assert put.nunique() <= figures_params.CELLS


@pytest.mark.parametrize("dark", [True, False])
def test_charts_take_sets_without_an_objective(dark: bool) -> None:
    sets = _sets()
    sets.loc[::3, "objective"] = np.nan
    sets.loc[::3, "state"] = "failed"
    assert figures_params.history_figure(sets, "Sharpe", dark=dark).data
    assert figures_params.slice_figure(sets, "kind", "Sharpe", "ema", dark=dark).data[0].y.size == sets["objective"].count()
    lines = figures_params.parallel_figure(sets, ["fast", "kind"], "Sharpe", dark=dark).data[0]
    assert [axis.label for axis in lines.dimensions] == ["fast", "kind", "Sharpe"]
    json.loads(figures_params.importance_figure({"fast": 0.7, "kind": 0.3}, dark=dark).to_json())
