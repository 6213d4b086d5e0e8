"""The market is put into words once: by the first run that gets an answer, whichever thread is first; the others take its."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from engine.proposal.asking import AskingEnded, ReplyFault
from engine.research.market_words import MarketTurn, MarketWords
from tests.patience import LONG_S


class Model:
    """Says its words when it is let, and counts who asked."""

    def __init__(self, *fails: int) -> None:
        self.asked: list[int] = []
        self._fails = fails
        self.let = threading.Event()

    def ask(self, number: int) -> str:
        self.asked.append(number)
        assert self.let.wait(LONG_S)
        if number in self._fails:
            raise ReplyFault("malformed", "no fields")
        return f"calm, says run {number}"


def runs(words: MarketWords, model: Model, threads: ThreadPoolExecutor, numbers: range) -> list["Future[str]"]:
    """Runs that enter in the order of their numbers, and come to ask in the opposite one."""

    def work(number: int, turn: MarketTurn) -> str:
        try:
            return turn.words(lambda: model.ask(number), threading.Event())
        finally:
            turn.leave()

    turns = [(number, words.enter("v1")) for number in numbers]
    return [threads.submit(work, *one) for one in reversed(turns)][::-1]


@pytest.mark.parametrize(("fails", "asked"), [((), [1]), ((1, 2), [1, 2, 3])])
def test_the_first_run_that_gets_an_answer_gives_it_to_all(fails: tuple[int, ...], asked: list[int]) -> None:
    model = Model(*fails)
    with ThreadPoolExecutor(4) as threads:
        found = runs(MarketWords(lambda _: ""), model, threads, range(1, 5))
        model.let.set()
        told = [future.exception(LONG_S) or future.result() for future in found]
    assert model.asked == asked
    assert [isinstance(words, ReplyFault) for words in told] == [number in fails for number in range(1, 5)]
    assert {words for words in told if isinstance(words, str)} == {f"calm, says run {asked[-1]}"}


def test_another_text_of_the_prompt_is_asked_anew_and_what_the_ledger_holds_is_not() -> None:
    none = threading.Event()
    words = MarketWords(lambda version: {"v1": "stormy"}.get(version, ""))
    assert words.enter("v1").words(lambda: "never asked", none) == "stormy"
    assert words.enter("v2").words(lambda: "calm", none) == "calm"
    assert words.enter("v2").words(lambda: "never asked", none) == "calm"
    assert words.enter("v1").words(lambda: "never asked", none) == "stormy"


def test_a_run_that_is_told_to_end_waits_no_more() -> None:
    words, cancelled = MarketWords(lambda _: ""), threading.Event()
    words.enter("v1")
    second = words.enter("v1")
    cancelled.set()
    with pytest.raises(AskingEnded):
        second.words(lambda: "never asked", cancelled)


def test_a_run_that_gives_up_its_place_lets_the_next_one_ask() -> None:
    words = MarketWords(lambda _: "")
    first, second = words.enter("v1"), words.enter("v1")
    first.leave()
    assert second.words(lambda: "calm", threading.Event()) == "calm"
