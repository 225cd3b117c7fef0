"""What can be wrong with a condition: each names the field, the value given, and what to write instead."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid


class BadCondition(Invalid):
    code = "bad_condition"
    words = _("The condition can not be read at %(path)s: %(problem)s")
    remedy = _("Mend this place, or build the condition again.")


class UnknownField(Invalid):
    code = "unknown_condition_field"
    words = _("There is no field “%(value)s” to set a condition on.")
    remedy = _("Known fields: %(known)s.")


class UnknownSeries(Invalid):
    code = "unknown_condition_series"
    words = _("There is nothing called “%(value)s” that could be counted.")
    remedy = _("Known: %(known)s.")


class UnknownOperator(Invalid):
    code = "unknown_condition_operator"
    words = _("The field “%(field)s” can not be asked “%(value)s”.")
    remedy = _("It can be asked: %(known)s.")


class BadValue(Invalid):
    code = "bad_condition_value"
    words = _("“%(value)s” does not suit the field “%(field)s”.")
    remedy = _("Give %(expected)s.")
