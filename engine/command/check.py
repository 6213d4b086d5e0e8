"""`engine check`: is this strategy fit to be run? Nothing is scored, and the ledger is not touched."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.backtest.sweep import TestBed
from engine.command.answer import DataOption, JsonOption, Refused, StoreOption
from engine.command.strategy_input import read_strategy, strategy_files
from engine.errors import StrategyError
from engine.market.catalog import Catalog
from engine.market.splits import split_windows, window_named
from engine.records import Costs, Failure
from engine.research.evaluation import Evaluator, open_evaluator
from engine.research.examination import Examination, examine, refused
from engine.research.gate import ends_of
from engine.settings import load_settings


def check(
    paths: Annotated[list[Path], typer.Argument(help="Strategy files, or folders of them.")],
    data: DataOption,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Check strategies: policy, contract, repeatability, look-ahead, warm-up. Exit status 1 if any is refused.

    Four parameter sets are checked in depth and others lightly, so that each value of a range of whole numbers or of choices
    occurs (at most 400 a range; 24 of a range of reals; 45 seconds a file): the answer says how many of how many. A campaign
    checks the set that won once more, in depth. Each file's verdict is told at once, with --json on stderr.
    """
    settings = load_settings(store)
    files = strategy_files(paths)
    panel = Catalog(settings.bars_dir).open(data)
    with open_evaluator(settings) as evaluator:
        bed = evaluator.bed(panel, panel.symbols, window_named(panel.bars, "train"), Costs())
        ends = ends_of(split_windows(panel.bars))
        found = []
        for file in files:
            found.append((file, _examine(file, bed, evaluator, ends)))
            typer.echo(_line(*found[-1]), err=as_json)
    answer = {"files": [_plain(file, examined) for file, examined in found], "data": data, "data_hash": panel.data_hash}
    refused_files = sum(not examined.is_accepted for _, examined in found)
    if refused_files:
        raise Refused(f"{refused_files} of {len(found)} files refused; see what each was told", answer)
    return answer, f"{len(found)} of {len(found)} files accepted"


def _examine(file: Path, bed: TestBed, evaluator: Evaluator, ends: tuple[int, ...]) -> Examination:
    """The examination of a file; one that cannot be read is refused like any other, so that the rest is checked."""
    try:
        source = read_strategy(file)
    except StrategyError as error:
        return refused(Failure("syntax", str(error)))
    return examine(source, bed, evaluator, ends=ends)


def _plain(file: Path, examined: Examination) -> dict[str, Any]:
    failure = examined.failure
    return {
        "file": str(file),
        "accepted": examined.is_accepted,
        "isolation": examined.isolation,
        "failure": failure and {"kind": failure.kind, "message": failure.message, "line": failure.line},
        "warm_up_bars": examined.warm_up_bars,
        "is_cross_sectional": examined.is_cross_sectional,
        "parameter_sets": examined.sets,
        "parameter_sets_planned": examined.planned,
        "wall_s": round(examined.wall_s, 3),
    }


def _line(file: Path, examined: Examination) -> str:
    if examined.failure is not None:
        return f"refused   {file.name}: {examined.failure}"
    settles = "never settles" if examined.warm_up_bars is None else f"settles after {examined.warm_up_bars:,} bars"
    across = ", looks at other assets" if examined.is_cross_sectional else ""
    return f"accepted  {file.name}: {settles}{across} ({_sets(examined)}, {examined.wall_s:.1f} s)"


def _sets(examined: Examination) -> str:
    """How many parameter sets were tried, and that time did not allow for all if so."""
    return (
        f"{examined.sets} parameter sets"
        if examined.is_whole
        else f"{examined.sets} of {examined.planned} parameter sets in time"
    )
