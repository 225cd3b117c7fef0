"""What can not become a fact: its text as it came, and the reason in a code, a field and parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from shuke.intake import salvage
from shuke.intake.reasons import Refusal
from shuke.intake.segment_spec import TYPES, Event, Kind, RawBatch, decoder

UNREADABLE = "unreadable"
_EVENT, _RAW_BATCH = decoder(Event), decoder(RawBatch)
_MESSAGE_ID = re.compile(rb'"messageId"\s*:\s*"([^"\\]{1,200})"')
_TYPES_NAMED = re.compile(r"Expected `(.+)`, got `(.+)`")
_JSON_TYPES = {"str": "string", "int": "number", "float": "number", "decimal": "number", "bool": "boolean"}
_NOT_A_NUMBER = re.compile(rb"[\[:,\s]-?(?:NaN|Infinity)\b")


@dataclass(frozen=True, slots=True)
class Sent:
    """One acknowledged request, with a name of its place in the journal that never changes."""

    shop_id: int
    received_us: int
    kind: int
    body: bytes
    place: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """An event that became no fact. `message_ref` is its messageId, or its place in the journal."""

    shop_id: int
    message_ref: str
    reason: str
    column: str
    params: dict[str, int | str]
    payload: str
    received_us: int


def decoded_event(text: bytes) -> Event:
    try:
        return _EVENT.decode(text)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        if _NOT_A_NUMBER.search(text):
            raise Refusal("not_a_number") from None
        raise Refusal("not_json", value=error) from None


def texts_of(record: Sent) -> tuple[list[bytes], str | None]:
    """The texts of a record's events, and the batch's sentAt."""
    if record.kind != Kind.BATCH:
        return [record.body], None
    try:
        batch = _RAW_BATCH.decode(record.body)
        sent = bytes(batch.sentAt)
        try:
            sent_at = msgspec.json.decode(sent, type=str) if sent else None
        except ValueError:
            sent_at = None
        return [bytes(raw) for raw in batch.batch], sent_at
    except (ValueError, RecursionError):
        pieces = salvage.split_batch(record.body)
        if pieces is None:  # the collector took it, so this is not reached; one entry keeps it visible
            return [record.body], None
        return list(pieces.elements), pieces.sent_at


def text_of(record: Sent, index: int) -> tuple[bytes, str | None]:
    texts, sent_at = texts_of(record)
    return texts[index], sent_at


def set_aside(
    record: Sent,
    index: int,
    error: Exception,
    text: bytes,
    sent_at: str | None,
    message_ref: str | None = None,
) -> SetAside:
    refusal = error if isinstance(error, Refusal) else _refusal_of(error, text)
    if message_ref is None:
        # The same event sent again is set aside once; its id can be read even where the rest can not.
        found = _MESSAGE_ID.search(text)
        message_ref = found.group(1).decode("utf-8", "replace") if found else None
    return SetAside(
        shop_id=record.shop_id,
        message_ref=message_ref or f"journal:{record.place}/{index}",
        reason=refusal.code,
        column=refusal.column,
        params=refusal.params,
        payload=_payload(text, sent_at, record.kind),
        received_us=record.received_us,
    )


def _refusal_of(error: Exception, text: bytes) -> Refusal:
    """A reason for what msgspec could not decode; it ends its message with the path: "... - at `$.event`"."""
    if isinstance(error, RecursionError):
        return Refusal("too_deep")
    if isinstance(error, UnicodeDecodeError):
        return Refusal("not_utf8", "event")
    if isinstance(error, msgspec.ValidationError):
        words, _, path = str(error).partition(" - at `$")
        if not path:
            return Refusal("not_an_object", value=text[:40].decode("utf-8", "replace"))
        column = path.rstrip("`").lstrip(".")
        types = _TYPES_NAMED.match(words)
        if types is None:
            return Refusal("bad_value", column, value=words.replace("`", ""))
        return Refusal("wrong_type", column, got=_json_types(types[2]), expected=_json_types(types[1]))
    return Refusal("not_json", value=error)


def _json_types(names: str) -> str:
    """msgspec's names of types as JSON calls them: "int | str | null" is "number or string"."""
    found = [_JSON_TYPES.get(name, name) for name in names.split(" | ") if name != "null"] or ["null"]
    return " / ".join(dict.fromkeys(found))


def _payload(text: bytes, sent_at: str | None, kind: int) -> str:
    """The event as it can be sent again on its own: with the batch's sentAt and its address's type."""
    shown = text.decode("utf-8", "replace").replace("\x00", "�").strip()
    added: dict[str, str] = {}
    if kind != Kind.BATCH and '"type"' not in shown:
        added["type"] = TYPES[Kind(kind)]
    if sent_at and '"sentAt"' not in shown:
        added["sentAt"] = sent_at
    if not added or not shown.startswith("{"):
        return shown
    rest = shown[1:].lstrip()
    return msgspec.json.encode(added).decode()[:-1] + ("" if rest == "}" else ",") + rest


def unreadable(record: Sent) -> SetAside:
    """A whole request that our own code failed on; kept as it came."""
    return SetAside(
        shop_id=record.shop_id,
        message_ref=f"journal:{record.place}",
        reason=UNREADABLE,
        column="",
        params={"field": "", "kind": int(record.kind)},  # of the whole request, to send it again as it came
        payload=record.body.decode("utf-8", "replace").replace("\x00", "�"),
        received_us=record.received_us,
    )
