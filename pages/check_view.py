"""The check of a strategy on a page: asked for by a button, made in the background, shown as it stands."""

import streamlit as st

from engine.market.bars import DAY_S
from engine.records import Failure
from engine.research.examination import Examination
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from engine.strategy.isolation import LEVELS
from pages import code_views, look
from pages.access import attempt, show_problem

REFUSALS = {
    "policy": "it does what strategy code may not do",
    "syntax": "it is not Python",
    "contract": "what it declares or returns is not of the contract",
    "error": "it raised an error",
    "timeout": "it took too long",
    "memory": "it used too much memory",
    "output": "it wrote what is no answer",
    "nondeterministic": "two runs on the same bars differ",
    "lookahead": "it looks ahead",
    "start_dependent": "it depends on where the bars begin",
    "no_trades": "it never trades on train",
    "killed": "it ended its process",
    "reply": "the model gave no code",
}
"""Kind of failure -> what that means, in words."""

CHECKS = {
    "Isolation": "The code runs in a process of its own that can reach no file, no network and no other process; the level says "
    "how much of that this machine's kernel enforces.",
    "Policy": "It may import numpy, pandas and math and compute; anything beyond is refused with its line.",
    "Contract": "PARAMS and what `signals` returns must be of the kinds, shapes and ranges that the engine can trade.",
    "Repeatability": "Two runs on the same bars must give the same signals.",
    "Look-ahead": "Bars behind some moments are replaced: no decision made before them may change.",
    "Warm-up": "Runs that begin later must come to the same decisions; until then no entry counts.",
    "Other assets": "If other assets are taken away and decisions on one change, the strategy compares assets.",
    "Trades": "It must trade at least once on the train window.",
    "Parameter sets": "All of this is done for the middle of the ranges and three sets from end to end; every value of a "
    "range of whole numbers or choices is tried against other futures, while there is time.",
}
"""What is checked, each in a sentence."""


def of_run(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """The check of the run in view, with a button that makes it."""
    st.markdown(f"**Check of run {run.number:,}**, on the train window of this campaign. It scores nothing and counts no trial.")
    with st.expander("What is checked", icon=":material/checklist:"):
        st.markdown("\n".join(f"- **{name}.** {told}" for name, told in CHECKS.items()))
    live(service, run.source, campaign, "check.run", button=f"Check run {run.number:,}")


def live(service: ResearchService, source: str, campaign: CampaignRow, key: str, *, button: str = "") -> None:
    """How the check of that source stands, followed while it is in work; without a check the button, or nothing."""
    asked = service.examiner.known(source, campaign.campaign_id)
    in_work = asked is not None and not asked.is_done
    st.fragment(_standing, run_every=1.0 if in_work else None, key=key)(service, source, campaign, in_work, button)


def _standing(service: ResearchService, source: str, campaign: CampaignRow, followed: bool, button: str) -> None:
    asked = service.examiner.known(source, campaign.campaign_id)
    if asked is None or asked.has_failed:
        if asked is not None:
            look.problem(asked.problem)
        if button and st.button(button, icon=":material/fact_check:", help="Takes some seconds; nothing waits for it."):
            attempt(service.examiner.begin, source, campaign.campaign_id)
            st.rerun()
        show_problem()
        return
    if not asked.is_done:
        st.info(
            f"Checking, for {look.duration(asked.waited_s)} so far. You may go on meanwhile.", icon=":material/hourglass_top:"
        )
        return
    if followed:
        st.rerun()
    show(asked.future.result(), source, service.catalog.describe(campaign.spec.dataset)["bar_s"])


def show(found: Examination, source: str, bar_s: float) -> None:
    """What a check has found: the verdict, why, and what was measured."""
    if found.failure is None:
        st.success("Accepted: nothing speaks against running it. Whether it earns anything is another matter.",
                   icon=":material/check_circle:")  # fmt: skip
    else:
        refusal(found.failure, source)
    with st.grid(5, min_column_width=150):
        for label, value, more, told in _facts(found, bar_s):
            st.metric(label, value, more, delta_color="off", delta_arrow="off", help=told, border=True, height="stretch")


def refusal(failure: Failure, source: str) -> None:
    """Why it was refused. What the strategy has said is shown as it is, never as Markdown."""
    meant = REFUSALS.get(failure.kind, "it failed")
    st.error(f"Refused as {look.plain(failure.kind)}: {meant}.", icon=":material/block:")
    st.code(failure.message, None, wrap_lines=True)
    if failure.line and (lines := code_views.excerpt(source, failure.line)):
        st.caption(f"Line {failure.line:,}:")
        st.code(lines, None)


def _facts(found: Examination, bar_s: float) -> list[tuple[str, str, str | None, str]]:
    """(label, value, the same in another unit, explanation) of what was measured."""
    across = {None: "not measured", True: "yes", False: "no"}[found.is_cross_sectional]
    return [
        ("Isolation", look.ISOLATION[found.isolation][0], None, LEVELS[found.isolation]),
        ("Warm-up", *_warm_up(found, bar_s), CHECKS["Warm-up"]),
        ("Compares assets", across, None, CHECKS["Other assets"]),
        (
            "Parameter sets",
            look.count(found.sets),
            None if found.is_whole else f"of {look.count(found.planned)}",
            CHECKS["Parameter sets"],
        ),
        ("Took", f"{found.wall_s:.1f} s", None, "By the clock, beside whatever else went on."),
    ]


def _warm_up(found: Examination, bar_s: float) -> tuple[str, str | None]:
    """(bars, days) until the signals settle."""
    if found.warm_up_bars is None:
        return ("not measured" if found.failure else "never settles"), None
    return f"{found.warm_up_bars:,} bars", f"{found.warm_up_bars * bar_s / DAY_S:,.1f} days"
