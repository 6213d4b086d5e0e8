"""The command line: `python -m engine COMMAND`. Every command takes --store DIR and --json."""

import json
import sys

import typer
from typer.exceptions import TyperException

from engine.command import (
    backtest,
    bench,
    calibrate,
    check,
    data,
    doctor,
    evidence,
    explain,
    ideas,
    meter,
    prompts,
    research,
    survives,
    sweep,
    traces,
)
from engine.command.answer import answers

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=__doc__)
app.add_typer(data.app, name="data")
app.add_typer(prompts.app, name="prompts")
app.add_typer(ideas.app, name="ideas")
for command in (
    research.run, backtest.backtest, sweep.sweep, research.leaderboard, research.repeat, check.check, bench.bench,
    doctor.doctor, traces.traces, meter.meter, evidence.evidence, evidence.promote, evidence.vault,
    calibrate.calibrate, survives.survives, explain.explain,
):  # fmt: skip
    app.command()(answers(command))


def main() -> None:
    """Run the command that the arguments name; what is mistyped is told in one sentence, as JSON too where that is asked for."""
    try:
        ended = app(standalone_mode=False)
    except TyperException as error:
        reason = " ".join(str(error.format_message()).split()).rstrip(".") or "no command was named"
        told = f"{reason}; --help says what is wanted"
        if "--json" in sys.argv:
            print(json.dumps({"error": told}))
        print(f"error: {told}", file=sys.stderr)
        raise SystemExit(1) from None
    except typer.Abort:
        raise SystemExit(130) from None
    raise SystemExit(ended if isinstance(ended, int) else 0)


if __name__ == "__main__":
    main()
