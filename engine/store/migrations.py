"""The ledger's tables, and the steps from each version of them to the next.

Every table is append-only: rows are inserted, never changed or deleted; a status is the latest event. The snapshot leans
on this. A released step is never edited: what changes becomes the next step, and the column names stand here as text for
that reason, although they are today's `figures.PORTFOLIO_FIGURES` and `ASSET_FIGURES` (a test compares them).
"""

from collections.abc import Callable
from typing import Any

Execute = Callable[[str], Any]

_PORTFOLIO_V1 = (
    "total_return", "annual_return", "sharpe", "sortino", "calmar", "max_drawdown", "trades", "trades_with_open", "win_rate",
    "win_rate_with_open", "profit_factor", "profit_factor_with_open", "expectancy", "expectancy_with_open", "sqn",
    "sqn_with_open", "average_pnl", "average_pnl_with_open", "exposure", "max_exposure", "largest_position_share", "turnover",
    "fees", "ambiguous_trades", "open_positions", "assets_traded", "assets_listed", "buy_and_hold_return",
    "buy_and_hold_sharpe", "buy_and_hold_max_drawdown",
)  # fmt: skip

_ASSET_V1 = (
    "bars", "trades", "trades_with_open", "win_rate", "win_rate_with_open", "pnl", "contribution", "profit_factor",
    "profit_factor_with_open", "expectancy", "expectancy_with_open", "max_drawdown", "bars_held", "turnover", "fees",
    "ambiguous_trades", "stop_outs", "buy_and_hold_return",
)  # fmt: skip


def _doubles(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(f"{prefix}{name} DOUBLE" for name in names)


def m001_first_tables(execute: Execute) -> None:
    """Campaigns, runs with their results, trials, looks and presets."""
    statements = (
        "store_meta (key VARCHAR PRIMARY KEY, value VARCHAR)",
        """campaigns (campaign_id VARCHAR PRIMARY KEY, name VARCHAR, theme VARCHAR, dataset VARCHAR, data_hash VARCHAR,
            proposer VARCHAR, seed BIGINT, objective VARCHAR, min_trades BIGINT, spec VARCHAR)""",
        "campaign_events (seq BIGINT PRIMARY KEY, campaign_id VARCHAR, at_utc TIMESTAMP, kind VARCHAR, detail VARCHAR)",
        "strategies (code_hash VARCHAR PRIMARY KEY, source VARCHAR)",
        f"""runs (run_id VARCHAR PRIMARY KEY, campaign_id VARCHAR, number BIGINT, arm VARCHAR, parent_run_id VARCHAR,
            code_hash VARCHAR, summary VARCHAR, status VARCHAR, failure_kind VARCHAR, failure_message VARCHAR,
            failure_line BIGINT, params VARCHAR, objective DOUBLE, best_scenario BIGINT, scenarios BIGINT, reason VARCHAR,
            {_doubles(_PORTFOLIO_V1, "train_")}, {_doubles(_PORTFOLIO_V1, "validation_")}, UNIQUE (campaign_id, number))""",
        "run_times (run_id VARCHAR, at_utc TIMESTAMP, elapsed_s DOUBLE)",
        # No index here: 2 million rows in run order are found by their zone maps in 11 ms.
        f"""scenarios (run_id VARCHAR, scenario BIGINT, params VARCHAR, objective DOUBLE, failure VARCHAR,
            {_doubles(_PORTFOLIO_V1)})""",
        f"""run_assets (run_id VARCHAR, "window" VARCHAR, symbol VARCHAR, position BIGINT, {_doubles(_ASSET_V1)})""",
        'run_returns (run_id VARCHAR, "window" VARCHAR, days_hash VARCHAR, returns BLOB)',
        "day_sets (days_hash VARCHAR PRIMARY KEY, days BLOB)",
        """trials (batch_id VARCHAR PRIMARY KEY, at_utc TIMESTAMP, origin VARCHAR, arm VARCHAR, data_hash VARCHAR,
            symbols_hash VARCHAR, first_ns BIGINT, last_ns BIGINT, "window" VARCHAR, scenarios BIGINT, code_hash VARCHAR)""",
        "symbol_sets (symbols_hash VARCHAR, symbol VARCHAR)",
        """looks (at_utc TIMESTAMP, campaign_id VARCHAR, run_id VARCHAR, data_hash VARCHAR, "window" VARCHAR, who VARCHAR,
            why VARCHAR)""",
        "presets (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, name VARCHAR, preset VARCHAR)",
    )
    for statement in statements:
        execute(f"CREATE TABLE {statement}")


def m002_what_the_gate_measured(execute: Execute) -> None:
    """How long a run's strategy takes to settle, and whether it looks at other assets; NULL where nobody measured. And how
    many trades on validation a campaign asks for; NULL where it asked for none.
    """
    execute("ALTER TABLE runs ADD COLUMN warm_up_bars BIGINT")
    execute("ALTER TABLE runs ADD COLUMN is_cross_sectional BOOLEAN")
    execute("ALTER TABLE campaigns ADD COLUMN validation_min_trades BIGINT")


def m003_the_language_model(execute: Execute) -> None:
    """Calls to a model, prompts, ideas, beliefs, a person's steering, caps, and why each run of the model arm was tried.

    Long texts are zlib BLOBs beside plain small columns. What differs between two equal campaigns, the time and latency of a
    call, has its own table; `found_in` is the run that said so, empty for a person.
    """
    statements = (
        """model_calls (call_id VARCHAR PRIMARY KEY, campaign_id VARCHAR, number BIGINT, origin VARCHAR, seq BIGINT, role VARCHAR,
            prompt_version VARCHAR, model VARCHAR, status VARCHAR, problem VARCHAR, attempt BIGINT, tokens_in BIGINT,
            tokens_out BIGINT, usd DOUBLE, inputs BLOB, prompt BLOB, reply BLOB, fields BLOB)""",
        "model_call_times (call_id VARCHAR, at_utc TIMESTAMP, latency_s DOUBLE)",
        "prompt_texts (role VARCHAR, version VARCHAR, text VARCHAR, PRIMARY KEY (role, version))",
        "prompt_events (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, role VARCHAR, version VARCHAR, who VARCHAR, why VARCHAR)",
        "prompt_proposals (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, role VARCHAR, text VARCHAR, why VARCHAR, who VARCHAR)",
        "proposal_events (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, proposal BIGINT, is_accepted BOOLEAN)",
        "ideas (idea_id VARCHAR PRIMARY KEY, title VARCHAR, text BLOB)",
        """idea_events (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, idea_id VARCHAR, weight DOUBLE, expires TIMESTAMP,
            is_deleted BOOLEAN)""",
        """beliefs (belief_id VARCHAR PRIMARY KEY, campaign_id VARCHAR, found_in VARCHAR, kind VARCHAR, text VARCHAR,
            disproof VARCHAR, theme VARCHAR, regime VARCHAR)""",
        """belief_evidence (belief_id VARCHAR, run_id VARCHAR, found_in VARCHAR, is_for BOOLEAN,
            PRIMARY KEY (belief_id, run_id, found_in))""",
        "belief_events (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, belief_id VARCHAR, kind VARCHAR, text VARCHAR)",
        """steering (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, campaign_id VARCHAR, kind VARCHAR, run_id VARCHAR, note VARCHAR,
            generations BIGINT)""",
        "steering_uses (seq BIGINT, run_id VARCHAR, PRIMARY KEY (seq, run_id))",
        """indicators (campaign_id VARCHAR, name VARCHAR, run_id VARCHAR, description VARCHAR, source VARCHAR,
            PRIMARY KEY (campaign_id, name, run_id))""",
        "caps (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, campaign_id VARCHAR, caps VARCHAR)",
        "model_choices (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, choice VARCHAR)",
        """stories (run_id VARCHAR PRIMARY KEY, operator VARCHAR, parents VARCHAR[], hypothesis VARCHAR, predicted_figure VARCHAR,
            predicted_direction VARCHAR, prediction_held BOOLEAN, pack BLOB, review VARCHAR, patterns VARCHAR,
            next_change VARCHAR, ladder VARCHAR, is_kept BOOLEAN, verdict VARCHAR,
            refusals STRUCT(kind VARCHAR, message VARCHAR, line BIGINT)[], used VARCHAR[], market VARCHAR, steering VARCHAR)""",
    )
    for statement in statements:
        execute(f"CREATE TABLE {statement}")


def m004_steering_is_withdrawn(execute: Execute) -> None:
    """What a person asked for can be taken back: *for ever* would else have no end."""
    execute("CREATE TABLE steering_withdrawn (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP)")


def m005_prompts_on_a_share_of_the_runs(execute: Execute) -> None:
    """From when on a proposed prompt is tried on which share of the model arm's runs; a share of 0 ends it. `version` is that
    of its text.
    """
    execute("""CREATE TABLE prompt_tries (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, proposal BIGINT, version VARCHAR,
        share DOUBLE)""")


def m006_rejected_entries(execute: Execute) -> None:
    """How many entries found no place or no cash. Runs until now had equal sleeves, which reject none: 0 where there are
    figures.
    """
    for table, column, counted in (
        ("scenarios", "rejected_entries", "trades"),
        ("runs", "train_rejected_entries", "train_trades"),
        ("runs", "validation_rejected_entries", "validation_trades"),
    ):
        execute(f"ALTER TABLE {table} ADD COLUMN {column} DOUBLE")
        execute(f"UPDATE {table} SET {column} = 0 WHERE {counted} IS NOT NULL AND NOT isnan({counted})")


def m007_whose_trials(execute: Execute) -> None:
    """The campaign that a replay's or a compile's trials belong to; NULL for those of runs, which are their run's by `batch_id`,
    and of commands, which are no campaign's.
    """
    execute("ALTER TABLE trials ADD COLUMN campaign_id VARCHAR")


def m008_the_vault_and_the_luck_of_trials(execute: Execute) -> None:
    """Looks know their bars and which they were on these (`k`), so that they are counted by overlap; those from before count for
    their dataset. What was seen, what promotions found, and what each run's trials would show by luck (float16).
    """
    for column in ("seq BIGINT", "k BIGINT", "symbols_hash VARCHAR", "first_ns BIGINT", "last_ns BIGINT"):
        execute(f"ALTER TABLE looks ADD COLUMN {column}")
    execute("CREATE TABLE run_luck (run_id VARCHAR PRIMARY KEY, maxima BLOB)")
    execute("""CREATE TABLE vault_results (seq BIGINT PRIMARY KEY, run_id VARCHAR, k BIGINT, level DOUBLE, p DOUBLE,
        failure VARCHAR, figures VARCHAR, days_hash VARCHAR, returns BLOB)""")
    execute("""CREATE TABLE promotions (seq BIGINT PRIMARY KEY, at_utc TIMESTAMP, campaign_id VARCHAR, run_id VARCHAR,
        is_promoted BOOLEAN, conditions VARCHAR)""")


def m009_replays(execute: Execute) -> None:
    """Replays are opened again after a restart: what each asked (the stored `calls`, `times` with either text), its answers in
    the order in which they came, each with all its calls, and why it ended early. Their texts are in `prompt_texts`.
    """
    execute("""CREATE TABLE replays (replay_id VARCHAR PRIMARY KEY, at_utc TIMESTAMP, role VARCHAR, calls VARCHAR[], times BIGINT,
        old_version VARCHAR, new_version VARCHAR)""")
    execute("""CREATE TABLE replay_answers (replay_id VARCHAR, seq BIGINT, side VARCHAR, source VARCHAR, calls VARCHAR[],
        answer VARCHAR)""")
    execute("CREATE TABLE replay_ends (replay_id VARCHAR PRIMARY KEY, problem VARCHAR)")


def m010_calls_on_their_way(execute: Execute) -> None:
    """A call is kept before it is sent, at the most it is expected to take, and its end is: one without an end was lost."""
    execute("""CREATE TABLE calls_sent (sent_id VARCHAR PRIMARY KEY, at_utc TIMESTAMP, campaign_id VARCHAR, number BIGINT,
        origin VARCHAR, role VARCHAR, prompt_version VARCHAR, model VARCHAR, tokens_in BIGINT, tokens_out BIGINT, usd DOUBLE)""")
    execute("CREATE TABLE calls_ended (sent_id VARCHAR PRIMARY KEY)")


def m011_what_runs_survive(execute: Execute) -> None:
    """Reports of what runs survive; the latest of a run on a window counts."""
    execute("""CREATE TABLE survivals (seq BIGINT PRIMARY KEY, run_id VARCHAR, "window" VARCHAR, at_utc TIMESTAMP,
        report VARCHAR)""")


MIGRATIONS: tuple[Callable[[Execute], None], ...] = (
    m001_first_tables,
    m002_what_the_gate_measured,
    m003_the_language_model,
    m004_steering_is_withdrawn,
    m005_prompts_on_a_share_of_the_runs,
    m006_rejected_entries,
    m007_whose_trials,
    m008_the_vault_and_the_luck_of_trials,
    m009_replays,
    m010_calls_on_their_way,
    m011_what_runs_survive,
)
"""Step n brings a ledger of version n - 1 to version n; the tuple's length is this program's version."""
