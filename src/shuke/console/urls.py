"""Addresses of the console. What a page shows stands in its address, so a link is a view."""

from __future__ import annotations

from django.urls import path

from shuke.console.pages import home, reader, today

app_name = "console"

urlpatterns = [
    path("", home.home, name="home"),
    path("shops/", home.shops, name="shops"),
    path("reader/language/", reader.language, name="language"),
    path("reader/theme/", reader.theme, name="theme"),
    path("me/", reader.profile, name="profile"),
    path("s/<slug:shop>/", today.today, name="today"),
]
