"""The fields of the rule of promotion, and the way from their choices to the rule and back: shares are in percent."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import streamlit as st

from engine.records import Promotion

_COUNTS = {
    "train_trades": ("Trades on train, at least", "With open positions."),
    "validation_trades": ("Trades on validation, at least", "With open positions."),
    "looks": ("Looks into the vault, at most", "What the promotions of this campaign may spend."),
}
_SHARES = {
    "luck": ("Chance of luck on train, at most %", "Over all trials of the campaign, plain and beyond buy-and-hold."),
    "judged": ("Chance of luck on validation, at most %", "Beyond buy-and-hold, over all runs that are judged there."),
    "overfit": ("Probability of overfitting, at most %", "Over the campaign's best sets on train."),
    "superior": ("p of superiority, at most %", "Against buy-and-hold and against the baselines, on train."),
    "vault": ("p in the vault, at most %", "Look k on the same bars is tested at this / 2^k."),
}


def rule_shown(rule: Promotion) -> dict[str, Any]:
    """The choices that stand for the rule."""
    return {f"rule_{name}": round(100 * value, 10) if name in _SHARES else value for name, value in asdict(rule).items()}


def rule_of(choices: Mapping[str, Any]) -> Promotion:
    """The rule that the choices stand for; a draft refuses what cannot be."""
    return Promotion(**{
        **{name: choices[f"rule_{name}"] for name in _COUNTS},
        **{name: round(choices[f"rule_{name}"] / 100, 12) for name in _SHARES},
    })  # fmt: skip


def rule_told(rule: Promotion) -> None:
    """The thresholds of a campaign that has begun, behind a button; they cannot be changed."""
    first, own = rule_shown(Promotion()), rule_shown(rule)
    with st.popover("Rule of promotion", icon=":material/verified:"):
        st.caption("Fixed since the campaign started. Each run is held against it on Strategy, tab Evidence.")
        rows = [(label, name, "" if name in _COUNTS else "%") for name, (label, _) in (_COUNTS | _SHARES).items()]
        told = {label.removesuffix(" %"): f"{own[f'rule_{name}']:g}{unit}" + (
            "" if own[f"rule_{name}"] == first[f"rule_{name}"] else f" (usual {first[f'rule_{name}']:g}{unit})"
        ) for label, name, unit in rows}  # fmt: skip
        st.table(told)


def rule_fields(kept: dict[str, Any]) -> None:
    """All thresholds behind a button that says whether they are the usual ones. `kept`: options that every field has."""
    first = rule_shown(Promotion())
    changed = sum(st.session_state[f"research.{name}"] != value for name, value in first.items())
    with st.popover(f"Rule of promotion ({f'{changed} changed' if changed else 'usual'})", icon=":material/verified:"):
        st.caption("When a run counts as proven. Fixed once the campaign starts, and a part of what it is.")
        for name, (label, told) in _COUNTS.items():
            st.number_input(label, 1, key=f"research.rule_{name}", help=f"{told} Usual: {first[f'rule_{name}']:g}.", **kept)
        for name, (label, told) in _SHARES.items():
            st.number_input(label, 0.0, 100.0, step=1.0, format="%.4g", key=f"research.rule_{name}",
                            help=f"{told} Usual: {first[f'rule_{name}']:g}%.", **kept)  # fmt: skip
