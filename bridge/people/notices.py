"""People are told (F-9): sending what is due, asking the next when nobody takes a task, and the daily digest."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bridge.app import Bridge
from bridge.crash import Point
from bridge.database import now, transact
from bridge.errors import BridgeError, OutcomeUnknown
from bridge.logs import say, way
from bridge.people.channels import AnyChannel
from bridge.people.channels.channel import Message, Outside
from bridge.people.delivery import Delivery, State, Unwanted, after_trouble, found_begun, given_up, sent
from bridge.people.department import DEFAULT, Department
from bridge.people.digest import worded
from bridge.store import departments, figures, notices, tasks
from bridge.store.tasks import Task

log = logging.getLogger("bridge.people.notices")

ESCALATED_MAX = 500
"""Tasks that one escalation takes up; those beyond are taken up by the next."""
NAMED_MAX = 10

_ABOUT_CHANNELS = "channel"
"""The kind of a notice about a channel that failed. It does not make another of its own."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A delivery that is ours to send, with all it needs; without a channel it was settled when it was taken."""

    delivery: Delivery
    message: Message
    channel: AnyChannel | None
    moment: datetime


class Notifier:
    """Claim, act, record: two short transactions with the channel between them."""

    def __init__(self, bridge: Bridge, name: str) -> None:
        self.bridge = bridge
        self.name = name

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Sends what is due. A channel that fails is left alone for the rest of this turn. Answers how many it took."""
        failing = set[str]()
        for done in range(self.bridge.settings.claim_batch):
            if stop is not None and stop.is_set():
                return done
            taken = transact(self.bridge.engine, lambda tx: self._claim(tx, failing))
            if taken is None:
                return done
            if taken.channel is None:
                continue
            self.bridge.crash(Point.CLAIM_AFTER_COMMIT)
            came = self._send(taken, taken.channel)
            if isinstance(came, BridgeError):
                failing.add(taken.delivery.way)
            self._record(taken, came, may_repeat=taken.channel.may_repeat)
        return self.bridge.settings.claim_batch

    def run(self, stop: threading.Event, *, pause_seconds: float = 1.0) -> None:
        while not stop.is_set():
            try:
                if self.run_once(stop):
                    continue
            except BridgeError as trouble:
                say(log, logging.WARNING, "the notifier could not claim", notifier=self.name, cause=str(trouble))
            except Exception as bug:  # the notifier's loop: whatever broke, the next round is a new one
                say(log, logging.ERROR, "the notifier broke", notifier=self.name, error=way(bug))
            stop.wait(pause_seconds)

    def _claim(self, tx: Connection, failing: set[str]) -> _Taken | None:
        moment = now(tx)
        delivery = notices.next_due(tx, now=moment, apart_from=failing)
        if delivery is None:
            return None
        message = notices.message_of(tx, delivery)
        department = departments.get(tx, delivery.department, vault=self.bridge.vault)
        channel = department.channel(delivery.channel) if department is not None else None
        if department is None or channel is None:
            return self._settled(tx, given_up(delivery, "the channel is not there any more"), message, moment)
        if channel.name in department.disabled:
            return self._settled(tx, given_up(delivery, "the channel is switched off"), message, moment)
        if delivery.state is State.SENDING:
            lost = found_begun(delivery, may_repeat=channel.may_repeat)
            if lost is not None:
                return self._settled(tx, lost, message, moment)
        lease = timedelta(seconds=self.bridge.settings.lease_seconds + channel.seconds_max)
        begun = notices.begin(tx, delivery, owner=self.name, lease=lease, now=moment)
        self.bridge.crash(Point.CLAIM_BEFORE_COMMIT)
        return _Taken(begun, message, channel, moment)

    def _settled(self, tx: Connection, delivery: Delivery, message: Message, moment: datetime) -> _Taken:
        notices.settle(tx, delivery)
        _tell_of_failure(tx, delivery, message, moment)
        return _Taken(delivery, message, None, moment)

    def _send(self, taken: _Taken, channel: AnyChannel) -> str | BridgeError | None:
        """The channel's remark, or the trouble that came."""
        self.bridge.crash(Point.STEP_BEFORE)
        try:
            remark = channel.send(taken.message, outside(self.bridge, taken.moment))
        except BridgeError as trouble:
            return trouble
        except Exception as bug:  # the notifier's own door: a bug must not stop the messages behind this one
            say(log, logging.ERROR, "a delivery broke", delivery=taken.delivery.id, error=way(bug))
            return OutcomeUnknown(f"the bridge itself failed here ({type(bug).__name__}); the log says where")
        self.bridge.crash(Point.STEP_AFTER)
        return remark

    def _record(self, taken: _Taken, came: str | BridgeError | None, *, may_repeat: bool) -> None:
        """Writes only what is still ours to write (R-23)."""

        def act(tx: Connection) -> Delivery | None:
            moment = now(tx)
            if isinstance(came, BridgeError):
                settled = after_trouble(taken.delivery, came, may_repeat=may_repeat, now=moment)
            else:
                settled = sent(taken.delivery, now=moment, remark=came)
            if not notices.settle(tx, settled):
                return None
            if isinstance(came, Unwanted):
                departments.disable(tx, settled.department, settled.channel, why=str(came))
            _tell_of_failure(tx, settled, taken.message, moment)
            self.bridge.crash(Point.RECORD_BEFORE_COMMIT)
            return settled

        settled = transact(self.bridge.engine, act)
        if settled is None:
            say(log, logging.WARNING, "lease lost", delivery=taken.delivery.id, notifier=self.name)
            return
        self.bridge.crash(Point.RECORD_AFTER_COMMIT)
        level = logging.INFO if settled.state is State.SENT else logging.WARNING
        say(log, level, "delivery settled", delivery=settled.id, way=settled.way, state=settled.state.value)


def outside(bridge: Bridge, moment: datetime) -> Outside:
    return Outside(bridge.drivers.surroundings.guard, bridge.whmcs, bridge.settings.instance, moment)


# --- nobody takes a task ---------------------------------------------------------------------------------------------


def escalate(bridge: Bridge) -> int:
    """Tells the next department of tasks that nobody claimed in time, each task once. Answers how many tasks."""

    def act(tx: Connection) -> int:
        moment = now(tx)
        default = departments.get(tx, DEFAULT)
        total = 0
        for name in tasks.waiting_departments(tx):
            department = departments.get(tx, name) or default
            if department is None or department.patience is None:
                continue
            late = tasks.unclaimed(tx, name, opened_before=moment - department.patience, limit=ESCALATED_MAX)
            if late:
                _tell_the_next(tx, name, department, late)
                total += len(late)
        return total

    return transact(bridge.engine, act)


def _tell_the_next(tx: Connection, name: str, department: Department, late: list[Task]) -> None:
    """One message for all of them: a bad night is not five hundred mails."""
    for task in late:
        tasks.mark_escalated(tx, task.id)
    hours = f"{department.escalate_after_hours} h"
    first = late[0]
    if len(late) == 1:
        title = f"Task {first.id} is unclaimed for {hours}: {first.title}"
        body = f"{first.cause} {first.suggestion}\n\nIt belongs to {name}."
    else:
        title = f"{len(late)} tasks of {name} are unclaimed for {hours}"
        lines = [f"Task {each.id}: {each.title}" for each in late[:NAMED_MAX]]
        more = [f"and {len(late) - NAMED_MAX} more"] if len(late) > NAMED_MAX else []
        body = "\n".join([*lines, *more, "", "Claim what you take; the list of tasks has causes and suggestions."])
    notices.add(
        tx,
        once_key=f"task:{first.id}:escalated",
        department=department.escalate_to or name,
        kind="escalation",
        title=title,
        body=body,
        task_id=first.id if len(late) == 1 else None,
    )


# --- every day -------------------------------------------------------------------------------------------------------


def digest(bridge: Bridge) -> int | None:
    """The digest of today, once its hour (UTC) has come: its notice, or None when it is not time or was said before."""

    def act(tx: Connection) -> int | None:
        moment = now(tx)
        once_key = f"digest:{moment:%Y-%m-%d}"
        if moment.hour < bridge.settings.digest_hour or notices.was_said(tx, once_key):
            return None
        title, body = worded(figures.of_the_day(tx, now=moment))
        return notices.add(tx, once_key=once_key, department=DEFAULT, kind="digest", title=title, body=body)

    return transact(bridge.engine, act)


# --- when telling fails ----------------------------------------------------------------------------------------------


def _tell_of_failure(tx: Connection, delivery: Delivery, message: Message, moment: datetime) -> None:
    """A channel that lost a message is told by another one, once a day."""
    if delivery.state not in (State.FAILED, State.UNKNOWN) or message.kind == _ABOUT_CHANNELS:
        return
    what = "did not go out" if delivery.state is State.FAILED else "may not have gone out"
    notices.add(
        tx,
        once_key=f"channel:{delivery.way}:{moment:%Y-%m-%d}",
        department=message.department,
        kind=_ABOUT_CHANNELS,
        title=f"The channel {delivery.channel} of {delivery.department} fails",
        body=f"“{message.title}” {what} by it: {delivery.cause}\n\nMend the channel, then try it with department.test.",
        apart_from=(delivery.way,),
    )
