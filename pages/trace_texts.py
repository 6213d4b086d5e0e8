"""Texts of calls to the model, each shown as text and never as Markdown: messages, replies, fields; and their cost."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import streamlit as st

from pages import look


def usd_text(usd: float | None) -> str:
    """Money for calls, with enough digits for a fraction of a cent."""
    return look.NOT_COMPUTED if look.is_missing(usd) else f"{usd:,.4f} USD"


def show_messages(prompt: str) -> None:
    """The messages of a filled prompt, each apart: the first open only if it is the only one."""
    messages = messages_of(prompt)
    for role, text in messages:
        title = {"system": "What it is told every time (system message)", "user": "What it is told this time (user message)"}
        label = f"**{title.get(role, look.plain(role))}**, {len(text):,} letters"
        with st.expander(label, expanded=role != "system" or len(messages) == 1):
            st.code(text, None, wrap_lines=True, height=height_for(text))


def messages_of(prompt: str) -> list[tuple[str, str]]:
    """(role, text) of each message of `CallRecord.prompt`; parts of a message follow each other. Text that is no such JSON is
    one message."""
    try:
        return [(str(message["role"]), _content(message["content"])) for message in json.loads(prompt)]
    except (ValueError, KeyError, TypeError):
        return [("prompt", prompt)]


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [
        part["text"] if isinstance(part, dict) and "text" in part else json.dumps(part, ensure_ascii=False) for part in parts
    ]
    return "\n".join(map(str, texts))


def show_fields(fields: Mapping[str, str]) -> None:
    """Parsed fields by name; code is coloured as Python."""
    for name, value in fields.items():
        st.caption(look.plain(name))
        st.code(value or "(empty)", "python" if name == "code" else None, wrap_lines=name != "code", height=height_for(value))


def height_for(text: str) -> int | Literal["content"]:
    """Short texts as high as they are, long ones with a scroll bar."""
    return "content" if len(text) < 1_500 and text.count("\n") < 18 else 420
