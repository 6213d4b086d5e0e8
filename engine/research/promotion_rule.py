"""The rule of promotion: each condition with its window, what was found, what is wanted and by how much it is met.

Everything here is read from the ledger: nothing is run, and the vault stays shut.
"""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.analysis.alpha import alpha_over, luck_of_alpha
from engine.analysis.deflated import chance_of_luck
from engine.records import RUN_WINDOWS, CampaignSpec
from engine.research.evidence import CampaignBook, CampaignEvidence, is_number
from engine.store.answers import RunRow
from engine.store.looks import VaultResult
from engine.store.queries import Queries

NOT_YET = "not tried: it is done for runs that meet every other condition"


@dataclass(frozen=True)
class Condition:
    """One condition of the rule. `value` and `wanted` in the same unit, None where the answer is yes or no or nothing was
    computed; `relation` >=, <= or `is`; `margin`: by how much it is met, negative where it is missed; `passed` None: not tried
    yet. `statistic`: its key in `evidence_words.STATISTICS`, empty for a plain count."""

    name: str
    label: str
    window: str
    value: float | None
    relation: str
    wanted: float | None
    passed: bool | None
    sentence: str
    statistic: str = ""

    @property
    def margin(self) -> float | None:
        if self.value is None or self.wanted is None:
            return None
        return self.value - self.wanted if self.relation == ">=" else self.wanted - self.value

    def plain(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"margin": self.margin}


@dataclass(frozen=True)
class Judgement:
    """A run held against its campaign's rule, all conditions in the order they are tried."""

    run_id: str
    conditions: tuple[Condition, ...]

    @property
    def is_promoted(self) -> bool:
        return all(c.passed is True for c in self.conditions)

    def with_condition(self, condition: Condition) -> "Judgement":
        """With this one in place of that of its name."""
        return replace(self, conditions=tuple(condition if c.name == condition.name else c for c in self.conditions))

    @property
    def missed(self) -> tuple[Condition, ...]:
        return tuple(c for c in self.conditions if c.passed is False)


def judge(run_id: str, queries: Queries, book: CampaignBook) -> Judgement:
    """The run held against the rule of its campaign by what is known: nothing is run, the vault stays shut.

    Causality at every row and the vault are those of the last attempt to promote it, or not tried. Raises UnknownRun,
    CampaignError, DataError.
    """
    run = queries.run(run_id)
    spec, evidence = queries.campaign(run.campaign_id).spec, book.of(run.campaign_id)
    conditions = [*_ledger_conditions(run, spec, queries), *_luck_conditions(run, spec, evidence)]
    conditions += _campaign_conditions(spec, evidence)
    before = queries.evidence.promotion(run_id)
    known = {c["name"]: c for c in before[1]} if before else {}
    conditions.append(_earlier(known.get("causality")))
    seen = queries.evidence.vault_result(run_id)
    level = f"the k-th look on these bars is tested at {spec.promotion.vault:g} / 2^k"
    untried = Condition("vault", "Alpha in the vault", "vault", None, "<=", None, None, f"{NOT_YET}; {level}", "alpha")
    conditions.append(untried if seen is None else vault_condition(seen))
    return Judgement(run_id, tuple(conditions))


def vault_condition(seen: VaultResult) -> Condition:
    """What the look showed, against its level."""
    told = f"look {seen.k} on these bars is tested at {seen.level:.4g}; its p is {_told(seen.p)}"
    if seen.failure:
        told = f"the strategy failed in the vault ({seen.failure}) at look {seen.k}"
    value = seen.p if is_number(seen.p) else None
    return Condition("vault", "Alpha in the vault", "vault", value, "<=", seen.level, seen.passed, told, "alpha")


def vault_spent(spent: int) -> Condition:
    told = f"promotions have spent all {spent} looks of this campaign"
    return Condition("vault", "Alpha in the vault", "vault", None, "<=", None, False, told, "alpha")


def _earlier(known: dict[str, Any] | None) -> Condition:
    """Causality as the last attempt found it, or that nobody has tried."""
    passed, told = (None, NOT_YET) if known is None else (known["passed"], known["sentence"])
    return causality_condition(passed, told)


def causality_condition(passed: bool | None, sentence: str) -> Condition:
    """No signal changes when the future behind any deciding bar does."""
    return _yes_or_no("causality", "Causality at every signal row", passed, sentence)


def _ledger_conditions(run: RunRow, spec: CampaignSpec, queries: Queries) -> list[Condition]:
    """What the run's own figures say."""
    rule = spec.promotion
    out = []
    for window, wanted in (("train", rule.train_trades), ("validation", rule.validation_trades)):
        n = run.figures.get(window, {}).get("trades_with_open", math.nan)
        told = f"{n:,.0f} trades with open positions counted" if is_number(n) else "there are no figures"
        out.append(_bound(f"{window}_trades", f"Trades on {window}", window, n, ">=", wanted, told))
    settled = run.warm_up_bars is not None
    told = f"signals settle after {run.warm_up_bars:,} bars" if settled else "signals never settle, or it was not measured"
    out.append(Condition("warm_up", "Warm-up settled", "train", None, "is", None, settled, told))
    out.append(_sleeves(run, spec, queries))
    return out


def _sleeves(run: RunRow, spec: CampaignSpec, queries: Queries) -> Condition:
    """No sleeve, and with shared cash no account, has lost everything."""
    falls: list[float] = []
    for window in RUN_WINDOWS:
        if spec.shared_cash is not None:
            falls.append(run.figures.get(window, {}).get("max_drawdown", math.nan))
        else:
            falls += queries.run_assets(run.run_id, window)["max_drawdown"].tolist()
    known = [f for f in falls if is_number(f)]
    worst = min(known, default=math.nan)
    told = f"the deepest fall of a sleeve is {worst:.1%}" if known else "there are no figures of sleeves"
    return _yes_or_no("sleeves", "No sleeve below zero", bool(known) and worst > -1, told)


def _luck_conditions(run: RunRow, spec: CampaignSpec, evidence: CampaignEvidence) -> list[Condition]:
    """What the returns say after all that was tried."""
    rule, train = spec.promotion, evidence.daily(run.run_id, "train")
    own = chance_of_luck(train, evidence.maxima)
    beyond = luck_of_alpha(alpha_over(train, evidence.hold["train"]), evidence.maxima)
    judged = validation_luck(run.run_id, evidence)
    tried = f"{evidence.trials:,} trials, as many as {_count(evidence.effective)} independent ones"
    by_luck = "of so many trials without skill the best would look as good in"
    return [
        _bound("luck", "Chance of luck", "train", own, "<=", rule.luck, f"{tried}: {by_luck} {_share(own)} of searches", "luck"),
        _bound(
            "luck_beyond_hold", "Chance of luck beyond buy-and-hold", "train", beyond, "<=", rule.luck,
            f"the same for the returns beyond its share of buy-and-hold: {_share(beyond)}", "alpha",
        ),
        _bound(
            "validation_alpha", "Alpha on validation", "validation", judged, "<=", rule.judged,
            f"{evidence.judged:,} runs were judged there, whose returns beyond buy-and-hold are as many as"
            f" {_count(evidence.judged_effective)} independent ones: {by_luck} {_share(judged)} of searches", "alpha",
        ),
    ]  # fmt: skip


def validation_luck(run_id: str, evidence: CampaignEvidence) -> float:
    alpha = alpha_over(evidence.daily(run_id, "validation"), evidence.hold["validation"])
    return luck_of_alpha(alpha, evidence.judged_maxima)


def _campaign_conditions(spec: CampaignSpec, evidence: CampaignEvidence) -> list[Condition]:
    """What the campaign's candidates say together."""
    rule, pbo = spec.promotion, evidence.overfit.pbo
    told = evidence.overfit.reason or f"the best on half of the days was below the median on the rest in {_share(pbo)} of splits"
    hold = evidence.over_hold
    out = [
        _bound("overfit", "Probability of backtest overfitting", "train", pbo, "<=", rule.overfit, told, "pbo"),
        _bound(
            "over_hold", "Superior to buy-and-hold", "train", hold.p_consistent, "<=", rule.superior,
            hold.reason or "no candidate better than as much of buy-and-hold: so great a lead in"
            f" {_share(hold.p_consistent)} of draws", "spa",
        ),
    ]  # fmt: skip
    base = evidence.over_baselines
    if base is None:
        told = "the campaign has no run of a baseline arm, so that buy-and-hold alone is the benchmark"
        label = "Superior to the baselines"
        return [*out, Condition("over_baselines", label, "train", None, "<=", rule.superior, True, told, "spa")]
    told = base.reason or f"no candidate better than the baselines' mean: so great a lead in {_share(base.p_consistent)} of draws"
    p = base.p_consistent
    return [*out, _bound("over_baselines", "Superior to the baselines", "train", p, "<=", rule.superior, told, "spa")]


def _bound(
    name: str, label: str, window: str, value: float, relation: str, wanted: float, sentence: str, statistic: str = ""
) -> Condition:  # fmt: skip
    """A condition on a number; one that was not computed is missed."""
    if not is_number(value):
        return Condition(name, label, window, None, relation, float(wanted), False, sentence, statistic)
    passed = value >= wanted if relation == ">=" else value <= wanted
    return Condition(name, label, window, float(value), relation, float(wanted), bool(passed), sentence, statistic)


def _yes_or_no(name: str, label: str, passed: bool | None, sentence: str) -> Condition:
    """A condition without a number, on both windows."""
    return Condition(name, label, "train and validation", None, "is", None, passed, sentence)


def _share(value: float) -> str:
    return f"{value:.1%}" if is_number(value) else "an unknown share"


def _told(value: float) -> str:
    return f"{value:.4f}" if is_number(value) else "not computed"


def _count(value: float) -> str:
    return f"{value:,.1f}" if is_number(value) else "an unknown number of"
