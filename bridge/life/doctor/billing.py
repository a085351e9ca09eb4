"""WHMCS as the bridge meets it: its API and what our role may do, its records, the addon, and whether it is ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.database import transact
from bridge.errors import BridgeError, NotPrepared
from bridge.life.doctor.check import Check, Found, fail, note, ok, warn
from bridge.life.doctor.data import read
from bridge.life.doctor.patient import Patient
from bridge.life.installation import WHMCS, differing, fingerprint_of, identity_of
from bridge.rights import rights_in
from bridge.store import ground
from bridge.store import installation as facts
from bridge.whmcs.client import READS, WRITES

MODULES = ("voipbridge",)
WHMCS_MIN = (8, 12)
PHP_HINT = "install the addon voipbridge and set BRIDGE_ADDON_SECRET_FILE, or set BRIDGE_WHMCS_DATABASE_URL"


def settings(patient: Patient) -> Iterator[Found]:
    held = patient.settings
    wanted = {
        "BRIDGE_WHMCS_URL": held.whmcs_url,
        "BRIDGE_WHMCS_IDENTIFIER": held.whmcs_identifier,
        "BRIDGE_WHMCS_SECRET_FILE": held.whmcs_secret_file,
    }
    missing = [name for name, value in wanted.items() if value is None]
    if missing:
        yield fail(f"not set: {', '.join(missing)}", "set them; the credential is made in WHMCS under API Credentials")
    elif "whmcs" in patient.trouble:
        yield fail(patient.trouble["whmcs"], "correct what is named")
    else:
        yield ok(f"the API of {held.whmcs_url}")


def api(patient: Patient) -> Iterator[Found]:
    assert patient.whmcs is not None
    details = patient.whmcs.details()
    told = f"WHMCS {details.version} answers, as {details.admin_name or 'administrator'} ({details.admin_id})"
    numbers = tuple(map(int, re.findall(r"\d+", details.version)[:2]))
    if numbers < WHMCS_MIN:
        yield warn(told, "the bridge is made for WHMCS 8.12 and later")
    else:
        yield ok(told)


def actions(patient: Patient) -> Iterator[Found]:
    """Each is asked without what it needs: what WHMCS says tells whether the role lets us in. Nothing is done."""
    assert patient.whmcs is not None
    lacking: list[str] = []
    for action in sorted((*READS, *WRITES)):
        try:
            patient.whmcs.probe(action)
        except NotPrepared as trouble:
            if "missing_action" not in trouble.facts:
                raise
            lacking.append(action)
    if lacking:
        yield fail(f"the API role lacks {', '.join(lacking)}", "allow them in WHMCS under Manage API Roles")
    else:
        yield ok(f"all {len(READS) + len(WRITES)} actions that are needed are allowed")


def records(patient: Patient) -> Iterator[Found]:
    if "records" in patient.trouble:
        yield fail(patient.trouble["records"], "correct what is named")
    elif patient.records is None:
        yield fail("WHMCS's records cannot be read: neither a database nor the addon is set up", PHP_HINT)
    else:
        seen = patient.records.installation()
        page = patient.records.services(MODULES, limit=1)
        patient.records.products(MODULES, limit=1)
        patient.records.servers(MODULES, limit=1)
        how = "by SQL" if patient.whmcs_engine is not None else "through the addon"
        some = "there are services" if page.items else "no service of ours is there yet"
        yield ok(f"read {how} from {seen.system_url}; {some}")


def reader(patient: Patient) -> Iterator[Found]:
    """The database user that reads WHMCS can do nothing else (R-67)."""
    engine = patient.whmcs_engine
    if engine is None or engine.dialect.name == "sqlite":
        yield ok("WHMCS's database is not touched")
        return
    try:
        held = rights_in(transact(engine.execution_options(read_only=True), ground.grants))
    except BridgeError as trouble:
        yield note(f"the grants cannot be read: {trouble}", "compare them with sql/grants.sql by hand")
        return
    writing = sorted({each.verb for each in held} - {"SELECT", "SHOW VIEW"})
    everywhere = [each for each in held if each.schema == "*" or each.table == "*"]
    if writing:
        yield warn(f"the user may also {', '.join(writing)}", "give it SELECT alone, as sql/grants.sql does")
    elif everywhere:
        yield warn("the user reads more tables than it needs", "give it the tables that sql/grants.sql names")
    else:
        yield ok("it can only read, and only what is named")


def addon(patient: Patient) -> Iterator[Found]:
    if "addon" in patient.trouble:
        yield fail(patient.trouble["addon"], "correct what is named")
    elif patient.addon is None:
        yield warn("the addon is not set up; entries of WHMCS's module queue stay open", PHP_HINT)
    else:
        patient.addon.read({"question": "installation"})
        yield ok("it answers, and its signature is good")


def pinned(patient: Patient) -> Iterator[Found]:
    assert patient.records is not None
    seen = identity_of(patient.records.installation())
    held = read(patient, lambda tx: facts.get(tx, WHMCS)) or {}
    served = held.get("pinned")
    if served is None:
        yield note(f"no WHMCS is pinned yet; {seen['system_url']} will be, at first sight")
    elif differs := differing(served, seen):
        yield fail(
            f"{seen['system_url']} is another WHMCS than the one served, by its {', '.join(differs)}; it gets nothing",
            f"mend the connection, or confirm it: installation.confirm with the fingerprint {fingerprint_of(seen)}",
        )
    else:
        yield ok(f"{seen['system_url']} is the one that is served, since {str(held.get('since'))[:10]}")


_ASKED = ("whmcs.settings",)

CHECKS = (
    Check("whmcs.settings", "Without WHMCS the bridge has nobody to work for.", settings, ("settings",)),
    Check("whmcs.api", "Status and welcome mail of late work go out by WHMCS's API.", api, _ASKED),
    Check("whmcs.actions", "An action that is not allowed fails on the day it is needed.", actions, ("whmcs.api",)),
    Check("whmcs.records", "What WHMCS sold is compared with what is there.", records, ("settings",)),
    Check("whmcs.reader", "A user that can only read can break nothing.", reader, ("whmcs.records",)),
    Check("addon", "What WHMCS's API does not offer is asked of the addon, signed.", addon, ("settings",)),
    Check(
        "installation",
        "A staging copy of WHMCS must not change what the real one sold.",
        pinned,
        ("whmcs.records", "schema"),
    ),
)
