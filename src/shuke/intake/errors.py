"""Why a request, an event or a row is refused. Each names field, value and remedy; the codes are stable."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import ShukeError


class EmptyBody(ShukeError):
    code = "empty_body"
    words = _("The request has no body.")
    remedy = _("Send one JSON object: an event, or {“batch”: [events]}.")


class NotJson(ShukeError):
    code = "not_json"
    words = _("The body is not a JSON object: %(value)s.")
    remedy = _("Send one JSON object in UTF-8: an event, or {“batch”: [events]}.")


class WrongShape(ShukeError):
    code = "wrong_shape"
    words = _("%(field)s has another form than the Segment spec says: %(value)s.")
    remedy = _("Send {“batch”: [events]} to /v1/batch, one event to the other addresses.")


class BatchTooLarge(ShukeError):
    code = "batch_too_large"
    words = _("The body has more than %(limit)s bytes (%(value)s).")
    remedy = _("Send smaller batches.")


class EventTooLarge(ShukeError):
    code = "event_too_large"
    words = _("%(field)s has %(value)s bytes; an event may have %(limit)s.")
    remedy = _("Send fewer or shorter properties; nothing of this request was taken.")


class BadCompression(ShukeError):
    code = "bad_compression"
    words = _("The body can not be decompressed as “%(value)s”.")
    remedy = _("Send it with gzip and Content-Encoding: gzip, or uncompressed without that header.")


class WrongWriteKey(ShukeError):
    code = "wrong_write_key"
    status = 401
    words = _("There is no such write key, or it was revoked.")
    remedy = _("Send a write key of the shop as the user of HTTP basic auth, or as “writeKey” in the body.")


class NoSuchAddress(ShukeError):
    code = "no_such_address"
    status = 404
    words = _("Nothing is collected at %(value)s.")
    remedy = _("Use /v1/track, page, screen, identify, group, alias or batch.")


class WrongMethod(ShukeError):
    code = "wrong_method"
    status = 405
    words = _("%(value)s is not answered here.")
    remedy = _("Use POST.")


class JournalFull(ShukeError):
    code = "journal_full"
    status = 503
    words = _(
        "More events wait than the journal may hold (%(limit)s bytes). Nothing of this request was taken."
    )
    remedy = _("Send the same request again later.")


class NotTakenNow(ShukeError):
    """The disk or the database did not answer; nothing is acknowledged."""

    code = "not_taken_now"
    status = 503
    words = _("The request could not be stored now. Nothing of it was acknowledged.")
    remedy = _("Send the same request again later.")
