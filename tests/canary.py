"""A secret that must be seen nowhere. Tests use it wherever the bridge is handed a secret; the run looks for it (T-20).

Looked through after every test: what it printed and logged, the rows of its database, and the files it left behind,
except those that only their owner may read. `CANARY` fits as a password; `CANARY_KEY` is 32 bytes for a signing secret.
"""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, MetaData, select

CANARY = "Canary/4sJq0Zt+sings=never"
CANARY_KEY = base64.b64encode(b"a canary of thirty-two bytes, ok").decode()


def _disguises() -> Iterator[bytes]:
    for secret in (CANARY, CANARY_KEY):
        yield secret.encode()
        yield secret.replace("/", "\\/").encode()  # as PHP writes it in JSON
        yield quote(secret, safe="").encode()
        yield base64.b64encode(secret.encode()).rstrip(b"=")
        yield secret.encode().hex().encode()
    yield base64.b64decode(CANARY_KEY)
    yield base64.b64decode(CANARY_KEY).hex().encode()


_DISGUISES = tuple(_disguises())


def sings(content: bytes | str) -> bool:
    """Whether a secret shows in this, plainly or in a usual coat."""
    found = content.encode(errors="replace") if isinstance(content, str) else content
    return any(disguise in found for disguise in _DISGUISES)


def tables_that_sing(engine: Engine) -> list[str]:
    """Where in this database a secret stands readable. Sealed columns are looked through too: they hide nothing."""
    found = set[str]()
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.connect() as tx:
        for table in metadata.tables.values():
            for row in tx.execute(select(table)).mappings():
                found |= {f"{table.name}.{name}" for name, value in row.items() if _value_sings(value)}
    return sorted(found)


def _value_sings(value: object) -> bool:
    return sings(value if isinstance(value, bytes) else str(value))


def files_that_sing(folder: Path) -> list[str]:
    """Files below a folder in which a secret can be read by others than their owner."""
    return sorted(str(path) for path in folder.rglob("*") if _is_open_to_others(path) and sings(path.read_bytes()))


def _is_open_to_others(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) and bool(mode & 0o077)
