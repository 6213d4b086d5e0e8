"""Every trade with all that is known of it, as a table to take away: its states when it was decided and when it ended."""

import numpy as np
import pandas as pd

from engine.analysis.explanation import Explanation
from engine.analysis.trade_table import INDICATOR, STATE_NAMES, indicator_columns, last_rows
from engine.backtest.portfolio import Result
from engine.features.entry_states import STATES, State, entry_states, month_name

ENTRY, EXIT = "entry_state.", "exit_state."
"""Begin the names of columns with a state or an indicator at the deciding close, and at the last close before the end."""


def whole_trades(result: Result, found: Explanation, at_exit: pd.DataFrame | None = None) -> pd.DataFrame:
    """The trade table of an explained result, a row a trade, with the states twice: when it was decided, and at the last close
    before the bar in which it ended. `at_exit`: what the strategy's own indicators said then, if that is known: a row a trade.

    Hour, weekday and month are those of the bars of entry and exit, UTC. What is no number is in words; None where unknown.
    """
    market, table = result.market, found.table
    ended = entry_states(market.panel, last_rows(market, result.trades), table["asset"].to_numpy())
    if at_exit is not None:
        ended = pd.concat([ended, at_exit.add_prefix(INDICATOR)], axis=1)
    decided = table[[*STATE_NAMES, *indicator_columns(table)]]
    own = table.drop(columns=[*decided.columns, "asset"])
    return pd.concat([own, _named(decided, ENTRY), _named(ended.set_axis(table.index), EXIT)], axis=1)


def _named(states: pd.DataFrame, begin: str) -> pd.DataFrame:
    classes = {state.name: state for state in STATES if state.kind == "class"}
    told = {name: _words(classes[name], column) if name in classes else column for name, column in states.items()}
    return pd.DataFrame(told, index=states.index).add_prefix(begin)


def _words(state: State, codes: pd.Series) -> pd.Series:
    known = {
        int(code): state.classes[int(code)] if state.classes else month_name(int(code)) for code in np.unique(codes) if code >= 0
    }
    return codes.map(known).astype(object).where(codes >= 0, None)
