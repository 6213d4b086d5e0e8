"""How a reply is read: DSPy's chat format, forgiving where a small model slips and strict where it would mean guessing."""

import functools
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from engine.proposal.language_model import load_dspy

CODE = "code"
PROMPT_TEXT = "new_instructions"
"""The coach's last field: a text that has marks of its own, in its example of an answer."""
# `[[ ## code ## ]]` and what small models make of it: fewer brackets, bold, a value on the same line; without brackets it must
# have the line to itself, since code has comments.
_MARKER = re.compile(
    r"^(?:[ \t*`]*\[{1,2}[ \t]*#{2,3}[ \t]*(\w+)[ \t]*#{2,3}[ \t]*\]{0,2}[ \t*`:]*|#{2,3}[ \t]*(\w+)[ \t]*#{2,3}[ \t*`:]*$)",
    re.MULTILINE,
)
_FENCED = re.compile(r"^[ \t]*```[ \t]*([\w+#.-]*)[ \t]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(r"^[ \t]*def[ \t]+\w+[ \t]*\(", re.MULTILINE)
_OTHER_LANGUAGES = (
    ("JavaScript", re.compile(r"^\s*(?:export\s+)?(?:function\s+\w+\s*\(|const\s+\w+\s*=|let\s+\w+\s*=)|=>\s*\{", re.MULTILINE)),
    ("C or Java", re.compile(r"^\s*(?:public|#include|using\s+namespace|int\s+main)\b", re.MULTILINE)),
    ("Pine Script", re.compile(r"^\s*(?://@version|strategy\(|indicator\()", re.MULTILINE)),
)
_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am) sorry,? but|I (?:cannot|can't|can not|won't|am unable to|'m unable to|am not able to)|as an AI\b)",
    re.IGNORECASE,
)


def read_fields(reply: str, outputs: Sequence[str]) -> dict[str, str]:
    """The fields of a reply, as far as it has them, without fences around them.

    Where `code` is wanted and no field is marked, one single fenced block is the code and the words before it are the first
    other field. Where `code` is there, a field left out is empty: nothing is put in its place.

    >>> read_fields("Buy dips.\\n```python\\ndef signals(m, p, ta): ...\\n```", ("hypothesis", "code"))
    {'hypothesis': 'Buy dips.', 'code': 'def signals(m, p, ta): ...'}
    """
    found = _marked(reply, outputs)
    if not found and CODE in outputs and len(blocks := list(_FENCED.finditer(reply))) == 1:
        first = next((name for name in outputs if name != CODE), None)
        found = {CODE: blocks[0][2].strip("\n")} | ({first: reply[: blocks[0].start()].strip()} if first else {})
    if found.get(CODE):
        found = {name: found.get(name, "") for name in outputs}
    return {name: found[name] for name in outputs if name in found}


def _marked(reply: str, outputs: Sequence[str]) -> dict[str, str]:
    marks = [(name, mark) for mark in _MARKER.finditer(reply) if (name := mark[1] or mark[2]) in (*outputs, "completed")]
    found: dict[str, str] = {}
    for (name, mark), after in zip_longest(marks, (mark.start() for _, mark in marks[1:])):
        if name == PROMPT_TEXT:
            found[name] = _unfenced(reply[mark.end() : _end_of(reply, *marks[-1])])
            break
        value = reply[mark.end() : after]
        if name in outputs and name not in found:
            found[name] = _code_of(value) if name == CODE else _unfenced(value)
    return found


def _end_of(reply: str, name: str, mark: re.Match[str]) -> int:
    """Where the last field ends: at the last mark, if that closes the reply."""
    return mark.start() if name == "completed" and not reply[mark.end() :].strip() else len(reply)


def _unfenced(value: str) -> str:
    """The value without a fence that holds all of it."""
    whole = _FENCED.fullmatch(value.strip())
    return whole[2].strip() if whole else value.strip()


def _code_of(value: str) -> str:
    """The fenced block with a function in it if there is one, else the text; its first line keeps its indent."""
    blocks = [block[2] for block in _FENCED.finditer(value)]
    return next((block for block in blocks if _FUNCTION.search(block)), blocks[0] if blocks else value).strip("\n").rstrip()


def fault_in(fields: Mapping[str, str], outputs: Sequence[str]) -> str:
    """What makes the fields unusable, in a sentence; empty if nothing does."""
    if missing := [name for name in outputs if name not in fields]:
        return f"the reply lacks the {_fields(missing)}; wanted each after its marker [[ ## name ## ]]"
    if CODE not in outputs:
        needed = outputs[0]
        return "" if fields[needed] else f"the {_fields([needed])} is empty"
    if not fields[CODE]:
        return f"the {_fields([CODE])} is empty"
    if _FUNCTION.search(fields[CODE]):
        return ""
    language = next((name for name, pattern in _OTHER_LANGUAGES if pattern.search(fields[CODE])), None)
    return f"the field code holds {language if language else 'no Python function'}; wanted a Python function"


def _fields(names: Sequence[str]) -> str:
    return f"field{'s' if len(names) > 1 else ''} {', '.join(names)}"


def is_refusal(reply: str) -> bool:
    """The reply begins by saying that the model will not or cannot. Asked only of replies without the wanted fields.

    >>> is_refusal("I'm sorry, but I can't help with trading.")
    True
    """
    return _REFUSAL.search(reply[:300]) is not None


@functools.cache
def lenient_adapter() -> Any:
    """DSPy's ChatAdapter that reads replies by `read_fields` and sends the instructions as they stand in prompts.yaml. It never
    asks a second time by itself: that would be a call that no budget and no record knows of. Safe from any thread.
    """
    dspy = load_dspy()
    base: Any = dspy.ChatAdapter

    class LenientChatAdapter(base):  # type: ignore[misc]
        def format_task_description(self, signature: Any) -> str:
            return f"\n{signature.instructions}"

        def parse(self, signature: Any, completion: str) -> dict[str, Any]:
            outputs = tuple(signature.output_fields)
            fields = read_fields(completion, outputs)
            if fault := fault_in(fields, outputs):
                raise dspy.utils.exceptions.AdapterParseError(
                    type(self).__name__, signature, completion, fault, parsed_result=fields
                )
            return fields

    return LenientChatAdapter(use_json_adapter_fallback=False)
