"""Drift: in what our wishes, the mirror, the PBX and WHMCS's records differ, and what may be done about it. Pure.

    class                  what differs                                          by default   else
    missing_on_pbx         a tenant or object that we want is not there          report       repair, task
    unknown_on_pbx         a tenant or object is there that nobody here knows    report       import (objects), task
    attribute_drift        a member differs                                      report       repair, import, task
    state_drift            enabled or restricted otherwise than wanted           report       repair, task
    duplicate              one name or number in two places                      report       task
    orphan_service         a living service without a tenant                     report       task
    tenant_without_service a tenant that belongs to no service                   report       task
    package_changed        WHMCS names another product                           repair       report, task
    options_changed        WHMCS has other options or add-ons                    repair       report, task
    status_changed         WHMCS shows another status                            repair       report, task
    username_changed       WHMCS has another user name                           report       repair, task
    fields_changed         WHMCS has other custom fields                         import       report, task
    active_without_tenant  WHMCS shows it active and we do not know it           task         report, repair
    unmapped_option        an option that maps to no limit and no feature (F-12) report       task
    server_changed         WHMCS names another server (F-13)                     task
    domain_changed         WHMCS has another domain (F-11)                       task
    owner_changed          WHMCS gives it to another client                      task
    service_vanished       WHMCS has no such service any more (F-5)              task
    product_changed        the product's module settings or server group changed task

What a hand switched off on the PBX stays off and is no drift. A wish that no repair can fulfil becomes a task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.errors import NotPrepared
from bridge.pbx.driver import Difference

SHOWN_MAX = 20


class Class(StrEnum):
    MISSING_ON_PBX = "missing_on_pbx"
    UNKNOWN_ON_PBX = "unknown_on_pbx"
    ATTRIBUTE_DRIFT = "attribute_drift"
    STATE_DRIFT = "state_drift"
    DUPLICATE = "duplicate"
    ORPHAN_SERVICE = "orphan_service"
    TENANT_WITHOUT_SERVICE = "tenant_without_service"
    PACKAGE_CHANGED = "package_changed"
    OPTIONS_CHANGED = "options_changed"
    STATUS_CHANGED = "status_changed"
    USERNAME_CHANGED = "username_changed"
    FIELDS_CHANGED = "fields_changed"
    ACTIVE_WITHOUT_TENANT = "active_without_tenant"
    UNMAPPED_OPTION = "unmapped_option"
    SERVER_CHANGED = "server_changed"
    DOMAIN_CHANGED = "domain_changed"
    OWNER_CHANGED = "owner_changed"
    SERVICE_VANISHED = "service_vanished"
    PRODUCT_CHANGED = "product_changed"


class Policy(StrEnum):
    REPORT = "report"
    REPAIR = "repair"
    IMPORT = "import"
    TASK = "task"


_R, _P, _I, _T = Policy.REPORT, Policy.REPAIR, Policy.IMPORT, Policy.TASK

ALLOWED: Mapping[Class, tuple[Policy, ...]] = {
    Class.MISSING_ON_PBX: (_R, _P, _T),
    Class.UNKNOWN_ON_PBX: (_R, _I, _T),
    Class.ATTRIBUTE_DRIFT: (_R, _P, _I, _T),
    Class.STATE_DRIFT: (_R, _P, _T),
    Class.DUPLICATE: (_R, _T),
    Class.ORPHAN_SERVICE: (_R, _T),
    Class.TENANT_WITHOUT_SERVICE: (_R, _T),
    Class.PACKAGE_CHANGED: (_P, _R, _T),
    Class.OPTIONS_CHANGED: (_P, _R, _T),
    Class.STATUS_CHANGED: (_P, _R, _T),
    Class.USERNAME_CHANGED: (_R, _P, _T),
    Class.FIELDS_CHANGED: (_I, _R, _T),
    Class.ACTIVE_WITHOUT_TENANT: (_T, _R, _P),
    Class.UNMAPPED_OPTION: (_R, _T),
    Class.SERVER_CHANGED: (_T,),
    Class.DOMAIN_CHANGED: (_T,),
    Class.OWNER_CHANGED: (_T,),
    Class.SERVICE_VANISHED: (_T,),
    Class.PRODUCT_CHANGED: (_T,),
}
"""The policies a class may have; the first is the default."""

IN_WHMCS = frozenset(
    {
        Class.ORPHAN_SERVICE,
        Class.PACKAGE_CHANGED,
        Class.OPTIONS_CHANGED,
        Class.STATUS_CHANGED,
        Class.USERNAME_CHANGED,
        Class.FIELDS_CHANGED,
        Class.ACTIVE_WITHOUT_TENANT,
        Class.SERVER_CHANGED,
        Class.DOMAIN_CHANGED,
        Class.OWNER_CHANGED,
        Class.SERVICE_VANISHED,
    }
)
"""What is found by looking at one service in WHMCS's records."""

IN_TENANT = frozenset(
    {
        Class.MISSING_ON_PBX,
        Class.ATTRIBUTE_DRIFT,
        Class.STATE_DRIFT,
        Class.TENANT_WITHOUT_SERVICE,
    }
)
"""What is found by looking at one tenant."""


class Verb(StrEnum):
    """What a remedy does. Each ends in an operation, but for the last."""

    TERMINATE = "terminate"
    SUSPEND = "suspend"
    UNSUSPEND = "unsuspend"
    CHANGE_PACKAGE = "change_package"
    CREATE = "create"
    RENAME_ADMINISTRATOR = "rename_administrator"
    IMPORT_OBJECTS = "import_objects"
    REPAIR = "repair"
    LEARN_FIELDS = "learn_fields"


@dataclass(frozen=True, slots=True)
class Remedy:
    verb: Verb
    service_id: int | None = None
    tenant_id: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    kind: Class
    key: str
    """The same for the same drift, however often it is seen."""
    what: str
    service_id: int | None = None
    tenant_id: int | None = None
    server_id: int | None = None
    wanted: Mapping[str, Any] = field(default_factory=dict)
    actual: Mapping[str, Any] = field(default_factory=dict)
    remedy: Remedy | None = None
    adoption: Remedy | None = None
    """What importing it would do."""
    department: str = ""
    suggestion: str = ""


def default_policies() -> dict[Class, Policy]:
    return {kind: allowed[0] for kind, allowed in ALLOWED.items()}


def policies_from(document: Mapping[str, str]) -> dict[Class, Policy]:
    """The defaults with what an operator chose. What cannot be chosen is named."""
    chosen = default_policies()
    for name, word in document.items():
        if name not in set(Class):
            raise NotPrepared(f"{name[:40]!a} is not a class of drift; there are {', '.join(Class)}")
        kind = Class(name)
        if word not in ALLOWED[kind]:
            raise NotPrepared(f"{name} cannot be {word[:20]!a}; it may be {', '.join(ALLOWED[kind])}")
        chosen[kind] = Policy(word)
    return chosen


def policy_of(drift: Drift, policies: Mapping[Class, Policy]) -> Policy:
    """What happens about it: a repair that nobody can make is a person's task, an import of nothing only a report."""
    policy = policies[drift.kind]
    if policy is Policy.REPAIR and drift.remedy is None:
        return Policy.TASK
    if policy is Policy.IMPORT and drift.adoption is None:
        return Policy.REPORT
    return policy


def remedies(drifts: Iterable[Drift], policies: Mapping[Class, Policy], lives_in: Mapping[int, int]) -> list[Remedy]:
    """What is to be done: one remedy a service and one a tenant, for each ends in an operation that the next look
    has to wait for. A service's own change brings its tenant in order as well. `lives_in`: the tenant of a service."""
    of_services: dict[int, Remedy] = {}
    of_tenants: dict[int, Remedy] = {}
    learning: dict[int, Remedy] = {}
    for each in drifts:
        policy = policy_of(each, policies)
        remedy = each.remedy if policy is Policy.REPAIR else each.adoption if policy is Policy.IMPORT else None
        if remedy is None:
            continue
        if remedy.verb is Verb.LEARN_FIELDS:
            assert remedy.service_id is not None
            learning[remedy.service_id] = remedy
        elif remedy.service_id is not None:
            _keep_first(of_services, remedy.service_id, remedy)
        elif remedy.tenant_id is not None:
            _keep_first(of_tenants, remedy.tenant_id, remedy)
    busy = {lives_in[service_id] for service_id in of_services if service_id in lives_in}
    return [
        *(of_services[service_id] for service_id in sorted(of_services)),
        *(of_tenants[tenant_id] for tenant_id in sorted(of_tenants) if tenant_id not in busy),
        *(learning[service_id] for service_id in sorted(learning) if service_id not in of_services),
    ]


_ORDER = list(Verb)


def _keep_first(kept: dict[int, Remedy], key: int, remedy: Remedy) -> None:
    """The one that comes first in the order of the verbs; imports of one tenant are joined."""
    there = kept.get(key)
    if there is None or _ORDER.index(remedy.verb) < _ORDER.index(there.verb):
        kept[key] = remedy
    elif there.verb is remedy.verb is Verb.IMPORT_OBJECTS:
        kept[key] = Remedy(
            there.verb, None, key, {"objects": tuple(there.details["objects"]) + tuple(remedy.details["objects"])}
        )


def shown(found: Iterable[Difference], side: str) -> dict[str, str]:
    """The first differences as a finding keeps them."""
    return {f"{each.what} {each.member}": getattr(each, side) for each in list(found)[:SHOWN_MAX]}
