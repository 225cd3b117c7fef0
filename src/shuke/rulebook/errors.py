"""What can go wrong with rules: a file that may not be read, a rule that is not there, a value that may not be set."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.kernel.errors import Invalid, NotFound, ShukeError


class BadRuleFile(ShukeError):
    """A rule file breaks the form. Names file, rule and field; raised when the rulebook is loaded."""

    code = "bad_rule_file"
    status = 500
    words = _("%(file)s, rule %(rule)s, field %(field)s: %(problem)s")
    remedy = _("Mend the rule file.")


class NoSuchRule(NotFound):
    code = "no_such_rule"
    words = _("There is no rule “%(value)s”.")
    remedy = _("Look it up in the rulebook.")


class NoRuleYet(ShukeError):
    """On that day the rule has no value: before its first date, or after its last one ended."""

    code = "no_rule_yet"
    status = 422
    words = _("The rule “%(field)s” has no value on %(value)s.")
    remedy = _("Its first value holds from %(first)s.")


class RuleIsFixed(Invalid):
    code = "rule_is_fixed"
    words = _("The rule “%(field)s” can not be changed by a shop.")
    remedy = _("It is set by the platform or by law.")


class RuleChangeTooEarly(Invalid):
    code = "rule_change_too_early"
    words = _("A change of “%(field)s” can not begin on %(value)s.")
    remedy = _("Choose %(first)s or later: what has been counted stays as it was counted.")


class BadRuleValue(Invalid):
    code = "bad_rule_value"
    words = _("“%(value)s” does not suit the rule “%(field)s”.")
    remedy = _("Give %(expected)s.")
