"""Whether the work goes on: who may call, the servers, whom people are told by, and what waits too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.database import now
from bridge.drivers import secrets_from
from bridge.errors import BridgeError
from bridge.life.doctor.check import Check, Found, fail, note, ok, warn
from bridge.life.doctor.data import read
from bridge.life.doctor.patient import Patient
from bridge.life.installation import MACHINES, RESTORE
from bridge.operations import State
from bridge.pbx.setting import is_known_default
from bridge.people.department import DEFAULT
from bridge.server import Health, Server
from bridge.store import audit, backlog, departments, findings, handlers, keys, lanes, notices, servers
from bridge.store import installation as facts
from bridge.store.keys import KeyRow

LATE = timedelta(minutes=5)
JOB_LATE = timedelta(minutes=15)
KEY_SOON = timedelta(days=2)
TASK_OLD = timedelta(hours=24)
TEST_OLD = timedelta(hours=6)
WEEK = timedelta(days=7)
SEALED_WITHIN = timedelta(seconds=60)
AUDIT_ROWS = 20_000


def may_work(patient: Patient) -> Iterator[Found]:
    held = read(patient, lambda tx: facts.several(tx, (RESTORE, MACHINES)))
    machine, known = patient.machine, held.get(MACHINES) or {}
    if held.get(RESTORE):
        yield fail(
            f"restored by {held[RESTORE]['by']}; nothing is done and nothing is accepted",
            "look at what it would do, then end it by installation.confirm",
        )
    elif machine is not None and known and machine.machine_id not in known:
        names = ", ".join(sorted(each["name"] for each in known.values()))
        yield fail(
            f"the bridge belongs to {names}; on {machine.name} it does nothing",
            f"stop the other, then installation.confirm the machine {machine.machine_id[:16]}",
        )
    else:
        yield ok("on its own machine" if known else "no machine is taken in yet; the first that works will be")


def signing_keys(patient: Patient) -> Iterator[Found]:
    rows, moment = read(patient, lambda tx: (keys.valid(tx), now(tx)))
    if not rows:
        yield fail("there is no key: nobody can call", "run: bridge keys add whmcs-main")
    for row in rows:
        if patient.vault is not None and (found := _does_not_open(patient, row)):
            yield found
        elif row.ends_at is not None and row.ends_at - moment < KEY_SOON:
            yield warn(
                f"an old secret ends on {row.ends_at:%Y-%m-%d %H:%M} UTC",
                "see that the caller uses the new one by then",
                about=row.key_id,
            )
        else:
            yield ok("good" if row.ends_at is None else f"being rotated until {row.ends_at:%Y-%m-%d}", about=row.key_id)


def each_server(patient: Patient) -> Iterator[Found]:
    known, moment = read(patient, lambda tx: (servers.listed(tx), now(tx)))
    if not known:
        yield warn("there is no server, so no service can be set up", "add one by server.upsert")
    for server in known:
        yield from _of_server(patient, server, moment)


def each_handler(patient: Patient) -> Iterator[Found]:
    listed, known = read(
        patient, lambda tx: (handlers.listed(tx), {each.name: each for each in departments.listed(tx)})
    )
    if not listed:
        yield note("no product has a handler: all are processed in the ordinary way", "see handler.save")
    for handler in listed:
        about = f"product {handler.product_id}" + (f" on server {handler.server_id}" if handler.server_id else "")
        if handler.department not in known and handler.department != DEFAULT:
            yield warn(
                f"its department {handler.department} is not there; {DEFAULT} hears of its tasks",
                "department.save, or handler.save with another",
                about=about,
            )
        elif not handler.enabled:
            yield note("disabled: it takes no new service", about=about)
        else:
            yield ok(f"{handler.department}, {handler.driver or 'the driver of its server'}", about=about)


def each_department(patient: Patient) -> Iterator[Found]:
    known = read(patient, departments.listed)
    if not any(each.name == DEFAULT and each.carriers for each in known):
        yield fail(
            f"the department {DEFAULT} has no channel: what nobody else is told, nobody is told",
            f"department.save {DEFAULT} with a channel, then department.test",
        )
    for department in known:
        for name, why in sorted(department.disabled.items()):
            yield warn(f"the channel {name} is switched off: {why}", "mend it and save it", about=department.name)
        if department.carriers:
            names = ", ".join(each.name for each in department.carriers)
            yield ok(f"told by {names}", about=department.name)
        elif department.name != DEFAULT:
            yield warn(f"no channel; {DEFAULT} hears instead", "department.save with one", about=department.name)


def messages(patient: Patient) -> Iterator[Found]:
    told = read(patient, lambda tx: notices.counts(tx, since=now(tx) - WEEK))
    lost, waiting = told["failed"] + told["unknown"], told["due"] + told["sending"]
    if lost or told["untold"]:
        yield warn(
            f"of a week's messages {lost} may not have arrived, {told['untold']} had no way to go and {waiting} wait",
            "department.test each department",
        )
    elif waiting:
        yield ok(f"of a week's messages {waiting} wait to go out; the others have")
    else:
        yield ok("a week's messages have gone out")


def each_job(patient: Patient) -> Iterator[Found]:
    jobs, moment = read(patient, lambda tx: (backlog.standing_jobs(tx, now=now(tx)), now(tx)))
    if not jobs:
        yield warn("none has run yet", "start bridge serve or bridge work")
        return
    late = [each for each in jobs if not each.running and moment - each.due_at > JOB_LATE]
    broken = [each for each in jobs if each.failed]
    if late:
        names = ", ".join(each.name for each in late)
        oldest = min(each.due_at for each in late)
        yield fail(f"not run since {oldest:%Y-%m-%d %H:%M} UTC: {names}", "is bridge serve or bridge work running?")
    for each in broken:
        yield warn("its last turn failed; the log says why", "see the log of bridge serve", about=each.name)
    if not late and not broken:
        yield ok(f"{len(jobs)} jobs, each in its time")


def queue(patient: Patient) -> Iterator[Found]:
    lease = timedelta(seconds=patient.settings.lease_seconds)
    stuck = read(patient, lambda tx: lanes.forgotten(tx, lease=lease))
    overdue = read(patient, lambda tx: backlog.overdue_operations(tx, due_before=now(tx) - LATE))
    waiting = read(patient, lambda tx: backlog.operations_in(tx, State.WAITING_PBX))
    if stuck:
        yield fail(f"stuck: {', '.join(map(str, stuck[:10]))}", "bridge ops retry each of them")
    if overdue.count:
        yield fail(
            f"{overdue.count} due and not begun, since {_day(overdue.since)}", "start bridge serve or bridge work"
        )
    if waiting.count:
        yield warn(f"{waiting.count} wait for a PBX, the oldest since {_day(waiting.since)}", "see the servers above")
    if not (stuck or overdue.count or waiting.count):
        yield ok("nothing waits longer than it should")


def words_to_whmcs(patient: Patient) -> Iterator[Found]:
    due, lost, moment = read(
        patient,
        lambda tx: (backlog.announcements_due(tx), backlog.announcements_given_up(tx, since=now(tx) - WEEK), now(tx)),
    )
    is_late = due.since is not None and moment - due.since > JOB_LATE
    if is_late:
        yield warn(f"{due.count} due, the oldest since {_day(due.since)}", "see whmcs.api and whmcs.actions")
    if lost.count:
        yield warn(f"{lost.count} given up within a week", "see their tasks")
    if not is_late and not lost.count:
        yield ok(f"{due.count} about to be told" if due.count else "WHMCS knows what it has to know")


def tasks(patient: Patient) -> Iterator[Found]:
    waiting, unclaimed, moment = read(
        patient, lambda tx: (backlog.open_tasks(tx), backlog.unclaimed_tasks(tx), now(tx))
    )
    if waiting.since is None:
        yield ok("nobody is waited for")
        return
    told = f"{waiting.count} open, {unclaimed.count} of them unclaimed, the oldest since {_day(waiting.since)}"
    if moment - waiting.since > TASK_OLD:
        yield warn(told, "bridge tasks list; a task names what to do")
    else:
        yield ok(told)


def drift(patient: Patient) -> Iterator[Found]:
    counts = read(patient, findings.count_by_class)
    if counts:
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
        yield warn(f"open: {told}", "finding.list tells each, and what the policy is")
    else:
        yield ok("no open finding")


def chain(patient: Patient) -> Iterator[Found]:
    end, since, moment, noted = read(
        patient,
        lambda tx: (
            audit.head(tx),
            audit.unsealed_since(tx),
            now(tx),
            backlog.job_result(tx, "seal_audit").get("head", 0),
        ),
    )
    first = max(1, end.sealed_no - AUDIT_ROWS + 1)
    broken = read(patient, lambda tx: audit.verify(tx, from_no=first))
    if broken is not None:
        what = f"row {broken.row_id} was changed" if broken.row_id else "a row is gone"
        yield fail(f"at place {broken.sealed_no} {what}", "keep a copy of the database; find out who could write to it")
    elif isinstance(noted, int) and noted > end.sealed_no:
        yield fail(f"it ends at {end.sealed_no} where {noted} rows were sealed", "compare it with the last backup")
    elif since is not None and moment - since > SEALED_WITHIN:
        yield warn(f"not sealed since {_day(since)}", "is bridge serve or bridge work running?")
    else:
        yield ok(f"{end.sealed_no} rows, whole from {first} on")


# --- one of several --------------------------------------------------------------------------------------------------


def _of_server(patient: Patient, server: Server, moment: datetime) -> Iterator[Found]:
    about = f"{server.server_id} {server.name}"
    yield from _defaults(patient, server, about)
    until = server.config.get("unverified_until")
    if until is not None:
        yield warn(
            f"any certificate is accepted until {until}", "pin its certificate, or install a valid one", about=about
        )
    if not server.enabled:
        yield note("disabled: it takes no new service", about=about)
    if server.is_working and server.override_by is not None and server.health is not Health.GREEN:
        yield warn(f"{server.override_by} lets automation run on it untested", "server.test it", about=about)
    elif server.is_working and server.tested_at is not None and moment - server.tested_at > TEST_OLD:
        yield warn(f"green, and last tested {_day(server.tested_at)}", "is bridge serve running?", about=about)
    elif server.is_working:
        yield ok("green", about=about)
    elif server.paused_at is not None:
        yield warn(
            f"paused by {server.paused_by}: {server.paused_reason}", "server.resume when it is over", about=about
        )
    else:
        failed = [f"{each['name']}: {each['detail']}" for each in server.checks or [] if each["status"] == "fail"]
        told = server.why_not + (f" ({failed[0]})" if failed else "")
        yield fail(told, "mend what is named; server.test says whether it is", about=about)


def _defaults(patient: Patient, server: Server, about: str) -> Iterator[Found]:
    """T-22: a password that everybody knows."""
    vault = patient.vault
    if vault is None:
        return
    try:
        secrets = secrets_from(read(patient, lambda tx: servers.secret_of(tx, server.server_id, vault)))
    except BridgeError as trouble:
        yield fail(str(trouble), "put the master key of this installation back, or server.upsert anew", about=about)
        return
    for name in sorted(name for name, secret in secrets.items() if is_known_default(secret)):
        yield fail(
            f"its {name} is one that everybody knows", "choose another on the PBX, then server.upsert", about=about
        )


def _does_not_open(patient: Patient, row: KeyRow) -> Found | None:
    assert patient.vault is not None
    try:
        patient.vault.open(row.sealed, place=row.place)
    except BridgeError as trouble:
        return fail(str(trouble), "put the master key of this installation back, or rotate the key", about=row.key_id)
    return None


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


_ASKED = ("schema",)

CHECKS = (
    Check(
        "may_work",
        "A copy of the bridge, or a restored one, must not act before a person has looked.",
        may_work,
        _ASKED,
    ),
    Check("keys", "WHMCS proves itself by a key.", signing_keys, _ASKED),
    Check(
        "servers",
        "Automation runs only where the connection is tested and the password is not public.",
        each_server,
        _ASKED,
    ),
    Check("handlers", "A product whose department is missing tells the wrong people.", each_handler, _ASKED),
    Check("departments", "What automation cannot do, a person has to hear of.", each_department, _ASKED),
    Check("messages", "A message that did not arrive is as good as none.", messages, _ASKED),
    Check("jobs", "Probes, tests, sealing and sweeping happen by themselves, or not at all.", each_job, _ASKED),
    Check("operations", "What was accepted is done, or somebody knows why not.", queue, _ASKED),
    Check("announcements", "A customer sees in WHMCS what was done late.", words_to_whmcs, _ASKED),
    Check("tasks", "A task that nobody takes is a customer who waits.", tasks, _ASKED),
    Check("findings", "Where WHMCS, the bridge and a PBX disagree, somebody pays for it.", drift, _ASKED),
    Check("audit", "Who did what has to be beyond doubt, above all afterwards.", chain, _ASKED),
)
