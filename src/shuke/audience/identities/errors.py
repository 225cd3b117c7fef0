"""What this room refuses, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Conflict, Invalid, NotFound


class BadPhone(Invalid):
    code = "bad_phone"
    words = _("%(field)s: “%(value)s” is no phone number.")
    remedy = _("Write it with its country code, like +86 138 0013 8000, or as it is dialled in %(region)s.")


class BadEmail(Invalid):
    code = "bad_email"
    words = _("%(field)s: “%(value)s” is no e-mail address.")
    remedy = _("Write it like name@example.com.")


class BadRef(Invalid):
    code = "bad_identity"
    words = _("%(field)s can not be “%(value)s”.")
    remedy = _("Give the name as its source writes it: not empty, and at most %(most)s characters.")


class NoSuchCustomer(NotFound):
    code = "no_such_customer"
    words = _("Nobody is known here as “%(value)s”.")
    remedy = _("Look for a buyer's id, a phone or an e-mail, written out in full.")


class SameCustomer(Invalid):
    code = "same_customer"
    words = _("Both are one customer already.")
    remedy = _("Choose two different customers.")


class SharedIdentity(Invalid):
    code = "shared_identity"
    words = _("One of them is used by several customers, and the other is nobody who is known.")
    remedy = _("Merge it with one of the customers who use it.")


class NoSuchLink(NotFound):
    code = "no_such_link"
    words = _("There is no such link (%(value)s).")


class LinkUndone(Conflict):
    code = "link_undone"
    words = _("This link was undone already.")
    remedy = _("Load the customer again.")


class BadSide(Invalid):
    code = "bad_side"
    words = _("%(field)s: “%(value)s” is on neither side of this link.")
    remedy = _("Name one of the two identities that the link joins, or nothing to leave it on both.")


class NoSuchSuggestion(NotFound):
    code = "no_such_suggestion"
    words = _("There is no such suggestion (%(value)s).")


class SuggestionDecided(Conflict):
    code = "suggestion_decided"
    words = _("This suggestion was decided already.")
    remedy = _("Load the list again.")
