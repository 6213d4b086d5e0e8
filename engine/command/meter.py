"""`engine meter`: is the model better than chance?"""

import math
from dataclasses import asdict
from typing import Annotated, Any

import typer

from engine.analysis.meter import Estimate, Meter, meter_text
from engine.command.answer import JsonOption, StoreOption, number
from engine.command.research import known_campaign
from engine.research.arms import meter_of, runs_by_arm
from engine.settings import load_settings
from engine.store.snapshot import open_readers


def meter(
    campaign: Annotated[str | None, typer.Argument(help="Id or name of a campaign; default the one that changed last.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """How far the model's arm leads the better baseline at equal trials, with intervals; without one, mutate against random."""
    with open_readers(load_settings(store)) as (queries, model):
        campaign_id = known_campaign(queries, campaign)
        found, runs = meter_of(campaign_id, queries), queries.arm_runs(campaign_id)
        arms = [
            {
                "arm": name, "runs": len(of.trials), "validated": of.validated, "trials": int(of.trials.sum()),
                "refused_drafts": int(runs.loc[runs["arm"] == name, "refused"].sum()),
                "mean": of.mean, "best": of.best,
            }
            for name, of in runs_by_arm(campaign_id, queries).items()
        ]  # fmt: skip
        calls = model.spent_in_campaign(campaign_id).calls
        answer: dict[str, Any] = {
            "campaign": campaign_id,
            **asdict(found),
            "arms": arms,
            "calls": calls,
            "source": queries.source,
        }
    return answer, _text(found, answer)


def _text(found: Meter, answer: dict[str, Any]) -> str:
    lines = [meter_text(found)]
    if not found.problem:
        lines.append(f"  at {found.trials:,} trials each; validated Sharpe ratios, 95 % intervals by bootstrap over runs")
        lines.append(f"  best so far {_told(found.best, '+.2f')}; search efficiency {_told(found.efficiency, '.2f')}")
    for arm in answer["arms"]:
        lines.append(
            f"  {arm['arm']:<7} {arm['runs']:>6,} runs, {arm['validated']:>6,} validated, {arm['trials']:>9,} trials, "
            f"{arm['refused_drafts']:,} refused drafts; Sharpe mean {number(arm['mean'])}, best {number(arm['best'])}"
        )
    return "\n".join([*lines, f"  {answer['calls']:,} calls to a model"])


def _told(of: Estimate, form: str) -> str:
    if not math.isfinite(of.value):
        return "not computed"
    return f"{of.value:{form}} [{of.low:{form}}, {of.high:{form}}]"
