"""Running strategy code outside this process: slots, each a fork server that answers one order at a time.

A child is used once: a separate process with limits on CPU seconds, memory and output, no inherited environment, one window of
data, and the walls of `cage` round it; `isolation` says which of them stand on this machine.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from engine.records import Failure, ParamRange, Params, Signals
from engine.settings import Limits
from engine.strategy import wire
from engine.strategy.contract import MAX_LINES
from engine.strategy.slot import WALLS, Cancelled, ChildEnded, SandboxBroken, Slot
from engine.strategy.window_data import SealedWindow

__all__ = ["Cancelled", "SandboxBroken", "SandboxPool"]

MAX_SOURCE = 64 << 10
SETS_PER_CHILD = 1_000
"""Bounds the order that one child is sent."""
MAX_ENDED = 3
"""So many children may be ended by parameter sets of one call before the rest of its sets is given up."""
_TEXT_CAP = 1 << 20
_CLOSE_S = 10.0

T = TypeVar("T")


class SandboxPool:
    """The slots of a process, handed to one thread each. Closing it ends all their processes; it cannot be used again."""

    def __init__(self, slots: int, limits: Limits, *, walls: tuple[str, ...] = WALLS) -> None:
        self.slots = slots
        self._free: list[Slot] = [Slot(limits, walls) for _ in range(slots)]
        self._all = tuple(self._free)
        self._condition = threading.Condition()
        self._closed = False

    @contextlib.contextmanager
    def _slot(self) -> Iterator[Slot]:
        """A free slot, waited for. Raises Cancelled if the pool is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._free or self._closed)
            if self._closed:
                raise Cancelled("the work was stopped: the processes for strategy code are closed")
            taken = self._free.pop()
        try:
            yield taken
        finally:
            with self._condition:
                self._free.append(taken)
                self._condition.notify_all()

    def warm(self) -> None:
        """Start the process of a free slot before it is needed; what goes wrong is told when it is needed."""
        with contextlib.suppress(Cancelled, SandboxBroken), self._slot() as slot:
            slot.start()

    def close(self) -> None:
        """End every process of the pool, from any thread; work that still goes on raises Cancelled."""
        with self._condition:
            self._closed = True
            for slot in self._all:
                slot.stop()
            self._condition.notify_all()
            self._condition.wait_for(lambda: len(self._free) == len(self._all), _CLOSE_S)
        for slot in self._all:
            slot.close()

    def ranges(self, source: str) -> tuple[ParamRange, ...] | Failure:
        """The parameter ranges that a source declares, or why it has none."""
        if failure := _too_large(source):
            return failure
        with self._slot() as slot:
            try:
                with contextlib.closing(slot.ask({"source": source, "salt": 0}, None, cap=_TEXT_CAP)) as messages:
                    for kind, body in messages:
                        if kind == wire.RANGES:
                            return _read(wire.unpack_ranges, body)
                        if kind == wire.REFUSED:
                            return _read(wire.unpack_failure, body)
                        break
            except ChildEnded as ended:
                return ended.failure
        return _NO_ANSWER

    def signals(
        self,
        source: str,
        params: Sequence[Params],
        data: SealedWindow,
        *,
        salt: int = 0,
        sides: str = "both",
        cancelled: threading.Event | None = None,
        says_why: bool = True,
    ) -> Iterator[Signals | Failure]:
        """Signals, or a failure, of each parameter set in its order, as they come; with sides "long" without the short ones.

        With `says_why` False a failure is its kind and nothing else: its text could carry what the child has seen, so none
        may come back from a window that whoever reads it must not know.

        A set that ends its child (endless loop, crash) costs that set alone, and the next goes on in a new child; after
        MAX_ENDED such sets, or when the module itself fails or ends its child, all that are left get the same failure.
        Raises Cancelled when the event is set or the pool closed meanwhile, SandboxBroken when no process can be had.
        """
        if failure := _too_large(source):
            yield from (failure for _ in params)
            return
        order = _order(source, data, salt, sides)
        with self._slot() as slot, contextlib.closing(_Work(slot, order, data, cancelled).answers(params)) as answers:
            yield from answers if says_why else (_silent(a) if isinstance(a, Failure) else a for a in answers)

    def lines(
        self, source: str, params: Params, data: SealedWindow, asset: int, *, salt: int = 0, sides: str = "both"
    ) -> tuple[float, dict[str, np.ndarray]] | Failure:
        """(price scale, lines) of the asset of that number, or why there are none: what `plot` holds for it, by name.

        A line has one float for each bar of the window behind its lead-in, NaN where nothing is to be drawn. The strategy has
        seen the asset's prices times the scale, a power of two that another salt may change.

        Lines and the text of a failure carry what the child has seen: ask on a window only whose bars their reader may know.
        """
        bars = data.rows - data.lead_in
        order = _order(source, data, salt, sides) | {"params": [params], "lines": asset}
        return self._told(order, data, wire.LINES, lambda body: wire.unpack_lines(body, bars), MAX_LINES * bars)

    def states(
        self, source: str, params: Params, data: SealedWindow, bars: np.ndarray, assets: np.ndarray, *, salt: int = 0,
        sides: str = "both",
    ) -> tuple[np.ndarray, dict[str, np.ndarray]] | Failure:  # fmt: skip
        """(price scales (assets,), values by label), or why there are none: what each call of `ta` came to at the cells given by
        `bars` of the window behind its lead-in and by the number of an asset; NaN where it has no value.

        The strategy has seen each asset's prices times its scale. As with lines: ask on a window only whose bars the reader may
        know.
        """
        order = _order(source, data, salt, sides) | {"params": [params], "states": [bars.tolist(), assets.tolist()]}
        room = data.assets + wire.MAX_STATES * len(bars)
        return self._told(order, data, wire.VALUES, lambda body: wire.unpack_values(body, data.assets, len(bars)), room)

    def _told(
        self, order: dict[str, Any], data: SealedWindow, kind: bytes, unpack: Callable[[memoryview], T], floats: int
    ) -> T | Failure:
        """The one message of that kind that answers the order's one parameter set, of at most so many floats."""
        if failure := _too_large(order["source"]):
            return failure
        ran = False
        with self._slot() as slot:
            try:
                with contextlib.closing(slot.ask(order, data.fd, cap=_TEXT_CAP + floats * 8)) as messages:
                    for said, body in messages:
                        if said == kind:
                            return _read(unpack, body)
                        if said in (wire.REFUSED, wire.FAILURE):
                            return _read(wire.unpack_failure, body)
                        if said != wire.RANGES or ran:
                            break
                        ran = True
            except ChildEnded as ended:
                return ended.failure
        return _NO_ANSWER


class _Work:
    """The parameter sets of one call on one slot. `common`: the failure of all sets that are still left."""

    def __init__(self, slot: Slot, order: dict[str, Any], data: SealedWindow, cancelled: threading.Event | None) -> None:
        self._slot, self._order, self._data, self._cancelled = slot, order, data, cancelled
        self._ended = 0
        self.common: Failure | None = None

    def answers(self, params: Sequence[Params]) -> Generator[Signals | Failure]:
        """One answer a set, from as many children as it takes."""
        done = 0
        while done < len(params) and self.common is None:
            with contextlib.closing(self._one_child(params[done : done + SETS_PER_CHILD])) as answers:
                for answer in answers:
                    done += 1
                    yield answer
        yield from (self.common or _NO_ANSWER for _ in range(done, len(params)))

    def _one_child(self, params: Sequence[Params]) -> Generator[Signals | Failure]:
        """What one child answers: for each set in turn, the one that ended it included; or nothing, and then `common` is set."""
        left, ran = len(params), False
        before: Signals | None = None
        order = {**self._order, "params": list(params)}
        asked = self._slot.ask(order, self._data.fd, cap=_signals_cap(self._data), cancelled=self._cancelled)
        try:
            with contextlib.closing(asked) as messages:
                for kind, body in messages:
                    if not ran and kind == wire.REFUSED:
                        self.common = _read(wire.unpack_failure, body)
                        return
                    if not ran and kind == wire.RANGES:
                        ran = True
                    elif ran and left and kind in (wire.SIGNALS, wire.FAILURE):
                        answer = self._read(kind, body, before)
                        before = answer if isinstance(answer, Signals) else before
                        left -= 1
                        yield answer
                    else:  # only code that writes to the pipe itself speaks out of turn
                        raise ChildEnded(_NO_ANSWER)
        except ChildEnded as child:
            self._ended += 1
            if not ran or self._ended == MAX_ENDED:
                self.common = self.common or child.failure
            elif left:
                yield child.failure
        else:
            if left and self.common is None:
                self.common = _NO_ANSWER

    def _read(self, kind: bytes, body: memoryview, before: Signals | None) -> Signals | Failure:
        """What one set is answered. Raises ChildEnded if that is malformed, or has a side that was not asked for."""
        answer = _read_signals(kind, body, self._data, before)
        has_shorts = isinstance(answer, Signals) and (answer.short_entries is not None or answer.short_exits is not None)
        if has_shorts and self._order["sides"] == "long":
            raise ChildEnded(Failure("output", "what came back has a short side that was not asked for"))
        return answer


def _silent(failure: Failure) -> Failure:
    return Failure(failure.kind, "no more is told from a window behind train")


_NO_ANSWER = Failure("output", "the process ended without an answer; a strategy must not write to open files")


def _too_large(source: str) -> Failure | None:
    size = len(source.encode(errors="replace"))
    if size <= MAX_SOURCE:
        return None
    return Failure("contract", f"the source has {size} bytes; wanted at most {MAX_SOURCE}: take out what is no trading logic")


def _order(source: str, data: SealedWindow, salt: int, sides: str) -> dict[str, Any]:
    """What a child is asked on that window, without the parameter sets."""
    return {"source": source, "salt": salt, "sides": sides, "header": json.dumps(data.header())}


def _signals_cap(data: SealedWindow) -> int:
    """More bytes than signals of that shape can have: four bits, five floats and a tag for each cell."""
    return _TEXT_CAP + data.rows * data.assets * (5 * 8 + 2)


def _read_signals(kind: bytes, body: memoryview, data: SealedWindow, before: Signals | None) -> Signals | Failure:
    if kind == wire.FAILURE:
        return _read(wire.unpack_failure, body)
    return _read(lambda b: wire.unpack_signals(b, data.rows - data.lead_in, data.assets, before), body)


def _read(unpack: Callable[[memoryview], T], body: memoryview) -> T:
    """The unpacked message. Raises ChildEnded for a malformed one: whoever said it is not listened to any more."""
    try:
        return unpack(body)
    except wire.WireError as error:
        raise ChildEnded(Failure("output", f"what came back is no answer of the contract: {error}")) from error
