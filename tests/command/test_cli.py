"""What each command answers: the shapes that others rely on, and text for people."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES
from engine.market.catalog import Catalog
from engine.records import TRADE_REASONS, SharedCash
from engine.research.service import ResearchService
from engine.store.snapshot import open_reader
from tests.command.conftest import ROOT, Cli
from tests.research import small

RUN = ("run", "--data", "small", "--iterations", "3", "--scenarios", "5", "--min-trades", "5", "--seed", "3")


@pytest.fixture
def cross(tmp_path: Path) -> Path:
    file = tmp_path / "cross.py"
    file.write_text(small.CROSS)
    return file


# backtest


def test_backtest_answers_portfolio_assets_params_window_hash_and_trials(cli: Cli, cross, panel):
    said = cli("backtest", cross, "--data", "small", "--param", "n=7", "--json")
    found = said.answer
    assert (said.status, said.err) == (0, "")
    assert set(found["portfolio"]) == set(PORTFOLIO_FIGURES)
    assert [a["symbol"] for a in found["assets"]] == list(panel.symbols)
    assert all(set(a) == {"symbol", *ASSET_FIGURES} for a in found["assets"])
    assert found["params"] == {"n": 7}
    assert (found["window"], found["window_bars"], found["data_hash"]) == ("train", 900, panel.data_hash)
    assert found["trials"] == 1
    assert sum(a["contribution"] for a in found["assets"]) == pytest.approx(found["portfolio"]["total_return"], abs=1e-12)


def test_what_was_not_computed_is_null(cli: Cli, tmp_path):
    file = tmp_path / "once.py"
    file.write_text(small.strategy('return {"entries": market.close > 0}'))
    found = cli("backtest", file, "--data", "small", "--json").answer
    assert found["portfolio"]["win_rate"] is None
    assert found["portfolio"]["trades"] == 0
    assert found["portfolio"]["trades_with_open"] > 0


def test_a_parameter_that_is_not_given_takes_the_middle_and_the_answer_says_so(cli: Cli, cross):
    said = cli("backtest", cross, "--data", "small")
    assert "n=8 (middle of the range: n)" in said.out
    assert cli("backtest", cross, "--data", "small", "--param", "n=8", "--json").answer["defaults"] == []


def test_the_same_backtest_twice_says_the_same_but_for_the_trials(cli: Cli, cross):
    one, two = (cli("backtest", cross, "--data", "small", "--json").answer for _ in range(2))
    assert (one.pop("trials"), two.pop("trials")) == (1, 2)
    assert (one.pop("trials_by_arm"), two.pop("trials_by_arm")) == ({"human": 1}, {"human": 2})
    assert one == two


def test_trials_are_counted_where_symbols_and_times_overlap(cli: Cli, cross):
    cli("backtest", cross, "--data", "small")
    assert cli("backtest", cross, "--data", "small", "--window", "validation", "--json").answer["trials"] == 1
    assert cli("sweep", cross, "--data", "silent", "--scenarios", "4", "--json").answer["trials"] == 5


@pytest.mark.parametrize(("window", "bars"), [("train", 900), ("validation", 200), ("all", 1_500)])
def test_the_trades_file_holds_the_columns_of_the_golden_tables_and_the_symbol(cli: Cli, cross, tmp_path, panel, window, bars):
    file = tmp_path / "new" / "trades.parquet"
    found = cli("backtest", cross, "--data", "small", "--window", window, "--trades-out", file, "--json").answer
    trades = pd.read_parquet(file)
    golden = json.loads((ROOT / "tests" / "golden" / "execution.json").read_text())
    columns = set(next(case["trades"][0] for case in golden if case["trades"]))
    assert columns | {"symbol"} <= set(trades.columns)
    assert {"direction", "entry_bar", "exit_bar", "entry_price", "exit_price", "pnl", "reason", "ambiguous"} <= columns
    assert len(trades) == found["portfolio"]["trades_with_open"]
    assert set(trades["symbol"]) <= set(panel.symbols)
    assert set(trades["direction"]) == {"long", "short"}
    assert set(trades["reason"]) <= set(TRADE_REASONS)
    assert trades["ambiguous"].dtype == bool
    assert (trades[["entry_bar", "exit_bar"]].min() >= 0).all()
    assert (trades[["entry_bar", "exit_bar"]].max() < bars).all()
    held = set(trades.loc[trades["reason"] == "open", "symbol"])
    closed = {a["symbol"]: a["pnl"] for a in found["assets"] if a["symbol"] not in held}
    assert trades.groupby("symbol")["pnl"].sum().reindex(closed, fill_value=0.0).to_dict() == pytest.approx(closed, abs=1e-9)


def test_bar_numbers_and_prices_of_trades_are_those_of_the_window(cli: Cli, cross, tmp_path, panel):
    file = tmp_path / "trades.parquet"
    cli("backtest", cross, "--data", "small", "--window", "validation", "--trades-out", file, "--slippage-rate", "0")
    trades = pd.read_parquet(file)
    first = next(t for t in trades.itertuples() if t.reason == "exit_signal")
    column = panel.symbols.index(first.symbol)
    assert first.entry_price == panel.open[1_000 + first.entry_bar, column]
    assert first.exit_price == panel.open[1_000 + first.exit_bar, column]


def test_all_windows_are_a_look_into_the_vault_and_recorded_as_one(cli: Cli, cross, settings, panel):
    for window in ("train", "validation"):
        cli("backtest", cross, "--data", "small", "--window", window)
    with open_reader(settings) as queries:
        assert queries.looks().empty
    assert cli("backtest", cross, "--data", "small", "--json").answer["look"] is None
    assert "look 1 into the vault of these bars" in cli("backtest", cross, "--data", "small", "--window", "all").out
    assert cli("backtest", cross, "--data", "silent", "--window", "all", "--json").answer["look"] == 2
    with open_reader(settings) as queries:
        looks = queries.looks(data_hash=panel.data_hash)
    assert looks["who"].tolist() == ["backtest"]
    assert looks["why"].tolist() == ["cross.py"]


def test_runs_after_a_command_has_looked_are_marked_on_the_board(cli: Cli, cross):
    words = ("run", "--data", "small", "--scenarios", "3", "--min-trades", "1", "--iterations")
    cli(*words, 1)
    cli("backtest", cross, "--data", "small", "--window", "all")
    runs = cli(*words, 2, "--json").answer["runs"]
    assert {r["number"]: r["after_look"] for r in runs} == {1: None, 2: 1}
    assert cli("leaderboard").out.count("(after look 1)") == 1


def test_the_vault_is_not_for_choosing(cli: Cli, cross, settings):
    for window in ("all", "vault"):
        assert "wanted train or validation" in cli("sweep", cross, "--data", "small", "--window", window).refusal
    with open_reader(settings) as queries:
        assert queries.looks().empty


def test_costs_are_those_that_were_asked_for(cli: Cli, cross):
    dear, free = (
        cli("backtest", cross, "--data", "small", "--fee-rate", fee, "--slippage-rate", "0", "--json").answer
        for fee in ("0.01", "0")
    )
    assert free["portfolio"]["fees"] == 0 < dear["portfolio"]["fees"]
    assert dear["portfolio"]["total_return"] < free["portfolio"]["total_return"]


def test_shared_cash_is_what_was_asked_for_and_tells_what_it_rejected(cli: Cli, cross):
    words = ("backtest", cross, "--data", "small", "--shared-cash")
    one, many = (cli(*words, asked, "--json").answer for asked in ("1", "6,0.1"))
    assert one["shared_cash"] == {"max_positions": 1, "fraction": 0.1}
    assert many["shared_cash"] == {"max_positions": 6, "fraction": 0.1}
    assert one["portfolio"]["rejected_entries"] > 0 == many["portfolio"]["rejected_entries"]
    assert one["portfolio"]["max_exposure"] < 0.2 < many["portfolio"]["max_exposure"]
    assert "1 positions at most, each with 10.00% of equity" in cli(*words, "1").out


def test_equal_sleeves_are_the_default_and_reject_nothing(cli: Cli, cross):
    found = cli("backtest", cross, "--data", "small", "--json").answer
    assert found["shared_cash"] is None
    assert found["portfolio"]["rejected_entries"] == 0


def test_a_campaign_under_shared_cash_repeats_and_keeps_its_terms(cli: Cli, settings):
    board = cli(*RUN, "--shared-cash", "2,0.3", "--json").answer
    with open_reader(settings) as queries:
        assert queries.campaign(board["campaign"]).spec.shared_cash == SharedCash(2, 0.3)
    assert any(run["train"]["rejected_entries"] > 0 for run in board["runs"])
    assert cli("repeat", "--sample", "3", "--json").answer["equal"] == 3


# sweep


def test_a_sweep_under_shared_cash_gives_the_figures_of_its_single_backtests(cli: Cli, cross):
    found = cli("sweep", cross, "--data", "small", "--scenarios", "3", "--shared-cash", "2,0.4", "--json").answer
    for scenario in found["scenarios"]:
        words = ("--param", f"n={scenario['params']['n']}", "--shared-cash", "2,0.4", "--json")
        single = cli("backtest", cross, "--data", "small", *words).answer["portfolio"]
        assert single == {name: scenario[name] for name in single}


def test_sweep_answers_every_scenario_and_names_the_best(cli: Cli, cross):
    found = cli("sweep", cross, "--data", "small", "--scenarios", "4", "--min-trades", "1", "--json").answer
    sharpe = [s["sharpe"] for s in found["scenarios"]]
    assert [s["params"]["n"] for s in found["scenarios"]] == [5, 7, 10, 12]
    assert found["best"] == int(np.argmax(sharpe))
    assert found["trials"] == 4
    assert all(set(PORTFOLIO_FIGURES) <= set(s) for s in found["scenarios"])


def test_a_scenario_of_a_sweep_is_the_backtest_of_its_parameters(cli: Cli, cross):
    swept = cli("sweep", cross, "--data", "small", "--scenarios", "3", "--method", "random", "--seed", "5", "--json").answer
    for scenario in swept["scenarios"]:
        params = [f"--param={name}={value}" for name, value in scenario["params"].items()]
        alone = cli("backtest", cross, "--data", "small", *params, "--json").answer["portfolio"]
        assert alone == {name: scenario[name] for name in alone}


def test_random_sweeps_repeat_with_their_seed(cli: Cli, cross):
    drawn = [
        [s["params"] for s in cli("sweep", cross, "--data", "small", "--scenarios", "5", "--method", "random", "--seed", seed,
                                  "--json").answer["scenarios"]]
        for seed in (1, 1, 2)
    ]  # fmt: skip
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_file_of_a_sweep_holds_scenarios_and_assets_whatever_parameters_are_called(cli: Cli, tmp_path, panel):
    file, out = tmp_path / "odd.py", tmp_path / "swept.parquet"
    file.write_text(
        'PARAMS = {"sharpe": (5, 6), "kind": [1, "two"], "quick": [True, False]}\n\n\n'
        'def signals(market, params, ta):\n    return {"entries": market.close > ta.sma(market.close, params["sharpe"])}\n'
    )
    assert cli("sweep", file, "--data", "small", "--scenarios", "8", "--out", out).status == 0
    swept, assets = pd.read_parquet(out), pd.read_parquet(out.with_suffix(".assets.parquet"))
    assert swept["param_sharpe"].tolist() == [5] * 4 + [6] * 4
    assert swept["kind"].tolist() == ["1", "1", '"two"', '"two"'] * 2
    assert swept["quick"].tolist() == [True, False] * 4
    assert swept["sharpe"].dtype == float
    assert list(assets.columns) == ["scenario", "symbol", *ASSET_FIGURES]
    assert len(assets) == 8 * panel.assets


def test_a_sweep_tells_which_scenarios_failed_and_goes_on(cli: Cli, tmp_path):
    file = tmp_path / "odd.py"
    file.write_text(small.SOMETIMES_FAILS)
    found = cli("sweep", file, "--data", "small", "--scenarios", "8", "--json").answer
    assert found["failed"] == 4
    assert list(found["failures"]) == ["0", "2", "4", "6"]
    assert found["scenarios"][0]["sharpe"] is None
    assert found["best"] % 2 == 1


# run, leaderboard, repeat


def test_run_answers_the_board_and_leaderboard_says_the_same_byte_for_byte(cli: Cli):
    ran = cli(*RUN, "--json")
    assert (ran.status, ran.err) == (0, "")
    found = ran.answer
    assert [r["rank"] for r in found["runs"]] == [1, 2, 3]
    assert sorted(r["number"] for r in found["runs"]) == [1, 2, 3]
    assert {"params", "failure", "train", "validation", "objective", "run_id", "code_hash"} <= set(found["runs"][0])
    assert cli("leaderboard", "--json").out == ran.out
    assert cli("leaderboard", "--campaign", found["campaign"], "--json").out == ran.out


def test_equal_runs_in_two_stores_give_equal_boards_without_times(cli: Cli, market_store, tmp_path):
    other = small.store_with(market_store, tmp_path / "other").store_dir
    one, two = cli(*RUN, "--json"), cli(*RUN, "--json", of=other)
    assert one.out == two.out
    times = [word for word in ("20", ":") if any(word in str(r.get(key)) for r in one.answer["runs"] for key in ("at", "time"))]
    assert times == []
    assert not {"created_at", "recorded_at", "elapsed_s", "age_s"} & set(one.answer["runs"][0])


def test_run_goes_on_where_it_stood(cli: Cli):
    first = cli(*RUN, "--json").answer
    more = cli(*(word if word != "3" or i != 4 else "5" for i, word in enumerate(RUN)), "--json").answer
    assert more["campaign"] == first["campaign"]
    assert sorted(r["number"] for r in more["runs"]) == [1, 2, 3, 4, 5]


def test_failed_runs_are_last_on_the_board(cli: Cli, monkeypatch, settings):
    from engine.research import service as service_module
    from tests.research.test_repeat import Alternating

    plan = Alternating(small.NO_SYNTAX, small.ALWAYS_FAILS, small.CROSS)
    monkeypatch.setattr(service_module, "make_proposer", lambda spec, panel: plan)
    said = cli(*RUN, "--json")
    assert [r["number"] for r in said.answer["runs"]] == [3, 1, 2]
    assert [r["status"] for r in said.answer["runs"]] == ["scored", "failed", "failed"]
    assert said.answer["runs"][1]["failure"]["line"] == 4
    assert said.answer["trials"] == 5 + 1
    with open_reader(settings) as queries:
        assert queries.totals().trials == said.answer["trials"]
    text = cli("leaderboard").out.splitlines()
    assert "FAILED syntax" in text[3]
    assert len(text) == 5


def test_the_board_has_the_name_that_was_given_last_and_archived_ones_wait_to_be_named(cli: Cli, settings):
    first = cli(*RUN, "--json").answer["campaign"]
    second = cli(*RUN[:-1], "4", "--json").answer["campaign"]
    service = ResearchService(settings)
    service.rename(first, "Renamed")
    service.archive(second)
    service.close()
    assert cli("leaderboard", "--json").answer["campaign"] == first
    assert "Renamed" in cli("leaderboard").out
    assert cli("leaderboard", "--campaign", second, "--json").answer["campaign"] == second


def test_repeat_says_that_all_are_equal(cli: Cli):
    runs = cli(*RUN, "--json").answer["runs"]
    found = cli("repeat", "--sample", "50", "--json").answer
    assert (found["repeated"], found["equal"]) == (3, 3)
    assert found["figures_compared"] > 500
    assert "1 of 1 runs equal" in cli("repeat", runs[0]["run_id"]).out


def test_repeat_names_what_differs_and_says_so_by_its_status(cli: Cli, settings):
    import duckdb

    cli(*RUN)
    with duckdb.connect(str(settings.database_path)) as connection:
        connection.execute("UPDATE runs SET train_fees = 0.5 WHERE number = 2")
    said = cli("repeat", "--sample", "9")
    assert "train, best set, fees: stored 0.5" in said.refusal
    assert "2 of 3 runs equal" in said.out
    asked = cli("repeat", "--sample", "9", "--json")
    assert asked.answer["equal"] == 2
    assert asked.answer["error"] == asked.refusal


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(cli: Cli, monkeypatch):
    from engine.command import research

    class Impatient(ResearchService):
        """The person presses Ctrl-C once the first run is there."""

        pressed = False

        def wait(self, timeout_s: float | None = None) -> bool:
            if timeout_s == 0.5 and not self.pressed and self.queries.totals().runs:
                self.pressed = True
                raise KeyboardInterrupt
            return super().wait(timeout_s)

    many = [*RUN[:4], "200", *RUN[5:]]
    with monkeypatch.context() as patched:
        patched.setattr(research, "ResearchService", Impatient)
        said = cli(*many, "--json")
    assert "of 200 runs, all of them kept; the same command goes on" in said.refusal
    done = len(said.answer["runs"])
    assert 1 <= done < 200
    more = cli(*many[:4], str(done + 1), *many[5:], "--json").answer
    assert more["campaign"] == said.answer["campaign"]
    assert sorted(r["number"] for r in more["runs"]) == list(range(1, done + 2))


# data, doctor


def test_datasets_are_listed_and_judged(cli: Cli, panel):
    listed = cli("data", "list", "--json").answer["datasets"]
    assert [d["name"] for d in listed] == ["silent", "small"]
    assert listed[1]["data_hash"] == panel.data_hash
    report = cli("data", "quality", "--data", "small", "--json").answer
    assert len(report["assets"]) == panel.assets
    assert {"bars", "gaps"} <= set(report["assets"][0])
    assert "SYNTHETIC" in cli("data", "list").out


def test_an_import_answers_with_the_dataset_and_what_it_noticed(cli: Cli, tmp_path):
    from tests.market.files import long_frame, write

    found = cli("data", "import", write(long_frame(bars=200), tmp_path / "bars.csv"), "--name", "mine", "--json").answer
    assert (found["dataset"]["name"], found["dataset"]["assets"], found["replaced"]) == ("mine", 2, False)
    assert isinstance(found["messages"], list)


def test_a_demo_market_of_ones_own_is_made_and_says_what_is_in_it(cli: Cli, store):
    said = cli("data", "demo", "--name", "own", "--assets", "3", "--bars", "600", "--edge", "none", "--json").answer["dataset"]
    assert (said["synthetic"], said["source"], said["edge"]) == (True, "SYNTHETIC", None)
    assert "No edge is planted" in said["edge_text"]
    assert "own" in Catalog(store / "bars").names()


def test_an_empty_store_is_described_not_refused(cli: Cli, tmp_path):
    assert cli("data", "list", "--json", of=tmp_path / "empty").answer["datasets"] == []
    assert "no dataset yet" in cli("data", "list", of=tmp_path / "empty").out


def test_commands_work_from_a_shell(process, cross, tmp_path):
    said = process("backtest", cross, "--data", "small", "--json")
    assert (said.status, said.err) == (0, "")
    assert said.answer["trials"] == 1
    fit = process("doctor", "--json")
    assert fit.status == 0, fit.err
    assert fit.answer["strategy_process_works"] is True
    assert fit.answer["ledger"]["trials"] == 1


def test_help_names_every_command(cli: Cli):
    from typer.testing import CliRunner

    from engine.__main__ import app

    text = CliRunner().invoke(app, ["--help"]).stdout
    assert all(f" {name} " in text for name in ("data", "run", "backtest", "sweep", "leaderboard", "repeat", "bench", "doctor"))
