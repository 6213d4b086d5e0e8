"""Bad input on the command line: one clear sentence, a status that says so, no traceback, and nothing lost."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from engine.market.catalog import Catalog
from engine.model_records import ModelChoice
from engine.settings import Settings
from engine.store.database import Database
from engine.store.snapshot import open_reader, open_readers
from engine.store.spool import read_spool
from tests.command.conftest import ROOT, Cli, Said
from tests.market.files import long_frame, write
from tests.research import small

RUN = ("run", "--data", "small", "--iterations", "2", "--scenarios", "3", "--min-trades", "1")
Written = Callable[[str], Path]


@pytest.fixture
def strategy(tmp_path: Path) -> Written:
    """A strategy file of that source."""

    def written(source: str) -> Path:
        file = tmp_path / "mine.py"
        file.write_text(source)
        return file

    return written


def trials(settings: Settings) -> int:
    with open_reader(settings) as queries:
        return queries.totals().trials


# Files of bars


def _replaced(column: str, value: object) -> pd.DataFrame:
    frame = long_frame(bars=200).astype({column: object})
    frame.loc[7, column] = value
    return frame


def _conflicting() -> pd.DataFrame:
    frame = long_frame(bars=200)
    again = frame.iloc[[5]].assign(close=frame["close"].iloc[5] * 1.001, high=1e6)
    return pd.concat([frame, again], ignore_index=True)


@pytest.mark.parametrize(
    ("frame", "found", "wanted"),
    [
        (lambda: long_frame(bars=200).drop(columns="close"), "no column close", "wanted timestamp, open, high, low, close"),
        (_conflicting, "for the same time", "keep one of the two"),
        (lambda: _replaced("open", "twelve"), "row 8: the open is 'twelve'", "wanted"),
        (lambda: _replaced("timestamp", "soon"), "row 8: the time is 'soon'", "wanted an ISO time"),
        (lambda: long_frame(bars=1), "1 time", "at least two"),
        (lambda: long_frame(bars=1).iloc[:0], "no rows", "at least two bars"),
    ],
    ids=["wrong columns", "conflicting duplicates", "text in a price", "text in a time", "a single bar", "no bar"],
)
def test_a_file_that_cannot_be_trusted_is_refused(cli: Cli, tmp_path, store, frame, found, wanted):
    before = Catalog(store / "bars").names()
    refusal = cli("data", "import", write(frame(), tmp_path / "bars.csv"), "--name", "mine").refusal
    assert found in refusal
    assert wanted in refusal
    assert "bars.csv" in refusal
    assert Catalog(store / "bars").names() == before


def test_a_file_that_is_not_there_or_no_table_is_refused(cli: Cli, tmp_path):
    assert "no such file" in cli("data", "import", tmp_path / "ghost.csv", "--name", "mine").refusal
    noise = tmp_path / "noise.parquet"
    noise.write_bytes(b"\x00\x01noise" * 100)
    assert "noise.parquet: cannot be read" in cli("data", "import", noise, "--name", "mine").refusal


def test_a_second_dataset_of_one_name_is_refused_and_the_first_stays(cli: Cli, tmp_path, store, panel):
    file = write(long_frame(bars=200), tmp_path / "bars.csv")
    refusal = cli("data", "import", file, "--name", "small").refusal
    assert "'small' is there already" in refusal
    assert Catalog(store / "bars").open("small").data_hash == panel.data_hash
    assert cli("data", "import", file, "--name", "small", "--replace").status == 0


@pytest.mark.parametrize("name", ["demo", "../up", "", "a b"])
def test_a_name_that_cannot_be_is_refused(cli: Cli, tmp_path, name):
    assert cli("data", "import", write(long_frame(bars=200), tmp_path / "bars.csv"), "--name", name).refusal
    assert cli("data", "demo", "--name", name, "--assets", "2", "--bars", "500").refusal


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--edge", "magic"), "magic"), (("--strength", "99"), "99"), (("--assets", "1"), "1 assets"), (("--seed", "-1"), "-1"),
    ],
)  # fmt: skip
def test_a_demo_market_that_cannot_be_is_refused(cli: Cli, words, found):
    assert found in cli("data", "demo", "--name", "own", *words).refusal


def test_an_unknown_dataset_is_refused_with_those_that_are_near(cli: Cli, strategy):
    file = strategy(small.CROSS)
    for words in (("backtest", file), ("sweep", file), ("run",), ("data", "quality")):
        refusal = cli(*words, "--data", "smal").refusal
        assert "no dataset 'smal'; did you mean small" in refusal


def test_a_damaged_dataset_is_named_and_the_others_are_listed(cli: Cli, store, strategy):
    (store / "bars" / "silent.json").write_text("{")
    said = cli("data", "list", "--json")
    assert "'silent'" in said.refusal
    assert [d["name"] for d in said.answer["datasets"]] == ["small"]
    assert "'silent'" in cli("backtest", strategy(small.CROSS), "--data", "silent").refusal


def test_a_set_with_too_few_bars_for_windows_is_refused(cli: Cli, tmp_path, strategy):
    assert cli("data", "import", write(long_frame(bars=60), tmp_path / "bars.csv"), "--name", "short").status == 0
    assert "at least 20" in cli("backtest", strategy(small.CROSS), "--data", "short").refusal
    assert "at least 20" in cli("run", "--data", "short").refusal


# Strategies


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (small.NO_SYNTAX, "syntax: expected ':': def signals(market, params, ta) (line 4)"),
        (small.NO_SIGNALS, "no function `signals`; wanted def signals(market, params, ta)"),
        ("def signals(market, params, ta):\n    return {}\n", "no PARAMS; wanted a dict"),
        (small.strategy("return {}", n="(9, 5)"), "low <= high"),
        ("", "signals"),
    ],
    ids=["syntax error", "no signals", "no PARAMS", "a range upside down", "empty"],
)
@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_a_strategy_that_is_none_is_refused_and_is_no_trial(cli: Cli, strategy, settings, command, source, found):
    refusal = cli(command, strategy(source), "--data", "small").refusal
    assert refusal.startswith("mine.py: ")
    assert found in refusal
    assert trials(settings) == 0


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (small.WRONG_SHAPE, "900"),
        (small.ALWAYS_FAILS, "ValueError: never mind (line 8)"),
        (small.ENDLESS, "timeout: "),
        (small.strategy("return [1]"), "contract: "),
        (small.strategy('return {"entries": market.close}'), "entries"),
        (small.strategy('return {"entries": market.close > 0, "stop_loss": 2.0}'), "stop_loss"),
    ],
    ids=["wrong shape", "raises", "never ends", "no dict", "no booleans", "a stop beyond 1"],
)
def test_a_strategy_that_fails_is_refused_and_its_trial_counted(cli: Cli, strategy, settings, source, found):
    refusal = cli("backtest", strategy(source), "--data", "small").refusal
    assert refusal.startswith("mine.py: ")
    assert found in refusal
    assert trials(settings) == 1


def test_a_source_that_the_policy_refuses_is_never_run_and_no_trial(cli: Cli, strategy, settings):
    source = small.strategy('return {"entries": ta.magic(market.close) > 0}')
    refusal = cli("backtest", strategy(source), "--data", "small").refusal
    assert "policy: ta.magic; ta holds TA-Lib's functions by their lower-case names" in refusal
    assert trials(settings) == 0


def test_a_sweep_of_which_nothing_ran_is_refused(cli: Cli, strategy, settings):
    assert (
        "none of 4 scenarios ran; error: ValueError: never mind"
        in cli("sweep", strategy(small.ALWAYS_FAILS), "--data", "small", "--scenarios", "4").refusal
    )
    assert trials(settings) == 4


def test_a_strategy_that_reads_volume_is_refused_where_there_is_none(cli: Cli, strategy):
    refusal = cli("backtest", strategy(small.READS_VOLUME), "--data", "silent").refusal
    assert "reads market.volume, but this dataset has no volume; use a dataset that has it" in refusal


@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_a_strategy_that_never_trades_is_refused_and_its_figures_are_given(cli: Cli, strategy, settings, command):
    said = cli(command, strategy(small.NEVER_TRADES), "--data", "small", "--json")
    assert "made no trade" in said.refusal
    assert said.answer["error"] == said.refusal
    figures = said.answer["portfolio"] if command == "backtest" else said.answer["scenarios"][0]
    assert (figures["trades_with_open"], figures["total_return"], figures["sharpe"]) == (0, 0, None)
    assert trials(settings) == said.answer["trials"] > 0
    plain = cli(command, strategy(small.NEVER_TRADES), "--data", "small")
    assert plain.refusal == said.refusal


@pytest.mark.parametrize(
    ("given", "found", "wanted"),
    [
        ("n=99", "parameter n is 99", "a whole number from 5 to 12"),
        ("n=7.5", "7.5", "a whole number"),
        ("n=many", "many", "a whole number"),
        ("m=7", "no parameter 'm'", "it has n"),
        ("n", "no value", "--param n=VALUE"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(cli: Cli, strategy, given, found, wanted):
    refusal = cli("backtest", strategy(small.CROSS), "--data", "small", "--param", given).refusal
    assert found in refusal
    assert wanted in refusal


def test_a_strategy_file_that_cannot_be_read_is_refused(cli: Cli, tmp_path):
    assert "No such file" in cli("backtest", tmp_path / "ghost.py", "--data", "small").refusal
    assert "Is a directory" in cli("sweep", tmp_path, "--data", "small").refusal
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    assert "not UTF-8" in cli("backtest", tmp_path / "latin.py", "--data", "small").refusal


@pytest.mark.parametrize(
    ("command", "words", "found"),
    [
        ("backtest", ("--window", "vault"), "'vault'; wanted train, validation or all"),
        ("backtest", ("--fee-rate", "0.7"), "fee_rate is 0.7"),
        ("backtest", ("--slippage-rate", "-1"), "slippage_rate is -1"),
        ("backtest", ("--shared-cash", "ten"), "'ten'; wanted N or N,F"),
        ("backtest", ("--shared-cash", "0"), "0 positions was asked for; wanted at least 1"),
        ("backtest", ("--shared-cash", "5,0"), "cash is 0; wanted above 0"),
        ("sweep", ("--shared-cash", "5,1.5"), "cash is 1.5; wanted above 0 and at most 1"),
        ("sweep", ("--shared-cash", "5,nan"), "cash is nan; wanted"),
        ("sweep", ("--method", "clever"), "'clever'; wanted one of grid, random, tpe, hybrid, adaptive, robust"),
        ("sweep", ("--scenarios", "0"), "0; wanted 1 to"),
        ("sweep", ("--scenarios", "2000000000"), "2000000000; wanted 1 to"),
        ("sweep", ("--method", "random", "--seed", "-3"), "-3; wanted"),
        ("sweep", ("--objective", "luck"), "'luck'; wanted one of sharpe"),
        ("sweep", ("--min-trades", "-5"), "-5; wanted 0 or more"),
    ],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_scored(cli: Cli, strategy, settings, command, words, found):
    assert found in cli(command, strategy(small.CROSS), "--data", "small", *words).refusal
    assert trials(settings) == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("--iterations", "0"), "0 iterations"), (("--proposer", "oracle"), "'oracle'"), (("--objective", "luck"), "'luck'"),
        (("--seed", "-1"), "-1"), (("--seed", "99999999999999999999"), "2^63"), (("--top", "0"), "top 0"),
        (("--scenarios", "0"), "0; wanted"), (("--fee-rate", "nan"), "nan"), (("--name", "x" * 99), "1 to 80 letters"),
        (("--shared-cash", "1,2,3"), "'1,2,3'"),
    ],
)  # fmt: skip
def test_a_campaign_that_cannot_be_is_refused_and_not_recorded(cli: Cli, settings, words, found):
    assert found in cli(*RUN, *words).refusal
    with open_reader(settings) as queries:
        assert queries.campaigns().empty


def test_ids_that_are_not_there_are_refused_with_the_nearest(cli: Cli):
    assert "holds no campaign" in cli("leaderboard").refusal
    assert "holds no run" in cli("repeat", "--sample", "3").refusal
    board = cli(*RUN, "--json").answer
    assert board["campaign"] in cli("leaderboard", "--campaign", board["campaign"][:-1]).refusal
    assert board["runs"][0]["run_id"] in cli("repeat", board["runs"][0]["run_id"][:-1] + "0").refusal
    for words in ((), ("--sample", "0"), ("some-run", "--sample", "2")):
        assert "one run's id, or --sample N" in cli("repeat", *words).refusal


# The store, the disk, other processes


def _of_the_future(settings: Settings) -> None:
    database = Database(settings.database_path)
    with database.transaction() as writer:
        writer.execute("INSERT INTO migrations VALUES (99, 'future', now()::TIMESTAMP)")
    database.close()


def test_a_ledger_of_a_newer_version_is_refused_everywhere_and_left_alone(cli: Cli, settings, strategy):
    _of_the_future(settings)
    before = settings.database_path.read_bytes()
    file = strategy(small.CROSS)
    for words in (("backtest", file, "--data", "small"), ("sweep", file, "--data", "small", "--scenarios", "2"), RUN,
                  ("leaderboard",), ("repeat", "--sample", "1"), ("doctor",)):  # fmt: skip
        assert "version 99, written by a newer Edgewise" in cli(*words).refusal
    assert settings.database_path.read_bytes() == before


def test_what_is_no_ledger_is_refused_and_left_alone(cli: Cli, settings, strategy):
    settings.database_path.write_text("something else")
    assert "cannot be opened as a ledger" in cli("backtest", strategy(small.CROSS), "--data", "small").refusal
    assert settings.database_path.read_text() == "something else"


def test_a_place_that_cannot_be_written_is_named(cli: Cli, strategy, tmp_path, settings):
    file, taken = strategy(small.CROSS), tmp_path / "folder.parquet"
    taken.mkdir()
    assert str(taken) in cli("backtest", file, "--data", "small", "--trades-out", taken).refusal
    assert str(taken) in cli("sweep", file, "--data", "small", "--scenarios", "2", "--out", taken).refusal
    assert str(file) in cli("data", "demo", "--name", "own", "--assets", "2", "--bars", "500", of=file / "below").refusal


def test_a_full_disk_ends_a_campaign_with_one_sentence_and_loses_nothing(process, cli: Cli, settings):
    words = [*RUN[:4], "{}", "--scenarios", "400", "--min-trades", "1"]

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))  # more than a window has, less than the ledger will

    said = process(*(w.format(40) for w in words), "--json", preexec_fn=little_room)
    assert "no room" in said.refusal
    done = len(said.answer["runs"])
    assert 1 <= done < 40
    kept = cli("leaderboard", "--json").answer
    assert kept["runs"] == said.answer["runs"]
    assert trials(settings) == kept["trials"]
    more = cli(*(w.format(done + 1) for w in words), "--json").answer
    assert sorted(r["number"] for r in more["runs"]) == list(range(1, done + 2))


def test_beside_an_owner_a_backtest_answers_and_leaves_its_trial_for_him(cli: Cli, strategy, settings, owner):
    found = cli("backtest", strategy(small.CROSS), "--data", "small", "--json").answer
    assert found["trials"] == 1
    ((_, spooled),) = read_spool(settings.spool_dir).batches
    assert (spooled.origin, spooled.arm, spooled.scenarios) == ("backtest", "human", 1)
    assert cli("sweep", strategy(small.CROSS), "--data", "small", "--scenarios", "3", "--json").answer["trials"] == 4
    owner.kill()
    owner.wait()
    found = cli("backtest", strategy(small.CROSS), "--data", "small", "--json").answer
    assert found["trials"] == 5
    assert read_spool(settings.spool_dir).batches == ()


def test_beside_an_owner_the_board_comes_from_the_snapshot_and_says_how_old_it_is(cli: Cli, owner):
    board = cli("leaderboard", "--json").answer
    assert (board["source"], board["campaign"], len(board["runs"])) == ("snapshot", "c1", 1)
    assert 0 <= board["age_s"] < 600
    assert "s old: another process owns the ledger" in cli("leaderboard").out


def test_beside_an_owner_what_must_write_says_who_he_is_and_where(cli: Cli, strategy, settings, owner):
    for words in (RUN, ("backtest", strategy(small.CROSS), "--data", "small", "--window", "all")):
        refusal = cli(*words).refusal
        assert f"in use by process {owner.pid} (http://127.0.0.1:8501, since " in refusal
    assert read_spool(settings.spool_dir).batches == (), "a look that was refused must show nothing"


def test_an_owner_without_a_snapshot_is_waited_for_a_little(cli: Cli, strategy, settings, monkeypatch):
    """Once two commands at a time on a fresh store could fail, one finding the other in the ledger and no snapshot."""
    holding = Database(settings.database_path)

    def let_go(_: float) -> None:
        holding.close()

    monkeypatch.setattr("engine.research.trials.time.sleep", let_go)
    assert cli("backtest", strategy(small.CROSS), "--data", "small", "--json").answer["trials"] == 1
    assert len(read_spool(settings.spool_dir).batches) == 1
    assert trials(settings) == 1


def test_with_json_an_error_is_one_object_on_standard_output_and_the_sentence_on_the_other(cli: Cli, tmp_path):
    said = cli("backtest", tmp_path / "ghost.py", "--data", "small", "--json")
    assert said.answer == {"error": said.refusal}


def test_wrong_words_are_refused_without_a_traceback(cli: Cli):
    said = cli("run", "--data", "small", "--scenarios", "many")
    assert said.status == 2
    assert "Error: Invalid value for '--scenarios'" in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_refusal_from_a_shell_is_one_line_and_a_status(process, tmp_path):
    said = process("backtest", tmp_path / "ghost.py", "--data", "small", "--json", env={**os.environ, "NO_COLOR": "1"})
    assert json.loads(said.out)["error"] == said.refusal


@pytest.mark.parametrize(
    "words",
    [
        ["backtest", "x.py"],
        ["bogus"],
        ["data", "list", "--what"],
        ["sweep", "x.py", "--scenarios", "few"],
        ["traces", "--limit", "100000000000000000000"],
    ],
)
def test_what_is_mistyped_is_told_in_one_sentence_and_as_json(words):
    for extra in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-m", "engine", *words, *extra], cwd=ROOT, capture_output=True, text=True, check=False
        )
        said = Said(done.returncode, done.stdout, done.stderr)
        assert said.refusal.endswith("--help says what is wanted")
        if extra:
            assert said.answer["error"] == said.refusal
        else:
            assert said.out == ""


def test_tables_go_to_parquet_files_and_never_onto_a_device(cli: Cli, strategy, tmp_path):
    file, pipe = strategy(small.CROSS), tmp_path / "pipe.parquet"
    assert ".parquet" in cli("backtest", file, "--data", "small", "--trades-out", tmp_path / "trades.csv").refusal
    os.mkfifo(pipe)
    assert "no ordinary file" in cli("backtest", file, "--data", "small", "--trades-out", pipe).refusal
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_parameter_is_given_once(cli: Cli, strategy):
    refusal = cli("backtest", strategy(small.CROSS), "--data", "small", "--param", "n=6", "--param", "n=7").refusal
    assert "n is given 2 times" in refusal


def test_a_model_that_cannot_be_one_is_refused_and_an_address_alone_is_used(cli: Cli, settings, monkeypatch):
    run = ("run", "--data", "small", "--iterations", 1, "--scenarios", 2)
    assert "is no model's name" in cli(*run, "--model", "").refusal
    refusal = cli(*run, "--model", "openai/sk-proj-abcdefghijklmnop").refusal
    assert refusal.startswith("a key stands where")
    monkeypatch.delenv("MODEL", raising=False)
    monkeypatch.setattr("engine.command.research.find_local_servers", list)
    assert cli(*run, "--api-base", "http://127.0.0.1:9/v1").refusal.startswith("--api-base is an address without a model")
    monkeypatch.setenv("MODEL", "openai/local")
    monkeypatch.setenv("API_BASE", "http://127.0.0.1:8/v1")
    assert "is no address" in cli(*run, "--api-base", "file:///etc").refusal
    assert cli(*run, "--api-base", "http://127.0.0.1:9/v1").status == 0
    with open_readers(settings) as (_, told):
        assert told.model_choice() == ModelChoice("openai/local", "http://127.0.0.1:9/v1")
