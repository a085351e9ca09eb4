"""The agent as a process on a PBX's host: its settings, its certificate, and nobody let in without a key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from bridge import agent_host, cli, pbx
from bridge.errors import BridgeError, NotPrepared, NotReached
from bridge.network import Guard
from bridge.pbx.driver import Driver, Surroundings, Tenant
from bridge.secret import Secret
from tests.canary import CANARY_KEY
from tests.listening import a_certificate
from tests.processes import a_free_port, running, until

MARKER = "5b0e6d5e-0000-5000-8000-000000000001"
SURROUNDINGS = Surroundings(Guard((ip_network("127.0.0.0/8"),)), lambda: datetime.now(UTC), os.urandom)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    def write(**changed: str) -> Path:
        secret = tmp_path / "bridge-1.secret"
        secret.touch(mode=0o600)
        secret.write_text(CANARY_KEY)
        lines = {"listen": '"127.0.0.1:8471"', "instance": '"pbx-1"', "driver": '"memory"'} | changed
        file = tmp_path / "agent.toml"
        plain = [f"{name} = {value}\n" for name, value in lines.items() if value and name != "tables"]
        tables = changed.get("tables", f'[keys]\nbridge-1 = "{secret}"\n')
        file.write_text("".join(plain) + tables)
        return file

    return write


def asked_over_tls(port: int, pin: str, *, key: str = CANARY_KEY) -> Driver:
    config = {"url": f"https://127.0.0.1:{port}", "instance": "pbx-1", "key_id": "bridge-1", "pin": pin}
    return pbx.connect("remote", config, {"secret": Secret(key)}, SURROUNDINGS)


def test_an_agent_is_asked_over_tls_by_whoever_has_a_key(written: Callable[..., Path], tmp_path: Path) -> None:
    shown = a_certificate(tmp_path)
    port, pin = a_free_port(), hashlib.sha256(shown.der).hexdigest()
    certificate = {"certificate": f'"{shown.file}"', "certificate_key": f'"{shown.file}"'}
    file = written(listen=f'"127.0.0.1:{port}"', **certificate)
    tenant = Tenant("acme.pbx.example.com", MARKER)

    with running(["agent", "--config", str(file)], {}, tmp_path) as process:
        driver = asked_over_tls(port, pin)
        until(lambda: _answers(driver), "the agent answers")
        driver.put(tenant)
        found = driver.find(tenant.domain)
        with pytest.raises(NotReached):
            asked_over_tls(port, "0" * 64).find(tenant.domain)
        with pytest.raises(BridgeError):
            asked_over_tls(port, pin, key="A" * 42 + "E=").find(tenant.domain)
        ended = process.stop()

    assert found is not None
    assert found.marker == MARKER
    assert ended in (0, -15)
    assert CANARY_KEY not in process.said()


def _answers(driver: Driver) -> bool:
    try:
        driver.domains()
    except NotReached:
        return False
    return True


def test_an_agent_looks_at_its_pbx_without_serving(
    written: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["agent", "--config", str(written()), "--check"]) == 0

    said = capsys.readouterr().out.splitlines()
    assert {line.split("\t")[0]: line.split("\t")[1] for line in said}["authentication"] == "ok"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"listen": ""}, "listen is missing"),
        ({"listen": '"8471"'}, "listen is not host:port, such as 127.0.0.1:8471"),
        ({"listen": '"0.0.0.0:8471"'}, "listen is open to other hosts, so certificate and certificate_key are needed"),
        ({"instance": '"a b"'}, "instance is not a name of letters and digits"),
        ({"certificate": '"/nowhere.crt"'}, "certificate is not a file that can be read"),
        ({"odd": "1"}, "odd is not known"),
        ({"tables": "[keys]\n"}, "keys is empty: nobody could ask"),
        ({"tables": '[keys]\nk = "/nowhere"\n'}, "keys.k: /nowhere cannot be read: No such file or directory"),
        ({"tables": "keys = 5\n"}, "keys is not a table"),
        ({"tables": "[keys\n"}, "is not TOML: "),
    ],
)
def test_wrong_settings_are_one_sentence(
    changed: dict[str, str], said: str, written: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(**changed)

    assert cli.run(["agent", "--config", str(file)]) == 1

    [sentence] = capsys.readouterr().err.splitlines()
    assert sentence.startswith(str(file))
    assert said in sentence


def test_a_secret_that_others_can_read_is_refused(written: Callable[..., Path], tmp_path: Path) -> None:
    file = written()
    (tmp_path / "bridge-1.secret").write_text("A" * 43 + "=")
    (tmp_path / "bridge-1.secret").chmod(0o640)

    with pytest.raises(NotPrepared, match="can be read by others; chmod 600"):
        agent_host.read(file)


def test_a_key_that_is_none_is_refused_and_not_shown(written: Callable[..., Path], tmp_path: Path) -> None:
    file = written()
    (tmp_path / "bridge-1.secret").write_text("too-short-to-sign")

    with pytest.raises(NotPrepared, match="32 bytes in base64") as refused:
        agent_host.read(file)

    assert "too-short" not in str(refused.value)
