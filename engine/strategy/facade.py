"""What a strategy gets for `import numpy`, `pandas`, `math`, `typing`, and as built-in names: chosen functions and no more.

The names are listed one by one, so that what a new version of a library adds is absent until somebody has looked at it. Nothing
here opens files, imports, evaluates text or leads to a real module.
"""

import builtins
import difflib
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from engine.features.indicators import NAMES, Indicators

_NUMPY = """
    abs absolute add all allclose amax amin angle any append apply_along_axis apply_over_axes arange arccos arccosh arcsin
    arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around array array_equal array_split asanyarray
    asarray ascontiguousarray asfortranarray atleast_1d atleast_2d atleast_3d average bartlett bincount bitwise_and bitwise_or
    bitwise_xor blackman block bool bool_ broadcast_arrays broadcast_to cbrt ceil choose clip column_stack compress
    concatenate convolve copy copysign copyto corrcoef correlate cos cosh count_nonzero cov cross cumprod cumsum deg2rad
    degrees delete diag diagonal diff digitize divide divmod dot dsplit dstack e ediff1d einsum empty empty_like equal
    errstate euler_gamma exp exp2 expand_dims expm1 extract eye fabs fill_diagonal finfo flatnonzero flip fliplr flipud
    float32 float64 float_power floating floor floor_divide fmax fmin fmod frexp full full_like geomspace gradient greater
    greater_equal hamming hanning heaviside histogram histogram_bin_edges hsplit hstack hypot identity iinfo imag inf inner
    insert int16 int32 int64 int8 int_ integer interp intersect1d invert isclose isfinite isin isinf isnan isneginf isposinf
    isreal isscalar issubdtype ix_ kaiser kron ldexp less less_equal lexsort linspace log log10 log1p log2 logaddexp
    logaddexp2 logical_and logical_not logical_or logical_xor logspace matmul max maximum mean median meshgrid min minimum mod
    modf moveaxis multiply nan nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin
    nanpercentile nanprod nanquantile nanstd nansum nanvar ndarray ndenumerate ndim ndindex negative newaxis nextafter nonzero
    not_equal number ones ones_like outer pad partition percentile pi piecewise place poly poly1d polyadd polyder polyfit
    polyint polymul polyval positive power prod ptp put put_along_axis putmask quantile rad2deg radians ravel
    ravel_multi_index real reciprocal remainder repeat reshape result_type right_shift left_shift rint roll rollaxis roots
    rot90 round s_ searchsorted select setdiff1d setxor1d shape sign signbit sin sinc sinh size sort split sqrt square squeeze
    stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace transpose trapezoid tri tril
    tril_indices trim_zeros triu triu_indices true_divide trunc uint16 uint32 uint64 uint8 union1d unique unravel_index unwrap
    vander var vdot vectorize vsplit vstack where zeros zeros_like
"""
_LINALG = """cholesky cond det eig eigh eigvals eigvalsh inv LinAlgError lstsq matrix_power matrix_rank multi_dot norm pinv qr
    solve svd"""
_FFT = "fft fftfreq fftshift ifft ifftshift irfft rfft rfftfreq"
_PANDAS = """concat cut DataFrame factorize get_dummies Index isna isnull MultiIndex NA NaT notna notnull qcut RangeIndex Series
    to_numeric unique"""
_TYPES = """Any Callable Dict Final FrozenSet Iterable Iterator List Literal Mapping MutableMapping Optional
    Sequence Set Tuple Type TypeAlias TypeVar Union"""
_BUILTINS = """
    abs all any bool dict divmod enumerate filter float frozenset int isinstance iter len list map max min next object pow range
    reversed round set slice sorted str sum tuple zip
    ArithmeticError AssertionError AttributeError Exception FloatingPointError IndexError KeyError LookupError NotImplementedError
    OverflowError RuntimeError StopIteration TypeError ValueError ZeroDivisionError
"""
EXCEPTIONS = frozenset(name for name in _BUILTINS.split() if name[0].isupper())
"""Exceptions that a strategy may raise and catch."""


class PolicyBreach(Exception):
    """What a source must not do: what was found and what to write instead. `line` may be known from a traceback only."""

    def __init__(self, found: str, instead: str, line: int | None = None) -> None:
        super().__init__(f"{found}; {instead}" if instead else found)
        self.line = line


class Facade:
    """A module as a strategy sees it. Nothing can be set on it, and it has no `__name__` under which the real one is found."""

    def __init__(self, label: str, members: Mapping[str, Any]) -> None:
        self.__dict__.update(members, _label=label)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self._label} has no {name!r:.60} for a strategy{nearest(name, public(self), self._label)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self._label}.{name} cannot be set; keep the value in a variable of your own")


class Hint:
    """What stands for a type in type hints; it does nothing."""

    __slots__ = ()

    def __getitem__(self, item: object) -> "Hint":
        return self

    def __or__(self, other: object) -> "Hint":
        return self

    __ror__ = __or__

    def __call__(self, *args: object, **kwargs: object) -> "Hint":
        return self


class _ArrayType(type):
    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, np.ndarray)


class Array(metaclass=_ArrayType):
    """What stands for np.ndarray in `isinstance` and type hints. It makes none: over a buffer of numbers the real one makes
    arrays of objects, that is of whatever lies at those addresses.
    """

    def __new__(cls, *_: object, **__: object) -> NoReturn:  # type: ignore[misc]
        raise PolicyBreach("a call of np.ndarray", "make arrays by np.zeros, np.full or np.array")

    def __class_getitem__(cls, item: object) -> Hint:
        return Hint()


def public(facade: Facade) -> frozenset[str]:
    """The names that a strategy may ask of it."""
    return frozenset(name for name in vars(facade) if not name.startswith("_"))


def nearest(name: str, known: frozenset[str], holder: str = "") -> str:
    """`; the nearest name is np.where`, or nothing."""
    found = [] if name.startswith("_") else difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    return f"; the nearest name is {holder}.{found[0]}" if found else ""


def _seeded(seed: int | None = None) -> np.random.Generator:
    """The generator of that seed; there is none without, since the same source must give the same signals."""
    if seed is None:
        raise PolicyBreach("random numbers without a seed", "give one, as in np.random.default_rng(1)")
    return np.random.default_rng(int(seed))


def _pick(module: Any, names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names.split() if hasattr(module, name)}


def _numpy() -> Facade:
    windows = Facade("np.lib.stride_tricks", {"sliding_window_view": sliding_window_view})
    return Facade("np", {
        **_pick(np, _NUMPY),
        "ndarray": Array,
        "linalg": Facade("np.linalg", _pick(np.linalg, _LINALG)),
        "fft": Facade("np.fft", _pick(np.fft, _FFT)),
        "random": Facade("np.random", {"default_rng": _seeded, "Generator": Hint()}),
        "lib": Facade("np.lib", {"stride_tricks": windows}),
    })  # fmt: skip


NUMPY = _numpy()
MODULES: dict[str, Facade] = {
    "numpy": NUMPY,
    "numpy.lib.stride_tricks": NUMPY.lib.stride_tricks,
    "pandas": Facade("pd", _pick(pd, _PANDAS)),
    "math": Facade("math", {name: value for name, value in vars(math).items() if not name.startswith("_")}),
    "typing": Facade("typing", dict.fromkeys(_TYPES.split(), Hint())),
    "collections.abc": Facade("collections.abc", dict.fromkeys(_TYPES.split(), Hint())),
    "__future__": Facade("__future__", {"annotations": Hint()}),
}
"""By the name under which a strategy imports it."""


def _import(name: str, *_: Any, **__: Any) -> Facade | None:
    """What an import statement gets; the policy lets no other names through.

    numpy's compiled code imports its own parts the same way and takes them from `sys.modules`: nothing is returned for them.
    """
    if name not in MODULES:
        builtins.__import__(name)
    return MODULES.get(name)


def _getattr(holder: Any, name: Any, *default: Any) -> Any:
    """An indicator by its name, as chosen by a parameter; nothing else is found by text."""
    if type(holder) is not Indicators:
        raise PolicyBreach("getattr on something else than ta", 'only getattr(ta, params["..."]) is allowed: write the name out')
    if type(name) is str and name in NAMES:
        return getattr(holder, name)
    if default:
        return default[0]
    hint = nearest(name, NAMES, "ta") if type(name) is str else ""
    raise PolicyBreach(f"getattr(ta, {name!r:.60})", f"ta has no indicator of that name{hint}")


def _print(*_: Any, **__: Any) -> None:
    """Nobody would read it."""


BUILTINS: dict[str, Any] = {
    **_pick(builtins, _BUILTINS), "getattr": _getattr, "print": _print, "__import__": _import,
}  # fmt: skip
"""All built-in names of a strategy."""
