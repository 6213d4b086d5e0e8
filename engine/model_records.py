"""What rooms hand to each other about the language model: whom to ask, what a call said, why a run was tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

CallStatus = Literal[
    "answered", "malformed", "empty", "truncated", "refused", "rate_limited", "server_error", "timeout", "unreachable",
    "rejected", "stopped", "lost",
]  # fmt: skip
"""How a call ended. `malformed`: fields are missing; `truncated`: it ended at the token limit; `refused`: the model would not;
`rejected`: the provider would not (key, money, unknown model, too long); `stopped`: whoever asked was told to end; `lost`: this
program ended before an answer came, and nobody knows what the call has cost."""
AWAY: tuple[CallStatus, ...] = ("rate_limited", "server_error", "timeout", "unreachable")
"""Ends that say nothing of the prompt: the same is asked again."""
UNHEARD: tuple[CallStatus, ...] = ("stopped", "lost")
"""Ends that say nothing of prompt or model: nobody waited for the answer."""
Direction = Literal["up", "down"]
Ladder = Literal["better", "not shown", "worse"]
"""What is told of validation: against the best before, beyond one standard error, or nothing."""
Operator = Literal["draft", "improve", "crossover", "risk", "ranges", "indicator"]
BeliefKind = Literal["lesson", "theory"]


@dataclass(frozen=True)
class ModelChoice:
    """Which model is asked, and where. `model` as litellm names it, such as `openai/gpt-5-mini` or `ollama_chat/qwen3`;
    `api_base` empty: the provider's own. Prices in USD for a million tokens where the model's own is not known. It holds no
    key: those are read from the environment when a call is made."""

    model: str
    api_base: str = ""
    price_in: float | None = None
    price_out: float | None = None
    max_tokens: int = 4_000
    timeout_s: float = 600.0


NO_MODEL = ModelChoice("")
"""Nobody is asked, whatever the environment names."""


@dataclass(frozen=True)
class Caps:
    """Most that may be spent, calls in flight included; None is no cap. Days are UTC.

    Those for all campaigns: a day's bounds all calls together, a campaign's each campaign that has no cap of its own there.
    Those of one campaign bound its calls alone, of a day and altogether; those for all days hold beside them.
    """

    usd_per_day: float | None = None
    tokens_per_day: int | None = None
    calls_per_day: int | None = None
    usd_per_campaign: float | None = None
    tokens_per_campaign: int | None = None
    calls_per_campaign: int | None = None


@dataclass(frozen=True)
class Spent:
    """What calls have cost. `usd` counts those with a known price; `unpriced_calls` have none."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0


@dataclass(frozen=True)
class CallPlace:
    """What a call is made for. `number`: the run's, 0 if it is for none. `origin`: loop, replay, compile, or trial."""

    campaign_id: str
    number: int
    origin: str = "loop"


@dataclass(frozen=True)
class CallRecord:
    """One request to a model and what came back, whole.

    `seq` counts the calls of a run from 1. `inputs`: what was filled in, by field; `prompt`: the messages as sent, as JSON text
    of [{"role", "content"}]; `reply`: as it came; `fields`: what was read out of it. `attempt` counts from 1 how often the same
    was asked. Tokens None: the provider did not say; `usd` None: no price is known. `latency_s` and `at_utc` are no results.
    `sent_id` is that of the `SentCall` that it ends.
    """

    call_id: str
    place: CallPlace
    seq: int
    role: str
    prompt_version: str
    model: str
    inputs: Mapping[str, str]
    prompt: str
    reply: str
    fields: Mapping[str, str]
    status: CallStatus
    problem: str
    attempt: int
    tokens_in: int | None
    tokens_out: int | None
    usd: float | None
    latency_s: float
    at_utc: datetime
    sent_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class SentCall:
    """A call that is on its way, as it is kept before it is sent: should no end of it ever be recorded, it counts as it stands
    here. Tokens and `usd` (None: no price is known) are the most that it is expected to take."""

    sent_id: str
    place: CallPlace
    role: str
    prompt_version: str
    model: str
    tokens_in: int
    tokens_out: int
    usd: float | None
    at_utc: datetime


@dataclass(frozen=True)
class Refusal:
    """A draft of a run that was refused and went back to the model."""

    kind: str
    message: str
    line: int | None = None


@dataclass(frozen=True)
class Story:
    """Why a run of the model arm was tried and what came of it.

    `parents`: run ids, none for a draft, two for a crossover. `predicted_figure` (a name of `figures.PORTFOLIO_FIGURES`, or
    empty) was to go in `predicted_direction`; `prediction_held` None: nothing was predicted, or there is nothing to compare.
    `pack`: the statistics that the model was given; `review`, `patterns`: what its reviewers said of portfolio and trades;
    `next_change`: what they want next; `ladder`: the one word on validation. `is_kept`: it beats its parent (the first: it
    ran) on folds of train; `verdict` says why. `refusals`: of its drafts. `used`: ids of ideas, lessons and theories that the
    writer was shown. `market`: what the market was said to be like. `steering`: a person's note that led to it.
    """

    run_id: str
    operator: Operator
    parents: tuple[str, ...] = ()
    hypothesis: str = ""
    predicted_figure: str = ""
    predicted_direction: Direction = "up"
    prediction_held: bool | None = None
    pack: str = ""
    review: str = ""
    patterns: str = ""
    next_change: str = ""
    ladder: Ladder | None = None
    is_kept: bool | None = None
    verdict: str = ""
    refusals: tuple[Refusal, ...] = ()
    used: tuple[str, ...] = ()
    market: str = ""
    steering: str = ""


@dataclass(frozen=True)
class Idea:
    """A thought or an article that a writer may be shown. `weight` > 0: how often, against the others."""

    idea_id: str
    title: str
    text: str
    weight: float = 1.0
    expires: datetime | None = None


@dataclass(frozen=True)
class Belief:
    """A lesson or a theory. `disproof`: what would disprove a theory. `runs_for`, `runs_against`: ids of runs; `regime`: words
    on the market in which it was found. A muted one is shown to no writer, a pinned one never fades."""

    belief_id: str
    kind: BeliefKind
    text: str
    disproof: str = ""
    theme: str = ""
    regime: str = ""
    runs_for: tuple[str, ...] = ()
    runs_against: tuple[str, ...] = ()
    is_pinned: bool = False
    is_muted: bool = False


@dataclass(frozen=True)
class Steering:
    """What a person wants next. `kind`: continue (from that run, for so many generations, None for ever), never (that run is
    no parent any more), try (the note is shown to the next writer)."""

    seq: int
    kind: Literal["continue", "never", "try"]
    run_id: str | None = None
    note: str = ""
    generations: int | None = None
