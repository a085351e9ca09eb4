"""People are told (F-9): once, by every channel, across crashes; and the next is told when nobody takes a task."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bridge.app import Bridge, surroundings
from bridge.crash import Point
from bridge.database import transact
from bridge.drivers import Drivers
from bridge.people import notices, summons
from bridge.people.channels import AnyChannel
from bridge.people.channels.channel import WithSecret
from bridge.people.delivery import Delivery, State
from bridge.people.department import Department
from bridge.people.notices import Notifier
from bridge.server import Health
from bridge.store import departments, tasks
from bridge.store import notices as store
from bridge.tables import deliveries
from bridge.tables import notices as notice_table
from bridge.tables import tasks as task_table
from tests.canary import CANARY
from tests.channels.mail_server import MailServer, mail_server
from tests.channels.making import LOOPBACK, WEBHOOK_SECRET, a_mail, a_notification, a_ticket, a_webhook
from tests.channels.whmcs_room import WhmcsRoom, whmcs_room
from tests.factories import a_server, database_now, run_all, with_handler, with_memory_pbx
from tests.listening import answering, http_answer, listening
from tests.test_services import create


@pytest.fixture
def bridge(bridge: Bridge) -> Bridge:
    """One that may reach the loopback."""
    return replace(bridge, drivers=Drivers(surroundings((LOOPBACK,))))


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server(MailServer()) as server:
        yield server


@pytest.fixture
def room(tmp_path: Path) -> Iterator[WhmcsRoom]:
    with whmcs_room(tmp_path) as room:
        yield room


class Killed(BaseException):
    """The process is gone, as far as the code can tell."""


def killed_at(point: Point) -> Any:
    def crash(reached: Point) -> None:
        if reached is point:
            raise Killed

    return crash


def with_department(bridge: Bridge, *channels: AnyChannel, name: str = "default", **changed: Any) -> None:
    department = replace(Department(name, tuple(channels)), **changed)
    transact(bridge.engine, lambda tx: departments.save(tx, department, bridge.vault))


def tell(bridge: Bridge, once_key: str = "news:1", **changed: Any) -> int | None:
    said: dict[str, Any] = {"department": "default", "kind": "task", "title": "Task 1: look", "body": "Please do."}
    return transact(bridge.engine, lambda tx: store.add(tx, once_key=once_key, **(said | changed)))


def run(bridge: Bridge, name: str = "notifier-1") -> int:
    return Notifier(bridge, name).run_once()


def all_deliveries(bridge: Bridge) -> list[Delivery]:
    def act(tx: Any) -> list[Delivery]:
        found = select(deliveries).order_by(deliveries.c.notice_id, deliveries.c.id)
        return [store.delivery_from(row) for row in tx.execute(found)]

    return transact(bridge.engine, act)


def states(bridge: Bridge) -> list[str]:
    return [each.state.value for each in all_deliveries(bridge)]


def titles(bridge: Bridge) -> list[str]:
    return list(transact(bridge.engine, lambda tx: tx.execute(select(notice_table.c.title)).scalars().all()))


def later(bridge: Bridge, waited: timedelta) -> None:
    """So much time passes: everything that was to happen then is that much nearer."""

    def act(tx: Any) -> None:
        for row in tx.execute(select(deliveries)).all():
            changed = {"due_at": row.due_at - waited, "lease_until": row.lease_until and row.lease_until - waited}
            tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(changed))
        for row in tx.execute(select(task_table)).all():
            earlier = {"created_at": row.created_at - waited}
            tx.execute(update(task_table).where(task_table.c.id == row.id).values(earlier))

    transact(bridge.engine, act)


def a_task(bridge: Bridge, number: int = 1, *, department: str = "default", kind: str = "suspend") -> int:
    def act(tx: Any) -> int:
        task_id, _ = tasks.open_task(
            tx,
            open_key=f"operation:{number}",
            kind=kind,
            department=department,
            title=f"Suspend service {number}",
            cause="pbx1 refused it.",
            suggestion="Mend it, then retry.",
        )
        return task_id

    return transact(bridge.engine, act)


# --- by every channel, once ------------------------------------------------------------------------------------------


def test_a_notice_goes_out_once_by_each_channel_of_its_department(
    bridge: Bridge, mail: MailServer, room: WhmcsRoom
) -> None:
    with listening(answering(http_answer())) as hook:
        told = replace(bridge, whmcs=room.whmcs)
        with_department(
            told,
            a_mail(mail.port),
            a_ticket(department_id=room.department_id),
            a_notification(),
            a_webhook(f"http://127.0.0.1:{hook.port}/"),
            name="voip",
        )
        tell(told, department="voip")

        assert run(told) == 4
        assert run(told) == 0

    assert states(told) == ["sent"] * 4
    assert len(mail.taken) == len(room.tickets()) == len(room.notifications()) == hook.connections == 1


def test_the_same_change_is_told_once(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))

    assert tell(bridge, "server:1:down") is not None
    assert tell(bridge, "server:1:down") is None
    run(bridge)

    assert len(mail.taken) == 1


def test_a_notice_is_kept_or_not_with_the_change_it_tells_of(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))

    with bridge.engine.connect() as tx:  # never committed
        store.add(tx, once_key="x", department="default", kind="task", title="t", body="b")

    assert run(bridge) == 0
    assert mail.taken == []


def test_two_that_tell_the_same_at_the_same_moment_do_not_stop_each_other(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))
    together = threading.Barrier(4)
    answers: list[int | None] = []

    def one() -> None:
        together.wait()
        answers.append(tell(bridge, "outage:1"))

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(bridge)

    assert sorted(answer is not None for answer in answers) == [False, False, False, True]
    assert len(mail.taken) == 1


def test_several_notifiers_send_nothing_twice(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))
    for number in range(12):
        tell(bridge, f"news:{number}")

    threads = [threading.Thread(target=run, args=(bridge, f"notifier-{number}")) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert states(bridge) == ["sent"] * 12
    assert len(mail.taken) == 12


def test_a_department_nobody_made_is_the_default_one(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))
    tell(bridge, department="sales")
    run(bridge)

    assert len(mail.taken) == 1


def test_a_department_without_channels_is_heard_by_the_default_one(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))
    with_department(bridge, name="sales")
    tell(bridge, department="sales")
    run(bridge)

    assert len(mail.taken) == 1


def test_a_notice_that_has_no_channel_is_kept_and_counted(bridge: Bridge) -> None:
    assert tell(bridge) is not None
    assert run(bridge) == 0

    since = database_now(bridge) - timedelta(days=1)
    counted = transact(bridge.engine, lambda tx: store.counts(tx, since=since))
    assert counted["untold"] == 1
    assert titles(bridge) == ["Task 1: look"]


# --- when a channel fails --------------------------------------------------------------------------------------------


def test_a_channel_that_fails_does_not_hold_up_the_others(bridge: Bridge, mail: MailServer) -> None:
    with listening(answering(http_answer(500))) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"), a_mail(mail.port))
        for number in range(3):
            tell(bridge, f"news:{number}")
        run(bridge)

        assert hook.connections == 1, "a channel that failed is left alone for the rest of the turn"
    assert len(mail.taken) == 3


def test_a_webhook_is_tried_by_the_schedule_and_then_another_channel_is_told(bridge: Bridge, mail: MailServer) -> None:
    """0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    waits = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    with listening(answering(http_answer(500))) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"), a_mail(mail.port))
        tell(bridge)
        run(bridge)
        for seconds in waits:
            before = hook.connections
            later(bridge, timedelta(seconds=seconds) - timedelta(minutes=1 if seconds > 60 else 0, seconds=4))
            run(bridge)
            assert hook.connections == before, "not before its time"
            later(bridge, timedelta(minutes=1, seconds=4))
            run(bridge)
            assert hook.connections == before + 1, f"due after {seconds} s"
        later(bridge, timedelta(days=30))
        run(bridge)
        ids = {read_header(request, b"webhook-id") for request in hook.requests}

    assert hook.connections == len(waits) + 1
    assert len(ids) == 1
    assert states(bridge)[:2] == ["failed", "sent"]
    assert b"The channel hook of default fails" in mail.taken[-1].letter
    assert len(mail.taken) == 2


def read_header(request: bytes, name: bytes) -> bytes:
    return next(line.split(b":", 1)[1].strip() for line in request.split(b"\r\n") if line.lower().startswith(name))


def test_a_webhook_that_comes_back_is_told_what_waited(bridge: Bridge) -> None:
    answers = [http_answer(503), http_answer(200)]
    with listening(lambda connection: connection.sendall(answers.pop(0))) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"))
        tell(bridge)
        run(bridge)
        later(bridge, timedelta(seconds=6))
        run(bridge)

    [delivery] = all_deliveries(bridge)
    assert (delivery.state, delivery.attempts) == (State.SENT, 2)
    assert delivery.sent_at is not None


def test_410_switches_the_webhook_off_and_another_channel_says_so(bridge: Bridge, mail: MailServer) -> None:
    with listening(answering(http_answer(410))) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"), a_mail(mail.port))
        tell(bridge, "news:1")
        run(bridge)
        tell(bridge, "news:2")
        run(bridge)
        run(bridge)

        assert hook.connections == 1
    department = transact(bridge.engine, lambda tx: departments.get(tx, "default"))
    assert department is not None
    assert list(department.disabled) == ["hook"]
    assert b"The channel hook of default fails" in mail.taken[1].letter
    assert len(mail.taken) == 3


def test_410_from_the_only_channel_is_counted_where_nobody_hears(bridge: Bridge) -> None:
    with listening(answering(http_answer(410))) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"))
        tell(bridge)
        run(bridge)
        run(bridge)

    assert titles(bridge)[1:] == ["The channel hook of default fails"]
    since = database_now(bridge) - timedelta(days=1)
    assert transact(bridge.engine, lambda tx: store.counts(tx, since=since))["untold"] == 1


def test_a_mail_whose_answer_was_lost_is_not_sent_again(bridge: Bridge, room: WhmcsRoom) -> None:
    told = replace(bridge, whmcs=room.whmcs)
    with mail_server(MailServer(breaks_off_at=".")) as mail:
        with_department(told, a_mail(mail.port), a_ticket(department_id=room.department_id))
        tell(told)
        run(told)
        later(told, timedelta(days=2))
        run(told)

        assert [each for each in mail.said if each == "DATA"] == ["DATA"]
    assert states(told)[:2] == ["unknown", "sent"]
    assert [each["title"] for each in room.tickets()] == ["Task 1: look", "The channel staff of default fails"]


@pytest.mark.parametrize("fault", ["error_after", "cut", "empty", "twice", "login_page"])
def test_a_ticket_whose_answer_was_lost_is_not_opened_again(bridge: Bridge, room: WhmcsRoom, fault: Any) -> None:
    told = replace(bridge, whmcs=room.whmcs)
    with_department(told, a_ticket(department_id=room.department_id))
    room.standin.faults.order(fault, "OpenTicket")
    tell(told)
    for _ in range(3):
        run(told)
        later(told, timedelta(days=2))

    assert len(room.tickets()) <= 1
    assert states(told) == ["unknown"]


def test_a_mail_server_that_is_down_is_asked_again_until_it_is_back(bridge: Bridge, mail: MailServer) -> None:
    mail.answers["connect"] = "421 not now"
    with_department(bridge, a_mail(mail.port))
    tell(bridge)
    run(bridge)
    assert states(bridge) == ["due"]
    mail.answers.clear()
    later(bridge, timedelta(seconds=6))
    run(bridge)

    assert states(bridge) == ["sent"]
    assert len(mail.taken) == 1


def test_a_mail_that_is_refused_for_good_is_told_by_another_channel_once_a_day(
    bridge: Bridge, mail: MailServer, room: WhmcsRoom
) -> None:
    told = replace(bridge, whmcs=room.whmcs)
    mail.answers["RCPT"] = "550 no such user"
    with_department(told, a_mail(mail.port), a_ticket(department_id=room.department_id))
    for number in range(3):
        tell(told, f"news:{number}", title=f"Task {number}")
    for _ in range(4):
        run(told)

    opened = [each["title"] for each in room.tickets()]
    assert sorted(opened) == ["Task 0", "Task 1", "Task 2", "The channel staff of default fails"]


def test_a_channel_that_was_taken_away_leaves_no_delivery_behind(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port, name="old"))
    tell(bridge)
    with_department(bridge, a_mail(mail.port, name="new"))
    run(bridge)

    assert states(bridge)[0] == "failed"
    assert len(mail.taken) == 1
    assert b"The channel old of default fails" in mail.taken[0].letter


def test_a_bug_in_one_channel_does_not_stop_the_messages_behind_it(
    bridge: Bridge, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_department(bridge, a_notification(), a_mail(mail.port))

    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("bridge.people.channels.whmcs_notification.WhmcsNotification.send", broken)
    tell(bridge)
    run(bridge)

    assert len(mail.taken) >= 1
    assert states(bridge)[:2] == ["unknown", "sent"]


# --- killed at every point -------------------------------------------------------------------------------------------

POINTS = [
    Point.CLAIM_BEFORE_COMMIT,
    Point.CLAIM_AFTER_COMMIT,
    Point.STEP_BEFORE,
    Point.STEP_AFTER,
    Point.RECORD_BEFORE_COMMIT,
    Point.RECORD_AFTER_COMMIT,
]


@pytest.mark.parametrize("point", POINTS)
def test_a_mail_is_sent_at_most_once_wherever_the_sender_is_killed(
    bridge: Bridge, mail: MailServer, point: Point
) -> None:
    """R-71: and where it may be missing, that is known and told."""
    with_department(bridge, a_mail(mail.port))
    tell(bridge)
    with pytest.raises(Killed):
        run(replace(bridge, crash=killed_at(point)), "killed")
    assert run(bridge, "other") == (1 if point is Point.CLAIM_BEFORE_COMMIT else 0), "a lease is respected"
    later(bridge, timedelta(minutes=5))
    run(bridge, "other")

    [first, *rest] = all_deliveries(bridge)
    if first.state is State.SENT:
        assert len(mail.taken) == 1
    else:
        assert first.state is State.UNKNOWN
        assert len(mail.taken) <= 1
        assert titles(bridge)[1:] == ["The channel staff of default fails"]
    assert rest == []


@pytest.mark.parametrize("point", POINTS)
def test_a_webhook_is_sent_at_least_once_under_one_id_wherever_the_sender_is_killed(
    bridge: Bridge, point: Point
) -> None:
    """R-71."""
    with listening(answering(http_answer())) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"))
        tell(bridge)
        with pytest.raises(Killed):
            run(replace(bridge, crash=killed_at(point)), "killed")
        later(bridge, timedelta(minutes=5))
        run(bridge, "other")

        assert states(bridge) == ["sent"]
        assert 1 <= hook.connections <= 2
        assert len({read_header(each, b"webhook-id") for each in hook.requests}) == 1


def test_one_that_comes_back_late_writes_nothing(bridge: Bridge) -> None:
    """R-23: its lease was over, and somebody else had taken the delivery and failed."""
    answers = [http_answer(200), http_answer(500)]

    def sleep_too_long(point: Point) -> None:
        if point is Point.STEP_AFTER:
            later(bridge, timedelta(minutes=5))
            assert run(bridge, "other") == 1

    with listening(lambda connection: connection.sendall(answers.pop(0))) as hook:
        with_department(bridge, a_webhook(f"http://127.0.0.1:{hook.port}/"))
        tell(bridge)
        run(replace(bridge, crash=sleep_too_long), "late")

    [delivery] = all_deliveries(bridge)
    assert (delivery.state, delivery.attempts) == (State.DUE, 1)
    assert delivery.cause is not None


def test_the_notifier_of_a_process_sends_what_is_due_and_stops_when_told(bridge: Bridge, mail: MailServer) -> None:
    """R-27."""
    with_department(bridge, a_mail(mail.port))
    stop = threading.Event()
    notifier = threading.Thread(target=Notifier(bridge, "notifier-1").run, args=(stop,), kwargs={"pause_seconds": 0.01})
    notifier.start()
    try:
        tell(bridge)
        until = time.monotonic() + 20
        while states(bridge) != ["sent"] and time.monotonic() < until:
            stop.wait(0.01)
    finally:
        stop.set()
        notifier.join(20)

    assert not notifier.is_alive()
    assert len(mail.taken) == 1


# --- nobody takes a task ---------------------------------------------------------------------------------------------


def test_a_task_nobody_claims_is_told_to_the_next_department_once(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port, to=["boss@example.com"]), name="managers")
    with_department(bridge, a_mail(mail.port), name="voip", escalate_after_hours=4, escalate_to="managers")
    task_id = a_task(bridge, department="voip")

    assert notices.escalate(bridge) == 0
    later(bridge, timedelta(hours=4, seconds=1))
    assert notices.escalate(bridge) == 1
    later(bridge, timedelta(hours=40))
    assert notices.escalate(bridge) == 0
    run(bridge)

    [taken] = mail.taken
    assert taken.to == ["boss@example.com"]
    assert f"Subject: Urgent: Task {task_id} is unclaimed for 4 h: Suspend service 1".encode() in taken.letter


def test_a_department_without_a_next_one_is_told_again(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port), escalate_after_hours=1)
    a_task(bridge)
    later(bridge, timedelta(hours=2))
    notices.escalate(bridge)
    run(bridge)

    assert mail.taken[0].to == ["noc@example.com"]
    assert b"Subject: Urgent: " in mail.taken[0].letter


def test_a_claimed_task_is_not_told_to_anybody_else(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port), escalate_after_hours=1)
    task_id = a_task(bridge)
    transact(bridge.engine, lambda tx: tasks.claim(tx, task_id, assignee="Ada"))
    later(bridge, timedelta(hours=2))

    assert notices.escalate(bridge) == 0


def test_a_hundred_unclaimed_tasks_are_one_message(bridge: Bridge, mail: MailServer) -> None:
    """F-9: five hundred waiting services are one mail."""
    with_department(bridge, a_mail(mail.port), escalate_after_hours=1)
    for number in range(100):
        a_task(bridge, number)
    later(bridge, timedelta(hours=2))

    assert notices.escalate(bridge) == 100
    run(bridge)

    [taken] = mail.taken
    assert b"Subject: Urgent: 100 tasks of default are unclaimed for 1 h" in taken.letter
    assert b"and 90 more" in taken.letter


def test_a_task_is_escalated_once_however_many_look_at_the_same_time(bridge: Bridge) -> None:
    with_department(bridge, a_notification(), escalate_after_hours=1)
    for number in range(10):
        a_task(bridge, number)
    later(bridge, timedelta(hours=2))
    counted: list[int] = []
    threads = [threading.Thread(target=lambda: counted.append(notices.escalate(bridge))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(counted) == 10


def test_a_task_of_a_department_nobody_made_waits_as_long_as_the_default_one(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port), escalate_after_hours=1)
    a_task(bridge, department="sales")
    later(bridge, timedelta(hours=2))

    assert notices.escalate(bridge) == 1


# --- tasks of one cause ----------------------------------------------------------------------------------------------


def test_one_outage_with_many_waiting_services_is_one_mail_for_each_department(
    bridge: Bridge, mail: MailServer
) -> None:
    """F-8, F-9: 500 services behind one dead PBX are one piece of news; a hundred stand for them here."""
    with_department(bridge, a_mail(mail.port))
    with_department(bridge, a_mail(mail.port), name="voip")

    def act(tx: Any) -> None:
        for number in range(100):
            summons.ask(
                tx,
                open_key=f"operation:{number}",
                kind="suspend",
                department="voip" if number < 90 else "default",
                title=f"Suspend service {number}",
                cause="pbx1 is out of reach.",
                suggestion="Bring the PBX back, then retry.",
                server_id=1,
                told_as="outage:1:2026-11-21",
            )

    transact(bridge.engine, act)
    run(bridge)

    assert len(mail.taken) == 2
    assert transact(bridge.engine, tasks.count_open) == 100


def test_a_dead_pbx_with_many_services_is_two_mails(bridge: Bridge, mail: MailServer) -> None:
    """F-8, F-9: one that it is out of reach, and one that what waited for it is with people now."""
    with_department(bridge, a_mail(mail.port))
    impatient = replace(bridge, settings=replace(bridge.settings, outage_max_seconds=0))
    pbx = with_memory_pbx(impatient)
    with_handler(impatient)
    for service_id in range(1, 31):
        create(impatient, service_id, domain=f"s{service_id}.example")
    pbx.trouble.outage = True
    run_all(impatient)
    run(bridge)

    assert transact(bridge.engine, tasks.count_open) == 30
    subjects = [read_header(each.letter, b"subject") for each in mail.taken]
    assert sorted(subjects)[1] == b"pbx1 is out of reach"
    assert sorted(subjects)[0].startswith(b"Task ")
    assert len(subjects) == 2


# --- every day -------------------------------------------------------------------------------------------------------


def at_any_hour(bridge: Bridge, *, hour: int = 0) -> Bridge:
    return replace(bridge, settings=replace(bridge.settings, digest_hour=hour))


def test_the_digest_says_once_a_day_that_all_is_well(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))
    with_memory_pbx(bridge)

    assert notices.digest(at_any_hour(bridge)) is not None
    assert notices.digest(at_any_hour(bridge)) is None
    run(bridge)

    [taken] = mail.taken
    assert b"Subject: The bridge: all is well" in taken.letter
    assert b"Nothing needs a person." in taken.letter


def test_the_digest_is_made_once_by_several_processes(bridge: Bridge) -> None:
    made: list[int | None] = []
    threads = [threading.Thread(target=lambda: made.append(notices.digest(at_any_hour(bridge)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(each is None for each in made) == [False, True, True, True]


def test_the_digest_waits_for_its_hour(bridge: Bridge) -> None:
    hour = database_now(bridge).hour

    if hour < 23:
        assert notices.digest(at_any_hour(bridge, hour=hour + 1)) is None
    assert notices.digest(at_any_hour(bridge, hour=hour)) is not None


def test_the_digest_counts_what_needs_a_person(bridge: Bridge, mail: MailServer) -> None:
    with_department(bridge, a_mail(mail.port))
    with_memory_pbx(bridge, replace(a_server(), health=Health.RED, name="pbx-west"))
    a_task(bridge, 1)
    later(bridge, timedelta(days=3))
    a_task(bridge, 2)
    notices.digest(at_any_hour(bridge))
    run(bridge)

    letter = mail.taken[0].letter.replace(b"=\r\n", b"")
    assert b"Subject: The bridge needs attention: 1 server, 2 tasks" in letter
    assert b"pbx-west failed its connection test" in letter
    assert b"Open tasks: 2 (1 from today, 1 from this week, 0 older); unclaimed: 2" in letter


# --- nothing secret --------------------------------------------------------------------------------------------------


def test_the_secrets_of_channels_are_sealed(bridge: Bridge) -> None:
    """T-20: the fixture looks through every table for the canary."""
    with_department(
        bridge,
        a_mail(security="tls", user="bridge", secret=CANARY),
        a_webhook("https://hooks.example.com/"),
    )

    read = transact(bridge.engine, lambda tx: departments.get(tx, "default", vault=bridge.vault))
    assert read is not None
    assert [each.secret.reveal() for each in read.channels if isinstance(each, WithSecret) and each.secret] == [
        CANARY,
        WEBHOOK_SECRET,
    ]
    assert all(
        each.secret is None
        for each in transact(bridge.engine, departments.listed)[0].channels
        if isinstance(each, WithSecret)
    )
