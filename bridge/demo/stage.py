"""The stage of the demo: a WHMCS that is none, a PBX that is none, and the bridge between them, all on loopback.

Every part is reached as in production: WHMCS's module signs its calls to the bridge, the bridge asks WHMCS's API and
its addon, and the PBX through the agent.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from bridge import agent, app, database, handlers, keys, packages, schema, servers, web
from bridge.asking import Asking
from bridge.crew import Crew
from bridge.demo.whmcs import seed
from bridge.demo.whmcs.shim import BridgeKey, Shim
from bridge.demo.whmcs.standin import Credential, StandIn, create_tables
from bridge.demo.whmcs.web import application
from bridge.errors import NotPrepared
from bridge.listener import uvicorn_options
from bridge.pbx.memory import MemoryPbx
from bridge.periodic import periodic_jobs
from bridge.rpc.methods import all_methods
from bridge.secret import Secret
from bridge.serving import notice_for
from bridge.settings import Address, Settings
from bridge.signature import secret_bytes
from bridge.whmcs.endpoint import AddonKey

INSTANCE = "bridge-demo"
PBX_INSTANCE = "pbx-demo"
BY_HAND = "by hand"
DEPARTMENT = "telephony"


@dataclass(frozen=True, slots=True)
class Products:
    """What is sold: two sizes of hosted PBX, and one thing that people set up."""

    starter: int
    business: int
    trunk: int


@dataclass(frozen=True, slots=True)
class Stage:
    bridge: app.Bridge
    whmcs: StandIn
    pbx: MemoryPbx
    products: Products
    server_id: int
    bridge_address: str
    whmcs_address: str
    pbx_address: str


@contextlib.contextmanager
def stage(folder: Path, listen: Address) -> Iterator[Stage]:
    """Everything set up and running until the block ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    clock = _clock
    whmcs_engine = database.connect(Secret(f"sqlite:///{folder}/whmcs.db"))
    create_tables(whmcs_engine)
    secrets = {name: _new_secret() for name in ("module", "addon", "api", "agent")}
    with contextlib.ExitStack() as running:
        main, whmcs_bound, pbx_bound = _bound(listen), _bound(Address("127.0.0.1", 0)), _bound(Address("127.0.0.1", 0))
        whmcs_address, pbx_address, address = (f"http://{_where(each)}" for each in (whmcs_bound, pbx_bound, main))

        addon = AddonKey("bridge", secrets["addon"], "whmcs-demo")
        whmcs = StandIn(whmcs_engine, credentials=(Credential("bridge", secrets["api"]),), addon_key=addon, clock=clock)
        products, server_id = _furnish(whmcs, f"{whmcs_address}/")
        shim = Shim(
            whmcs_engine,
            running.enter_context(httpx.Client(base_url=address, trust_env=False)),
            BridgeKey("whmcs-demo", secrets["module"], INSTANCE, "inst-demo"),
            clock=clock,
            random=os.urandom,
        )
        whmcs = replace(whmcs, module=shim)
        running.enter_context(_running(application(whmcs), whmcs_bound, {"log_level": "warning", "lifespan": "off"}))

        pbx = MemoryPbx(version="simulated PBX 1")
        answering = agent.Agent(pbx, PBX_INSTANCE, {"bridge-demo": (secret_bytes(secrets["agent"]),)}, clock)
        running.enter_context(_running(agent.app(answering), pbx_bound, {"log_level": "warning"}))

        bridge = app.build(_settings(folder, listen, f"{whmcs_address}/", secrets))
        schema.ensure_current(bridge.engine)
        keys.add(bridge, "whmcs-demo", by="demo", secret=secrets["module"])
        _configure(bridge, products, server_id, pbx_address, secrets["agent"])
        door = web.app(bridge, all_methods(), notice=notice_for(bridge))
        running.enter_context(_running(door, main, uvicorn_options()))
        crew = Crew(bridge, workers=2, jobs=periodic_jobs(bridge), name="demo")
        crew.start()
        running.callback(crew.stop)
        yield Stage(bridge, whmcs, pbx, products, server_id, address, whmcs_address, pbx_address)


def _clock() -> datetime:
    return datetime.now(UTC)


def _settings(folder: Path, listen: Address, whmcs_url: str, secrets: dict[str, Secret]) -> Settings:
    for name in ("api", "addon"):
        path = folder / f"{name}.secret"
        path.touch(mode=0o600)
        path.write_text(secrets[name].reveal(), encoding="ascii")
    return Settings(
        database_url=Secret(f"sqlite:///{folder}/bridge.db"),
        instance=INSTANCE,
        master_key_file=folder / "master.key",
        listen=listen,
        allowed_networks=(ip_network("127.0.0.0/8"),),
        whmcs_url=whmcs_url,
        whmcs_identifier="bridge",
        whmcs_secret_file=folder / "api.secret",
        addon_instance="whmcs-demo",
        addon_secret_file=folder / "addon.secret",
        retry_seconds=2,
        retry_jitter_seconds=0,
        probe_seconds=1,
        lease_seconds=5,
        drain_seconds=5,
        announce_check_seconds=2,
        seal_seconds=1,
        sweep_seconds=5,
    )


def _furnish(whmcs: StandIn, url: str) -> tuple[Products, int]:
    def act(tx: Any) -> tuple[Products, int]:
        seed.installation(tx, system_url=url, installation_id="inst-demo")
        server_id = seed.server(tx, "pbx1.demo.example")
        products = Products(
            starter=seed.product(tx, "Starter PBX"),
            business=seed.product(tx, "Business PBX"),
            trunk=seed.product(tx, "SIP trunk (set up by hand)"),
        )
        return products, server_id

    return whmcs.within(act)


def _configure(bridge: app.Bridge, products: Products, server_id: int, pbx_address: str, secret: Secret) -> None:
    """What an operator does once: a server, its test, and how each product is processed."""
    asking = Asking("demo", "setup", wait_ms=0)
    servers.upsert(
        bridge,
        asking,
        server_id=server_id,
        changed={"name": "pbx1", "driver": "remote", "is_default": True, "zone": "demo.example"},
        config={"url": pbx_address, "instance": PBX_INSTANCE, "key_id": "bridge-demo"},
        secrets={"secret": secret},
    )
    test = servers.test(bridge, server_id, "demo")
    if test["health"] != "green":
        failed = [each for each in test["checks"] if each["status"] == "fail"]
        raise NotPrepared(f"the simulated PBX failed its connection test: {failed}")
    for product_id, name, extensions, limit in (
        (products.starter, "Starter PBX", 2, 5),
        (products.business, "Business PBX", 4, 20),
    ):
        document = {
            "name": name,
            "product_id": product_id,
            "type": "metered",
            "currency": "USD",
            "country": "US",
            "limits": {"extensions": limit, "dids": limit},
            "features": {"voicemail": True},
        }
        packages.save(bridge, asking, packages.read(document))
        handlers.save(
            bridge,
            asking,
            product_id=product_id,
            server_id=0,
            driver="",
            department=DEPARTMENT,
            enabled=True,
            settings={"extensions": extensions, "welcome_email": seed.WELCOME},
        )
    handlers.save(
        bridge,
        asking,
        product_id=products.trunk,
        server_id=0,
        driver="manual",
        department=DEPARTMENT,
        enabled=True,
        settings={"welcome_email": seed.WELCOME},
    )


def _new_secret() -> Secret:
    return Secret(base64.b64encode(os.urandom(32)).decode())


def _bound(address: Address) -> socket.socket:
    try:
        bound = socket.create_server((address.host, address.port))
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return bound
    except OSError as error:
        raise NotPrepared(
            f"{address} cannot be listened on: {error.strerror}; set BRIDGE_LISTEN to another, port 0 takes a free one"
        ) from error


def _where(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"{host}:{port}"


@contextlib.contextmanager
def _running(app_: ASGIApp, bound: socket.socket, options: dict[str, Any]) -> Iterator[None]:
    """An app served from a thread of its own, answering when the block begins."""
    server = uvicorn.Server(uvicorn.Config(app_, **{"access_log": False, **options}))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # signals are the main thread's
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name=f"serve-{_where(bound)}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=5)
        bound.close()
