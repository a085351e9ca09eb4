"""After a delay, tell WHMCS: status, welcome mail once, module queue, activity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import Engine, select

from bridge import database
from bridge.announcer import ATTEMPTS_MAX, Announcer
from bridge.app import Bridge
from bridge.database import transact
from bridge.demo.whmcs import modules, seed
from bridge.demo.whmcs import tables as whmcs_tables
from bridge.demo.whmcs.standin import StandIn
from bridge.store import announcements as store
from bridge.store import tasks as task_store
from bridge.tables import announcements, notices, operations
from bridge.whmcs.client import Whmcs
from bridge.whmcs.records import Records
from bridge.whmcs.sql import sql_records
from tests.factories import asking, run_all, with_handler, with_memory_pbx
from tests.test_services import create, suspend, unsuspend
from tests.whmcs.standin import Recorder, a_standin, client_of, endpoint_of

WELCOME = "VoIP Welcome"


@pytest.fixture
def whmcs(sqlite_engine: Engine) -> StandIn:
    return replace(a_standin(sqlite_engine), module=Recorder())


@pytest.fixture
def told(bridge: Bridge, whmcs: StandIn) -> Bridge:
    """A bridge that knows a WHMCS in which service 1 is ordered and pending."""
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)
        product_id = seed.product(tx)
        assert seed.service(tx, client_id, product_id, domain="acme.example") == 1
    with_memory_pbx(bridge)
    with_handler(bridge, welcome_email=WELCOME)
    return replace(bridge, whmcs=client_of(whmcs), records=sql_records(whmcs.engine), addon=endpoint_of(whmcs))


def ordered(bridge: Bridge) -> None:
    create(bridge, 1, client_id=1)


def announce(bridge: Bridge) -> int:
    """Tells what is due; what is only due in a moment is brought forward first, as time would."""
    with bridge.engine.begin() as tx:
        tx.execute(announcements.update().values(due_at=announcements.c.created_at))
    return Announcer(bridge, "announcer-1").run_once()


def status(whmcs: StandIn, service_id: int = 1) -> str:
    hosting = whmcs_tables.hosting
    with whmcs.engine.connect() as tx:
        return str(tx.execute(select(hosting.c.domainstatus).where(hosting.c.id == service_id)).scalar_one())


def mails(whmcs: StandIn) -> list[str]:
    with whmcs.engine.connect() as tx:
        return [row.template for row in tx.execute(select(whmcs_tables.mails)) if row.template]


def rows(whmcs: StandIn, table: Any) -> list[Any]:
    with whmcs.engine.connect() as tx:
        return list(tx.execute(select(table)).all())


def states(bridge: Bridge) -> list[str]:
    with bridge.engine.connect() as tx:
        return [row.state for row in tx.execute(select(announcements).order_by(announcements.c.id))]


def test_a_late_success_sets_the_status_and_welcomes_once(told: Bridge, whmcs: StandIn) -> None:
    ordered(told)
    run_all(told)

    assert announce(told) == 1
    assert announce(told) == 0

    assert status(whmcs) == "Active"
    assert mails(whmcs) == [WELCOME]
    assert states(told) == ["done"]


def test_what_whmcs_knows_from_its_own_call_is_not_told_again(told: Bridge, whmcs: StandIn) -> None:
    """The call returned `success`, so WHMCS has set the status and sent the mail itself."""
    ordered(told)
    run_all(told)
    with told.engine.begin() as tx:
        tx.execute(operations.update().values(late=0))
    with whmcs.engine.begin() as tx:
        tx.execute(whmcs_tables.hosting.update().values(domainstatus="Active"))

    announce(told)

    assert mails(whmcs) == []
    assert states(told) == ["done"]


def test_the_module_queue_entry_is_resolved(told: Bridge, whmcs: StandIn) -> None:
    said = modules.run(replace(whmcs, module=_refusing), 1, modules.CREATE, automated=True)
    assert said != "success"
    ordered(told)
    run_all(told)

    announce(told)

    assert [row.completed for row in rows(whmcs, whmcs_tables.module_queue)] == [1]


def _refusing(function: str, parameters: Any, *, by_cron: bool) -> str:
    return "VoIP bridge: operation 1 is accepted and goes on by itself."


def test_the_activity_is_logged(told: Bridge, whmcs: StandIn) -> None:
    ordered(told)
    run_all(told)

    announce(told)

    said = [row.description for row in rows(whmcs, whmcs_tables.activity)]
    assert any("service 1 is Active, operation 1" in line for line in said)


def test_the_newest_status_is_told(told: Bridge, whmcs: StandIn) -> None:
    ordered(told)
    run_all(told)
    suspend(told, service_id=1)
    run_all(told)

    announce(told)

    assert status(whmcs) == "Suspended"
    assert mails(whmcs) == [], "welcomed when it is active"
    assert states(told) == ["done", "done"]


@pytest.mark.parametrize("decided", ["Cancelled", "Fraud"])
def test_what_a_person_decided_in_whmcs_since_is_left_alone(told: Bridge, whmcs: StandIn, decided: str) -> None:
    ordered(told)
    run_all(told)
    with whmcs.engine.begin() as tx:
        tx.execute(whmcs_tables.hosting.update().values(domainstatus=decided))

    announce(told)

    assert status(whmcs) == decided


def test_a_lost_answer_to_the_mail_is_not_a_second_mail(told: Bridge, whmcs: StandIn) -> None:
    """whmcs.md 5.6: SendEmail repeated is a second mail, so it is sent at most once."""
    whmcs.faults.order("late", "SendEmail")
    ordered(told)
    run_all(told)

    announce(told)
    announce(told)

    assert mails(whmcs) == [WELCOME]
    assert states(told) == ["done"]


def test_several_words_of_one_service_in_one_round_are_one_mail(told: Bridge, whmcs: StandIn) -> None:
    """whmcs.md 5.6: SendEmail repeated is a second mail, so it is sent at most once."""
    ordered(told)
    run_all(told)
    suspend(told, service_id=1)
    run_all(told)
    unsuspend(told, service_id=1)
    run_all(told)

    announce(told)

    assert mails(whmcs) == [WELCOME]
    assert states(told) == ["done", "done", "done"]


def test_an_announcer_that_has_lost_its_lease_tells_nothing(told: Bridge, whmcs: StandIn) -> None:
    """R-23: whoever was overtaken while it looked writes nothing and sends nothing."""
    ordered(told)
    run_all(told)
    assert told.records is not None

    announce(replace(told, records=cast(Records, Overtaken(told.records, told))))

    assert (status(whmcs), mails(whmcs)) == ("Pending", [])
    assert states(told) == ["due"]


@dataclass(frozen=True, slots=True)
class Overtaken:
    """Records that are so slow that another announcer takes over while they are read."""

    records: Records
    bridge: Bridge

    def statuses_of(self, service_ids: Iterable[int]) -> Mapping[int, str | None]:
        with self.bridge.engine.begin() as tx:
            tx.execute(announcements.update().values(owner="announcer-2", epoch=announcements.c.epoch + 1))
        return self.records.statuses_of(service_ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.records, name)


def test_a_lost_answer_to_the_status_is_asked_again(told: Bridge, whmcs: StandIn) -> None:
    whmcs.faults.order("late", "UpdateClientProduct")
    ordered(told)
    run_all(told)

    announce(told)
    first = states(told)
    announce(told)

    assert first == ["due"]
    assert status(whmcs) == "Active"
    assert mails(whmcs) == [WELCOME]
    assert states(told) == ["done"]


def test_a_whmcs_that_is_away_hears_it_later(told: Bridge, whmcs: StandIn) -> None:
    whmcs.faults.order("refuse", "UpdateClientProduct")
    ordered(told)
    run_all(told)

    announce(told)
    before = (states(told), status(whmcs))
    announce(told)

    assert before == (["due"], "Pending")
    assert status(whmcs) == "Active"


def test_a_whmcs_that_is_away_for_long_is_no_reason_to_give_up(told: Bridge, whmcs: StandIn) -> None:
    """An outage makes the word wait and nothing else."""
    whmcs.faults.order("refuse", "UpdateClientProduct", times=ATTEMPTS_MAX + 1)
    ordered(told)
    run_all(told)

    for _ in range(ATTEMPTS_MAX + 1):
        announce(told)
    before = states(told)
    announce(told)

    assert before == ["due"]
    assert (status(whmcs), states(told)) == ("Active", ["done"])


def test_announcements_given_up_for_one_trouble_are_told_once(told: Bridge, whmcs: StandIn) -> None:
    """Each is a task of its own; the department hears of the trouble once a day."""
    with whmcs.engine.begin() as tx:
        client_id = seed.client(tx)
        assert seed.service(tx, client_id, 1, domain="other.example") == 2
    ordered(told)
    create(told, 2, client_id=2, domain="other.example", username="other")
    run_all(told)
    with told.engine.begin() as tx:
        tx.execute(announcements.update().values(attempts=ATTEMPTS_MAX - 1))
    whmcs.faults.order("late", "UpdateClientProduct", times=2)

    announce(told)

    assert states(told) == ["given_up", "given_up"]
    assert len(transact(told.engine, lambda tx: task_store.listed(tx))) == 2
    with told.engine.connect() as tx:
        assert len(tx.execute(select(notices).where(notices.c.kind == "task")).all()) == 1


def test_what_whmcs_refuses_becomes_a_task(told: Bridge, whmcs: StandIn) -> None:
    with whmcs.engine.begin() as tx:
        tx.execute(whmcs_tables.hosting.delete())
    ordered(told)
    run_all(told)

    announce(told)

    assert states(told) == ["given_up"]
    waiting = transact(told.engine, lambda tx: task_store.listed(tx))
    assert [each.kind for each in waiting] == ["announcement"]
    assert "WHMCS has no service 1" in waiting[0].cause


def test_a_mail_that_surely_was_not_sent_is_sent_later(told: Bridge, whmcs: StandIn) -> None:
    """Each step is written down before the next begins, and undone where nothing left the house."""
    whmcs.faults.order("refuse", "SendEmail")
    ordered(told)
    run_all(told)
    announce(told)
    assert (status(whmcs), mails(whmcs)) == ("Active", [])

    announce(told)

    assert mails(whmcs) == [WELCOME]
    assert states(told) == ["done"]


def test_a_refused_mail_is_a_task_and_the_rest_is_told(told: Bridge, whmcs: StandIn) -> None:
    with_handler(told, welcome_email="No Such Template")
    ordered(told)
    run_all(told)

    announce(told)

    assert status(whmcs) == "Active"
    assert states(told) == ["done"]
    assert any("service 1 is Active" in row.description for row in rows(whmcs, whmcs_tables.activity))
    waiting = transact(told.engine, lambda tx: task_store.listed(tx))
    assert [each.kind for each in waiting] == ["announcement"]


def test_a_replayed_create_under_the_same_key_announces_nothing_new(told: Bridge, whmcs: StandIn) -> None:
    asked = asking(key="inst-7f3c:1:create:1")
    create(told, 1, asked, client_id=1)
    run_all(told)
    announce(told)

    create(told, 1, asked, client_id=1)

    assert states(told) == ["done"]
    assert mails(whmcs) == [WELCOME]


# --- words of one service that cross each other ----------------------------------------------------------------------


def suspended_again(bridge: Bridge, whmcs: StandIn) -> None:
    """Words of three operations are due, and WHMCS shows what its own calls set: Active. It is to hear: Suspended."""
    ordered(bridge)
    run_all(bridge)
    announce(bridge)
    for command in (suspend, unsuspend):
        command(bridge, service_id=1)
        run_all(bridge)
    with bridge.engine.begin() as tx:
        tx.execute(operations.update().values(late=0))
    suspend(bridge, service_id=1)
    run_all(bridge)
    assert (status(whmcs), states(bridge)) == ("Active", ["done", "due", "due", "due"])


def resume_by_whmcs(bridge: Bridge, whmcs: StandIn) -> None:
    """A call of WHMCS that succeeds at once, so that WHMCS sets the status by itself."""
    unsuspend(bridge, service_id=1)
    run_all(bridge)
    with whmcs.engine.begin() as tx:
        tx.execute(whmcs_tables.hosting.update().values(domainstatus="Active"))


def test_an_older_word_of_a_service_is_not_told_after_a_newer_one(told: Bridge, whmcs: StandIn) -> None:
    """Three words look together, the first sets the status, and WHMCS resumes the service itself before the second."""
    suspended_again(told, whmcs)
    assert told.whmcs is not None

    announce(replace(told, whmcs=cast(Whmcs, ResumedAfterTheStatus(told.whmcs, told, whmcs))))

    assert status(whmcs) == "Active"


def test_what_is_wanted_otherwise_by_now_is_not_told(told: Bridge, whmcs: StandIn) -> None:
    """WHMCS resumes the service while its suspension is about to be told."""
    suspended_again(told, whmcs)
    assert told.records is not None

    announce(replace(told, records=cast(Records, ResumedBeforeTheLook(told.records, told, whmcs))))
    meanwhile = status(whmcs), states(told)
    announce(told)

    assert meanwhile == ("Active", ["done", "due", "due", "due", "due"])
    assert status(whmcs) == "Active"
    assert set(states(told)) == {"done"}


@dataclass(frozen=True, slots=True)
class ResumedAfterTheStatus:
    """WHMCS's API, beside which WHMCS resumes the service as soon as it was told a first status."""

    api: Whmcs
    bridge: Bridge
    whmcs: StandIn
    statuses: list[str] = field(default_factory=list)

    def update_service_status(self, service_id: int, status: str, *, suspend_reason: str | None = None) -> None:
        self.api.update_service_status(service_id, status, suspend_reason=suspend_reason)
        self.statuses.append(status)
        if len(self.statuses) == 1:
            resume_by_whmcs(self.bridge, self.whmcs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.api, name)


@dataclass(frozen=True, slots=True)
class ResumedBeforeTheLook:
    """Records that are so slow that WHMCS has resumed the service when they are read."""

    records: Records
    bridge: Bridge
    whmcs: StandIn

    def statuses_of(self, service_ids: Iterable[int]) -> Mapping[int, str | None]:
        resume_by_whmcs(self.bridge, self.whmcs)
        return self.records.statuses_of(service_ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.records, name)


def test_two_announcers_do_not_tell_one_service_at_a_time(told: Bridge, whmcs: StandIn) -> None:
    ordered(told)
    run_all(told)
    with told.engine.begin() as tx:
        held = store.claim(tx, owner="announcer-2", limit=1, lease=timedelta(minutes=5), now=database.now(tx))
    suspend(told, service_id=1)
    run_all(told)

    assert announce(told) == 0
    with told.engine.begin() as tx:
        assert store.note(tx, held[0], owner="announcer-2", state=store.DONE)
    assert announce(told) == 1
    assert status(whmcs) == "Suspended"
