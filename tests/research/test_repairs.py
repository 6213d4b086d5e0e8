"""What becomes of a draft that the checker refuses: it goes back three times at most, and never in circles."""

import threading
from types import SimpleNamespace
from typing import Any

from engine.model_records import Story
from engine.proposal.asking import Answer
from engine.records import Failure, Proposal
from engine.research.campaign import draft_spec
from engine.research.loop import Checked
from engine.research.model_context import Context
from engine.research.model_plan import Plan
from engine.research.model_run import ModelRun
from tests.research import small

FAULT = Failure("error", "TypeError: a fraction of bars", 2)
WRITTEN = {"hypothesis": "Another thought.", "prediction": "sharpe up"}


class Model:
    """Answers the roles from their lists of codes, and keeps what it was asked."""

    def __init__(self, **codes: list[str]) -> None:
        self.codes, self.asked = codes, []

    def ask(self, role: str, inputs: dict[str, str], *_: Any, **__: Any) -> Answer:
        self.asked.append((role, inputs))
        return Answer({"change": "", **WRITTEN, "code": self.codes[role].pop(0)}, ())


def checked(model: Model, draft: str, good: str, operator: str = "draft") -> tuple[Any, Story, Proposal, ModelRun]:
    """What the check makes of that draft, where one code alone is accepted."""
    accepted = object.__new__(Checked)
    loop = SimpleNamespace(
        campaign_id="c", cancelled=threading.Event(), tell=lambda *_: None, spec=draft_spec(small.small_panel(), small.CHOICES),
        check=lambda number, proposal: accepted if proposal.source == good else FAULT,
    )  # fmt: skip
    context = Context((), (), (), (), {}, "calm", "", (), {})
    run = ModelRun(1, loop, model, context, Plan(operator), 1)  # type: ignore[arg-type]
    story = Story(run_id="", operator=operator, parents=(), used=(), steering="", hypothesis="A thought.")
    story, proposal, found = run._check(story, Proposal(draft, "A thought.", "model"))
    return (found is accepted), story, proposal, run


def test_a_repair_that_holds_is_taken_with_the_hypothesis_of_its_draft():
    model = Model(repair=["x = 1\ny = 3\n"])
    is_accepted, story, proposal, run = checked(model, "x = 1\ny = 2.5\n", "x = 1\ny = 3\n")
    assert is_accepted
    assert (proposal.source, story.hypothesis) == ("x = 1\ny = 3\n", "A thought.")
    assert [(role, given["line"]) for role, given in model.asked] == [("repair", "2: y = 2.5")]
    assert "a fraction of bars" in model.asked[0][1]["fault"]
    assert len(run.refusals) == 1


def test_after_a_repair_that_changes_nothing_another_strategy_is_written():
    model = Model(repair=["x = 1\n\ny = 2.5\n"], draft=["z = 1\n"])
    is_accepted, story, proposal, run = checked(model, "x = 1\ny = 2.5\n", "z = 1\n")
    assert is_accepted
    assert (proposal.source, story.hypothesis, proposal.summary) == ("z = 1\n", "Another thought.", "Another thought.")
    assert [role for role, _ in model.asked] == ["repair", "draft"]
    assert "a fraction of bars" in model.asked[1][1]["refused"]
    assert "2.5" not in model.asked[1][1]["refused"], "a line that is shown is copied"
    assert len(run.refusals) == 1, "what was not changed is not checked again"


def test_the_last_of_three_times_asks_for_another_strategy():
    model = Model(repair=["a = 1\nb\n", "a = 2\nb\n"], draft=["a = 3\nb\n"])
    is_accepted, _, proposal, run = checked(model, "a = 0\nb\n", "never")
    assert not is_accepted
    assert [role for role, _ in model.asked] == ["repair", "repair", "draft"]
    assert proposal.source == "a = 3\nb\n"
    assert len(run.refusals) == 4


def test_new_ranges_of_a_parent_are_only_ever_repaired():
    model = Model(repair=["a = 0\nb\n", "a = 1\nb\n", "a = 2\nb\n"])
    is_accepted, _, _, _ = checked(model, "a = 0\nb\n", "never", operator="ranges")
    assert not is_accepted
    assert [role for role, _ in model.asked] == ["repair"] * 3


def test_a_run_of_other_ranges_is_titled_by_what_was_changed_and_its_reason_is_its_hypothesis():
    parent = SimpleNamespace(source='PARAMS = {"n": (5, 50)}\n', story=None, run_id="p")
    said = {"reason": "The middle did best.", "ranges": '{"n": [10, 20]}'}
    model = SimpleNamespace(ask=lambda *_, **__: Answer(said, ()))
    loop = SimpleNamespace(
        campaign_id="c", cancelled=threading.Event(), tell=lambda *_: None, spec=draft_spec(small.small_panel(), small.CHOICES)
    )
    run = ModelRun(1, loop, model, Context((), (), (), (), {}, "calm", "", (), {}), Plan("ranges", (parent,)), 1)  # type: ignore[arg-type]
    story = Story(run_id="", operator="ranges", parents=("p",), used=(), steering="")
    story, proposal = run._write(story, Proposal("", "", "model"))
    assert proposal.summary == "Other ranges for n: 10 to 20."
    assert story.hypothesis == "The middle did best."
