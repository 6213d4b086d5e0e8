"""A call that was on its way when the process was killed counts from the next start on."""

from datetime import UTC, datetime

import pytest

from engine.model_records import CallPlace, Caps, SentCall
from engine.proposal.budget import CapReached
from engine.research.model_desk import ModelDesk
from engine.settings import load_settings
from engine.store.database import Database
from tests.store.model_samples import call


def test_a_call_on_its_way_when_the_process_died_counts_against_the_caps_after_the_restart(tmp_path):
    settings = load_settings(tmp_path)
    place, now = CallPlace("c1", 2, "loop"), datetime.now(UTC)
    died = Database(settings.database_path)
    before = ModelDesk(died, settings)
    for sent_id in ("back", "away"):
        before.budget.keep(SentCall(sent_id, place, "draft", "v1", "openai/scripted", 700, 300, 0.5, now))
    before.ledger.record_call(call(2, 1, sent_id="back", at_utc=now, tokens_in=10, tokens_out=5))
    before.close()
    died.close()

    database = Database(settings.database_path)
    after = ModelDesk(database, settings)
    after.set_caps(Caps(calls_per_day=2))
    with pytest.raises(CapReached, match="2 spent"):
        after.budget.reserve(place, 100, 0.01)
    spent = after.queries.spent_on_day(now.date())
    assert (spent.calls, spent.tokens_in + spent.tokens_out) == (2, 1_015)
    assert sorted(after.queries.calls(campaign_id="c1")["status"]) == ["answered", "lost"]
    after.close()
    database.close()
