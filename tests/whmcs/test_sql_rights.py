"""Reading by SQL with a user that may read the listed columns and do nothing else (F-1, R-67)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, make_url, text

from bridge.database import connect
from bridge.demo.whmcs import seed
from bridge.errors import NotPrepared, NotReached
from bridge.secret import Secret
from bridge.whmcs.questions import NEEDED
from bridge.whmcs.records import Records
from bridge.whmcs.sql import sql_records
from tests.canary import CANARY
from tests.whmcs.standin import a_standin

READER = "whmcs_reader"


@pytest.fixture
def shop(whmcs_mariadb: Engine) -> Iterator[Engine]:
    """A furnished WHMCS with one service, and a user that may SELECT what the questions name."""
    a_standin(whmcs_mariadb)
    with whmcs_mariadb.begin() as tx:
        seed.service(tx, seed.client(tx), seed.product(tx), domainstatus="Active")
        tx.execute(text(f"CREATE USER {READER}@'%' IDENTIFIED BY '{CANARY}'"))
        for name, columns in NEEDED.items():
            named = ", ".join(f"`{each}`" for each in columns)
            tx.execute(text(f"GRANT SELECT ({named}) ON {name} TO {READER}@'%'"))
    yield whmcs_mariadb
    with whmcs_mariadb.begin() as tx:
        tx.execute(text(f"DROP USER {READER}@'%'"))


def records_of(shop: Engine, password: str = CANARY) -> Records:
    url = make_url(shop.url).set(username=READER, password=password)
    return sql_records(connect(Secret(url.render_as_string(hide_password=False)), pool_size=1))


def test_the_listed_columns_are_enough(shop: Engine) -> None:
    records = records_of(shop)

    assert [each.service_id for each in records.services(["voipbridge"]).items] == [1]
    assert records.statuses_of([1]) == {1: "Active"}
    assert records.choices_of([1]) == {1: ()}
    assert records.addons_of([1]) == {1: ()}
    assert records.fields_of([1]) == {1: ()}
    assert records.products(["voipbridge"]).complete
    assert records.servers(["voipbridge"]).complete
    assert records.server_groups().complete
    assert records.clients_of([1])[1] is not None
    assert records.installation().installation_id == "inst-7f3c9a1e"


def test_a_table_that_may_not_be_read_is_named(shop: Engine) -> None:
    with shop.begin() as tx:
        columns = ", ".join(f"`{each}`" for each in NEEDED["tblservergroupsrel"])
        tx.execute(text(f"REVOKE SELECT ({columns}) ON tblservergroupsrel FROM {READER}@'%'"))

    with pytest.raises(NotPrepared, match=r"tblservergroupsrel.*grants\.sql"):
        records_of(shop).statuses_of([1])


def test_a_wrong_password_says_where_to_look_and_shows_none(shop: Engine) -> None:
    with pytest.raises(NotPrepared, match="BRIDGE_WHMCS_DATABASE_URL") as caught:
        records_of(shop, "not-the-password").installation()

    assert "not-the-password" not in str(caught.value)


def test_a_database_that_is_gone_could_not_be_read() -> None:
    """F-5: nothing is missing because nothing was read."""
    nobody = connect(Secret("mysql+pymysql://x:y@127.0.0.1:1/whmcs"), connect_seconds=2)

    with pytest.raises(NotReached) as caught:
        sql_records(nobody).statuses_of([1])

    assert caught.value.kind == "unavailable"
    assert "127.0.0.1" not in str(caught.value)
