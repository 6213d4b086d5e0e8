"""`prompts check` and `prompts show`, and that the strategies in the shipped prompts are what they ask for."""

import re
from pathlib import Path

import pytest

from engine.proposal.code_text import extract_code, indicator_probe
from engine.proposal.prompt_book import parse_book
from engine.proposal.roles import ROLES
from tests.command.conftest import ROOT, Cli

SHIPPED = (ROOT / "prompts.yaml").read_text(encoding="utf-8")
BOOK = parse_book(SHIPPED)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.yaml"
    path.write_text(SHIPPED, encoding="utf-8")
    return path


def test_check_finds_the_shipped_prompts_in_order(cli: Cli):
    found = cli("prompts", "check", "--json").answer
    assert (found["problems"], found["version"]) == ([], BOOK.version)
    assert [prompt["role"] for prompt in found["prompts"]] == list(ROLES)
    assert cli("prompts", "check").out == f"{len(ROLES)} prompts in order, version {BOOK.version}\n"


def test_the_prompts_of_the_environment_or_of_env_are_checked_and_shown(cli: Cli, file, tmp_path, monkeypatch):
    file.write_text(SHIPPED.replace("\ndraft:", "\ndrafts:"))
    monkeypatch.setattr("engine.settings.PROJECT_DIR", tmp_path)
    (tmp_path / ".env").write_text(f"EDGEWISE_PROMPTS={file}\n")
    assert str(file) in cli("prompts", "check").refusal
    assert "drafts" in cli("prompts", "show").refusal
    monkeypatch.setenv("EDGEWISE_PROMPTS", str(ROOT / "prompts.yaml"))
    assert cli("prompts", "check").status == 0


def test_check_tells_all_that_is_wrong(cli: Cli, file):
    file.write_text(SHIPPED.replace("\ndraft:", "\ndrafts:"))
    said = cli("prompts", "check", "--file", file)
    assert said.refusal == f"2 problems in {file}; see each"
    assert "the role 'drafts' is called by nothing, did you mean draft?" in said.out
    assert "the role draft is missing" in said.out
    found = cli("prompts", "check", "--file", file, "--json")
    assert (found.status, len(found.answer["problems"])) == (1, 2)


def test_a_single_problem_is_told_once(cli: Cli, file):
    file.write_text(SHIPPED + "\nother:\n  purpose: a text\n")
    said = cli("prompts", "check", "--file", file)
    assert said.status == 1
    assert (said.out + said.err).count("the role 'other' is called by nothing") == 1


@pytest.mark.parametrize(("content", "told"), [(b"\xff", "no UTF-8"), (b"a: [", "no YAML"), (None, "No such file or directory")])
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(cli: Cli, tmp_path, content, told):
    path = tmp_path / "other.yaml"
    if content is not None:
        path.write_bytes(content)
    for command in ("check", "show"):
        assert told in cli("prompts", command, "--file", path).refusal


def test_show_lists_every_prompt_with_version_and_purpose(cli: Cli):
    lines = cli("prompts", "show").out.splitlines()
    assert [line.split()[:2] for line in lines] == [[role, BOOK[role].version] for role in ROLES]
    assert all(line.endswith(BOOK[role].purpose) for line, role in zip(lines, ROLES, strict=True))
    assert cli("prompts", "show", "--json").answer["version"] == BOOK.version


def test_show_gives_one_prompt_whole(cli: Cli):
    found = cli("prompts", "show", "repair", "--json").answer
    assert found["instructions"] == BOOK["repair"].instructions
    assert found["inputs"] == BOOK["repair"].inputs
    said = cli("prompts", "show", "repair").out
    assert said.startswith(f"# version {BOOK['repair'].version}\nrepair:\n")
    assert all(line.strip() in said for line in BOOK["repair"].instructions.split("\n"))


def test_an_unknown_role_is_told_what_there_is(cli: Cli):
    refusal = cli("prompts", "show", "drfat").refusal
    assert refusal.startswith("there is no prompt 'drfat'; there are market, draft")
    assert refusal.endswith("did you mean draft?")


# What the prompts show as right must be right.


def example(role: str) -> str:
    blocks = re.findall(r"^```python\n.*?^```$", BOOK[role].instructions, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return extract_code(blocks[0])


def written(role: str, folder: Path) -> Path:
    source = indicator_probe(example(role), "close_strength") if role == "indicator" else example(role)
    file = folder / f"{role}.py"
    file.write_text(source)
    return file


@pytest.mark.parametrize("role", ["draft", "indicator"])
def test_the_worked_examples_to_start_from_pass_every_check(cli: Cli, tmp_path, role):
    (found,) = cli("check", written(role, tmp_path), "--data", "small", "--json").answer["files"]
    assert found["failure"] is None
    assert found["accepted"] is True


@pytest.mark.parametrize("role", ["draft", "risk", "repair", "indicator"])
def test_every_worked_example_trades(cli: Cli, tmp_path, role):
    assert cli("backtest", written(role, tmp_path), "--data", "small", "--json").answer["portfolio"]["trades"] > 0


def test_the_example_is_the_same_for_all_who_write_entries():
    assert len({example(role) for role in ("draft", "improve", "crossover")}) == 1
