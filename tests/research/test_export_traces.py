"""Calls as an OpenTelemetry collector gets them: whole, without keys, and never at the cost of a run."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine.research import export_traces
from engine.research.export_traces import ENDPOINT, HEADERS, TraceExport
from tests.patience import LONG_S
from tests.scripted_model import ScriptedModel
from tests.store.model_samples import call

SECRET = "planted-secret-0123"


class Collector:
    """A collector on loopback; `status` is what it answers, and it hangs while `is_open` is cleared."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.status, self.is_open, self.came = 200, threading.Event(), threading.Semaphore(0)
        self.is_open.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                owner.got.append((self.path, dict(self.headers), body))
                owner.came.release()
                owner.is_open.wait(LONG_S)
                self.send_response(owner.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.01), daemon=True).start()

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for _, _, body in self.got
            for resource in body["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.is_open.set()
    running.server.shutdown()
    running.server.server_close()


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def test_a_call_is_a_span_and_a_run_a_trace(collector):
    export = TraceExport.from_environment({ENDPOINT: collector.url, HEADERS: "authorization=Bearer%20abc"})
    for made in (call(1, 1), call(1, 2, role="repair"), call(2, 1, status="refused", problem="it would not", usd=None)):
        export.add(made)
    export.close()
    path, headers, body = collector.got[0]
    assert (path, headers["Content-Type"], headers["Authorization"]) == ("/v1/traces", "application/json", "Bearer abc")
    service = body["resourceSpans"][0]["resource"]["attributes"]
    assert service == [{"key": "service.name", "value": {"stringValue": "edgewise"}}]
    one, two, three = sorted(collector.spans, key=lambda span: (attributes(span)["edgewise.run"], span["startTimeUnixNano"]))
    assert one["traceId"] == two["traceId"] != three["traceId"]
    assert [len(one[name]) for name in ("traceId", "spanId")] == [32, 16]
    assert (one["name"], two["name"]) == ("draft", "repair")
    assert int(one["endTimeUnixNano"]) - int(one["startTimeUnixNano"]) == 2_500_000_000
    assert (one["status"], three["status"]) == ({"code": 1}, {"code": 2, "message": "it would not"})
    told = attributes(one)
    assert (told["gen_ai.request.model"], told["gen_ai.usage.input_tokens"]) == ("openai/scripted", "1000")
    assert (told["edgewise.usd"], told["edgewise.reply"]) == (0.015, "code of 1.1")
    assert "edgewise.usd" not in attributes(three)


def test_keys_are_hidden_in_all_that_is_sent(collector, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    export = TraceExport.from_environment({ENDPOINT: collector.url})
    leaky = call(1, 1, prompt=SECRET, reply=f"sk-abcdefghijklmnopqrst {SECRET}", problem=SECRET, fields={"code": SECRET})
    export.add(dataclasses.replace(leaky, status="refused"))
    export.close()
    sent = json.dumps(collector.got[0][2])
    assert SECRET not in sent
    assert "sk-abc" not in sent
    assert sent.count("[key]") >= 4


@pytest.mark.parametrize("environment", [{}, {ENDPOINT: ""}, {ENDPOINT: "file:///tmp/traces"}])
def test_without_an_http_address_nothing_is_done(environment):
    export = TraceExport.from_environment(environment)
    threads = threading.active_count()
    export.add(call(1, 1))
    export.close()
    assert not export.is_on
    assert threading.active_count() == threads


def test_a_collector_that_refuses_or_is_away_is_told_of_and_harms_nobody(collector):
    collector.status = 503
    export = TraceExport(collector.url)
    export.add(call(1, 1))
    export.close()
    assert export.dropped == 1
    assert "503" in export.problem
    away = TraceExport("http://127.0.0.1:9")
    away.add(call(1, 1))
    away.close()
    assert "cannot be exported" in away.problem


def test_a_collector_that_hangs_holds_nobody_up_and_what_is_too_much_is_dropped(collector, monkeypatch):
    monkeypatch.setattr(export_traces, "WAITING", 3)
    monkeypatch.setattr(export_traces, "_LAST_S", 0.05)
    collector.is_open.clear()
    export = TraceExport(collector.url)
    export.add(call(1, 1))
    assert collector.came.acquire(timeout=LONG_S)
    for seq in range(2, 9):
        export.add(call(1, seq))
    assert export.dropped == 4
    export.close()
    export.add(call(1, 9))
    assert len(collector.spans) == 1


def test_the_desk_exports_every_call(open_service, collector, monkeypatch):
    monkeypatch.setenv(ENDPOINT, collector.url)
    service = open_service()
    with ScriptedModel() as server:
        service.model.trials.begin(server.choice())
        assert collector.came.acquire(timeout=LONG_S)
        service.close()
    (span,) = collector.spans
    assert (span["name"], attributes(span)["edgewise.origin"]) == ("market", "trial")
