"""A small market, short campaigns, and strategies that go right or wrong in a known way."""

import dataclasses
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.market.bars import Panel
from engine.market.catalog import Catalog
from engine.market.demo import demo_market
from engine.market.quality import assess
from engine.market.splits import split_windows
from engine.records import Proposal, StopConditions
from engine.research.campaign import Choices
from engine.settings import Limits, Settings
from engine.strategy.sandbox import SandboxPool

QUICK = Limits(cpu_s_per_set=1.0, indicator_cache_mb=64)
CHOICES = Choices(scenarios=6, min_trades=5, seed=3, stop=StopConditions(runs=3))

_FORM = '''"""{text}"""

PARAMS = {{"n": {range}}}


def signals(market, params, ta):
    n = params["n"]
{body}
'''


def strategy(body: str, *, text: str = "A test's strategy.", n: str = "(5, 12)") -> str:
    """A strategy with one parameter `n`; `body` are the lines of `signals`, not indented."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return _FORM.format(text=text, range=n, body=lines)


CROSS = strategy(
    'fast, slow = ta.ema(market.close, n), ta.ema(market.close, 4 * n)\nreturn {"entries": ta.crossed_above(fast, slow),'
    ' "exits": fast < slow, "short_entries": ta.crossed_below(fast, slow), "short_exits": fast > slow, "stop_loss": 0.05}'
)
NEVER_TRADES = strategy('return {"entries": market.close < 0}')
SOMETIMES_FAILS = strategy('if n % 2:\n    raise ValueError("odd")\nreturn {"entries": market.close > ta.sma(market.close, n)}')
ALWAYS_FAILS = strategy('raise ValueError("never mind")')
NO_SYNTAX = "PARAMS = {}\n\n\ndef signals(market, params, ta)\n    return {}\n"
NO_SIGNALS = "PARAMS = {}\n"
WRONG_SHAPE = strategy('return {"entries": (market.close > 0).iloc[:-1]}')
ENDLESS = strategy("while True:\n    pass")
READS_VOLUME = strategy('return {"entries": market.volume > ta.sma(market.volume, n)}')
BUYS_ONCE = strategy('return {"entries": market.close > 0}')


@dataclasses.dataclass(frozen=True)
class Scripted:
    """A proposer that has one thing to say."""

    source: str

    def draw(self, rng: np.random.Generator) -> Proposal:
        return Proposal(self.source, "As the test says.", "random")


class Borrowed(SandboxPool):
    """A pool that its borrower does not close: starting a process for strategy code takes a second."""

    def close(self) -> None:
        pass


def small_panel(name: str = "small", *, seed: int = 1) -> Panel:
    """6 assets, 1,500 hourly bars; train 900 rows, embargo 100, validation 200, vault 200."""
    return demo_market(name, seed=seed, assets=6, bars=1_500)


def save(panel: Panel, store_dir: Path, *, replace: bool = False) -> None:
    Catalog(store_dir / "bars").save(panel, source="SYNTHETIC", quality=assess(panel), replace=replace)


def store_with(market_store: Path, store_dir: Path, *, slots: int = 1) -> Settings:
    """A new store with the datasets of `market_store` and nothing else."""
    shutil.copytree(market_store / "bars", store_dir / "bars")
    return Settings(store_dir=store_dir, slots=slots, limits=QUICK)


def without_volume(panel: Panel, name: str) -> Panel:
    nothing = np.full_like(panel.volume, np.nan)
    return dataclasses.replace(panel, name=name, volume=nothing, has_volume=False, data_hash=f"sha256:{name}")


def results_of(queries: Any, campaign_id: str) -> dict[str, str]:
    """All that a campaign's results are, as exact text: its board, and each run's scenarios, assets and daily returns."""
    return {name: frame.to_csv() for name, frame in _frames(queries, campaign_id)}


def _frames(queries: Any, campaign_id: str) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "board", queries.runs(campaign_id)
    for run_id in queries.run_ids(campaign_id):
        yield f"{run_id} scenarios", queries.scenarios(run_id)
        for window in ("train", "validation"):
            yield f"{run_id} {window} assets", queries.run_assets(run_id, window).reset_index()
            yield f"{run_id} {window} returns", queries.daily_returns(run_id, window).reset_index()


@functools.cache
def fails_on_validation() -> str:
    """A strategy that runs on train of the small market and raises on validation, which it knows by its first move."""
    panel = small_panel()
    window = split_windows(panel.bars)[1]
    close = panel.close[window.start - window.lead_in :, 0]
    known = f"abs(market.close.iloc[0, 0] / market.close.iloc[1, 0] - {float(close[0] / close[1])!r}) < 1e-12"
    return strategy(
        f'if {known}:\n    raise ValueError(f"the price was {{market.close.iloc[0, 0]}}")\n'
        'return {"entries": market.close > ta.sma(market.close, n), "max_bars": 5}'
    )
