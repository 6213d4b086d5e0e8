"""Numbers and names that cannot be, on the command line: refused in a sentence before anything is computed or recorded."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.snapshot import open_reader
from tests.command.conftest import Cli
from tests.research import small
from tests.store.samples import failed_run

RUN = ("run", "--data", "small", "--iterations", "1", "--scenarios", "3", "--min-trades", "100000")
"""A campaign whose only run has too few trades."""


@pytest.fixture
def cross(tmp_path: Path) -> Path:
    """A strategy file that is in order."""
    file = tmp_path / "mine.py"
    file.write_text(small.CROSS)
    return file


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--campaigns", "0"), "0 campaigns were asked for; wanted 1 to 10,000"),
        (("--campaigns", "1000000000"), "wanted 1 to 10,000"),
        (("--runs", "-1"), "-1 runs were asked for; wanted 10 (the seed strategies) to"),
        (("--scenarios", "0"), "0 scenarios were asked for; wanted 1 to 100,000"),
        (("--scenarios", "10000000000"), "wanted 1 to 100,000"),
        (("--assets", "0"), "found 0 assets"),
        (("--bars", "0"), "and 0 bars"),
        (("--bars", "1"), "and 1 bars"),
        (("--assets", "1000000000000"), "holds at most 50,000,000 bars of all assets together"),
        (("--market", "planted:hour:4", "--bars", "0"), "and 0 bars"),
        (("--market", "planted:hour:4", "--assets", "0"), "a planted market has 40"),
        (("--market", "planted:hour:nan"), "found strength nan"),
        (("--market", "permuted:small", "--bars", "0"), "and 0 bars wanted of small"),
        (("--market", "permuted:small", "--assets", "0"), "found 0 assets"),
        (("--market", "permuted:small", "--bars", "1"), "at least 20"),
        (("--market", "mirrored:ghost"), "no dataset 'ghost'"),
        (("--seed", "-1"), "the seed is -1; wanted a whole number of 0 or more"),
        (("--method", "magic"), "'magic'; wanted one of"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused_and_no_number_is_taken_for_its_default(cli: Cli, words, found):
    said = cli("calibrate", *words, "--json")
    assert found in said.refusal
    assert said.answer == {"error": said.refusal}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("bench", "--data", "small", "--scenarios", "0", "--no-pages"), "0 scenarios; wanted 2 to 100,000"),
        (("bench", "--data", "small", "--scenarios", "10000000000", "--no-pages"), "wanted 2 to 100,000"),
        (("bench", "--data", "small", "--pairs", "0", "--no-pages"), "0 pairs; wanted 1 to 100"),
        (("data", "demo", "--name", "own", "--bars", "100000000000000000000"), "holds at most 50,000,000 bars"),
        (("data", "demo", "--name", "own", "--strength", "nan"), "edge strength nan"),
        (("evidence", "ghost"), "no run 'ghost'"),
        (("promote", "ghost"), "no run 'ghost'"),
        (("promote",), "holds no campaign"),
        (("promote", "ghost", "--campaign", "other"), "wanted one of the two"),
        (("vault", "ghost"), "no run 'ghost'"),
        (("vault", "ghost", "--yes"), "no run 'ghost'"),
        (("meter", "ghost"), "holds no campaign"),
    ],
)
def test_what_is_not_there_or_cannot_be_is_one_sentence_as_json_too(cli: Cli, words, found):
    said = cli(*words, "--json")
    assert found in said.refusal
    assert said.answer["error"] == said.refusal


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--capital", "nan"), "the capital is nan; wanted a finite amount above 0"),
        (("--capital", "-1"), "the capital is -1.0"),
        (("--seed", "-1"), "the seed is -1"),
        (("--window", "vault"), "wanted train or validation"),
        (("--fee-rate", "nan"), "fee_rate is nan"),
        (("--param", "n=99999999999999999999999"), "a whole number from 5 to 12"),
        (("--data", "ghost"), "no dataset 'ghost'"),
    ],
)
def test_stress_tests_that_cannot_be_are_refused_before_anything_is_scored(cli: Cli, cross, settings, words, found):
    said = cli("survives", cross, "--data", "small", *words, "--json")
    assert found in said.refusal
    assert said.answer == {"error": said.refusal}
    with open_reader(settings) as queries:
        assert queries.totals().trials == 0


def test_a_failed_run_is_told_before_anyone_is_asked_to_open_the_vault_for_it(cli: Cli, settings):
    board = cli(*RUN, "--json").answer
    database = Database(settings.database_path)
    Ledger(database, settings).record_run(replace(failed_run(9, board["campaign"]), run_id="failed9"), [])
    database.close()
    for words in ((), ("--yes",)):
        assert "run 9 has no result to test in the vault" in cli("vault", "failed9", *words).refusal
    with open_reader(settings) as queries:
        assert queries.looks().empty
    assert "no run 'failed8' is in the ledger; nearest: failed9" in cli("evidence", "failed8").refusal
    assert "no single campaign has the id or the name 'ghost'" in cli("meter", "ghost").refusal


def test_the_mean_of_no_validated_run_is_not_computed(cli: Cli):
    cli(*RUN)
    told = cli("meter").out
    assert "0 validated" in told
    assert "Sharpe mean not computed, best not computed" in told


def test_memory_that_does_not_suffice_is_one_sentence(cli: Cli, cross, monkeypatch):
    def no_memory(path: Path) -> str:
        raise MemoryError((1_000_000, 1_000_000))

    monkeypatch.setattr("engine.command.backtest.read_strategy", no_memory)
    said = cli("backtest", cross, "--data", "small", "--json")
    assert "the memory does not suffice" in said.refusal
    assert said.answer == {"error": said.refusal}
