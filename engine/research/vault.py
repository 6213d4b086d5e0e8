"""The vault: the last window, which no search reads. A look is recorded before anything is seen, and its result goes to people
and to the rule of promotion, never into the search."""

from collections.abc import Callable

import numpy as np

from engine.analysis.alpha import alpha_over
from engine.analysis.metrics import daily_returns
from engine.backtest.sweep import TestBed
from engine.errors import CampaignError
from engine.market.bars import Panel
from engine.records import CampaignSpec, Params, TrialBatch
from engine.research.evaluation import Evaluator, days_of, figures_of
from engine.store.answers import RunRow
from engine.store.ledger import Ledger
from engine.store.looks import PROMOTION, Look, VaultResult
from engine.store.queries import Queries
from engine.strategy.isolation import check_allowed

PanelOf = Callable[[CampaignSpec], Panel]
"""The bars a campaign was made on. Raises DataError if they are gone or have changed."""


def vault_bars(spec: CampaignSpec, panel: Panel) -> tuple[tuple[str, ...], int, int]:
    """Symbols of the campaign, first and last time of its vault (ns UTC): by these looks are counted."""
    rows = spec.window("vault")
    return spec.assets, int(panel.times_ns[rows.start]), int(panel.times_ns[rows.stop - 1])


class Vault:
    """Opens the vault for one run at a time. Thread-safe as its evaluator and ledger are."""

    def __init__(self, queries: Queries, ledger: Ledger, evaluator: Evaluator, panel_of: PanelOf) -> None:
        self._queries, self._ledger, self._evaluator, self._panel_of = queries, ledger, evaluator, panel_of

    def next_k(self, campaign_id: str) -> int:
        """The how manieth look on these bars the next one would be. Raises CampaignError, DataError."""
        spec = self._queries.campaign(campaign_id).spec
        return 1 + len(self._queries.evidence.looks_on(*vault_bars(spec, self._panel_of(spec)), spec.data_hash))

    def testable(self, run_id: str) -> tuple[RunRow, Params]:
        """The run and the set of it that would be tested in the vault. Raises UnknownRun, CampaignError without a result."""
        run = self._queries.run(run_id)
        if run.params is None or run.failure is not None:
            raise CampaignError(f"run {run.number} has no result to test in the vault: {run.failure or run.reason}")
        return run, run.params

    def look(self, run_id: str, *, who: str, why: str) -> VaultResult:
        """What the run's best set did in the vault; a run that was looked at before is not looked at again.

        The k-th look on bars that it shares with others is tested at vault / 2^k. Raises UnknownRun, CampaignError for a run
        without a result, DataError where the bars have changed: then nothing is recorded.
        """
        if known := self._queries.evidence.vault_result(run_id):
            return known
        run, params = self.testable(run_id)
        spec = self._queries.campaign(run.campaign_id).spec
        check_allowed(run.arm)
        panel = self._panel_of(spec)
        bed = self._evaluator.campaign_bed(panel, spec, "vault")
        symbols, first_ns, last_ns = vault_bars(spec, panel)
        k = self._ledger.record_look(Look(spec.data_hash, "vault", who, why, run.campaign_id, run_id, symbols, first_ns, last_ns))
        seen = self._evaluator.sweep(run.source, [params], bed, sides=spec.sides, says_why=False)
        failure = seen.outcomes.failures[0]
        daily = daily_returns(seen.outcomes.daily_equity[0])
        alpha = alpha_over(daily, hold_of(bed))
        found = VaultResult(
            run_id, k, spec.promotion.vault / 2**k, alpha.p, failure.kind if failure else "", figures_of(seen.table, 0),
            daily.astype(np.float32), days_of(bed),
        )  # fmt: skip
        trial = TrialBatch(
            f"{run_id}:vault", "vault", PROMOTION if who == PROMOTION else "human", spec.data_hash, symbols, first_ns, last_ns,
            "vault", 1, run.code_hash,
        )  # fmt: skip
        self._ledger.record_vault_result(found, trial)
        return found


def hold_of(bed: TestBed) -> np.ndarray:
    """(days,) daily returns of equal-weight buy-and-hold on the bed's window."""
    return daily_returns(bed.hold.daily_equity[0])
