"""The statistics of evidence in words: what each says, how it is computed and who found it; for pages and documents alike."""

from dataclasses import dataclass

from engine.analysis.fold_evidence import FoldEvidence


@dataclass(frozen=True)
class Statistic:
    """One statistic. `sentence`: what it says, for somebody who has never heard of it; `reading`: which values are good;
    `formula` in plain characters; `source`: the paper."""

    name: str
    label: str
    sentence: str
    reading: str
    formula: str
    source: str


_ALL = (
    Statistic(
        "psr", "Probabilistic Sharpe ratio",
        "How likely it is that the true Sharpe ratio is above a benchmark, given how many days there are and how the returns are"
        " shaped.",
        "Above 0.95 is evidence for one strategy that was the only one tried. It knows nothing of other trials.",
        "PSR = F((SR - SR0) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)), SR per day, F the normal distribution",
        "Bailey and Lopez de Prado 2012, The Sharpe ratio efficient frontier, Journal of Risk 15(2)",
    ),
    Statistic(
        "effective_trials", "Effective trials",
        "How many strategies that have nothing to do with each other would give luck as many chances as all that were tried.",
        "Between 1 and the number of trials. Near-copies hardly count; whatever is new counts in full.",
        "n with E[max of n independent normals] = E[best normal score of the trials along random directions of the days]",
        "rotation test, Langsrud 2005, Statistics and Computing 15; Chernozhukov, Chetverikov and Kato 2013, Annals of Statistics"
        " 41(6)",
    ),
    Statistic(
        "expected_best", "Expected best by luck",
        "The Sharpe ratio that the best of so many trials shows on average although none of them has any skill.",
        "A best result below it is no evidence of anything.",
        "E[max] = sqrt(V) ((1 - g) z(1 - 1/n) + g z(1 - 1/(n e))), V the variance of a trial's Sharpe ratio, g = 0.5772, z the"
        " normal quantile",
        "Bailey, Borwein, Lopez de Prado and Zhu 2014, Pseudo-mathematics and financial charlatanism, Notices of the AMS 61(5)",
    ),
    Statistic(
        "dsr", "Deflated Sharpe ratio",
        "How likely it is that the true Sharpe ratio is above what the best of so many trials shows by luck.",
        "Above 0.95 is strong evidence. It is strict: without skill it says so far less often than once in 20 searches. Promotion"
        " asks the chance of luck instead, which compares with how luck's best is spread and not with its mean.",
        "DSR = PSR with the expected best of the effective trials as benchmark; V that of the trials' Sharpe ratios (the paper)"
        " or 1 / (n - 1), that of a trial without skill",
        "Bailey and Lopez de Prado 2014, The deflated Sharpe ratio, Journal of Portfolio Management 40(5)",
    ),
    Statistic(
        "luck", "Chance of luck",
        "How often the best of so many trials without any skill would look at least this good.",
        "Below 0.05 is evidence: one search in 20 without skill gets there.",
        "p = share of random directions of the days along which the best trial reaches the t-value or, if less, PSR's score",
        "rotation test, Langsrud 2005, Statistics and Computing 15",
    ),
    Statistic(
        "pbo", "Probability of backtest overfitting",
        "How often the candidate that was best on one half of the days was worse than the median of all on the other half.",
        "Near 0 the choice carries over to other days; 0.5 is what choosing among candidates without skill gives.",
        "share of all choices of 8 of 16 blocks of days with ln(w / (1 - w)) < 0, w = rank / (candidates + 1) on the other 8",
        "Bailey, Borwein, Lopez de Prado and Zhu 2017, The probability of backtest overfitting, Journal of Computational Finance"
        " 20(4)",
    ),
    Statistic(
        "spa", "Superior predictive ability",
        "How often the best lead over the benchmark would be this great if no candidate were better than it.",
        "Below 0.05 at least one candidate is better than the benchmark. Poor candidates do not hide a good one.",
        "T = max(0, max over candidates of sqrt(n) mean lead / w); p = share of stationary bootstrap draws that reach T",
        "Hansen 2005, A test for superior predictive ability, Journal of Business and Economic Statistics 23(4)",
    ),
    Statistic(
        "reality_check", "Reality check",
        "The same question asked in plain returns: candidates with little spread hardly count, poor ones hide good ones.",
        "Below 0.05 at least one candidate is better than the benchmark; above it says little where many candidates are poor.",
        "T = max over candidates of sqrt(n) mean lead, at least 0; p = share of stationary bootstrap draws, all with no lead,"
        " that reach T",
        "White 2000, A reality check for data snooping, Econometrica 68(5)",
    ),
    Statistic(
        "alpha", "Alpha over buy-and-hold",
        "What is earned beyond holding as much of the whole market, so that a rising market alone earns nothing here.",
        "Above 0, and by more than chance: with one trial p below 0.05, after many the chance of luck below 0.05.",
        "alpha and beta of r = alpha + beta hold + e over the days, least squares; standard errors that allow for days that"
        " follow each other (Newey and West 1987)",
        "Jensen 1968, The performance of mutual funds in the period 1945-1964, Journal of Finance 23(2)",
    ),
    Statistic(
        "interval", "Interval",
        "The range that holds the true figure in 95 of 100 cases, judged by drawing blocks of days anew.",
        "An interval that holds zero is no evidence of a gain. It knows nothing of other trials.",
        "quantiles of the figure over stationary bootstrap draws, expanded for the number of blocks (Hesterberg 2015); block"
        " length: Patton, Politis and White 2009",
        "Politis and Romano 1994, The stationary bootstrap, Journal of the American Statistical Association 89",
    ),
    Statistic(
        "data_budget", "Data budget",
        "How many more independent trials these data can bear before luck alone is expected to show the target Sharpe ratio.",
        "At 0 a best result at the target proves nothing: get more data or ask for more.",
        "the n at which (E[max of n independent normals] / target)^2 = years of data, less the effective trials made",
        "Bailey, Borwein, Lopez de Prado and Zhu 2014, minimum backtest length",
    ),
    Statistic(
        "walk_forward", "Walk-forward",
        "What choosing by the past alone would have earned: the set that was best so far, on the days that came next.",
        "Near the figure in sample the choice carries over; far below it, or with zero in the interval, it does not.",
        "train in 6 parts; on parts 2 to 6 the set with the best Sharpe ratio before, less the longest holding time and a day",
        "Pardo 2008, The evaluation and optimization of trading strategies; Lopez de Prado 2018, chapters 7 and 12",
    ),
    Statistic(
        "cpcv", "Combinatorial paths",
        "What the way of choosing earns on days it did not choose on, along several histories instead of one.",
        "Look at the worst paths, not the mean: a choice that is sound earns on most of them.",
        "C(N, k) folds over N groups with k tested, purged and embargoed; C(N - 1, k - 1) paths, each group tested once on each",
        "Lopez de Prado 2018, Advances in financial machine learning, chapters 7 and 12",
    ),
)  # fmt: skip

STATISTICS = {statistic.name: statistic for statistic in _ALL}


def folds_in_words(found: FoldEvidence) -> tuple[str, str]:
    """(walk-forward, combinatorial paths), each in a sentence, or why it was not computed."""
    walked, paths, gaps = found.walk_forward, found.paths, found.gaps
    apart = f"{gaps.warm_up_bars} days of warm-up, {gaps.holding_bars} of the longest holding, {gaps.embargo_bars} of embargo"
    first = f"Walk-forward: not computed: {walked.reason}"
    if not walked.reason:
        first = (
            f"Walk-forward: Sharpe {walked.sharpe:.2f} on days not chosen on, 95 % interval {walked.low:.2f} to"
            f" {walked.high:.2f}; {walked.in_sample:.2f} in sample; {len(walked.folds)} windows, {walked.days:,} days of train,"
            f" {found.sets:,} sets scored again in {found.seconds:.1f} s; apart by {apart}"
        )
    second = f"Combinatorial paths: not computed: {paths.reason}"
    if not paths.reason:
        second = (
            f"Combinatorial paths: median Sharpe {paths.median:.2f} of {len(paths.sharpes)} paths, 5 % quantile {paths.low:.2f},"
            f" {paths.below_zero:.0%} below 0; {paths.folds} folds of train"
        )
    return first, second


def vault_in_words(searched: int) -> list[str]:
    """What searches elsewhere have made of the bars of a vault, in a sentence; nothing if none was made there."""
    if not searched:
        return []
    what = "1 parameter set was" if searched == 1 else f"{searched:,} parameter sets were"
    return [f"{what} scored where bars of this vault are train or validation: they were searched, and are no vault any more"]
