"""The agent on a PBX's own host: one file of settings, one driver, one signed door (`agent.py`), and nothing else open.

listen = "0.0.0.0:8471"                        where the bridge asks
instance = "pbx-1"                             the name that signatures are made for
certificate = "/etc/voip-bridge/agent.crt"     TLS; needed where others than this host may ask
certificate_key = "/etc/voip-bridge/agent.key"
driver = "fusionpbx"

[keys]                                         the keys that may ask, each with the file of its secret
bridge-1 = "/etc/voip-bridge/bridge-1.secret"

[settings]                                     what the driver is told, as in a server's record
host = "127.0.0.1"

[secrets]                                      the same, each with the file that holds it
database_password = "/etc/voip-bridge/database.secret"
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn

from bridge import agent, pbx
from bridge.errors import NotPrepared
from bridge.listener import uvicorn_options
from bridge.network import Guard
from bridge.pbx.driver import Driver, Surroundings
from bridge.secret import Secret
from bridge.settings import Address
from bridge.signature import secret_bytes

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_SECRET_BYTES = 4096
_DRAIN_SECONDS = 10
"""How long a verb under way may take when the process is told to end."""
_NAMES = frozenset({"listen", "instance", "certificate", "certificate_key", "driver", "keys", "settings", "secrets"})


@dataclass(frozen=True, slots=True)
class Post:
    """Where an agent stands, for whom, and what it drives."""

    listen: Address
    instance: str
    certificate: Path | None
    certificate_key: Path | None
    driver: str
    keys: Mapping[str, Secret]
    settings: Mapping[str, object]
    secrets: Mapping[str, Secret]


def read(path: Path) -> Post:
    """The settings, or NotPrepared with one sentence that names file and key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotPrepared(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NotPrepared(f"{path} is not TOML: {error}") from None
    wrong = [f"{name} is not known" for name in document if name not in _NAMES]
    wrong += [f"{name} is missing" for name in ("listen", "instance", "driver", "keys") if name not in document]
    if wrong:
        raise NotPrepared(f"{path}: {'; '.join(sorted(wrong))}")
    listen = _address(path, document["listen"])
    certificate, key = _file(path, document, "certificate"), _file(path, document, "certificate_key")
    if (certificate is None) != (key is None):
        raise NotPrepared(f"{path}: certificate and certificate_key belong together")
    if certificate is None and not _is_loopback(listen.host):
        raise NotPrepared(f"{path}: listen is open to other hosts, so certificate and certificate_key are needed")
    return Post(
        listen=listen,
        instance=_text(path, document, "instance", r"[A-Za-z0-9._-]{1,64}"),
        certificate=certificate,
        certificate_key=key,
        driver=_text(path, document, "driver", r"[a-z]{1,32}"),
        keys=_secrets(path, "keys", document["keys"], needed=True),
        settings=_table(path, "settings", document.get("settings", {})),
        secrets=_secrets(path, "secrets", document.get("secrets", {})),
    )


def driver_of(post: Post) -> Driver:
    """The driver as it is here: what it asks listens on this host."""
    surroundings = Surroundings(Guard(_LOOPBACK), _clock, os.urandom)
    return pbx.connect(post.driver, post.settings, post.secrets, surroundings)


def serve(post: Post) -> None:
    """Until the process is told to end."""
    keys = {name: (secret_bytes(secret),) for name, secret in post.keys.items()}
    answering = agent.Agent(driver_of(post), post.instance, keys, _clock)
    options = uvicorn_options() | {"timeout_graceful_shutdown": _DRAIN_SECONDS}
    if post.certificate is not None:
        options |= {"ssl_certfile": str(post.certificate), "ssl_keyfile": str(post.certificate_key)}
    try:
        uvicorn.run(agent.app(answering), host=post.listen.host, port=post.listen.port, **options)
    except ssl.SSLError:
        raise NotPrepared(f"{post.certificate} and {post.certificate_key} are no certificate with its key") from None


def _clock() -> datetime:
    return datetime.now(UTC)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(path: Path, value: object) -> Address:
    host, _, port = str(value).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        raise NotPrepared(f"{path}: listen is not host:port, such as 127.0.0.1:8471")
    return Address(host, int(port))


def _text(path: Path, document: Mapping[str, Any], name: str, pattern: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise NotPrepared(f"{path}: {name} is not a name of letters and digits")
    return value


def _file(path: Path, document: Mapping[str, Any], name: str) -> Path | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not Path(value).is_file():
        raise NotPrepared(f"{path}: {name} is not a file that can be read")
    return Path(value)


def _table(path: Path, name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise NotPrepared(f"{path}: {name} is not a table")
    return value


def _secrets(path: Path, name: str, value: object, *, needed: bool = False) -> dict[str, Secret]:
    """Each out of a file of its own, which nobody else may read."""
    table = _table(path, name, value)
    if needed and not table:
        raise NotPrepared(f"{path}: {name} is empty: nobody could ask")
    found = {}
    for key, where in table.items():
        file = Path(str(where))
        try:
            mode = file.stat().st_mode
            content = file.read_bytes()[:_SECRET_BYTES]
        except OSError as error:
            raise NotPrepared(f"{path}: {name}.{key}: {file} cannot be read: {error.strerror}") from None
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NotPrepared(f"{path}: {name}.{key}: {file} can be read by others; chmod 600 {file}")
        found[key] = Secret(content.decode("utf-8", "replace").strip())
        if name == "keys":
            try:
                secret_bytes(found[key])
            except ValueError as error:
                raise NotPrepared(f"{path}: {name}.{key}: {file}: {error}") from None
    return found
