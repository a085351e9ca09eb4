"""The files in `sql/` as values: what each statement makes, what they add up to, and how SQLite is told the same.

Three kinds of statement are known, each safe to look for before it is run: CREATE TABLE, ALTER TABLE ... ADD COLUMN and
ALTER TABLE ... ADD [UNIQUE] KEY. Another kind is added here together with the way to see that it is done already.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

_TOKEN = re.compile(
    r"(?P<gap>\s+|--[^\n]*)|(?P<text>'(?:[^'\\]|'')*')|(?P<name>`\w+`)|(?P<word>\w+)|(?P<mark>[(),;=])", re.ASCII
)
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_SQLITE_KINDS = {
    "bigint": "INTEGER",
    "int": "INTEGER",
    "smallint": "INTEGER",
    "tinyint": "INTEGER",
    "datetime": "DATETIME",
    "longtext": "TEXT",
    "binary": "BLOB",
    "varbinary": "BLOB",
    "varchar": "VARCHAR({size})",
    "char": "CHAR({size})",
}


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: str
    """As the database tells it: bigint, varchar(64), datetime(6); in SQLite INTEGER, VARCHAR(64), DATETIME."""
    null: bool
    collation: str = ""
    """Of a text column where the database has collations."""
    counted: bool = False
    """The database numbers the rows."""
    default: str = field(default="", compare=False)
    comment: str = field(default="", compare=False)

    def __str__(self) -> str:
        charset, _, _ = self.collation.partition("_")
        parts = [f"`{self.name}`", self.kind.upper()]
        parts += [f"CHARACTER SET {charset} COLLATE {self.collation}"] if charset not in ("", "utf8mb4") else []
        parts += ["NULL" if self.null else "NOT NULL"]
        parts += [f"DEFAULT {self.default}"] if self.default else []
        parts += ["AUTO_INCREMENT"] if self.counted else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    columns: tuple[str, ...]
    unique: bool = False

    def __str__(self) -> str:
        return f"{'UNIQUE KEY' if self.unique else 'KEY'} {self.name} ({_listed(self.columns)})"


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    primary: tuple[str, ...]
    keys: frozenset[Key] = frozenset()
    comment: str = field(default="", compare=False)

    def lines(self) -> list[str]:
        """What the table consists of, a line each, as one would write it in `sql/`."""
        keys = [str(key) for key in sorted(self.keys, key=lambda key: key.name)]
        return [*map(str, self.columns), f"PRIMARY KEY ({_listed(self.primary)})", *keys]


@dataclass(frozen=True, slots=True)
class Create:
    table: Table
    sql: str


@dataclass(frozen=True, slots=True)
class AddColumn:
    table: str
    column: Column
    sql: str


@dataclass(frozen=True, slots=True)
class AddKey:
    table: str
    key: Key
    sql: str


Statement = Create | AddColumn | AddKey


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    checksum: str
    """Over what the statements say; remarks and line breaks may change."""
    statements: tuple[Statement, ...]


def folder() -> Path:
    """Where `sql/` is: inside the package when installed, beside it in a checkout."""
    installed = Path(__file__).parent.parent / "sql"
    return installed if installed.is_dir() else Path(__file__).parent.parent.parent / "sql"


def read_all(where: Path) -> list[Migration]:
    files = sorted(path for path in where.glob("*.sql") if _FILE.fullmatch(path.name))
    return [read(path.stem, path.read_text(encoding="utf-8")) for path in files]


def read(name: str, sql: str) -> Migration:
    """A migration from its text. What is not one of the known statements is a ValueError for whoever wrote it."""
    said = "\n".join(" ".join(words) for words, _ in _statements(sql))
    checksum = hashlib.sha256(said.encode()).hexdigest()
    return Migration(int(name[:4]), name, checksum, tuple(_statement(words, text) for words, text in _statements(sql)))


def add_up(migrations: Iterable[Migration]) -> dict[str, Table]:
    """The schema after these migrations, by the table's name."""
    tables: dict[str, Table] = {}
    for migration in migrations:
        for statement in migration.statements:
            match statement:
                case Create(table):
                    tables[table.name] = table
                case AddColumn(name, column):
                    tables[name] = replace(tables[name], columns=(*tables[name].columns, column))
                case AddKey(name, key):
                    tables[name] = replace(tables[name], keys=tables[name].keys | {key})
    return tables


def as_schema(tables: Iterable[Table]) -> str:
    """`sql/schema.sql`: the sum of the migrations with every explanation, to be read rather than run."""
    head = "-- The whole schema, as the numbered migrations add up. Written by `make schema`; a test keeps it true.\n"
    return head + "".join(f"\n{_create(table)}\n" for table in tables)


def for_sqlite(table: Table) -> Table:
    """The same table as SQLite tells it: fewer kinds, no collations, and a counted row is the row itself."""
    columns = tuple(replace(column, kind=_sqlite_kind(column.kind), collation="") for column in table.columns)
    return replace(table, columns=columns)


def sqlite_statements(statement: Statement) -> list[str]:
    """What makes the same in SQLite. Its indexes are statements of their own, with names for the whole database."""
    match statement:
        case Create(table):
            counted = any(column.counted for column in table.columns)
            items = [_sqlite_column(column) for column in table.columns]
            items += [] if counted else [f"PRIMARY KEY ({_listed(table.primary)})"]
            keys = sorted(table.keys, key=lambda key: key.name)
            return [f"CREATE TABLE `{table.name}` ({', '.join(items)})", *(_sqlite_key(table.name, k) for k in keys)]
        case AddColumn(name, column):
            return [f"ALTER TABLE `{name}` ADD COLUMN {_sqlite_column(column)}"]
        case AddKey(name, key):
            return [_sqlite_key(name, key)]


def _sqlite_column(column: Column) -> str:
    end = " PRIMARY KEY AUTOINCREMENT" if column.counted else f" DEFAULT {column.default}" if column.default else ""
    return f"`{column.name}` {_sqlite_kind(column.kind)}{'' if column.null else ' NOT NULL'}{end}"


def _sqlite_key(table: str, key: Key) -> str:
    unique = "UNIQUE " if key.unique else ""
    return f"CREATE {unique}INDEX `{key.name}` ON `{table}` ({_listed(key.columns)})"


def _sqlite_kind(kind: str) -> str:
    word, _, size = kind.removesuffix(")").partition("(")
    return _SQLITE_KINDS[word].format(size=size)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _create(table: Table) -> str:
    columns = [f"  {column}\n    COMMENT {_quoted(column.comment)}" for column in table.columns]
    keys = [f"  {line}" for line in table.lines()[len(table.columns) :]]
    body = ",\n".join(columns + keys)
    tail = f"ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci\n  COMMENT={_quoted(table.comment)}"
    return f"CREATE TABLE {table.name} (\n{body}\n) {tail};"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# --- reading ---------------------------------------------------------------------------------------------------------


def _statements(sql: str) -> Iterator[tuple[list[str], str]]:
    """Each statement as its words and as it was written."""
    words: list[str] = []
    start = position = 0
    while position < len(sql):
        token = _TOKEN.match(sql, position)
        if token is None:
            raise ValueError(f"a migration cannot be read from here: {sql[position : position + 40]!r}")
        position = token.end()
        if token.lastgroup == "gap":
            start = start if words else position
        elif token.group() == ";":
            yield words, sql[start : token.start()]
            words, start = [], position
        else:
            words.append(token.group())
    if words:
        raise ValueError(f"a migration ends without a semicolon: {' '.join(words[:8])}")


def _statement(words: list[str], sql: str) -> Statement:
    match [word.upper() for word in words[:2]]:
        case ["CREATE", "TABLE"]:
            return Create(_table(words), sql)
        case ["ALTER", "TABLE"]:
            name, rest = _bare(words[2]), words[3:]
            match [word.upper() for word in rest[:2]]:
                case ["ADD", "COLUMN"]:
                    return AddColumn(name, _column(rest[2:]), sql)
                case ["ADD", "KEY" | "UNIQUE"]:
                    return AddKey(name, _key(rest[1:]), sql)
    raise ValueError(f"a migration may not say: {' '.join(words[:8])}")


def _table(words: list[str]) -> Table:
    items, tail = _items(words[3:])
    columns: list[Column] = []
    primary: tuple[str, ...] = ()
    keys: set[Key] = set()
    for item in items:
        match item[0].upper():
            case "PRIMARY":
                primary = _columns(item[2:])
            case "UNIQUE" | "KEY":
                keys.add(_key(item))
            case _:
                columns.append(_column(item))
    return Table(_bare(words[2]), tuple(columns), primary, frozenset(keys), _comment(tail))


def _items(words: list[str]) -> tuple[list[list[str]], list[str]]:
    """What stands between the outer brackets, split at its commas; and what follows."""
    depth, items = 0, list[list[str]]([[]])
    for place, word in enumerate(words):
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0:
            return items, words[place:]
        if depth == 1 and word == ",":
            items.append([])
        elif not (depth == 1 and word == "("):
            items[-1].append(word)
    raise ValueError(f"a migration opens a bracket and does not close it: {' '.join(words[:8])}")


def _column(words: list[str]) -> Column:
    size = _inside(words[2:]) if words[2:3] == ["("] else ""
    kind = words[1].lower() + (f"({size})" if size else "")
    if words[1].lower() not in _SQLITE_KINDS:
        raise ValueError(f"a migration may not have a column of kind {kind}")
    flags = [word.upper() for word in words]
    collation = "utf8mb4_unicode_ci" if kind.startswith(("varchar", "char", "longtext")) else ""
    return Column(
        name=_bare(words[0]),
        kind=kind,
        null="NOT" not in flags,
        collation=words[flags.index("COLLATE") + 1] if "COLLATE" in flags else collation,
        counted="AUTO_INCREMENT" in flags,
        default=words[flags.index("DEFAULT") + 1] if "DEFAULT" in flags else "",
        comment=_comment(words),
    )


def _key(words: list[str]) -> Key:
    unique = words[0].upper() == "UNIQUE"
    name, *rest = words[2:] if unique else words[1:]
    return Key(_bare(name), _columns(rest), unique)


def _columns(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(_bare(word) for word in words if word not in ("(", ",", ")"))


def _inside(words: list[str]) -> str:
    return "".join(words[1 : words.index(")")])


def _bare(word: str) -> str:
    return word.strip("`")


def _comment(words: list[str]) -> str:
    said = [word for word in words if word.startswith("'")]
    return said[-1][1:-1].replace("''", "'") if said else ""


if __name__ == "__main__":
    sys.stdout.write(as_schema(add_up(read_all(folder())).values()))
