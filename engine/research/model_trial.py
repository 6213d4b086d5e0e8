"""One small call to a model, to see whether it answers: recorded like every other, and counted against the caps."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.errors import CampaignError, EngineError
from engine.model_records import CallPlace, CallRecord, ModelChoice
from engine.proposal.asking import Asker, AskingEnded, ReplyFault
from engine.proposal.budget import Budget
from engine.proposal.language_model import problem_of
from engine.proposal.prompt_book import PromptBook
from engine.proposal.roles import MARKET

FIGURES = "bars: 1,000; volatility a bar: 1.2 %; autocorrelation: 0.00; variance ratio: 1.05; correlation between assets: 0.40"
"""What the model is asked to put into words: made up, for the trial says nothing of a market."""
PLACE = CallPlace("", 0, "trial")


@dataclass(frozen=True)
class Trial:
    """The latest trial. `call`: what came back, None while it is on its way or if none was made; `problem`: why not."""

    choice: ModelChoice
    call: CallRecord | None = None
    problem: str = ""

    @property
    def is_done(self) -> bool:
        return self.call is not None or bool(self.problem)


class Trials:
    """Tries models, one at a time, in a thread of its own that `close` ends. Safe from any thread.

    The other arguments are those of `Asker`, whose work this is; a trial makes one attempt and waits for nothing.
    """

    def __init__(self, book: Callable[[], PromptBook], record: Callable[[CallRecord], None], budget: Budget) -> None:
        self._book, self._record, self._budget = book, record, budget
        self._lock = threading.Lock()
        self._latest: Trial | None = None
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()

    @property
    def latest(self) -> Trial | None:
        """The trial that was begun last, None if there was none."""
        with self._lock:
            return self._latest

    def begin(self, choice: ModelChoice) -> None:
        """Try that model; returns at once. While a trial is on its way no other is begun. Raises CampaignError for what
        cannot be the name or the address of a model: a trial is recorded."""
        if problem := problem_of(choice):
            raise CampaignError(problem)
        with self._lock:
            if self._latest is not None and not self._latest.is_done:
                return
            self._latest, self._cancelled = Trial(choice), threading.Event()
            self._thread = threading.Thread(target=self._try, args=(choice, self._cancelled), name="model trial", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the trial that is on its way."""
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join()

    def _try(self, choice: ModelChoice, cancelled: threading.Event) -> None:
        """The thread: one call, whatever becomes of it."""
        calls: list[CallRecord] = []
        holds = ["other calls are in flight, and the caps leave no room for one more; try again"]

        def record(call: CallRecord) -> None:
            calls.append(call)
            cancelled.set()  # one attempt, not the three that a run may make
            self._record(call)

        def wait(_: float) -> bool:
            if asker.trouble is not None:
                holds.append(asker.trouble.message)
            return True

        asker = Asker(self._book, lambda: choice, record, self._budget, clock=lambda: datetime.now(UTC), wait=wait)
        problem = ""
        try:
            asker.ask(MARKET.name, {"figures": FIGURES}, PLACE, seq=lambda: 1, cancelled=cancelled)
        except (AskingEnded, ReplyFault):  # what the call says, or what held it
            problem = "" if calls else holds[-1]
        except EngineError as error:
            problem = str(error)
        except Exception as error:  # the thread's border: a fault here must be shown, not lost with the thread
            problem = f"an unexpected fault, {type(error).__name__}: {error}; please report it"
        with self._lock:
            self._latest = Trial(choice, calls[0] if calls else None, problem)
