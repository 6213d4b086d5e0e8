"""`engine prompts`: check the texts that are sent to models, and show them."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.command.answer import JsonOption, Refused, StoreOption, answers
from engine.errors import PromptError
from engine.proposal.prompt_book import Prompt, find_problems, parse_book, prompt_text
from engine.settings import PROJECT_DIR

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The texts that are sent to models, all in prompts.yaml: check, show.",
)

FileOption = Annotated[Path, typer.Option("--file", help="File of prompts.", show_default="prompts.yaml")]
PROMPTS = PROJECT_DIR / "prompts.yaml"


@app.command()
@answers
def check(file: FileOption = PROMPTS, store: StoreOption = None, as_json: JsonOption = False) -> tuple[dict[str, Any], str]:
    """Check the prompts as the app does when the file changes. Exit status 1 if anything is wrong; all of it is told."""
    text = _read(file)
    problems = find_problems(text)
    if problems:
        told = problems[0] if len(problems) == 1 else f"{len(problems)} problems in {file}; see each"
        raise Refused(told, {"file": file, "problems": problems}, "\n".join(f"  - {problem}" for problem in problems))
    book = parse_book(text)
    answer = {"file": file, "problems": [], "version": book.version, "prompts": [_about(p) for p in book.prompts.values()]}
    return answer, f"{len(book.prompts)} prompts in order, version {book.version}"


@app.command()
@answers
def show(
    role: Annotated[str | None, typer.Argument(help="Which prompt; all of them, a line each, if none is named.")] = None,
    file: FileOption = PROMPTS,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Show one prompt whole, or all of them with version and purpose."""
    book = parse_book(_read(file))
    if role is None:
        lines = [f"{p.role:17}{p.version}  {p.purpose}" for p in book.prompts.values()]
        return {"version": book.version, "prompts": [_about(p) for p in book.prompts.values()]}, "\n".join(lines)
    if role not in book.prompts:
        near = difflib.get_close_matches(role, list(book.prompts), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise PromptError(f"there is no prompt {role[:60]!r}; there are {', '.join(book.prompts)}{hint}")
    prompt = book[role]
    return {**_about(prompt), "instructions": prompt.instructions}, f"# version {prompt.version}\n{prompt_text(prompt)}".rstrip()


def _about(prompt: Prompt) -> dict[str, Any]:
    return {
        "role": prompt.role,
        "version": prompt.version,
        "purpose": prompt.purpose,
        "inputs": prompt.inputs,
        "outputs": prompt.outputs,
        "temperature": prompt.temperature,
        "model": prompt.model,
        "words": len(prompt.instructions.split()),
    }


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise PromptError(f"{file} is no UTF-8 text; save it as UTF-8") from None
