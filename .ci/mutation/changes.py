"""What can be changed in a module: a comparison, an operator, a constant, a word, a return, a raise, a step."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
NOT_LOOKED_AT = {"annotation", "returns", "decorator_list", "msg"}
"""Types and decorators decide nothing, and what an assert would say nobody reads."""

SHOWN_MAX = 90


@dataclass(frozen=True)
class Change:
    path: Path
    place: int
    """Which of the changes of its module."""
    line: int
    function: int
    """The first line of the function it is in; 0 where it is in none."""
    was: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}  {self.was}  ->  {self.becomes}"


@dataclass(frozen=True)
class Spot:
    """A node, and what may stand in its stead."""

    node: ast.expr | ast.stmt
    other: ast.expr | ast.stmt
    function: int
    put: Callable[[ast.AST], None]


def changes_of(path: Path) -> list[Change]:
    return [
        Change(path, place, spot.node.lineno, spot.function, _shown(spot.node), _shown(spot.other))
        for place, spot in enumerate(spots(ast.parse(path.read_text(encoding="utf-8"))))
    ]


def changed(change: Change) -> CodeType:
    """Its module, with this one change."""
    tree = ast.parse(change.path.read_text(encoding="utf-8"))
    for place, spot in enumerate(spots(tree)):
        if place == change.place:
            spot.put(spot.other)
            return compile(ast.fix_missing_locations(tree), str(change.path.resolve()), "exec", dont_inherit=True)
    raise AssertionError("the changes of a module are always the same")


def spots(parent: ast.AST, function: int = 0) -> Iterator[Spot]:
    """All of a module, always in the same order. Only one may be put, and the tree is spent then."""
    if isinstance(parent, ast.FunctionDef):
        function = parent.decorator_list[0].lineno if parent.decorator_list else parent.lineno
    for field, value in ast.iter_fields(parent):
        if field in NOT_LOOKED_AT:
            continue
        for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _says_nothing(node):
                continue
            put = partial(setattr, parent, field) if place is None else partial(value.__setitem__, place)
            if isinstance(node, ast.expr | ast.stmt):
                for other in _others(node, is_question=field in ("test", "ifs")):
                    yield Spot(node, ast.copy_location(other, node), function, put)
            yield from spots(node, function)


def _says_nothing(node: ast.AST) -> bool:
    """Docstrings, imports, and what is there for types or slots alone."""
    match node:
        case ast.Subscript(ast.Name("Literal")) | ast.Call(ast.Name("TypeVar")):
            return True
        case ast.Import() | ast.ImportFrom() | ast.Expr(ast.Constant()) | ast.If(ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign([ast.Name("__slots__")]):
            return True
    return False


def _others(node: ast.expr | ast.stmt, *, is_question: bool) -> Iterator[ast.expr | ast.stmt]:
    match node:
        case ast.Compare(left, operators, values):
            for place, operator in enumerate(operators):
                other = [*operators[:place], COMPARISONS[type(operator)](), *operators[place + 1 :]]
                yield ast.Compare(left, other, values)
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(operator)](), right)
        case ast.AugAssign(target, operator, value) if type(operator) in OPERATORS:
            yield ast.AugAssign(target, OPERATORS[type(operator)](), value)
        case ast.BoolOp(word, values):
            yield ast.BoolOp(ast.Or() if isinstance(word, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(str() as value):
            yield ast.Constant(f"XX{value}")
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):  # which is changed itself
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Call()) | ast.Raise():
            yield ast.Pass()
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
    if is_question and isinstance(node, ast.expr) and not isinstance(node, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), node)


def _shown(node: ast.AST) -> str:
    """The first line of it, as far as one reads."""
    text = ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0]
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "..."
