"""The choices that make a campaign: their first values, and the way from them to a specification and back.

Choices are a flat, JSON-ready dict, as the Research page's fields show it: rates and shares in percent. The page keeps each
choice in the session under `research.<name>`; a preset is such a dict under a name.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from engine.research.service import ResearchService

from engine.records import Benchmarks, CampaignSpec, Costs, StopConditions
from pages import selection

DEFAULTS: dict[str, Any] = {
    "name": "", "theme": "", "dataset": "demo", "top_assets": None, "exclude": [],
    "train_percent": 60, "validation_percent": 20, "embargo_bars": None,
    "fee_percent": 0.1, "slippage_percent": 0.05, "capital": 100_000.0, "currency": "USD", "sides": "both",
    "objective": "sharpe", "min_trades": 100, "scenarios": 200, "method": "grid", "seed": 1,
    "want_return_percent": 100.0, "want_trades": 1000, "want_assets": 100, "want_win_rate_percent": 50.0,
    "stop_runs": None, "stop_hours": None, "stop_when_met": False,
}  # fmt: skip
"""An empty field (None) is not asked for; an empty embargo is chosen by the engine from the length of the history."""


def choices() -> dict[str, Any]:
    """What this viewer has chosen on the Research page so far."""
    return {name: st.session_state.get(f"research.{name}", first) for name, first in DEFAULTS.items()}


def fill(chosen: Mapping[str, Any]) -> None:
    """Put choices into the fields of the Research page, the first values where one is missing; call before they are drawn."""
    for name, first in DEFAULTS.items():
        st.session_state[f"research.{name}"] = chosen.get(name, first)


def draft(service: ResearchService, chosen: Mapping[str, Any]) -> CampaignSpec:
    """The specification of these choices. Raises EngineError where they do not fit each other or the dataset."""
    return service.draft(
        name=chosen["name"] or f"{chosen['dataset']}, seed {chosen['seed']}",
        dataset=chosen["dataset"],
        top_assets=chosen["top_assets"],
        exclude=tuple(chosen["exclude"]),
        theme=chosen["theme"],
        seed=chosen["seed"],
        scenarios=chosen["scenarios"],
        method=chosen["method"],
        objective=chosen["objective"],
        min_trades=chosen["min_trades"],
        sides=chosen["sides"],
        costs=Costs(chosen["fee_percent"] / 100, chosen["slippage_percent"] / 100),
        capital=chosen["capital"],
        currency=chosen["currency"],
        train=chosen["train_percent"] / 100,
        validation=chosen["validation_percent"] / 100,
        embargo_bars=chosen["embargo_bars"],
        benchmarks=Benchmarks(
            total_return=_fraction(chosen["want_return_percent"]),
            trades=chosen["want_trades"],
            assets=chosen["want_assets"],
            win_rate=_fraction(chosen["want_win_rate_percent"]),
        ),
        stop=StopConditions(chosen["stop_runs"], chosen["stop_hours"], chosen["stop_when_met"]),
    )


def choices_of(spec: CampaignSpec, symbols: tuple[str, ...]) -> dict[str, Any]:
    """The choices that lead to this specification on a dataset of these symbols; the filter becomes a list of exclusions."""
    windows = {w.name: w for w in spec.windows}
    train, validation, vault = windows["train"], windows["validation"], windows["vault"]
    return {
        "name": f"{spec.name} (copy)", "theme": spec.theme, "dataset": spec.dataset, "top_assets": None,
        "exclude": [s for s in symbols if s not in spec.assets],
        "train_percent": round(100 * train.stop / vault.stop), "embargo_bars": validation.lead_in,
        "validation_percent": round(100 * (validation.stop - train.stop) / vault.stop),
        "fee_percent": 100 * spec.costs.fee_rate, "slippage_percent": 100 * spec.costs.slippage_rate,
        "capital": spec.capital, "currency": spec.currency, "sides": spec.sides, "objective": spec.objective,
        "min_trades": spec.min_trades, "scenarios": spec.scenarios, "method": spec.method, "seed": spec.seed,
        "want_return_percent": _percent(spec.benchmarks.total_return), "want_trades": spec.benchmarks.trades,
        "want_assets": spec.benchmarks.assets, "want_win_rate_percent": _percent(spec.benchmarks.win_rate),
        "stop_runs": spec.stop.runs, "stop_hours": spec.stop.hours, "stop_when_met": spec.stop.benchmarks_met,
    }  # fmt: skip


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else 100 * fraction


FIRST_CAMPAIGN = DEFAULTS | {"name": "First look at the demo market"}


def launch(service: ResearchService, chosen: Mapping[str, Any]) -> None:
    """Start a campaign of these choices and look at it. Raises EngineError; `access.attempt` tells it."""
    selection.choose("campaign", service.launch(draft(service, chosen)))
