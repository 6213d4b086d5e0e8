"""`engine calibrate`: how often does the rule of promotion find something where nothing is, and where something is?"""

import sys
from typing import Annotated, Any

import typer

from engine.analysis.intervals import exact_interval
from engine.command.answer import JsonOption, StoreOption, percent
from engine.market.catalog import Catalog
from engine.market.named_markets import FORMS
from engine.research.calibration import MOST_BARS, Campaign, Sizes
from engine.research.calibration import calibrate as run_campaigns
from engine.research.tuning import METHODS
from engine.settings import load_settings

DEFAULTS = Sizes()


def calibrate(
    market: Annotated[str, typer.Option(help=f"{FORMS}; NAME is a dataset of the store.")] = "none",
    campaigns: Annotated[int, typer.Option(help="Campaigns, each on a market of its own.")] = 20,
    seed: Annotated[int, typer.Option(help="Equal seeds and sizes give equal results.")] = 1,
    assets: Annotated[int | None, typer.Option(help="Assets of a market; default all, 40 where it is made.")] = DEFAULTS.assets,
    bars: Annotated[
        int | None, typer.Option(help=f"Bars of a market, the last of a dataset; default at most {MOST_BARS:,}.")
    ] = None,
    runs: Annotated[int, typer.Option(help="Runs of a campaign: the ten seed strategies, then random draws.")] = DEFAULTS.runs,
    scenarios: Annotated[int, typer.Option(help="Parameter sets a run.")] = DEFAULTS.scenarios,
    method: Annotated[str, typer.Option(help=f"How sets are searched: {', '.join(METHODS)}.")] = DEFAULTS.method,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Run campaigns in temporary stores and count those that promote a run; progress goes to standard error."""
    settings = load_settings(store)
    promoted = 0

    def tell(done: int, last: Campaign) -> None:
        nonlocal promoted
        promoted += last.is_promoted
        vault = [c.value for j in last.judged for c in j.conditions if c.name == "vault"]
        said = f"{done}/{campaigns}: promoted {promoted}; last {last.elapsed_s:.0f} s, judged {len(last.judged)}, vault p {vault}"
        print(f"{said}, missed {last.missed}", file=sys.stderr, flush=True)

    done = run_campaigns(
        market, campaigns=campaigns, seed=seed, settings=settings, catalog=Catalog(settings.bars_dir),
        sizes=Sizes(assets, bars, runs, scenarios, method), tell=tell,  # type: ignore[arg-type]
    )  # fmt: skip
    low, high = exact_interval(promoted, len(done))
    answer = {
        "market": market, "campaigns": len(done), "promoted": promoted, "rate": promoted / len(done), "interval": [low, high],
        "scenarios": sum(c.scenarios for c in done),
        "sizes": {"assets": assets, "bars": bars, "runs": runs, "scenarios": scenarios, "method": method},
        "seed": seed, "seconds": sum(c.elapsed_s for c in done),
    }  # fmt: skip
    bounds = f"{percent(low, sign=False)} to {percent(high, sign=False)}"
    told = f"{market}: {promoted} of {len(done)} campaigns promoted a run, 95 % interval {bounds} (Clopper and Pearson)"
    return answer, f"{told}; {answer['scenarios']:,} scenarios"
