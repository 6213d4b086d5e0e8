"""How do a real model's drafts fare? A campaign of the model's arm alone, told step by step.

    make test-model                                       # or
    python studies/model_drafts.py STORE [RUNS] [--transcript FILE] [--drafts-only]

Asks the model that MODEL and API_BASE name (`.env` counts). Makes so many runs (default 20) on the demo market in that store;
with --drafts-only they end with the checks, and nothing is swept or reviewed. Prints one JSON object: how many first drafts
parsed, passed the checks, traded, how many did so after repairs, what was refused, calls, tokens and seconds; and writes the
transcript of all calls as Markdown. Without a model it says "not run".
"""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
THEMES = (
    "use volume to time entries", "buy dips in an up-trend", "breakouts after quiet times", "momentum across assets",
    "mean reversion at extremes", "time of day", "cut losses early and let profits run", "volatility tells when to stay out",
)  # fmt: skip
MARKET = (
    "Weak trend (variance ratio 1.02), volatility of 1.1% a bar, steady volume, assets move together (correlation 0.45)."
    " That favours selective entries; volatility has fallen in the last third."
)


def main(store: Path, runs: int, transcript: Path | None) -> dict[str, Any]:
    from engine.proposal.language_model import choice_from_environment
    from engine.records import StopConditions
    from engine.research.campaign import Choices
    from engine.research.service import ResearchService
    from engine.settings import load_settings

    if choice_from_environment() is None:
        return {"run": "not run: no model is named by MODEL"}
    service = ResearchService(load_settings(store))
    began, campaigns = time.monotonic(), []
    try:
        service.catalog.ensure_demo()
        for number, theme in enumerate(THEMES, 1):
            share = runs // len(THEMES) + (number <= runs % len(THEMES))
            if share == 0:
                continue
            choices = Choices(
                name=f"drafts: {theme}", theme=theme, proposer="model", seed=number, scenarios=50, top_assets=20,
                stop=StopConditions(runs=share),
            )  # fmt: skip
            campaigns.append(service.launch(service.draft("demo", choices)))
            while not service.wait(5.0):
                status = service.status()
                print("; ".join((*status.making, status.model_trouble)), file=sys.stderr)
            if problem := service.status().problem:
                return {"run": f"stopped: {problem}"}
        answer = told(service, campaigns) | {"seconds": round(time.monotonic() - began)}
        if transcript is not None:
            transcript.write_text("\n".join(script_of(service, campaign) for campaign in campaigns), encoding="utf-8")
        return answer
    finally:
        service.close()


def drafts(store: Path, count: int) -> dict[str, Any]:
    """How so many first drafts fare in the checks, before repairs and after them."""
    from engine.proposal.language_model import choice_from_environment
    from engine.records import Failure
    from engine.research.campaign import Choices, draft_spec
    from engine.research.loop import ResearchLoop
    from engine.research.model_context import Context
    from engine.research.model_plan import Plan
    from engine.research.model_run import ModelRun
    from engine.research.proposers import make_proposer
    from engine.research.service import ResearchService
    from engine.settings import load_settings

    if choice_from_environment() is None:
        return {"run": "not run: no model is named by MODEL"}
    service, began = ResearchService(load_settings(store)), time.monotonic()
    first, last, messages = Counter[str](), Counter[str](), Counter[str]()
    try:
        service.catalog.ensure_demo()
        panel = service.catalog.open("demo")
        for number in range(1, count + 1):
            choices = Choices(
                theme=THEMES[(number - 1) % len(THEMES)], proposer="model", seed=number, scenarios=50, top_assets=20
            )
            spec = draft_spec(panel, choices)
            loop = ResearchLoop("drafts", spec, panel, make_proposer(spec, panel), service.evaluator)
            context = Context((), (), (), (), {}, MARKET, "", (), {})
            desk = service.model
            run = ModelRun(
                number, loop, desk.asker, context, Plan("draft"), desk.queries.next_seq("drafts", number),
                prompts=desk.prompts_for("drafts", spec.seed, number),
            )  # fmt: skip
            _, _, checked = run.draft()
            end = checked.kind if isinstance(checked, Failure) else "passed"
            first[run.refusals[0].kind if run.refusals else end] += 1
            last[end] += 1
            messages.update(refusal.message[:140] for refusal in run.refusals)
            print(f"{number}: {spec.theme}: {end} after {len(run.refusals)} refusals", file=sys.stderr)
    finally:
        service.close()
    return {
        "model": choice_from_environment().model, "drafts": count, "first_drafts": dict(first), "after_repairs": dict(last),
        "refusal_messages": messages.most_common(12), "seconds": round(time.monotonic() - began),
    }  # fmt: skip


def told(service: Any, campaigns: list[str]) -> dict[str, Any]:
    """How drafts and runs fared."""
    queries = service.model.queries
    stories = [story for campaign in campaigns for story in queries.stories(campaign)]
    failures = {story.run_id: service.queries.run(story.run_id).failure for story in stories}
    ends = {run_id: failure.kind if failure else "scored" for run_id, failure in failures.items()}
    first = [story.refusals[0].kind if story.refusals else ends[story.run_id] for story in stories]
    calls = [call for campaign in campaigns for call in queries.calls(campaign_id=campaign, limit=100_000).to_dict("records")]
    return {
        "model": service.model.choice.model,
        "runs": len(stories),
        "first_drafts": dict(Counter(first)),
        "runs_after_repairs": dict(Counter(ends.values())),
        "passed_all_checks": sum(end == "scored" for end in ends.values()),
        "kept": sum(story.is_kept is True for story in stories),
        "refusals": dict(Counter(refusal.kind for story in stories for refusal in story.refusals)),
        "refusal_messages": Counter(r.message[:140] for story in stories for r in story.refusals).most_common(12),
        "calls": len(calls),
        "answered": sum(call["status"] == "answered" for call in calls),
        "call_ends": dict(Counter(f"{call['role']}: {call['status']}" for call in calls)),
        "tokens_in": sum(int(call["tokens_in"] or 0) for call in calls),
        "tokens_out": sum(int(call["tokens_out"] or 0) for call in calls),
    }


def script_of(service: Any, campaign: str) -> str:
    """The campaign's calls and what came of its runs, in order."""
    queries, lines = service.model.queries, [f"# {service.queries.campaign(campaign).name}\n"]
    for story in queries.stories(campaign):
        run = service.queries.run(story.run_id)
        lines.append(f"## Run {run.number}: {story.operator}\n\n{story.hypothesis}\n")
        for call in queries.calls_of_run(campaign, run.number):
            lines.append(f"### {call.role}, attempt {call.attempt}: {call.status} {call.problem}\n\n````\n{call.reply}\n````\n")
        lines += [f"- refused: {refusal.kind}: {refusal.message}" for refusal in story.refusals]
        lines.append(f"\n**{run.failure or 'scored'}**. {story.verdict}. Validation: {story.ladder}.\n")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("runs", type=int, nargs="?", default=20)
    parser.add_argument("--transcript", type=Path)
    parser.add_argument("--drafts-only", action="store_true")
    asked = parser.parse_args()
    if asked.drafts_only:
        print(json.dumps(drafts(asked.store, asked.runs), indent=2))
        sys.exit()
    print(json.dumps(main(asked.store, asked.runs, asked.transcript), indent=2))
