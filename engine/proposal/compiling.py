"""Compiling a prompt: GEPA looks for instructions that do better on stored inputs (Agrawal et al. 2025, arXiv:2507.19457).

GEPA is one of DSPy's optimizers. Its search is used here without DSPy's wrapping, which asks a slow model twice, draws bars on
standard output, and holds texts for the model of its own: here answers are asked for like all others, through DSPy, the budget
and the record, and the text that reflects on them is the coach's of prompts.yaml.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.errors import PromptError
from engine.proposal.prompt_book import Prompt

MINIBATCH = 3
"""Examples on which a new text must beat its parent before it is measured on all."""
LEAST = 2
"""Fewer examples say nothing."""
_ENOUGH_TO_SPLIT = 6
_PART = "instructions"
_MAX_TOLD = 300


@dataclass(frozen=True)
class Example:
    """A stored call's inputs. `merit`: what the stored answer was worth, from 0 to 1; `outcome`: what came of it, in words."""

    call_id: str
    inputs: Mapping[str, str]
    merit: float
    outcome: str


@dataclass(frozen=True)
class Scored:
    """What one new answer is worth, from 0 to 1, and why, in words."""

    merit: float
    told: str


@dataclass(frozen=True)
class Compiled:
    """What came of a compile. `prompt`: the better one, None if none was found; `before`, `after`: mean merit of the text in
    force and of the best one on the same `held_out` inputs; `tried`: texts measured on all of them; `others`: texts beside the
    one in force that were asked with at all; `reason`: the coach's."""

    prompt: Prompt | None
    before: float
    after: float
    held_out: int
    tried: int
    others: int
    reason: str = ""


Answers = Callable[[Prompt, Sequence[Example]], Sequence[Scored]]
"""Asks with that prompt and those inputs, and scores what comes back. What it raises ends the search."""
Coach = Callable[[Mapping[str, str]], Mapping[str, str]]
"""Asks the coach; raises where it gave no usable reply."""


def least_calls(count: int) -> int:
    """Calls without which no other text can be tried on so many examples: the text in force on those held out and on those that
    the coach is told of, the coach, and the other text on the same.

    >>> least_calls(16)
    23
    """
    is_split = count >= _ENOUGH_TO_SPLIT
    held_out, seen = (count - count // 2, count // 2) if is_split else (count, count)
    told = min(MINIBATCH, seen)
    again = held_out if is_split or told < seen else 0  # what the coach is told of are all there are
    return held_out + told + 1 + told + again


def compile_prompt(
    prompt: Prompt, examples: Sequence[Example], *, answers: Answers, coach: Coach, check: Callable[[Prompt], object], most: int,
    is_over: Callable[[], bool] = lambda: False, seed: int = 1,
) -> Compiled:  # fmt: skip
    """The best instructions for that role found with about `most` answers: those with the highest mean merit on inputs that no
    reflection has seen (half of the examples; all of them where there are few).

    `check` raises PromptError for a text that could not be used. Ends early when `is_over()`; what `answers` raises then counts
    as the end. Raises PromptError for too few examples, and if it ended before the text in force was measured.
    """
    if len(examples) < LEAST:
        raise PromptError(f"{len(examples)} stored calls of {prompt.role} can be asked again; wanted at least {LEAST}")
    from gepa.api import optimize  # 0.1 s that nobody else needs to pay

    is_split = len(examples) >= _ENOUGH_TO_SPLIT
    seen, held_out = (examples[1::2], examples[::2]) if is_split else (examples, examples)
    search: Any = _Search(prompt, answers, coach, check)
    try:
        optimize(
            {_PART: prompt.instructions}, list(seen), list(held_out), search, skip_perfect_score=True,
            reflection_minibatch_size=min(MINIBATCH, len(seen)), max_metric_calls=most, stop_callbacks=[lambda _: is_over()],
            logger=_Silent(), track_best_outputs=False, seed=seed,
        )  # fmt: skip
    except Exception:
        if not is_over():
            raise
    found: Compiled = search.result(held_out)
    return found


@dataclass
class _Search:
    """GEPA's adapter: how a text is tried, and how the next one is come by."""

    prompt: Prompt
    answers: Answers
    coach: Coach
    check: Callable[[Prompt], object]
    merits: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        """Merits of the text's answers to a batch of examples."""
        from gepa.core.adapter import EvaluationBatch

        text = candidate[_PART]
        scored = self.answers(replace(self.prompt, instructions=text), batch)
        for example, score in zip(batch, scored, strict=True):
            self.merits.setdefault(text, {}).setdefault(example.call_id, []).append(score.merit)
        told = list(zip(batch, scored, strict=True)) if capture_traces else None
        return EvaluationBatch(outputs=[s.told for s in scored], scores=[s.merit for s in scored], trajectories=told)

    def make_reflective_dataset(
        self, candidate: dict[str, str], evaluated: Any, parts: list[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """What the coach may know of a batch: what the new answers were worth, and what the stored one was."""
        return {_PART: [{"example": example, "scored": scored} for example, scored in evaluated.trajectories]}

    def propose_new_texts(
        self, candidate: dict[str, str], dataset: Mapping[str, Sequence[Mapping[str, Any]]], parts: list[str]
    ) -> dict[str, str]:
        """The coach's next text. Raises PromptError if it could not be used; GEPA goes on with other examples then."""
        lines = [
            f"- worth {row['scored'].merit:.2f}: {row['scored'].told[:_MAX_TOLD]} (before: {row['example'].outcome[:_MAX_TOLD]})"
            for row in dataset[_PART]
        ]
        faults = Counter(row["scored"].told[:_MAX_TOLD] for row in dataset[_PART] if row["scored"].merit < 0.75)
        said = self.coach({
            "role": f"{self.prompt.role}: {self.prompt.purpose}",
            "instructions": candidate[_PART],
            "outcomes": f"{len(lines)} replies; worth from 0 to 1\n" + "\n".join(lines),
            "faults": "\n".join(f"- {count} times: {told}" for told, count in faults.most_common()),
        })  # fmt: skip
        proposed = replace(self.prompt, instructions=said[_PART])
        self.check(proposed)
        self.reasons.setdefault(proposed.instructions, " ".join(said["reason"].split()))
        return {_PART: proposed.instructions}

    def result(self, held_out: Sequence[Example]) -> Compiled:
        """The best of the texts that were measured on all held-out examples; of equals the one in force, then the first."""
        means = {}
        for text, merits in self.merits.items():
            if all(example.call_id in merits for example in held_out):
                each = [sum(merits[e.call_id]) / len(merits[e.call_id]) for e in held_out]
                means[text] = sum(each) / len(each)
        now = self.prompt.instructions
        if now not in means:
            raise PromptError(f"the text of {self.prompt.role} that is in force could not be measured; nothing is proposed")
        best = max(means, key=lambda text: (means[text], text == now))
        better = None if best == now else replace(self.prompt, instructions=best)
        return Compiled(
            better, means[now], means[best], len(held_out), len(means), len(self.merits) - 1, self.reasons.get(best, "")
        )


class _Silent:
    """Where GEPA tells its progress to; the calls are in the ledger."""

    def log(self, message: str) -> None: ...
