"""What a run's figures are worth: the conditions of promotion, the statistics behind them, and the sealed window."""

from functools import partial
from typing import Any

import streamlit as st

from engine.analysis.evidence_words import STATISTICS, folds_in_words, vault_in_words
from engine.research.evidence_report import EvidenceReport, evidence_report
from engine.research.service import ResearchService
from engine.store.answers import CampaignRow, RunRow
from pages import look
from pages.access import attempt, show_problem
from pages.figures_evidence import folds_figure

STATES = {True: "met", False: "missed", None: "not tried"}
FIGURES = {
    "sharpe": "Sharpe ratio", "total_return": "Total return", "annual_return": "Annual return",
    "win_rate_with_open": "Win rate (with open)", "expectancy_with_open": "Expectancy (with open)",
}  # fmt: skip


def evidence(service: ResearchService, run: RunRow, campaign: CampaignRow) -> None:
    """The evidence, once it is asked for: it takes seconds, and holds until the campaign has another run."""
    show_problem()
    book, again = service.promoter.book, service.promoter.again
    is_known = book.known(run.campaign_id) is not None and again.is_known(run.run_id)
    runs = "1 run" if campaign.runs == 1 else f"{campaign.runs:,} runs"
    if not is_known and not st.button(
        f"Compute the evidence from {runs}", icon=":material/balance:", key="strategy.evidence",
        help="From the ledger; this run's sets are scored again for folds and intervals. The vault stays shut.",
    ):  # fmt: skip
        return
    with st.spinner("Weighing all runs of the campaign"):
        report = evidence_report(run.run_id, service.queries, book, service.results.panel, again)
    conditions(report)
    statistics(report)
    intervals(report)
    folds(report)
    sealed(service, run, report)


def conditions(report: EvidenceReport) -> None:
    """Each condition with what was found, what is wanted and by how much it is met."""
    plain = [c.plain() for c in report.judgement.conditions]
    met = sum(c["passed"] is True for c in plain)
    verdict = "It is promoted." if report.judgement.is_promoted else "It is not promoted."
    st.markdown(f"**{met} of {len(plain)} conditions met.** {verdict}")
    look.told_table([{
        "State": STATES[c["passed"]], "Condition": named(c), "Found": found(c, "value"),
        "Wanted": wanted(c), "Margin": found(c, "margin", "+"), "In words": c["sentence"],
    } for c in plain], "Condition")  # fmt: skip
    st.caption("The rule is fixed when a campaign starts; the vault is opened last, for what meets all else. The margin is by how"
               " much a condition is met, negative where it is missed.")  # fmt: skip


def named(condition: dict[str, Any]) -> str:
    """What it is called, with its window where that does not tell."""
    label, window = condition["label"], condition["window"]
    return label if window in label else f"{label} ({window})"


def found(condition: dict[str, Any], name: str, sign: str = "") -> str:
    """A number of the condition; a dash for one that is met or not, by no amount, and for one that was not tried."""
    value = condition[name]
    if value is None:
        return "–" if condition["passed"] is None or condition["relation"] == "is" else look.NOT_COMPUTED
    return f"{value:{sign},.0f}" if abs(value) >= 1_000 else f"{value:{sign}.4g}"


def wanted(condition: dict[str, Any]) -> str:
    """What is wanted, as people write it."""
    if condition["wanted"] is None:
        return "yes" if condition["relation"] == "is" else "by its look"
    return f"{condition['relation']} {condition['wanted']:,.4g}"


def statistics(report: EvidenceReport) -> None:
    """Each statistic with its value, a plain sentence, formula and source."""
    of, base = report.campaign, report.campaign.over_baselines
    root = of.days_per_year**0.5
    annual, p = report.alphas["validation"]
    values = {
        "dsr": number(report.deflated.probability), "effective_trials": f"{number(of.effective)} of {of.trials:,}",
        "expected_best": f"{number(report.deflated.expected_best * root)} a year",
        "pbo": number(of.overfit.pbo),
        "spa": f"p {number(of.over_hold.p_consistent)} against buy-and-hold"
        + ("" if base is None else f", {number(base.p_consistent)} against the baselines"),
        "reality_check": f"p {number(of.over_hold.p_reality_check)}",
        "alpha": f"{look.percent(annual)} a year on validation, p {number(p)} as the only trial",
    }  # fmt: skip
    for name, value in values.items():
        in_words(name, value)


def in_words(name: str, value: str) -> None:
    """A statistic with its value, a plain sentence, formula and source."""
    words = STATISTICS[name]
    st.markdown(f"**{words.label}: {value}.** {words.sentence} {words.reading}")
    with st.expander("Formula and source", icon=":material/function:"):
        st.code(words.formula, language=None, wrap_lines=True)
        st.caption(words.source)


def folds(report: EvidenceReport) -> None:
    """What choosing earns on days it did not choose on."""
    for name, told in zip(("walk_forward", "cpcv"), folds_in_words(report.folds), strict=True):
        in_words(name, told.partition(": ")[2])
    if figure := folds_figure(report.folds, dark=look.is_dark()):
        look.show(figure, "evidence.folds")


def intervals(report: EvidenceReport) -> None:
    """The headline figures with their intervals."""
    words = STATISTICS["interval"]
    st.markdown(f"**{words.label}.** {words.sentence} {words.reading}")
    for found in report.intervals:
        show = partial(look.figure_text, found.figure)
        bounds = f"{show(found.low)} to {show(found.high)}" if not found.reason else f"{look.NOT_COMPUTED}: {found.reason}"
        told = f"{FIGURES[found.figure]} on {found.window}: {show(found.value)}, 95% interval {bounds}"
        st.caption(f"{told}; n = {found.n:,} {found.n_of}.")


def sealed(service: ResearchService, run: RunRow, report: EvidenceReport) -> None:
    """What was seen in the vault, or the buttons that open it; each asks once."""
    if report.after_look is not None:
        st.warning(f"Made after look {report.after_look} into the vault for this theme.", icon=":material/visibility:")
    for told in vault_in_words(report.searched_in_vault):
        st.warning(f"{told}.", icon=":material/visibility:")
    seen, promoter = service.queries.evidence.vault_result(run.run_id), service.promoter
    if seen is not None:
        told = seen.failure or f"alpha over buy-and-hold p {number(seen.p)}, tested at {number(seen.level)}"
        of = seen.figures.get
        st.info(
            f"Vault, look {seen.k}: {told}. Return {look.percent(of('total_return'))} on {len(seen.daily):,} days, buy-and-hold"
            f" {look.percent(of('buy_and_hold_return'))}; Sharpe ratio {look.number(of('sharpe'))}, buy-and-hold"
            f" {look.number(of('buy_and_hold_sharpe'))}; {look.count(of('trades_with_open'))} trades.",
            icon=":material/lock_open:",
        )  # fmt: skip
        return
    k = len(report.looks) + 1
    level = service.queries.campaign(run.campaign_id).spec.promotion.vault / 2**k
    st.caption(f"The vault is sealed for this run. The next look is number {k} on these bars and is tested at {number(level)}.")
    with st.container(horizontal=True):
        with st.popover("Try to promote", icon=":material/verified:"):
            st.markdown("Tries every condition; the vault is opened only if all others are met.")
            st.button("Promote", key="strategy.promote", on_click=attempt, args=(promoter.promote, run.run_id))
        with st.popover("Open the vault", icon=":material/lock_open:"):
            st.markdown(f"Look {k} is tested at {number(level)}, recorded for ever, makes each later look worth less, and"
                        " marks runs made after it.")  # fmt: skip
            st.button("Open it", key="strategy.open_vault", type="primary", on_click=attempt,
                      args=(lambda: promoter.vault.look(run.run_id, who="page", why=f"run {run.number} opened"),))  # fmt: skip


def number(value: float | None) -> str:
    """A statistic to three digits, or that it was not computed."""
    return look.NOT_COMPUTED if value is None or value != value else f"{value:,.3g}"
