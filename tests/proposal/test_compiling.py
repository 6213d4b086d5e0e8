"""Compiling as a search: the better text is found on inputs it has not seen, within its means, and nothing is made up."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence

import pytest

from engine.errors import EngineError, PromptError
from engine.proposal.compiling import Compiled, Example, Scored, compile_prompt, least_calls
from engine.proposal.prompt_book import Prompt
from tests.proposal.prompts import small_prompt

PROMPT = small_prompt("market", "Say what {figures} show.")
GOOD = "Name the figure. Say what {figures} show."


class Bench:
    """Answers whose merit hangs on the text alone, and a coach who has one idea; both count what they are asked."""

    def __init__(self, *texts: str, worth: Mapping[str, float] | None = None) -> None:
        self.texts, self.worth = list(texts), {PROMPT.instructions: 0.25, GOOD: 0.9, **(worth or {})}
        self.asked: list[tuple[str, str]] = []
        self.coached: list[Mapping[str, str]] = []
        self.most = 1_000

    def answers(self, prompt: Prompt, examples: Sequence[Example]) -> list[Scored]:
        if self.is_over(len(examples)):
            self.most = 0
            raise EngineError("no call is left")
        self.asked += [(prompt.instructions, example.call_id) for example in examples]
        return [Scored(self.worth[prompt.instructions], "it was refused: lookahead") for _ in examples]

    def coach(self, inputs: Mapping[str, str]) -> Mapping[str, str]:
        self.coached.append(inputs)
        return {"reason": "Figures were not\nnamed.", "instructions": self.texts[min(len(self.coached), len(self.texts)) - 1]}

    def is_over(self, wanted: int = 1) -> bool:
        return len(self.asked) + len(self.coached) + wanted > self.most

    def check(self, prompt: Prompt) -> None:
        if "{figures}" not in prompt.instructions:
            raise PromptError("the input figures is listed but not used")

    def compile(self, count: int = 8, most: int = 60) -> Compiled:
        examples = [Example(f"c{n}", {"figures": f"f{n}"}, 0.25, "it was refused: policy") for n in range(count)]
        return compile_prompt(
            PROMPT, examples, answers=self.answers, coach=self.coach, check=self.check, most=most, is_over=self.is_over
        )


def test_a_better_text_is_found_and_told_with_what_it_was_worth_before_and_after() -> None:
    bench = Bench(GOOD)
    found = bench.compile()
    assert found.prompt == dataclasses.replace(PROMPT, instructions=GOOD)
    assert (found.before, found.after, found.held_out) == (pytest.approx(0.25), pytest.approx(0.9), 4)
    assert found.reason == "Figures were not named."


def test_reflection_sees_none_of_the_inputs_that_texts_are_compared_on() -> None:
    bench = Bench(GOOD)
    bench.compile()
    measured = {call_id for text, call_id in bench.asked[:4]}
    reflected = {call_id for text, call_id in bench.asked[4:7]}
    assert measured == {"c0", "c2", "c4", "c6"}
    assert reflected.isdisjoint(measured)


def test_the_coach_is_told_the_text_what_its_answers_were_worth_and_the_faults_seen_most() -> None:
    bench = Bench(GOOD)
    bench.compile()
    told = bench.coached[0]
    assert set(told) == {"role", "instructions", "outcomes", "faults"}
    assert told["role"] == "market: a test"
    assert told["instructions"] == PROMPT.instructions
    assert told["outcomes"].count("worth 0.25: it was refused: lookahead (before: it was refused: policy)") == 3
    assert told["faults"] == "- 3 times: it was refused: lookahead"


def test_no_text_is_proposed_that_does_no_better() -> None:
    worse = "Worse: {figures}."
    found = Bench(worse, worth={worse: 0.1}).compile()
    assert (found.prompt, found.before, found.after, found.others) == (None, 0.25, 0.25, 1)


def test_a_text_that_could_not_be_used_is_never_asked_with() -> None:
    bench = Bench("No input at all.", "Nor here.", GOOD)
    found = bench.compile()
    assert {text for text, _ in bench.asked} == {PROMPT.instructions, GOOD}
    assert found.prompt is not None


def test_where_the_coach_has_no_usable_text_none_was_tried() -> None:
    found = Bench("No input at all.").compile()
    assert (found.prompt, found.tried, found.others) == (None, 1, 0)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7, 16])
def test_the_least_calls_are_those_that_one_other_text_takes(count: int) -> None:
    for most, others in ((least_calls(count), 1), (least_calls(count) - 1, 0)):
        bench = Bench(GOOD)
        bench.most = most
        found = bench.compile(count=count)
        assert (found.tried - 1, len(bench.asked) + len(bench.coached) <= most) == (others, True)


def test_it_asks_about_as_often_as_it_may() -> None:
    worse = "Worse: {figures}."
    bench = Bench(worse, worth={worse: 0.1})
    bench.compile(most=30)
    assert 30 <= len(bench.asked) <= 30 + 6


def test_what_was_measured_before_an_early_end_counts() -> None:
    bench = Bench(GOOD, "Later: {figures}.", worth={"Later: {figures}.": 1.0})
    bench.most = 4 + 3 + 1 + 3 + 4
    found = bench.compile()
    assert found.prompt is not None
    assert found.prompt.instructions == GOOD


def test_an_end_before_the_present_text_was_measured_proposes_nothing() -> None:
    bench = Bench(GOOD)
    bench.most = 0
    with pytest.raises(PromptError, match="could not be measured"):
        bench.compile()


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(PromptError, match="1 stored calls of market"):
        Bench(GOOD).compile(count=1)


def test_a_fault_of_the_asking_is_not_hidden() -> None:
    bench = Bench(GOOD)
    del bench.worth[PROMPT.instructions]
    with pytest.raises(KeyError):
        bench.compile()


def test_it_says_nothing_on_standard_output(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Bench(GOOD).compile()
    said = capsys.readouterr()
    assert (said.out, said.err, caplog.records) == ("", "", [])
