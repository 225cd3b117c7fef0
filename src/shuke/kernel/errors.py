"""One base error: a stable code, a status, and words that name field, value and remedy in the reader's language."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class ShukeError(Exception):
    """Bad input or a refused deed. Subclass per case; `words` and `remedy` are lazy translations with %(name)s.

    `field` names what was wrong, `value` what was given (shortened); neither may carry a secret.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    words: str | Promise = _("Something is wrong.")
    remedy: str | Promise = ""

    def __init__(self, *, field: str = "", value: Any = "", **params: Any) -> None:
        self.field = field
        self.value = shortened(value)
        self.params = {**params, "field": field, "value": self.value}
        super().__init__(self.code, field, self.value)

    def message(self) -> str:
        """What happened, to which thing."""
        return str(self.words) % self.params

    def advice(self) -> str:
        """What to do now; may be empty."""
        return str(self.remedy) % self.params if self.remedy else ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.message(), self.advice()) if part)

    def as_dict(self) -> dict[str, Any]:
        """The API's form: {code, message, field, value, remedy}."""
        return {
            "code": self.code,
            "message": self.message(),
            "field": self.field,
            "value": self.value,
            "remedy": self.advice(),
        }


class NotFound(ShukeError):
    code = "not_found"
    status = 404
    words = _("There is no such %(field)s.")


class NotAllowed(ShukeError):
    code = "not_allowed"
    status = 403
    words = _("Your role may not do this (%(field)s).")
    remedy = _("Ask an owner or manager of the shop.")


class Conflict(ShukeError):
    code = "conflict"
    status = 409
    words = _("%(field)s has changed in the meantime.")
    remedy = _("Load it again and repeat what you wanted to do.")


class Invalid(ShukeError):
    code = "invalid"
    status = 422
    words = _("%(field)s can not be “%(value)s”.")


def shortened(value: Any, limit: int = 80) -> str:
    """A value as shown in a message: one line, at most `limit` characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
