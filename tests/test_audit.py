"""The audit's chain: what is sealed cannot be changed, taken out or put in unseen (T-24)."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, Executable, delete, insert, select, update

from bridge.database import NOW, transact
from bridge.store import audit
from bridge.store.audit import Broken
from bridge.tables import audit as rows


def write(engine: Engine, *subjects: str) -> None:
    """Each in a transaction of its own."""
    for subject in subjects:
        line = audit.Line("Kim", "server.pause", subject)
        transact(engine, partial(audit.add_lines, lines=[line]))


def sealed(engine: Engine, count: int = 5) -> None:
    write(engine, *(f"server:{number}" for number in range(1, count + 1)))
    assert transact(engine, audit.seal) == count
    assert transact(engine, audit.verify) is None


def change(engine: Engine, statement: Executable) -> None:
    with engine.begin() as tx:
        tx.execute(statement)


def test_a_sealed_audit_verifies_whatever_its_rows_hold_t24(engine: Engine) -> None:
    transact(
        engine,
        lambda tx: audit.add(
            tx,
            actor="Zoë 🦊",
            action="a.b",
            subject="service:1",
            before={"name": "Ünï", "list": [1, None, True]},
            after={},
            reason="'; DROP TABLE x; --",
        ),
    )
    sealed_rows = transact(engine, audit.seal)

    assert sealed_rows == 1
    assert transact(engine, audit.verify) is None
    assert transact(engine, audit.head).sealed_no == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"actor": "Sam"},
        {"action": "server.resume"},
        {"subject": "server:9"},
        {"reason": "because"},
        {"before": {"health": "red"}},
        {"after": {"health": "green"}},
        {"chain": "0" * 64},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_changed_row_is_found_t24(engine: Engine, changed: dict[str, object]) -> None:
    sealed(engine)
    third = transact(engine, lambda tx: tx.execute(select(rows.c.id).where(rows.c.sealed_no == 3)).scalar_one())

    change(engine, update(rows).where(rows.c.id == third).values(changed))

    assert transact(engine, audit.verify) == Broken(3, third)


def test_a_moment_that_was_changed_is_found_t24(engine: Engine) -> None:
    sealed(engine)
    second = transact(engine, lambda tx: tx.execute(select(rows).where(rows.c.sealed_no == 2)).one())

    change(engine, update(rows).where(rows.c.id == second.id).values(at=second.at - timedelta(microseconds=1)))

    assert transact(engine, audit.verify) == Broken(2, second.id)


def test_a_row_taken_out_is_found_t24(engine: Engine) -> None:
    sealed(engine)

    change(engine, delete(rows).where(rows.c.sealed_no == 2))

    assert transact(engine, audit.verify) == Broken(2, None)


def test_rows_in_another_order_are_found_t24(engine: Engine) -> None:
    sealed(engine)
    for place, number in ((4, -4), (5, 4), (-4, 5)):
        change(engine, update(rows).where(rows.c.sealed_no == place).values(sealed_no=number))

    found = transact(engine, audit.verify)

    assert found is not None
    assert found.sealed_no == 4


def test_a_row_put_in_between_finds_no_place_t24(engine: Engine) -> None:
    sealed(engine)
    forged = {"at": NOW, "actor": "Kim", "action": "a.b", "subject": "server:3", "sealed_no": 6, "chain": "f" * 64}

    change(engine, insert(rows).values(forged))

    found = transact(engine, audit.verify)
    assert found is not None
    assert found.sealed_no == 6


def test_a_part_of_the_chain_is_verified_from_where_it_begins_t24(engine: Engine) -> None:
    sealed(engine)
    change(engine, update(rows).where(rows.c.sealed_no == 2).values(reason="forged"))

    assert transact(engine, lambda tx: audit.verify(tx, from_no=3)) is None
    found = transact(engine, lambda tx: audit.verify(tx, from_no=2))
    assert found is not None
    assert found.sealed_no == 2


def test_a_transaction_that_commits_late_is_sealed_later_and_breaks_nothing_t24(mariadb_engine: Engine) -> None:
    """Its row has a lower id than rows that are sealed already."""
    with mariadb_engine.connect() as late:
        audit.add(late, actor="Kim", action="server.pause", subject="server:late")
        sealed(mariadb_engine, 3)
        late.commit()

    assert transact(mariadb_engine, audit.seal) == 1
    assert transact(mariadb_engine, audit.verify) is None
    in_order = select(rows.c.id, rows.c.subject).order_by(rows.c.sealed_no)
    found = transact(mariadb_engine, lambda tx: tx.execute(in_order).all())
    assert [each.subject for each in found] == ["server:1", "server:2", "server:3", "server:late"]
    assert found[-1].id < found[0].id


def test_many_writers_and_two_sealers_leave_one_whole_chain_t24(mariadb_engine: Engine) -> None:
    """A sealer whose lease ran out may still be at it; neither harms the other."""
    writing_is_over = threading.Event()

    def seal() -> None:
        while transact(mariadb_engine, lambda tx: audit.seal(tx, limit=7)) or not writing_is_over.is_set():
            pass

    sealers = [threading.Thread(target=seal) for _ in range(2)]
    writers = [
        threading.Thread(target=write, args=(mariadb_engine, *(f"server:{who}-{number}" for number in range(40))))
        for who in range(4)
    ]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    writing_is_over.set()
    for thread in sealers:
        thread.join()
    while transact(mariadb_engine, audit.seal):
        pass

    places = transact(
        mariadb_engine, lambda tx: tx.execute(select(rows.c.sealed_no).order_by(rows.c.sealed_no)).scalars().all()
    )
    assert list(places) == list(range(1, 161))
    assert transact(mariadb_engine, audit.verify) is None
    assert transact(mariadb_engine, audit.unsealed_since) is None
