"""What strategy source may say. A fence and a teacher, not the wall: what it misses, the child's cage must hold.

    check_policy(ast.parse(source))      # nothing, or PolicyBreach

Syntax is on a list of what is allowed, so that what nobody has thought of is refused; attributes are those of the values that
strategies handle, less what is denied, and a test tells when a library brings new ones. Text that pandas takes for the name of a
method (`agg("to_csv")` writes a file) must be the name of a known statistic.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NoReturn

from engine.strategy import refusals
from engine.strategy.allowed import ATTRIBUTES, DISPATCHING, STATISTICS
from engine.strategy.facade import BUILTINS, EXCEPTIONS, MODULES, Facade, PolicyBreach, public

MAX_NODES = 10_000
MAX_DEPTH = 100
MAX_NUMBERS = 100
MAX_NUMBER = 2**53
"""Beyond it one number could hold a table of them."""
_LONG_DISPLAY = 8
MAX_TEXT = 200
MAX_TEXTS = 3_000
"""Letters of all texts together; those that stand alone, as docstrings do, are not counted."""

_DIGITS = re.compile(r"\d+")
_SYNTAX = """
    Module FunctionDef Return Delete Assign AugAssign AnnAssign For While If With withitem Raise Try ExceptHandler Assert Import
    ImportFrom alias Expr Pass Break Continue BoolOp NamedExpr BinOp UnaryOp Lambda IfExp Dict Set ListComp SetComp DictComp
    GeneratorExp comprehension Compare Call keyword FormattedValue JoinedStr Constant Attribute Subscript Starred Name List Tuple
    Slice arguments arg
"""
_NODES = frozenset(getattr(ast, name) for name in _SYNTAX.split())
_SKIPPED = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_IMPORTABLE = frozenset(("numpy", "pandas", "math", "typing"))


def check_policy(tree: ast.Module) -> None:
    """Raises PolicyBreach for the first thing in the tree that a strategy must not do: its line, and what to write instead."""
    reading = _Reading()
    stack: list[tuple[ast.AST, int]] = [(tree, 0)]
    count = 0
    while stack:  # not by recursion, which a deeply nested source would exhaust
        node, depth = stack.pop()
        count += 1
        kind = type(node)
        if kind not in _NODES:
            _refuse(node, *refusals.of_node(node))
        if depth > MAX_DEPTH:
            _refuse(node, f"more than {MAX_DEPTH} levels of nesting", "write it in smaller expressions and functions")
        if count > MAX_NODES:
            _refuse(node, f"more than {MAX_NODES:,} names, values and operators", "take out what is no trading logic")
        check = _CHECKS.get(kind)
        if check is not None:
            check(reading, node)
        children = [
            child
            for name in node._fields
            for child in _listed(getattr(node, name, None))
            if isinstance(child, ast.AST) and not isinstance(child, _SKIPPED)
        ]
        stack += [(child, depth + 1) for child in reversed(children)]
    reading.finish()


def _listed(value: Any) -> list[Any]:
    return value if type(value) is list else [value]


def _refuse(node: ast.AST, found: str, instead: str) -> NoReturn:
    raise PolicyBreach(found, instead, getattr(node, "lineno", None))


def _words(node: Any) -> str:
    """Short words for an expression of any depth."""
    tail = ""
    for _ in range(4):
        if isinstance(node, ast.Call):
            node, tail = node.func, "(…)" + tail
        elif isinstance(node, ast.Attribute):
            node, tail = node.value, f".{node.attr:.40}{tail}"
    if isinstance(node, ast.Name):
        return f"{node.id:.40}{tail}"
    return f"{node.value!r:.40}{tail}" if isinstance(node, ast.Constant) else f"…{tail}"


def _check_identifier(node: ast.AST, name: str) -> None:
    if not name.isascii():
        _refuse(node, f"the name {name:.60}", "names are plain ASCII letters, digits and underscores, as in sigma")
    if name.startswith("__"):
        _refuse(node, f"the name {name:.60}", "names with two leading underscores lead into Python itself: leave it out")
    if name.startswith("_") and name != "_":
        _refuse(node, f"the name {name:.60}", f"no name begins with an underscore: write {name.lstrip('_'):.60}")


class _Reading:
    """What has been seen of a source so far, for what only the whole of it can tell."""

    def __init__(self) -> None:
        self.bound: Counter[str] = Counter()
        self.values: dict[str, ast.AST] = {}
        self.members: dict[str, Any] = {}
        self.missing: list[ast.Name] = []
        self.dispatches: list[tuple[ast.Call, str]] = []
        self.called: set[ast.AST] = set()
        self.standing_alone: set[ast.AST] = set()
        self.numbers = self.texts = 0

    def bind(self, node: ast.AST, name: str, value: ast.AST | None = None) -> None:
        _check_identifier(node, name)
        self.bound[name] += 1
        if value is not None:
            self.values[name] = value

    def bind_member(self, node: ast.AST, name: str, member: Any) -> None:
        """An import. The same one again, as in a function, changes nothing."""
        if self.members.get(name) is not member:
            self.bind(node, name)
        self.members[name] = member

    def count_text(self, node: ast.AST, text: str) -> None:
        self.texts += len(text)
        if len(text) > MAX_TEXT or self.texts > MAX_TEXTS:
            found = f"texts of {max(len(text), self.texts):,} letters"
            _refuse(node, found, f"wanted at most {MAX_TEXT} in one and {MAX_TEXTS:,} in all: a strategy carries no data")
        self.count_number(node, len(_DIGITS.findall(text)))

    def count_number(self, node: ast.AST, count: int = 1) -> None:
        self.numbers += count
        if self.numbers > MAX_NUMBERS:
            _refuse(
                node, f"more than {MAX_NUMBERS} numbers in the source", "compute values from the market instead of listing them"
            )

    def finish(self) -> None:
        for name in self.missing:
            if not self.bound[name.id]:
                _refuse(name, f"the built-in {name.id}", refusals.of_builtin(name.id))
        for call, method in self.dispatches:
            self._check_dispatch(call, method)

    def _check_dispatch(self, call: ast.Call, method: str) -> None:
        """The function given to `apply` and its like is one of this source, of numpy or pandas, or a known statistic."""
        given = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "func"), None)
        unpacks = isinstance(given, ast.Starred) or any(k.arg is None for k in call.keywords)
        if given is not None and not unpacks and self._is_function(given):
            return
        found = f".{method}({_words(given)})"
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            _refuse(call, found, f"a text names one of {', '.join(sorted(STATISTICS))}; else call the method itself")
        _refuse(call, found, f"give it a lambda, as in .{method}(lambda x: f(x)), a function of this source, or 'mean'")

    def _is_function(self, given: ast.AST) -> bool:
        """Nothing that this can be, or hold, is a text with the name of an unknown method.

        A list or dict must stand in the call itself: one that has a name can be changed after it was made.
        """
        pending, seen = [(given, False)], set[ast.AST]()
        while pending:
            node, is_named = pending.pop()
            if node in seen:
                continue
            seen.add(node)
            match node:
                case ast.Lambda() | ast.FunctionDef():
                    continue
                case ast.Constant(value=str(text)) if text in STATISTICS:
                    continue
                case ast.List() | ast.Dict() if is_named:
                    return False
                case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
                    pending += [(part, is_named) for part in parts]
                case ast.IfExp(body=one, orelse=other):
                    pending += [(one, is_named), (other, is_named)]
                case ast.Name(id=name) if self.bound[name] == 1 and name in self.values:
                    pending.append((self.values[name], True))
                case _:
                    member = self._member(node)
                    if not callable(member) or isinstance(member, Facade):
                        return False
        return True

    def _member(self, node: ast.AST) -> Any:
        """What of numpy, pandas, math or the built-ins this names for certain; else None."""
        if isinstance(node, ast.Name):
            if self.bound[node.id] == 0:
                return BUILTINS.get(node.id)
            return self.members.get(node.id) if self.bound[node.id] == 1 else None
        if isinstance(node, ast.Attribute):
            holder = self._member(node.value)
            return vars(holder).get(node.attr) if isinstance(holder, Facade) else None
        return None


def _name(reading: _Reading, node: ast.Name) -> None:
    if not isinstance(node.ctx, ast.Load):
        reading.bind(node, node.id)
        return
    _check_identifier(node, node.id)
    if node.id in refusals.REFUSED_BUILTINS:
        reading.missing.append(node)


def _attribute(reading: _Reading, node: ast.Attribute) -> None:
    if not isinstance(node.ctx, ast.Load):
        _refuse(node, f"setting .{node.attr:.60}", "keep values in variables or dicts; x[i] = v and x.loc[...] = v are fine")
    if node.attr not in ATTRIBUTES:
        if node.attr.startswith("_"):
            _check_identifier(node, node.attr)
        _refuse(node, *refusals.of_attribute(node))
    if node.attr in DISPATCHING and node not in reading.called:
        _refuse(node, f".{node.attr} without a call", f"call it at once, as in x.{node.attr}(lambda v: f(v))")


def _call(reading: _Reading, node: ast.Call) -> None:
    reading.called.add(node.func)
    if isinstance(node.func, ast.Attribute) and node.func.attr in DISPATCHING:
        reading.dispatches.append((node, node.func.attr))


def _keyword(reading: _Reading, node: ast.keyword) -> None:
    if node.arg is None:
        keys = node.value.keys if isinstance(node.value, ast.Dict) else []
        names = [k.value for k in keys if isinstance(k, ast.Constant) and isinstance(k.value, str)]
        for name in names:
            _check_identifier(node, name)
    elif node.arg in ("engine", "engine_kwargs"):
        _refuse(node, f"the argument {node.arg}", "leave it out: functions cannot be compiled here")
    else:
        _check_identifier(node, node.arg)
        reading.count_text(node, node.arg)


def _constant(reading: _Reading, node: ast.Constant) -> None:
    value = node.value
    if isinstance(value, bytes):
        _refuse(node, "bytes", "write a text or numbers")
    if isinstance(value, str) and node not in reading.standing_alone:
        if value.startswith("__"):
            _refuse(node, f"the text {value!r:.60}", "texts with two leading underscores name what is Python's own: leave it out")
        reading.count_text(node, value)
    elif type(value) in (bool, int, float, complex):
        if isinstance(value, int) and value > MAX_NUMBER:
            _refuse(node, "a number above 2**53", "wanted smaller ones, or a float such as 1e18")
        reading.count_number(node)


def _display(reading: _Reading, node: ast.List | ast.Tuple | ast.Set) -> None:
    """In a long one names and signs count as numbers too: `[t, f, t]` and `[-t, +t]` can hold what numbers hold."""
    if len(node.elts) > _LONG_DISPLAY:
        reading.count_number(node, sum(isinstance(e, ast.Name | ast.UnaryOp) for e in node.elts))


def _expression(reading: _Reading, node: ast.Expr) -> None:
    reading.standing_alone.add(node.value)


def _function(reading: _Reading, node: ast.FunctionDef) -> None:
    reading.bind(node, node.name, node)
    if node.decorator_list:
        found = _words(node.decorator_list[0])
        how = refusals.of_import("numba") if "jit" in found else f"call {node.name:.60} as it is, without a decorator"
        _refuse(node.decorator_list[0], f"the decorator @{found}", how)


def _argument(reading: _Reading, node: ast.arg) -> None:
    reading.bind(node, node.arg)


def _assignment(reading: _Reading, node: ast.Assign | ast.AnnAssign | ast.NamedExpr) -> None:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if isinstance(target, ast.Name) and node.value is not None and (not isinstance(node, ast.Assign) or len(node.targets) == 1):
        reading.values[target.id] = node.value


def _import(reading: _Reading, node: ast.Import) -> None:
    for alias in node.names:
        if alias.name not in _IMPORTABLE:
            _refuse(node, f"import of {alias.name:.60}", refusals.of_import(alias.name))
        reading.bind_member(node, alias.asname or alias.name, MODULES[alias.name])


def _import_from(reading: _Reading, node: ast.ImportFrom) -> None:
    module = node.module or ""
    if node.level or module not in MODULES:
        _refuse(node, f"import from {'.' * min(node.level, 3)}{module:.60}", refusals.of_import(module))
    for alias in node.names:
        if alias.name == "*":
            _refuse(node, f"from {module} import *", "import the module, as in import numpy as np")
        if alias.name not in public(MODULES[module]):
            _refuse(node, f"import of {alias.name:.60} from {module}", refusals.of_member(module, alias.name))
        reading.bind_member(node, alias.asname or alias.name, vars(MODULES[module])[alias.name])


def _handler(reading: _Reading, node: ast.ExceptHandler) -> None:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    for kind in caught:
        name = kind.attr if isinstance(kind, ast.Attribute) else kind.id if isinstance(kind, ast.Name) else ""
        if name not in EXCEPTIONS and name != "LinAlgError":
            found = f"except {_words(kind)}:" if kind is not None else "except:"
            _refuse(node, found, "name an exception, as in except ZeroDivisionError: or except Exception:")
    if node.name:
        reading.bind(node, node.name)


_CHECKS: dict[type[ast.AST], Callable[[_Reading, Any], None]] = {
    ast.Name: _name, ast.Attribute: _attribute, ast.Call: _call, ast.keyword: _keyword, ast.Constant: _constant,
    ast.List: _display, ast.Tuple: _display, ast.Set: _display, ast.Expr: _expression, ast.FunctionDef: _function,
    ast.arg: _argument, ast.Assign: _assignment, ast.AnnAssign: _assignment, ast.NamedExpr: _assignment, ast.Import: _import,
    ast.ImportFrom: _import_from, ast.ExceptHandler: _handler,
}  # fmt: skip
