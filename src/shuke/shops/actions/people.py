"""Accounts: made by command or by invitation; a person's own language, theme and password."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Conflict, Invalid, NotAllowed
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.shops.models import User
from shuke.shops.words import clean_text

THEMES = ("light", "dark", "auto")


class EmailTaken(Conflict):
    code = "email_taken"
    words = _("There is an account with this e-mail address already.")
    remedy = _("Add that person as a member instead.")


class WeakPassword(Invalid):
    code = "weak_password"
    words = _("This password is too weak. %(why)s")


def create_user(
    *,
    email: str,
    name: str,
    password: str | None,
    actor: Actor,
    at: datetime,
    language: str = "zh-hans",
    theme: str = "auto",
) -> User:
    """Make an account; only the system may (members come by invitation). `password=None`: none can sign in yet."""
    if not actor.is_system:
        raise NotAllowed(field="create_user")
    return make_user(
        email=email, name=name, password=password, actor=actor, at=at, language=language, theme=theme
    )


def make_user(
    *,
    email: str,
    name: str,
    password: str | None,
    actor: Actor,
    at: datetime,
    language: str = "zh-hans",
    theme: str = "auto",
) -> User:
    """The account itself, for actions of this room that have checked who may. Raises Invalid, EmailTaken."""
    email = checked_email(email)
    _check_choice("language", language, tuple(code for code, _title in settings.LANGUAGES))
    _check_choice("theme", theme, THEMES)
    user = User(
        email=email, name=clean_text("name", name, 120), language=language, theme=theme, created_at=at
    )
    if password is None:
        user.set_unusable_password()
    else:
        _set_checked(user, password)
    try:
        with transaction.atomic():
            user.save()
            _audit(user, "create_user", actor, at, before=None, after={"email": email, "name": user.name})
    except IntegrityError:
        raise EmailTaken(field="email", value=email) from None
    return user


def checked_email(email: str) -> str:
    """In the form in which it is kept: lower case. Raises Invalid."""
    cleaned = clean_text("email", email, 254).lower()
    try:
        validate_email(cleaned)
    except ValidationError:
        raise Invalid(field="email", value=email) from None
    return cleaned


def set_password(*, user: User, password: str, actor: Actor, at: datetime) -> None:
    """For the person themself, and for the system (a command). Other sessions of the account end."""
    _require_self(user, actor)
    _set_checked(user, password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        _audit(user, "set_password", actor, at, before={"password": "before"}, after={"password": "after"})


def change_preferences(
    *,
    user: User,
    actor: Actor,
    at: datetime,
    name: str | None = None,
    language: str | None = None,
    theme: str | None = None,
) -> User:
    """A person's own name, language ("zh-hans", "en") and theme ("light", "dark", "auto"); None leaves it."""
    _require_self(user, actor)
    after = {
        "name": clean_text("name", name, 120) if name is not None else user.name,
        "language": language if language is not None else user.language,
        "theme": theme if theme is not None else user.theme,
    }
    _check_choice("language", after["language"], tuple(code for code, _title in settings.LANGUAGES))
    _check_choice("theme", after["theme"], THEMES)
    before = {field: getattr(user, field) for field in after}
    if after == before:
        return user
    for field, value in after.items():
        setattr(user, field, value)
    with transaction.atomic():
        user.save(update_fields=list(after))
        _audit(user, "change_preferences", actor, at, before=before, after=after)
    return user


def _require_self(user: User, actor: Actor) -> None:
    if not actor.is_system and not (actor.kind == "member" and actor.id == user.pk):
        raise NotAllowed(field="account")


def _set_checked(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(field="password", why=" ".join(error.messages)) from None
    user.set_password(password)


def _check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise Invalid(field=field, value=value)


def _audit(
    user: User, deed: str, actor: Actor, at: datetime, *, before: dict | None, after: dict | None
) -> None:
    """An account belongs to the installation, so its entries carry no shop."""
    record_audit(
        shop_id=None,
        actor=actor,
        deed=deed,
        subject_kind="user",
        subject_id=user.pk,
        before=before,
        after=after,
        at=at,
    )
