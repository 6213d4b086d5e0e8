"""Why a run was tried and what came of it: its parents, its hypothesis, what the model was told and what it said."""

import streamlit as st

from engine.figures import PORTFOLIO_FIGURES
from engine.model_records import Operator, Refusal, Story
from engine.research.service import ResearchService
from engine.research.turns import MUTATE
from engine.store.answers import CampaignRow, RunRow
from pages import check_view, look, selection
from pages.run_links import run_links
from pages.story_parents import changes, known_run, parents

OPERATORS: dict[Operator, str] = {
    "draft": "Fresh draft",
    "improve": "Improves its parent",
    "crossover": "Joins two parents",
    "risk": "New risk rules for its parent",
    "ranges": "Other parameter ranges for its parent",
    "indicator": "Tries a new indicator",
}
NOT_ASKED = {
    "random": "The random arm drew this run: no model was asked, so there is no hypothesis and no review. It is the baseline "
    "that a model must beat.",
    "mutate": "The mutate arm drew this run, and the ledger holds no story of it.",
    "human": "A person wrote this run: no model was asked. What is new in it stands above, as its note.",
}


def why(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """All about why this run was tried, as it is in the ledger."""
    story = service.model.queries.story(run.run_id)
    if story is None:
        st.info(NOT_ASKED.get(run.arm, "The ledger holds no story of this run."), icon=":material/info:")
        if run.parent_run_id:
            st.caption(f"It goes back to {run_links(service, [run.parent_run_id], home=campaign.campaign_id)}.")
        return
    _verdict(story)
    if run.arm == MUTATE:
        _said("What was changed, drawn at random", story.hypothesis)
        parents(service, story, run, campaign)
        _refused(story.refusals)
        changes(service, story, run)
        return
    left, right = st.columns(2, gap="large")
    with left:
        _said("Hypothesis", story.hypothesis or "None was given.")
        _prediction(service, story, run)
        _said("What the market was said to be like", story.market)
        _said("A person asked for", story.steering)
    with right:
        parents(service, story, run, campaign)
    left, right = st.columns(2, gap="large")
    with left:
        _said("Review of the figures", story.review)
        _said("Review of the trades", story.patterns)
        if not story.review and not story.patterns:
            st.caption("No reviewer was asked, or none gave a usable answer; the calls of this run tell.")
    with right:
        _said("What the reviewers want next", story.next_change)
        _used(service, story)
    _refused(story.refusals)
    with st.expander("Statistics that the model was given", icon=":material/query_stats:"):
        st.caption("From train alone, but for one word on validation.")
        st.code(story.pack or "None: the run gave no result.", None, wrap_lines=True)
    changes(service, story, run)
    calls = selection.address("traces", **{"traces.campaign": campaign.campaign_id, "traces.run": str(run.number)})
    st.link_button("Its calls, as sent and answered", calls, icon=":material/forum:")


def _verdict(story: Story) -> None:
    """What was done, whether it is kept, whether the prediction held, and the one word on validation."""
    with st.container(horizontal=True, gap="small"):
        st.badge(OPERATORS[story.operator], color="blue", icon=":material/edit_note:")
        if story.is_kept is not None:
            word, tint = ("Kept", "green") if story.is_kept else ("Rejected", "gray")
            st.badge(word, color=tint, icon=":material/check_circle:" if story.is_kept else ":material/cancel:",
                     help="Kept if its median Sharpe over folds of train is above its parent's.")  # fmt: skip
        if story.ladder:
            told = {"better": "better than", "not shown": "not shown to differ from", "worse": "worse than"}[story.ladder]
            help = "All that the model is told of validation: beyond one standard error, or nothing. Blum & Hardt 2015."
            st.badge(f"On validation {told} the best before", color="violet", help=help)
    if story.verdict:
        st.text(story.verdict[0].upper() + story.verdict[1:] + ".")


def _said(title: str, text: str) -> None:
    """A text of a model or a person, letter for letter; nothing where there is none."""
    if not text:
        return
    with st.container(gap="xxsmall"):
        st.markdown(f"**{title}**")
        st.text(text)


def _prediction(service: ResearchService, story: Story, run: RunRow) -> None:
    """What was to change, what did, and whether that is what was predicted."""
    st.markdown("**Its predicted effect, on train**")
    name = story.predicted_figure
    if name not in PORTFOLIO_FIGURES:
        st.text("None was predicted that can be checked.")
        return
    held = {True: ":green[:material/check_circle: held]", False: ":red[:material/cancel: did not hold]"}
    now = look.figure_text(name, run.figures.get("train", {}).get(name))
    parent = known_run(service, story.parents[0]) if story.parents else None
    before = f"from {look.figure_text(name, parent.figures.get('train', {}).get(name))} " if parent else ""
    outcome = held.get(story.prediction_held, "there was nothing to compare")
    st.markdown(f"{look.short_label(name)} {story.predicted_direction}: {look.plain(before)}to {look.plain(now)}, {outcome}")


def _used(service: ResearchService, story: Story) -> None:
    """Ideas, lessons and theories that the writer was shown."""
    st.markdown("**Shown to the writer**")
    if not story.used:
        st.text("No idea, lesson or theory.")
        return
    ideas = {idea.idea_id: idea for idea, _ in service.model.queries.ideas()}
    beliefs = {belief.belief_id: belief for belief in service.model.queries.beliefs()}
    lines = []
    for used in story.used:
        if used in ideas:
            lines.append(f"- Idea: [{look.plain(ideas[used].title)}]({selection.address('ideas', idea=used)})")
        elif used in beliefs:
            told = look.plain(" ".join(beliefs[used].text.split()))
            lines.append(f"- {beliefs[used].kind.capitalize()}: [{told}]({selection.address('memory', belief=used)})")
        else:
            lines.append(f"- One that was deleted since (`{used}`)")
    st.markdown("\n".join(lines))


def _refused(refusals: tuple[Refusal, ...]) -> None:
    """Drafts of this run that went back to the model, in order."""
    if not refusals:
        return
    with st.expander(f"Refused drafts: {len(refusals):,}", icon=":material/block:"):
        for number, refusal in enumerate(refusals, 1):
            where = f", line {refusal.line:,}" if refusal.line else ""
            meant = check_view.REFUSALS.get(refusal.kind, "it failed")
            st.markdown(f"**Draft {number:,}** :gray[{look.plain(refusal.kind)}: {meant}{where}]")
            st.code(refusal.message, None, wrap_lines=True)
