"""Tells WHMCS what became of an operation that ended after its call had returned.

    look        has WHMCS the status already? Then it heard from the call itself, and nothing is told
    look again  is the service still wanted so? Else the word goes back, and is told as things are then
    status      UpdateClientProduct: the same twice is the same once
    welcome     SendEmail, once: the intent is written down first, and a lost answer is not repeated
    queue       the entry in WHMCS's module queue is resolved, where the addon is there to do it
    activity    LogActivity, once like the mail

Each step is written down before the next begins, so a crash repeats only what may be repeated.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from bridge import settlement
from bridge.app import Bridge
from bridge.database import now, transact
from bridge.errors import BridgeError, NotReached, OutcomeUnknown, Refused
from bridge.life import installation
from bridge.logs import say
from bridge.people import summons
from bridge.service import Service
from bridge.store import announcements, handlers, operations
from bridge.store import services as service_store
from bridge.store.announcements import DONE, GIVEN_UP, Announcement
from bridge.wanted import Status
from bridge.whmcs.addon import resolve_queue_entry

log = logging.getLogger("bridge.announcer")

ATTEMPTS_MAX = 20
"""What WHMCS answered, or may have heard, counts; what never reached it does not."""
_WORDS_MAX = 20
"""Few at a time, so that a word is told soon after it was read."""
_DECIDED = frozenset({"Cancelled", "Fraud", "Completed"})
_ACTIONS = {
    "create": "CreateAccount",
    "suspend": "SuspendAccount",
    "unsuspend": "UnsuspendAccount",
    "terminate": "TerminateAccount",
    "change_package": "ChangePackage",
    "renew": "Renew",
}


@dataclass(frozen=True, slots=True)
class Word:
    """What there is to tell, with all that telling needs."""

    announcement: Announcement
    service: Service
    action: str
    welcome_email: str
    late: bool
    """The call had returned before the end, so WHMCS took it for failed and did nothing by itself."""


class Lost(Exception):
    """The announcement is not ours any more; whoever has it goes on from what is written down."""


class Outdated(Exception):
    """The service is wanted otherwise by now, so what was read is not to be told any more."""


class Announcer:
    def __init__(self, bridge: Bridge, name: str) -> None:
        self.bridge = bridge
        self.name = name

    def run_once(self) -> int:
        """Tells what is due. Answers how many words it took up."""
        if self.bridge.whmcs is None or self.bridge.records is None:
            return 0
        if not transact(self.bridge.engine, announcements.any_due) or not self._may_speak():
            return 0
        words = transact(self.bridge.engine, self._claim)
        if not words:
            return 0
        try:
            shown = dict(self.bridge.records.statuses_of([each.service.service_id for each in words]))
        except BridgeError as trouble:
            for word in words:
                self._later(word, trouble)
            return len(words)
        for word in words:
            self._tell(word, shown)
        return len(words)

    def _may_speak(self) -> bool:
        """Not to another WHMCS than ours (F-5), and not from a copy of ourselves. What is due stays due."""
        try:
            installation.assert_may_work(self.bridge)
            installation.assert_ours(self.bridge)
        except BridgeError as trouble:
            say(log, logging.INFO, "WHMCS is not told now", cause=str(trouble))
            return False
        return True

    def _claim(self, tx: Connection) -> list[Word]:
        moment = now(tx)
        taken = announcements.claim(tx, owner=self.name, limit=_WORDS_MAX, lease=timedelta(minutes=5), now=moment)
        words = []
        for each in taken:
            service = service_store.get(tx, each.service_id)
            operation = operations.get(tx, each.operation_id)
            if service is None or operation is None:
                self._finish(tx, each, DONE, "the service is gone")
                continue
            by_server = handlers.of_product(tx, service.product_id)
            handler = by_server.get(service.server_id or 0) or by_server.get(0)
            action = _ACTIONS.get(operation.kind.value, "CreateAccount")
            words.append(Word(each, service, action, handler.welcome_email if handler else "", operation.late))
        return words

    def _tell(self, word: Word, seen: dict[int, str | None]) -> None:
        """`seen` is what WHMCS shows of each service, and is kept as it is when we have told a status."""
        status, shown = settlement.IN_WHMCS[word.service.status], seen.get(word.service.service_id)
        refused: list[str] = []
        try:
            if shown is None:
                raise Refused(f"WHMCS has no service {word.service.service_id}")
            if shown in _DECIDED:
                pass  # a person decided something else in WHMCS since; the sweep shows both
            elif shown != status or word.late or word.announcement.status_set_at is not None:
                if shown != status:
                    self._set_status(word, status)
                    seen[word.service.service_id] = status
                for tell in (self._welcome, self._resolve_queue, self._log_activity):
                    try:
                        tell(word)
                    except Refused as refusal:  # the status is told; what goes with it is for a person
                        refused.append(str(refusal))
        except Lost as trouble:
            say(log, logging.WARNING, "an announcement was left to another", cause=str(trouble))
        except Outdated:
            transact(self.bridge.engine, lambda tx: announcements.hand_back(tx, word.announcement, owner=self.name))
        except BridgeError as trouble:
            self._later(word, trouble)
        else:
            transact(self.bridge.engine, lambda tx: self._done(tx, word, refused))

    def _done(self, tx: Connection, word: Word, refused: list[str]) -> None:
        if self._finish(tx, word.announcement, DONE, "; ".join(refused) or None) and refused:
            summons.ask(
                tx,
                open_key=f"announcement:{word.announcement.id}",
                kind="announcement",
                department=word.service.department,
                title=f"WHMCS did not take all that goes with the status of service {word.service.service_id}",
                cause="; ".join(refused),
                suggestion="Mend what is named; send the welcome mail or resolve the queue entry in WHMCS by hand.",
                service_id=word.service.service_id,
            )

    def _set_status(self, word: Word, status: str) -> None:
        assert self.bridge.whmcs is not None
        transact(self.bridge.engine, lambda tx: self._intend_status(tx, word))
        reason = word.service.suspend_reason if word.service.status is Status.SUSPENDED else None
        self.bridge.whmcs.update_service_status(word.service.service_id, status, suspend_reason=reason)

    def _intend_status(self, tx: Connection, word: Word) -> None:
        """Written down first: a status that is set and not noted would look as if WHMCS had heard from its own call,
        and nobody would be welcomed."""
        service = service_store.get(tx, word.service.service_id)
        if service is None or service.status is not word.service.status:
            raise Outdated
        self._write_down(tx, word, status_set_at=word.announcement.status_set_at or now(tx))

    def _welcome(self, word: Word) -> None:
        """Once in a service's life, when it is there for the first time."""
        assert self.bridge.whmcs is not None
        wanted = word.service.status is Status.ACTIVE and word.service.welcomed_at is None and word.welcome_email
        if not wanted or word.announcement.welcome_begun_at is not None:
            return
        if not self._intend_welcome(word):
            return
        try:
            self.bridge.whmcs.send_email(word.welcome_email, word.service.service_id)
        except NotReached:
            self._forget_welcome(word)  # nothing was sent, so it may be sent later
            raise
        except OutcomeUnknown:
            say(log, logging.WARNING, "welcome mail may not have gone out", service=word.service.service_id)

    def _intend_welcome(self, word: Word) -> bool:
        """Whether it is ours to welcome. Another word of the same service may have done it since this one was read."""

        def act(tx: Connection) -> bool:
            service = service_store.get(tx, word.service.service_id, lock=True)
            if service is None or service.welcomed_at is not None:
                return False
            moment = now(tx)
            service_store.save(tx, replace(service, welcomed_at=moment))
            self._write_down(tx, word, welcome_begun_at=moment)
            return True

        return transact(self.bridge.engine, act)

    def _forget_welcome(self, word: Word) -> None:
        def act(tx: Connection) -> None:
            service = service_store.get(tx, word.service.service_id, lock=True)
            if service is not None:
                service_store.save(tx, replace(service, welcomed_at=None))
            self._write_down(tx, word, welcome_begun_at=None)

        transact(self.bridge.engine, act)

    def _resolve_queue(self, word: Word) -> None:
        if word.announcement.queue_resolved_at is not None or self.bridge.addon is None:
            return
        resolve_queue_entry(self.bridge.addon, service_id=word.service.service_id, module_action=word.action)
        self._note(word, queue_resolved_at=transact(self.bridge.engine, now))

    def _log_activity(self, word: Word) -> None:
        assert self.bridge.whmcs is not None
        if word.announcement.activity_begun_at is not None:
            return
        self._note(word, activity_begun_at=transact(self.bridge.engine, now))
        status = settlement.IN_WHMCS[word.service.status]
        said = f"VoIP bridge: service {word.service.service_id} is {status}, operation {word.announcement.operation_id}"
        try:
            self.bridge.whmcs.log_activity(said, word.service.client_id)
        except NotReached:
            self._note(word, activity_begun_at=None)
            raise
        except OutcomeUnknown:
            say(log, logging.WARNING, "activity may not be logged", service=word.service.service_id)

    def _note(self, word: Word, **changed: Any) -> None:
        transact(self.bridge.engine, lambda tx: self._write_down(tx, word, **changed))

    def _write_down(self, tx: Connection, word: Word, **changed: Any) -> None:
        """How far it has come. Whoever has lost the announcement goes no further."""
        if not announcements.note(tx, word.announcement, owner=self.name, **changed):
            raise Lost(f"announcement {word.announcement.id} was taken over by another process")

    def _later(self, word: Word, trouble: BridgeError) -> None:
        """Tried again every retry interval, and at last a person is asked. A WHMCS that is away only makes it wait."""
        reached = not isinstance(trouble, NotReached)
        attempts = word.announcement.attempts + reached

        def act(tx: Connection) -> None:
            due = now(tx) + timedelta(seconds=self.bridge.settings.retry_seconds)
            if (reached and attempts >= ATTEMPTS_MAX) or isinstance(trouble, Refused):
                if self._finish(tx, word.announcement, GIVEN_UP, str(trouble)):
                    self._open_task(tx, word, trouble)
                return
            announcements.note(
                tx,
                word.announcement,
                owner=self.name,
                attempts=attempts,
                due_at=due,
                cause=str(trouble)[:500],
            )
            announcements.hand_back(tx, word.announcement, owner=self.name)

        transact(self.bridge.engine, act)

    def _open_task(self, tx: Connection, word: Word, trouble: BridgeError) -> None:
        status = settlement.IN_WHMCS[word.service.status]
        summons.ask(
            tx,
            open_key=f"announcement:{word.announcement.id}",
            kind="announcement",
            department=word.service.department,
            title=f"WHMCS does not show that service {word.service.service_id} is {status}",
            cause=str(trouble),
            suggestion=f"Set the status of the service to {status} in WHMCS by hand, then complete this task.",
            service_id=word.service.service_id,
            # One trouble of WHMCS is told once a day; what it refuses is about one service and told by itself.
            told_as=None if isinstance(trouble, Refused) else f"announcement:{now(tx):%Y-%m-%d}",
        )

    def _finish(self, tx: Connection, announcement: Announcement, state: str, cause: str | None) -> bool:
        return announcements.note(
            tx, announcement, owner=self.name, state=state, finished_at=now(tx), cause=cause[:500] if cause else None
        )
