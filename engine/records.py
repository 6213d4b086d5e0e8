"""Frozen records that cross the borders between rooms.

Conventions everywhere: returns and rates are fractions (0.02 = 2 %), times are UTC and label a bar's
open, rows are bars and columns are assets, money inside a backtest is in units of one sleeve's
starting capital. A figure that was not computed is NaN, and null in JSON.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

ParamValue = int | float | str | bool
Method = Literal["grid", "random", "tpe", "hybrid", "adaptive", "robust"]
Params = dict[str, ParamValue]

TRADE_REASONS = (
    "exit_signal", "reverse", "max_bars", "stop_loss", "trailing_stop", "take_profit", "delisted", "liquidated", "open",
)  # fmt: skip
"""Why a trade ended; the position in this tuple is the kernel's code. `open` marks a position still held at the end."""


@dataclass(frozen=True)
class Costs:
    """What a fill costs: `fee_rate` of its notional, and `slippage_rate` of price on market orders and stops."""

    fee_rate: float = 0.001
    slippage_rate: float = 0.0005

    @property
    def beyond_rate(self) -> float:
        """The fraction beyond a target that the price must come to for it to be filled: none, touching is enough."""
        return 0.0


@dataclass(frozen=True)
class StrictTargets(Costs):
    """The same costs where a target is filled only if the price goes one slippage beyond it."""

    @property
    def beyond_rate(self) -> float:
        return self.slippage_rate


@dataclass(frozen=True)
class SharedCash:
    """One account for all assets: at most `max_positions` at once, each entered with `fraction` of equity (0.1 = 10 %)."""

    max_positions: int = 10
    fraction: float = 0.1


@dataclass(frozen=True)
class Window:
    """Rows [start, stop) of a panel that are traded, after `lead_in` rows that only warm the indicators up.

    Signals are computed on rows [start - lead_in, stop). Bar 0 of all results is row `start`; entries decided
    on the lead-in are masked, and so are those decided on the first `warm_up_bars` rows of the window.
    """

    name: str
    start: int
    stop: int
    lead_in: int = 0
    warm_up_bars: int = 0

    @property
    def bars(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Failure:
    """Why a candidate gave no result. `kind` is one word (syntax, contract, error, timeout, memory, output, killed)."""

    kind: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" + (f" (line {self.line})" if self.line else "")


@dataclass(frozen=True)
class ParamRange:
    """One entry of a strategy's PARAMS.

    `kind` is "int" or "float" (a range low..high, both ends included, `log` for a logarithmic scale) or "choice".
    """

    name: str
    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[ParamValue, ...] = ()


RUN_WINDOWS = ("train", "validation")
"""Windows that a run is scored on: chosen on the first, judged on the second. The vault is none of them."""

RiskValue = float | np.ndarray | None


@dataclass(frozen=True)
class Signals:
    """What a strategy decided on every bar of one window, packed.

    `entries`, `exits`, `short_entries`, `short_exits`: uint64 arrays of shape (assets, words), 64 bars a word,
    bar t in bit t % 64 of word t // 64; None means all False. Decisions are those of the strategy, before any veto.
    `stop_loss`, `take_profit`, `trailing_stop`, `size`: None, one float for all, or an array with one value for each
    deciding cell, that is for each (asset, bar) at which `entries | short_entries` is set, asset by asset, in bar order;
    NaN there means no entry. `tag`: uint8 per deciding cell, an index into `tag_names`; `rank` float per deciding cell.
    """

    bars: int
    assets: int
    entries: np.ndarray
    exits: np.ndarray | None = None
    short_entries: np.ndarray | None = None
    short_exits: np.ndarray | None = None
    stop_loss: RiskValue = None
    take_profit: RiskValue = None
    trailing_stop: RiskValue = None
    size: RiskValue = None
    max_bars: int | None = None
    cooldown: int = 0
    tag: np.ndarray | None = None
    tag_names: tuple[str, ...] = ()
    rank: np.ndarray | None = None


@dataclass(frozen=True)
class Proposal:
    """A candidate as its author made it. `summary` says in a sentence what is new; `parent_run_id` is None for a draft."""

    source: str
    summary: str
    arm: str
    parent_run_id: str | None = None


@dataclass(frozen=True)
class Benchmark:
    """One portfolio figure that a good strategy has: `figure` `relation` `value` (a fraction where the figure is one).

    `window`: train, validation, vault, or each, which is train and validation. `is_required`: a campaign that ends when its
    benchmarks are met waits for it; a wish is only shown, and so is one on the vault, which the search never reads.
    """

    figure: str
    value: float
    relation: Literal[">=", ">", "<=", "<"] = ">="
    window: Literal["each", "train", "validation", "vault"] = "each"
    is_required: bool = True

    @property
    def windows(self) -> tuple[str, ...]:
        """The windows on which it is asked for."""
        return RUN_WINDOWS if self.window == "each" else (self.window,)

    def is_met(self, found: float) -> bool:
        """Whether that value meets it; NaN meets nothing."""
        by = {">=": found >= self.value, ">": found > self.value, "<=": found <= self.value, "<": found < self.value}
        return bool(by[self.relation])


@dataclass(frozen=True)
class Benchmarks:
    """What a good strategy must meet, on train and on validation. A None is not asked for. `win_rate` must be exceeded, the
    others reached. `more`: further benchmarks, each with its own relation and window."""

    total_return: float | None = 1.0
    trades: int | None = 1000
    assets: int | None = 100
    win_rate: float | None = 0.5
    more: tuple[Benchmark, ...] = ()

    @property
    def asked(self) -> tuple[Benchmark, ...]:
        """All that are asked for; trade figures count open positions."""
        usual = (
            ("total_return", self.total_return, ">="), ("trades_with_open", self.trades, ">="),
            ("assets_traded", self.assets, ">="), ("win_rate_with_open", self.win_rate, ">"),
        )  # fmt: skip
        first = tuple(Benchmark(figure, float(value), relation) for figure, value, relation in usual if value is not None)  # type: ignore[arg-type]
        return first + self.more


@dataclass(frozen=True)
class StopConditions:
    """When a campaign ends by itself: the first that is met; all None means never."""

    runs: int | None = None
    hours: float | None = None
    benchmarks_met: bool = False


@dataclass(frozen=True)
class Promotion:
    """The rule by which a run is promoted: every condition of `docs/promotion.md` at these thresholds, fixed with its campaign.

    `train_trades`, `validation_trades`: at least so many, open positions counted. `luck`: chance of luck on train over all trials
    of the campaign, at most, of the plain returns and of those beyond buy-and-hold; `judged`: that of the returns beyond
    buy-and-hold on validation over all runs that were judged there. `overfit`: probability of backtest overfitting, at most;
    `superior`: p-value of superior predictive ability against buy-and-hold and against the baselines. `vault`: the k-th look on
    overlapping bars is tested at vault / 2^k; `looks`: a promotion spends at most so many on one campaign.
    """

    train_trades: int = 100
    validation_trades: int = 30
    luck: float = 0.05
    judged: float = 0.2
    overfit: float = 0.5
    superior: float = 0.05
    vault: float = 0.05
    looks: int = 3


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an analyst chooses that needs no dataset to be understood; the defaults are those of every form.

    `proposer`: who writes the strategies; several arms take turns and are joined by +, as in `model+random`. `method`: how
    parameter sets are searched, see `docs/tuning.md`; `search_s`: after so many seconds `adaptive` begins no further batch, and
    then results depend on the machine.
    `shared_cash` None: each asset is a sleeve with an equal share of the capital.
    """

    theme: str = ""
    proposer: str = "random"
    seed: int = 1
    scenarios: int = 200
    method: Method = "grid"
    search_s: float | None = None
    objective: str = "sharpe"
    min_trades: int = 100
    sides: Literal["long", "both"] = "both"
    costs: Costs = field(default_factory=Costs)
    shared_cash: SharedCash | None = None
    capital: float = 100_000.0
    currency: str = "USD"
    benchmarks: Benchmarks = field(default_factory=Benchmarks)
    promotion: Promotion = field(default_factory=Promotion)
    stop: StopConditions = field(default_factory=StopConditions)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms in the order in which they take turns."""
        return tuple(self.proposer.split("+"))


@dataclass(frozen=True, kw_only=True)
class CampaignSpec(Terms):
    """All that decides a campaign's results, and nothing else but its name, theme and stop conditions.

    `assets` are the symbols that trade, in panel order (the first is what strategies see as A000). `windows` are rows of
    the dataset's panel. Equal specs give equal boards.
    """

    name: str
    dataset: str
    data_hash: str
    assets: tuple[str, ...]
    windows: tuple[Window, ...]

    def window(self, name: str) -> Window:
        """The window of that name. Raises KeyError for another."""
        return {w.name: w for w in self.windows}[name]

    @property
    def validation_min_trades(self) -> int:
        """The least number of trades on validation, in proportion to that on train by the windows' bars, rounded up."""
        bars = {w.name: w.bars for w in self.windows}
        return -(-self.min_trades * bars["validation"] // bars["train"])

    def as_dict(self) -> dict[str, Any]:
        """Plain nested dict, JSON-ready."""
        return asdict(self)


def spec_from_dict(plain: dict[str, Any]) -> CampaignSpec:
    """The spec that `as_dict` made plain; unknown keys raise TypeError."""
    data = dict(plain)
    data["assets"] = tuple(data["assets"])
    data["windows"] = tuple(Window(**w) for w in data["windows"])
    kinds = {"costs": Costs, "benchmarks": Benchmarks, "stop": StopConditions, "shared_cash": SharedCash,
             "promotion": Promotion}  # fmt: skip
    for key, kind in kinds.items():
        if data.get(key) is not None:
            data[key] = kind(**data[key])
    asked = data["benchmarks"]
    more = tuple(b if isinstance(b, Benchmark) else Benchmark(**b) for b in asked.more)
    return CampaignSpec(**data | {"benchmarks": replace(asked, more=more)})


@dataclass(frozen=True)
class RunRecord:
    """One turn of the loop, complete: what the ledger writes in a single transaction.

    `number` counts from 1 within the campaign. `failure` is None for a scored run, else why the draft was refused, or what most
    of its scenarios died of; a best set that fails on validation alone leaves the run scored.
    `scenarios`: one row a parameter set in the order tried, column `params` (JSON text) followed by the portfolio figures of
    the train window (names of `figures.PORTFOLIO_FIGURES`, NaN where not computed), `objective` (NaN ranks last) and `failure`
    (text or None). A draft that was refused has no row.
    `best`: row of `scenarios` that won, None if none ran. `figures`, `assets`, `daily_returns`: by window name ("train",
    "validation") for the best set: portfolio figures, a frame of asset figures indexed by symbol, float32 daily returns;
    `days` holds the UTC day number (days since 1970) of each daily return, by window name as well.
    `elapsed_s` is kept apart from results. `reason` tells how the best was chosen, in one sentence.
    `warm_up_bars`: on so many first bars of train no entry is decided; None where signals never settle (none is masked then)
    or it was not measured. `is_cross_sectional`: an asset's signals depend on other assets; None if not measured.
    `luck_maxima`: `chance.chance_maxima` of all its scenarios on train, by which a campaign counts its effective trials.
    """

    run_id: str
    campaign_id: str
    number: int
    proposal: Proposal
    code_hash: str
    params: Params | None
    objective: float
    scenarios: pd.DataFrame
    best: int | None
    figures: dict[str, dict[str, float]]
    assets: dict[str, pd.DataFrame]
    daily_returns: dict[str, np.ndarray]
    failure: Failure | None = None
    reason: str = ""
    elapsed_s: float = 0.0
    days: dict[str, np.ndarray] = field(default_factory=dict)
    warm_up_bars: int | None = None
    is_cross_sectional: bool | None = None
    luck_maxima: np.ndarray | None = None


@dataclass(frozen=True)
class TrialBatch:
    """Scorings to be counted. By `symbols` and times (ns UTC of the window's ends) the ledger tells which share bars.

    `origin` is loop, page, or the command's name; `arm` is random, model, human. `symbols` those that were traded.
    """

    batch_id: str
    origin: str
    arm: str
    data_hash: str
    symbols: tuple[str, ...]
    first_ns: int
    last_ns: int
    window: str
    scenarios: int
    code_hash: str
