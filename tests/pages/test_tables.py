"""What tables say of runs: which meet the benchmarks, what changed in parameters."""

import json

import pandas as pd

from engine.records import Benchmarks
from pages import tables

FIGURES = {"total_return": 1.2, "trades_with_open": 2000.0, "assets_traded": 90.0, "win_rate_with_open": 0.6}
ALL = {"arms": [], "status": "all", "text": "", "benchmarks": None}


def board() -> pd.DataFrame:
    rows = []
    for number, outside in ((1, 1.5), (2, 0.5)):
        row = {"number": number, "run_id": f"r{number}", "arm": "random", "status": "scored", "summary": f"Change {number}",
               "failure_message": None}  # fmt: skip
        row |= {f"train_{name}": value for name, value in FIGURES.items()}
        rows.append(row | {f"validation_{name}": value for name, value in (FIGURES | {"total_return": outside}).items()})
    return pd.DataFrame(rows)


def test_benchmarks_must_be_met_on_both_windows() -> None:
    met = tables.filter_board(board(), **ALL | {"benchmarks": Benchmarks(1.0, 1000, 80, 0.5)})
    assert met["number"].tolist() == [1]


def test_text_is_found_whatever_its_case_and_taken_letter_for_letter() -> None:
    assert tables.filter_board(board(), **ALL | {"text": "CHANGE 2"})["number"].tolist() == [2]
    assert tables.filter_board(board(), **ALL | {"text": "Change ."}).empty


def test_a_filter_that_nothing_meets_gives_an_empty_board() -> None:
    none = tables.filter_board(board(), **ALL | {"text": "nothing", "benchmarks": Benchmarks()})
    assert none.empty


def test_a_child_tells_only_the_parameters_that_changed() -> None:
    told = tables.params_text(json.dumps({"fast": 8, "slow": 20, "new": 0.5}), json.dumps({"fast": 5, "slow": 20, "old": 1}))
    assert told == "fast 5 → 8, new: new 0.5, gone: old"


def test_a_failed_run_is_stepped_over_when_changes_are_told() -> None:
    runs = pd.DataFrame({"number": [3, 2, 1], "run_id": ["c", "b", "a"], "parent_run_id": ["a", None, None],
                         "status": ["scored", "failed", "scored"], "params": ['{"x": 2}', None, '{"x": 1}']})  # fmt: skip
    for name in tables.CHANGES:
        runs[name] = [1.5, None, 1.0]
    told = tables.what_changed(runs)
    assert told["change_validation_sharpe"].iloc[0] == 0.5
    assert told["change_validation_sharpe"].iloc[1:].isna().all()
    assert told["origin"].tolist() == ["from run 1", "fresh draw: no parent", "fresh draw: no parent"]
    assert told["parameters"].tolist() == ["x 1 → 2", "", "x 1"]


def test_a_parameter_is_placed_within_what_was_tried() -> None:
    tried = pd.DataFrame({"fast": [5, 15, 25], "average": ["sma", "ema", "ema"]})
    table = tables.params_table({"fast": 10, "average": "ema"}, tried).set_index("Parameter")
    assert table.loc["fast", "Place"] == 0.25
    assert table.loc["average", "Tried"] == "ema, sma"


def test_figures_that_were_not_computed_are_null_in_json_and_said_in_tables() -> None:
    table = tables.side_by_side({"Train": {"sharpe": float("nan"), "total_return": 0.5}}).set_index("Figure")
    assert table.loc["Sharpe ratio", "Train"] == "not computed"
    assert table.loc["Total return, %", "Train"] == "+50.00%"


def test_trades_are_told_in_percent_in_money_and_in_words() -> None:
    trades = pd.DataFrame({"pnl": [0.02], "return": [0.05], "reason": ["exit_signal"]})
    row = tables.trade_table(trades, 1_000.0).iloc[0]
    assert (row["pnl"], row["return"], row["money"], row["reason"]) == (2.0, 5.0, 20.0, "exit signal")
