"""The host under the bridge: settings, files, disk, what listens, and what the proxy in front has to do."""

from __future__ import annotations

import resource
import shutil
import stat
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from bridge.life.doctor.check import Check, Found, fail, note, ok, warn
from bridge.life.doctor.patient import Patient, file_of

PYTHON_MIN = (3, 11)
DISK_FAIL_BYTES = 200 * 1024**2
DISK_WARN_BYTES = 2 * 1024**3

PROXY_HINT = (
    "nginx: client_max_body_size 2m; proxy_next_upstream off; proxy_read_timeout 40s; "
    "proxy_set_header X-Forwarded-For $remote_addr; and only the paths /rpc/, /webhooks/, /live and /openrpc.json"
)


def read_settings(patient: Patient) -> Iterator[Found]:
    if "settings" in patient.trouble:
        yield fail(patient.trouble["settings"], "correct what is named; README.md lists every setting")
        return
    given = sorted(name for name in patient.environment if name.startswith("BRIDGE_"))
    yield ok(f"read; given: {', '.join(given)}" if given else "read; every setting has its default")
    config = patient.environment.get("BRIDGE_CONFIG")
    if config and (found := _open_to_others(Path(config), "BRIDGE_CONFIG")):
        yield found


def python(_: Patient) -> Iterator[Found]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_MIN:
        yield fail(f"Python {version}", "install Python 3.11 or later")
    else:
        yield ok(f"Python {version}")


def master_key(patient: Patient) -> Iterator[Found]:
    path = patient.settings.master_key_file
    if "vault" in patient.trouble:
        yield fail(patient.trouble["vault"], f"chmod 600 {path}; if its content is damaged, put the kept copy back")
    elif patient.vault is None:
        yield warn(
            f"{path} is not there yet; it is made on first use",
            "start the bridge once, then keep a copy of the file apart from the database's backups",
        )
    else:
        owner = path.stat().st_uid
        yield ok(f"{path} opens, mode {stat.S_IMODE(path.stat().st_mode):04o}, owner {owner}")
        if patient.vault.older:
            yield note(
                f"version {patient.vault.newest} is sealed under; older ones are still in the file",
                "bridge master-key prune drops them, once nothing needs them",
            )


def secret_files(patient: Patient) -> Iterator[Found]:
    held = patient.settings
    files = {
        "BRIDGE_WHMCS_SECRET_FILE": held.whmcs_secret_file,
        "BRIDGE_WHMCS_ACCESS_KEY_FILE": held.whmcs_access_key_file,
        "BRIDGE_ADDON_SECRET_FILE": held.addon_secret_file,
    }
    named = {name: path for name, path in files.items() if path is not None}
    wrong = [found for name, path in named.items() if (found := _open_to_others(path, name))]
    yield from wrong
    if not wrong:
        yield ok(f"{len(named)} named, none that others can read")


def core_dumps(_: Patient) -> Iterator[Found]:
    soft, _hard = resource.getrlimit(resource.RLIMIT_CORE)
    if soft == 0:
        yield ok("off for the bridge's processes")
    else:
        yield warn("this process would write one", "set LimitCORE=0 in the unit file, or ulimit -c 0")


def disk(patient: Patient) -> Iterator[Found]:
    database = file_of(patient.settings.database_url)
    places = {"the master key": patient.settings.master_key_file.parent}
    if database is not None:
        places["the database"] = database.parent
    seen: set[int] = set()
    for what, folder in places.items():
        there = next((each for each in (folder, *folder.absolute().parents) if each.exists()), Path("/"))
        if there.stat().st_dev in seen:
            continue
        seen.add(there.stat().st_dev)
        usage = shutil.disk_usage(there)
        told = f"{usage.free / 1024**3:.1f} GiB free of {usage.total / 1024**3:.1f} GiB under {what}"
        if usage.free < DISK_FAIL_BYTES:
            yield fail(told, "make room: without it nothing can be accepted", about=what)
        elif usage.free < DISK_WARN_BYTES:
            yield warn(told, "make room before it runs out", about=what)
        else:
            yield ok(told, about=what)


def listening(patient: Patient) -> Iterator[Found]:
    held = patient.settings
    for setting, address in (("BRIDGE_LISTEN", held.listen), ("BRIDGE_ADMIN_LISTEN", held.admin_listen)):
        if address is None:
            continue
        if _is_loopback(address.host):
            yield ok(f"{address}, reached from this host alone", about=setting)
        elif setting == "BRIDGE_ADMIN_LISTEN":
            yield warn(
                f"{address} shows /ready and /metrics to whoever reaches it", "listen on loopback", about=setting
            )
        else:
            yield warn(f"{address} is reached without TLS", "listen on loopback behind a proxy with TLS", about=setting)


def proxy(_: Patient) -> Iterator[Found]:
    yield note("what the proxy in front does cannot be seen from here", PROXY_HINT)


def plain_text(patient: Patient) -> Iterator[Found]:
    """Whether anything secret leaves this host unencrypted."""
    url = patient.settings.whmcs_url
    if url is None:
        yield ok("WHMCS is not set up yet")
    elif url.startswith("https://") or _is_loopback(urlsplit(url).hostname or ""):
        yield ok(f"WHMCS is asked by {urlsplit(url).scheme} at {urlsplit(url).hostname}")
    else:
        yield fail("BRIDGE_WHMCS_URL is http://: the API secret can be read on the way", "use https:// there")


def _open_to_others(path: Path, setting: str) -> Found | None:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        return fail(f"{path} cannot be read: {error.strerror}", f"correct {setting}", about=setting)
    if mode & 0o077:
        return warn(f"{path} can be read by others", f"chmod 600 {path}", about=setting)
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


CHECKS = (
    Check("settings", "A setting that is misread acts quietly until it matters.", read_settings),
    Check("python", "The bridge is written for Python 3.11 and later.", python),
    Check(
        "master_key", "Every secret at rest is sealed with it: lost, they are lost; read, they are read.", master_key
    ),
    Check("secret_files", "Whoever reads one of these can act as the bridge.", secret_files, ("settings",)),
    Check("core_dumps", "A core dump holds every secret in memory.", core_dumps),
    Check("disk", "A full disk refuses every call, and the journal with it.", disk),
    Check(
        "listening", "Calls carry passwords; signing proves who sent them and hides nothing.", listening, ("settings",)
    ),
    Check("plain_text", "What goes out unencrypted can be read and changed on the way.", plain_text, ("settings",)),
    Check("proxy", "A proxy that repeats a POST, or cuts it short, turns one order into two or none.", proxy),
)
