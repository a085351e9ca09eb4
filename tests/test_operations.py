"""R-3: the life of an operation, as a table and as random histories against a slow and obvious oracle."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import BridgeError, Conflict, NotPrepared, NotReached, OutcomeUnknown, Refused, Unavailable
from bridge.operations import (
    ENDED,
    OPEN,
    QUEUED,
    Event,
    Kind,
    Operation,
    Rules,
    State,
    after,
    after_trouble,
    cause_kind_of,
    gives_way,
)
from tests.factories import NOON, an_operation

RULES = Rules()
NO_JITTER = timedelta(0)

RULES_OF_LIFE = """
    claimed     accepted retry_wait waiting_pbx running     running
    further     running                                     accepted
    done        running                                     succeeded
    lease_lost  running                                     accepted
    superseded  accepted retry_wait waiting_pbx manual      superseded
    again       accepted retry_wait waiting_pbx manual      accepted
    settled     accepted retry_wait waiting_pbx manual      succeeded
    cancelled   accepted retry_wait waiting_pbx manual      cancelled
"""
"""What can happen, from which states, and what becomes of it. What a dead worker left running is claimed again."""

TABLE: dict[Event, dict[State, State]] = {
    Event(words[0]): {State(before): State(words[-1]) for before in words[1:-1]}
    for words in (line.split() for line in RULES_OF_LIFE.strip().splitlines())
}

POSSIBLE = [(event, before, becomes) for event, row in TABLE.items() for before, becomes in row.items()]
IMPOSSIBLE = [(event, before) for event in Event for before in State if before not in TABLE[event]]


def in_state(state: State, **changed: object) -> Operation:
    due = NOON if state in QUEUED else None
    return an_operation(state=state, due_at=due, finished_at=NOON if state in ENDED else None, **changed)


@pytest.mark.parametrize(("event", "before", "becomes"), POSSIBLE)
def test_what_can_happen_happens(event: Event, before: State, becomes: State) -> None:
    assert after(in_state(before), event, now=NOON).state is becomes


@pytest.mark.parametrize(("event", "before"), IMPOSSIBLE)
def test_what_cannot_happen_is_refused(event: Event, before: State) -> None:
    with pytest.raises(Conflict) as refusal:
        after(in_state(before), event, now=NOON)
    assert refusal.value.kind == ("superseded" if before is State.SUPERSEDED else "conflict")
    assert refusal.value.facts["operation_id"] == 17


def test_every_state_is_open_or_ended_and_the_table_names_every_event() -> None:
    assert {State.SUCCEEDED, State.SUPERSEDED, State.CANCELLED} == ENDED
    assert set(State) - ENDED == OPEN
    assert set(TABLE) == set(Event)
    assert all(before in OPEN for row in TABLE.values() for before in row)


@pytest.mark.parametrize("state", sorted(QUEUED | {State.MANUAL}))
def test_what_has_begun_to_remove_things_is_not_superseded(state: State) -> None:
    with pytest.raises(Conflict, match="begun to remove"):
        after(in_state(state, destructive=True), Event.SUPERSEDED, now=NOON)


# --- trouble ---------------------------------------------------------------------------------------------------------


def failed(operation: Operation, trouble: BridgeError, now: datetime = NOON) -> Operation:
    return after_trouble(operation, trouble, now=now, rules=RULES, jitter=NO_JITTER)


@pytest.mark.parametrize("state", [each for each in State if each is not State.RUNNING])
def test_only_what_runs_can_fail(state: State) -> None:
    with pytest.raises(Conflict):
        failed(in_state(state), OutcomeUnknown("lost"))


@pytest.mark.parametrize(
    ("trouble", "word", "becomes"),
    [
        (OutcomeUnknown("the answer was lost"), "unknown", State.RETRY_WAIT),
        (Unavailable("our database was busy"), "transient", State.RETRY_WAIT),
        (NotReached("nobody answers"), "unreachable", State.WAITING_PBX),
        (Refused("the PBX declined"), "refused", State.MANUAL),
        (NotPrepared("the login is wrong"), "refused", State.MANUAL),
        (Conflict("another's marker"), "refused", State.MANUAL),
    ],
)
def test_the_kind_of_trouble_decides(trouble: BridgeError, word: str, becomes: State) -> None:
    told = failed(in_state(State.RUNNING), trouble)

    assert (told.state, told.cause, told.cause_kind) == (becomes, str(trouble), word)
    assert cause_kind_of(trouble) == word


def test_a_transient_failure_is_tried_again_in_five_minutes() -> None:
    """R-19: our own due time, with up to ten seconds either way."""
    jitter = timedelta(seconds=-7)
    told = after_trouble(in_state(State.RUNNING), OutcomeUnknown("lost"), now=NOON, rules=RULES, jitter=jitter)

    assert told.due_at == NOON + timedelta(minutes=5) - timedelta(seconds=7)
    assert told.attempts == 1


def test_the_fifth_failure_asks_a_person() -> None:
    """R-20: the limit is five attempts."""
    operation, states = in_state(State.ACCEPTED), []
    for _ in range(5):
        operation = failed(after(operation, Event.CLAIMED, now=NOON), OutcomeUnknown("lost"))
        states.append(operation.state)

    assert states == [State.RETRY_WAIT, State.RETRY_WAIT, State.RETRY_WAIT, State.RETRY_WAIT, State.MANUAL]
    assert (operation.attempts, operation.due_at) == (5, None)


def test_an_outage_costs_no_attempt_and_ends_in_a_task_after_24_hours() -> None:
    operation = in_state(State.RUNNING, attempts=3)
    for hours in range(24):
        operation = failed(operation, NotReached("down"), NOON + timedelta(hours=hours))
        assert (operation.state, operation.attempts) == (State.WAITING_PBX, 3)
        assert operation.due_at == NOON + timedelta(hours=24)
        operation = after(operation, Event.CLAIMED, now=NOON + timedelta(hours=hours))
    ended = failed(operation, NotReached("down"), NOON + timedelta(hours=24))

    assert (ended.state, ended.attempts, ended.due_at) == (State.MANUAL, 3, None)


def test_an_outage_that_ends_is_forgotten() -> None:
    """Time out of reach is counted for one outage, not added up over several."""
    waiting = failed(in_state(State.RUNNING), NotReached("down"))
    back = after(waiting, Event.AGAIN, now=NOON + timedelta(hours=20))
    again = failed(after(back, Event.CLAIMED, now=NOON), NotReached("down"), NOON + timedelta(hours=30))

    assert back.waiting_since is None
    assert (again.state, again.waiting_since) == (State.WAITING_PBX, NOON + timedelta(hours=30))


def test_a_persons_again_counts_from_the_beginning() -> None:
    again = after(in_state(State.MANUAL, attempts=5, waiting_since=NOON), Event.AGAIN, now=NOON)

    assert (again.attempts, again.waiting_since, again.due_at) == (0, None, NOON)


def test_a_cause_is_kept_until_it_is_done() -> None:
    told = failed(in_state(State.RUNNING), OutcomeUnknown("x" * 900))
    done = after(after(told, Event.CLAIMED, now=NOON), Event.DONE, now=NOON)

    assert told.cause == "x" * 500
    assert (done.cause, done.cause_kind) == (None, None)


# --- what takes whose place ------------------------------------------------------------------------------------------

ADJUSTING = {Kind.EDIT, Kind.REPAIR}
LASTING = {Kind.MOVE, Kind.CLEAR}


@pytest.mark.parametrize("newer", list(Kind))
@pytest.mark.parametrize("older", list(Kind))
def test_a_newer_operation_takes_the_place_of_what_it_does_too(older: Kind, newer: Kind) -> None:
    """What WHMCS has to hear of is ended by what it hears of, what only adjusts by anything, a move by nothing."""
    expected = older not in LASTING and (newer not in ADJUSTING or older in ADJUSTING)

    assert gives_way(an_operation(kind=older), to=newer) is expected
    assert gives_way(an_operation(kind=older, destructive=True), to=newer) is False


# --- random histories ------------------------------------------------------------------------------------------------

TROUBLES: dict[str, BridgeError] = {
    "unreachable": NotReached("down"),
    "unknown": OutcomeUnknown("lost"),
    "transient": Unavailable("busy"),
    "refused": Refused("declined"),
}


class Oracle:
    """What should be so, counted slowly: a list of what happened when, read from its start every time."""

    def __init__(self) -> None:
        self.history: list[tuple[str, datetime]] = []

    def note(self, word: str, at: datetime) -> None:
        self.history.append((word, at))

    @property
    def attempts(self) -> int:
        """Failures since a person last said 'again', or since the last step, outages left out."""
        count = 0
        for word, _ in self.history:
            if word in ("again", "further"):
                count = 0
            elif word in ("unknown", "transient"):
                count += 1
        return count

    @property
    def out_of_reach_since(self) -> datetime | None:
        """When the outage that still goes on began."""
        since: datetime | None = None
        for word, at in self.history:
            if word == "unreachable":
                since = since or at
            elif word not in ("claimed", "lease_lost", "refused"):
                since = None
        return since


def happens(operation: Operation, oracle: Oracle, word: str, now: datetime, rules: Rules) -> Operation:
    if word in TROUBLES:
        changed = after_trouble(operation, TROUBLES[word], now=now, rules=rules, jitter=NO_JITTER)
    else:
        changed = after(operation, Event(word), now=now)
    oracle.note(word, now)
    return changed


WORDS = st.sampled_from([*TROUBLES, *(each.value for each in Event)])
MINUTES = st.integers(0, 60 * 30)


@settings(max_examples=200, deadline=None)
@given(
    history=st.lists(st.tuples(WORDS, MINUTES), max_size=60),
    limit=st.integers(1, 8),
    outage_hours=st.integers(1, 24),
)
def test_whatever_happens_nothing_is_stuck_and_the_counts_are_right(
    history: list[tuple[str, int]], limit: int, outage_hours: int
) -> None:
    """I-9: no open state without due time, lease or task. R-20: attempts never pass the limit."""
    rules = Rules(attempts_max=limit, outage_max=timedelta(hours=outage_hours))
    operation, oracle, now = an_operation(), Oracle(), NOON
    for word, minutes in history:
        now += timedelta(minutes=minutes)
        before = operation
        try:
            operation = happens(operation, oracle, word, now, rules)
        except Conflict:
            assert operation == before
            continue

        has_due, has_lease, has_task = (
            operation.due_at is not None,
            operation.state is State.RUNNING,
            operation.state is State.MANUAL,
        )
        if operation.state in ENDED:
            assert (operation.due_at, operation.waiting_since, operation.finished_at) == (None, None, now)
        else:
            assert [has_due, has_lease, has_task].count(True) == 1
            assert operation.finished_at is None
            assert operation.attempts == oracle.attempts <= limit
            if operation.state is not State.MANUAL:
                assert operation.attempts < limit
                assert operation.waiting_since == oracle.out_of_reach_since
        if operation.state is State.WAITING_PBX:
            since = oracle.out_of_reach_since
            assert since is not None
            assert now - since < rules.outage_max
            assert operation.due_at == since + rules.outage_max


@settings(max_examples=100, deadline=None)
@given(history=st.lists(WORDS, max_size=40))
def test_what_has_ended_stays_as_it_ended(history: list[str]) -> None:
    operation, oracle, ended = an_operation(), Oracle(), None
    for word in history:
        try:
            operation = happens(operation, oracle, word, NOON, RULES)
        except Conflict:
            continue
        assert ended is None
        ended = operation if operation.state in ENDED else None


def test_nothing_is_taken_from_a_clock_or_from_chance_inside() -> None:
    """R-5: the same row, event and time give the same row."""
    operation = in_state(State.RUNNING)

    assert failed(operation, OutcomeUnknown("lost")) == failed(replace(operation), OutcomeUnknown("lost"))
