"""Traces: every call is found, opened whole, and followed; what a model said is shown as text."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from engine.model_records import CallPlace
from engine.proposal.prompt_book import Prompt
from engine.records import Failure
from engine.research.replay import Replay, ReplayAnswer, Side
from pages.access import research
from pages.replay_view import input_texts
from tests.pages.conftest import open_page
from tests.pages.model_rows import HOSTILE, drafted, research_with_a_model
from tests.pages.model_runs import record_campaign


def _campaign() -> str:
    return str(research().queries.campaigns()["campaign_id"].iloc[0])


@pytest.fixture
def traces(page: Callable[[str], AppTest]) -> AppTest:
    """The page after twelve runs of the model arm, numbers 6 to 17: 8 drafts answered and mended, 4 that could not be read."""
    research_with_a_model(research(), _campaign(), first=6, runs=12)
    return page("traces")


def _told(app: AppTest) -> str:
    parts = [*app.main.success, *app.main.error, *app.main.info, *app.main.warning, *app.main.caption, *app.main.markdown]
    return " ".join(element.value for element in parts)


def _codes(app: AppTest) -> list[str]:
    return [element.value for element in app.code]


def _open(app: AppTest, call_id: str) -> AppTest:
    app.query_params["call"] = call_id
    app.run()
    assert not app.exception, app.exception[0].message
    return app


def test_calls_stand_newest_first_with_how_their_run_ended(traces: AppTest) -> None:
    shown = traces.dataframe[0].value
    assert len(shown) == 20
    assert shown["at_utc"].is_monotonic_decreasing
    by_number = shown.set_index("number")["ended"].to_dict()
    assert (by_number[17], by_number[16], by_number[15]) == ("scored, not kept", "scored, kept", "failed: reply")
    assert "Calls 1 to 20 of 20" in _told(traces)


def test_filters_narrow_the_calls(traces: AppTest) -> None:
    traces.selectbox(key="traces.role").set_value("repair").run()
    assert set(traces.dataframe[0].value["role"]) == {"repair"}
    traces.selectbox(key="traces.role").set_value("draft").run()
    traces.selectbox(key="traces.status").set_value("malformed").run()
    assert sorted(traces.dataframe[0].value["number"]) == [6, 9, 12, 15]
    traces.number_input(key="traces.run").set_value(9).run()
    assert traces.dataframe[0].value["number"].tolist() == [9]
    traces.number_input(key="traces.run").set_value(8).run()
    assert "No call meets" in _told(traces)


def test_text_is_found_in_replies(traces: AppTest) -> None:
    traces.text_input(key="traces.text").set_value("REPLY 16.2").run()
    assert traces.dataframe[0].value["call_id"].tolist() == [f"{_campaign()}-16-2-loop"]


def test_many_calls_come_in_pages(traces: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    research_with_a_model(research(), _campaign(), first=18, runs=90)
    traces.run()
    assert len(traces.dataframe[0].value) == 100
    first = traces.dataframe[0].value["call_id"].iloc[0]
    traces.session_state["traces.page"] = 2
    traces.run()
    rest = traces.dataframe[0].value["call_id"]
    assert len(rest) == 70
    assert first not in set(rest)


def test_a_call_is_opened_by_its_address_with_all_its_texts_apart(traces: AppTest) -> None:
    call = research().model.queries.call(f"{_campaign()}-16-1-loop")
    _open(traces, call.call_id)
    codes = _codes(traces)
    system = research().model.book()["draft"].instructions + "\n" + HOSTILE
    for text in (system, "theme of run 16", call.reply, *call.fields.values()):
        assert text in codes
    assert "Run 16, call 1 of 2" in _told(traces)
    assert "scored, kept" in _told(traces)


def test_a_runs_calls_are_followed_in_order(traces: AppTest) -> None:
    _open(traces, f"{_campaign()}-16-1-loop")
    assert traces.button(key="traces.Previous").disabled
    traces.button(key="traces.Next").click().run()
    assert traces.query_params["call"] in (f"{_campaign()}-16-2-loop", [f"{_campaign()}-16-2-loop"])
    assert "Run 16, call 2 of 2" in _told(traces)
    assert traces.button(key="traces.Next").disabled
    traces.button(key="traces.back").click().run()
    assert "newest first" in _told(traces)


def test_what_a_model_said_is_text_and_never_markdown(traces: AppTest) -> None:
    _open(traces, f"{_campaign()}-15-1-loop")
    assert f"no field code {HOSTILE}" in _codes(traces)
    assert "bold" not in _told(traces)
    assert "could not be read" in _told(traces)


def test_a_call_that_is_not_there_is_told(traces: AppTest) -> None:
    _open(traces, "gone")
    assert "no call" in _told(traces)
    assert len(traces.dataframe) == 1


def test_without_a_call_the_page_says_what_will_stand_here(empty_app: AppTest) -> None:
    empty_app.run()
    open_page(empty_app, "traces")
    assert "No call yet" in _told(empty_app)


class _Replays:
    """Replays that are over as soon as they are begun, with answers of every kind."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], Prompt, int]] = []
        self.made: list[Replay] = []

    def begin(self, call_ids: list[str], prompt: Prompt, times: int) -> str:
        self.asked.append((call_ids, prompt, times))
        good = ReplayAnswer("a", call_ids[0], {"code": f"old {HOSTILE}"}, "answered", None, True, 0.5, 0.01, 10, 5, True)
        poor = ReplayAnswer("b", call_ids[0], {"code": "new"}, "answered", Failure("lookahead", f"ahead {HOSTILE}"), None, None,
                            None, 10, 5, False)  # fmt: skip
        sides = Side("v1", "old text", (good,)), Side("v2", prompt.instructions, (poor,))
        self.made.insert(0, Replay("r1", "draft", len(call_ids), times, *sides, is_done=True))
        return "r1"

    def past(self, role: str) -> list[tuple[str, datetime]]:
        return [(made.replay_id, datetime(2026, 1, 1, tzinfo=UTC)) for made in self.made]

    def state(self, replay_id: str) -> Replay:
        return self.made[0]

    def stop(self) -> None:
        """Nothing is at work."""

    close = stop


def test_an_edited_prompt_is_replayed_and_both_sets_of_answers_stand_side_by_side(
    traces: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    replays = _Replays()
    monkeypatch.setattr(research(), "replays", replays)
    _open(traces, f"{_campaign()}-16-1-loop")
    traces.segmented_control(key="traces.view").set_value("Replay").run()
    assert not traces.exception, traces.exception[0].message
    assert traces.button(key="replay.begin").disabled, "nothing is changed yet"
    text = research().model.book()["draft"].instructions + "\nBe bold."
    traces.text_area[0].set_value(text).run()
    traces.button(key="replay.begin").click().run()
    assert not traces.exception, traces.exception[0].message
    inputs, prompt, times = replays.asked[0]
    assert (inputs[0], len(inputs), prompt.instructions, times) == (f"{_campaign()}-16-1-loop", 3, text, 5)
    table = traces.dataframe[0].value.set_index("Figure")
    assert table.loc["Passed all checks", "In force"].startswith("100% of 1")
    assert table.loc["Passed all checks", "Edited"].startswith("0% of 1")
    assert table.loc["Cost", "Edited"] == "not computed"
    assert any(f"ahead {HOSTILE}" in code for code in _codes(traces))


def test_a_replay_takes_the_whole_prompt_descriptions_temperature_and_model_too(
    traces: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    replays = _Replays()
    monkeypatch.setattr(research(), "replays", replays)
    now = research().model.book()["draft"]
    _open(traces, f"{_campaign()}-16-1-loop")
    traces.segmented_control(key="traces.view").set_value("Replay").run()
    key = f"replay.draft.{now.version}"
    traces.number_input(key=f"{key}.temperature").set_value(0.1)
    traces.text_input(key=f"{key}.model").set_value("openai/another")
    traces.text_area(key=f"{key}.in.theme").set_value("What it is all about.")
    traces.text_area(key=f"{key}.out.hypothesis").set_value("One short sentence.").run()
    traces.button(key="replay.begin").click().run()
    assert not traces.exception, traces.exception[0].message
    _, prompt, _ = replays.asked[0]
    assert (prompt.temperature, prompt.model, prompt.instructions) == (0.1, "openai/another", now.instructions)
    assert (prompt.inputs["theme"], prompt.outputs["hypothesis"]) == ("What it is all about.", "One short sentence.")
    assert any("+  model: openai/another" in code for code in _codes(traces))
    assert research().model.book()["draft"] == now


def test_the_stored_inputs_of_a_replay_say_what_became_of_them(app: AppTest) -> None:
    app.run()
    made = record_campaign(research())
    calls = research().model.queries.calls(campaign_id=made.campaign_id)
    texts = {text.split(",")[0]: text for text in input_texts(research(), calls).values()}
    assert texts["draft of run 1"].endswith(": the run scored, kept")
    assert texts["improve of run 3"].endswith(": refused, policy; the run scored, kept")
    assert texts["risk of run 5"].endswith(": the run scored, not kept")
    assert texts["crossover of run 7"].endswith(": the run failed: reply")


def test_a_replay_of_before_a_restart_is_opened_from_its_call_and_named_in_traces(traces: AppTest) -> None:
    source, asked = f"{_campaign()}-16-1-loop", "replayed-1"
    draft, memory = research().model.book()["draft"], research().model.ledger
    memory.record_call(drafted(_campaign(), 0, 1, draft, call_id=asked, place=CallPlace(_campaign(), 0, "replay")))
    memory.begin_replay("kept-1", "draft", [source], 1, ("v1", "old text"), ("v2", "new text"))
    worth = {"call_id": asked, "status": "answered", "failure": None, "traded": True, "objective": 0.5, "usd": 0.01,
             "tokens_in": 10, "tokens_out": 5, "has_passed": True, "attempts": 1, "problem": ""}  # fmt: skip
    memory.replay_answer("kept-1", "new", source, [asked], worth)
    traces.run()
    assert "a replay" in set(traces.dataframe[0].value["origin"])
    _open(traces, asked)
    assert "Made for a replay" in _told(traces)
    assert any("call=" + source in link.proto.url and "replay=kept-1" in link.proto.url for link in traces.get("link_button"))
    traces.query_params["replay"] = "kept-1"
    _open(traces, source)
    table = traces.dataframe[0].value.set_index("Figure")
    assert (table.loc["Answers", "In force"], table.loc["Answers", "Edited"]) == ("0 of 1", "1 of 1")
    assert any("+new text" in code for code in _codes(traces))
    traces.query_params["replay"] = "gone"
    _open(traces, source)
    assert "is not in this ledger" in _told(traces)
