"""What a cell of a price list says: prefixes, amounts, increments, dates, a status. A refusal is the rule it breaks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from enum import Enum

from bridge.rating.decks.choices import DecimalMark
from bridge.rating.decks.rows import DIGITS_MAX, PRICE_MAX
from bridge.rating.price import Unreadable, read_price

CODES_MAX = 10_000
"""As many prefixes may one cell name."""

SECONDS_MAX = 86_400


_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₫": "VND", "₪": "ILS"}
_IN_HEADERS = frozenset(("USD", "EUR", "GBP", "AUD", "CAD", "CHF", "INR"))
_LETTERS = re.compile(r"^(?:(?P<before>[A-Z]{3})\s*)?(?P<amount>[^A-Za-z]+?)(?:\s*(?P<after>[A-Z]{3}))?$")
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+", re.ASCII)
_SIGNED_ZERO = re.compile(r"[-−(]\s*0+([.,]0*)?\)?")
_COUNTRY_AND_CODES = re.compile(r"(\d{1,3})\s+(\d.*)", re.ASCII | re.DOTALL)
_GROUPED_COMMA = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_GROUPED_POINT = re.compile(r"\d{1,3}(\.\d{3})+(,\d*)?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_TOKENS = (("YYYY", "%Y"), ("MON", "%b"), ("MM", "%m"), ("DD", "%d"), ("YY", "%y"), ("hh", "%H"), ("mm", "%M"))


class Status(Enum):
    ACTIVE = "active"
    CUSTOM = "custom"
    BLOCKED = "blocked"
    """There, and never to be priced: a call to it is held."""
    DELETED = "deleted"


_STATUSES = {
    **dict.fromkeys(("", "1"), Status.ACTIVE),
    **dict.fromkeys(("active", "current", "open", "valid", "new", "increase", "increased", "decrease"), Status.ACTIVE),
    **dict.fromkeys(("decreased", "changed", "change", "unchanged", "no change", "same", "existing"), Status.ACTIVE),
    **dict.fromkeys(("0", "custom"), Status.CUSTOM),
    **dict.fromkeys(("blocked", "block", "barred", "closed", "suspended"), Status.BLOCKED),
    **dict.fromkeys(("deleted", "delete", "removed", "remove", "discontinued", "withdrawn", "end"), Status.DELETED),
}


def read_status(text: str) -> Status:
    found = _STATUSES.get(text.strip().lower())
    if found is None:
        raise Unreadable("not a status such as 1, 0, current, blocked or deleted")
    return found


def read_codes(text: str, *, country: str = "", strip: str = "", prepend: str = "") -> list[str]:
    """Every prefix of a cell: `1204`, `+1204`, `1204;1226`, `93, 9370`, `1204-1209`, `61 38,39`.

    `country` stands before each (a column of its own); so does `prepend`, where `strip` was taken off.
    """
    text = text.strip().removeprefix("'")
    if not text:
        if country:
            return [_code(country, "", "", "")]
        raise Unreadable("no prefix")
    spaced = _COUNTRY_AND_CODES.fullmatch(text.removeprefix("+"))
    if spaced and not country:
        country, rest = spaced[1], spaced[2]
        if rest.startswith(country):
            raise Unreadable("either a list or a country code and its area codes; write lists with ;")
        text = rest
    codes: list[str] = []
    for part in re.split(r"[;,|/\n]", text):
        if part := part.strip():
            codes += _range(part, country, strip, prepend)
        if len(codes) > CODES_MAX:
            raise Unreadable(f"more than {CODES_MAX} prefixes in a cell")
    if not codes:
        raise Unreadable("no prefix")
    return codes


def _range(part: str, country: str, strip: str, prepend: str) -> list[str]:
    first, dash, last = (piece.strip() for piece in part.replace("–", "-").partition("-"))
    if dash and len(first.removeprefix("+")) != len(last.removeprefix("+")):
        raise Unreadable("a range over different lengths")
    start = _code(first, country, strip, prepend)
    if not dash:
        return [start]
    end = _code(last, country, strip, prepend)
    if len(start) != len(end):
        raise Unreadable("a range over different lengths")
    if int(end) < int(start):
        raise Unreadable("a range that runs backwards")
    if int(end) - int(start) >= CODES_MAX:
        raise Unreadable(f"a range of more than {CODES_MAX} prefixes")
    return [str(code).zfill(len(start)) for code in range(int(start), int(end) + 1)]


def _code(text: str, country: str, strip: str, prepend: str) -> str:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        if _EXPONENT.fullmatch(digits):
            raise Unreadable("a spreadsheet made another number of this prefix; export the column as text")
        if text == "*":
            raise Unreadable("a row for everything would price every typing error")
        raise Unreadable("not a prefix: digits only, with at most a + before them")
    if strip and digits.startswith(strip):
        digits = digits[len(strip) :]
    digits = country.removeprefix("+") + prepend + digits
    if not digits:
        raise Unreadable("no prefix")
    if digits[0] == "0":
        raise Unreadable("begins with 0, so it is no international prefix; mend it by --strip and --prepend")
    if len(digits) > DIGITS_MAX:
        raise Unreadable(f"longer than {DIGITS_MAX} digits")
    return digits


def read_amount(text: str, mark: DecimalMark = "point", currency: str | None = None) -> int:
    """An amount in ten-billionths: never below 0, with a sign or letters of its own currency at most."""
    plain = text.strip()
    if not plain:
        raise Unreadable("no price")
    plain = _without_currency(plain, currency)
    if _EXPONENT.fullmatch(plain):
        raise Unreadable("written with an exponent; export the column with its decimals")
    if "-" in plain or "−" in plain or (plain.startswith("(") and plain.endswith(")")):
        raise Unreadable("0 has no sign" if _SIGNED_ZERO.fullmatch(plain) else "below 0")
    amount = read_price(_with_point(plain, mark))
    if amount > PRICE_MAX:
        raise Unreadable("more than a deck can hold")
    return amount


def read_currency(text: str, currency: str | None) -> None:
    """A currency beside a price: that of the deck, or none."""
    code = _SIGNS.get(text.strip(), text.strip().upper())
    if code and not re.fullmatch(r"[A-Z]{3}", code):
        raise Unreadable("not a currency such as USD")
    _same_currency(code, currency)


def currencies_named(header: str) -> set[str]:
    """The currencies that a column's name says its amounts are in."""
    words = set(re.split(r"[^A-Z]+", header.upper()))
    return (words & _IN_HEADERS) | {code for sign, code in _SIGNS.items() if sign in header}


def _without_currency(text: str, currency: str | None) -> str:
    for sign, code in (*_SIGNS.items(), ("$", ""), ("¥", "")):
        if sign in text:
            _same_currency(code, currency)
            text = text.replace(sign, "", 1).strip()
            break
    found = _LETTERS.fullmatch(text)
    if found and (code := found["before"] or found["after"] or ""):
        _same_currency(code, currency)
        return found["amount"].strip()
    return text


def _same_currency(code: str, currency: str | None) -> None:
    if code and currency and code != currency:
        raise Unreadable(f"in {code}, and the deck is in {currency}")


def _with_point(text: str, mark: DecimalMark) -> str:
    if mark == "comma":
        if _GROUPED_POINT.fullmatch(text) and "," in text:
            text = text.replace(".", "")
        if "." in text:
            raise Unreadable("a decimal point, where the deck has decimal commas")
        return text.replace(",", ".")
    if "," not in text:
        return text
    if _GROUPED_COMMA.fullmatch(text) and "." in text:
        return text.replace(",", "")
    raise Unreadable("a comma that may be for decimals or for thousands; say which by --decimal")


def decimal_mark(prices: list[str]) -> DecimalMark:
    """What the prices of a file have before their decimals, judged by those that leave no doubt."""
    commas = points = 0
    for price in prices:
        digits = re.sub(r"[^\d.,]", "", price)
        if digits.rfind(".") > digits.rfind(","):
            points += 1
        elif "," in digits and (digits.startswith("0,") or not _GROUPED_COMMA.fullmatch(digits)):
            commas += 1
    return "comma" if commas > points else "point"


def read_seconds(text: str) -> int:
    """Whole seconds: `60`, `60s`, `60 sec`."""
    digits = re.sub(r"\s*(s|sec|secs|seconds)\.?$", "", text.strip().lower())
    if not (digits.isascii() and digits.isdigit()):
        raise Unreadable("not whole seconds")
    if len(digits) > 6 or int(digits) > SECONDS_MAX:
        raise Unreadable(f"more than {SECONDS_MAX} seconds")
    return int(digits)


def read_increment(text: str) -> tuple[int | None, int]:
    """`(first, step)` of `30/6`; the first is None where there is one number only."""
    first, slash, step = text.strip().replace("-", "/").partition("/")
    if not text.strip():
        raise Unreadable("no increment")
    seconds = read_seconds(step if slash else first)
    if seconds == 0:
        raise Unreadable("a step of 0 seconds")
    if not slash:
        return None, seconds
    block = read_seconds(first)
    if block == 0:
        raise Unreadable("a first block of 0 seconds")
    return block, seconds


def read_moment(text: str, date_format: str | None, zone: tzinfo) -> datetime | None:
    """A date is its midnight in the deck's zone."""
    found = read_local(text, date_format)
    return found and (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def read_local(text: str, date_format: str | None) -> datetime | None:
    """As it is written, with an offset or without. Without a format only ISO is understood: 03/04/2025 is two days."""
    text = text.strip()
    if not text:
        return None
    if date_format:
        try:
            return datetime.strptime(text, _strptime(date_format))  # noqa: DTZ007  # whoever asks puts the zone in
        except ValueError:
            raise Unreadable(f"not a date such as {date_format}") from None
    if not _ISO.fullmatch(text):
        raise Unreadable("not a date such as 2025-06-01; say by --date-format how dates are written")
    try:
        return datetime.fromisoformat(text.replace(" Z", "Z"))
    except ValueError:
        raise Unreadable("a day or hour that does not exist") from None


def _strptime(date_format: str) -> str:
    """`DD/MM/YYYY` as `%d/%m/%Y`; what has a % is taken as it is."""
    if "%" in date_format:
        return date_format
    for token, directive in _TOKENS:
        date_format = date_format.replace(token, directive)
    return date_format
