"""Doing what a form asks: a refusal goes back into the form, beside what was typed, in the words of the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django import forms

from shuke.kernel.errors import ShukeError

T = TypeVar("T")


def attempt(form: forms.Form, deed: Callable[[], T]) -> T | None:
    """The deed's answer, or None when the form is wrong or the deed was refused; then the form says why."""
    if not form.is_valid():
        return None
    try:
        return deed()
    except ShukeError as error:
        field = error.field if error.field in form.fields else None
        form.add_error(field, str(error))
        return None
