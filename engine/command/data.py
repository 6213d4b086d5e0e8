"""`engine data`: import, list, quality, demo."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.command.answer import JsonOption, Refused, StoreOption, answers
from engine.errors import DataError
from engine.market.catalog import DEMO_NAMES, Catalog
from engine.market.demo import DEMO_EDGE, DEMO_STRENGTH, demo_market, describe_edge
from engine.market.quality import assess
from engine.settings import load_settings

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Datasets: import bars, list them, judge them, make demo markets."
)


def _catalog(store: Path | None) -> Catalog:
    return Catalog(load_settings(store).bars_dir)


def _line(about: dict[str, Any]) -> str:
    labels = [w for w, on in (("SYNTHETIC", about["synthetic"]), ("survivors only", about["survivors_only"])) if on]
    extent = f"{about['assets']} assets x {about['rows']:,} bars of {about['timeframe']}, {about['first']} to {about['last']}"
    return f"{about['name']}: {extent}" + (f" ({', '.join(labels)})" if labels else "")


@app.command("import")
@answers
def import_(
    path: Annotated[Path, typer.Argument(help="Parquet or CSV, long or one file per symbol in a folder.")],
    name: Annotated[str, typer.Option("--name", help="Name of the dataset: letters, digits, - and _.")],
    reference: Annotated[str | None, typer.Option(help="Reference asset; default the highest median dollar volume.")] = None,
    replace: Annotated[bool, typer.Option(help="Replace a dataset of that name.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Import bars under a name; refuses what cannot be trusted, reports the rest."""
    result = _catalog(store).import_path(path, name, reference=reference, replace=replace)
    messages = list(result.quality.messages)
    text = "\n".join([_line(result.description), *(f"  - {m}" for m in messages[:12])])
    more = f"\n  … and {len(messages) - 12} more: engine data quality --data {name}" if len(messages) > 12 else ""
    return {"dataset": result.description, "messages": messages, "replaced": result.replaced}, text + more


@app.command("list")
@answers
def list_(store: StoreOption = None, as_json: JsonOption = False) -> tuple[dict[str, Any], str]:
    """The datasets of the store."""
    catalog = _catalog(store)
    found, damaged = [], {}
    for name in catalog.names():
        try:
            found.append(catalog.describe(name))
        except DataError as error:
            damaged[name] = str(error)
    empty = "no dataset yet; import one with `engine data import PATH --name N`, or name `demo` in any command"
    answer, text = {"datasets": found, "damaged": damaged}, "\n".join(map(_line, found)) or empty
    if damaged:
        raise Refused("; ".join(damaged.values()), answer, text)
    return answer, text


@app.command()
@answers
def quality(
    data: Annotated[str, typer.Option("--data", help="Name of the dataset.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """The quality report of a dataset: gaps, bad bars, outliers, listings and delistings."""
    catalog = _catalog(store)
    report = catalog.quality(data)
    columns = [c for c in report.assets.columns if c != "flags"]
    text = "\n".join(
        [_line(catalog.describe(data)), *(f"  - {m}" for m in report.messages), "", report.assets[columns].to_string()]
    )
    return {"dataset": data, **report.as_dict()}, text


@app.command()
@answers
def demo(
    name: Annotated[str | None, typer.Option("--name", help="Name of a market of your own; default demo and demo-null.")] = None,
    edge: Annotated[str, typer.Option(help="Kind of planted edge, or none.")] = DEMO_EDGE,
    strength: Annotated[float, typer.Option(help="How strong it is; 2 pays the default costs.")] = DEMO_STRENGTH,
    seed: Annotated[int, typer.Option(help="Seed of the market; equal seeds give equal bars.")] = 7,
    assets: Annotated[int, typer.Option(help="Number of assets.")] = 100,
    bars: Annotated[int, typer.Option(help="Number of hourly bars.")] = 17_520,
    replace: Annotated[bool, typer.Option(help="Replace a dataset of that name.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> tuple[dict[str, Any], str]:
    """Make the two standing demo markets, or under a name of its own a synthetic market with an edge of your choice."""
    catalog = _catalog(store)
    if name is None:
        standing = [catalog.describe(standard) for standard in DEMO_NAMES]
        return {"datasets": standing}, "\n".join(map(_line, standing))
    if name in DEMO_NAMES:
        raise DataError(f"{name} is the name of a standing demo market; leave --name out to make it, or choose another name")
    if seed < 0:
        raise DataError(f"the seed is {seed}; wanted a whole number of 0 or more")
    kind = None if edge == "none" else edge
    panel = demo_market(name, seed=seed, edge=kind, strength=strength, assets=assets, bars=bars)
    meta = {"edge": kind, "edge_strength": strength, "edge_text": describe_edge(kind, strength), "seed": seed}
    about = catalog.save(panel, source="SYNTHETIC", quality=assess(panel), extra_meta=meta, replace=replace)
    return {"dataset": about}, _line(about)
