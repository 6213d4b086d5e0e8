"""What a campaign is: from an analyst's choices to a spec, its identity, and the assets that it trades."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.analysis.benchmarks import check_benchmark
from engine.errors import CampaignError
from engine.market.bars import Panel
from engine.market.splits import split_windows
from engine.proposal.redaction import redact
from engine.records import CampaignSpec, Costs, Promotion, SharedCash, Terms, Window
from engine.research.objectives import OBJECTIVES, ROBUST_OBJECTIVES
from engine.research.tuning import METHODS

PROPOSERS = ("random", "mutate", "model")
MAX_SCENARIOS = 100_000
MAX_SEED = 2**63 - 1
MAX_MORE = 8
"""More further benchmarks would not fit into what the model is told."""


@dataclass(frozen=True, kw_only=True)
class Choices(Terms):
    """What an analyst chooses for a campaign, before it is bound to a dataset.

    `name` empty: made of proposer, dataset and seed. `top_assets`: only so many, by dollar volume in train. `train` and
    `validation`: shares of the rows; `embargo_bars` None: the default of `split_windows`.
    """

    name: str = ""
    top_assets: int | None = None
    exclude: tuple[str, ...] = ()
    train: float = 0.6
    validation: float = 0.2
    embargo_bars: int | None = None


@dataclass(frozen=True)
class Start:
    """A strategy that a campaign begins with, and what it is in a sentence."""

    source: str
    summary: str


def draft_spec(panel: Panel, choices: Choices) -> CampaignSpec:
    """The campaign that the choices amount to on that panel. Raises CampaignError and DataError for what cannot be."""
    windows = split_windows(panel.bars, train=choices.train, validation=choices.validation, embargo_bars=choices.embargo_bars)
    spec = CampaignSpec(
        name=redact(choices.name.strip()) or f"{choices.proposer} on {panel.name}, seed {choices.seed}",
        dataset=panel.name,
        data_hash=panel.data_hash,
        assets=choose_assets(panel, windows[0], top=choices.top_assets, exclude=choices.exclude),
        windows=windows,
        **{term.name: getattr(choices, term.name) for term in fields(Terms)} | {"theme": redact(choices.theme)},
    )
    check_spec(spec)
    return spec


def campaign_id_of(spec: CampaignSpec) -> str:
    """The campaign's identity: a hash of all that was asked for but its stop conditions, so that the same again goes on."""
    plain = spec.as_dict()
    plain.pop("stop")
    for choice in ("shared_cash", "search_s"):  # campaigns from before there was a choice keep their identity
        if plain[choice] is None:
            plain.pop(choice)
    if spec.promotion == Promotion():
        plain.pop("promotion")
    if not spec.benchmarks.more:
        plain["benchmarks"].pop("more")
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def run_id_of(campaign_id: str, number: int) -> str:
    """The identity of a campaign's run of that number, from 1."""
    return hashlib.sha256(f"{campaign_id}:{number}".encode()).hexdigest()[:12]


def rng_of(seed: int, number: int, *streams: int) -> np.random.Generator:
    """The randomness of one run, the same whenever and wherever it is made; of one of its streams, if named."""
    return np.random.default_rng([seed, number, *streams])


def code_hash_of(source: str) -> str:
    """The identity of a source text."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def choose_assets(panel: Panel, train: Window, *, top: int | None, exclude: Sequence[str] = ()) -> tuple[str, ...]:
    """Symbols that trade, in panel order: the `top` by median dollar volume over train rows, less the excluded ones.

    Only assets with a bar in train count, since nothing later may decide who takes part. Raises CampaignError.
    """
    for symbol in exclude:
        if symbol not in panel.symbols:
            raise CampaignError(
                f"the asset {symbol} is excluded, but {panel.name} does not hold it; it holds {_some(panel.symbols)}"
            )
    rows = slice(train.start, train.stop)
    close, volume = panel.close[rows], panel.volume[rows]
    listed = (~np.isnan(close)).any(axis=0)
    open_to = [i for i, s in enumerate(panel.symbols) if listed[i] and s not in exclude]
    if not open_to:
        raise CampaignError(f"no asset of {panel.name} is left after the filter; exclude fewer")
    if top is not None and top < len(open_to):
        if top < 1:
            raise CampaignError(f"the top {top} assets were asked for; ask for at least 1")
        if not panel.has_volume:
            raise CampaignError(f"{panel.name} has no volume, so there is no top {top}; take all assets or exclude by name")
        traded = {i: _median(close[:, i] * volume[:, i]) for i in open_to}
        open_to = sorted(sorted(open_to, key=lambda i: (-traded[i], i))[:top])
    return tuple(panel.symbols[i] for i in open_to)


def check_spec(spec: CampaignSpec) -> None:
    """Raises CampaignError with the first thing that cannot be: found, wanted, what to do."""
    _check_arms(spec.arms)
    asked, runs, hours = spec.benchmarks.asked, spec.stop.runs, spec.stop.hours
    for name, wanted, fits in (
        ("name", "a name of 1 to 80 letters", 1 <= len(spec.name.strip()) <= 80),
        ("objective", f"one of {', '.join(OBJECTIVES)}", spec.objective in OBJECTIVES),
        ("scenarios", f"1 to {MAX_SCENARIOS:,}", 1 <= spec.scenarios <= MAX_SCENARIOS),
        ("method", f"one of {', '.join(METHODS)}", spec.method in METHODS),
        ("sides", "long or both", spec.sides in ("long", "both")),
        ("min_trades", "0 or more", spec.min_trades >= 0),
        ("seed", "a whole number from 0 to 2^63 - 1", 0 <= spec.seed <= MAX_SEED),
        ("capital", "a number above 0", 0 < spec.capital < math.inf),
        ("benchmarks", "numbers, or None for what is not asked", all(math.isfinite(b.value) for b in asked)),
        ("benchmarks", f"at most {MAX_MORE} beside the usual four", len(spec.benchmarks.more) <= MAX_MORE),
        ("stop", "at least 1 run and more than 0 hours, or None", (runs is None or runs >= 1) and (hours is None or hours > 0)),
    ):
        if not fits:
            raise CampaignError(f"the campaign's {name} is {getattr(spec, name)!r}; wanted {wanted}")
    for benchmark in spec.benchmarks.more:
        check_benchmark(benchmark)
    _check_search(spec)
    check_costs(spec.costs)
    check_shared_cash(spec.shared_cash)
    _check_promotion(spec.promotion)


def _check_promotion(rule: Promotion) -> None:
    """Raises CampaignError for a threshold that nothing or anything would pass."""
    for name in ("luck", "judged", "overfit", "superior", "vault"):
        if not 0 < getattr(rule, name) < 1:
            raise CampaignError(f"the promotion's {name} is {getattr(rule, name):g}; wanted between 0 and 1, such as 0.05")
    for name, least in (("train_trades", 0), ("validation_trades", 0), ("looks", 1)):
        if getattr(rule, name) < least:
            raise CampaignError(f"the promotion's {name} is {getattr(rule, name)}; wanted at least {least}")


def _check_search(spec: CampaignSpec) -> None:
    """Raises CampaignError where method, objective and time do not fit each other."""
    if spec.method == "robust" and spec.objective not in ROBUST_OBJECTIVES:
        raise CampaignError(
            f"the method robust takes the objective apart into folds, which {spec.objective} does not allow; choose one of"
            f" {', '.join(ROBUST_OBJECTIVES)}, or another method"
        )
    if spec.search_s is not None and not (spec.method == "adaptive" and 0 < spec.search_s < math.inf):
        raise CampaignError(
            f"a search of {spec.search_s:g} s by the method {spec.method} was asked for; wanted more than 0 s, by adaptive alone"
        )


def _check_arms(arms: Sequence[str]) -> None:
    for arm in arms:
        if arm not in PROPOSERS:
            said = f"there is no arm {arm[:40]!r}" if arm else "an arm without a name was asked for"
            raise CampaignError(f"{said}; there are {', '.join(PROPOSERS)}: name one, or several of them, each once")
    if not _differ(arms):
        raise CampaignError(f"an arm stands twice in {', '.join(arms)}; name each once, for the arms take turns evenly")


def _differ(items: Sequence[str]) -> bool:
    return len(set(items)) == len(items)


def check_costs(costs: Costs) -> None:
    """Raises CampaignError for a rate that no market has."""
    for name in ("fee_rate", "slippage_rate"):
        rate = getattr(costs, name)
        if not 0 <= rate < 0.5:
            raise CampaignError(f"the {name} is {rate:g}; wanted a fraction from 0 to below 0.5, such as 0.001 for 0.1 %")


def check_shared_cash(shared_cash: SharedCash | None) -> None:
    """Raises CampaignError where the account could not trade: found, wanted, what to do."""
    if shared_cash is None:
        return
    if shared_cash.max_positions < 1:
        raise CampaignError(f"shared cash for {shared_cash.max_positions} positions was asked for; wanted at least 1, such as 10")
    if not 0 < shared_cash.fraction <= 1:
        raise CampaignError(
            f"a position's fraction of shared cash is {shared_cash.fraction:g}; wanted above 0 and at most 1, such as 0.1"
        )


def _median(traded: np.ndarray) -> float:
    """Median over the bars that have a volume; 0 where none has."""
    known = traded[~np.isnan(traded)]
    return float(np.median(known)) if len(known) else 0.0


def _some(symbols: Sequence[str]) -> str:
    return ", ".join(symbols[:5]) + (f" and {len(symbols) - 5} more" if len(symbols) > 5 else "")
