"""The book of prompts: every text that is sent to a model, read from YAML and held against what the pipeline calls.

    market:
      purpose: What this call is for, for people.
      inputs: {figures: What the model is told this field holds.}
      outputs: {regime: What it is asked to answer here., mood: The same.}
      instructions: |
        Say in words what {figures} show.
      temperature: 0.7        # if another than the model's own
      model: openai/gpt-5     # if another than the campaign's

`{name}` in the instructions refers to an input, and each listed input is referred to.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from engine.errors import PromptError
from engine.proposal.language_model import problem_of_name
from engine.proposal.redaction import key_line
from engine.proposal.roles import ROLES, Role
from engine.settings import read_environment

MAX_TEXT = 500_000
"""Letters of a book. Far above need; it keeps a wrong file from being worked on."""
KEYS = ("purpose", "inputs", "outputs", "instructions", "temperature", "model")
_NEEDED = KEYS[:4]
_REFERENCE = re.compile(r"\{([A-Za-z_]\w*)\}")
_UNHELD = re.compile(f"{yaml.reader.Reader.NON_PRINTABLE.pattern}|\ufeff")
"""What YAML refuses to read, and a byte order mark, which it drops."""
_WIDTH = 120


@dataclass(frozen=True)
class Prompt:
    """The text of one role. `inputs`, `outputs`: descriptions by field, in the order in which the model sees them.

    Texts are kept as YAML can hold them: one kind of line end, spaces for tabs, none at a line's end, no control characters.
    So a prompt has the same version before it is saved and after.
    """

    role: str
    purpose: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    instructions: str
    temperature: float | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        for key in ("purpose", "instructions"):
            object.__setattr__(self, key, _tidy(getattr(self, key)))
        for key in ("inputs", "outputs"):
            object.__setattr__(self, key, {name: _tidy(text) for name, text in getattr(self, key).items()})

    @property
    def version(self) -> str:
        """12 hexadecimal digits of its content."""
        return _digest([*asdict(self).items(), *self.inputs.items(), *self.outputs.items()])


@dataclass(frozen=True)
class PromptBook:
    """A prompt for every role, by name."""

    prompts: Mapping[str, Prompt]

    def __getitem__(self, role: str) -> Prompt:
        return self.prompts[role]

    @property
    def version(self) -> str:
        """12 hexadecimal digits of all its prompts' versions."""
        return _digest([self.prompts[role].version for role in sorted(self.prompts)])


def parse_book(text: str) -> PromptBook:
    """The book that the YAML text holds. Raises PromptError with the first of its problems, and how many more there are."""
    prompts, problems = _read(text)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise PromptError(problems[0] + more)
    return PromptBook(prompts)


def find_problems(text: str) -> list[str]:
    """Everything that keeps the text from being a book, a sentence each; empty for a good one. Of one with a key only that."""
    return _read(text)[1]


def book_text(book: PromptBook) -> str:
    """The book as YAML, roles in the pipeline's order; `parse_book` makes the same book of it."""
    known = [role for role in ROLES if role in book.prompts]
    return "\n".join(prompt_text(book.prompts[role]) for role in known)


def prompt_text(prompt: Prompt) -> str:
    """One prompt as YAML, under its role, with the instructions as a block."""
    entry = {key: getattr(prompt, key) for key in KEYS if getattr(prompt, key) is not None}
    entry |= {key: dict(entry[key]) for key in ("inputs", "outputs")} | {"instructions": _Block(prompt.instructions)}
    return yaml.dump({prompt.role: entry}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)


def _tidy(text: str) -> str:
    lines = (_UNHELD.sub("", line).rstrip() for line in text.expandtabs(4).splitlines())
    return "\n".join(lines).strip("\n").rstrip()


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def _read(text: str) -> tuple[dict[str, Prompt], list[str]]:
    """The prompts, in the pipeline's order, and what is wrong; with a problem they are not to be used."""
    if (line := key_line(text)) is not None:  # nothing else is told: it might quote the key
        return {}, [_keyed(line)]
    try:
        content = _load(text)
    except PromptError as error:
        return {}, [str(error)]
    problems = [
        f"the role {_short(name)} is called by nothing{_nearest(name, ROLES)}; take it out, or name one of {', '.join(ROLES)}"
        for name in content
        if name not in ROLES
    ]
    prompts = {}
    for name, role in ROLES.items():
        if name not in content:
            problems.append(f"the role {name} is missing; add it with {', '.join(_NEEDED)}")
        elif found := [f"{name}: {problem}" for problem in _problems(role, content[name])]:
            problems += found
        else:
            prompts[name] = Prompt(name, **{key: value for key, value in content[name].items() if value is not None})
    return prompts, problems


def _keyed(line: int) -> str:
    return f"line {line} holds a key or what looks like one; take it out: prompts are kept for good, and sent"


def _load(text: str) -> dict[Any, Any]:
    if len(text) > MAX_TEXT:
        raise PromptError(f"the prompts have {len(text):,} letters; wanted at most {MAX_TEXT:,}: is this the right file?")
    try:
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise PromptError(_in_words(error, text)) from None
    except (RecursionError, ValueError) as error:  # nested too deeply; a date such as 2024-13-40
        raise PromptError(
            f"the prompts are no YAML that can be read: {type(error).__name__} {error!s:.80}; quote texts"
        ) from None
    if not isinstance(content, dict):
        raise PromptError(f"the prompts are {_kind(content)}; wanted one entry for each of {', '.join(ROLES)}")
    return content


def _in_words(error: yaml.YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = getattr(error, "position", None)
    line = mark.line + 1 if mark else text.count("\n", 0, position) + 1 if isinstance(position, int) else None
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    return f"line {line or '?'} is no YAML: {what}; check indentation, and put a text with a colon in quotes or after |"


def _problems(role: Role, entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield f"it is {_kind(entry)}; wanted {', '.join(_NEEDED)}"
        return
    for key in entry:
        if key not in KEYS:
            yield f"the key {_short(key)} is unknown{_nearest(key, KEYS)}; wanted {', '.join(KEYS)}"
    for key in _NEEDED:
        if key not in entry:
            yield f"{key} is missing; add it"
    for key in ("purpose", "instructions"):
        if key in entry:
            yield from _text_problems(key, entry[key])
    for key, offered in (("inputs", role.inputs), ("outputs", role.outputs)):
        if key in entry:
            yield from _field_problems(key, entry[key], offered)
    if isinstance(entry.get("inputs"), dict) and isinstance(entry.get("instructions"), str):
        yield from _reference_problems(entry["inputs"], entry["instructions"], role)
    yield from _setting_problems(entry)


def _text_problems(what: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{what} is {_kind(value)}; wanted text: put it in quotes or after |"
    elif not _tidy(value).strip():
        yield f"{what} is empty; say what the model needs to know"


def _field_problems(key: str, fields: Any, offered: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(fields, dict):
        yield f"{key} is {_kind(fields)}; wanted a description for each of {', '.join(offered)}"
        return
    for name, description in fields.items():
        if name not in offered:
            kind = "input" if key == "inputs" else "output"
            yield f"the {kind} {_short(name)} is unknown{_nearest(name, offered)}; the role has {', '.join(offered)}"
        else:
            yield from _text_problems(f"the description of {name}", description)
    if key == "outputs":  # all of them are read, while a prompt may do without some inputs
        yield from (f"the output {name} is missing; describe it" for name in offered if name not in fields)


def _reference_problems(inputs: Mapping[Any, Any], instructions: str, role: Role) -> Iterator[str]:
    named = list(dict.fromkeys(_REFERENCE.findall(instructions)))
    for name in named:
        if name not in inputs and name in role.inputs:
            yield f"the instructions name {{{name}}}, which is not listed; add it to inputs"
        elif name not in inputs:
            yield f"the instructions name {{{name}}}, which is no input{_nearest(name, role.inputs)}; in code write {{ {name} }}"
    for name in inputs:
        if name in role.inputs and name not in named:
            yield f"the input {name} is listed but not used; write {{{name}}} in the instructions, or take it out of inputs"


def _setting_problems(entry: Mapping[Any, Any]) -> Iterator[str]:
    temperature, model = entry.get("temperature"), entry.get("model")
    if temperature is not None and (type(temperature) not in (int, float) or not 0 <= temperature <= 2):
        yield f"temperature is {_short(temperature)}; wanted a number from 0 to 2"
    if model is not None and not (isinstance(model, str) and model.strip()):
        yield f"model is {_short(model)}; wanted a name such as openai/gpt-5-mini, or leave it out"
    elif model is not None and (problem := problem_of_name(model)):
        yield f"model: {problem}"


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    names: dict[type, str] = {
        dict: "a table",
        list: "a list",
        str: "a text",
        bool: "a yes or no",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _short(value: Any) -> str:
    return repr(value[:40]) if isinstance(value, str) else f"{value!r:.40}" if isinstance(value, int | float) else _kind(value)


def _nearest(name: Any, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name[:60], list(known), n=1) if isinstance(name, str) else []
    return f", did you mean {found[0]}?" if found else ""


class _Block(str):
    """A text that is written as a block, line for line."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(_Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|"))


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which a key that stands twice is an error: the second would silently take the first one's place. So is a text
    that holds somebody's key once its escapes and folds are read.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._environment = read_environment()

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and key_line(_tidy(value), self._environment) is not None:
            raise PromptError(_keyed(node.start_mark.line + 1))
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        keys = node.value if isinstance(node, yaml.MappingNode) else []
        for key in (key for key, _ in keys if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value[:40]!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
