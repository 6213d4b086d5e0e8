"""Trials count by overlap of symbol and time, under whatever name of a dataset, and each batch once."""

import pytest

from engine.store.ledger import Ledger
from engine.store.queries import Queries
from tests.store.samples import DAY_NS, batch, run


@pytest.mark.parametrize(
    ("symbols", "first_day", "last_day", "counted"),
    [
        (["BTCUSDT"], 0, 10, 4),
        (["BTCUSDT", "NOSUCH"], 3, 4, 4),
        (["BTCUSDT"], 10, 20, 4),
        (["BTCUSDT"], -5, 0, 4),
        (["BTCUSDT"], 11, 20, 0),
        (["BTCUSDT"], -5, -1, 0),
        (["BTCUSDT"], -5, 20, 4),
        (["NOSUCH"], 0, 10, 0),
        ([], 0, 10, 0),
    ],
)
def test_a_trial_counts_where_a_symbol_and_a_time_are_shared(
    ledger: Ledger, queries: Queries, symbols: list[str], first_day: int, last_day: int, counted: int
) -> None:
    ledger.record_trials(batch("b1"))
    assert queries.trials(symbols, first_day * DAY_NS, last_day * DAY_NS).total == counted


def test_the_same_bars_under_another_datasets_name_count(ledger: Ledger, queries: Queries) -> None:
    ledger.record_trials(batch("b1", scenarios=10))
    ledger.record_trials(
        batch("b2", data_hash="another", symbols=("XRPUSDT", "DOGEUSDT"), scenarios=5, arm="human", origin="page")
    )
    ledger.record_trials(batch("b3", symbols=("DOGEUSDT",), first_ns=20 * DAY_NS, last_ns=30 * DAY_NS, scenarios=100))
    count = queries.trials(["XRPUSDT", "BTCUSDT"], 0, 9 * DAY_NS)
    assert (count.total, count.by_arm) == (15, {"human": 5, "random": 10})
    assert queries.trials(["DOGEUSDT"], 0, 30 * DAY_NS).total == 105
    assert queries.totals().trials == 115


def test_a_batch_counts_once_whoever_brings_it(ledger: Ledger, queries: Queries) -> None:
    assert ledger.record_trials(batch("b1"))
    assert not ledger.record_trials(batch("b1"))
    assert ledger.record_run(run(1), [batch("b1")])
    assert queries.totals().trials == 4


def test_a_run_counts_the_scorings_of_both_windows(ledger: Ledger, queries: Queries) -> None:
    validation = batch("b2", window="validation", first_ns=20 * DAY_NS, last_ns=30 * DAY_NS, scenarios=1)
    ledger.record_run(run(1), [batch("b1"), validation])
    assert queries.totals().trials == 5
    assert queries.trials(["BTCUSDT"], 25 * DAY_NS, 26 * DAY_NS).total == 1


def test_a_campaigns_trials_are_those_of_its_runs_and_those_made_for_it(ledger: Ledger, queries: Queries) -> None:
    ledger.record_run(run(1), [batch("c1-0001:train"), batch("c1-0001:validation", window="validation", scenarios=1)])
    ledger.record_trials(batch("replay:1", origin="replay", scenarios=2), "c1")
    ledger.record_trials(batch("replay:2", origin="replay", scenarios=7), "c2")
    ledger.record_trials(batch("sweep", origin="sweep", scenarios=50))
    assert queries.campaign_trials("c1") == {"loop": 5, "replay": 2}
    assert queries.campaign_trials("c2") == {"replay": 7}
    assert queries.totals().trials == 64


def test_a_store_says_since_when_it_counts(queries: Queries) -> None:
    assert queries.trials(["BTCUSDT"], 0, 1).since == queries.totals().since
    assert queries.totals().since.endswith("+00:00")
