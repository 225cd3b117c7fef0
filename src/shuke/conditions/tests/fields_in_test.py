"""Fields of a subject that exists only in tests: one of each kind, so that every operator has something to ask."""

from __future__ import annotations

from shuke.conditions.reads import Field, Kind, register_field

SUBJECT = "conditions-test"

TEXT = Field("t_text", Kind.TEXT, "source")
NAME = Field("t_name", Kind.TEXT, "medium", folds_case=True)
HOST = Field("t_host", Kind.HOST, "host")
CHOICE = Field("t_choice", Kind.CHOICE, "channel", choices={"paid": "paid search", "mail": "mail"})
NUMBER = Field("t_number", Kind.NUMBER, "pages")
SHARE = Field("t_share", Kind.NUMBER, "share")
MONEY = Field("t_money", Kind.MONEY, "amount")
FLAG = Field("t_flag", Kind.FLAG, "is paid")
DAY = Field("t_day", Kind.DAY, "day")
MOMENT = Field("t_moment", Kind.MOMENT, "moment")

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
