"""`calibrate` on campaigns so small that they show the form and no rate."""

import pytest

from engine.market.catalog import Catalog
from engine.research import calibration
from engine.research.calibration import Campaign, Sizes
from engine.settings import load_settings

SMALL = Sizes(assets=3, bars=1_500, runs=3, scenarios=2, method="grid")
WORDS = (
    "--market",
    "none",
    "--seed",
    "4",
    "--assets",
    "3",
    "--bars",
    "1500",
    "--runs",
    "3",
    "--scenarios",
    "2",
    "--method",
    "grid",
)
SOURCES = calibration.seed_strategies()


@pytest.fixture(scope="module", autouse=True)
def two_seed_strategies():
    """Fewer of them, since each run costs its checks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibration, "seed_strategies", lambda: SOURCES[:2])
        yield


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return _campaigns(tmp_path_factory.mktemp("two"), campaigns=2)


def _campaigns(folder, *, campaigns, first=0) -> list[Campaign]:
    settings = load_settings(folder)
    return calibration.calibrate(
        "none", campaigns=campaigns, seed=4, settings=settings, catalog=Catalog(settings.bars_dir), sizes=SMALL,
        tell=lambda done, last: None, first=first,
    )  # fmt: skip


def _figures(campaign):
    return campaign.is_promoted, campaign.scenarios, campaign.missed, campaign.judged


def test_a_campaign_behind_others_is_what_it_would_have_been_with_them(two, tmp_path):
    (later,) = _campaigns(tmp_path, campaigns=1, first=1)
    assert _figures(later) == _figures(two[1])


def test_the_answer_counts_campaigns_and_leaves_the_store_as_it_was(cli, two):
    answer = cli("calibrate", *WORDS, "--campaigns", "2", "--json").answer
    assert (answer["market"], answer["campaigns"]) == ("none", 2)
    assert answer["promoted"] == sum(c.is_promoted for c in two)
    assert answer["rate"] == answer["promoted"] / 2
    low, high = answer["interval"]
    assert 0 <= low <= answer["rate"] <= high <= 1
    assert answer["scenarios"] == sum(c.scenarios for c in two) > 0
    assert "holds no campaign" in cli("leaderboard").refusal


def test_fewer_runs_than_seed_strategies_are_refused_with_the_number(cli):
    assert "2 (the seed strategies)" in cli("calibrate", "--market", "none", "--runs", "1").refusal


def test_an_unknown_market_is_refused_with_the_forms(cli):
    assert "planted:KIND" in cli("calibrate", "--market", "nothing").refusal
