"""Every address: pages at the root, sign-in under /accounts/, the API under /api/v1/, health for machines.

Collection (/v1/...) stands before Django, in shuke.project.wsgi.
"""

from __future__ import annotations

from django.urls import include, path

from shuke.project.api import api
from shuke.project.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("accounts/", include("shuke.shops.sign_in_urls")),
    path("language/", include("django.conf.urls.i18n")),
    path("api/v1/", api.urls),
    path("", include("shuke.console.urls")),
    path("", include("shuke.intake.urls")),
]
