"""What each call to the model is given and must answer: the fixed inputs and outputs of the pipeline. All of them are text.

The words that a model reads, these fields' descriptions too, stand in prompts.yaml alone.
"""

from dataclasses import dataclass

_CONTEXT = ("theme", "benchmarks", "market", "ideas", "lessons", "theories", "indicators", "notes", "refused")
_STRATEGY = ("hypothesis", "prediction", "code")


@dataclass(frozen=True)
class Role:
    """One kind of call. `inputs`: what it can be given, of which a prompt may leave some out; `outputs`: what it must answer."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


MARKET = Role("market", ("figures",), ("regime", "mood"))
DRAFT = Role("draft", _CONTEXT, _STRATEGY)
IMPROVE = Role("improve", (*_CONTEXT, "parent_code", "parent_statistics", "parent_review"), _STRATEGY)
CROSSOVER = Role("crossover", (*_CONTEXT, "parent_code", "parent_statistics", "other_code", "other_statistics"), _STRATEGY)
RISK = Role("risk", ("theme", "market", "lessons", "parent_code", "parent_statistics", "parent_review", "refused"), _STRATEGY)
REPAIR = Role("repair", ("code", "fault", "line"), ("change", "code"))
INDICATOR = Role("indicator", ("theme", "market", "indicators", "lessons"), ("name", "description", "code"))
RANGES = Role("ranges", ("code", "statistics"), ("reason", "ranges"))
PORTFOLIO_REVIEW = Role(
    "portfolio_review",
    ("theme", "benchmarks", "hypothesis", "prediction", "statistics", "parent_statistics", "chart"),
    ("review", "next_change"),
)
TRADE_REVIEW = Role("trade_review", ("code", "trades"), ("patterns", "next_change"))
THEORY = Role("theory", ("theories", "results"), ("theory", "disproof", "runs_for", "runs_against"))
LESSON = Role("lesson", ("lessons", "results"), ("lesson", "runs_for", "runs_against"))
COACH = Role("coach", ("role", "instructions", "outcomes", "faults"), ("reason", "instructions"))

ROLES = {
    role.name: role
    for role in (
        MARKET, DRAFT, IMPROVE, CROSSOVER, RISK, REPAIR, INDICATOR, RANGES, PORTFOLIO_REVIEW, TRADE_REVIEW, THEORY, LESSON, COACH,
    )
}  # fmt: skip
