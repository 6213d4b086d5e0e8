"""The mutate arm: the model's loop without the model, known again from its lineage alone."""

import dataclasses
from types import SimpleNamespace

from engine.model_records import Story
from engine.proposal.genome import source_of
from engine.proposal.random_proposer import RandomProposer
from engine.records import Failure, StopConditions
from engine.research.campaign import draft_spec, rng_of
from engine.research.model_run import MAX_REPAIRS
from engine.research.mutate_arm import MutateArm
from engine.research.turns import IN_FLIGHT, MUTATE, Turns
from engine.store.stories import PastRun
from tests.research import small
from tests.research.campaigns import LONG

RUNS = 6


class Refusing:
    """A loop that refuses every draft, and keeps what it was asked to check."""

    def __init__(self, panel, seed=3):
        self.campaign_id, self.panel = "c1", panel
        self.spec = dataclasses.replace(draft_spec(panel, dataclasses.replace(small.CHOICES, proposer=MUTATE)), seed=seed)
        self.checked = []

    def tell(self, stage, done, total):
        pass

    def check(self, number, proposal):
        self.checked.append(proposal)
        return Failure("contract", "as the test says", 3)

    def refused(self, number, proposal, failure, elapsed_s):
        return SimpleNamespace(proposal=proposal, failure=failure)


def past_run(number, source, *, objective=1.0, operator="draft", parents=(), refusals=()):
    story = Story(f"run{number}", operator, parents, refusals=refusals)
    return PastRun(
        run_id=f"run{number}", number=number, arm=MUTATE, parent_run_id=None, source=source, params={}, summary="",
        status="scored", failure=None, objective=objective, train={}, validation_sharpe=1.0, validation_days=9, story=story,
    )  # fmt: skip


def arm_of(loop, past):
    def past_runs(campaign_id, arm, up_to_number, *, after_number=0):
        return [run for run in past if after_number < run.number <= up_to_number]

    return MutateArm(loop, Turns((MUTATE,)), None, SimpleNamespace(past_runs=past_runs))


def first_draft(seed, number):
    """What the arm writes as the first draft of that number."""
    return source_of(RandomProposer().draw_genome(rng_of(seed, number, 3, 0)))


def test_a_refused_draft_is_drawn_again_as_often_as_the_model_may_repair(panel):
    loop = Refusing(panel)
    mutated = arm_of(loop, []).make(1)
    sources = [proposal.source for proposal in loop.checked]
    assert len(set(sources)) == len(sources) == MAX_REPAIRS + 1
    assert len(mutated.story.refusals) == MAX_REPAIRS + 1
    assert mutated.trials == ()
    assert mutated.record.proposal == loop.checked[-1]
    assert sources[0] == first_draft(loop.spec.seed, 1)


def test_a_run_knows_no_more_of_its_arm_than_a_run_of_the_model_would(panel):
    parents = []
    for number in range(1, 30):
        past = [past_run(n, first_draft(3, n)) for n in range(1, number)]
        loop = Refusing(panel)
        story = arm_of(loop, past).make(number).story
        parents += [(number, int(parent.removeprefix("run"))) for parent in story.parents]
        assert (story.operator == "draft") or story.parents
    assert parents
    assert all(parent <= number - IN_FLIGHT for number, parent in parents)


def test_a_run_whose_text_is_not_what_its_lineage_writes_is_no_parent(panel):
    honest = [past_run(n, first_draft(3, n)) for n in range(1, 6)]
    forged = [dataclasses.replace(run, source=run.source.replace("return", "return  ")) for run in honest]
    for number in range(10, 22):
        assert arm_of(Refusing(panel), forged).make(number).story.parents == ()
    assert any(arm_of(Refusing(panel), honest).make(number).story.parents for number in range(10, 22))


def test_a_child_of_many_generations_is_known_again(panel):
    """Run n + 1 improves run n, 60 times over: its genome is drawn again from the first."""
    loop = Refusing(panel)
    arm = arm_of(loop, [])
    genomes, past = [arm._child(1, 0, "draft", []).genome], []
    for number in range(2, 61):
        genomes.append(arm._child(number, 0, "improve", [genomes[-1]]).genome)
    for number, genome in enumerate(genomes, 1):
        lineage = {"operator": "improve", "parents": (f"run{number - 1}",)} if number > 1 else {}
        past.append(past_run(number, source_of(genome), objective=float(number), **lineage))
    later = arm_of(Refusing(panel), past)
    built_on = {parent for number in range(70, 90) for parent in later.make(number).story.parents}
    assert "run60" in built_on


def test_equal_seeds_give_equal_ledgers_whenever_a_process_ends(open_service, market_store, tmp_path):
    told = []
    for name, parts in (("whole", [RUNS]), ("parts", [4, RUNS])):
        settings = small.store_with(market_store, tmp_path / name)
        for runs in parts:
            service = open_service(settings)
            choices = dataclasses.replace(small.CHOICES, proposer=MUTATE, scenarios=3, stop=StopConditions(runs=runs))
            campaign_id = service.launch(service.draft("small", choices))
            assert service.wait(4 * LONG)
            assert service.status().problem is None
            results, stories = small.results_of(service.queries, campaign_id), service.model.queries.stories(campaign_id)
            runs_made = service.queries.runs(campaign_id)
            service.close()
        told.append((results, stories))
    assert told[0] == told[1]
    assert set(runs_made["arm"]) == {MUTATE}
    assert any(story.parents for story in stories)
    assert [story.is_kept for story in stories if story.operator == "draft" and "kept" in story.verdict]
    parents = runs_made.set_index("run_id")["parent_run_id"]
    assert all(parents[story.run_id] == story.parents[0] for story in stories if story.parents)
