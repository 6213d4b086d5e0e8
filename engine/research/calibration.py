"""How often a campaign promotes something on markets of which it is known what there is to find.

Each campaign has a market, a seed and a ledger of its own in a temporary folder: nothing of it reaches the user's store.
"""

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from engine.errors import CampaignError
from engine.market.bars import Panel
from engine.market.catalog import Catalog
from engine.market.named_markets import market_named
from engine.records import Method, Proposal
from engine.research.campaign import MAX_SCENARIOS, Choices, campaign_id_of, draft_spec
from engine.research.evaluation import Evaluator, open_evaluator
from engine.research.loop import ResearchLoop
from engine.research.promotion import Promoter
from engine.research.promotion_rule import Judgement
from engine.research.proposers import make_proposer
from engine.settings import PROJECT_DIR, Settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.queries import Queries

SEEDS_DIR = PROJECT_DIR / "data" / "strategies"
MOST_CAMPAIGNS = 10_000
"""Enough to know a share of 5 % to half a percent; a larger number is a slip of the pen."""
MOST_RUNS = 10_000
MOST_BARS = 21_900
"""Two and a half years by the hour: half a year each to be judged on, and to be sealed."""


@dataclass(frozen=True)
class Sizes:
    """How large a campaign is: assets (None: the market's own number) and bars (None: MOST_BARS, of a dataset with fewer all) of
    its market, runs (the seed strategies first, then random draws), parameter sets a run, and the method of their search."""

    assets: int | None = None
    bars: int | None = None
    runs: int = 20
    scenarios: int = 60
    method: Method = "tpe"


@dataclass(frozen=True)
class Campaign:
    """What one campaign gave. `scenarios`: parameter sets that were scored; `judged`: the runs that met every condition before
    causality and vault, held against these; `stood`: all runs as they stood before."""

    is_promoted: bool
    scenarios: int
    elapsed_s: float
    judged: tuple[Judgement, ...]
    stood: tuple[Judgement, ...]

    @property
    def missed(self) -> dict[str, int]:
        """How many runs missed each condition."""
        return dict(Counter(c.name for j in self.stood for c in j.missed))


Tell = Callable[[int, Campaign], None]
"""Told the number of campaigns done and the latest of them."""


def calibrate(
    market: str, *, campaigns: int, seed: int, settings: Settings, catalog: Catalog, sizes: Sizes, tell: Tell, first: int = 0
) -> list[Campaign]:  # fmt: skip
    """That many campaigns, each on a new market of that name. Equal seeds and sizes give equal results, and so does each
    campaign by itself: one that goes on behind the `first` ones gives what one call for all would have given.

    Raises CampaignError for sizes that cannot be, before anything is made, DataError for an unknown market.
    """
    sources = seed_strategies()
    _check(campaigns, seed, sizes, least_runs=len(sources))
    done: list[Campaign] = []
    with open_evaluator(settings) as evaluator:
        for number in range(first, first + campaigns):
            own = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
            panel = market_named(market, own, catalog, assets=sizes.assets, bars=sizes.bars, most=MOST_BARS)
            with tempfile.TemporaryDirectory(prefix="edgewise-calibrate-") as folder:
                done.append(_campaign(panel, own, sources, sizes, evaluator, replace(settings, store_dir=Path(folder))))
            tell(len(done), done[-1])
    return done


def _check(campaigns: int, seed: int, sizes: Sizes, *, least_runs: int) -> None:
    """Raises CampaignError with the first number that cannot be."""
    for name, found, least, most, of in (
        ("campaigns", campaigns, 1, MOST_CAMPAIGNS, ""),
        ("runs", sizes.runs, least_runs, MOST_RUNS, " (the seed strategies)"),
        ("scenarios", sizes.scenarios, 1, MAX_SCENARIOS, ""),
    ):
        if not least <= found <= most:
            raise CampaignError(f"{found} {name} were asked for; wanted {least}{of} to {most:,}")
    if seed < 0:
        raise CampaignError(f"the seed is {seed}; wanted a whole number of 0 or more")


def seed_strategies() -> list[tuple[str, str]]:
    """(name, source) of the strategies that a campaign here begins with, by name."""
    return [(path.stem, path.read_text(encoding="utf-8")) for path in sorted(SEEDS_DIR.glob("*.py"))]


def _campaign(
    panel: Panel, seed: int, sources: list[tuple[str, str]], sizes: Sizes, evaluator: Evaluator, settings: Settings
) -> Campaign:
    """One campaign from its first run to its last promotion. The gate's second look at each run's best set is left to promotion,
    which checks what it promotes at every signal: of runs that are not promoted nothing more is asked here."""
    began = time.monotonic()
    spec = draft_spec(panel, Choices(seed=seed, scenarios=sizes.scenarios, method=sizes.method))
    campaign_id = campaign_id_of(spec)
    loop = ResearchLoop(campaign_id, spec, panel, make_proposer(spec, panel), evaluator, checks_best=False)
    database = Database(settings.database_path)
    try:
        ledger, queries = Ledger(database, settings), Queries(database)
        ledger.create_campaign(campaign_id, spec)
        for number in range(1, sizes.runs + 1):
            start = sources[number - 1] if number <= len(sources) else None
            ledger.record_run(*loop.step(number, start and Proposal(start[1], f"Start: {start[0]}.", "human")))
        promoter = Promoter(queries, ledger, evaluator, lambda spec: panel)
        judged, stood = promoter.promote_campaign(campaign_id)
        scenarios = int(queries.runs(campaign_id)["scenarios"].sum())
    finally:
        database.close()
    promoted = any(j.is_promoted for j in judged)
    return Campaign(promoted, scenarios, time.monotonic() - began, tuple(judged), tuple(stood))
