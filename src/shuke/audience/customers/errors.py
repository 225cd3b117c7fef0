"""What this room refuses, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Conflict, Invalid, NotFound


class NoSuchAttribute(NotFound):
    code = "no_such_attribute"
    words = _("There is no attribute called “%(value)s” here.")
    remedy = _("Choose one of the shop's attributes, or define it first.")


class BadValue(Invalid):
    code = "bad_attribute_value"
    words = _("“%(value)s” does not suit the attribute “%(field)s”.")
    remedy = _("Give %(expected)s.")


class BadTag(Invalid):
    code = "bad_tag"
    words = _("A tag can not be called “%(value)s”.")
    remedy = _("Give 1 to 60 characters on one line.")


class BadEnd(Invalid):
    code = "bad_tag_end"
    words = _("A tag can not end at “%(value)s”.")
    remedy = _("Give a moment that is still to come, or none.")


class TooManyChosen(Invalid):
    code = "too_many_chosen"
    words = _("%(value)s customers are too many at once.")
    remedy = _("Choose at most %(most)s.")


class AttributeTaken(Conflict):
    code = "attribute_taken"
    words = _("There is an attribute called “%(value)s” already.")
    remedy = _("Choose another name.")


class BadDefinition(Invalid):
    code = "bad_attribute"
    words = _("The %(field)s of an attribute can not be “%(value)s”.")
    remedy = _(
        "A name of small letters, digits and _, a title, one of the types, and for a choice 1 to 50 choices."
    )
