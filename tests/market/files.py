"""Users' files in miniature."""

from pathlib import Path

import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2022-03-01T00:00Z")  # a Tuesday


def long_frame(
    symbols: tuple[str, ...] = ("BBB", "AAA"), bars: int = 48, *, freq: str = "1h", seed: int = 1, step: float = 0.01
) -> pd.DataFrame:
    """A random walk for each symbol, sorted by symbol and time; the first symbol trades the most."""
    rng = np.random.default_rng(seed)
    parts = []
    for i, symbol in enumerate(symbols):
        close = 100 * np.exp(np.cumsum(rng.normal(0, step, bars)))
        opened = np.r_[100.0, close[:-1]]
        parts.append(
            pd.DataFrame(
                {
                    "timestamp": pd.date_range(FIRST, periods=bars, freq=freq),
                    "symbol": symbol,
                    "open": opened,
                    "high": np.maximum(opened, close) * 1.002,
                    "low": np.minimum(opened, close) * 0.998,
                    "close": close,
                    "volume": rng.uniform(1, 2, bars) * 10 ** (len(symbols) - i),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def write(frame: pd.DataFrame, path: Path) -> Path:
    """The frame as the file that the suffix says, without its index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)
    return path
