"""Runs named in a line of text, each a link to its Strategy page."""

from collections.abc import Sequence

from engine.errors import UnknownRun
from engine.research.service import ResearchService
from pages import look, selection

MOST = 12  # more do not fit into a line; the latest are shown


def run_links(service: ResearchService, run_ids: Sequence[str], *, home: str = "") -> str:
    """Markdown for those runs, by campaign, or "none". Campaigns other than `home` are named; of many runs the last are shown,
    and how many came before."""
    groups: dict[str, list[str]] = {}
    for run_id in run_ids[-MOST:]:
        try:
            run = service.queries.run(run_id)
        except UnknownRun:
            groups.setdefault(home, []).append(f"a run that is not in this ledger ({look.plain(run_id)})")
            continue
        address = selection.address("strategy", campaign=run.campaign_id, run=run_id)
        groups.setdefault(run.campaign_id, []).append(f"[run {run.number:,}]({address})")
    told = [
        ", ".join(links) + ("" if campaign_id == home else f" of {look.plain(service.queries.campaign(campaign_id).name)}")
        for campaign_id, links in groups.items()
    ]
    before = len(run_ids) - MOST
    return ("; ".join(told) or "none") + (f", and {before:,} before" if before > 0 else "")
