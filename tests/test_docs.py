"""What the documents say is so: commands, paths, the example strategy, the printed example, rules and figures."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from engine.__main__ import app
from engine.figures import ASSET_FIGURES, PORTFOLIO_FIGURES, Figure
from engine.records import TRADE_REASONS

PROJECT_DIR = Path(__file__).resolve().parents[1]
README = (PROJECT_DIR / "README.md").read_text(encoding="utf-8")
RULES = (PROJECT_DIR / "docs" / "execution.md").read_text(encoding="utf-8")
ENGINE = ".venv/bin/python -m engine "


def blocks(language: str) -> list[str]:
    """The README's code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands(start: str) -> list[str]:
    """What follows `start` in the README's shell lines, remarks cut off."""
    lines = [re.split(r"\s{2,}#", line)[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, in which the first command makes the demo market."""
    return tmp_path_factory.mktemp("store")


def answer_of(words: list[str], store: Path) -> str:
    done = CliRunner().invoke(app, [*words, "--store", str(store)])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_shell_line_of_the_readme_is_one_of_ours() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(lines) == len(commands("make ")) + len(commands(ENGINE))


def test_every_make_command_of_the_readme_is_a_target() -> None:
    makefile = (PROJECT_DIR / "Makefile").read_text(encoding="utf-8")
    assert set(commands("make ")) <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("line", commands(ENGINE))
def test_every_engine_command_of_the_readme_is_understood(line: str) -> None:
    command, words = get_command(app), shlex.split(line)
    context = None
    while hasattr(command, "resolve_command"):
        context = command.make_context("engine", list(words), parent=context)
        name, command, words = command.resolve_command(context, words)
    command.make_context(name, words, parent=context)


def test_every_command_stands_in_the_readme() -> None:
    top = get_command(app).commands
    groups = {name: set(group.commands) for name, group in top.items() if hasattr(group, "commands")}
    named = {" ".join(words[: 2 if words[0] in groups else 1]) for words in map(str.split, commands(ENGINE))}
    assert named == {*(set(top) - set(groups)), *(f"{group} {name}" for group, names in groups.items() for name in names)}


def test_every_path_in_the_readme_is_there_or_made_at_run_time() -> None:
    ignored = (PROJECT_DIR / ".gitignore").read_text(encoding="utf-8").split()
    table = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    paths = {p for row in table for p in re.findall(r"`(.+?)`", row)} | set(re.findall(r"\]\((?!http)(.+?)\)", README))
    assert {p for p in paths if not (PROJECT_DIR / p).exists() and p not in ignored and f"{p}*" not in ignored} == set()


def test_the_example_strategy_of_the_readme_trades(store: Path, tmp_path: Path) -> None:
    (source,) = blocks("python")
    file = tmp_path / "my_strategy.py"
    file.write_text(source, encoding="utf-8")
    assert "my_strategy.py on demo (SYNTHETIC)" in answer_of(["backtest", str(file), "--data", "demo"], store)


def test_the_readme_prints_what_the_command_prints(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks("console")
    line, printed = example.split("\n", 1)
    monkeypatch.chdir(PROJECT_DIR)
    found = answer_of(shlex.split(line.removeprefix(f"$ {ENGINE}")), store)
    # The last line counts the trials made before, here and there.
    assert found.splitlines()[:-1] == printed.splitlines()[:-1]


@pytest.mark.parametrize("figure", [*PORTFOLIO_FIGURES.values(), *ASSET_FIGURES.values()], ids=lambda f: f.name)
def test_the_rules_define_every_figure_as_the_app_does(figure: Figure) -> None:
    assert f"| {figure.label} | `{figure.name}` | {figure.unit} | {figure.definition} |\n" in RULES


def test_the_rules_name_every_reason_that_ends_a_trade() -> None:
    assert {reason for reason in TRADE_REASONS if f"`{reason}`" not in RULES} == set()
