"""The command line: `python -m engine COMMAND`. Every command takes --store DIR and --json."""

import typer

from engine.command import backtest, bench, check, data, doctor, research
from engine.command.answer import answers

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
app.add_typer(data.app, name="data")
for command in (
    research.run, backtest.backtest, backtest.sweep, research.leaderboard, research.repeat, check.check, bench.bench,
    doctor.doctor,
):  # fmt: skip
    app.command()(answers(command))


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
