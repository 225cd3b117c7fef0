"""One cell's text to one value: references, times, numbers. Each converter is pure and remembers what it has seen,
because the cells of a column repeat (23,000 times in half a million rows), and remembering is ten times faster.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shuke.intake.files.origins import Origin
from shuke.intake.files.reasons import BadCell, bad
from shuke.kernel.money import exponent, line_minor, parse_decimal, to_minor

REMEMBERED = 200_000
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before it a time is a spreadsheet's zero, not a sale
FUTURE = timedelta(days=1)
LARGEST_MINOR = 10**17
LARGEST_QUANTITY = Decimal(10) ** 14
_THOUSANDTH = Decimal("0.001")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ISO_FORMS = frozenset(
    f"%Y-%m-%d{t}" for t in ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", " %H:%M:%S.%f")
)
_SCIENTIFIC = re.compile(r"^\d(\.\d+)?[eE]\+?\d+$")
_SLASHED = re.compile(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?$")


class Remembering(dict[Any, Any]):
    """A converter that keeps its answers, at most REMEMBERED of them. `has_bad`: some answer was a BadCell."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self.convert = convert
        self.has_bad = False

    def __missing__(self, key: Any) -> Any:
        if len(self) >= REMEMBERED:
            self.clear()
        value = self[key] = self.convert(key)
        if type(value) is BadCell:
            self.has_bad = True
        return value


def cleaned(text: str) -> str:
    """A cell without what spreadsheets and exports wrap around it: blanks, TAB, `="…"`."""
    text = text.strip()
    if text[:1] == "=" and text[:2] == '="' and text[-1] == '"' and len(text) >= 3:
        text = text[2:-1].strip()
    return text


def id_text(text: str) -> str:
    """A cell that names something: without the quote by which spreadsheets are told to keep its digits."""
    return cleaned(text).removeprefix("'").strip()


def number_text(text: str, blanks: Iterable[str]) -> str:
    """A cell that holds a number, unwrapped; blank where the mapping says that its text means nothing."""
    text = id_text(text)
    return "" if text in blanks else text


def plain(text: str) -> str:
    """A text as it is compared with a mapping's values: half-width, without blanks around it."""
    return unicodedata.normalize("NFKC", text).strip()


def _longest_first(told: Mapping[str, str]) -> dict[str, str]:
    """Of several texts that fit the longest says it: a mapping's order does not survive in every database."""
    found = {plain(text): meant for text, meant in told.items()}
    return dict(sorted(found.items(), key=lambda one: (-len(one[0]), one[0])))


def shaped(
    origin: Origin, blanks: Iterable[str] = (), *, is_exact: bool = False
) -> Callable[[str], str | BadCell]:
    """What a mapping does to a cell's text: blanks, strip, pattern, values, prefixes, contains, otherwise.

    Full-width and half-width forms of a value are the same: exports write both.
    """
    empty = frozenset(blanks)
    values = {plain(text): meant for text, meant in origin.values.items()}
    prefixes = _longest_first(origin.prefixes)
    contains = _longest_first(origin.contains)
    pattern = re.compile(origin.pattern) if origin.pattern else None
    is_told = bool(values or prefixes or contains)

    def shape(text: str) -> str | BadCell:
        text = cleaned(text)
        if text in empty:
            return ""
        if is_exact:
            text = whole_number(text)
        if pattern is not None:
            found = pattern.search(text)
            text = found[1] if found else ""
        if origin.before or origin.after:
            text = _part(text, origin.before, origin.after)
        if origin.strip_prefix:
            text = text.removeprefix(origin.strip_prefix)
        if origin.strip_suffix:
            text = text.removesuffix(origin.strip_suffix)
        text = text.strip()
        if not is_told:
            return text
        if (told := plain(text)) in values:
            return values[told]
        for prefix, value in prefixes.items():
            if told.startswith(prefix):
                return value
        for part, value in contains.items():
            if part in told:
                return value
        if not text or origin.otherwise == "keep":
            return text
        if origin.otherwise == "blank":
            return ""
        if origin.otherwise == "refuse":
            return bad("row_unknown_value", text)
        return origin.otherwise.removeprefix("=")

    return shape


def _part(text: str, before: Sequence[str], after: Sequence[str]) -> str:
    """What stands before, or after, the first of these signs that the text has; the whole text when it has none."""
    for sign in (*before, *after):
        first, found, rest = text.partition(sign)
        if found:
            return (first if sign in before else rest).strip()
    return text


def to_text(text: str) -> str | None:
    return text or None


def to_ref(text: str) -> str | BadCell | None:
    """A name that other systems know: not wrapped, and with all its digits."""
    text = text.removeprefix("'").strip()
    if has_lost_digits(text):
        return bad("row_lost_digits", text)
    return text or None


def has_lost_digits(text: str) -> bool:
    """Whether a spreadsheet has written a long number as 1.93E+18."""
    return bool(_SCIENTIFIC.match(text))


def whole_number(text: str) -> str:
    """1e+05 as 100000, where a mapping says that its source writes numbers so without losing any digit."""
    return str(int(Decimal(text))) if has_lost_digits(text) else text


def to_host(text: str) -> str | None:
    """The host of an address, or of a bare host name."""
    if not text:
        return None
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname
    except ValueError:
        return None


class TimeReader:
    """Texts to (microseconds since 1970 UTC, the shop's day as days since 1970).

    The mapping's forms first, then year-month-day, which nobody can misread. A time without offset is in `zone`; one that the
    zone's clock shows twice is the first of the two.
    """

    def __init__(self, formats: Sequence[str], zone: ZoneInfo, shop_zone: ZoneInfo, now: datetime) -> None:
        self.formats = formats
        self.zone = zone
        self.shop_zone = shop_zone
        self.latest = now + FUTURE
        # strptime costs ten times as much, and says the same of these forms.
        self.is_iso = all(form in _ISO_FORMS for form in formats)

    def __call__(self, text: str) -> tuple[int, int] | BadCell:
        if not text:
            return bad("row_blank")
        at = self._read(text)
        if at is None or at < EARLIEST:
            return bad(
                "row_not_a_time", text, expected=self.formats[0] if self.formats else "2026-01-31 23:59:59"
            )
        if at > self.latest:
            return bad("row_in_future", text)
        return (at - _EPOCH) // timedelta(microseconds=1), at.astimezone(
            self.shop_zone
        ).toordinal() - _EPOCH_DAY

    def _read(self, text: str) -> datetime | None:
        if not self.is_iso:
            for form in self.formats:
                try:
                    return self._aware(datetime.strptime(text, form))  # noqa: DTZ007 - the zone follows
                except (ValueError, OverflowError):
                    continue
        if "-" in text:
            try:
                return self._aware(datetime.fromisoformat(text))
            except (ValueError, OverflowError):
                pass
        if slashed := _SLASHED.match(text):
            year, month, day, clock = slashed.groups()
            hour, _, rest = (clock or "0:00").partition(":")
            try:
                return self._aware(
                    datetime.fromisoformat(f"{year}-{int(month):02}-{int(day):02} {int(hour):02}:{rest}")
                )
            except (ValueError, OverflowError):
                return None
        return None

    def _aware(self, at: datetime) -> datetime:
        return (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)


def to_quantity(text: str) -> Decimal | BadCell | None:
    """A quantity, to three decimals."""
    if not text:
        return None
    try:
        value = parse_decimal(text)
    except ValueError:
        return bad("row_not_a_number", text)
    if abs(value) >= LARGEST_QUANTITY:
        return bad("row_too_large", text)
    return value.quantize(_THOUSANDTH, rounding=ROUND_HALF_UP)


def to_magnitude(text: str) -> Decimal | BadCell | None:
    """A number from 0 up, as exact as it is written."""
    if not text:
        return None
    try:
        value = parse_decimal(text)
    except ValueError:
        return bad("row_not_a_number", text)
    if value < 0:
        return bad("row_below_zero", text)
    return bad("row_too_large", text) if value >= LARGEST_QUANTITY else _plain_number(value)


def to_share(text: str) -> Decimal | BadCell | None:
    """A share from 0 to 1: as per cent (4.37%), else as the share itself (0.0437). Above 1 without % it says neither."""
    is_percent = text.endswith(("%", "％"))
    value = to_magnitude(text[:-1].strip() if is_percent else text)
    if not isinstance(value, Decimal):
        return value if value is None else bad(value.code, text)
    share = _plain_number(value / 100) if is_percent else value
    return bad("row_not_a_share", text) if share > 1 else share


def _plain_number(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 100, not 1E+2."""
    return Decimal(f"{value.normalize():f}")


def to_price_text(text: str) -> str | BadCell | None:
    """A unit price as it was written, once it is known to be a number."""
    if not text:
        return None
    try:
        parse_decimal(text)
    except ValueError:
        return bad("row_not_a_number", text)
    return text


def to_amount(currency: str) -> Callable[[str], int | BadCell | None]:
    """Minor units of a written amount; digits beyond the minor unit are rounded half up."""

    def amount(text: str) -> int | BadCell | None:
        if not text:
            return None
        try:
            value = parse_decimal(text)
        except ValueError:
            return bad("row_not_a_number", text)
        return _in_range(value, text) or to_minor(value, currency)

    return amount


def to_line_amount(currency: str) -> Callable[[tuple[str, str]], int | BadCell | None]:
    """Minor units of (quantity, unit price) as written: multiplied exactly, rounded once."""

    def amount(pair: tuple[str, str]) -> int | BadCell | None:
        quantity, price = pair
        if not quantity or not price:
            return None
        try:
            many, each = parse_decimal(quantity), parse_decimal(price)
        except ValueError:
            return None  # the field that is no number says so itself
        return _in_range(many, quantity) or _in_range(many * each, price) or line_minor(many, each, currency)

    return amount


def to_summed_amount(plus: int) -> Callable[[tuple[str, ...]], int | BadCell | None]:
    """Minor units of several written amounts: (currency, first, `plus` that are added, others that are taken off).

    Blank when the first is; a blank among the others is nothing.
    """

    def amount(texts: tuple[str, ...]) -> int | BadCell | None:
        currency, first, *rest = texts
        if not first:
            return None
        total = Decimal(0)
        for i, text in enumerate((first, *rest)):
            if text:
                try:
                    total += parse_decimal(text) * (1 if i <= plus else -1)
                except ValueError:
                    return bad("row_not_a_number", text)
        return _in_range(total, first) or to_minor(total, currency)

    return amount


def _in_range(value: Decimal, text: str) -> BadCell | None:
    if value and (value.adjusted() > 16 or abs(value.scaleb(exponent("CNY"))) >= LARGEST_MINOR):
        return bad("row_too_large", text)
    return None
