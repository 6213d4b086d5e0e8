"""What the ledger keeps of the language model: whole calls, stories with their runs, texts once, and no keys."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import CampaignError, StoreError, UnknownEntry
from engine.model_records import Belief, CallPlace, Caps, Idea, ModelChoice, Refusal, SentCall, Steering, Story
from engine.settings import Settings
from engine.store import migrations
from engine.store.database import Database
from engine.store.ledger import Ledger
from engine.store.model_ledger import ModelLedger
from engine.store.model_queries import ModelQueries
from engine.store.prompt_queries import Tried
from engine.store.queries import Queries
from tests.store.model_samples import START, call, model_run, story
from tests.store.samples import batch, run, spec


def test_a_call_is_read_as_it_was_recorded_and_once(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    whole = call(
        1,
        1,
        inputs={"theme": "Ausbrüche\n", "code": "if a:\n\tb = '\x00'"},
        reply="lone surrogate \ud800, " + "long " * 10_000,
        fields={},
        status="malformed",
        problem="no code",
        tokens_in=None,
        tokens_out=None,
        usd=None,
        attempt=2,
    )
    assert model_ledger.record_call(whole)
    assert not model_ledger.record_call(dataclasses.replace(whole, reply="another"))
    assert model_queries.call(whole.call_id) == whole
    with pytest.raises(UnknownEntry, match="no call 'c9'"):
        model_queries.call("c9")


def test_a_call_for_no_run_and_no_campaign_is_not_lost(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    model_ledger.record_call(call(0, 1, campaign="", origin="compile"))
    assert model_queries.spent_on_day(START.date()).usd == 0.015


def test_a_call_that_never_ended_is_told_once_at_the_most_it_could_take(
    model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    place = CallPlace("c1", 3, "loop")
    for sent_id in ("ended", "lost"):
        model_ledger.call_sent(SentCall(sent_id, place, "draft", "v1", "openai/scripted", 900, 4_000, 0.25, START))
    assert model_queries.spent_in_campaign("c1").calls == 0
    model_ledger.record_call(call(3, 1, sent_id="ended"))
    assert [model_ledger.book_lost_calls() for _ in range(2)] == [1, 0]
    lost = model_queries.call("lost")
    assert (lost.status, lost.place, lost.tokens_in, lost.tokens_out, lost.usd, lost.at_utc) == (
        "lost", place, 900, 4_000, 0.25, START,
    )  # fmt: skip
    assert model_queries.spent_in_campaign("c1").usd == 0.265


def test_calls_whose_end_nobody_waited_for_count_against_no_prompt(
    model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for seq, status in enumerate(("answered", "malformed", "stopped", "lost"), 1):
        model_ledger.record_call(call(1, seq, status=status))
    (role,) = model_queries.role_calls().to_dict("records")
    (version,) = model_queries.version_results("draft").to_dict("records")
    for found in (role, version):
        assert (found["calls"], found["answered"], found["heard"]) == (4, 1, 2)


def test_long_texts_are_stored_small(model_ledger: ModelLedger, database: Database) -> None:
    model_ledger.record_call(call(1, 1, prompt="the same sentence again. " * 1000))
    assert database.rows("SELECT octet_length(prompt) < 1000 FROM model_calls") == [(True,)]


def test_a_story_is_written_with_its_run_or_not_at_all(ledger: Ledger, model_queries: ModelQueries) -> None:
    told = Story(
        "c1-0002",
        "crossover",
        parents=("c1-0001", "c1-0000"),
        hypothesis="Fewer trades help",
        predicted_figure="sharpe",
        predicted_direction="down",
        prediction_held=False,
        pack="train: sharpe 1.0\n" * 50,
        review="Trades too much",
        patterns="Stops in rows",
        next_change="Widen the stop",
        ladder="not shown",
        is_kept=True,
        verdict="better on 3 of 4 folds",
        refusals=(Refusal("policy", "no imports", 3), Refusal("error", "it's undefined")),
        used=("idea-1", "lesson-2"),
        market="calm",
        steering="try less",
    )
    with pytest.raises(ValueError, match=r"story of run c1-0002 was handed in with run c1-0001"):
        ledger.record_run(model_run(1), [batch("b1")], told)
    assert model_queries.past_runs("c1", "model", 9) == []
    assert ledger.record_run(model_run(1), [batch("b1")], story(1))
    assert ledger.record_run(model_run(2), [batch("b2")], told)
    assert not ledger.record_run(model_run(2), [batch("b2")], dataclasses.replace(told, verdict="another"))
    assert model_queries.story("c1-0002") == told
    assert model_queries.stories("c1") == [story(1), told]
    assert model_queries.stories("c1", up_to_number=1) == [story(1)]


def test_a_story_that_cannot_be_written_takes_its_run_with_it(ledger: Ledger, queries: Queries) -> None:
    broken = dataclasses.replace(story(1), parents=(object(),))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="object"):
        ledger.record_run(model_run(1), [batch("b1")], broken)
    assert (queries.totals().runs, queries.totals().trials) == (0, 0)


def test_a_prompt_taken_up_again_is_one_more_event_and_its_text_is_kept_once(
    model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    assert model_ledger.prompt_version("draft", "v1", "Write.", who="file")
    assert not model_ledger.prompt_version("draft", "v1", "Write.", who="file")
    assert model_ledger.prompt_version("draft", "v2", "Write well.", who="page", why="terse")
    assert model_ledger.prompt_version("repair", "v1", "Repair.", who="file")
    assert model_ledger.prompt_version("draft", "v1", "Write.", who="page", why="v2 was worse")
    versions = model_queries.prompt_versions("draft")
    assert versions[["version", "text", "who", "why"]].values.tolist() == [
        ["v1", "Write.", "page", "v2 was worse"],
        ["v2", "Write well.", "page", "terse"],
    ]
    assert (versions["first_used"] < versions["taken_up"]).tolist() == [True, False]


def test_a_proposal_is_open_until_it_is_settled(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    first = model_ledger.propose_prompt("draft", "Write better.", "20 calls", "compile")
    second = model_ledger.propose_prompt("draft", "Write best.", "30 calls", "coach")
    model_ledger.propose_prompt("repair", "Mend.", "", "coach")
    model_ledger.settle_proposal(first, False)
    model_ledger.settle_proposal(second, False)
    model_ledger.settle_proposal(second, True)
    assert model_queries.proposals()["state"].tolist() == ["open", "accepted", "declined"]
    with pytest.raises(UnknownEntry, match="id 9"):
        model_ledger.settle_proposal(9, True)


def test_a_proposal_is_tried_until_it_is_ended_or_decided(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    model_ledger.prompt_version("draft", "v1", "Write.", who="file")
    first, second, third = (model_ledger.propose_prompt("draft", f"Write {how}.", how, "Ada") for how in ("well", "best", "less"))
    mend = model_ledger.propose_prompt("repair", "Mend.", "", "coach")
    for seq, share, version in ((first, 0.5, "v2"), (second, 0.25, "v3"), (mend, 1.0, "m2"), (first, 0.75, "v2")):
        assert model_ledger.try_prompt(seq, share, version)
    assert not model_ledger.try_prompt(second, 0.25, "v3")
    assert model_queries.tried_prompts() == [
        Tried(first, "draft", "v2", "Write well.", 0.75),
        Tried(second, "draft", "v3", "Write best.", 0.25),
        Tried(mend, "repair", "m2", "Mend.", 1.0),
    ]
    with pytest.raises(StoreError, match="100% of the runs already"):
        model_ledger.try_prompt(third, 0.1, "v4")
    assert model_ledger.end_try(first)
    assert not model_ledger.end_try(first)
    model_ledger.settle_proposal(second, True)
    model_ledger.settle_proposal(mend, False)
    assert model_queries.tried_prompts() == []
    with pytest.raises(StoreError, match="is decided"):
        model_ledger.try_prompt(second, 0.5, "v3")
    for share in (0.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="at most 1"):
            model_ledger.try_prompt(first, share, "v2")
    with pytest.raises(UnknownEntry):
        model_ledger.try_prompt(9, 0.5, "v9")


def test_the_text_of_a_tried_version_is_known_and_not_in_force(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    model_ledger.prompt_version("draft", "v1", "Write.", who="file")
    model_ledger.try_prompt(model_ledger.propose_prompt("draft", "Write well.", "terse", "Ada"), 0.5, "v2")
    versions = model_queries.prompt_versions("draft")
    assert versions[["version", "text", "who", "why"]].values.tolist() == [
        ["v1", "Write.", "file", ""],
        ["v2", "Write well.", "Ada", "terse"],
    ]
    assert versions["taken_up"].isna().tolist() == [False, True]
    model_ledger.prompt_version("draft", "v2", "Write well.", who="page")
    assert model_queries.prompt_versions("draft")["version"].tolist() == ["v2", "v1"]


def test_two_versions_are_held_against_each_other_over_the_same_run_numbers(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    """v1 runs alone before the trial and after it; run 5 was fed by both; run 7 is not recorded."""
    fed = {1: "v1", 2: "v1", 3: "v2", 4: "v1", 5: "v1 v2", 6: "v2", 7: "v1", 8: "v2", 9: "v1", 10: "v1"}
    for number, versions in fed.items():
        for seq, version in enumerate(versions.split(), 1):
            model_ledger.record_call(call(number, seq, prompt_version=version))
        model_ledger.record_call(call(number, 8, role="repair", prompt_version="v1"))
        model_ledger.record_call(call(number, 9, origin="replay", prompt_version="v2"))
        if number == 4:
            model_ledger.record_call(call(number, 2, prompt_version="v1", usd=None))
        if number != 7:
            ledger.record_run(model_run(number), [batch(f"b{number}")], story(number, is_kept=number == 3))
    seen = model_queries.side_by_side("draft", "v2", "v1")
    assert seen[["number", "version"]].values.tolist() == [[3, "v2"], [4, "v1"], [6, "v2"], [8, "v2"]]
    assert seen["kept"].tolist() == [True, False, False, False]
    assert seen[["calls", "tokens_in", "tokens_out", "unpriced_calls"]].values.tolist()[:2] == [
        [1, 1000, 200, 0],
        [2, 2000, 400, 1],
    ]
    assert model_queries.side_by_side("draft", "v2", "v9").empty


def test_an_idea_is_as_a_person_last_left_it(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    idea = Idea("i1", "Gaps", "Fade the gap. " * 100, expires=now + timedelta(days=1))
    assert model_ledger.add_idea(idea)
    assert not model_ledger.add_idea(idea)
    model_ledger.add_idea(Idea("i2", "Other", "text", weight=3))
    with pytest.raises(ValueError, match="another text"):
        model_ledger.add_idea(dataclasses.replace(idea, text="else"))
    with pytest.raises(ValueError, match="more than 0"):
        model_ledger.change_idea("i1", weight=0.0)
    with pytest.raises(UnknownEntry):
        model_ledger.change_idea("i9", weight=1.0)
    assert [i.idea_id for i, _ in model_queries.ideas(now)] == ["i1", "i2"]
    assert [i.idea_id for i, _ in model_queries.ideas(now + timedelta(days=1))] == ["i2"]
    assert model_ledger.change_idea("i1", weight=2.0)
    assert model_queries.ideas()[0][0] == dataclasses.replace(idea, weight=2.0)
    model_ledger.change_idea("i1", expires=None)
    assert model_queries.ideas(now + timedelta(days=9))[0][0] == dataclasses.replace(idea, weight=2.0, expires=None)
    model_ledger.change_idea("i1", deleted=True)
    assert [i.idea_id for i, _ in model_queries.ideas()] == ["i2"]
    assert model_ledger.add_idea(idea)
    assert model_queries.ideas()[0][0] == idea


def test_beliefs_follow_persons_and_runs(ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    lesson = Belief(
        "b1", "lesson", "Stops cost", theme="breakouts", regime="calm", runs_for=("c1-0002", "c1-0001"), is_pinned=True
    )
    theory = Belief("b2", "theory", "Trends last", disproof="a flat month", runs_against=("c1-0001",))
    for number in (1, 2):
        ledger.record_run(run(number), [batch(f"b{number}")])
    model_ledger.record_belief(lesson, "c1", "c1-0001")
    model_ledger.record_belief(lesson, "c1", "c1-0001")
    model_ledger.record_belief(theory, "c1")
    assert model_queries.beliefs() == [theory, dataclasses.replace(lesson, runs_for=("c1-0001", "c1-0002"))]
    assert [b.belief_id for b in model_queries.beliefs("breakouts")] == ["b1"]

    assert model_ledger.belief_evidence("b1", "c1-0002", False)
    assert not model_ledger.belief_evidence("b1", "c1-0002", False)
    model_ledger.belief_event("b1", "unpin")
    model_ledger.belief_event("b1", "mute")
    model_ledger.belief_event("b1", "edit", "Tight stops cost")
    model_ledger.belief_event("b2", "delete")
    changed = dataclasses.replace(
        lesson, text="Tight stops cost", runs_for=("c1-0001",), runs_against=("c1-0002",), is_pinned=False, is_muted=True
    )
    assert model_queries.beliefs() == [changed]
    model_ledger.record_belief(theory, "c1")
    assert model_queries.beliefs() == [changed]
    with pytest.raises(UnknownEntry):
        model_ledger.belief_event("b9", "mute")
    with pytest.raises(ValueError, match="an edit with text"):
        model_ledger.belief_event("b1", "edit", " ")


def test_a_run_knows_only_what_runs_before_it_had_found(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for number in (1, 2, 3):
        ledger.record_run(run(number), [batch(f"b{number}")])
    ledger.create_campaign("c2", spec(name="Other"))
    ledger.record_run(run(7, campaign="c2"), [batch("other")])
    model_ledger.record_belief(Belief("b1", "lesson", "early", runs_for=("c1-0001",)), "c1", "c1-0001")
    model_ledger.record_belief(Belief("b3", "lesson", "late"), "c1", "c1-0003")
    model_ledger.record_belief(Belief("b4", "lesson", "in flight"), "c1", "c1-0004")
    model_ledger.record_belief(Belief("b7", "lesson", "elsewhere"), "c2", "c2-0007")
    model_ledger.belief_evidence("b1", "c1-0001", False, found_in="c1-0003")
    seen = {number: model_queries.beliefs(campaign_id="c1", up_to_number=number) for number in (0, 2, 3)}
    assert {number: [b.belief_id for b in found] for number, found in seen.items()} == {
        0: ["b7"],
        2: ["b1", "b7"],
        3: ["b1", "b3", "b7"],
    }
    assert (seen[2][0].runs_for, seen[2][0].runs_against) == (("c1-0001",), ())
    assert (seen[3][0].runs_for, seen[3][0].runs_against) == ((), ("c1-0001",))


def test_steering_tells_which_runs_followed_it(ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    first = model_ledger.steer("c1", "continue", run_id="c1-0001", note="wider", generations=3)
    second = model_ledger.steer("c1", "try", note="use volume")
    for number in (3, 1, 2):
        ledger.record_run(run(number), [batch(f"b{number}")])
        model_ledger.steering_used(first, f"c1-{number:04d}")
    model_ledger.steering_used(first, "c1-0002")
    assert model_queries.steering("c1") == [
        (Steering(first, "continue", "c1-0001", "wider", 3), ["c1-0001", "c1-0002", "c1-0003"]),
        (Steering(second, "try", None, "use volume", None), []),
    ]
    with pytest.raises(ValueError, match="about a run"):
        model_ledger.steer("c1", "never")
    with pytest.raises(CampaignError):
        model_ledger.steer("c9", "try", note="x")
    with pytest.raises(UnknownEntry):
        model_ledger.steering_used(99, "c1-0001")


def test_steering_that_is_withdrawn_holds_no_more(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    for_ever = model_ledger.steer("c1", "continue", run_id="c1-0001")
    kept = model_ledger.steer("c1", "try", note="use volume")
    for _ in range(2):
        model_ledger.withdraw_steering(for_ever)
    assert [asked.seq for asked, _ in model_queries.steering("c1")] == [kept]
    with pytest.raises(UnknownEntry):
        model_ledger.withdraw_steering(99)


def test_a_belief_that_was_deleted_by_mistake_comes_back_as_it_was(
    model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    model_ledger.record_belief(Belief("b9", "lesson", "Wide stops hold.", runs_for=("c1-0001",)), "c1")
    before = model_queries.beliefs()
    model_ledger.belief_event("b9", "delete")
    assert model_queries.beliefs() == []
    model_ledger.belief_event("b9", "restore")
    assert model_queries.beliefs() == before


def test_an_indicators_name_belongs_to_the_lowest_run_whichever_committed_first(
    ledger: Ledger, model_ledger: ModelLedger, model_queries: ModelQueries
) -> None:
    for number in (3, 2):
        ledger.record_run(run(number), [batch(f"b{number}")])
        assert model_ledger.indicator("c1", "surge", f"of {number}", f"def surge(): return {number}", f"c1-{number:04d}")
    assert not model_ledger.indicator("c1", "surge", "again", "def surge(): ...", "c1-0002")
    model_ledger.indicator("c1", "calm", "in flight", "def calm(): ...", "c1-0005")
    (known,) = model_queries.indicators("c1", 9)
    assert (known.number, known.description) == (2, "of 2")
    assert model_queries.indicators("c1", 1) == []


def test_caps_are_for_all_or_a_campaigns_own_and_the_latest_count(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    assert (model_queries.caps(), model_queries.own_caps()) == (Caps(), {})
    model_ledger.set_caps(None, Caps(usd_per_day=5.0))
    model_ledger.set_caps("c1", Caps(calls_per_campaign=10))
    model_ledger.set_caps("c1", Caps(calls_per_campaign=20))
    assert model_queries.own_caps() == {"c1": Caps(calls_per_campaign=20)}
    assert model_queries.caps() == Caps(usd_per_day=5.0)


def test_the_chosen_model_is_kept_and_never_a_key(
    model_ledger: ModelLedger, model_queries: ModelQueries, settings: Settings
) -> None:
    assert model_queries.model_choice() is None
    chosen = ModelChoice("ollama_chat/qwen3", "http://127.0.0.1:11434", price_in=0.1)
    model_ledger.choose_model(chosen)
    for address in ("https://me:sk-planted@host/v1", "https://host/v1?key=sk-planted", "https://host/v1#sk-planted"):
        with pytest.raises(StoreError, match="keeps no keys") as told:
            model_ledger.choose_model(ModelChoice("openai/x", address))
        assert "sk-planted" not in str(told.value)
    assert model_queries.model_choice() == chosen


def test_calls_of_four_threads_are_all_kept(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    def write(number: int) -> None:
        for seq in range(1, 11):
            model_ledger.record_call(call(number, seq))
            model_ledger.prompt_version("draft", f"v{number}", "text", who="file")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model_queries.calls(limit=None)) == 40
    assert model_queries.spent_in_campaign("c1").usd == 0.6
    assert sorted(model_queries.prompt_versions("draft")["version"]) == ["v1", "v2", "v3", "v4"]


def test_a_ledger_of_version_2_takes_stories_and_calls_after_its_migration(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:2])
    old = Database(settings.database_path)
    Ledger(old, settings).create_campaign("c1", spec())
    with old.transaction() as writer:
        writer.execute("INSERT INTO runs (run_id, campaign_id, number, status) VALUES ('c1-0001', 'c1', 1, 'scored')")
    old.close()
    monkeypatch.undo()
    database = Database(settings.database_path)
    assert [path.name[:13] for path in (settings.store_dir / "backup").iterdir()] == ["research-v002"]
    queries = ModelQueries(database)
    assert queries.story("c1-0001") is None
    ModelLedger(database, settings).record_call(call(2, 1))
    assert Ledger(database, settings).record_run(model_run(2), [batch("b2")], story(2))
    assert queries.story("c1-0002") == story(2)
    assert queries.calls()["run_id"].tolist() == ["c1-0002"]
    database.close()


def test_calls_are_counted_by_what_they_meet_and_by_role(model_ledger: ModelLedger, model_queries: ModelQueries) -> None:
    for one in (
        call(1, 1),
        call(1, 2, role="repair", status="malformed", model="openai/other"),
        call(2, 1, prompt_version="v2", usd=None),
        call(2, 2, role="repair", origin="replay"),
    ):
        model_ledger.record_call(one)
    assert model_queries.count_calls() == 4
    assert model_queries.count_calls(role="repair", status="malformed") == 1
    assert model_queries.count_calls(campaign_id="c1", number=2, prompt_version="v2") == 1
    assert model_queries.count_calls(model="openai/none") == 0
    assert model_queries.models_asked() == ["openai/other", "openai/scripted"]
    by_role = model_queries.role_calls().set_index("role")
    assert by_role["calls"].to_dict() == {"draft": 2, "repair": 1}, "a replay says nothing of the research"
    assert by_role["answered"].to_dict() == {"draft": 2, "repair": 0}
    assert by_role["unpriced_calls"].to_dict() == {"draft": 1, "repair": 0}
