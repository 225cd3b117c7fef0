"""What this room refuses, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Conflict, Invalid, NotFound


class WrongPoint(Invalid):
    code = "wrong_point"
    words = _("“%(value)s” is no contact point of this channel.")
    remedy = _(
        "Name a phone for text messages and calls, an e-mail address for e-mail, an open id for WeChat."
    )


class NoEvidence(Invalid):
    code = "no_evidence"
    words = _("A consent without its text can not be proven.")
    remedy = _("Give the version of the text that the person agreed to, and where that was.")


class InFuture(Invalid):
    code = "in_future"
    words = _("%(value)s has not come yet.")
    remedy = _("Give the moment at which it was said.")


class NoSuchConfirmation(NotFound):
    code = "no_such_confirmation"
    words = _("This confirmation is not known.")
    remedy = _("Ask for the consent again.")


class ConfirmationOver(Conflict):
    code = "confirmation_over"
    words = _("This confirmation can not be used any more.")
    remedy = _("It was used, its time is over, or consent was withdrawn after it. Ask for the consent again.")
