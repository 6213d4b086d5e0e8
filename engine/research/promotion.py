"""Promotion: a run is held against the rule of its campaign, the costly conditions last.

The cheap conditions are read from the ledger; causality at every signal row is run for those that meet all of these; and the
vault is opened last, for what has passed everything else.
"""

import json

from engine.analysis.causality import Verdict
from engine.records import RUN_WINDOWS, CampaignSpec, Failure
from engine.research.evaluation import Evaluator
from engine.research.evidence import CampaignBook, is_number
from engine.research.gate import ends_of, gate_seed
from engine.research.promotion_rule import (
    Condition,
    Judgement,
    causality_condition,
    judge,
    validation_luck,
    vault_condition,
    vault_spent,
)
from engine.research.run_again import RunsAgain
from engine.research.vault import PanelOf, Vault
from engine.store.answers import RunRow
from engine.store.ledger import Ledger
from engine.store.looks import PROMOTION
from engine.store.queries import Queries


class Promoter:
    """Judges runs, and promotes those that meet the rule. `judge` reads alone; `promote` runs code and may open the vault."""

    def __init__(
        self, queries: Queries, ledger: Ledger, evaluator: Evaluator, panel_of: PanelOf, book: CampaignBook | None = None
    ) -> None:
        self._queries, self._ledger, self._evaluator, self._panel_of = queries, ledger, evaluator, panel_of
        self.book = book or CampaignBook(queries, panel_of)
        self.again = RunsAgain(queries, evaluator, panel_of)
        self.vault = Vault(queries, ledger, evaluator, panel_of)

    def promote(self, run_id: str) -> Judgement:
        """Try every condition, the vault last and only for a run that meets all others; the attempt is recorded.

        Raises UnknownRun, DataError where the bars have changed, CampaignError.
        """
        run = self._queries.run(run_id)
        spec = self._queries.campaign(run.campaign_id).spec
        found = judge(run_id, self._queries, self.book)
        if not found.missed:
            found = found.with_condition(self._causality(run, spec))
        if not found.missed and self._queries.evidence.vault_result(run_id) is None:
            spent = self._queries.evidence.promotion_looks(run.campaign_id)
            if spent >= spec.promotion.looks:
                found = found.with_condition(vault_spent(spent))
        if not found.missed:
            seen = self.vault.look(run_id, who=PROMOTION, why=f"run {run.number} meets every other condition")
            found = found.with_condition(vault_condition(seen))
        self._ledger.record_promotion(
            run.campaign_id, run_id, is_promoted=found.is_promoted, conditions=json.dumps([c.plain() for c in found.conditions])
        )
        return found

    def promote_campaign(self, campaign_id: str) -> tuple[list[Judgement], list[Judgement]]:
        """Try the runs that meet every cheap condition, the surest on validation first, until one is promoted or the campaign's
        looks are spent: (those that were tried, all runs that were judged as they stood before)."""
        evidence = self.book.of(campaign_id)
        chances = {r: validation_luck(r, evidence) for r in evidence.validation.run_ids}
        tried: list[Judgement] = []
        stood: list[Judgement] = []
        for run_id in sorted(chances, key=lambda r: (not is_number(chances[r]), chances[r], r)):
            stood.append(found := judge(run_id, self._queries, self.book))
            if found.missed or any(j.is_promoted or _has_no_look(j) for j in tried):
                continue
            tried.append(self.promote(run_id))
        return tried, stood

    def _causality(self, run: RunRow, spec: CampaignSpec) -> Condition:
        """No signal changes when the future behind any deciding bar does, on train and on validation."""
        panel, seed = self._panel_of(spec), gate_seed(spec.seed, run.number)
        known, rows = Verdict(None, run.warm_up_bars, run.is_cross_sectional), 0
        failure: Failure | None = None
        for window in RUN_WINDOWS:
            bed = self._evaluator.campaign_bed(panel, spec, window)
            params = run.params or {}
            digest = int(self._evaluator.sweep(run.source, [params], bed, sides=spec.sides).outcomes.digests[0])
            ends = ends_of(spec.windows) if window == "train" else ()
            verdict = self._evaluator.confirm(
                run.source, params, digest, known, bed, seed=seed, sides=spec.sides, k=None, ends=ends
            )  # fmt: skip
            failure, rows = failure or verdict.failure, rows + verdict.probes
        told = f"it is refused: {failure.kind}" if failure else f"no signal changed when what came after did ({rows:,} reruns)"
        return causality_condition(not failure, told)


def _has_no_look(found: Judgement) -> bool:
    """It met all else, but no look was left: one that was taken has a level, whatever it showed."""
    return any(c.name == "vault" and c.wanted is None for c in found.missed)
