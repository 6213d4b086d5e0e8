"""Do the statistics of evidence say what they claim? Simulated searches in which the truth is known.

    python -m studies.evidence_statistics [SEARCHES]

Searches without skill (default 400 of 300 candidates on 250 days) of several shapes: how often each rule at 5 % calls the best of
them skilled, and how many independent trials they amount to, by our count, by a count of eigenvalues (participation ratio), and
in truth (from the expected best of all searches). Then the share of PBO, SPA and of intervals, and the processor time for 2,000
candidates x 500 days. Prints tables for docs/evidence.md.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from engine.analysis.chance import chance_maxima, independent_trials, normal_score
from engine.analysis.deflated import chance_of_luck, deflated_sharpe, effective_trials
from engine.analysis.overfit import probability_of_overfitting
from engine.analysis.resampling import block_bootstrap_interval, trades_by_day
from engine.analysis.superiority import superior_predictive_ability

CANDIDATES, DAYS, ALPHA = 300, 250, 0.05
Draw = Callable[[np.random.Generator], np.ndarray]


def groups(sizes: list[int], rho: float) -> Draw:
    """Groups of those sizes whose members correlate with rho; groups are independent."""
    which = np.repeat(np.arange(len(sizes)), sizes)

    def draw(rng: np.random.Generator) -> np.ndarray:
        common = rng.standard_normal((len(sizes), DAYS))[which]
        return np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.standard_normal((len(which), DAYS))

    return draw


def losses(rng: np.random.Generator) -> np.ndarray:
    """Independent candidates that win a little on 19 days of 20 and lose it all on one."""
    return np.where(rng.random((CANDIDATES, DAYS)) < 0.05, -19.0, 1.0)


def losing(rng: np.random.Generator) -> np.ndarray:
    """Independent candidates most of which lose their costs: yearly Sharpe ratios from -10 to 0."""
    return rng.standard_normal((CANDIDATES, DAYS)) - np.linspace(0, 10, CANDIDATES)[:, None] / np.sqrt(365)


def fat(rng: np.random.Generator) -> np.ndarray:
    """Independent candidates with Student's t on 3 degrees of freedom."""
    return rng.standard_t(3, (CANDIDATES, DAYS))


SHAPES: dict[str, Draw] = {
    "300 independent": groups([1] * 300, 0.0),
    "10 groups of 30, rho 0.999": groups([30] * 10, 0.999),
    "10 groups of 30, rho 0.95": groups([30] * 10, 0.95),
    "1 group of 300, rho 0.999": groups([300], 0.999),
    "270 copies (0.99) + 30 independent": groups([270, *([1] * 30)], 0.99),
    "all correlated 0.6": groups([300], 0.6),
    "independent, fat tails": fat,
    "independent, rare great losses": losses,
    "independent, most lose": losing,
}


def participation(returns: np.ndarray) -> float:
    """(sum of eigenvalues)^2 / sum of their squares of the correlation matrix."""
    return float(len(returns) ** 2 / (np.corrcoef(returns) ** 2).sum())


def null_tables(searches: int) -> None:
    print(
        f"{'search without skill':36}{'truth':>8}{'ours':>8}{'eigen':>8} |"
        + "".join(f"{head:>8}" for head in ("luck", "DSR", "DSR tr", "DSR eig"))
    )
    for seed, (name, draw) in enumerate(SHAPES.items()):
        rng = np.random.default_rng(100 + seed)
        rows = []
        for _ in range(searches):
            x = draw(rng)
            sharpes = x.mean(1) / x.std(1)
            best = x[sharpes.argmax()]
            trials, eigen = effective_trials(x), participation(x)
            ours = trials.number
            chance = deflated_sharpe(best, sharpes, ours, spread="chance")
            by_eigen = deflated_sharpe(best, sharpes, eigen, spread="chance")
            by_trials = deflated_sharpe(best, sharpes, ours)
            said = [chance_of_luck(best, trials.maxima) <= ALPHA]
            said += [result.probability >= 1 - ALPHA for result in (chance, by_trials, by_eigen)]
            rows.append((normal_score(sharpes.max() * np.sqrt(DAYS - 1), DAYS - 1), ours, eigen, *said))
        mean = np.array(rows, float).mean(0)
        truth = independent_trials(np.array([row[0] for row in rows]))
        print(f"{name:36}{truth:8.1f}{mean[1]:8.1f}{mean[2]:8.1f} |" + "".join(f"{share:8.3f}" for share in mean[3:]))


def power_table(searches: int) -> None:
    """One candidate has skill, the others are 10 groups of near-copies that lose a little: how often is it found?"""
    print(f"\n{'yearly Sharpe of the one':28}{'luck':>7}{'DSR':>7}{'DSR tr':>7}{'SPA':>7}")
    for strength in (0, 2, 4, 6, 8):
        rng = np.random.default_rng(8)
        found = []
        for _ in range(searches // 2):
            x = SHAPES["10 groups of 30, rho 0.95"](rng) - np.linspace(0, 10, CANDIDATES)[:, None] / np.sqrt(365)
            x[0] = rng.standard_normal(DAYS) + strength / np.sqrt(365)
            sharpes = x.mean(1) / x.std(1)
            counted, best = effective_trials(x), x[sharpes.argmax()]
            chance, trials = (deflated_sharpe(best, sharpes, counted.number, spread=s) for s in ("chance", "trials"))
            luck = chance_of_luck(best, counted.maxima)
            p = superior_predictive_ability(x, np.zeros(DAYS), 1, draws=200).p_consistent
            found.append((luck <= ALPHA, chance.probability > 1 - ALPHA, trials.probability > 1 - ALPHA, p <= ALPHA))
        print(f"{strength:<28}" + "".join(f"{share:7.3f}" for share in np.mean(found, axis=0)))


def overfit_and_spa(searches: int) -> None:
    print(f"\n{'search without skill':36}{'PBO':>7}{'SPA l':>7}{'SPA c':>7}{'SPA u':>7}{'White':>7}")
    for name in (
        "300 independent",
        "10 groups of 30, rho 0.95",
        "independent, fat tails",
        "independent, rare great losses",
        "independent, most lose",
    ):
        rng = np.random.default_rng(9)
        pbo, rejected = [], []
        for _ in range(searches // 2):
            x = SHAPES[name](rng)
            pbo.append(probability_of_overfitting(x, 8).pbo)
            spa = superior_predictive_ability(x, np.zeros(DAYS), 1, draws=200)
            rejected.append([p <= ALPHA for p in (spa.p_lower, spa.p_consistent, spa.p_upper, spa.p_reality_check)])
        print(f"{name:36}{np.mean(pbo):7.3f}" + "".join(f"{share:7.3f}" for share in np.mean(rejected, axis=0)))


def coverage(searches: int) -> None:
    """How often do 95 % intervals hold the truth: on independent days, on days that follow each other, on fat tails."""
    print("\n95 % intervals, 250 days: share that hold the truth")
    rng = np.random.default_rng(10)
    kinds = {
        "independent": lambda: rng.standard_normal(DAYS) * 0.01,
        "autocorrelated 0.4": lambda: np.convolve(rng.standard_normal(DAYS + 50), 0.4 ** np.arange(50))[50 : DAYS + 50] * 0.01,
        "Student t(3)": lambda: rng.standard_t(3, DAYS) * 0.01,
    }
    drift = 0.002
    for name, draw in kinds.items():
        spread = {"independent": 0.01, "autocorrelated 0.4": 0.01 / np.sqrt(1 - 0.16), "Student t(3)": 0.01 * np.sqrt(3)}[name]
        held = []
        for seed in range(searches):
            daily = draw() + drift
            one = block_bootstrap_interval(daily, "sharpe", draws=500, seed=seed)
            two = block_bootstrap_interval(np.expm1(daily), "total_return", draws=500, seed=seed)
            held.append((one.low <= drift / spread * np.sqrt(365) <= one.high, two.low <= np.expm1(drift * DAYS) <= two.high))
        print(f"{name:24} Sharpe {np.mean(held, axis=0)[0]:.3f}  return {np.mean(held, axis=0)[1]:.3f}")
    held = []
    for seed in range(searches):  # 8 trades a day that share half of their fate
        day = np.repeat(np.arange(DAYS), 8)
        fate = np.sqrt(0.5) * rng.standard_normal(DAYS)[day] + np.sqrt(0.5) * rng.standard_normal(len(day)) + 0.1
        wins = block_bootstrap_interval(trades_by_day(day, fate > 0, DAYS), "win_rate", draws=500, seed=seed)
        mean = block_bootstrap_interval(trades_by_day(day, fate, DAYS), "expectancy", draws=500, seed=seed)
        held.append((wins.low <= 0.539828 <= wins.high, mean.low <= 0.1 <= mean.high))
    print(f"{'trades of one day alike':24} win rate {np.mean(held, axis=0)[0]:.3f}  expectancy {np.mean(held, axis=0)[1]:.3f}")


def speed() -> None:
    x = np.random.default_rng(0).normal(0, 0.01, (2_000, 500))
    marks = [time.process_time()]
    number = effective_trials(x).number
    deflated_sharpe(x[0], x.mean(1) / x.std(1), number)
    marks.append(time.process_time())
    probability_of_overfitting(x)
    marks.append(time.process_time())
    superior_predictive_ability(x, np.zeros(500), 1)
    marks.append(time.process_time())
    steps = np.diff(marks)
    print(
        f"\n2,000 candidates x 500 days: trials and DSR {steps[0]:.2f} s, PBO {steps[1]:.2f} s, SPA {steps[2]:.2f} s,"
        f" all {steps.sum():.2f} s"
    )
    start = time.process_time()
    chance_maxima(x[:300, :220])
    print(f"300 scenarios x 220 days into the running maxima of a campaign: {1e3 * (time.process_time() - start):.0f} ms")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    speed()
    null_tables(count)
    power_table(count)
    overfit_and_spa(count)
    coverage(count)
