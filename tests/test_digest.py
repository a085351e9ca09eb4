"""How the digest reads."""

from __future__ import annotations

from bridge.people.digest import Figures, worded


def test_a_quiet_day_is_told_in_three_lines() -> None:
    title, body = worded(Figures(services={"Active": 40, "Suspended": 2}, operations_done=7))

    assert title == "The bridge: all is well"
    assert body == ("Nothing needs a person.\n\nServices: 40 Active, 2 Suspended\nOperations done in 24 h: 7; open: 0")


def test_work_that_goes_on_by_itself_is_no_trouble() -> None:
    title, _ = worded(Figures(operations_open={"accepted": 3, "running": 1}))

    assert title == "The bridge: all is well"


def test_a_bad_day_begins_with_what_needs_a_person() -> None:
    title, body = worded(
        Figures(
            services={"Active": 1},
            operations_open={"manual": 1, "waiting_pbx": 2, "accepted": 5},
            tasks_unclaimed=1,
            tasks_older=1,
            findings={"missing": 2},
            servers_down=("pbx1 failed its connection test",),
            messages_lost=1,
            messages_untold=2,
        )
    )

    assert title == (
        "The bridge needs attention: 1 server, 1 task, 3 waiting operations, 2 differences, 3 lost messages"
    )
    assert body.splitlines() == [
        "pbx1 failed its connection test",
        "Open tasks: 1 (0 from today, 0 from this week, 1 older); unclaimed: 1",
        "Operations that wait: 3",
        "Differences between WHMCS, the bridge and the PBXs: 2 missing",
        "Messages that did not go out, or may not have: 1",
        "Messages for which there is no channel: 2",
        "",
        "Services: 1 Active",
        "Operations done in 24 h: 0; open: 5 accepted, 1 manual, 2 waiting_pbx",
    ]
