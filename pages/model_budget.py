"""What the model's arm may spend, has spent and is expected to spend, and when a cap would end it."""

from datetime import UTC, datetime

import streamlit as st

from engine.model_records import Spent
from engine.proposal.language_model import output_limit, price_of
from engine.records import CampaignSpec
from engine.research.campaign import campaign_id_of
from engine.research.estimate import Estimate, Reach, estimate
from engine.research.service import ResearchService
from engine.research.turns import MODEL
from pages import look
from pages.model_caps import all_caps, own_caps


def usd_text(usd: float | None) -> str:
    """0.0524 USD: four digits while it is below a dollar, for most calls cost less than a cent."""
    if look.is_missing(usd):
        return look.NOT_COMPUTED
    return look.money(usd, "USD") if usd == 0 or usd >= 1 else f"{usd:,.4f} USD"


def spent_text(spent: Spent) -> str:
    """0.0524 USD, 46,633 tokens, 31 calls; says for how many the cost was not computed: no price is known, or no reply came."""
    cost = usd_text(None if spent.calls and spent.unpriced_calls == spent.calls else spent.usd)
    if 0 < spent.unpriced_calls < spent.calls:
        cost += f" ({_calls(spent.unpriced_calls)} {look.NOT_COMPUTED})"
    elif spent.unpriced_calls:
        cost = f"cost {cost}"
    return f"{cost}, {spent.tokens_in + spent.tokens_out:,} tokens, {_calls(spent.calls)}"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count:,} calls"


def spent_today(service: ResearchService) -> Spent:
    """What all calls of this UTC day have cost."""
    return service.model.queries.spent_on_day(datetime.now(UTC).date())


def model_budget(service: ResearchService, spec: CampaignSpec) -> None:
    """What a run of the campaign's model arm is expected to take, what is spent, and the caps."""
    _expected(service, spec)
    with st.expander("Caps", icon=":material/savings:"):
        st.caption("No call is made that could go over a cap, calls in flight counted; the model's arm then waits, the random"
                   " arm goes on. Days are UTC. An empty field is no cap.")  # fmt: skip
        own_caps(service, campaign_id_of(spec), spec.name)
        all_caps(service)


@st.fragment(run_every="5s")
def _expected(service: ResearchService, spec: CampaignSpec) -> None:
    """Live: the estimate and what is spent."""
    queries, choice, campaign_id = service.model.queries, service.model.choice, campaign_id_of(spec)
    per_run = queries.spent_per_run(campaign_id)
    of = "in this campaign" if len(per_run) else "in all campaigns"
    today, campaign = spent_today(service), queries.spent_in_campaign(campaign_id)
    budget = service.model.budget
    expected = estimate(
        per_run if len(per_run) else queries.spent_per_run(), price=price_of(choice) if choice else None,
        caps=budget.caps, own=budget.own(campaign_id), today=today, campaign=campaign, now=datetime.now(UTC),
        campaign_today=queries.spent_on_day(datetime.now(UTC).date(), campaign_id),
        reply_limit=output_limit(choice) if choice else 0,
    )  # fmt: skip
    st.markdown("**Expected for a run of the model's arm**")
    with st.grid(2, min_column_width=200):
        st.metric("Calls", look.number(expected.calls, 1))
        st.metric("Tokens", look.count(expected.tokens),
                  help=f"{expected.tokens_in:,.0f} in, {expected.tokens_out:,.0f} out")  # fmt: skip
        st.metric(
            "Money, USD", usd_text(expected.usd).removesuffix(" USD"), help=None if choice is None else _price_help(expected)
        )
        st.metric("Time", look.duration(expected.elapsed_s), help="From its first call to its record. Four are made at once.")
    st.caption(_basis(expected, of) + _whole(expected, spec))
    st.caption(f"Spent today (UTC): {spent_text(today)}.  \nSpent in this campaign: {spent_text(campaign)}.  \n"
               f"{cap_told(expected, spec)}")  # fmt: skip


def _price_help(expected: Estimate) -> str:
    if expected.usd is None:
        return "No price is known for this model: tokens are counted, cost is not computed."
    return "Tokens at the price of the model that is asked now."


def _basis(expected: Estimate, of: str) -> str:
    if expected.runs == 0:
        return "A guess, for no run of the model's arm is recorded yet: a draft, a repair, two reviews; 20 s a call."
    return f"Mean of the last {expected.runs:,} runs of the model's arm {of}."


def _model_runs(spec: CampaignSpec) -> int | None:
    """How many runs the model's arm makes until the campaign stops by their number."""
    if spec.stop.runs is None:
        return None
    return sum(spec.arms[number % len(spec.arms)] == MODEL for number in range(spec.stop.runs))


def _whole(expected: Estimate, spec: CampaignSpec) -> str:
    runs = _model_runs(spec)
    if runs is None:
        return " The campaign does not stop by its number of runs."
    money = look.NOT_COMPUTED if expected.usd is None else usd_text(runs * expected.usd)
    return (f" For the campaign's {runs:,} runs: {look.count(runs * expected.calls)} calls,"
            f" {look.count(runs * expected.tokens)} tokens, cost {money}, {look.duration(runs * expected.pace_s)} with four"
            " at once.")  # fmt: skip


def cap_told(expected: Estimate, spec: CampaignSpec) -> str:
    """Which cap would be reached first, and when."""
    if not expected.reaches:
        return "No cap is set that this model could reach."
    first, runs = expected.reaches[0], _model_runs(spec)
    cap = _cap_text(first)
    if first.seconds is None:
        return f"At this pace no cap is reached; the nearest is {cap}."
    if first.runs == 0:
        room = f"about {_calls(first.calls)} more, less than a run: the model's arm will wait"
        no_room = "no further call: the model's arm waits"
        return f":orange[:material/warning: {cap} leaves room for {room if first.calls else no_room}.]"
    if runs is not None and first.runs >= runs:
        return f"The campaign ends first; then comes {cap}, after {first.runs:,} runs."
    after = f"after about {first.runs:,} more runs ({_calls(first.calls)})"
    return f":orange[{cap} is reached first:] {after}, in {look.duration(first.seconds)}."


def _cap_text(reach: Reach) -> str:
    amount = usd_text(reach.limit) if reach.unit == "USD" else f"{reach.limit:,.0f} {reach.unit}"
    whose = "this campaign's own" if reach.is_own else "the"
    return f"{whose} cap of {amount} a {reach.span}"
