"""`engine prompts`: check the texts that are sent to models, show them, and look for better ones."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.command.answer import JsonOption, Refused, StoreOption, answers, number
from engine.command.research import no_model_in_words
from engine.errors import PromptError
from engine.proposal.language_model import find_local_servers
from engine.proposal.prompt_book import Prompt, find_problems, parse_book, prompt_text
from engine.research.compile_prompt import CALLS, EXAMPLES, CompileState
from engine.research.service import ResearchService
from engine.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The texts that are sent to models, all in prompts.yaml: check, show, compile.",
)

FileOption = Annotated[Path | None, typer.Option("--file", help="File of prompts; default EDGEWISE_PROMPTS, else prompts.yaml.")]


@app.command()
@answers
def check(file: FileOption = None, store: StoreOption = None, as_json: JsonOption = False) -> tuple[dict[str, Any], str]:
    """Check the prompts as the app does when the file changes. Exit status 1 if anything is wrong; all of it is told."""
    file = file or load_settings(store).prompts_path
    text = _read(file)
    problems = find_problems(text)
    if problems:
        is_one = len(problems) == 1
        told = f"{file}: {problems[0]}" if is_one else f"{len(problems)} problems in {file}; see each"
        each = "" if is_one else "\n".join(f"  - {problem}" for problem in problems)
        raise Refused(told, {"file": file, "problems": problems}, each)
    book = parse_book(text)
    answer = {"file": file, "problems": [], "version": book.version, "prompts": [_about(p) for p in book.prompts.values()]}
    return answer, f"{len(book.prompts)} prompts in order, version {book.version}"


@app.command()
@answers
def show(
    role: Annotated[str | None, typer.Argument(help="Which prompt; all of them, a line each, if none is named.")] = None,
    file: FileOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Show one prompt whole, or all of them with version and purpose."""
    book = parse_book(_read(file or load_settings(store).prompts_path))
    if role is None:
        lines = [f"{p.role:17}{p.version}  {p.purpose}" for p in book.prompts.values()]
        return {"version": book.version, "prompts": [_about(p) for p in book.prompts.values()]}, "\n".join(lines)
    if role not in book.prompts:
        near = difflib.get_close_matches(role, list(book.prompts), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise PromptError(f"there is no prompt {role[:60]!r}; there are {', '.join(book.prompts)}{hint}")
    prompt = book[role]
    return {**_about(prompt), "instructions": prompt.instructions}, f"# version {prompt.version}\n{prompt_text(prompt)}".rstrip()


@app.command("compile")
@answers
def compile_role(
    role: Annotated[str, typer.Argument(help="Which prompt.")],
    calls: Annotated[int, typer.Option(help="Calls to the model, at most.")] = CALLS,
    examples: Annotated[int, typer.Option(help="Stored inputs that are asked again, at most.")] = EXAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 1,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Look for better instructions by GEPA over the ledger's calls; a better text is proposed, and a person accepts it.

    Every call counts against the caps. Answers are judged on the train window alone.
    """
    service = ResearchService(load_settings(store))
    try:
        if service.model.choice is None:
            raise PromptError(no_model_in_words(find_local_servers()))
        service.compiling.begin(role, calls=calls, examples=examples, seed=seed)
        try:
            service.compiling.wait()
        except KeyboardInterrupt:
            service.compiling.end("it was stopped from the keyboard")
            service.compiling.wait()
        state = service.compiling.state
    finally:
        service.close()
    assert state is not None
    answer, text = _compiled(state)
    if state.problem:
        raise Refused(state.problem, answer, text)
    return answer, text


def _compiled(state: CompileState) -> tuple[dict[str, Any], str]:
    """What a compile came to."""
    found = state.compiled
    answer: dict[str, Any] = {"role": state.role, "calls": state.made, "usd": state.usd, "proposed": state.is_proposed}
    cost = f"{state.made:,} calls, {number(state.usd, 4)} USD"
    if found is None:
        return answer, cost
    answer |= {
        "before": found.before,
        "after": found.after,
        "held_out": found.held_out,
        "texts_measured": found.tried,
        "texts_tried": found.others,
    }
    if found.prompt is None:
        said = f"none of {found.others} other texts did better than" if found.others else "no text was tried beside"
        return answer, f"{said} the one in force, worth {found.before:.2f} of 1; {cost}"
    answer |= {"version": found.prompt.version, "reason": found.reason, "instructions": found.prompt.instructions}
    said = f"worth {found.after:.2f} against {found.before:.2f} on {found.held_out} stored inputs"
    return answer, f"a text {said} waits on the Prompts page ({cost}): {found.reason}\n\n{found.prompt.instructions}"


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
