"""What does a run of the model's arm cost beside the model itself?

    python studies/model_overhead.py STORE [RUNS]

Makes so many runs (default 12) one after the other on the demo market in that store, against the scripted server of the tests,
and each run's strategy once more as the random arm would: draft given, nothing asked. Prints one JSON object: medians of both,
of the time spent asking and of the statistics pack, and the ratio that is left.
"""

import json
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main(store: str, runs: int) -> dict[str, Any]:
    from engine.analysis.market_figures import market_figures
    from engine.records import Proposal
    from engine.research import model_run
    from engine.research.campaign import Choices
    from engine.research.model_context import Library
    from engine.research.model_run import ModelRun
    from engine.research.service import ResearchService
    from engine.settings import load_settings
    from tests.scripted_model import Script, ScriptedModel

    service = ResearchService(load_settings(store))
    service.evaluator._cache = None  # the second of two equal runs would be found there and cost nothing
    seconds: dict[str, list[float]] = {"model": [], "random": [], "asking": [], "pack": []}
    packed = model_run.statistics_pack

    def timed_pack(**given: Any) -> Any:
        began = time.perf_counter()
        try:
            return packed(**given)
        finally:
            seconds["pack"].append(time.perf_counter() - began)

    model_run.statistics_pack = timed_pack  # type: ignore[assignment]
    with ScriptedModel(Script()) as server:
        service.catalog.ensure_demo()
        service.model.choose(server.choice())
        spec = service.draft("demo", Choices(proposer="model", scenarios=200, name="overhead", theme="volume"))
        campaign_id = service.enter(spec)
        loop = service._loop_of(campaign_id)
        market = service.evaluator.campaign_bed(loop.panel, spec, "train").market
        library = Library(
            campaign_id, spec, loop.panel, service.queries, service.model.queries, market_figures(market.panel, market.window)
        )
        for number in range(1, runs + 1):
            context, plan = library.open(number, 0, datetime.now(UTC))
            run = ModelRun(number, loop, service.model.asker, context, plan, 1)
            asked = run.asker.ask
            waited: list[float] = []

            def timed_ask(*args: Any, asked: Any = asked, waited: list[float] = waited, **more: Any) -> Any:
                began = time.perf_counter()
                try:
                    return asked(*args, **more)
                finally:
                    waited.append(time.perf_counter() - began)

            run.asker = type("Timed", (), {"ask": staticmethod(timed_ask)})()  # type: ignore[assignment]
            began = time.perf_counter()
            made = run.make()
            whole = time.perf_counter() - began
            source = made.record.proposal.source
            began = time.perf_counter()
            loop.step(number, Proposal(source, "", "random"))
            seconds["random"].append(time.perf_counter() - began)
            seconds["model"].append(whole)
            seconds["asking"].append(sum(waited))
    service.close()
    packs = seconds["pack"] + [0.0] * (runs - len(seconds["pack"]))
    left = [m - a - p for m, a, p in zip(seconds["model"], seconds["asking"], packs, strict=True)]
    medians = {name: round(statistics.median(values), 4) for name, values in seconds.items()}
    ratio = statistics.median([own / other for own, other in zip(left, seconds["random"], strict=True)])
    return {
        "runs": runs,
        "seconds, medians": medians,
        "largest pack, s": round(max(packs), 4),
        "ratio to a random run": round(ratio, 3),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12), indent=2))
