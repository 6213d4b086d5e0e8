"""The choices that make a campaign, as the fields of the Research page show them, and the way to a specification and back.

Choices are a flat, JSON-ready dict: rates and shares in percent, None where nothing is asked for. The page keeps each choice
in the session under `research.<name>`; a preset is such a dict under a name. `proposer` None is what fits: the model with the
random arm beside it if a model is there, else the random arm. What to start from: `start_seeds` names, `start_runs` ids of
runs, `start_own` sources by name; `want_more` benchmarks as `read_benchmark` reads them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from engine.analysis.benchmarks import benchmark_text, read_benchmark
from engine.errors import CampaignError
from engine.records import Benchmarks, CampaignSpec, Costs, SharedCash, StopConditions
from engine.research.campaign import Choices
from engine.research.service import ResearchService
from pages import selection, start_list
from pages.rule_fields import rule_of, rule_shown
from pages.search_fields import seconds_of
from pages.writers import USUAL_ARMS


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else round(100 * fraction, 10)


def _fraction(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _shown(of: Choices | CampaignSpec) -> dict[str, Any]:
    """The choices that stand under the same name in both records."""
    same = ("theme", "proposer", "seed", "scenarios", "method", "search_s", "objective", "min_trades", "sides", "capital",
            "currency")  # fmt: skip
    return {name: getattr(of, name) for name in same} | rule_shown(of.promotion) | {
        "shared_cash": of.shared_cash is not None, "max_positions": (of.shared_cash or SharedCash()).max_positions,
        "position_percent": _percent((of.shared_cash or SharedCash()).fraction), "fee_percent": _percent(of.costs.fee_rate),
        "slippage_percent": _percent(of.costs.slippage_rate),
        "want_return_percent": _percent(of.benchmarks.total_return), "want_trades": of.benchmarks.trades,
        "want_assets": of.benchmarks.assets, "want_win_rate_percent": _percent(of.benchmarks.win_rate),
        "want_more": [benchmark_text(b) for b in of.benchmarks.more],
        "stop_runs": of.stop.runs, "stop_hours": of.stop.hours, "stop_when_met": of.stop.benchmarks_met,
    }  # fmt: skip


DEFAULTS: dict[str, Any] = _shown(Choices()) | {
    "name": "", "proposer": None, "dataset": "demo", "top_assets": None, "exclude": [],
    "train_percent": 60.0, "validation_percent": 20.0, "embargo_bars": None,
    "start_seeds": [], "start_runs": [], "start_own": {},
}  # fmt: skip
FIRST_CAMPAIGN = DEFAULTS | {"name": "First look at the demo market"}
FIRST_WITH_A_MODEL = FIRST_CAMPAIGN | {"proposer": USUAL_ARMS, "stop_runs": 20}
"""Ends by itself: one press of a button must not spend for ever."""


def chosen() -> dict[str, Any]:
    """What this viewer has chosen on the Research page so far."""
    return {name: st.session_state.get(f"research.{name}", first) for name, first in DEFAULTS.items()}


def fill(choices: Mapping[str, Any]) -> None:
    """Put choices into the fields of the Research page, before they are drawn; the first value where one is missing."""
    for name, first in DEFAULTS.items():
        st.session_state[f"research.{name}"] = choices.get(name, first)


def known(datasets: Sequence[str]) -> None:
    """Fall back to the demo market where the chosen dataset is gone."""
    if st.session_state["research.dataset"] not in datasets:
        st.session_state["research.dataset"] = DEFAULTS["dataset"]


def fit(described: Mapping[str, Any]) -> None:
    """Drop of the asset filter what the chosen dataset, as the catalog describes it, does not hold."""
    symbols, top = described["symbols"], st.session_state["research.top_assets"]
    st.session_state["research.exclude"] = [symbol for symbol in st.session_state["research.exclude"] if symbol in symbols]
    st.session_state["research.top_assets"] = None if top is not None and top > len(symbols) else top


def check_windows(choices: Mapping[str, Any]) -> None:
    """Raises CampaignError, in the fields' own percent, where train and validation leave the vault no bar."""
    train, validation = choices["train_percent"], choices["validation_percent"]
    if train + validation >= 100:
        raise CampaignError(
            f"Train {train:.4g}% and validation {validation:.4g}% leave no bars for the vault; together they must stay below "
            "100%: choose for example 60 and 20."
        )


def _account(choices: Mapping[str, Any]) -> SharedCash:
    return SharedCash(choices["max_positions"], choices["position_percent"] / 100)


def draft(service: ResearchService, choices: Mapping[str, Any]) -> CampaignSpec:
    """The specification of these choices. Raises EngineError where they do not fit each other or the dataset."""
    same = ("name", "theme", "top_assets", "embargo_bars", "seed", "scenarios", "method", "objective", "min_trades", "sides",
            "capital", "currency")  # fmt: skip
    return service.draft(
        choices["dataset"],
        Choices(
            **{name: choices[name] for name in same},
            proposer=choices["proposer"] or "random",
            exclude=tuple(choices["exclude"]),
            search_s=seconds_of(choices["method"], choices["search_s"]),
            train=choices["train_percent"] / 100,
            validation=choices["validation_percent"] / 100,
            costs=Costs(choices["fee_percent"] / 100, choices["slippage_percent"] / 100),
            shared_cash=_account(choices) if choices["shared_cash"] else None,
            benchmarks=Benchmarks(
                total_return=_fraction(choices["want_return_percent"]),
                trades=choices["want_trades"],
                assets=choices["want_assets"],
                win_rate=_fraction(choices["want_win_rate_percent"]),
                more=tuple(read_benchmark(text) for text in choices["want_more"]),
            ),
            promotion=rule_of(choices),
            stop=StopConditions(choices["stop_runs"], choices["stop_hours"], choices["stop_when_met"]),
        ),
    )


def launch(service: ResearchService, choices: Mapping[str, Any]) -> None:
    """Start a campaign of these choices and look at it. Raises EngineError; `access.attempt` tells it."""
    selection.choose("campaign", service.launch(draft(service, choices), start_list.starts(service, choices)))


def choices_of(service: ResearchService, spec: CampaignSpec, name: str) -> dict[str, Any]:
    """Choices that lead to the same campaign again, as a copy of that name. Raises EngineError if its data are gone."""
    train, validation, vault = (spec.window(name) for name in ("train", "validation", "vault"))
    choices = DEFAULTS | _shown(spec) | {
        "name": f"{name} (copy)"[:80], "dataset": spec.dataset, "embargo_bars": validation.start - train.stop,
        "train_percent": round(100 * train.stop / vault.stop, 2),
        "validation_percent": round(100 * (validation.stop - train.stop) / vault.stop, 2),
    }  # fmt: skip
    symbols = service.catalog.open(spec.dataset).symbols
    filters = ({}, {"top_assets": len(spec.assets)}, {"exclude": [s for s in symbols if s not in spec.assets]})
    return next((choices | f for f in filters if draft(service, choices | f).assets == spec.assets), choices)
