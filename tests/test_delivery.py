"""What an attempt leads to, decided without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.errors import BridgeError, NotPrepared, NotReached, OutcomeUnknown, Refused
from bridge.people.delivery import WAITS, Delivery, State, Unwanted, after_trouble, found_begun, sent
from tests.factories import NOON

DELIVERY = Delivery(1, 2, "default", "hook", "msg_1", State.SENDING, attempts=0, due_at=NOON)

NEVER_SENT: list[BridgeError] = [NotReached("no connection"), NotPrepared("no password")]


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    """0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
    hours = [timedelta(hours=count) for count in (2, 5, 10, 14, 20, 24)]

    assert list(WAITS) == [timedelta(), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), *hours]


@pytest.mark.parametrize("attempts", range(9))
@pytest.mark.parametrize("trouble", [*NEVER_SENT, OutcomeUnknown("no answer"), Refused("no")])
def test_a_webhook_is_tried_again_whatever_came_back(trouble: BridgeError, attempts: int) -> None:
    settled = after_trouble(replace(DELIVERY, attempts=attempts), trouble, may_repeat=True, now=NOON)

    assert settled.state is State.DUE
    assert settled.attempts == attempts + 1
    assert settled.due_at == NOON + WAITS[attempts + 1]


def test_the_tenth_failure_is_the_last() -> None:
    settled = after_trouble(replace(DELIVERY, attempts=9), NotReached("x"), may_repeat=True, now=NOON)

    assert settled.state is State.FAILED


@pytest.mark.parametrize("trouble", NEVER_SENT)
def test_a_mail_that_was_never_sent_is_tried_again(trouble: BridgeError) -> None:
    assert after_trouble(DELIVERY, trouble, may_repeat=False, now=NOON).state is State.DUE


@pytest.mark.parametrize(
    ("trouble", "state"), [(OutcomeUnknown("no answer"), State.UNKNOWN), (Refused("no"), State.FAILED)]
)
def test_a_mail_that_was_refused_or_may_be_out_is_not_tried_again(trouble: BridgeError, state: State) -> None:
    assert after_trouble(DELIVERY, trouble, may_repeat=False, now=NOON).state is state


@pytest.mark.parametrize("may_repeat", [True, False])
def test_what_nobody_wants_any_more_is_over_at_once(may_repeat: bool) -> None:
    assert after_trouble(DELIVERY, Unwanted("410"), may_repeat=may_repeat, now=NOON).state is State.FAILED


def test_one_found_half_done_is_repeated_only_where_a_repeat_is_harmless() -> None:
    lost = found_begun(DELIVERY, may_repeat=False)

    assert found_begun(DELIVERY, may_repeat=True) is None
    assert lost is not None
    assert lost.state is State.UNKNOWN


def test_a_remark_is_kept_with_what_was_sent() -> None:
    done = sent(DELIVERY, now=NOON, remark="not taken for x@example.com")

    assert (done.state, done.sent_at, done.cause) == (State.SENT, NOON, "not taken for x@example.com")
