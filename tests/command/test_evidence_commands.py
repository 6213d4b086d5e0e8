"""`evidence`, `promote` and `vault` on the command line: what they answer, refuse and record."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from engine.market.bars import Panel
from engine.records import Promotion
from engine.settings import Settings
from engine.store.snapshot import open_reader
from tests.command.conftest import Cli
from tests.research import small


@pytest.fixture
def made(cli: Cli, tmp_path: Any) -> dict[str, Any]:
    """A campaign of two runs: one that trades, and one that never does."""
    (tmp_path / "starts").mkdir()
    (tmp_path / "starts" / "a_cross.py").write_text(small.CROSS)
    (tmp_path / "starts" / "b_never.py").write_text(small.ALWAYS_FAILS)
    words = ("--data", "small", "--iterations", 2, "--scenarios", 4, "--min-trades", 5, "--start-from", tmp_path / "starts")
    return cli("run", *words, "--json").answer


def _runs(made: dict[str, Any]) -> list[str]:
    """Ids: the run with figures, the run without."""
    return [run["run_id"] for run in sorted(made["runs"], key=lambda run: run["failure"] is not None)]


def _looks(settings: Settings) -> list[int]:
    with open_reader(settings) as queries:
        return sorted(queries.looks()["k"].tolist())


def test_evidence_tells_conditions_intervals_and_folds_and_records_nothing(
    cli: Cli, made: dict[str, Any], settings: Settings
) -> None:
    run_id = _runs(made)[0]
    found = cli("evidence", run_id, "--json").answer
    assert found["run_id"] == run_id
    assert [c["name"] for c in found["conditions"]][-2:] == ["causality", "vault"]
    told = {(i["figure"], i["window"]) for i in found["intervals"]}
    figures = ("sharpe", "total_return", "annual_return", "win_rate_with_open", "expectancy_with_open")
    assert told == {(figure, window) for figure in figures for window in ("train", "validation")}
    for interval in found["intervals"]:
        assert interval["reason"] or interval["low"] <= interval["value"] <= interval["high"]
    walked, paths = found["folds"]["walk_forward"], found["folds"]["paths"]
    assert walked["reason"] or walked["folds"]
    assert paths["reason"] or len(paths["sharpes"]) == 21
    text = cli("evidence", run_id).out
    assert "Walk-forward: " in text
    assert "Combinatorial paths: " in text
    assert "expectancy_with_open on train" in text
    assert cli("evidence", run_id, "--json").answer["trials"] == found["trials"]
    assert _looks(settings) == []


def test_bars_of_the_vault_that_were_searched_elsewhere_are_told(
    cli: Cli, made: dict[str, Any], settings: Settings, panel: Panel, tmp_path: Path
) -> None:
    """A dataset that goes on for longer: what is sealed in one is train of the other."""
    run_id = _runs(made)[0]
    assert cli("evidence", run_id, "--json").answer["searched_in_vault"] == 0
    later = dataclasses.replace(panel, name="later", times_ns=panel.times_ns + 600 * 3_600 * 10**9, data_hash="sha256:later")
    small.save(later, settings.store_dir)
    file = tmp_path / "cross.py"
    file.write_text(small.CROSS)
    cli("sweep", file, "--data", "later", "--scenarios", 3)

    assert cli("evidence", run_id, "--json").answer["searched_in_vault"] == 3
    assert "3 parameter sets were scored where bars of this vault are train or validation" in cli("evidence", run_id).out


def test_a_run_without_figures_has_evidence_that_says_so_and_no_look(cli: Cli, made: dict[str, Any], settings: Settings) -> None:
    failed = _runs(made)[1]
    found = cli("evidence", failed, "--json").answer
    assert not found["promoted"]
    assert "the run has no result" in found["folds"]["walk_forward"]["reason"]
    assert all(interval["reason"] for interval in found["intervals"])
    assert "has no result to test in the vault" in cli("vault", failed, "--yes").refusal
    assert _looks(settings) == []


def test_promote_leaves_the_vault_shut_for_what_misses_a_condition(cli: Cli, made: dict[str, Any], settings: Settings) -> None:
    run_id = _runs(made)[0]
    found = cli("promote", run_id, "--json").answer
    assert found["promoted"] == []
    assert any(c["passed"] is False for c in found["tried"][0]["conditions"])
    assert "MISSED" in cli("promote", run_id).out
    assert "stays shut" in cli("promote").out
    assert _looks(settings) == []


def test_the_vault_asks_first_and_a_second_look_is_tested_at_a_quarter(
    cli: Cli, made: dict[str, Any], settings: Settings
) -> None:
    run_id = _runs(made)[0]
    assert "this would be look 1" in cli("vault", run_id).refusal
    assert _looks(settings) == []
    first = cli("vault", run_id, "--yes", "--json").answer
    assert (first["k"], first["level"]) == (1, 0.025)
    assert cli("vault", run_id, "--json").answer == first, "what was seen is shown again"
    more = cli("run", "--data", "small", "--iterations", 3, "--scenarios", 4, "--min-trades", 5, "--json").answer
    other = next(r["run_id"] for r in more["runs"] if r["failure"] is None and r["run_id"] != run_id)
    second = cli("vault", other, "--yes", "--json").answer
    assert (second["k"], second["level"]) == (2, 0.05 / 4)
    assert _looks(settings) == [1, 2]
    after = cli("leaderboard", "--campaign", made["campaign"], "--json").answer["runs"]
    by_id = {run["run_id"]: run | {"rank": 0} for run in after}
    assert all(by_id[run["run_id"]] == run | {"rank": 0} for run in made["runs"]), "what was seen changes no result"


def test_changed_bars_are_refused_and_old_results_stay(cli: Cli, made: dict[str, Any], settings: Settings) -> None:
    run_id = _runs(made)[0]
    board = cli("leaderboard", "--json").answer["runs"]
    small.save(small.small_panel(seed=2), settings.store_dir, replace=True)
    for words in (("evidence", run_id), ("promote", run_id), ("vault", run_id, "--yes")):
        assert "has changed since the campaign was made" in cli(*words).refusal
    assert cli("leaderboard", "--json").answer["runs"] == board
    assert _looks(settings) == []


def test_run_takes_thresholds_of_the_rule_and_refuses_others(cli: Cli, settings: Settings) -> None:
    words = ("run", "--data", "small", "--iterations", 1, "--scenarios", 2, "--promotion")
    made = cli(*words, "luck=0.01", "--promotion", "looks=1", "--json").answer
    with open_reader(settings) as queries:
        assert queries.campaign(made["campaign"]).spec.promotion == Promotion(luck=0.01, looks=1)
    assert "wanted NAME=VALUE with one of train_trades" in cli(*words, "fortune=1").refusal
    assert "wanted a whole number" in cli(*words, "looks=many").refusal
    assert "wanted between 0 and 1" in cli(*words, "luck=2").refusal


@pytest.mark.parametrize("words", [("evidence", "nobody"), ("promote", "nobody"), ("vault", "nobody", "--yes")])
def test_a_run_that_is_not_there_is_refused(cli: Cli, made: dict[str, Any], words: tuple[str, ...]) -> None:
    assert "nobody" in cli(*words).refusal
