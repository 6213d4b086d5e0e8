"""What a run was found to survive stands in the ledger: another service on the same store tells the same."""

import json
from pathlib import Path

from tests.patience import LONG_S
from tests.research.campaigns import drafted, finish
from tests.research.conftest import Opened
from tests.research.small import store_with


def test_a_report_is_there_again_after_a_restart(open_service: Opened, market_store: Path, tmp_path: Path) -> None:
    settings = store_with(market_store, tmp_path / "kept")
    service = open_service(settings)
    campaign_id = finish(service, drafted(service, runs=2))
    run_id = next(r for r in service.queries.run_ids(campaign_id) if service.queries.run(r).params is not None)
    assert service.survivals.kept(run_id, "train") is None
    found = service.survivals.begin(run_id).future.result(LONG_S)
    service.close()

    again = open_service(settings)
    _, kept = again.survivals.kept(run_id, "train")
    assert json.dumps(kept.plain()) == json.dumps(found.plain())
    assert kept.survival == found.survival
    assert again.survivals.kept(run_id, "validation") is None
