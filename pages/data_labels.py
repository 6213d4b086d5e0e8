"""What stands wherever results of a dataset do: on what they were computed, what flatters them, how often it was tried."""

from typing import Any

import pandas as pd
import streamlit as st

from engine.errors import EngineError
from engine.records import CampaignSpec
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow
from engine.store.trials import TrialCount
from pages import look


def labels(service: ResearchService, spec: CampaignSpec) -> None:
    """Badges that must stand wherever results of this campaign's data do, and what they were computed on."""
    try:
        described = service.catalog.describe(spec.dataset)
    except EngineError as error:
        look.problem(error)
        return
    data_badges(described)
    times = service.catalog.open(spec.dataset).times_ns
    spans = [
        f"{window.name} {_day(times[window.start])} to {_day(times[window.stop - 1])}"
        for window in spec.windows
        if window.name != "vault"
    ]
    st.caption(
        f"{look.plain(spec.dataset)}, {len(spec.assets):,} of {described['assets']:,} assets, {described['timeframe']} bars; "
        f"{'; '.join(spans)} (UTC). Each fill pays a fee of {look.percent(spec.costs.fee_rate, signed=False)} and slippage of "
        f"{look.percent(spec.costs.slippage_rate, signed=False)}; capital {look.money(spec.capital, spec.currency)}, "
        f"{_portfolio_text(spec)}."
    )


def _portfolio_text(spec: CampaignSpec) -> str:
    if spec.shared_cash is None:
        return "in equal sleeves"
    share = look.percent(spec.shared_cash.fraction, signed=False)
    return f"shared by at most {spec.shared_cash.max_positions:,} positions of {share} of equity each"


def _day(time_ns: int) -> str:
    return f"{pd.Timestamp(time_ns):%Y-%m-%d}"


def data_badges(described: dict[str, Any]) -> None:
    """SYNTHETIC, survivors only, no volume: what flatters or limits every result on a dataset."""
    if not (described["synthetic"] or described["survivors_only"] or not described["has_volume"]):
        return
    with st.container(horizontal=True, gap="small"):
        if described["synthetic"]:
            st.badge("SYNTHETIC", color="orange", icon=":material/science:", help=look.SYNTHETIC)
        if described["survivors_only"]:
            st.badge(
                "Survivors only", color="orange", icon=":material/filter_alt:",
                help="No asset ends before the market does: results flatter what a trader could have picked at the time.",
            )  # fmt: skip
        if not described["has_volume"]:
            st.badge("No volume", color="gray", help="Strategies that read the volume are refused on this set.")


def trials(service: ResearchService, campaign: CampaignRow) -> TrialCount:
    """Every scoring ever made on the assets and times that this campaign searches (train and validation)."""
    return service.queries.trials(campaign.spec.assets, *service.results.span(campaign.campaign_id))
