"""`engine ideas`: thoughts and articles that writers of strategies are shown now and then."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.command.answer import JsonOption, StoreOption, answers
from engine.errors import DataError
from engine.model_records import Idea
from engine.research.idea_files import KINDS, make_idea, read_text
from engine.settings import load_settings
from engine.store.database import Database
from engine.store.memory_queries import Earnings
from engine.store.model_ledger import ModelLedger
from engine.store.snapshot import open_readers

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Thoughts and articles that writers of strategies are shown now and then: add, list.",
)


@app.command()
@answers
def add(
    source: Annotated[str, typer.Argument(help="A file (text, Markdown, PDF), or the idea itself in quotes.")],
    title: Annotated[str, typer.Option(help="Default: the first line.")] = "",
    weight: Annotated[float, typer.Option(help="How often it is drawn, against the others.")] = 1.0,
    expires: Annotated[float | None, typer.Option(help="Days after which it is shown no more; default never.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Offer an idea to the writers; the same again changes its weight and expiry."""
    now = datetime.now(UTC)
    if expires is not None and not 0 < expires <= 36_500:
        raise DataError(f"--expires is {expires:g} days; wanted more than 0 and at most 36,500")
    until = None if expires is None else now + timedelta(days=expires)
    idea = make_idea(_text_of(source), title=title, weight=weight, expires=until)
    settings = load_settings(store)
    with closing(Database(settings.database_path)) as database:
        is_new = ModelLedger(database, settings).add_idea(idea)
    said = "added" if is_new else "was there just so already"
    return {**_plain(idea), "added": is_new}, f"idea {idea.idea_id} {said}: {idea.title} ({len(idea.text):,} letters)"


@app.command("list")
@answers
def list_ideas(
    everything: Annotated[bool, typer.Option("--all", help="Those that have expired too.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """The ideas that writers draw from, with what came of the runs that were shown each."""
    with open_readers(load_settings(store)) as (_, queries):
        found = queries.ideas(None if everything else datetime.now(UTC))
    rows = [{**_plain(idea), **_earned(earned)} for idea, earned in found]
    lines = [f"{'id':<12}  {'weight':>6}  {'expires':<10}  {'runs':>4} {'ran':>4} {'kept':>4} {'better':>6}  title"]
    for row in rows:
        lines.append(
            f"{row['idea_id']:<12}  {row['weight']:>6g}  {(row['expires'] or 'never')[:10]:<10}  {row['runs']:>4}"
            f" {row['scored']:>4} {row['kept']:>4} {row['better']:>6}  {row['title']}"
        )
    return {"ideas": rows}, "\n".join(lines) if rows else 'there are no ideas; add one with `ideas add "…"` or `ideas add FILE`'


def _text_of(source: str) -> str:
    """The text of the file of that name, else the words themselves; a folder, or a file that is not there, is no idea."""
    path = Path(source)
    if len(source) < 4_096 and "\n" not in source and source.strip():
        if path.is_file():
            return read_text(path.name, path.read_bytes())
        if path.is_dir():
            raise DataError(f"{source} is a folder; name a file in it, or give the idea itself in more words")
    if path.suffix.lower() in KINDS and " " not in source:
        raise DataError(f"there is no file {source}; name one that is there, or give the idea itself in quotes")
    return source


def _plain(idea: Idea) -> dict[str, Any]:
    return {
        "idea_id": idea.idea_id,
        "title": idea.title,
        "letters": len(idea.text),
        "weight": idea.weight,
        "expires": idea.expires and idea.expires.isoformat(timespec="seconds"),
    }


def _earned(earned: Earnings) -> dict[str, int]:
    return {"runs": earned.runs, "scored": earned.scored, "kept": earned.kept, "better": earned.better}
