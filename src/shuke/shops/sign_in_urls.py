"""The addresses of sign-in: those of the package that the console uses, and none of those that would send mail.

A password is set by an invitation's link (sign_in.set_password_path); who lost it asks the shop's owner, so the page
where the package would mail a link says that instead, to everybody alike.
"""

from __future__ import annotations

from allauth.account import views
from django.urls import include, path, re_path
from django.views.generic import TemplateView

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("signup/", views.signup, name="account_signup"),  # says that it is closed
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),  # change leads here without one
    path(
        "password/reset/",
        TemplateView.as_view(template_name="account/signup_closed.html"),
        name="account_reset_password",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("2fa/", include("allauth.mfa.urls")),
]
