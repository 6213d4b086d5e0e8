"""`engine evidence`, `engine promote` and `engine vault`: what is a run worth, and may the sealed window be opened for it?"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any

import typer

from engine.analysis.evidence_words import folds_in_words, vault_in_words
from engine.command.answer import JsonOption, Refused, StoreOption, number, percent
from engine.command.research import known_campaign
from engine.errors import CampaignError, DataError
from engine.market.bars import Panel
from engine.market.catalog import Catalog
from engine.records import CampaignSpec
from engine.research.evaluation import open_evaluator
from engine.research.evidence import CampaignBook
from engine.research.evidence_report import EvidenceReport, evidence_report
from engine.research.promotion import Promoter
from engine.research.promotion_rule import Condition
from engine.research.run_again import RunsAgain
from engine.settings import Settings, load_settings
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.looks import VaultResult
from engine.store.queries import Queries
from engine.store.snapshot import open_reader, write_snapshot

RunArgument = Annotated[str, typer.Argument(help="Id of a run.")]


def evidence(run_id: RunArgument, store: StoreOption = None, as_json: JsonOption = False) -> tuple[dict[str, Any], str]:
    """Each condition of promotion with its margin, and the statistics behind them. The run is made again on train and validation
    for folds and intervals, which counts no trial; the vault stays shut."""
    settings = load_settings(store)
    with open_reader(settings) as queries, open_evaluator(settings) as evaluator:
        panel_of = partial(_panel, Catalog(settings.bars_dir))
        report = evidence_report(
            run_id, queries, CampaignBook(queries, panel_of), panel_of, RunsAgain(queries, evaluator, panel_of)
        )
        answer = report.plain() | {"source": queries.source}
    return answer, _text(report)


def promote(
    run_id: Annotated[str | None, typer.Argument(help="Id of a run; without it those of the campaign, the surest first.")] = None,
    campaign: Annotated[str | None, typer.Option(help="Id or name of a campaign.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Try every condition; the vault is opened last, for a run that meets all others, and that look is recorded."""
    settings = load_settings(store)
    if run_id is not None and campaign is not None:
        raise CampaignError(f"the run {run_id!r} and the campaign {campaign!r} were named; wanted one of the two: leave one out")
    with _promoter(settings) as (promoter, queries):
        if run_id is None:
            tried, _ = promoter.promote_campaign(known_campaign(queries, campaign))
        else:
            tried = [promoter.promote(run_id)]
    plain = [
        {"run_id": j.run_id, "promoted": j.is_promoted, "conditions": [c.plain() for c in j.conditions]} for j in tried
    ]  # fmt: skip
    answer = {"tried": plain, "promoted": [j.run_id for j in tried if j.is_promoted]}
    lines = [f"run {j.run_id}: {'promoted' if j.is_promoted else 'not promoted'}" for j in tried]
    missed = [f"  {line(c)}" for j in tried for c in j.missed]
    return answer, "\n".join([*lines, *missed]) or "no run meets the conditions that come before the vault; it stays shut"


def vault(
    run_id: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Open it: the look is recorded, and makes the next worth less.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Look at one run in the vault; a run that was looked at before is shown again without a new look."""
    settings = load_settings(store)
    with _promoter(settings) as (promoter, queries):
        seen = queries.evidence.vault_result(run_id)
        if seen is None and not yes:
            run, _ = promoter.vault.testable(run_id)
            k = promoter.vault.next_k(run.campaign_id)
            told = f"this would be look {k} on these bars, and each makes the next worth less; give --yes to open the vault"
            raise Refused(told, {"run_id": run_id, "k": k})
        seen = seen or promoter.vault.look(run_id, who="vault", why="by command")
    answer = {"run_id": run_id, "k": seen.k, "level": seen.level, "p": seen.p, "passed": seen.passed, "failure": seen.failure,
              "figures": seen.figures}  # fmt: skip
    return answer, _seen(seen)


@contextmanager
def _promoter(settings: Settings) -> Iterator[tuple[Promoter, Queries]]:
    """Owns the ledger for a while: raises StoreLocked, naming the owner, where another process has it."""
    database = Database(settings.database_path)
    try:
        queries = Queries(database)
        with open_evaluator(settings) as evaluator:
            panel_of = partial(_panel, Catalog(settings.bars_dir))
            yield Promoter(queries, Ledger(database, settings), evaluator, panel_of), queries
        write_snapshot(database, settings.snapshot_dir)
    finally:
        database.close()


def _panel(catalog: Catalog, spec: CampaignSpec) -> Panel:
    """The bars of the campaign. Raises DataError if they are gone or have changed."""
    panel = catalog.open(spec.dataset)
    if panel.data_hash != spec.data_hash:
        raise DataError(
            f"the dataset {spec.dataset} has changed since the campaign was made; its results stay, but for evidence import the"
            f" bars of {spec.data_hash[:19]}… again"
        )
    return panel


def line(condition: Condition) -> str:
    """The condition in one line: met, missed or not tried; by how much; and in words."""
    state = {True: "met", False: "MISSED", None: "not tried"}[condition.passed]
    by = condition.margin
    margin = "" if by is None else f", margin {by:+,.0f}" if abs(by) >= 1_000 else f", margin {by:+.4g}"
    bound = "" if condition.wanted is None else f" {condition.relation} {condition.wanted:g}{margin}"
    return f"{state:<9} {condition.label} ({condition.window}){bound}: {condition.sentence}"


def _text(report: EvidenceReport) -> str:
    of, is_promoted = report.campaign, report.judgement.is_promoted
    lines = [f"run {report.run_id}: {'meets every condition' if is_promoted else 'does not meet every condition'}"]
    lines += [f"  {line(condition)}" for condition in report.judgement.conditions]
    lines.append(
        f"  deflated Sharpe {number(report.deflated.probability)} over {of.trials:,} trials"
        f" ({number(of.effective, 1)} independent); {report.trials_on_bars:,} trials by anyone on the bars of train"
    )
    for window, (annual, p) in report.alphas.items():
        lines.append(f"  alpha over buy-and-hold on {window}: {percent(annual)} a year, p {number(p, 4)} as the only trial")
    for i in report.intervals:
        told = f"not computed: {i.reason}" if i.reason else f"[{number(i.low, 4)}, {number(i.high, 4)}]"
        lines.append(f"  {i.figure} on {i.window}: {number(i.value, 4)}, 95 % interval {told}; n = {i.n:,} {i.n_of}")
    lines += [f"  {told}" for told in folds_in_words(report.folds)]
    after = "" if report.after_look is None else f"; this run was made after look {report.after_look}"
    lines.append(f"  looks into the vault: {len(report.looks):,}{after}")
    return "\n".join(lines + [f"  {told}" for told in vault_in_words(report.searched_in_vault)])


def _seen(seen: VaultResult) -> str:
    if seen.failure:
        return f"look {seen.k}: the strategy failed in the vault ({seen.failure})"
    f = seen.figures
    return (
        f"look {seen.k} into the vault: total return {percent(f['total_return'])}, Sharpe {number(f['sharpe'])},"
        f" {number(f['trades_with_open'], 0)} trades; alpha over buy-and-hold p {number(seen.p, 4)},"
        f" tested at {seen.level:.4g}: {'significant' if seen.passed else 'not significant'}"
    )
