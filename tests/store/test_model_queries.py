"""Pages of calls, what they cost, what prompts and ideas led to, and answers that hang on no order of writing."""

import dataclasses
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.errors import UnknownRun
from engine.model_records import Belief, Idea, ModelChoice, Refusal, Spent
from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.memory_queries import Earnings
from engine.store.model_ledger import ModelLedger
from engine.store.model_queries import ModelQueries
from engine.store.snapshot import open_readers, write_snapshot
from tests.store.model_samples import START, call, failed_model_run, model_run, story
from tests.store.samples import batch, figures, run, spec


def _record(ledger: Ledger, record: Any, told: Any = None) -> None:
    ledger.record_run(record, [batch(record.run_id)], told)


# Calls


def test_a_page_of_calls_says_how_their_runs_ended(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for number in (1, 2, 3, 4):
        model_ledger.record_call(call(number, 1))
    _record(ledger, model_run(1), story(1, is_kept=True))
    _record(ledger, failed_model_run(2, "lookahead"), story(2))
    _record(ledger, run(3))
    page = model_queries.calls(newest_first=False)
    assert page["number"].tolist() == [1, 2, 3, 4]
    assert page["run_id"].fillna("").tolist() == ["c1-0001", "c1-0002", "c1-0003", ""]
    assert page["run_status"].fillna("").tolist() == ["scored", "failed", "scored", ""]
    assert page["run_failure"].fillna("").tolist() == ["", "lookahead", "", ""]
    assert [None if pd.isna(kept) else bool(kept) for kept in page["kept"]] == [True, None, None, None]
    assert not {"prompt", "reply", "inputs", "fields"} & set(page.columns)
    assert str(page["at_utc"].dt.tz) == "UTC"


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, ["2.2", "2.1", "1.3", "1.2", "1.1"]),
        ({"newest_first": False, "limit": 2, "offset": 1}, ["1.2", "1.3"]),
        ({"run_id": "c1-0001"}, ["1.3", "1.2", "1.1"]),
        ({"role": "repair"}, ["1.2"]),
        ({"status": "malformed", "number": 2}, ["2.1"]),
        ({"model": "another"}, ["2.2"]),
        ({"prompt_version": "v2"}, ["2.2", "1.3"]),
        ({"origin": "replay"}, ["2.2"]),
        ({"campaign_id": "c2"}, []),
        ({"text": "CODE OF 1."}, ["1.3", "1.2", "1.1"]),
        ({"text": "code of", "limit": 2, "offset": 1}, ["2.1", "1.3"]),
        ({"text": 'say "größer"\nnow'}, ["1.2"]),
        ({"text": "code of", "role": "repair"}, ["1.2"]),
        ({"text": "nowhere"}, []),
    ],
)
def test_calls_are_found_by_every_condition_given(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries, conditions: dict[str, Any], found: list[str]
) -> None:
    _record(ledger, model_run(1))
    message = json.dumps([{"role": "user", "content": 'Say "größer"\nnow'}])
    for made in (
        call(1, 1),
        call(1, 2, role="repair", prompt=message),
        call(1, 3, prompt_version="v2"),
        call(2, 1, status="malformed"),
        call(2, 2, model="another", prompt_version="v2", origin="replay"),
    ):
        model_ledger.record_call(made)
    page = model_queries.calls(**conditions)
    assert [f"{number}.{seq}" for number, seq in zip(page["number"], page["seq"], strict=True)] == found


def test_a_search_reaches_beyond_the_texts_it_reads_at_once(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    for seq in range(1, 521):
        model_ledger.record_call(call(1, seq, reply="needle" if seq in (2, 519) else "hay"))
    assert model_queries.calls(text="needle")["seq"].tolist() == [519, 2]
    assert model_queries.calls(text="needle", limit=None, offset=1)["seq"].tolist() == [2]


def test_a_runs_calls_come_in_order_and_replays_are_not_among_them(
    model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for made in (call(5, 2, role="repair"), call(5, 1), call(5, 3, origin="replay"), call(6, 1)):
        model_ledger.record_call(made)
    assert [made.seq for made in model_queries.calls_of_run("c1", 5)] == [1, 2]
    assert model_queries.next_seq("c1", 5) == 4
    assert model_queries.next_seq("c1", 7) == 1


def test_statuses_are_those_of_recorded_runs_up_to_the_number(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for number in (1, 2, 3):
        model_ledger.record_call(call(number, 1, status="empty" if number == 1 else "answered"))
    _record(ledger, model_run(1))
    _record(ledger, model_run(3))
    assert model_queries.statuses("c1", 2)["status"].tolist() == ["empty"]
    assert model_queries.statuses("c1", 3)["number"].tolist() == [1, 3]


# Spending


def test_spending_is_exact_to_the_cent_and_counts_what_has_no_price(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for number in range(1, 11):
        model_ledger.record_call(call(number, 1, usd=0.1))
    model_ledger.record_call(call(11, 1, usd=None, tokens_in=None, origin="replay"))
    assert model_queries.spent_in_campaign("c1") == Spent(11, 10_000, 2_200, 1.0, 1)
    assert model_queries.spent_in_campaign("c2") == Spent()


def test_days_are_utc_and_end_at_midnight(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    midnight = START.replace(hour=0)
    times = (
        midnight - timedelta(microseconds=1),
        midnight,
        midnight + timedelta(hours=23, minutes=59),
        midnight + timedelta(days=1),
    )
    for seq, at_utc in enumerate(times, 1):
        model_ledger.record_call(call(1, seq, at_utc=at_utc))
    assert model_queries.spent_on_day(START.date()).calls == 2
    assert model_queries.spent_on_day(START.date() + timedelta(days=1)).calls == 1


def test_what_the_latest_runs_cost_each(ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    for number in (1, 2, 3):
        for seq in range(1, number + 1):
            model_ledger.record_call(call(number, seq))
        if number < 3:
            _record(ledger, model_run(number, elapsed_s=9.0))
    model_ledger.record_call(call(2, 9, origin="replay"))
    spent = model_queries.spent_per_run("c1", last=1)
    assert spent[["number", "calls", "usd", "latency_s", "elapsed_s"]].values.tolist() == [[2, 2, 0.03, 5.0, 9.0]]
    assert model_queries.spent_per_run()["calls"].tolist() == [2, 1]


# What writers know


def test_past_runs_are_those_of_the_arm_up_to_the_number(ledger: Ledger, model_queries: ModelQueries) -> None:
    told = story(1, pack="statistics", used=("i1",))
    _record(ledger, failed_model_run(4, "policy", "no imports"), story(4))
    _record(ledger, model_run(1, validation=0.75), told)
    _record(ledger, run(2))
    _record(ledger, model_run(7))
    first, failed = model_queries.past_runs("c1", "model", 6)
    assert (first.number, first.story, first.validation_sharpe, first.validation_days) == (1, told, 0.75, 5)
    assert (first.source, first.params) == ("# strategy 1\n", {"fast": 5, "average": "ema"})
    assert first.train == figures(1)
    assert failed.failure is not None
    assert (failed.status, failed.failure.kind, failed.failure.line, failed.train, failed.validation_days) == (
        "failed",
        "policy",
        3,
        {},
        0,
    )
    assert np.isnan(failed.validation_sharpe)
    assert [p.number for p in model_queries.past_runs("c1", "model", 7, after_number=4)] == [7]
    assert [p.number for p in model_queries.past_runs("c1", "random", 7)] == [2]
    assert model_queries.past_run("c1-0001") == first
    assert model_queries.past_run("c1-0002").story is None
    with pytest.raises(UnknownRun, match="c1-0009"):
        model_queries.past_run("c1-0009")
    with pytest.raises(UnknownRun, match="c1-0009"):
        model_queries.story("c1-0009")


def test_an_idea_earns_what_the_runs_that_were_shown_it_did(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for identity in ("i1", "i2"):
        model_ledger.add_idea(Idea(identity, identity, "text"))
    model_ledger.record_belief(Belief("b1", "lesson", "text"), "c1")
    _record(ledger, model_run(3), story(3, used=("i1",), is_kept=False, ladder="worse"))
    _record(ledger, model_run(1), story(1, used=("i1", "b1"), is_kept=True, ladder="better"))
    _record(ledger, failed_model_run(2, "policy"), story(2, used=("b1", "i1")))
    assert [earned for _, earned in model_queries.ideas()] == [Earnings(3, 2, 1, 1), Earnings()]
    assert model_queries.idea_uses("i1") == ["c1-0001", "c1-0002", "c1-0003"]
    assert model_queries.belief_uses("b1") == ["c1-0001", "c1-0002"]


# Prompts


def test_versions_are_judged_by_the_runs_they_fed(ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    for version in ("v2", "v1"):
        model_ledger.prompt_version("draft", version, "text", who="file")
    for made in (
        call(1, 1),
        call(1, 2, status="empty"),
        call(2, 1),
        call(3, 1, prompt_version="v2"),
        call(3, 2, role="repair"),
        call(1, 3, prompt_version="v2", origin="replay"),
        call(9, 1, prompt_version="v3"),
    ):
        model_ledger.record_call(made)
    _record(ledger, model_run(1, objective=1.0, validation=0.5), story(1, is_kept=True))
    _record(ledger, failed_model_run(2, "policy"), story(2))
    _record(ledger, model_run(3, objective=3.0, validation=-1.0), story(3, is_kept=False))
    results = model_queries.version_results("draft").set_index("version")
    assert results.index.tolist() == ["v2", "v1", "v3"]
    columns = ["calls", "answered", "runs", "ran_share", "kept_share", "mean_objective", "mean_validation_objective", "usd"]
    assert results.loc["v1", columns].tolist() == [3, 2, 2, 0.5, 0.5, 1.0, 0.5, 0.045]
    assert results.loc["v2", columns].tolist() == [1, 1, 1, 1.0, 0.0, 3.0, -1.0, 0.015]
    assert results.loc["v3", ["calls", "runs"]].tolist() == [1, 0]
    assert np.isnan(results.loc["v3", "ran_share"])
    assert model_queries.version_results("draft", campaign_id="c2").empty
    runs = model_queries.version_runs("draft")
    assert runs[["version", "run_id"]].values.tolist() == [["v1", "c1-0001"], ["v1", "c1-0002"], ["v2", "c1-0003"]]


# Order, time and place of writing


def _fill(store: Path, order: Sequence[int], delay: timedelta) -> tuple[Settings, Database]:
    settings = Settings(store_dir=store)
    database = Database(settings.database_path)
    ledger, model = Ledger(database, settings), ModelLedger(database, settings, clock=lambda: START + delay)
    ledger.create_campaign("c1", spec())
    model.choose_model(ModelChoice("openai/scripted"))
    model.add_idea(Idea("i1", "Gaps", "text"))
    model.prompt_version("draft", "v1", "text", who="file")
    model.steer("c1", "try", note="volume")
    for number in order:
        for seq in (1, 2):
            made = call(number, seq, usd=0.1 / number)
            model.record_call(dataclasses.replace(made, at_utc=made.at_utc + delay * number, latency_s=delay.seconds))
        failed = number % 4 == 0
        record = failed_model_run(number, "policy") if failed else model_run(number, elapsed_s=delay.total_seconds())
        refusals = (Refusal("policy", "no imports", number),)
        _record(ledger, record, story(number, used=("i1", "b1"), is_kept=not failed, ladder="better", refusals=refusals))
        model.record_belief(Belief(f"b{number}", "lesson", "text", runs_for=(record.run_id,)), "c1", record.run_id)
        model.indicator("c1", "surge", f"of {number}", "def surge(): ...", record.run_id)
        model.steering_used(1, record.run_id)
    return settings, database


def _answers(queries: ModelQueries) -> dict[str, Any]:
    """Every answer about campaigns that should be equal, but for times."""
    calls = queries.calls(limit=None).drop(columns=["at_utc", "latency_s"])
    return {
        "calls": calls.sort_values(["number", "seq"]).reset_index(drop=True),
        "call": queries.call("c1-3-1-loop").reply,
        "calls of run": [made.prompt for made in queries.calls_of_run("c1", 3)],
        "statuses": queries.statuses("c1", 9),
        "spent": queries.spent_in_campaign("c1"),
        "stories": queries.stories("c1"),
        "past": [(p.run_id, p.story, p.validation_sharpe, p.train.get("sharpe")) for p in queries.past_runs("c1", "model", 9)],
        "ideas": queries.ideas(START),
        "beliefs": queries.beliefs(campaign_id="c1", up_to_number=7),
        "uses": queries.belief_uses("b1"),
        "steering": queries.steering("c1"),
        "indicators": queries.indicators("c1", 9),
        "results": queries.version_results("draft"),
        "runs": queries.version_runs("draft"),
        "funnel": queries.funnel("c1"),
        "cases": queries.funnel_cases("c1", "policy"),
        "refusals": queries.funnel_refusals("c1", limit=99),
        "choice": queries.model_choice(),
        "caps": [queries.caps(), queries.own_caps()],
    }


def _assert_equal(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name, value in wanted.items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(found[name], value, check_exact=True)
        else:
            assert str(found[name]) == str(value), name


def test_answers_hang_neither_on_the_order_nor_on_the_time_of_writing(tmp_path: Path) -> None:
    _, one = _fill(tmp_path / "one", [1, 2, 3, 4, 5, 6, 7, 8, 9], timedelta(0))
    _, other = _fill(tmp_path / "other", [2, 1, 3, 5, 4, 8, 7, 6, 9], timedelta(seconds=77))
    _assert_equal(_answers(ModelQueries(other)), _answers(ModelQueries(one)))
    one.close()
    other.close()


def test_a_snapshot_answers_as_the_ledger(tmp_path: Path) -> None:
    settings, database = _fill(tmp_path / "store", [1, 2, 3, 4, 5], timedelta(0))
    write_snapshot(database, settings.snapshot_dir)
    with open_readers(settings) as (queries, model_queries):
        assert queries.source == "snapshot"
        _assert_equal(_answers(model_queries), _answers(ModelQueries(database)))
        assert model_queries.prompt_versions("draft")["version"].tolist() == ["v1"]
    database.close()


def test_a_store_without_a_ledger_has_no_calls(tmp_path: Path) -> None:
    with open_readers(Settings(store_dir=tmp_path / "none")) as (_, queries):
        assert queries.calls(text="x").empty
        assert queries.model_choice() is None
        assert queries.funnel("c1").empty


def test_a_page_of_calls_reads_no_long_text(
    model_ledger: ModelLedger, model_queries: ModelQueries, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,000 calls hold a hundred megabytes of texts; a query's plan tells which columns it reads."""

    def plan(sql: str, params: Sequence[Any] = ()) -> str:
        return str(database.rows(f"EXPLAIN {sql}", params)[0][1])

    asked: list[str] = []
    read = database.read

    def watched(sql: str, params: Sequence[Any] = ()) -> pd.DataFrame:
        asked.append(plan(sql, params))
        return read(sql, params)

    model_ledger.record_call(call(1, 1))
    monkeypatch.setattr(database, "read", watched)
    assert len(model_queries.calls(limit=10_000)) == 1
    long_texts = re.compile(r"\b(inputs|prompt|reply|fields)\b")
    assert set(long_texts.findall(plan("SELECT * FROM model_calls"))) == {"inputs", "prompt", "reply", "fields"}
    assert "tokens_in" in asked[0]
    assert not long_texts.findall(asked[0])
