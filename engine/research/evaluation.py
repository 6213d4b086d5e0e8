"""Evaluating strategies on windows: children, kernel and figures joined. Knows test beds, and of campaigns their spec alone."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.analysis.causality import Verdict, confirm, screen
from engine.analysis.metrics import asset_table, portfolio_table
from engine.analysis.spot_checks import SpotChecks
from engine.analysis.trade_table import asset_of, decided_rows, last_rows
from engine.backtest.portfolio import Result, run_strategy
from engine.backtest.sweep import Keep, Outcomes, Progress, Screen, TestBed, give_up, hold_outcomes, join, prepare, sweep
from engine.market.bars import Panel
from engine.records import CampaignSpec, Costs, Failure, ParamRange, Params, SharedCash, Window
from engine.research.chart_lines import ChartLines, chart_lines
from engine.research.indicator_states import IndicatorStates, indicator_states
from engine.research.outcome_cache import OutcomeCache, context_of, with_known
from engine.settings import Settings
from engine.strategy.sandbox import SandboxPool

BEDS_KEPT = 4


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep's outcomes with their portfolio figures, one row a scenario."""

    bed: TestBed
    outcomes: Outcomes
    table: pd.DataFrame

    def assets(self, scenario: int) -> pd.DataFrame:
        """Asset figures of one scenario, indexed by symbol."""
        return asset_table(self.outcomes, scenario, self.bed.market, self.bed.hold)


def join_sweeps(parts: Sequence[Sweep]) -> Sweep:
    """The sweeps of one bed as one, scenario behind scenario: what was to be given up in one sweep is given up here too. Raises
    ValueError for none."""
    if not parts:
        raise ValueError("no sweeps to join; wanted at least one")
    if len(parts) == 1:
        return parts[0]
    outcomes = give_up(join([p.outcomes for p in parts]))
    table = pd.concat([p.table for p in parts], ignore_index=True)
    table.loc[[failure is not None for failure in outcomes.failures]] = np.nan
    return Sweep(parts[0].bed, outcomes, table)


class Evaluator:
    """Runs strategies on windows. Safe to use from several threads; test beds are shared and kept for a while.

    `result`, `lines` and `states` use the slots of `aside`, if given: who looks at a result then never waits for a sweep that has
    all the others.
    With a `cache` no set is computed twice; the results are the same bits.
    """

    def __init__(
        self, pool: SandboxPool, executor: Executor, *, aside: SandboxPool | None = None, cache: OutcomeCache | None = None
    ) -> None:
        self._pool = pool
        self._aside = aside or pool
        self._executor = executor
        self._cache = cache
        self._beds: OrderedDict[object, TestBed] = OrderedDict()
        self._lock = threading.Lock()

    def bed(
        self, panel: Panel, symbols: tuple[str, ...], window: Window, costs: Costs, shared_cash: SharedCash | None = None
    ) -> TestBed:
        """The test bed of those assets and that window."""
        key = (panel.data_hash, symbols, window, costs, shared_cash)
        with self._lock:
            if key not in self._beds:
                self._beds[key] = prepare(self._selected(panel, symbols), window, costs, shared_cash)
                while len(self._beds) > BEDS_KEPT:
                    self._beds.popitem(last=False)
            self._beds.move_to_end(key)
            return self._beds[key]

    def campaign_bed(self, panel: Panel, spec: CampaignSpec, window: str) -> TestBed:
        """The test bed of a campaign's window of that name."""
        return self.bed(panel, spec.assets, spec.window(window), spec.costs, spec.shared_cash)

    def _selected(self, panel: Panel, symbols: tuple[str, ...]) -> Panel:
        """The panel of those assets; that of a bed which is there already, so that windows share its arrays."""
        known = [bed.market.panel for bed in self._beds.values()]
        same = (p for p in known if p.data_hash == panel.data_hash and p.symbols == symbols)
        return next(same, None) or panel.select(symbols)

    def ranges(self, source: str) -> tuple[ParamRange, ...] | Failure:
        """The parameter ranges a source declares, or why it has none."""
        return self._pool.ranges(source)

    def sweep(
        self, source: str, params: Sequence[Params], bed: TestBed, *, sides: str = "both", progress: Progress | None = None,
        cancelled: threading.Event | None = None, says_why: bool = True, screen: Screen | None = None,
    ) -> Sweep:  # fmt: skip
        """Figures of every parameter set; `says_why` as for `SandboxPool.signals`, `screen` as for `sweep`. Raises Cancelled when
        the event is set."""

        def run(sets: Sequence[Params], told: Progress | None, keep: Keep | None) -> Outcomes:
            return sweep(
                source, sets, bed, pool=self._pool, executor=self._executor, sides=sides, progress=told, cancelled=cancelled,
                says_why=says_why, screen=screen, keep=keep,
            )  # fmt: skip

        if self._cache is None:
            outcomes = run(params, progress, None)
        else:
            context = context_of(source, bed, sides=sides, look="" if screen is None else screen.name)
            outcomes = with_known(self._cache, context, params, run, screen=screen, progress=progress)
        return Sweep(bed, outcomes, portfolio_table(outcomes, bed.market, bed.hold))

    def screen(
        self, source: str, params: Params, bed: TestBed, *, seed: int, sides: str = "both", k: int = 3, ends: Sequence[int] = (),
        cancelled: threading.Event | None = None,
    ) -> Verdict:  # fmt: skip
        """The gate's verdict on one set, before a sweep: see `causality.screen`."""
        return screen(
            source, params, bed, pool=self._pool, executor=self._executor, seed=seed, sides=sides, k=k, ends=ends,
            cancelled=cancelled,
        )  # fmt: skip

    def confirm(
        self, source: str, params: Params, batch_digest: int, known: Verdict, bed: TestBed, *, seed: int, sides: str = "both",
        k: int | None = 30, ends: Sequence[int] = (), cancelled: threading.Event | None = None,
    ) -> Verdict:  # fmt: skip
        """The gate's verdict on the set that won: see `causality.confirm`."""
        return confirm(
            source, params, batch_digest, known, bed, pool=self._pool, executor=self._executor, seed=seed, sides=sides, k=k,
            ends=ends, cancelled=cancelled,
        )  # fmt: skip

    def spot_checks(
        self, source: str, sets: Sequence[Params], bed: TestBed, *, seed: int, sides: str, is_cross_sectional: bool
    ) -> Iterator[Failure | None]:
        """A small probe of each set: see `SpotChecks.failures`."""
        return SpotChecks(source, bed, self._pool, self._executor, seed, sides, is_cross_sectional).failures(sets)

    def result(self, source: str, params: Params, bed: TestBed, *, sides: str = "both") -> Result | Failure:
        """The whole result of one parameter set, or why there is none."""
        return run_strategy(source, params, bed, pool=self._aside, sides=sides)

    def lines(self, source: str, params: Params, bed: TestBed, symbol: str, *, sides: str = "both") -> ChartLines | Failure:
        """What one parameter set draws beside that asset's candles: see `chart_lines`."""
        return chart_lines(source, params, bed, symbol, pool=self._aside, sides=sides)

    def states(
        self, source: str, params: Params, bed: TestBed, bars: np.ndarray, assets: np.ndarray, *, sides: str = "both"
    ) -> IndicatorStates | Failure:
        """What the indicators of one parameter set said at some cells: see `indicator_states`."""
        return indicator_states(source, params, bed, bars, assets, pool=self._aside, sides=sides)

    def said_of_trades(
        self, source: str, params: Params, bed: TestBed, trades: pd.DataFrame, *, sides: str = "both", at_exit: bool = False
    ) -> pd.DataFrame | None:
        """What the indicators of one parameter set said when each of these trades was decided, or at the last close before the
        bar in which it ended, prices against that close; a row a trade. None where there is nothing to tell: on another window
        than train, without trades, or where the set fails."""
        market = bed.market
        if market.window.name != "train" or trades.empty:
            return None
        assets, rows = asset_of(market, trades), (last_rows if at_exit else decided_rows)(market, trades)
        said = self.states(source, params, bed, rows - market.window.start, assets, sides=sides)
        if isinstance(said, Failure):
            return None
        told = said.comparable(market.panel, rows, assets)
        return told.rename(columns={label: f"{label} against the close" for label in said.prices})


@contextmanager
def open_evaluator(settings: Settings) -> Iterator[Evaluator]:
    """An evaluator with slots and threads of its own, ended with the block: for commands that only compute."""
    pool = SandboxPool(settings.slots, settings.limits)
    with ThreadPoolExecutor(settings.slots, "evaluation") as executor:
        try:
            yield Evaluator(pool, executor)
        finally:
            pool.close()


def days_of(bed: TestBed) -> np.ndarray:
    """UTC day numbers of a bed's daily returns."""
    return bed.market.panel.days[bed.market.window.start :][bed.market.day_ends]


def figures_of(table: pd.DataFrame, row: int) -> dict[str, float]:
    """One scenario's figures as plain numbers."""
    return {str(name): float(value) for name, value in table.iloc[row].items()}


@dataclass(frozen=True, eq=False)
class RunResult:
    """A run's best set on one window, for a page: series over UTC times as in `backtest.portfolio.Result`, trades, figures, and
    the `whole` result that they are read from."""

    equity: pd.Series
    buy_and_hold: pd.Series
    drawdown: pd.Series
    exposure: pd.Series
    trades: pd.DataFrame
    figures: dict[str, float]
    assets: pd.DataFrame
    whole: Result


def run_result(result: Result) -> RunResult:
    """The result with its figures."""
    market, hold = result.market, hold_outcomes(result.market, result.costs)
    return RunResult(
        equity=result.equity,
        buy_and_hold=result.buy_and_hold,
        drawdown=result.drawdown,
        exposure=result.exposure,
        trades=result.trades,
        figures=figures_of(portfolio_table(result.outcomes, market, hold), 0),
        assets=asset_table(result.outcomes, 0, market, hold),
        whole=result,
    )
