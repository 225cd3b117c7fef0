"""Sign-in: invited people only, lockout counted once (django-axes) for passwords and second-factor codes alike.

allauth asks its own limiter as well, per process and in memory, so it forgets at a restart; here it is left out and
every failure goes to the database, whichever page it came from.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from shuke.shops.models import User


class InvitedOnlyAdapter(DefaultAccountAdapter):
    """No open sign-up: accounts come from invitations and commands."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


def set_password_path(user: User) -> str:
    """The address under which a person sets a password once: it lapses when used, and after three days."""
    return reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)},
    )


def client_username(request: HttpRequest | None, credentials: dict[str, Any] | None) -> str:
    """Whose failures are counted together: the address that was typed, in lower case, whatever form it came through."""
    given = credentials or {}
    typed = given.get("email") or given.get("username") or given.get("login")
    if not typed and request is not None:
        typed = request.POST.get("login")
    return str(typed or "").strip().lower()


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """The answer to whoever failed too often: 429, and when to come back."""
    from django.conf import settings

    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    return render(request, "account/locked_out.html", {"minutes": minutes}, status=429)


class _CountedCode:
    """Second-factor codes count as failed sign-ins of the same person, and are refused while locked."""

    user: User

    def clean_code(self) -> str:
        from allauth.core import context

        request = context.request
        credentials = {"email": self.user.email}
        if not AxesProxyHandler.is_allowed(request, credentials):
            request.axes_locked_out = True
            raise ValidationError(_("Too many attempts. Try again later."))
        try:
            return super().clean_code()  # type: ignore[misc]
        except ValidationError:
            user_login_failed.send(sender=__name__, request=request, credentials=credentials)
            raise


class CodeForm(_CountedCode, AuthenticateForm):
    """The code after the password."""


class CodeAgainForm(_CountedCode, ReauthenticateForm):
    """The code before a change of one's own security."""
