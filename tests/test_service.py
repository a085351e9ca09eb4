"""F-12: what the chosen options make of a package; and what a package may say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import NotPrepared
from bridge.rating.packages.package import LIMITS
from bridge.service import Chosen, Resources, resources_from, resources_to, with_options
from bridge.wanted import SuspendPolicy

PACKAGE = {
    "limits": {"extensions": 10, "dids": 5},
    "features": {"voicemail": False},
    "options": {
        "Extensions": {"limit": "extensions"},
        "Seats": {"limit": "extensions", "how": "replace"},
        "Extra numbers": {"limit": "dids", "how": "add"},
        "Queues": {"limit": "queues"},
        "Voicemail": {"feature": "voicemail"},
        "17": {"limit": "dids"},
    },
}


def chosen(**options: str) -> Chosen:
    return with_options(resources_from(PACKAGE), {name.replace("_", " "): value for name, value in options.items()})


def limits(**options: str) -> dict[str, int]:
    return dict(chosen(**options).resources.limits)


def test_without_options_a_package_is_as_it_is() -> None:
    assert chosen().resources == resources_from(PACKAGE)
    assert chosen().unmapped == ()


def test_an_option_adds_to_its_limit() -> None:
    assert limits(Extensions="5") == {"extensions": 15, "dids": 5}


def test_an_option_replaces_its_limit() -> None:
    assert limits(Seats="3") == {"extensions": 3, "dids": 5}


@pytest.mark.parametrize("names", [("Extensions", "Seats"), ("Seats", "Extensions")])
def test_what_replaces_comes_first_whatever_the_names(names: tuple[str, str]) -> None:
    """What else was bought is added to it; the alphabet decides nothing."""
    replacing, adding = names
    package = PACKAGE | {
        "options": {
            replacing: {"limit": "extensions", "how": "replace"},
            adding: {"limit": "extensions", "how": "add"},
        }
    }
    made = with_options(resources_from(package), {replacing: "3", adding: "4"})

    assert dict(made.resources.limits)["extensions"] == 7


def test_two_options_of_one_limit_add_up() -> None:
    made = with_options(resources_from(PACKAGE), {"Extra numbers": "2", "17": "1"})

    assert dict(made.resources.limits)["dids"] == 8


def test_what_is_added_to_an_unlimited_limit_leaves_it_unlimited() -> None:
    assert "queues" not in limits(Queues="4")


def test_an_option_is_known_by_its_name_before_the_bar() -> None:
    """WHMCS shows what stands after the bar, and keeps what stands before it."""
    made = with_options(resources_from(PACKAGE), {"Extensions|How many telephones?": "2"})

    assert dict(made.resources.limits)["extensions"] == 12
    assert made.unmapped == ()


def test_an_option_is_known_by_its_id() -> None:
    assert dict(with_options(resources_from(PACKAGE), {"17": "1"}).resources.limits)["dids"] == 6


def test_an_option_nobody_mapped_changes_nothing_and_is_told() -> None:
    made = chosen(Colour="red", Extensions="1")

    assert made.unmapped == ("Colour",)
    assert dict(made.resources.limits) == {"extensions": 11, "dids": 5}


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        *(("5", 5), ("5 x phones", 5), ("5|five phones", 5), (" 7 ", 7), ("1", 1), ("0", 0)),
        *(("on", 1), ("Yes", 1), ("", 0), ("no", 0), ("None", 0), ("off", 0)),
    ],
)
def test_the_ways_whmcs_writes_a_quantity(value: str, amount: int) -> None:
    assert limits(Extensions=value)["extensions"] == 10 + amount
    assert dict(chosen(Voicemail=value).resources.features)["voicemail"] is (amount > 0)


@pytest.mark.parametrize("value", ["many", "-1", "1.5", "١", "1e3", "9999999999", "red"])
def test_a_value_that_says_nothing_is_refused_by_the_name_of_its_option(value: str) -> None:
    with pytest.raises(NotPrepared, match="'Extensions'"):
        chosen(Extensions=value)
    with pytest.raises(NotPrepared, match="'Voicemail'"):
        chosen(Voicemail=value)


@settings(max_examples=100, deadline=None)
@given(bought=st.dictionaries(st.sampled_from(["Extensions", "Seats", "Extra numbers"]), st.integers(0, 99)))
def test_a_changed_quantity_gives_what_ordering_it_at_once_gives(bought: dict[str, int]) -> None:
    """Changing a quantity is an ordinary change of package: it never depends on what was bought before."""
    options = {name: str(amount) for name, amount in bought.items()}
    again = with_options(resources_from(PACKAGE), dict(reversed(options.items()))).resources
    seats = bought.get("Seats", 10)

    assert with_options(resources_from(PACKAGE), options).resources == again
    assert dict(again.limits)["extensions"] == seats + bought.get("Extensions", 0)
    assert dict(again.limits)["dids"] == 5 + bought.get("Extra numbers", 0)


# --- packages --------------------------------------------------------------------------------------------------------


def test_options_sell_no_more_than_anybody_could_use() -> None:
    with pytest.raises(NotPrepared, match=r"the option 'Seats' makes extensions more than 1000000"):
        chosen(Seats="999999999")
    with pytest.raises(NotPrepared, match=r"the option 'Extensions' makes extensions more than 1000000"):
        chosen(Extensions="999991")
    assert limits(Extensions="999990")["extensions"] == 1_000_000


def test_absent_is_unlimited_and_zero_is_none() -> None:
    assert resources_from({}) == Resources()
    assert resources_from({"limits": {"extensions": 0}}).limits == (("extensions", 0),)


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ({"limits": {"extension": 1}}, r"limits\.extension "),
        ({"limits": {"extensions": -1}}, r"limits\.extensions "),
        ({"limits": {"extensions": True}}, r"limits\.extensions "),
        ({"limits": {"extensions": "10"}}, r"limits\.extensions "),
        ({"limits": {"extensions": 1.5}}, r"limits\.extensions "),
        ({"limits": [1]}, "limits "),
        ({"features": {"voicemail": "on"}}, r"features\.voicemail "),
        ({"suspend_policy": "silence"}, "suspend_policy "),
        ({"retention_days": -1}, "retention_days "),
        ({"retention_days": True}, "retention_days "),
        ({"options": {"Seats": {"limit": "chairs"}}}, r"options\.'Seats'\.limit "),
        ({"options": {"Seats": {"limit": "extensions", "feature": "voicemail"}}}, r"options\.'Seats' "),
        ({"options": {"Seats": {}}}, r"options\.'Seats' "),
        ({"options": {"Seats": {"limit": "extensions", "how": "multiply"}}}, r"options\.'Seats'\.how "),
        ({"options": {"Seats": {"limit": "extensions", "colour": "red"}}}, r"options\.'Seats'\.colour "),
        ({"options": {"Seats": "extensions"}}, r"options\.'Seats' "),
    ],
)
def test_what_is_wrong_in_a_package_is_named_by_the_path_of_its_key(package: dict[str, Any], path: str) -> None:
    with pytest.raises(NotPrepared, match=path):
        resources_from(package)


OPTIONS = st.one_of(
    st.fixed_dictionaries({"limit": st.sampled_from(sorted(LIMITS)), "how": st.sampled_from(["add", "replace"])}),
    st.fixed_dictionaries({"feature": st.sampled_from(["voicemail", "recording"]), "how": st.just("add")}),
)
PACKAGES = st.fixed_dictionaries(
    {
        "limits": st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(0, 10**6)),
        "features": st.dictionaries(st.sampled_from(["voicemail", "recording"]), st.booleans()),
        "options": st.dictionaries(st.text(min_size=1, max_size=20), OPTIONS, max_size=4),
        "suspend_policy": st.sampled_from([each.value for each in SuspendPolicy]),
    },
    optional={"retention_days": st.integers(0, 3650)},
)


@settings(max_examples=100, deadline=None)
@given(package=PACKAGES)
def test_a_package_written_and_read_is_the_same(package: dict[str, Any]) -> None:
    assert resources_to(resources_from(package)) == package


def test_a_package_brings_the_numbers_for_help_of_its_country_f19() -> None:
    given = resources_from({"country": "AU"})

    assert {"000", "106", "112"} <= given.emergency
    assert resources_from(resources_to(given)) == given
    assert resources_from({}).emergency == frozenset()
