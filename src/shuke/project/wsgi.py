"""The WSGI door. Collection (`/v1/...`) is answered before Django's middleware: it carries no session and must be fast."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shuke.project.settings")
_pages = get_wsgi_application()

from shuke.intake.wsgi import with_collection  # noqa: E402  (Django must be set up first)

application = with_collection(_pages)
