"""`survives`: one verdict with its tests as JSON and as text, counted trials, and refusals in a sentence."""

from pathlib import Path

import pytest

from tests.command.conftest import Cli
from tests.research import small

KEYS = {"name", "label", "value", "unit", "relation", "threshold", "margin", "passed", "sentence"}


@pytest.fixture
def cross(tmp_path: Path) -> Path:
    file = tmp_path / "cross.py"
    file.write_text(small.CROSS)
    return file


def test_the_answer_holds_verdict_tests_and_how_often_was_scored(cli: Cli, cross: Path) -> None:
    said = cli("survives", cross, "--data", "small", "--param", "n=9", "--json")
    found = said.answer
    assert said.status == 0
    assert found["verdict"] in ("survives", "does not survive", "not computable")
    assert (found["params"], found["defaults"], found["window"]) == ({"n": 9}, [], "train")
    assert all(set(test) == KEYS for test in found["tests"])
    names = [test["name"] for test in found["tests"]]
    assert names[:8] == [
        "costs_doubled", "one_bar_late", "worst_order", "strict_targets", "without_best_asset", "without_best_trades",
        "half_the_assets", "neighbours_profitable",
    ]  # fmt: skip
    assert names[-3:] == ["sub_periods", "random_entries", "capacity"]
    for test in found["tests"]:
        assert test["passed"] in (True, False, None)
        assert len(test["sentence"]) > 10
        if test["passed"] is not None:
            assert test["margin"] == pytest.approx(test["value"] - test["threshold"])
    assert found["scored"] == found["trials"] == found["trials_by_arm"]["human"]


def test_its_base_is_what_backtest_says_and_equal_calls_say_the_same(cli: Cli, cross: Path) -> None:
    one = cli("survives", cross, "--data", "small", "--json").answer
    alone = cli("backtest", cross, "--data", "small", "--json").answer
    two = cli("survives", cross, "--data", "small", "--json").answer
    assert one["portfolio"] == alone["portfolio"]
    assert one["tests"] == two["tests"]
    assert two["trials"] == 2 * one["scored"] + 1


def test_people_read_the_verdict_first_and_a_line_for_each_test(cli: Cli, cross: Path) -> None:
    lines = cli("survives", cross, "--data", "small", "--window", "validation").out.splitlines()
    assert lines[0].startswith("cross.py on small (SYNTHETIC), window validation: ")
    assert sum(line.split()[0] in ("passed", "FAILED", "-") for line in lines[1:-2]) == 18
    assert "trials on these bars so far" in lines[-1]


def test_a_strategy_that_never_trades_has_a_reason_for_each_test(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "never.py"
    file.write_text(small.NEVER_TRADES)
    said = cli("survives", file, "--data", "small", "--json")
    assert (said.status, said.answer["verdict"], said.answer["scored"]) == (0, "not computable", 3)
    assert {(t["passed"], t["sentence"]) for t in said.answer["tests"]} == {(None, "it made no trade on train")}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--window", "all"), "wanted train or validation"),
        (("--window", "vault"), "wanted train or validation"),
        (("--capital", "0"), "wanted a finite amount above 0"),
        (("--seed", "-1"), "wanted a whole number of 0 or more"),
        (("--param", "m=3"), "no parameter 'm'"),
        (("--param", "n=500"), "wanted a whole number from 5 to 12"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(cli: Cli, cross: Path, words: tuple[str, str], told: str) -> None:
    assert told in cli("survives", cross, "--data", "small", *words).refusal


def test_code_that_fails_is_refused_with_its_reason_and_counted(cli: Cli, tmp_path: Path, cross: Path) -> None:
    file = tmp_path / "fails.py"
    file.write_text(small.ALWAYS_FAILS)
    assert "never mind" in cli("survives", file, "--data", "small").refusal
    assert cli("backtest", cross, "--data", "small", "--json").answer["trials"] == 2
