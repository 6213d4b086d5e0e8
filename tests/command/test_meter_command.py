"""`engine meter`, and arms on the command line."""

import pytest

from engine.settings import Settings
from engine.store.snapshot import open_reader
from tests.command.conftest import Cli


def test_arms_take_turns_and_the_meter_says_that_it_is_too_early(cli: Cli, settings: Settings) -> None:
    words = ("--data", "small", "--iterations", 2, "--scenarios", 3, "--min-trades", 5)
    made = cli("run", *words, "--arms", "mutate, random", "--json").answer
    assert [run["arm"] for run in sorted(made["runs"], key=lambda run: run["number"])] == ["mutate", "random"]
    found = cli("meter", "--json").answer
    assert found["campaign"] == made["campaign"]
    assert (found["arm"], found["mean"]["value"]) == ("mutate", None)
    assert "too few validated runs" in found["problem"]
    assert sum(arm["trials"] for arm in found["arms"]) == made["trials"]
    assert "no model arm: not computed" in cli("meter", made["campaign"]).out
    with open_reader(settings) as queries:
        assert queries.totals().trials == made["trials"]


def test_arms_that_there_are_not_are_named(cli: Cli) -> None:
    said = cli("run", "--data", "small", "--arms", "random,oracle").refusal
    assert said.startswith("there is no arm 'oracle'; there are random, mutate, model")


@pytest.mark.parametrize(
    ("arms", "told"), [("random,", "an arm without a name"), ("random,mutate,random", "twice in random, mutate, random")]
)
def test_arms_that_cannot_be_dealt_are_refused_in_the_users_words(cli: Cli, arms: str, told: str) -> None:
    said = cli("run", "--data", "small", "--arms", arms).refusal
    assert told in said
    assert "+" not in said
    assert "proposer" not in said


def test_fewer_turns_for_baselines_need_a_model(cli: Cli) -> None:
    said = cli("run", "--data", "small", "--arms", "random,mutate", "--baselines-every", 4).refusal
    assert "need a model's arm" in said


def test_the_meter_of_a_campaign_that_is_not_there(cli: Cli) -> None:
    cli("run", "--data", "small", "--iterations", 1, "--scenarios", 2)
    assert "nobody" in cli("meter", "nobody").refusal
