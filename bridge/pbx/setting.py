"""What a driver has to be told before it can connect: declared beside the driver, checked in one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bridge.errors import NotPrepared
from bridge.network import Trust, read_pin
from bridge.secret import Secret


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    meaning: str
    pattern: str = r"[^\x00-\x1f]{1,500}"
    example: str = ""
    required: bool = True
    secret: bool = False


TLS = (
    Setting("pin", "the SHA-256 fingerprint of the certificate", r"[0-9A-Fa-f:]{64,95}", "3f:09:...", required=False),
    Setting(
        "unverified_until",
        "the last day on which any certificate is accepted",
        r"\d{4}-\d{2}-\d{2}",
        "2026-12-31",
        required=False,
    ),
)
"""What every driver over TLS may be told (T-23)."""


ZONE = Setting(
    "zone",
    "the domain that tenants are named in",
    r"(?=.{1,200}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+",
    "pbx.example.com",
    required=False,
)
"""What every server may be told, whatever its driver."""

_KNOWN_DEFAULT = re.compile(
    r"(admin|administrator|changeme|cluecon|default|demo|fusionpbx|guest|letmein|pass|passw0rd|password|pbx|root|secret"
    r"|superadmin|switch|test|vodia|voip|welcome)[0-9!]*|(.?)\2*|0?1?2?3?4?5?6?7?8?9?0?",
    re.IGNORECASE | re.DOTALL,
)


def is_known_default(secret: Secret) -> bool:
    """Whether everybody knows it: what a product ships with, a counted row, one character again and again (T-22)."""
    return _KNOWN_DEFAULT.fullmatch(secret.reveal().rstrip("=")) is not None


def trust_of(config: Mapping[str, str]) -> Trust:
    """How the other side proves itself, out of the settings in `TLS`."""
    pin, until = config.get("pin"), config.get("unverified_until")
    try:
        return Trust(read_pin(pin) if pin else None, date.fromisoformat(until) if until else None)
    except ValueError:
        raise NotPrepared("unverified_until is not a day, such as 2026-12-31") from None


def checked(
    kind: str, settings: tuple[Setting, ...], config: Mapping[str, object], secrets: Mapping[str, Secret]
) -> dict[str, str]:
    """The configuration as text, or one message that names every key that is wrong and shows no value."""
    values = {name: _text(value) for name, value in config.items()}
    plain = {each.name: each for each in settings if not each.secret}
    sealed = {each.name: each for each in settings if each.secret}

    wrong = [f"{name!a} is not a setting of this driver" for name in config if name not in plain and name not in sealed]
    wrong += [f"{name!a} is a secret and belongs among the secrets" for name in config if name in sealed]
    wrong += [f"{name!a} is not a secret of this driver" for name in secrets if name not in sealed]
    for given, known in ((values, plain), ({name: secret.reveal() for name, secret in secrets.items()}, sealed)):
        for name, setting in known.items():
            if name not in given:
                wrong += [f"{name} is missing: {setting.meaning}"] if setting.required else []
            elif not re.fullmatch(setting.pattern, given[name] or ""):
                wrong.append(
                    f"{name} is not {setting.meaning}" + (f", such as {setting.example}" * bool(setting.example))
                )
    for name, secret in secrets.items():
        if name in sealed and is_known_default(secret):
            wrong.append(f"{name} is one that everybody knows; choose another on the PBX first")
    if wrong:
        raise NotPrepared(f"the {kind} driver cannot connect: " + "; ".join(sorted(wrong)))
    return {name: value or "" for name, value in values.items()}


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None
