"""What `check` says of strategies, and that it leaves nothing behind."""

from pathlib import Path

import pytest

from tests.command.conftest import Cli
from tests.research import small

HONEST = small.CROSS
HONEST_WITH_RANGE = '''"""A cross that holds for a while."""
PARAMS = {"n": (2, 80), "stop": (0.02, 0.2)}


def signals(market, params, ta):
    n = params["n"]
    up = ta.crossed_above(market.close, ta.sma(market.close, n))
    # peek
    return {"entries": up, "stop_loss": params["stop"], "max_bars": 10}
'''
REFUSED = {
    "syntax": small.NO_SYNTAX,
    "contract": small.WRONG_SHAPE,
    "error": small.ALWAYS_FAILS,
    "timeout": small.ENDLESS,
    "no_trades": small.NEVER_TRADES,
    "policy": "import os\n" + small.CROSS,
    "lookahead": small.strategy('return {"entries": market.close.shift(-2) > market.close, "max_bars": n}'),
    "start_dependent": small.strategy(
        "import numpy as np\nrows = np.arange(len(market.close))[:, None] % 7 == 0\n"
        'return {"entries": rows & (market.close > 0).to_numpy(), "max_bars": 3}'
    ),
}


@pytest.fixture
def write(tmp_path: Path):
    def put(name: str, source: str) -> Path:
        file = tmp_path / name
        file.write_text(source)
        return file

    return put


def test_an_honest_strategy_is_accepted_with_its_warm_up(cli: Cli, write):
    said = cli("check", write("cross.py", HONEST), "--data", "small", "--json")
    (file,) = said.answer["files"]
    assert said.status == 0
    assert file["accepted"] is True
    assert file["failure"] is None
    assert file["isolation"] == "full"
    assert 20 < file["warm_up_bars"] < 400
    assert file["wall_s"] > 0
    assert Path(file["file"]).name == "cross.py"


@pytest.mark.parametrize("kind", REFUSED)
def test_each_fault_has_its_kind_and_a_sentence(cli: Cli, write, kind):
    said = cli("check", write(f"{kind}.py", REFUSED[kind]), "--data", "small", "--json")
    (file,) = said.answer["files"]
    assert said.status == 1
    assert (file["accepted"], file["failure"]["kind"]) == (False, kind)
    assert 10 < len(file["failure"]["message"]) <= 500


def test_what_looks_ahead_is_told_how_far_and_where(cli: Cli, write):
    (file,) = cli("check", write("ahead.py", REFUSED["lookahead"]), "--data", "small", "--json").answer["files"]
    assert "entries" in file["failure"]["message"]
    assert "2 bars" in file["failure"]["message"]


def test_a_folder_is_checked_file_by_file_and_one_refused_decides_the_status(cli: Cli, write, tmp_path):
    write("b_cross.py", HONEST)
    write("a_policy.py", REFUSED["policy"])
    (tmp_path / "c_bytes.py").write_bytes(b"\xff\xfe")
    said = cli("check", tmp_path, "--data", "small", "--json")
    assert [f["accepted"] for f in said.answer["files"]] == [False, True, False]
    *verdicts, refusal = said.err.splitlines()
    assert [line.split()[0] for line in verdicts] == ["refused", "accepted", "refused"]
    assert "2 of 3 files refused" in refusal
    text = cli("check", tmp_path, "--data", "small").out
    assert [line.split()[0] for line in text.splitlines()] == ["refused", "accepted", "refused"]


def test_a_leak_at_one_value_of_a_long_range_is_found_and_the_value_named(cli: Cli, write):
    source = HONEST_WITH_RANGE.replace("# peek", "if n == 61:\n        up = up & (market.close.shift(-1) > market.close)")
    (file,) = cli("check", write("one_value.py", source), "--data", "small", "--json").answer["files"]
    assert file["failure"]["kind"] == "lookahead"
    assert "n = 61" in file["failure"]["message"]
    assert file["parameter_sets"] <= file["parameter_sets_planned"]


def test_each_value_of_a_range_is_tried(cli: Cli, write):
    (file,) = cli("check", write("range.py", HONEST_WITH_RANGE), "--data", "small", "--json").answer["files"]
    assert file["accepted"] is True
    assert file["parameter_sets"] == file["parameter_sets_planned"] >= 79


def test_it_never_touches_the_ledger(cli: Cli, write, settings):
    before = sorted(settings.store_dir.rglob("*"))
    cli("check", write("cross.py", HONEST), "--data", "small")
    assert sorted(settings.store_dir.rglob("*")) == before


def test_nothing_to_check_is_said_in_a_sentence(cli: Cli, tmp_path):
    assert "there is no" in cli("check", tmp_path / "none.py", "--data", "small").refusal
    (tmp_path / "empty").mkdir()
    assert "holds no .py file" in cli("check", tmp_path / "empty", "--data", "small").refusal
