"""Fields of a subject that exists only in tests: one of each kind, so that every operator has something to ask."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from shuke.conditions.reads import Field, Kind, register_field

SUBJECT = "conditions-test"

TEXT = Field("t_text", Kind.TEXT, _("source"))
NAME = Field("t_name", Kind.TEXT, _("medium"), folds_case=True)
HOST = Field("t_host", Kind.HOST, _("host"))
CHOICE = Field("t_choice", Kind.CHOICE, _("channel"), choices={"paid": _("paid search"), "mail": _("mail")})
NUMBER = Field("t_number", Kind.NUMBER, _("pages"))
SHARE = Field("t_share", Kind.NUMBER, _("share"))
MONEY = Field("t_money", Kind.MONEY, _("amount"))
FLAG = Field("t_flag", Kind.FLAG, _("is paid"))
DAY = Field("t_day", Kind.DAY, _("day"))
MOMENT = Field("t_moment", Kind.MOMENT, _("moment"))

FIELDS = (TEXT, NAME, HOST, CHOICE, NUMBER, SHARE, MONEY, FLAG, DAY, MOMENT)
COLUMNS = {
    "t_text": "string",
    "t_name": "string",
    "t_host": "string",
    "t_choice": "string",
    "t_number": "int64",
    "t_share": "float64",
    "t_money": "int64",
    "t_flag": "boolean",
    "t_day": "date",
    "t_moment": "timestamp(6)",
}

for _field in FIELDS:
    register_field(_field, SUBJECT)
