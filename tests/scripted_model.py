"""A model server for tests: speaks OpenAI's chat API on loopback, answers in DSPy's chat format, and fails as it is told.

What it answers follows from the request's content alone, never from order or time, so that concurrent runs get the same
answers every time; whether a call fails follows from the content and from how often that content has come before.

    with ScriptedModel(Script(good=0.5, leaking=0.5)) as server:
        choice = server.choice()          # a ModelChoice that leads here
        ...
        server.seen                       # every request, with the role it was for and what became of it
"""

import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from engine.model_records import ModelChoice
from tests.patience import LONG_S
from tests.scripted_replies import KINDS, answer_for, share_of

FAULTS = (
    "429", "500", "503", "dropped", "timeout", "malformed", "empty", "truncated", "refused", "prose", "javascript", "endless",
    "unauthorized", "too long", "not json", "tokens a minute", "too long, in its own words",
)  # fmt: skip
TRANSPORT = (
    "429", "500", "503", "dropped", "timeout", "unauthorized", "too long", "not json", "tokens a minute",
    "too long, in its own words",
)  # fmt: skip
_ERRORS = {
    "429": (429, "rate_limit_exceeded", "you ask too often"),
    "500": (500, "server_error", "something broke"),
    "503": (503, "overloaded", "too many at once"),
    "unauthorized": (401, "invalid_api_key", "no such key"),
    "too long": (400, "context_length_exceeded", "This model's maximum context length is 4096 tokens"),
    "too long, in its own words": (400, "invalid_request_error", "the request (9000 tokens) exceeds the available context size"),
    "tokens a minute": (
        429,
        "rate_limit_error",
        "This would exceed 40,000 input tokens per minute; reduce the prompt length"
        " or the maximum tokens requested, or try again later.",
    ),
}


@dataclass(frozen=True)
class Script:
    """What the server writes. Of each kind of strategy a share (any weights): `good` trades, `poor` never does, `broken` does
    not parse or returns wrong keys, `leaking` looks one bar ahead, `hostile` imports os. `repairs`: share of repairs that
    help. `faults`: share of calls that end so; `at`: the fault of the n-th call from 1. `reports_usage`: token counts are told.
    `ignores`: a pattern; what matches it changes no answer.
    """

    seed: int = 0
    good: float = 1.0
    poor: float = 0.0
    broken: float = 0.0
    leaking: float = 0.0
    hostile: float = 0.0
    repairs: float = 1.0
    faults: Mapping[str, float] = field(default_factory=dict)
    at: Mapping[int, str] = field(default_factory=dict)
    reports_usage: bool = True
    ignores: str = ""

    def __post_init__(self) -> None:
        unknown = {*self.faults, *self.at.values()} - set(FAULTS)
        assert not unknown, f"no such faults: {unknown}; known: {FAULTS}"

    def weights(self) -> dict[str, float]:
        return {kind: getattr(self, kind) for kind in KINDS}

    def fault(self, number: int, content: str, times: int) -> str | None:
        """The fault of this call: by its number, else by chance drawn from its content and how often that has come."""
        if number in self.at:
            return self.at[number]
        drawn, reached = share_of(f"{self.seed} fault {times} {content}"), 0.0
        for name, share in self.faults.items():
            reached += share
            if drawn < reached:
                return name
        return None


@dataclass(frozen=True)
class Seen:
    """A request that came: its number from 1, the role it was for, what was sent, and how it ended."""

    number: int
    role: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    fault: str | None
    reply: str = ""
    tokens_in: int = 0
    tokens_out: int = 0

    @property
    def text(self) -> str:
        """All messages as one text."""
        return text_of(self.body)


def text_of(body: Mapping[str, Any]) -> str:
    parts = []
    for message in body["messages"]:
        content = message["content"]
        parts += [content] if isinstance(content, str) else [part.get("text", "") for part in content]
    return "\n".join(parts)


class ScriptedModel:
    """The server; starts with `with`, and closes at its end whatever still hangs. `script` can be changed at any time."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self._lock = threading.Condition()
        self._seen: list[Seen] = []
        self._times: Counter[str] = Counter()
        self._open = threading.Event()  # cleared while calls are held
        self._freed = threading.Event()  # ends the calls that time out
        self._held = 0
        self._is_overloaded = False
        self._open.set()
        self._server = self._listen(0)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> "ScriptedModel":
        return self

    def __exit__(self, *_: object) -> None:
        self._freed.set()
        self._open.set()
        if self._server is not None:
            self._close()

    @property
    def api_base(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def choice(self, model: str = "openai/scripted", **changes: Any) -> ModelChoice:
        """A ModelChoice that leads here, 1 USD for a million tokens in and 4 out."""
        chosen = ModelChoice(model=model, api_base=self.api_base, price_in=1.0, price_out=4.0, timeout_s=LONG_S)
        return replace(chosen, **changes)

    @property
    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    def away(self, *, refuses: bool = True) -> None:
        """From now on nobody is there; with `refuses=False` somebody is, who answers 503."""
        if refuses:
            self._close()
        else:
            self._is_overloaded = True

    def back(self) -> None:
        """There again, at the same address."""
        self._is_overloaded = False
        if self._server is None:
            self._server = self._listen(self.port)

    def hold(self) -> None:
        """Calls that come are answered when `release` says so."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def wait_until_held(self, count: int, *, timeout_s: float = LONG_S) -> None:
        """Returns when so many calls hang at once; AssertionError if that never happens."""
        with self._lock:
            assert self._lock.wait_for(lambda: self._held >= count, timeout_s), f"{self._held} calls hang, wanted {count}"

    def wait_until_seen(self, role: str, text: str, *, timeout_s: float = LONG_S) -> None:
        """Returns when a call for that role has come that holds the text; AssertionError if none does."""
        with self._lock:
            came = self._lock.wait_for(lambda: any(s.role == role and text in s.text for s in self._seen), timeout_s)
            assert came, f"no call for {role} holds {text!r}"

    # --- within

    def _listen(self, port: int) -> Any:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner._serve(self)

            def do_GET(self) -> None:
                _send(self, 200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
        return server

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        role, reply = answer_for(text_of(body), self.script)
        content = hashlib.sha256(json.dumps(body["messages"], sort_keys=True).encode()).hexdigest()
        with self._lock:
            self._times[content] += 1
            number = len(self._seen) + 1
            fault = "503" if self._is_overloaded else self.script.fault(number, content, self._times[content])
            reply, end = ("", "stop") if fault in TRANSPORT else _spoilt(reply, fault, body)
            tokens = (len(text_of(body)) // 4 + 1, len(reply) // 4 + 1 if reply else 0)
            self._seen.append(Seen(number, role, body, dict(handler.headers), fault, reply, *tokens))
            self._held += 1
            self._lock.notify_all()
        (self._freed if fault == "timeout" else self._open).wait()
        with self._lock:
            self._held -= 1
        self._answer(handler, body, fault, reply, end, tokens)

    def _answer(
        self,
        handler: BaseHTTPRequestHandler,
        body: Mapping[str, Any],
        fault: str | None,
        reply: str,
        end: str,
        tokens: tuple[int, int],
    ) -> None:
        if fault in ("dropped", "timeout"):
            handler.close_connection = True
            return
        if fault == "not json":
            _send(handler, 200, "<html>a proxy says hello</html>")
            return
        if fault in _ERRORS:
            status, code, message = _ERRORS[fault]
            if status == 401:  # some providers say which key they do not know
                message = f"{message}: {handler.headers.get('Authorization', '')}"
            _send(handler, status, {"error": {"message": message, "type": code, "code": code}})
            return
        usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
        answer = {
            "id": "scripted",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": end, "message": {"role": "assistant", "content": reply}}],
        }
        _send(handler, 200, answer | ({"usage": usage} if self.script.reports_usage else {}))


def _spoilt(reply: str, fault: str | None, body: Mapping[str, Any]) -> tuple[str, str]:
    """The reply as that fault leaves it, and why it ended."""
    most = int(body.get("max_completion_tokens") or body.get("max_tokens") or 1_000)
    code = re.compile(r"(\[\[ ## code ## \]\]\n).*?(?=\n\n\[\[ ## )", re.DOTALL)
    prose = "I would buy when the price is low, and sell when it is high again."
    javascript = "```javascript\nfunction signals(market, params, ta) {\n  return { entries: market.close > 0 };\n}\n```"
    changed = {
        "malformed": lambda: re.sub(r"\[\[ ## \w+ ## \]\]\n?", "", reply).replace("```", ""),
        "empty": lambda: "",
        "refused": lambda: "I cannot help with that request.",
        "prose": lambda: code.sub(lambda mark: mark[1] + prose, reply) if code.search(reply) else prose,
        "javascript": lambda: code.sub(lambda mark: mark[1] + javascript, reply) if code.search(reply) else javascript,
        "truncated": lambda: reply[: len(reply) * 6 // 10],
        "endless": lambda: (reply[:40] + " and so on" * most)[: most * 4],
    }.get(fault or "", lambda: reply)()
    return changed, "length" if fault in ("truncated", "endless") else "stop"


def _send(handler: BaseHTTPRequestHandler, status: int, payload: Mapping[str, Any] | str) -> None:
    data = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
    try:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)
    except OSError:  # whoever asked has hung up
        handler.close_connection = True
