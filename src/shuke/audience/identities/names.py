"""Names as they are compared: a phone as E.164, an e-mail in lower case, everything else as its source writes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from babel.core import get_global
from email_validator import EmailNotValidError, validate_email

from shuke.audience.identities.errors import BadEmail, BadPhone, BadRef
from shuke.audience.identities.kinds import Kind
from shuke.kernel.surrogates import surrogate
from shuke.shops.reads import ShopView

LONGEST = 400  # characters of a name; a longer one is a mistake of the sender


@dataclass(frozen=True, slots=True)
class Name:
    """`ref` is what is compared, `given` what was written. `id` is the surrogate of kind and ref in the shop."""

    id: int
    kind: Kind
    ref: str
    given: str


def region_of(shop: ShopView) -> str:
    """The country (ISO 3166) in which the shop dials: that of its zone."""
    return str(get_global("zone_territories").get(shop.zone.key, "ZZ"))


def phone_ref(text: str, region: str) -> str | None:
    """E.164, or None for what is no number. One that is written out with its country code is taken at its word when it has a
    possible length, since lists of what carriers were given age; one as it is dialled has to be among them."""
    try:
        number = phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    if number.country_code_source == phonenumbers.CountryCodeSource.FROM_DEFAULT_COUNTRY:
        is_one = phonenumbers.is_valid_number(number)
    else:
        reason = phonenumbers.is_possible_number_with_reason(number)
        is_one = reason == phonenumbers.ValidationResult.IS_POSSIBLE
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_one else None


@lru_cache(maxsize=4096)
def email_ref(text: str) -> str | None:
    """The address in lower case with its domain as it stands in the DNS's own form, or None. Nobody is asked."""
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def name_of(shop: ShopView, kind: Kind, text: str, *, field: str = "") -> Name:
    """A name as it is kept. Raises BadPhone, BadEmail, BadRef with the field."""
    field = field or kind.value
    if kind is Kind.PHONE:
        ref = phone_ref(text, region_of(shop))
        if ref is None:
            raise BadPhone(field=field, value=text, region=region_of(shop))
    elif kind is Kind.EMAIL:
        ref = email_ref(text)
        if ref is None:
            raise BadEmail(field=field, value=text)
    else:
        ref = text if kind in (Kind.PERSON, Kind.VISITOR) else text.strip()
        if not ref.strip() or len(ref) > LONGEST:
            raise BadRef(field=field, value=text, most=LONGEST)
    return Name(surrogate(shop.id, kind.value, ref), kind, ref, text[:LONGEST])


def masked_ref(kind: Kind, ref: str) -> str:
    """A name as it leaves the house: enough to tell it from its neighbours, too little to reach or to name anybody."""
    if kind is Kind.EMAIL:
        return f"{ref[:1]}•••@{ref.rpartition('@')[2][:1]}•••"
    if kind is Kind.PHONE:
        return f"{ref[:3]}•••{ref[-2:]}"
    return f"{ref[:1]}•••"


def names_meant(shop: ShopView, text: str) -> tuple[Name, ...]:
    """Every name that an operator may mean by what he typed; the spaces around it are not meant."""
    text = text.strip()
    found: list[Name] = []
    for kind in Kind:
        try:
            found.append(name_of(shop, kind, text))
        except (BadPhone, BadEmail, BadRef):
            continue
    return tuple(found)
