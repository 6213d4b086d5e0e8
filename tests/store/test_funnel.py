"""How far runs came, before and after repairs, and what stopped them."""

import dataclasses
from typing import Any

import pytest

from engine.model_records import Refusal
from engine.store.ledger import Ledger
from engine.store.model_ledger import ModelLedger
from engine.store.model_queries import ModelQueries
from tests.store.model_samples import call, failed_model_run, model_run, story
from tests.store.samples import batch, figures, run

_STEPS = ["proposed", "parsed", "policy", "causal", "traded", "beat_parent", "validated"]


def _record(ledger: Ledger, record: Any, told: Any = None) -> None:
    ledger.record_run(record, [batch(record.run_id)], told)


def _with_trades(record: Any, trades: float) -> Any:
    return dataclasses.replace(record, figures=record.figures | {"train": figures(1, trades_with_open=trades)})


@pytest.fixture
def funnel_runs(ledger: Ledger, model_ledger: ModelLedger) -> None:
    """Ten runs of the model, one or two ended by each step, and two of the random arm."""
    twice = (Refusal("reply", "no code"), Refusal("policy", "no imports", 2))
    ends = [
        (failed_model_run(1, "reply", "no code"), {}),
        (failed_model_run(2, "policy", "no imports"), {"refusals": twice}),
        (failed_model_run(3, "timeout"), {}),
        (failed_model_run(4, "lookahead"), {}),
        (failed_model_run(5, "no_trades"), {}),
        (_with_trades(model_run(6), 0.0), {}),
        (model_run(7), {"is_kept": False, "ladder": "better"}),
        (model_run(8), {"is_kept": True, "ladder": "not shown"}),
        (model_run(9), {"is_kept": True, "ladder": "better"}),
        (model_run(10), {"is_kept": True, "ladder": "better", "refusals": (Refusal("start_dependent", "counts bars"),)}),
    ]
    for record, told in ends:
        model_ledger.record_call(call(record.number, 1))
        _record(ledger, record, story(record.number, **told))
    _record(ledger, run(11))
    _record(ledger, dataclasses.replace(failed_model_run(12, "no_trades"), proposal=run(12).proposal))


@pytest.mark.usefixtures("funnel_runs")
def test_the_funnel_counts_how_far_runs_came(model_queries: ModelQueries) -> None:
    funnel = model_queries.funnel("c1")
    assert funnel[["arm", "model", "role", "version"]].values.tolist() == [
        ["model", "openai/scripted", "draft", "v1"],
        ["random", "", "", ""],
    ]
    assert funnel[_STEPS].values.tolist() == [[10, 9, 7, 6, 4, 3, 2], [2, 2, 2, 2, 1, 0, 0]]
    first = model_queries.funnel("c1", first_drafts=True)
    assert first[_STEPS].values.tolist() == [[10, 8, 7, 5, 3, 2, 1], [2, 2, 2, 2, 1, 0, 0]]


@pytest.mark.usefixtures("funnel_runs")
def test_a_step_opens_to_its_cases_and_refusals(model_queries: ModelQueries) -> None:
    cases = model_queries.funnel_cases("c1", "policy", arm="model")
    assert cases["number"].tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert cases["passed"].tolist() == [False] * 2 + [True] * 7
    assert cases["kind"].fillna("").tolist()[:3] == ["policy", "timeout", ""]
    first = model_queries.funnel_cases("c1", "parsed", first_drafts=True, limit=3)
    assert first[["number", "kind", "message"]].values.tolist()[:2] == [[1, "reply", "no code"], [2, "reply", "no code"]]
    refusals = model_queries.funnel_refusals("c1")
    assert refusals.loc[:1, ["kind", "message", "drafts", "runs"]].values.tolist() == [
        ["no_trades", "refused", 2, 2],
        ["policy", "no imports", 2, 1],
    ]
    assert model_queries.funnel_refusals("c1", "causal")["kind"].tolist() == ["lookahead", "start_dependent"]
    assert model_queries.funnel_refusals("c1", "traded", arm="random")["drafts"].tolist() == [1]


def test_a_runs_writer_is_the_call_of_its_own_role(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for made in (
        call(1, 1, role="market", prompt_version="m"),
        call(1, 2, role="improve", prompt_version="old"),
        call(1, 3, role="improve", prompt_version="new"),
        call(1, 4, role="ranges", prompt_version="r"),
        call(1, 5, role="improve", prompt_version="replayed", origin="replay"),
    ):
        model_ledger.record_call(made)
    _record(ledger, model_run(1), story(1, operator="improve"))
    assert model_queries.funnel("c1")[["role", "version"]].values.tolist() == [["improve", "new"]]
