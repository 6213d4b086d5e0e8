"""Figures as short text with their unit, for the model's pack. Never a symbol, a date or a price: assets go by position.

Short because it is read by the token: no thousands separators, no space before the per cent sign.
"""

import math

from engine.figures import Unit

NOT_COMPUTED = "not computed"


def percent(value: float) -> str:
    """A fraction as per cent with about three telling digits; NaN says that it was not computed.

    >>> percent(0.1234), percent(-0.00456), percent(1.5)
    ('12.3%', '-0.46%', '150%')
    """
    return _digits(100.0 * value, "") + "%" if math.isfinite(value) else NOT_COMPUTED


def change(value: float) -> str:
    """The same with its sign, for returns and differences.

    >>> change(0.1234), change(0.0)
    ('+12.3%', '+0.00%')
    """
    return _digits(100.0 * value, "+") + "%" if math.isfinite(value) else NOT_COMPUTED


def rough(value: float) -> str:
    """A fraction as per cent with about two telling digits, where the third says nothing; NaN says that it was not computed.

    >>> rough(0.3271), rough(0.0251)
    ('33%', '2.5%')
    """
    return _digits(100.0 * value, "", 0.1) + "%" if math.isfinite(value) else NOT_COMPUTED


def rough_change(value: float) -> str:
    """The same with its sign.

    >>> rough_change(0.3271), rough_change(-0.0025)
    ('+33%', '-0.25%')
    """
    return _digits(100.0 * value, "+", 0.1) + "%" if math.isfinite(value) else NOT_COMPUTED


def ratio(value: float) -> str:
    """A plain number with about three telling digits; NaN says that it was not computed.

    >>> ratio(1.234), ratio(-31.77)
    ('1.23', '-31.8')
    """
    return _digits(value, "") if math.isfinite(value) else NOT_COMPUTED


def count(value: float) -> str:
    """A whole number; NaN says that it was not computed.

    >>> count(1234.0)
    '1234'
    """
    return f"{value:.0f}" if math.isfinite(value) else NOT_COMPUTED


def figure_text(value: float, unit: Unit) -> str:
    """A figure with the unit that `engine/figures.py` declares for it."""
    if not math.isfinite(value):
        return NOT_COMPUTED
    if unit == "fraction":
        return percent(value)
    if unit == "sleeve":
        return f"{percent(value)} of a sleeve"
    text = ratio(value) if unit in ("ratio", "multiple") else count(value)
    return text + {"multiple": " x capital", "bars": " bars"}.get(unit, "")


def asset_name(position: int) -> str:
    """What strategies call the asset in that column.

    >>> asset_name(7)
    'A007'
    """
    return f"A{position:03d}"


def _digits(value: float, sign: str, scale: float = 1.0) -> str:
    """About three telling digits, or two at a `scale` of 0.1; beyond 99,999 by powers of ten."""
    size = abs(value)
    kind = ".2f" if size < 9.995 * scale else ".1f" if size < 99.95 * scale else ".0f" if size < 99_999 else ".2g"
    text = f"{value:{sign}{kind}}"
    return text.replace("-", sign) if float(text) == 0.0 else text
