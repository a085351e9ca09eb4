"""The stand-in as a process: python -m bridge.demo.whmcs --listen 127.0.0.1:8480 --database sqlite:///var/whmcs.db

Secrets come from the environment, signing keys in base64:

    WHMCS_STANDIN_SECRET          of the API identifier
    WHMCS_STANDIN_ADDON_SECRET    of the key that the bridge asks the addon with; without it there is no addon
    WHMCS_STANDIN_BRIDGE_SECRET   of the key that module calls are signed with; without it no module is called
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import httpx
import typer
import uvicorn
from sqlalchemy import select

from bridge.database import connect
from bridge.demo.whmcs import seed, tables
from bridge.demo.whmcs.shim import BridgeKey, Shim
from bridge.demo.whmcs.standin import Credential, StandIn, create_tables
from bridge.demo.whmcs.web import application
from bridge.secret import Secret
from bridge.whmcs.endpoint import AddonKey


def standin_from(
    environment: Mapping[str, str],
    *,
    database: str,
    version: str,
    instance: str,
    identifier: str,
    bridge_url: str | None,
    bridge_key: str,
    addon_key: str,
    addon_instance: str,
) -> StandIn:
    """A stand-in over its tables, made and furnished where they are not there yet."""
    engine = connect(Secret(database))
    create_tables(engine)
    with engine.begin() as tx:
        if tx.execute(select(tables.configuration.c.id)).first() is None:
            seed.installation(tx, version=version, installation_id=f"inst-{os.urandom(8).hex()}")
        rows = tables.addon_modules
        installation = tx.execute(select(rows.c.value).where(rows.c.setting == "installation_id")).scalar()

    shim = None
    if bridge_url and "WHMCS_STANDIN_BRIDGE_SECRET" in environment:
        shim = Shim(
            engine,
            httpx.Client(base_url=bridge_url, trust_env=False),
            BridgeKey(bridge_key, Secret(environment["WHMCS_STANDIN_BRIDGE_SECRET"]), instance, installation or ""),
            clock=lambda: datetime.now(UTC),
            random=os.urandom,
        )
    addon = environment.get("WHMCS_STANDIN_ADDON_SECRET")
    return StandIn(
        engine,
        credentials=(Credential(identifier, Secret(environment["WHMCS_STANDIN_SECRET"])),),
        version=version,
        addon_key=AddonKey(addon_key, Secret(addon), addon_instance) if addon else None,
        module=shim,
    )


def serve(
    listen: Annotated[str, typer.Option(help="host:port")] = "127.0.0.1:8480",
    database: Annotated[str, typer.Option(help="database URL of WHMCS's own tables")] = "sqlite:///var/whmcs.db",
    version: Annotated[str, typer.Option(help="8.13.1 or 9.0.1")] = "8.13.1",
    instance: Annotated[str, typer.Option(help="the bridge's BRIDGE_INSTANCE")] = "bridge",
    identifier: Annotated[str, typer.Option(help="API identifier")] = "standin",
    bridge_url: Annotated[str | None, typer.Option(help="where the bridge listens")] = None,
    bridge_key: Annotated[str, typer.Option(help="key id that signs calls to the bridge")] = "whmcs",
    addon_key: Annotated[str, typer.Option(help="the bridge's BRIDGE_ADDON_KEY")] = "bridge",
    addon_instance: Annotated[str, typer.Option(help="the bridge's BRIDGE_ADDON_INSTANCE")] = "whmcs",
) -> None:
    """Run a stand-in WHMCS."""
    if not os.environ.get("WHMCS_STANDIN_SECRET"):
        raise typer.BadParameter("WHMCS_STANDIN_SECRET is not set; it is the secret of the API identifier")
    whmcs = standin_from(
        os.environ,
        database=database,
        version=version,
        instance=instance,
        identifier=identifier,
        bridge_url=bridge_url,
        bridge_key=bridge_key,
        addon_key=addon_key,
        addon_instance=addon_instance,
    )
    host, _, port = listen.rpartition(":")
    uvicorn.run(application(whmcs), host=host, port=int(port), log_level="warning", lifespan="off")


if __name__ == "__main__":
    typer.run(serve)
