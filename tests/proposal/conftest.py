"""A scripted model for each test, and an asker that leads to it and never sleeps."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.model_records import CallPlace, CallRecord, Caps, ModelChoice, Spent
from engine.proposal.asking import Answer, Asker
from engine.proposal.budget import Budget
from engine.proposal.roles import ROLES
from tests.proposal.prompts import small_book
from tests.scripted_model import ScriptedModel

START = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """An asker with everything around it that a test may want to change or look at.

    Waiting passes at once and moves the clock; `at_wait` is called first, with the seconds, and may end it by returning True.
    """

    def __init__(self, server: ScriptedModel) -> None:
        self.server = server
        self.choice: ModelChoice | None = server.choice()
        self.book = small_book()
        self.calls: list[CallRecord] = []
        self.waited: list[float] = []
        self.now = START
        self.environment: dict[str, str] = {}
        self.at_wait: Callable[[float], bool] = lambda _: False
        self.budget = Budget(self.spent, self.spent, caps=Caps())
        self.asker = Asker(
            lambda: self.book,
            lambda: self.choice,
            self.calls.append,
            self.budget,
            clock=lambda: self.now,
            wait=self._wait,
            environment=lambda: self.environment,
        )

    def ask(self, role: str = "draft", place: CallPlace | None = None, **changes: object) -> Answer:
        inputs = {name: f"some {name}" for name in ROLES[role].inputs}
        inputs |= {name: str(text) for name, text in changes.items() if name in inputs}
        options = {name: value for name, value in changes.items() if name not in inputs}
        options = {"seq": lambda: len(self.calls) + 1, "cancelled": threading.Event(), **options}
        return self.asker.ask(role, inputs, place or CallPlace("c1", 1), **options)  # type: ignore[arg-type]

    @property
    def statuses(self) -> list[str]:
        return [call.status for call in self.calls]

    def spent(self, _: str = "") -> Spent:
        tokens = [(call.tokens_in or 0, call.tokens_out or 0) for call in self.calls]
        usd = sum(call.usd or 0.0 for call in self.calls)
        return Spent(len(self.calls), sum(i for i, _ in tokens), sum(o for _, o in tokens), usd)

    def _wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)
        return self.at_wait(seconds)


@pytest.fixture
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel() as running:
        yield running


@pytest.fixture
def desk(server: ScriptedModel) -> Desk:
    return Desk(server)
