"""`explain`: the pack of a file's and of a run's trades, as JSON and as text, and refusals in a sentence."""

from pathlib import Path

import pytest

from engine.analysis.pack_text import MOST_CHARS
from tests.command.conftest import Cli
from tests.research import small

PROMISED = {"findings", "worst", "best", "sequences", "breakdowns", "clusters", "text", "tokens"}


@pytest.fixture
def cross(tmp_path: Path) -> Path:
    file = tmp_path / "cross.py"
    file.write_text(small.CROSS)
    return file


def test_the_answer_holds_all_that_is_promised_of_the_trades_that_a_backtest_makes(cli: Cli, cross: Path) -> None:
    found = cli("explain", cross, "--data", "small", "--param", "n=9", "--json").answer
    alone = cli("backtest", cross, "--data", "small", "--param", "n=9", "--json").answer
    assert set(found) >= PROMISED
    assert found["trades"] == alone["portfolio"]["trades_with_open"]
    assert (found["params"], found["defaults"], found["window"]) == ({"n": 9}, [], "train")
    values = [abs(f["value"]) for f in found["findings"]]
    assert values == sorted(values, reverse=True)
    by_asset = {c["what"].removeprefix("in "): c for c in found["breakdowns"] if c["dimension"] == "asset"}
    for asset in alone["assets"]:
        if asset["trades_with_open"]:
            cell = by_asset[asset["symbol"]]
            assert (cell["n"], cell["expectancy"]) == (asset["trades_with_open"], pytest.approx(asset["expectancy_with_open"]))
    assert sum(c["value"] for c in by_asset.values()) == pytest.approx(alone["portfolio"]["total_return"], abs=0.01)
    assert len(found["text"]) <= MOST_CHARS
    assert found["tokens"] <= 1_500


def test_a_file_is_one_trial_each_time(cli: Cli, cross: Path) -> None:
    counts = [cli("explain", cross, "--data", "small", "--json").answer["trials_by_arm"]["human"] for _ in range(2)]
    assert counts == [1, 2]


def test_worst_and_best_trades_come_in_order_with_what_went_on_around_them(cli: Cli, cross: Path) -> None:
    found = cli("explain", cross, "--data", "small", "--json").answer
    for name, ahead in (("worst", 1), ("best", -1)):
        returns = [ahead * t["return"] for t in found[name]["trades"]]
        assert returns == sorted(returns)
        assert all(set(t["market_moves"]) == {"before", "during", "after"} for t in found[name]["trades"])
        assert all(t["mae"] <= 0 <= t["mfe"] for t in found[name]["trades"])


def test_a_run_of_the_ledger_is_explained_without_a_trial(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "starts").mkdir()
    (tmp_path / "starts" / "a_cross.py").write_text(small.CROSS)
    (tmp_path / "starts" / "b_fails.py").write_text(small.ALWAYS_FAILS)
    words = ("--data", "small", "--iterations", 2, "--scenarios", 4, "--min-trades", 5, "--start-from", tmp_path / "starts")
    runs = sorted(cli("run", *words, "--json").answer["runs"], key=lambda run: run["failure"] is not None)
    found = cli("explain", runs[0]["run_id"], "--json").answer
    assert found["params"] == runs[0]["params"]
    assert found["trades"] == runs[0]["train"]["trades_with_open"]
    assert cli("explain", runs[0]["run_id"], "--window", "validation", "--json").answer["window"] == "validation"
    before = cli("backtest", tmp_path / "starts" / "a_cross.py", "--data", "small", "--json").answer["trials"]
    cli("explain", runs[0]["run_id"])
    after = cli("backtest", tmp_path / "starts" / "a_cross.py", "--data", "small", "--json").answer["trials"]
    assert after == before + 1
    assert "has no result" in cli("explain", runs[1]["run_id"]).refusal
    assert "leave --data out" in cli("explain", runs[0]["run_id"], "--data", "silent").refusal


def test_people_read_the_text(cli: Cli, cross: Path) -> None:
    out = cli("explain", cross, "--data", "small").out
    assert out.startswith("small (SYNTHETIC)\nTRADES on train: ")
    assert "BEYOND CHANCE" in out


def test_a_strategy_that_never_trades_has_nothing_to_explain_and_says_so(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "never.py"
    file.write_text(small.NEVER_TRADES)
    found = cli("explain", file, "--data", "small", "--json").answer
    assert (found["trades"], found["findings"], found["text"]) == (0, [], "TRADES on train: none")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--data", "small", "--window", "all"), "wanted train or validation"),
        ((), "add --data NAME"),
        (("--data", "nowhere"), "nowhere"),
        (("--data", "small", "--param", "n"), "write --param n=VALUE"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_a_sentence(cli: Cli, cross: Path, words: tuple[str, ...], told: str) -> None:
    assert told in cli("explain", cross, *words).refusal


def test_an_unknown_run_is_refused(cli: Cli) -> None:
    assert "nobody" in cli("explain", "nobody").refusal
