"""One request to a model: what is sent, and how it ended."""

import base64
import errno
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from engine.model_records import CallStatus, ModelChoice
from engine.proposal.adapter import PROMPT_TEXT, fault_in, is_refusal, lenient_adapter, read_fields
from engine.proposal.language_model import load_dspy, open_model, price_of
from engine.proposal.prompt_book import Prompt

CHART = "chart"
_PICTURE_TOKENS = 1_600
_LETTERS_PER_TOKEN = 3  # code and figures take more tokens than prose; a guess for room in the budget, never a result
_GLANCE_S = 0.1
_END = 40  # letters in which a reply's last mark stands
_ADVICE = re.compile(r"\n\n  (?:To fix:|credential came from)")
_TOO_LONG = re.compile(r"context (?:length|size|window)|prompt is too long|too many (?:input )?tokens", re.IGNORECASE)
_NO_WAY = frozenset({errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})


@dataclass(frozen=True)
class Request:
    """A filled prompt. `outputs`: the prompt's names of the fields by the names that the model sees; `shown`: the messages as
    JSON text, a picture told by its hash.
    """

    signature: Any
    values: Mapping[str, Any]
    outputs: Mapping[str, str]
    temperature: float | None
    shown: str
    tokens_guess: int


@dataclass(frozen=True)
class Outcome:
    """How a request ended; of the figures None is what nobody said. `is_too_long`: rejected for its length alone."""

    status: CallStatus
    problem: str = ""
    reply: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    tokens_in: int | None = None
    tokens_out: int | None = None
    usd: float | None = None
    latency_s: float = 0.0
    retry_after_s: float | None = None
    is_too_long: bool = False


def fill(prompt: Prompt, inputs: Mapping[str, str], *, image: bytes | None = None) -> Request:
    """The prompt with its inputs: constant text first, then the inputs in the prompt's order, so that prefix caches work.

    DSPy knows a field by its name alone: an input that has the name of an output (the code to repair) is sent as `given_…`,
    an output that has a name of DSPy's own (the coach's instructions) is asked for as `new_…`.
    A prompt that lists `chart` gets the PNG, if there is one. Raises KeyError for an input that the prompt lists and nobody gave.
    """
    dspy = load_dspy()
    own = {name: f"new_{name}" if hasattr(dspy.Signature, name) else name for name in prompt.outputs}
    names = {name: f"given_{name}" if name in own or hasattr(dspy.Signature, name) else name for name in prompt.inputs}
    values: dict[str, Any] = {names[name]: inputs[name] for name in prompt.inputs if name != CHART}
    fields: dict[str, Any] = {names[n]: (str, dspy.InputField(desc=text)) for n, text in prompt.inputs.items() if n != CHART}
    if CHART in prompt.inputs and image is not None:
        values[CHART] = dspy.Image(f"data:image/png;base64,{base64.b64encode(image).decode()}")
        fields[CHART] = (dspy.Image, dspy.InputField(desc=prompt.inputs[CHART]))
    fields |= {own[name]: (str, dspy.OutputField(desc=text)) for name, text in prompt.outputs.items()}
    told = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), prompt.instructions)
    signature = dspy.Signature(fields, told.strip())
    shown = json.dumps(_without_pictures(lenient_adapter().format(signature, [], values)), ensure_ascii=False)
    guess = len(shown) // _LETTERS_PER_TOKEN + (_PICTURE_TOKENS if CHART in values else 0)
    return Request(signature, values, {seen: name for name, seen in own.items()}, prompt.temperature, shown, guess)


def _without_pictures(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _without_pictures(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_without_pictures(value) for value in part]
    if isinstance(part, str) and part.startswith("data:image/"):
        return f"picture, sha256 {hashlib.sha256(part.encode()).hexdigest()[:16]}"
    return part


def send(request: Request, choice: ModelChoice, *, environment: Mapping[str, str], is_ended: Callable[[], bool]) -> Outcome:
    """Sends it and waits for the end, `choice.timeout_s` at most, or until `is_ended()`, which ends it as `stopped`.

    The request runs in a thread of its own: a server that drips would keep a read open for ever. One given up is left to its
    socket's own time limit. Raises whatever is not the model's or its server's doing.
    """
    ended: list[Outcome | BaseException] = []
    has_ended = threading.Event()

    def work() -> None:
        try:
            ended.append(_exchange(request, choice, environment))
        except BaseException as error:  # told to the caller below
            ended.append(error)
        finally:
            has_ended.set()

    began = time.perf_counter()
    threading.Thread(target=work, name="model call", daemon=True).start()
    while not has_ended.wait(_GLANCE_S):
        waited = time.perf_counter() - began
        if is_ended():
            return Outcome("stopped", "told to end before an answer came", latency_s=waited)
        if waited > choice.timeout_s:
            return Outcome("timeout", f"no answer within {choice.timeout_s:g} s", latency_s=waited)
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def _exchange(request: Request, choice: ModelChoice, environment: Mapping[str, str]) -> Outcome:
    dspy = load_dspy()
    errors = dspy.utils.exceptions
    began = time.perf_counter()
    history: list[dict[str, Any]] = []
    try:
        with open_model(choice, temperature=request.temperature, environment=environment) as (model, history):  # noqa: SIM117
            with dspy.context(lm=model, adapter=lenient_adapter(), trace=None, callbacks=[]):
                dspy.Predict(request.signature)(**request.values)
    except errors.AdapterParseError:
        pass  # what is wrong with the reply is told below, from the reply
    except errors.LMError as error:
        if not history:
            return _broken_off(error, time.perf_counter() - began)
    return _read(history[-1], request.outputs, choice, time.perf_counter() - began)


def _read(entry: Mapping[str, Any], outputs: Mapping[str, str], choice: ModelChoice, latency_s: float) -> Outcome:
    """What came back, judged: answered, empty, truncated, refused or malformed."""
    answer = entry["outputs"][0] if entry["outputs"] else None
    reply = str((answer.get("text") if isinstance(answer, dict) else answer) or "")
    usage = entry["usage"]
    tokens_in, tokens_out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    fields = read_fields(reply, tuple(outputs))
    status, problem = _judge(reply, fields, tuple(outputs), _end_of(entry["response"]))
    usd = entry["cost"] if entry["cost"] is not None else _cost(choice, tokens_in, tokens_out)
    named = {outputs[seen]: value for seen, value in fields.items()}
    return Outcome(status, problem, reply, named, tokens_in, tokens_out, usd, latency_s)


def _judge(reply: str, fields: Mapping[str, str], outputs: tuple[str, ...], end: str) -> tuple[CallStatus, str]:
    if end == "length" and "## completed ##" not in (reply[-_END:] if PROMPT_TEXT in outputs else reply):
        return "truncated", f"the reply was cut off after {len(reply):,} letters, at the limit of tokens"
    fault = fault_in(fields, outputs)
    if end == "content_filter" or (fault and is_refusal(reply)):
        return "refused", f"the model refused: {_beginning(reply) or 'its provider filtered the reply'}"
    if not reply.strip():
        return "empty", "the reply is empty"
    return ("malformed", fault) if fault else ("answered", "")


def _beginning(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 200 else f"{words[:200]}…"


def _end_of(response: Any) -> str:
    """Why the reply ended, of DSPy's own or of litellm's response."""
    choices = getattr(response, "choices", None) or [response]
    return str(getattr(choices[0], "finish_reason", "") or "")


def _cost(choice: ModelChoice, tokens_in: int | None, tokens_out: int | None) -> float | None:
    prices = price_of(choice)
    if prices is None or tokens_in is None or tokens_out is None:
        return None
    return (tokens_in * prices[0] + tokens_out * prices[1]) / 1e6


def _broken_off(error: Any, latency_s: float) -> Outcome:
    """No reply at all: whose doing it is decides whether the same is asked again. What the server's number says goes before what
    DSPy has read out of its words: a limit of tokens a minute is no limit of the context."""
    known = load_dspy().utils.exceptions
    ends: tuple[tuple[Any, CallStatus], ...] = (
        (known.LMRateLimitError, "rate_limited"),
        (known.LMTimeoutError, "timeout"),
        ((known.LMServerError, known.LMUnexpectedError), "server_error"),
        (known.LMTransportError, "unreachable"),
    )
    status: CallStatus = next((status for kind, status in ends if isinstance(error, kind)), "rejected")
    if type(error) is known.LMProviderError:  # what came is not even the provider's language: a proxy between
        status = "server_error"
    if status == "unreachable" and "timed out" in str(error).lower():
        status = "timeout"
    passing = {429: "rate_limited", 503: "server_error", 529: "server_error"}.get(error.status)
    problem = _own_words(error.message)
    is_too_long = isinstance(error, known.ContextWindowExceededError) or bool(_TOO_LONG.search(problem))
    nothing: dict[str, Any] = {}
    if _was_never_sent(error):  # which litellm calls a server's error
        status, nothing = "unreachable", {"tokens_in": 0, "tokens_out": 0, "usd": 0.0}
    return Outcome(
        cast(CallStatus, passing or ("rejected" if is_too_long else status)),
        _beginning(problem) or type(error).__name__,
        **nothing,
        latency_s=latency_s,
        retry_after_s=error.retry_after,
        is_too_long=is_too_long and not passing,
    )


def _own_words(message: str) -> str:
    """What the provider itself has said, without the advice that DSPy's client hangs on."""
    return _ADVICE.split(message, maxsplit=1)[0]


def _was_never_sent(error: BaseException | None) -> bool:
    """There was no connection (refused, no such name, no route): nobody has seen the request, so nobody can charge for it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, socket.gaierror) or (isinstance(error, OSError) and error.errno in _NO_WAY):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
