"""What is refused here, in words."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid, NotFound


class NoSuchAlert(NotFound):
    words = _("There is no such alert in this shop.")


class NoSuchRule(NotFound):
    words = _("There is no such alert rule in this shop.")


class BadLimit(Invalid):
    code = "bad_limit"
    words = _("A limit (%(field)s) can not be “%(value)s”.")
    remedy = _("Give a number in the metric's unit: a share as 0.35, an amount in the shop's currency.")


class BadDirection(Invalid):
    code = "bad_direction"
    words = _("The direction can not be “%(value)s”.")
    remedy = _("A limit is crossed below or above; an unusual move is a fall or a rise.")


class BadReader(Invalid):
    code = "bad_reader"
    words = _("Number %(value)s is no member of this shop.")
    remedy = _("Choose among the shop's members.")


class BadFirstDay(Invalid):
    code = "bad_first_day"
    words = _("Nothing can be judged again from “%(value)s” on.")
    remedy = _("Give a day of which there are facts: from %(first)s to %(last)s.")


class NoFacts(Invalid):
    code = "no_facts"
    words = _("Nothing can be judged again from “%(value)s” on: this shop has no facts yet.")


class TooManyRules(Invalid):
    code = "too_many_rules"
    words = _("A shop can keep %(value)s alert rules.")
    remedy = _("Remove one that nobody needs any more.")


class BadSnooze(Invalid):
    code = "bad_snooze"
    words = _("An alert can not be put off until “%(value)s”.")
    remedy = _("Give a moment that lies ahead, at most a year.")
