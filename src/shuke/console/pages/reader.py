"""What a reader sets for themselves: language and theme (without sign-in too), name, and the way to the second factor."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy, override
from django.views.decorators.http import require_http_methods, require_POST

from shuke.console.context import THEME_COOKIE, THEMES
from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.models import User

YEAR_SECONDS = 365 * 24 * 3600


def _back(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next", "/")
    hosts = {request.get_host()}
    is_safe = url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=request.is_secure())
    return redirect(target if is_safe else "/")


def _remember(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=YEAR_SECONDS,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
    )


def _keep(request: HttpRequest, **chosen: str) -> None:
    """In the account of whoever is signed in."""
    user = request.user
    if isinstance(user, User) and any(getattr(user, field) != value for field, value in chosen.items()):
        actor = Actor("member", user.pk, user.name or user.email)
        actions.change_preferences(user=user, **chosen, actor=actor, at=clock.now())


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Read in another language from now on; kept in the account of whoever is signed in."""
    chosen = request.POST.get("language", "")
    if chosen not in dict(settings.LANGUAGES):
        return HttpResponseBadRequest()
    _keep(request, language=chosen)
    response = _back(request)
    _remember(response, settings.LANGUAGE_COOKIE_NAME, chosen)
    return response


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the machine is set."""
    chosen = request.POST.get("theme", "")
    if chosen not in THEMES:
        return HttpResponseBadRequest()
    _keep(request, theme=chosen)
    response = _back(request)
    _remember(response, THEME_COOKIE, chosen)
    return response


class ProfileForm(forms.Form):
    """The reader's own language and theme."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=[("zh-hans", gettext_lazy("Chinese")), ("en", "English")]
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Light or dark"),
        choices=[
            ("auto", gettext_lazy("As the machine")),
            ("light", gettext_lazy("Light")),
            ("dark", gettext_lazy("Dark")),
        ],
    )


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """The reader's profile; password and second factor are one click away."""
    user = request.user
    assert isinstance(user, User)
    initial = {"language": user.language, "theme": user.theme}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        _keep(request, **chosen)
        with override(chosen["language"]):
            messages.success(request, gettext("Your profile is saved."))
        response = redirect("console:profile")
        _remember(response, settings.LANGUAGE_COOKIE_NAME, chosen["language"])
        _remember(response, THEME_COOKIE, chosen["theme"])
        return response
    return render(
        request, "console/profile.html", {"form": form, "has_second_factor": _has_second_factor(user)}
    )


def _has_second_factor(user: object) -> bool:
    from allauth.mfa.utils import is_mfa_enabled

    return bool(is_mfa_enabled(user))
