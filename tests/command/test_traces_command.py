"""Calls as the command line shows them, from a ledger that nobody or another process owns."""

import json

import pytest

from engine.settings import Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.model_ledger import ModelLedger
from engine.store.snapshot import write_snapshot
from tests.command.conftest import Cli
from tests.store.model_samples import call, failed_model_run, model_run, story
from tests.store.samples import spec


@pytest.fixture
def told(settings: Settings) -> Settings:
    """A ledger with two runs: the first was drafted and repaired, the second's writer refused; and a replay."""
    database = Database(settings.database_path)
    ledger, model = Ledger(database, settings), ModelLedger(database, settings)
    ledger.create_campaign("c1", spec())
    calls = (
        call(1, 1),
        call(1, 2, role="repair", reply="mended", fields={"change": "a bracket", "code": "y"}),
        call(2, 1, status="refused", problem="the model refused:\nno", usd=None, tokens_in=None, tokens_out=None),
        call(0, 1, origin="replay"),
    )
    for made in calls:
        model.record_call(made)
    ledger.record_run(model_run(1), (), story(1, is_kept=True))
    ledger.record_run(failed_model_run(2, "reply"), (), story(2))
    write_snapshot(database, settings.snapshot_dir)
    database.close()
    return settings


def test_the_latest_calls_come_first_each_with_how_its_run_ended(cli: Cli, told: Settings) -> None:
    found = cli("traces", "--json").answer["calls"]
    assert [(c["number"], c["seq"]) for c in found] == [(2, 1), (1, 2), (1, 1), (0, 1)]
    assert [(c["run_status"], c["run_failure"], c["kept"]) for c in found] == [
        ("failed", "reply", None), ("scored", None, True), ("scored", None, True), (None, None, None),
    ]  # fmt: skip
    assert (found[0]["tokens_in"], found[0]["usd"]) == (None, None)
    assert "reply" not in found[0]


def test_a_runs_calls_are_told_whole_and_in_the_order_made(cli: Cli, told: Settings) -> None:
    found = cli("traces", "--run", "c1-0001", "--json").answer["calls"]
    assert [(c["seq"], c["role"], c["reply"]) for c in found] == [(1, "draft", "code of 1.1"), (2, "repair", "mended")]
    assert found[1]["fields"] == {"change": "a bracket", "code": "y"}
    assert json.loads(found[0]["prompt"])[0]["content"] == "write a strategy"


def test_calls_are_chosen_by_role_status_and_number(cli: Cli, told: Settings) -> None:
    assert [c["seq"] for c in cli("traces", "--role", "repair", "--json").answer["calls"]] == [2]
    assert [c["number"] for c in cli("traces", "--status", "refused", "--json").answer["calls"]] == [2]
    assert len(cli("traces", "--limit", "3", "--json").answer["calls"]) == 3


def test_people_read_a_line_a_call_and_what_nobody_knows_is_said_so(cli: Cli, told: Settings) -> None:
    lines = cli("traces").out.splitlines()
    assert len(lines) == 5
    assert "refused" in lines[1]
    assert "not told" in lines[1]
    assert "not computed" in lines[1]
    assert "replay" in lines[4]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--role", "poet"), "there is no role 'poet'; there are market, draft"),
        (("--status", "gone"), "there is no status 'gone'; there are answered"),
        (("--run", "nowhere"), "no run 'nowhere'"),
    ],
)
def test_what_there_is_not_is_told_with_what_there_is(cli: Cli, told: Settings, words: tuple[str, ...], said: str) -> None:
    assert said in cli("traces", *words).refusal


def test_while_another_owns_the_ledger_the_snapshot_answers(cli: Cli, told: Settings) -> None:
    owner = Database(told.database_path)
    try:
        answer = cli("traces", "--json").answer
    finally:
        owner.close()
    assert (answer["source"], len(answer["calls"])) == ("snapshot", 4)


def test_a_store_without_calls_says_so(cli: Cli) -> None:
    assert "no call" in cli("traces").out
