"""What an operator copies from `deploy/` fits the bridge as it is (F-2, R-27, R-32, T-5, T-20).

Read here word by word. Where systemd, nginx or Caddy is on the machine, its own check is asked as well.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bridge import listener, settings
from bridge.cli import run
from bridge.rpc import envelope
from bridge.settings import Settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
NGINX = (DEPLOY / "nginx" / "bridge.conf").read_text()
NGINX_PROXY = (DEPLOY / "nginx" / "bridge-proxy.conf").read_text()
CADDY = (DEPLOY / "caddy" / "Caddyfile").read_text()
WAIT_MAX_SECONDS = 20
"""The longest a lifecycle call may wait (`wait_ms`)."""


def lines_of(unit: Path) -> Mapping[str, list[str]]:
    """The values of each setting of a unit, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


# --- systemd ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_gives_the_bridge_no_more_than_it_needs_t20(unit: Path) -> None:
    told = lines_of(unit)

    assert told["LimitCORE"] == ["0"]
    assert told["User"] == ["bridge"]
    assert told["NoNewPrivileges"] == ["yes"]
    assert told["CapabilityBoundingSet"] == [""]
    assert told["ProtectSystem"] == ["strict"]
    assert told["UMask"] == ["0077"]
    assert "ProcSubset" not in told, "the boot id is read below /proc/sys (R-41)"


def test_stopping_leaves_time_to_drain_r27() -> None:
    for name in ("bridge.service", "bridge-work.service"):
        told = lines_of(DEPLOY / "systemd" / name)
        assert int(told["TimeoutStopSec"][0]) > 2 * Settings().drain_seconds  # the listeners, then the workers
        assert told["KillMode"] == ["mixed"]
        assert told["Restart"] == ["always"]


def test_workers_are_held_as_the_service_is() -> None:
    service, work = (lines_of(DEPLOY / "systemd" / name) for name in ("bridge.service", "bridge-work.service"))
    differing = {name for name in service.keys() | work.keys() if service[name] != work[name]}

    assert differing == {"Description", "ExecStart"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_secrets_come_as_credentials_and_each_has_its_setting_t20(unit: Path) -> None:
    told = lines_of(unit)
    credentials = {name: path for name, _, path in (each.partition(":") for each in told["LoadCredential"])}
    named = dict(each.split("=", 1) for each in told["Environment"])

    assert all(path == f"/etc/bridge/{name}" for name, path in credentials.items())
    assert named.keys() <= {*settings.names(), "BRIDGE_CONFIG"}
    used = " ".join([*named.values(), *told["ExecStart"]])
    assert set(re.findall(r"%d/([a-z.]+)", used)) == credentials.keys()


@pytest.mark.parametrize(
    ("unit", "command"), [("bridge", "serve"), ("bridge-work", "work"), ("bridge-backup", "backup")]
)
def test_a_unit_starts_a_command_that_there_is(unit: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    [start] = lines_of(DEPLOY / "systemd" / f"{unit}.service")["ExecStart"]
    assert f"/opt/bridge/bin/bridge {command}" in start

    assert run([command, "--help"]) == 0
    told = capsys.readouterr().out
    assert all(option in told for option in re.findall(r"--[a-z-]+", start))


def test_systemd_itself_finds_nothing_wrong_where_it_is_at_hand(tmp_path: Path) -> None:
    units = [*UNITS, *(DEPLOY / "systemd").glob("*.timer")]
    assert len(units) == 4
    for unit in units:
        text = unit.read_text().replace("/opt/bridge/bin/bridge", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(text)
    analyse = shutil.which("systemd-analyze")
    if analyse is not None:
        files = [str(tmp_path / unit.name) for unit in units]
        verified = subprocess.run([analyse, "verify", *files], capture_output=True, text=True)
        assert (verified.returncode, verified.stderr) == (0, "")


# --- proxies ---------------------------------------------------------------------------------------------------------


def seconds(text: str, directive: str) -> list[float]:
    found = re.findall(rf"^\s*{directive}\s+(\d+)s\b", text, re.MULTILINE)
    assert found, directive
    return [float(each) for each in found]


@pytest.mark.parametrize("config", [NGINX, CADDY], ids=["nginx", "caddy"])
def test_a_proxy_asks_the_bridge_where_it_listens_and_shows_only_its_doors(config: str) -> None:
    assert str(Settings().listen) in config
    for door in ("/rpc/v1", "/webhooks/", "/openrpc.json", "/live"):
        assert door in config
    served = "\n".join(line for line in config.splitlines() if not line.strip().startswith("#"))
    assert "/ready" not in served
    assert "/metrics" not in served


def test_a_proxy_waits_longer_than_the_longest_answer_r27() -> None:
    [nginx] = seconds(NGINX_PROXY, "proxy_read_timeout")
    caddy = seconds(CADDY, "(?:response_header|read)_timeout")

    assert min(nginx, *caddy) > max(WAIT_MAX_SECONDS, Settings().drain_seconds)


def test_a_proxy_never_sends_a_request_twice_r32() -> None:
    assert re.search(r"^proxy_next_upstream off;$", NGINX_PROXY, re.MULTILINE)
    assert re.search(r"^\s*lb_try_duration 0s$", CADDY, re.MULTILINE)
    assert "lb_retries" not in CADDY
    assert re.search(r"^\s*keepalive off$", CADDY, re.MULTILINE), (
        "Go repeats a request on a kept connection that closed"
    )


def test_a_proxy_lets_the_bridge_refuse_a_body_in_its_own_words_and_stops_what_is_far_above_t4() -> None:
    nginx = int(re.findall(r"client_max_body_size (\d+)m;", NGINX)[0]) * 1024 * 1024
    caddy = int(re.findall(r"max_size (\d+)MB", CADDY)[0]) * 1000 * 1000

    for allowed in (nginx, caddy):
        assert envelope.BODY_BYTES_MAX < allowed <= 4 * envelope.BODY_BYTES_MAX


def test_a_proxy_ends_slow_heads_and_bodies_as_the_bridge_does_t5() -> None:
    for directive in ("client_header_timeout", "client_body_timeout"):
        assert seconds(NGINX, directive) == [listener.HEAD_SECONDS]
    for directive in ("read_header", "read_body"):
        assert seconds(CADDY, directive) == [listener.HEAD_SECONDS]
    upstream = NGINX.split("}")[0]
    assert seconds(upstream, "keepalive_timeout")[0] < listener.KEEP_ALIVE_SECONDS


def test_a_proxy_tells_the_callers_own_address_and_not_what_it_claims() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in NGINX_PROXY
    assert "$proxy_add_x_forwarded_for" not in NGINX_PROXY
    assert "trusted_proxies" not in CADDY, "without it Caddy drops what the caller claims"


def test_nothing_on_the_way_changes_what_was_signed() -> None:
    assert re.search(r"^proxy_pass http://bridge;", NGINX_PROXY, re.MULTILINE), "with a path nginx would rewrite it"
    assert re.search(r"^\s*gzip off;$", NGINX, re.MULTILINE)
    assert "encode" not in CADDY
    assert re.search(r"^proxy_intercept_errors off;", NGINX_PROXY, re.MULTILINE)


def test_the_proxies_themselves_find_nothing_wrong_where_they_are_at_hand(tmp_path: Path) -> None:
    a_certificate(tmp_path)
    site = NGINX.replace("/etc/ssl/bridge/", f"{tmp_path}/").replace("/etc/nginx/", f"{tmp_path}/")
    site = re.sub(r"(listen (?:\[::\]:)?)(443|80)", r"\g<1>18\2", site)  # it binds them while it checks
    (tmp_path / "bridge.conf").write_text(site)
    (tmp_path / "bridge-proxy.conf").write_text(NGINX_PROXY)
    folders = "".join(
        f"{kind}_temp_path {tmp_path}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off; {folders} include {tmp_path}/bridge.conf; }}\n"
    )
    checks = {
        "nginx": ["-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
        "caddy": ["validate", "--adapter", "caddyfile", "--config", str(DEPLOY / "caddy" / "Caddyfile")],
    }
    for program, arguments in checks.items():
        found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
        if found is not None:
            done = subprocess.run([found, *arguments], capture_output=True, text=True, env={"HOME": str(tmp_path)})
            assert done.returncode == 0, done.stderr


def a_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bridge.example.com")])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    signed = builder.sign(key, hashes.SHA256())
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


# --- settings --------------------------------------------------------------------------------------------------------


def test_the_example_settings_are_settings(tmp_path: Path) -> None:
    commented = re.sub(r"^# (BRIDGE_)", r"\1", (DEPLOY / "bridge.toml").read_text(), flags=re.MULTILINE)
    once = {line.partition(" = ")[0]: line for line in commented.splitlines() if line.startswith("BRIDGE_")}
    (tmp_path / "all.toml").write_text("\n".join(once.values()))

    for path in (DEPLOY / "bridge.toml", tmp_path / "all.toml"):
        read = settings.read({"BRIDGE_CONFIG": str(path)})
        assert read.master_key_file == Path("/etc/bridge/master.key")
    assert read.whmcs_url == "https://billing.example.com/"
    assert tomllib.loads((DEPLOY / "bridge.toml").read_text()).keys() <= set(settings.names())


def test_the_example_environment_is_settings_too() -> None:
    lines = [line for line in (DEPLOY / "bridge.env").read_text().splitlines() if line and not line.startswith("#")]
    read = settings.read(dict(line.split("=", 1) for line in lines))

    assert read.log == "json"
    assert read.admin_listen is not None


def test_the_command_on_the_host_uses_the_settings_of_the_service() -> None:
    script = (DEPLOY / "bridge-on-host").read_text()

    assert "/etc/bridge/bridge.toml" in script
    assert "/opt/bridge/bin/bridge" in script
    assert (DEPLOY / "bridge-on-host").stat().st_mode & 0o111
    assert subprocess.run(["sh", "-n", DEPLOY / "bridge-on-host"]).returncode == 0
