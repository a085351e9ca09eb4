"""What a database user may do, as `SHOW GRANTS` and `sql/grants.sql` tell it, and how the two differ (R-67). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_GRANT = re.compile(
    r"GRANT\s+(?P<what>.+?)\s+ON\s+(?:TABLE\s+)?(?P<schema>`(?:[^`]|``)+`|\*|[\w$]+)\.(?P<table>`(?:[^`]|``)+`|\*|[\w$]+)"
    r"\s+TO\s+(?P<user>\S+)",
    re.IGNORECASE | re.DOTALL,
)
_ONE = re.compile(r"\s*([A-Za-z][A-Za-z ]*?)\s*(?:\(([^)]*)\))?\s*(?:,|$)")
EVERYTHING = "ALL PRIVILEGES"


@dataclass(frozen=True, slots=True)
class Right:
    verb: str
    schema: str
    """`*` is every one; in `SHOW GRANTS` a name may be a pattern of LIKE."""
    table: str
    columns: frozenset[str] = frozenset()
    """None named: all of them."""

    def covers(self, wanted: Right) -> bool:
        if self.verb not in (wanted.verb, EVERYTHING):
            return False
        if self.schema != "*" and not _like(self.schema, wanted.schema):
            return False
        if self.table not in ("*", wanted.table):
            return False
        return not self.columns or bool(wanted.columns and wanted.columns <= self.columns)

    def __str__(self) -> str:
        columns = f" ({', '.join(sorted(self.columns))})" if self.columns else ""
        return f"{self.verb}{columns} on {self.schema}.{self.table}"


def rights_in(lines: Iterable[str], *, user: str | None = None) -> list[Right]:
    """The rights that these statements give, to one user or to whoever they name."""
    found: list[Right] = []
    for statement in lines:
        match = _GRANT.search(statement)
        if match is None or (user is not None and _bare(match["user"].split("@")[0]) != user):
            continue
        for verb, columns in _ONE.findall(match["what"]):
            named = frozenset(_bare(each.strip()) for each in columns.split(",") if each.strip())
            word = EVERYTHING if verb.upper() == "ALL" else verb.upper()
            if word != "USAGE":
                found.append(Right(word, _bare(match["schema"]), _bare(match["table"]), named))
    return found


def statements(sql: str) -> list[str]:
    """The statements of a file of SQL, without its remarks."""
    return [each.strip() for each in re.sub(r"--[^\n]*", "", sql).split(";") if each.strip()]


def lacking(wanted: Iterable[Right], held: Iterable[Right]) -> list[Right]:
    held = list(held)
    return [each for each in wanted if not any(right.covers(each) for right in held)]


def beyond(wanted: Iterable[Right], held: Iterable[Right]) -> list[Right]:
    """Rights that allow more than is wanted."""
    wanted = list(wanted)
    return [each for each in held if not any(right.covers(each) for right in wanted)]


def _like(pattern: str, name: str) -> bool:
    if pattern == name:
        return True
    regular = re.sub(r"\\\\(.)|(%)|(_)", _piece, re.escape(pattern))
    return re.fullmatch(regular, name, re.DOTALL) is not None


def _piece(found: re.Match[str]) -> str:
    if found[1]:
        return re.escape(found[1])
    return ".*" if found[2] else "."


def _bare(word: str) -> str:
    word = word.strip()
    quote = word[:1]
    return word[1:-1].replace(quote * 2, quote) if quote in ("`", "'", '"') and word.endswith(quote) else word
