"""Writes about the language model: calls, prompts, ideas, beliefs, steering, caps. Each is one transaction.

Repeating a write adds nothing. What runs in flight write is kept for each of them, so that the ledger says the same whichever
committed first; the queries choose by run number. No key is ever handed in here, and an address that carries one is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from engine.errors import StoreError, UnknownEntry
from engine.model_records import Belief, CallPlace, CallRecord, Caps, Idea, ModelChoice, SentCall
from engine.settings import Settings
from engine.store.database import Database, Writer, utc_now
from engine.store.ledger import check_campaign, insert_event, to_json
from engine.store.prompt_queries import TRIED
from engine.store.texts import packed, packed_fields, unpacked

BeliefChange = Literal["pin", "unpin", "mute", "unmute", "delete", "restore", "edit"]
TRIAL_ENDED = "trial_ended"
"""Kind of the event that tells why the program has ended the trial of a prompt."""
_LOST = "the program ended before an answer came; tokens and cost are the most that was expected"
_CHANGES: tuple[BeliefChange, ...] = ("pin", "unpin", "mute", "unmute", "delete", "restore", "edit")


class ModelLedger:
    """Writes what the language model did and what a person wants of it; made of what a `Ledger` is made of. Safe to call from
    several threads."""

    def __init__(self, database: Database, settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock

    # Calls

    def call_sent(self, call: SentCall) -> None:
        """Keep that a call is about to be sent."""
        place = call.place
        row = (
            call.sent_id, _plain(call.at_utc), place.campaign_id, place.number, place.origin, call.role, call.prompt_version,
            call.model, call.tokens_in, call.tokens_out, call.usd,
        )  # fmt: skip
        with self._database.transaction() as writer:
            _insert(writer, "calls_sent", row)

    def book_lost_calls(self) -> int:
        """Record each call that was sent and has no end as `lost`, at the most it was expected to take; their number. For a
        process that has just opened the ledger and sends none yet."""
        with self._database.transaction() as writer:
            rows = writer.execute("SELECT * FROM calls_sent WHERE sent_id NOT IN (SELECT sent_id FROM calls_ended)")
        for sent_id, at, campaign_id, number, origin, role, version, model, tokens_in, tokens_out, usd in rows:
            self.record_call(CallRecord(
                call_id=sent_id, place=CallPlace(campaign_id, number, origin), seq=0, role=role, prompt_version=version,
                model=model, inputs={}, prompt="[]", reply="", fields={}, status="lost", problem=_LOST, attempt=1,
                tokens_in=tokens_in, tokens_out=tokens_out, usd=usd, latency_s=0.0, at_utc=at.replace(tzinfo=UTC),
                sent_id=sent_id,
            ))  # fmt: skip
        return len(rows)

    def record_call(self, call: CallRecord) -> bool:
        """Record one request and its reply, whole, and that the call sent has ended; False if a call of that id is there already.
        The campaign need not be: a call that was paid for is never lost."""
        place = call.place
        row = (
            call.call_id, place.campaign_id, place.number, place.origin, call.seq, call.role, call.prompt_version, call.model,
            call.status, call.problem, call.attempt, call.tokens_in, call.tokens_out, call.usd, packed_fields(call.inputs),
            packed(call.prompt), packed(call.reply), packed_fields(call.fields),
        )  # fmt: skip
        with self._database.transaction() as writer:
            if call.sent_id and not writer.execute("SELECT 1 FROM calls_ended WHERE sent_id = ?", [call.sent_id]):
                _insert(writer, "calls_ended", (call.sent_id,))
            if writer.execute("SELECT 1 FROM model_calls WHERE call_id = ?", [call.call_id]):
                return False
            _insert(writer, "model_calls", row)
            _insert(writer, "model_call_times", (call.call_id, _plain(call.at_utc), call.latency_s))
        return True

    def choose_model(self, choice: ModelChoice) -> None:
        """Ask that model from now on, or none (`NO_MODEL`). Raises StoreError for an address that carries a name or a key: those
        stay in the environment."""
        parts = urlsplit(choice.api_base)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise StoreError(
                "the model's address carries a name, a key or a query, and the ledger keeps no keys: give the plain address, "
                "such as http://127.0.0.1:8080/v1, and put the key into the environment or .env"
            )
        with self._database.transaction() as writer:
            self._event(writer, "model_choices", (to_json(asdict(choice)),))

    def set_caps(self, campaign_id: str | None, caps: Caps) -> None:
        """Cap what that campaign may spend from now on, or (None) all of them. The campaign need not have begun."""
        with self._database.transaction() as writer:
            self._event(writer, "caps", (campaign_id, to_json(asdict(caps))))

    # Prompts

    def prompt_version(self, role: str, version: str, text: str, *, who: str, why: str = "") -> bool:
        """The role's prompt is of that version from now on, with `text` as written in the book; False if it was already. Each
        text is kept once; a version that is taken up again is one more event of the role's history."""
        with self._database.transaction() as writer:
            _keep_text(writer, role, version, text)
            last = writer.execute("SELECT arg_max(version, seq) FROM prompt_events WHERE role = ?", [role])[0][0]
            if last == version:
                return False
            self._event(writer, "prompt_events", (role, version, who, why))
        return True

    def propose_prompt(self, role: str, text: str, why: str, who: str) -> int:
        """Keep a prompt for a person to accept or decline; the proposal's number."""
        with self._database.transaction() as writer:
            return self._event(writer, "prompt_proposals", (role, text, why, who))

    def settle_proposal(self, seq: int, accepted: bool) -> None:
        """Close the proposal of that number. Raises UnknownEntry; a proposal that was settled may be settled anew."""
        with self._database.transaction() as writer:
            _must_be(writer, "prompt_proposals", "seq", seq)
            self._event(writer, "proposal_events", (seq, accepted))

    def try_prompt(self, seq: int, share: float, version: str) -> bool:
        """Try the proposal of that number, whose text is of that version, on this share of the runs from now on, until it is
        settled or ended; its text is kept, and does not come into force. False if it is tried so already.

        Raises UnknownEntry, ValueError for a share that is not above 0 and at most 1, and StoreError for a proposal that is
        settled or has no room beside the others that are tried in its role.
        """
        if not 0 < share <= 1:
            raise ValueError(f"the share of proposal {seq} is {share:g}; wanted more than 0 and at most 1")
        with self._database.transaction() as writer:
            _must_be(writer, "prompt_proposals", "seq", seq)
            role, text = writer.execute("SELECT role, text FROM prompt_proposals WHERE seq = ?", [seq])[0]
            if writer.execute("SELECT 1 FROM proposal_events WHERE proposal = ? LIMIT 1", [seq]):
                raise StoreError(f"proposal {seq} is decided, so it cannot be tried; propose its text anew")
            tried = dict(writer.execute(f"SELECT proposal, share FROM ({TRIED}) WHERE role = ?", [role]))
            if tried.get(seq) == share:
                return False
            others = sum(other for proposal, other in tried.items() if proposal != seq)
            if share + others > 1 + 1e-9:
                raise StoreError(
                    f"other texts for {role} are tried on {others:.0%} of the runs already, which leaves no {share:.0%}; take a "
                    "smaller share, or end another trial"
                )
            _keep_text(writer, role, version, text)
            self._event(writer, "prompt_tries", (seq, version, share))
        return True

    def end_try(self, seq: int, *, campaign_id: str | None = None, why: str = "") -> bool:
        """Try the proposal of that number no more, and leave it open; False if it is not tried. Raises UnknownEntry. Where the
        program ends it, `why` and the campaign at work are told in an event."""
        with self._database.transaction() as writer:
            _must_be(writer, "prompt_proposals", "seq", seq)
            tried = writer.execute(f"SELECT role, version FROM ({TRIED}) WHERE proposal = ?", [seq])
            if tried:
                role, version = tried[0]
                self._event(writer, "prompt_tries", (seq, version, 0.0))
                if why:
                    told = f"proposal {seq}, version {version} of the prompt {role}: {why}; the text in force is asked instead"
                    insert_event(writer, campaign_id, TRIAL_ENDED, told, self._clock().replace(tzinfo=None))
        return bool(tried)

    # Replays

    def begin_replay(
        self, replay_id: str, role: str, calls: Sequence[str], times: int, old: tuple[str, str], new: tuple[str, str]
    ) -> None:
        """Keep that the stored calls are asked `times` again with each of two prompts, (version, text) each; the new one does not
        come into force."""
        with self._database.transaction() as writer:
            for version, text in (old, new):
                _keep_text(writer, role, version, text)
            _insert(writer, "replays", (replay_id, _plain(self._clock()), role, list(calls), times, old[0], new[0]))

    def replay_answer(
        self, replay_id: str, side: Literal["old", "new"], source: str, calls: Sequence[str], answer: Mapping[str, Any]
    ) -> None:
        """Keep one answer to the call `source`, for which those calls were made; `answer` is what it was worth, as plain data."""
        with self._database.transaction() as writer:
            seq = writer.execute("SELECT count(*) + 1 FROM replay_answers WHERE replay_id = ?", [replay_id])[0][0]
            _insert(writer, "replay_answers", (replay_id, seq, side, source, list(calls), to_json(dict(answer))))

    def end_replay(self, replay_id: str, problem: str) -> None:
        """Keep why the replay ended before all was asked; the first that is told stays."""
        with self._database.transaction() as writer:
            if not writer.execute("SELECT 1 FROM replay_ends WHERE replay_id = ?", [replay_id]):
                _insert(writer, "replay_ends", (replay_id, problem))

    # Ideas

    def add_idea(self, idea: Idea) -> bool:
        """Offer the idea to writers, also one that was deleted; False if it is offered just so already.

        Raises ValueError for a weight that is not above 0, or another text under an id that is taken.
        """
        with self._database.transaction() as writer:
            there = writer.execute("SELECT title, text FROM ideas WHERE idea_id = ?", [idea.idea_id])
            if there and (there[0][0], unpacked(there[0][1])) != (idea.title, idea.text):
                raise ValueError(f"idea {idea.idea_id} has another text in the ledger")
            if not there:
                _insert(writer, "ideas", (idea.idea_id, idea.title, packed(idea.text)))
            return self._set_idea(writer, idea.idea_id, (idea.weight, _plain(idea.expires), False))

    def change_idea(
        self, idea_id: str, *, weight: float | None = None, expires: datetime | Literal["keep"] | None = "keep",
        deleted: bool | None = None,
    ) -> bool:  # fmt: skip
        """Change what is given: `expires` None is never. False if that changes nothing. Raises UnknownEntry, and ValueError for a
        weight that is not above 0."""
        with self._database.transaction() as writer:
            _must_be(writer, "ideas", "idea_id", idea_id)
            old_weight, old_expires, was_deleted = _idea_state(writer, idea_id)[0]
            state = (
                old_weight if weight is None else weight,
                old_expires if expires == "keep" else _plain(expires),
                was_deleted if deleted is None else deleted,
            )
            return self._set_idea(writer, idea_id, state)

    def _set_idea(self, writer: Writer, idea_id: str, state: tuple[float, datetime | None, bool]) -> bool:
        if not state[0] > 0:
            raise ValueError(f"the weight of idea {idea_id} is {state[0]}; wanted more than 0: delete it to show it no more")
        if _idea_state(writer, idea_id) == [state]:
            return False
        self._event(writer, "idea_events", (idea_id, *state))
        return True

    # Beliefs

    def record_belief(self, belief: Belief, campaign_id: str, run_id: str = "") -> None:
        """Keep the lesson or theory with its evidence, as found in that run (empty: by a person). One that is there keeps its
        text and takes the evidence, and stays deleted if a person has deleted it."""
        with self._database.transaction() as writer:
            if not writer.execute("SELECT 1 FROM beliefs WHERE belief_id = ?", [belief.belief_id]):
                texts = (belief.kind, belief.text, belief.disproof, belief.theme, belief.regime)
                _insert(writer, "beliefs", (belief.belief_id, campaign_id, run_id, *texts))
                for kind, is_so in (("pin", belief.is_pinned), ("mute", belief.is_muted)):
                    if is_so:
                        self._event(writer, "belief_events", (belief.belief_id, kind, ""))
            for evidence, is_for in ((belief.runs_for, True), (belief.runs_against, False)):
                for spoke in evidence:
                    _add_evidence(writer, (belief.belief_id, spoke, run_id), is_for)

    def belief_evidence(self, belief_id: str, run_id: str, is_for: bool, *, found_in: str | None = None) -> bool:
        """That run speaks for or against the belief, as found in the run `found_in`, or in itself. False if it was said there
        already. Raises UnknownEntry for an unknown belief."""
        with self._database.transaction() as writer:
            _must_be(writer, "beliefs", "belief_id", belief_id)
            return _add_evidence(writer, (belief_id, run_id, run_id if found_in is None else found_in), is_for)

    def belief_event(self, belief_id: str, kind: BeliefChange, text: str = "") -> None:
        """A person pins, mutes, deletes, restores or edits a belief; `text` is its new wording. Raises UnknownEntry, and
        ValueError for another kind or an edit without text."""
        if kind not in _CHANGES or (kind == "edit" and not text.strip()):
            raise ValueError(f"a belief cannot be changed by {kind!r} with {text!r}; wanted one of {_CHANGES}, an edit with text")
        with self._database.transaction() as writer:
            _must_be(writer, "beliefs", "belief_id", belief_id)
            self._event(writer, "belief_events", (belief_id, kind, text))

    # Steering

    def steer(
        self, campaign_id: str, kind: Literal["continue", "never", "try"], *, run_id: str | None = None, note: str = "",
        generations: int | None = None,
    ) -> int:  # fmt: skip
        """Keep what a person wants next; its number. Raises CampaignError for an unknown campaign, ValueError for a `continue` or
        `never` without a run."""
        if kind != "try" and run_id is None:
            raise ValueError(f"{kind!r} is about a run, and none was named")
        with self._database.transaction() as writer:
            check_campaign(writer, campaign_id)
            return self._event(writer, "steering", (campaign_id, kind, run_id, note, generations))

    def steering_used(self, seq: int, run_id: str) -> None:
        """That run followed the steering of that number. Raises UnknownEntry."""
        with self._database.transaction() as writer:
            _must_be(writer, "steering", "seq", seq)
            if not writer.execute("SELECT 1 FROM steering_uses WHERE seq = ? AND run_id = ?", [seq, run_id]):
                _insert(writer, "steering_uses", (seq, run_id))

    def withdraw_steering(self, seq: int) -> None:
        """The steering of that number holds no more; runs that followed it stay. Raises UnknownEntry."""
        with self._database.transaction() as writer:
            _must_be(writer, "steering", "seq", seq)
            if not writer.execute("SELECT 1 FROM steering_withdrawn WHERE seq = ?", [seq]):
                _insert(writer, "steering_withdrawn", (seq, _plain(self._clock())))

    def indicator(self, campaign_id: str, name: str, description: str, source: str, run_id: str) -> bool:
        """The run adds an indicator to its campaign; False if it has one of that name. Where runs in flight choose one name, the
        queries give it to the lowest number."""
        with self._database.transaction() as writer:
            check_campaign(writer, campaign_id)
            key = [campaign_id, name, run_id]
            if writer.execute("SELECT 1 FROM indicators WHERE campaign_id = ? AND name = ? AND run_id = ?", key):
                return False
            _insert(writer, "indicators", (*key, description, source))
        return True

    def _event(self, writer: Writer, table: str, values: Sequence[Any]) -> int:
        """Append a row with the next number and the time; the number."""
        seq = int(writer.execute(f"SELECT coalesce(max(seq), 0) + 1 FROM {table}")[0][0])
        _insert(writer, table, (seq, _plain(self._clock()), *values))
        return seq


def _insert(writer: Writer, table: str, values: Sequence[Any]) -> None:
    writer.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)


def _keep_text(writer: Writer, role: str, version: str, text: str) -> None:
    if not writer.execute("SELECT 1 FROM prompt_texts WHERE role = ? AND version = ?", [role, version]):
        _insert(writer, "prompt_texts", (role, version, text))


def _add_evidence(writer: Writer, key: tuple[str, str, str], is_for: bool) -> bool:
    if writer.execute("SELECT 1 FROM belief_evidence WHERE belief_id = ? AND run_id = ? AND found_in = ?", key):
        return False
    _insert(writer, "belief_evidence", (*key, is_for))
    return True


def _must_be(writer: Writer, table: str, key: str, value: str | int) -> None:
    if not writer.execute(f"SELECT 1 FROM {table} WHERE {key} = ? LIMIT 1", [value]):
        raise UnknownEntry(f"nothing with the id {value} is in the ledger's {table}: reload the page, or list what there is")


def _idea_state(writer: Writer, idea_id: str) -> list[tuple[Any, ...]]:
    sql = "SELECT weight, expires, is_deleted FROM idea_events WHERE idea_id = ? ORDER BY seq DESC LIMIT 1"
    return writer.execute(sql, [idea_id])


def _plain(time: datetime | None) -> datetime | None:
    """UTC without a zone, as DuckDB's TIMESTAMP wants it."""
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)
