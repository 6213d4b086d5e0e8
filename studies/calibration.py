"""How often does a campaign promote something where nothing is, and where something is?

    python studies/calibration.py FOLDER [--store STORE] [--campaigns N] [--seed I] [--hours H] MARKET [MARKET ...]

The same as `python -m engine calibrate`, for hours and in pieces: each market's campaigns are lines of FOLDER/MARKET.jsonl, and
whoever calls it again with the same seed goes on where it stood. Markets take turns, so that whatever is there compares. Prints
the table of docs/calibration.md from all lines. The first line of a file says seed and sizes; others are refused.
"""

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TURN = 4


def main(
    folder: Path, store: Path | None, markets: list[str], campaigns: int, seed: int, hours: float, sizes: dict[str, Any]
) -> str:
    from engine.market.catalog import Catalog
    from engine.research.calibration import Campaign, Sizes, calibrate
    from engine.settings import load_settings

    settings, began = load_settings(store), time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    files = {market: folder / (market.replace(":", "_") + ".jsonl") for market in markets}
    asked = {"seed": seed, **asdict(Sizes(**sizes))}
    for market, file in files.items():
        if not file.exists():
            file.write_text(json.dumps({"market": market, **asked}) + "\n", encoding="utf-8")
        if (found := read(file)[0]) != {"market": market, **asked}:
            raise SystemExit(f"{file} holds campaigns of {found}; wanted {asked}: give another folder")
    while time.monotonic() - began < hours * 3_600:
        done = {market: len(read(file)) - 1 for market, file in files.items()}
        market = min(done, key=lambda m: done[m])
        if done[market] >= campaigns:
            break

        def keep(_: int, last: Campaign, market: str = market) -> None:
            vault = [c.value for j in last.judged for c in j.conditions if c.name == "vault"]
            held = [{c.name: c.value for c in j.conditions if c.value is not None} for j in last.stood]
            line = {"promoted": last.is_promoted, "scenarios": last.scenarios, "seconds": round(last.elapsed_s, 1),
                    "judged": len(last.judged), "vault": vault, "missed": last.missed, "runs": held}  # fmt: skip
            with files[market].open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")

        calibrate(
            market, campaigns=min(TURN, campaigns - done[market]), seed=seed, settings=settings,
            catalog=Catalog(settings.bars_dir), sizes=Sizes(**sizes), tell=keep, first=done[market],
        )  # fmt: skip
    return "\n".join(table(files))


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def table(files: dict[str, Path]) -> list[str]:
    """A row a market: campaigns, promoted, interval, scenarios, seconds a campaign, and what runs missed most."""
    from engine.analysis.intervals import exact_interval

    lines = [
        "| market | campaigns | promoted | rate | 95 % interval | reached the vault | scenarios | s a campaign |",
        "|---" * 8 + "|",
    ]
    for market, file in files.items():
        _, *rows = read(file)
        if not rows:
            continue
        n, hits = len(rows), sum(r["promoted"] for r in rows)
        low, high = exact_interval(hits, n)
        reached, scored = sum(bool(r["vault"]) for r in rows), sum(r["scenarios"] for r in rows)
        seconds = sorted(r["seconds"] for r in rows)[n // 2]
        lines.append(
            f"| {market} | {n} | {hits} | {hits / n:.1%} | {low:.1%} to {high:.1%} | {reached} | {scored:,} | {seconds:.0f} |"
        )
        missed = Counter[str]()
        for row in rows:
            missed.update(row["missed"])
        print(market, dict(missed.most_common()), file=sys.stderr)
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("markets", nargs="+")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--campaigns", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1e9)
    for name in ("assets", "bars", "runs", "scenarios"):
        parser.add_argument(f"--{name}", type=int)
    given = parser.parse_args()
    own = {name: value for name in ("assets", "bars", "runs", "scenarios") if (value := getattr(given, name)) is not None}
    print(main(given.folder, given.store, given.markets, given.campaigns, given.seed, given.hours, own))
