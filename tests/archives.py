"""Archives for tests: services worth keeping, whose secrets sing, and a backup of them under a key that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bridge import services
from bridge.app import Bridge
from bridge.life import archive, backup
from bridge.master_key import MasterKey
from bridge.secret import Secret
from tests.canary import CANARY
from tests.factories import asking

KEY = archive.Key(b"k", b"k" * 32)


def create(bridge: Bridge, service_id: int) -> None:
    services.create(
        bridge,
        asking(),
        service_id=service_id,
        client_id=7,
        product_id=12,
        server_id=None,
        domain=f"acme{service_id}.example",
        username="acme",
        password=Secret(CANARY),
        options={},
        custom_fields={},
    )


def back_up(
    engine: Engine, path: Path, *, master_key: bytes | MasterKey, key: archive.Key = KEY, **changed: Any
) -> backup.Manifest:
    return backup.make(engine, path, key, master_key=master_key, **({"instance": "bridge"} | changed))
