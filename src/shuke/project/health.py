"""Is this installation alive? For load balancers and people: 200 with the state of its parts, 503 when one is down."""

from __future__ import annotations

import os

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse


def parts() -> dict[str, bool]:
    """Part -> whether it can be used: the database answers, the journal can be written."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            is_answering = cursor.fetchone() == (1,)
    except DatabaseError:
        is_answering = False
    return {"database": is_answering, "journal": os.access(settings.JOURNAL, os.W_OK)}


def healthz(request: HttpRequest) -> JsonResponse:
    state = parts()
    return JsonResponse({"ok": all(state.values()), **state}, status=200 if all(state.values()) else 503)
