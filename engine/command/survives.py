"""`engine survives`: does a strategy outlive higher costs, delay, other fills, fewer assets, its neighbours and chance?"""

from typing import Annotated, Any

import typer

from engine.analysis.survival import StressTest
from engine.command.answer import DataOption, JsonOption, StoreOption, number, percent
from engine.command.strategy_input import (
    DEFAULTS,
    FeeOption,
    FileArgument,
    SearchedOption,
    SharedCashOption,
    SlippageOption,
    bed_of,
    ranges_of,
    read_strategy,
    typed_params,
    where_of,
)
from engine.errors import StrategyError
from engine.records import RUN_WINDOWS, Costs, Failure
from engine.research.evaluation import open_evaluator
from engine.research.survival import SurvivalReport, survive
from engine.research.trials import batch_of, record_trials
from engine.settings import load_settings
from engine.strategy.params import complete_params, parse_params

ORIGIN = "survives"
STATES = {True: "passed", False: "FAILED", None: "-"}


def survives(
    file: FileArgument,
    data: DataOption,
    param: Annotated[list[str] | None, typer.Option("--param", help="name=value; others take the middle of their range.")] = None,
    window: SearchedOption = "train",
    fee_rate: FeeOption = DEFAULTS.fee_rate,
    slippage_rate: SlippageOption = DEFAULTS.slippage_rate,
    shared_cash: SharedCashOption = "",
    capital: Annotated[float, typer.Option(help="Money that it is to bear, in the currency of the prices.")] = 100_000.0,
    seed: Annotated[int, typer.Option(help="Seed of the drawn halves and entry times.")] = 1,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Try one parameter set under conditions that it will meet: each test with its figure, threshold and margin, one verdict.

    Each backtest of the strategy counts as a trial. The exit status is 0 whatever the verdict.
    """
    settings, source, given = load_settings(store), read_strategy(file), typed_params(param or [])
    _check(window, capital, seed)
    with open_evaluator(settings) as evaluator:
        ranges = ranges_of(evaluator, source, file)
        params, defaults = complete_params(ranges, parse_params(ranges, given))
        bed = bed_of(settings, evaluator, data, window, Costs(fee_rate, slippage_rate), shared_cash)
        found = survive(source, params, ranges, bed, evaluator, capital=capital, seed=seed)
    scored = 1 if isinstance(found, Failure) else found.scored
    trials = record_trials(settings, batch_of(bed, source, origin=ORIGIN, scenarios=scored))
    if isinstance(found, Failure):
        raise StrategyError(f"{file.name}: {found}")
    counted = {"trials": trials.total, "trials_by_arm": trials.by_arm}
    answer = found.plain() | {"defaults": list(defaults)} | where_of(bed, data) | counted
    label = f"{data} (SYNTHETIC)" if bed.market.panel.synthetic else data
    return answer, _text(file.name, label, found, trials.total)


def _check(window: str, capital: float, seed: int) -> None:
    """Raises StrategyError with the first thing that cannot be."""
    for name, found, wanted, fits in (
        ("window", window, " or ".join(RUN_WINDOWS), window in RUN_WINDOWS),
        ("capital", capital, "a finite amount above 0", 0 < capital < float("inf")),
        ("seed", seed, "a whole number of 0 or more", seed >= 0),
    ):
        if not fits:
            raise StrategyError(f"the {name} is {found!r}; wanted {wanted}")


def _text(name: str, data: str, found: SurvivalReport, trials: int) -> str:
    lines = [f"{name} on {data}, window {found.window}: {found.survival.verdict}"]
    lines += [f"  {_line(test)}" for test in found.survival.tests]
    lines.append(f"  {found.survival.sentence}")
    return "\n".join([*lines, f"  {found.scored:,} backtests in {found.wall_s:.0f} s; trials on these bars so far: {trials:,}"])


def _line(test: StressTest) -> str:
    """The test in one line: its state, its figure against the threshold, and in words."""
    if test.value is None:
        return f"{STATES[test.passed]:<7} {test.label}: not computable: {test.sentence}"
    shown, wanted = _figure(test.value, test.unit, sign=test.unit == "fraction"), _figure(test.threshold, test.unit, sign=False)
    return f"{STATES[test.passed]:<7} {test.label}: {shown} {test.relation} {wanted}: {test.sentence}"


def _figure(value: float | None, unit: str, *, sign: bool) -> str:
    return percent(value, sign=sign) if unit in ("fraction", "share") else number(value, 0)
