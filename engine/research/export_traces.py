"""Calls as OpenTelemetry spans, sent to the endpoint that the environment names; off without one.

OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp): a span a call, a trace a run, names of attributes by the semantic
conventions for generative AI where there are some.
"""

import hashlib
import http.client
import json
import queue
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from engine.model_records import CallRecord
from engine.proposal.redaction import redact
from engine.settings import read_environment

ENDPOINT, HEADERS, SERVICE = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SERVICE_NAME"
WAITING = 1_000
"""Calls that may wait to be sent; those beyond are dropped and counted."""
_BATCH = 64
_TIMEOUT_S = 5.0
_LAST_S = 2.0  # how long an ending program waits for the last spans
_CLIENT, _OK, _ERROR = 3, 1, 2  # of OTLP's enumerations
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TraceExport:
    """Sends calls in the background, without keys. `add` never waits and never raises: what cannot be sent is dropped.

    `problem`: why the last batch was not taken, empty if it was; `dropped`: calls that nobody got.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str] | None = None, service: str = "edgewise") -> None:
        self._url = f"{endpoint.rstrip('/')}/v1/traces" if urlsplit(endpoint).scheme in ("http", "https") else ""
        self._headers, self._service = dict(headers or {}), service
        self._waiting: queue.Queue[CallRecord | None] = queue.Queue(WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self.problem = "" if self._url or not endpoint else f"{ENDPOINT} is no http address; nothing is exported"
        self.dropped = 0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "TraceExport":
        """The export that the environment asks for, or one that does nothing."""
        env = read_environment() if environment is None else environment
        pairs = (pair.partition("=") for pair in env.get(HEADERS, "").split(",") if "=" in pair)
        headers = {name.strip(): unquote(value.strip()) for name, _, value in pairs}
        return cls(env.get(ENDPOINT, "").strip(), headers, env.get(SERVICE, "") or "edgewise")

    @property
    def is_on(self) -> bool:
        return bool(self._url)

    def add(self, call: CallRecord) -> None:
        """Have the call sent some time soon."""
        if not self._url:
            return
        with self._lock:
            if self._is_closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="trace export", daemon=True)
                self._thread.start()
            try:
                self._waiting.put_nowait(call)
            except queue.Full:
                self.dropped += 1

    def close(self) -> None:
        """Send what waits, for two seconds at most."""
        with self._lock:
            thread, self._is_closed = self._thread, True
        if thread is None:
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:  # the thread is stuck in a call; it dies with the process
            return
        thread.join(_LAST_S)

    def _work(self) -> None:
        """The thread: whatever waits, batch by batch, until the mark of the end."""
        is_over = False
        while not is_over:
            batch = [self._waiting.get()]
            while len(batch) < _BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            is_over = None in batch
            if calls := [call for call in batch if call is not None]:
                self._send(calls)

    def _send(self, calls: Sequence[CallRecord]) -> None:
        try:
            environment = read_environment()
            body = json.dumps(_payload(calls, self._service, environment)).encode()
            headers = {**self._headers, "Content-Type": "application/json"}
            request = urllib.request.Request(self._url, body, headers, method="POST")
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                answer.read()
            self.problem = ""
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: an address or a header that is none
            self.dropped += len(calls)
            self.problem = redact(f"traces cannot be exported: {type(error).__name__}: {error}")


def _payload(calls: Sequence[CallRecord], service: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The calls as OTLP's ExportTraceServiceRequest."""
    scope = {"scope": {"name": "edgewise"}, "spans": [_span(call, environment) for call in calls]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes({"service.name": service})}, "scopeSpans": [scope]}]}


def _span(call: CallRecord, environment: Mapping[str, str]) -> dict[str, Any]:
    place = call.place
    of_run = [place.campaign_id, place.number, place.origin] if place.number else [call.call_id]
    answered = call.status == "answered"
    told: dict[str, Any] = {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": call.model, "gen_ai.usage.input_tokens": call.tokens_in,
        "gen_ai.usage.output_tokens": call.tokens_out, "edgewise.campaign": place.campaign_id, "edgewise.run": place.number,
        "edgewise.origin": place.origin, "edgewise.seq": call.seq, "edgewise.role": call.role, "edgewise.status": call.status,
        "edgewise.prompt_version": call.prompt_version, "edgewise.attempt": call.attempt, "edgewise.usd": call.usd,
        "edgewise.prompt": call.prompt, "edgewise.reply": call.reply,
    }  # fmt: skip
    told |= {f"edgewise.field.{name}": text for name, text in call.fields.items()}
    clean = {name: redact(value, environment) if isinstance(value, str) else value for name, value in told.items()}
    return {
        "traceId": _digest(of_run, 32),
        "spanId": _digest([call.call_id], 16),
        "name": call.role,
        "kind": _CLIENT,
        "startTimeUnixNano": _nanoseconds(call.at_utc),
        "endTimeUnixNano": _nanoseconds(call.at_utc + timedelta(seconds=call.latency_s)),
        "attributes": _attributes(clean),
        "status": {"code": _OK} if answered else {"code": _ERROR, "message": redact(call.problem, environment)},
    }


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Named values as OTLP has them; what is not known is left out. Whole numbers are texts in its JSON."""
    kinds = {str: lambda v: {"stringValue": v}, int: lambda v: {"intValue": str(v)}, float: lambda v: {"doubleValue": v}}
    return [{"key": name, "value": kinds[type(value)](value)} for name, value in values.items() if value is not None]


def _digest(parts: Sequence[Any], length: int) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:length]


def _nanoseconds(time: datetime) -> str:
    return str((time - _EPOCH) // timedelta(microseconds=1) * 1_000)
