"""FusionPBX: its PostgreSQL, its cache files and the FreeSWITCH under it, asked where they are.

All three listen on the PBX's own loopback, so this driver runs there, behind `bridge agent`; or here, through a tunnel
that brings the two ports and the cache folder. The code is the same.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import bcrypt
from psycopg.conninfo import make_conninfo

from bridge.network import Guard
from bridge.pbx.driver import Driver, Surroundings
from bridge.pbx.fusionpbx.cache import Files
from bridge.pbx.fusionpbx.database import Database
from bridge.pbx.fusionpbx.driver import FusionPbx
from bridge.pbx.fusionpbx.event_socket import EventSocket, Where
from bridge.pbx.fusionpbx.planning.change import Means
from bridge.pbx.fusionpbx.switch import Switch
from bridge.pbx.setting import Setting
from bridge.secret import Secret

_HOST = r"[A-Za-z0-9][A-Za-z0-9.:-]{0,253}"
_PORT = r"[1-9][0-9]{2,4}"
_FOLDER = r"/[A-Za-z0-9/._-]{1,200}"

SETTINGS = (
    Setting("host", "where PostgreSQL and the event socket listen", _HOST, "127.0.0.1"),
    Setting("database_port", "the port of PostgreSQL", _PORT, "5432", required=False),
    Setting("database", "FusionPBX's database", r"[A-Za-z0-9_]{1,63}", "fusionpbx", required=False),
    Setting("role", "the role of the bridge there", r"[a-z0-9_]{1,63}", "voip_bridge", required=False),
    Setting("event_socket_port", "the port of the event socket", _PORT, "8021", required=False),
    Setting("cache", "the folder of FusionPBX's cache", _FOLDER, "/var/cache/fusionpbx", required=False),
    Setting(
        "template",
        "the tenant whose own dial plan a new one begins with",
        r"[a-z0-9][a-z0-9.-]{0,252}",
        "template.pbx.example.com",
        required=False,
    ),
    Setting(
        "emergency_numbers",
        "the numbers that are never stopped, with commas",
        r"\+?[0-9]{2,6}(,\+?[0-9]{2,6}){0,40}",
        "112,911",
        required=False,
    ),
    Setting("database_password", "the password of that role", secret=True),
    Setting("event_socket_password", "the password of the event socket", secret=True),
)
"""Where the host is asked through a tunnel, it is the near end of it."""

_SECRET_BYTES = 15
_CODE_DIGITS = 8
_ROUNDS = 10
"""What FusionPBX itself uses."""


def connect(config: Mapping[str, str], secrets: Mapping[str, Secret], surroundings: Surroundings) -> Driver:
    host = config["host"]
    database_port = int(config.get("database_port", "5432"))
    socket_port = int(config.get("event_socket_port", "8021"))
    password = secrets["event_socket_password"]
    return FusionPbx(
        database=_database(config, secrets["database_password"], surroundings.guard, host, database_port),
        cache=Files(Path(config.get("cache", "/var/cache/fusionpbx"))),
        switch=Switch(EventSocket(Where(host, socket_port, password, _address(surroundings.guard, host, socket_port)))),
        means=Means(
            emergency=tuple(filter(None, config.get("emergency_numbers", "112,911").split(","))),
            new_secret=partial(_new_secret, surroundings),
            new_code=partial(_new_code, surroundings),
            hash_of=_hash_of,
            is_hash_of=_is_hash_of,
        ),
        password=password,
        clock=surroundings.clock,
        template=config.get("template", ""),
    )


def _database(config: Mapping[str, str], password: Secret, guard: Guard, host: str, port: int) -> Database:
    address = _address(guard, host, port)

    def dsn() -> Secret:
        written = make_conninfo(
            host=host,
            hostaddr=address(),
            port=port,
            dbname=config.get("database", "fusionpbx"),
            user=config.get("role", "voip_bridge"),
            password=password.reveal(),
            sslmode="prefer",
        )
        return Secret(written)

    return Database(dsn, f"PostgreSQL of {host}:{port}")


def _address(guard: Guard, host: str, port: int) -> Callable[[], str]:
    """Only where the operator lets the bridge connect (T-1)."""
    return lambda: str(guard.addresses(host, port)[0])


def _new_secret(surroundings: Surroundings) -> str:
    """Twenty letters and digits: SIP passwords stand in XML that FusionPBX does not escape."""
    return base64.b32encode(surroundings.random(_SECRET_BYTES)).decode()[:20].lower()


def _new_code(surroundings: Surroundings) -> str:
    return f"{int.from_bytes(surroundings.random(8), 'big') % 10**_CODE_DIGITS:0{_CODE_DIGITS}d}"


def _hash_of(password: str) -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(_ROUNDS)).decode()


def _is_hash_of(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:72], hashed.replace("$2y$", "$2b$", 1).encode())
    except ValueError:
        return False  # of an older kind
