"""Links from a table to the versions of the prompts that its rows were asked with."""

from typing import Any

import pandas as pd
import streamlit as st

from pages import selection


def version_links(rows: pd.DataFrame) -> list[str | None]:
    """For each row the address of its writer's prompt, in the history of its versions; None where no prompt was asked."""
    return [
        selection.address("prompts", role=role, version=version) if version else None
        for role, version in zip(rows["role"], rows["version"], strict=True)
    ]


def version_column(label: str, width: int) -> Any:
    """The column of `version_links`, which shows the version alone."""
    return st.column_config.LinkColumn(
        label, display_text=r"version=(.*)$", width=width, help="Version of the writer's prompt; opens its history in a new tab."
    )
