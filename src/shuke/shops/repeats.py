"""A program that repeats a POST under the header `Idempotency-Key` gets the first answer again: 48 hours, shop and actor apart.

Answers that hold a secret (a new key, an invitation) are not kept; a repeat is refused then and nothing is done twice.
An erasure forgets what is kept of its shop, since an answer may name the person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from shuke.kernel import clock
from shuke.kernel.errors import Conflict, Invalid
from shuke.records import idempotency
from shuke.records.actor import Actor
from shuke.records.personal import PersonalStore
from shuke.shops.roles import Deed

HEADER = "Idempotency-Key"
LONGEST = 200
_SECRET = frozenset({Deed.MANAGE_KEYS, Deed.MANAGE_MEMBERS})


class AnswerNotKept(Conflict):
    code = "answer_not_kept"
    words = _("The request with the idempotency key “%(value)s” came before; its answer is not kept.")
    remedy = _("Look whether it was done, and use a new key to do it again.")


def key_of(request: HttpRequest) -> str:
    """The key of a repeatable request, or none. A form with files has none: the same file again is the same file.

    Raises Invalid for a key that is too long or holds anything but visible ASCII.
    """
    key = request.headers.get(HEADER, "")
    if not key or request.method != "POST" or (request.content_type or "").startswith("multipart/"):
        return ""
    if len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise Invalid(field=HEADER, value=ascii(key[:40]))
    return key


def answered_once(
    request: HttpRequest,
    *,
    key: str,
    shop_id: int,
    actor: Actor,
    deed: Deed,
    act: Callable[[], HttpResponseBase],
) -> HttpResponseBase:
    """The answer of `act`, or the first one under this key. Raises KeyUsedOtherwise and AnswerNotKept (409)."""
    body = hashlib.sha256(request.body).hexdigest()
    given: list[HttpResponseBase] = []

    def kept() -> dict[str, Any]:
        response = act()
        given.append(response)
        text = response.content.decode() if isinstance(response, HttpResponse) else ""
        return {
            "status": response.status_code,
            "body": text,
            "type": response.headers.get("Content-Type", ""),
        }

    once = idempotency.once(
        shop_id=shop_id,
        key=key,
        deed=f"{actor.kind}:{actor.id}",
        fingerprint=idempotency.fingerprint_of(f"{request.get_full_path()}\n{body}".encode()),
        at=clock.now(),
        act=kept,
        keeps=deed not in _SECRET,
    )
    if given:
        return given[0]
    if once.answer is None:
        raise AnswerNotKept(field=HEADER, value=key)
    return HttpResponse(
        once.answer["body"], status=once.answer["status"], content_type=once.answer["type"] or None
    )


STORE = PersonalStore(
    "shops.answers",
    _("Answers kept for repeated requests"),
    lambda shop_id, person: {},
    lambda shop_id, person: idempotency.forget_answers(shop_id),
    lambda erasure: idempotency.forget_answers(erasure.shop),
)
