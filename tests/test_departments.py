"""Departments, as the door saves, lists and tries them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from bridge.app import Bridge, surroundings
from bridge.database import transact
from bridge.drivers import Drivers
from bridge.errors import Conflict, NotFound, NotPrepared
from bridge.people.channels.channel import WithSecret
from bridge.people.department import Department
from bridge.rpc.method import Caller
from bridge.rpc.methods import all_methods
from bridge.store import audit, departments, notices
from bridge.tables import departments as department_table
from tests.canary import CANARY
from tests.channels.mail_server import MailServer, mail_server
from tests.channels.making import LOOPBACK, WEBHOOK_SECRET
from tests.channels.whmcs_room import WhmcsRoom, whmcs_room
from tests.listening import answering, http_answer, listening

_keys = itertools.count(1)

MAIL: dict[str, Any] = {
    "kind": "mail",
    "name": "staff",
    "host": "mail.example.com",
    "sender": "bridge@example.com",
    "to": ["noc@example.com"],
    "user": "bridge",
    "secret": CANARY,
}
HOOK: dict[str, Any] = {
    "kind": "webhook",
    "name": "hook",
    "url": "https://hooks.example.com/bridge",
    "secret": WEBHOOK_SECRET,
}


@pytest.fixture
def bridge(bridge: Bridge) -> Bridge:
    """One that may reach the loopback."""
    return replace(bridge, drivers=Drivers(surroundings((LOOPBACK,))))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[WhmcsRoom]:
    with whmcs_room(tmp_path) as room:
        yield room


def ask(bridge: Bridge, method: str, **params: Any) -> dict[str, Any]:
    found = all_methods()[method]
    if found.kind == "write":
        params = {"idempotency_key": f"department-{next(_keys):08d}"} | params
    return found.run(bridge, Caller("ops-main"), found.params.model_validate(params))


def save(bridge: Bridge, *channels: dict[str, Any], name: str = "default", **params: Any) -> dict[str, Any]:
    return ask(bridge, "department.save", name=name, channels=list(channels), **params)


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


def secret_in(bridge: Bridge, channel: str, name: str = "default") -> str | None:
    held = transact(bridge.engine, lambda tx: departments.get(tx, name, vault=bridge.vault))
    assert held is not None
    found = held.channel(channel)
    assert isinstance(found, WithSecret)
    return found.secret.reveal() if found.secret is not None else None


def test_a_department_is_listed_as_it_was_saved_but_for_its_secrets(bridge: Bridge) -> None:
    """T-20."""
    save(bridge, MAIL, HOOK, escalate_after_hours=8)

    [listed] = ask(bridge, "department.list")["departments"]
    assert listed["name"] == "default"
    assert listed["escalate_after_hours"] == 8
    assert listed["escalate_to"] is None
    assert listed["channels"] == [
        without(MAIL, "secret") | {"port": 587, "security": "starttls"},
        without(HOOK, "secret"),
    ]


def test_a_dry_run_saves_nothing(bridge: Bridge) -> None:
    answer = save(bridge, HOOK, dry_run=True)

    assert answer["dry_run"] is True
    assert ask(bridge, "department.list")["departments"] == []


def test_the_same_key_saves_once_and_another_secret_under_it_is_refused(bridge: Bridge) -> None:
    key = "department-once-1"
    save(bridge, MAIL, idempotency_key=key)
    again = save(bridge, MAIL, idempotency_key=key)

    assert again["_meta"] == {"replayed": True}
    with pytest.raises(Conflict, match="something else"):
        save(bridge, MAIL | {"secret": "another one"}, idempotency_key=key)


def test_a_channel_that_comes_without_its_secret_keeps_the_one_it_has(bridge: Bridge) -> None:
    save(bridge, MAIL, HOOK)
    save(bridge, without(MAIL, "secret") | {"to": ["other@example.com"]}, without(HOOK, "secret"))

    assert secret_in(bridge, "staff") == CANARY
    assert secret_in(bridge, "hook") == WEBHOOK_SECRET


@pytest.mark.parametrize(
    "elsewhere",
    [{"host": "mail.example.net"}, {"port": 2525}, {"user": "other"}, {"security": "tls"}, {"pin": "0" * 64}],
)
def test_a_kept_password_is_never_sent_to_another_place(bridge: Bridge, elsewhere: dict[str, Any]) -> None:
    """T-20: who may save a department must not learn its password by pointing it at a server of their own."""
    save(bridge, MAIL)

    with pytest.raises(NotPrepared, match="given again"):
        save(bridge, without(MAIL, "secret") | elsewhere)


@pytest.mark.parametrize("channel", [MAIL, HOOK], ids=["mail", "webhook"])
def test_a_new_channel_needs_its_secret(bridge: Bridge, channel: dict[str, Any]) -> None:
    with pytest.raises(NotPrepared, match="needs its secret"):
        save(bridge, without(channel, "secret"))


def test_a_secret_is_forgotten_with_its_channel(bridge: Bridge) -> None:
    save(bridge, MAIL, HOOK)
    save(bridge, HOOK)

    with pytest.raises(NotPrepared, match="needs its secret"):
        save(bridge, without(MAIL, "secret"))


def test_saving_leaves_a_line_in_the_audit_without_secrets(bridge: Bridge) -> None:
    save(bridge, MAIL)

    [line] = transact(bridge.engine, lambda tx: audit.of_subject(tx, "department:default"))
    assert line["actor"] == "ops-main"
    assert line["action"] == "department.save"
    assert "secret" not in line["after"]["channels"][0]


def test_a_department_is_escalated_to_only_where_it_exists(bridge: Bridge) -> None:
    with pytest.raises(NotFound):
        save(bridge, HOOK, escalate_to="managers")
    save(bridge, HOOK, name="managers")
    save(bridge, HOOK, escalate_to="managers")


def test_two_channels_do_not_share_a_name(bridge: Bridge) -> None:
    with pytest.raises(NotPrepared, match="same name"):
        save(bridge, HOOK, HOOK)


def test_secrets_that_do_not_fit_are_refused_and_not_cut(bridge: Bridge) -> None:
    wordy = [MAIL | {"name": f"m{number}", "secret": str(number) * 200} for number in range(8)]

    with pytest.raises(NotPrepared, match="too long"):
        save(bridge, *wordy)


@pytest.mark.parametrize(
    "channel",
    [
        {"kind": "fax", "name": "fax"},
        {"name": "staff"},
        MAIL | {"unknown": 1},
        MAIL | {"port": "587"},
        MAIL | {"secret": ""},
        MAIL | {"secret": "two\nlines"},
        MAIL | {"security": "none"},
        HOOK | {"secret": "not a webhook secret"},
        HOOK | {"disabled": "no"},
        {"kind": "whmcs_ticket", "name": "t", "department_id": 0, "sender": "a@example.com"},
        {"kind": "whmcs_ticket", "name": "t", "department_id": 3, "sender": "a@example.com", "sender_name": "a\x1b[2J"},
        {"kind": "whmcs_notification", "name": "n", "identifier": "two words"},
    ],
)
def test_wrong_channels_are_refused_at_the_door(bridge: Bridge, channel: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        save(bridge, channel)


PLAIN_MAIL = without(MAIL, "user", "secret") | {"security": "none"}


@pytest.mark.parametrize(
    "channel",
    [
        HOOK | {"url": "https://10.0.0.5/hook"},
        HOOK | {"url": "https://169.254.169.254/latest"},
        HOOK | {"url": "https://[::1]:8443/"},
        HOOK | {"url": "https://[::ffff:127.0.0.1]/"},
        HOOK | {"url": "http://93.184.216.34/"},
        MAIL | {"host": "192.168.1.9"},
        PLAIN_MAIL | {"host": "93.184.216.34"},
    ],
)
def test_an_address_that_is_never_connected_to_is_refused_when_it_is_saved(
    bridge: Bridge, channel: dict[str, Any]
) -> None:
    """T-7."""
    with pytest.raises(NotPrepared, match=r"only BRIDGE_ALLOWED_NETWORKS opens|asked without TLS"):
        save(bridge, channel)
    assert ask(bridge, "department.list")["departments"] == []


def test_an_address_that_is_listed_is_saved_and_a_name_is_judged_when_it_is_used(bridge: Bridge) -> None:
    save(bridge, HOOK | {"url": "http://127.0.0.1:8080/"}, PLAIN_MAIL | {"host": "127.0.0.1"})
    save(bridge, HOOK | {"url": "http://localhost:8080/"}, PLAIN_MAIL)


def test_saving_switches_a_channel_on_again(bridge: Bridge) -> None:
    save(bridge, HOOK)
    transact(bridge.engine, lambda tx: departments.disable(tx, "default", "hook", why="it answered 410"))
    assert ask(bridge, "department.list")["departments"][0]["channels"][0]["disabled"] == "it answered 410"
    assert transact(bridge.engine, lambda tx: departments.carriers_of(tx, "default")) == []

    save(bridge, without(HOOK, "secret"))

    assert transact(bridge.engine, lambda tx: departments.carriers_of(tx, "default")) == [("default", "hook")]


def test_a_channel_of_another_version_does_not_silence_the_ones_beside_it(bridge: Bridge) -> None:
    save(bridge, HOOK)

    def act(tx: Any) -> None:
        channels = tx.execute(select(department_table.c.channels)).scalar_one()
        strange = {"kind": "pigeon", "name": "bird", "loft": 7}
        tx.execute(update(department_table).values(channels=[strange, *channels]))

    transact(bridge.engine, act)

    added = transact(
        bridge.engine,
        lambda tx: notices.add(tx, once_key="x", department="default", kind="task", title="t", body="b"),
    )
    assert added is not None
    held = transact(bridge.engine, lambda tx: departments.get(tx, "default", vault=bridge.vault))
    assert isinstance(held, Department)
    assert [each.name for each in held.carriers] == ["hook"]
    assert "bird" in held.disabled


# --- trying ----------------------------------------------------------------------------------------------------------


def test_a_test_tells_how_each_channel_went(bridge: Bridge, room: WhmcsRoom) -> None:
    told = replace(bridge, whmcs=room.whmcs)
    with (
        mail_server(MailServer(answers={"RCPT": "550 no such user"})) as mail,
        listening(answering(http_answer())) as hook,
    ):
        save(
            told,
            without(MAIL, "user", "secret") | {"host": "127.0.0.1", "port": mail.port, "security": "none"},
            HOOK | {"url": f"http://127.0.0.1:{hook.port}/"},
            {
                "kind": "whmcs_ticket",
                "name": "ticket",
                "department_id": room.department_id,
                "sender": "bridge@example.com",
            },
            {"kind": "whmcs_notification", "name": "notification"},
        )

        report = ask(told, "department.test", name="default")

    by_name = {each["name"]: each for each in report["channels"]}
    assert {name: each["status"] for name, each in by_name.items()} == {
        "staff": "failed",
        "hook": "sent",
        "ticket": "sent",
        "notification": "sent",
    }
    assert "550 no such user" in by_name["staff"]["detail"]
    assert [each["title"] for each in room.tickets()] == ["A test of the bridge"]
    assert hook.connections == 1


def test_a_dry_test_sends_nothing(bridge: Bridge) -> None:
    with listening(answering(http_answer())) as hook:
        save(bridge, HOOK | {"url": f"http://127.0.0.1:{hook.port}/"})

        report = ask(bridge, "department.test", name="default", dry_run=True)

        assert hook.connections == 0
    assert [each["status"] for each in report["channels"]] == ["not_sent"]


def test_a_department_that_is_not_there_is_not_tried(bridge: Bridge) -> None:
    with pytest.raises(NotFound):
        ask(bridge, "department.test", name="nobody")
