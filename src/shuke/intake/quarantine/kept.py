"""Rules that a shop keeps: what a later load would set aside for the same reason is mended at once, and on record.

Those for events of the API are applied by `kept_events.py`; here they are kept and removed like the others. At a load only rows that would be refused are touched, for the reason and column that the rules were made for; a good row is never
changed by them. They are applied to each batch before its rows take their places, so a mended row has the identity that
it has in a clean file, and going on after a stop counts the same places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_scopes import scope

from shuke.intake.files.columnar import storable
from shuke.intake.files.layout import Batch
from shuke.intake.files.rows import BadRow, Mapper, Places
from shuke.intake.models.imports import Import
from shuke.intake.models.quarantine import IMPORT, REPLAYED, WAITING, KeptMend, Quarantined, Settlement
from shuke.intake.quarantine.groups import Group
from shuke.intake.quarantine.payloads import RowText, differences
from shuke.intake.quarantine.rules import Rule, apply_rules, is_dropping, parse_rules, words_of_rules
from shuke.intake.quarantine.said import BY_KEPT_RULES, masked_rules
from shuke.intake.quarantine.settling import lock_of
from shuke.intake.set_aside import UNREADABLE
from shuke.kernel.errors import Conflict, Invalid, NotFound
from shuke.records.actor import Actor
from shuke.records.audit import record_audit
from shuke.records.locks import exclusive
from shuke.shops.access import require
from shuke.shops.reads import ShopView
from shuke.shops.roles import Deed

MOST = 10_000  # rows of one batch; where more need mending, the mapping is to be changed
_AT_ONCE = 500
ROUNDS = 8  # a row may be wrong in several columns, each with rules of its own


class NotKept(Invalid):
    code = "not_kept"
    words = _("These rules can not be kept: %(value)s.")
    remedy = _("Only rules that change something are kept; not dropping, not for whole requests.")


def is_keepable(group: Group, rules: Sequence[Rule]) -> bool:
    """Whether rules can be kept for a group: they change something, and are for rows of a mapping or for events."""
    is_of_mapping = (group.origin == IMPORT) == bool(group.mapping)
    return bool(rules) and not is_dropping(rules) and is_of_mapping and group.reason != UNREADABLE


def keep(
    *, shop: ShopView, group: Group, rules: Sequence[Rule], through: int, actor: Actor, at: datetime
) -> KeptMend:
    """Keep rules for later loads of a group's mapping, or for events set aside after the entry `through`, instead of those

    kept before. Raises NotKept. In the caller's transaction and scope, who has asked whether the actor may, and who holds
    the shop's lock of mends.
    """
    if not is_keepable(group, rules):
        named = ", ".join(one.name for one in rules) or "-"
        raise NotKept(field="rules", value=f"{group.reason}: {named}")
    key = {"mapping": group.mapping, "reason": group.reason, "column": group.column}
    before = KeptMend.objects.filter(shop_id=shop.id, removed_at=None, **key).first()
    if before is not None:
        KeptMend.objects.filter(id=before.pk).update(removed_at=at, removed_by=actor.name[:200])
    try:
        with transaction.atomic():
            row = KeptMend.objects.create(
                shop_id=shop.id,
                **key,
                rules=[one.as_json() for one in rules],
                looked_through=through,
                created_at=at,
                created_by=actor.name[:200],
            )
    except IntegrityError:
        raise Conflict(field="kept_mend", value=group.reason) from None
    _audit("keep_mend", row, actor, at, before=before)
    return row


def remove_kept(*, shop: ShopView, kept_id: int, actor: Actor, at: datetime) -> None:
    """Such rows and events wait again from now on; what was mended stays. Raises NotFound, NotAllowed."""
    require(actor=actor, shop_id=shop.id, deed=Deed.MEND_QUARANTINE)
    with scope(shop=shop.id), exclusive(lock_of(shop.id)), transaction.atomic():
        row = KeptMend.objects.filter(id=kept_id, removed_at=None).first()
        if row is None:
            raise NotFound(field="kept_mend", value=kept_id)
        KeptMend.objects.filter(id=row.pk).update(removed_at=at, removed_by=actor.name[:200])
        _audit("remove_kept_mend", row, actor, at, is_removed=True)


def _audit(
    deed: str,
    row: KeptMend,
    actor: Actor,
    at: datetime,
    *,
    before: KeptMend | None = None,
    is_removed: bool = False,
) -> None:
    told = {
        "mapping": row.mapping,
        "reason": row.reason,
        "column": row.column,
        "rules": masked_rules(row.rules),
    }
    record_audit(
        shop_id=row.shop_id,
        actor=actor,
        deed=deed,
        subject_kind="kept_mend",
        subject_id=row.pk,
        before=told if is_removed else {"rules": masked_rules(before.rules)} if before is not None else None,
        after=None if is_removed else told,
        at=at,
    )


# --- at a load ---


@dataclass(frozen=True)
class MendedAtLoad:
    """A row that kept rules mended: as it was refused, and its cells after each set of rules that changed it."""

    bad: BadRow
    steps: tuple[tuple[int, tuple[str, ...]], ...]  # (which kept rules, the cells after them)

    @property
    def cells(self) -> tuple[str, ...]:
        return self.steps[-1][1]

    @property
    def kept_id(self) -> int:
        return self.steps[-1][0]


@dataclass
class KeptRules:
    """The rules that stood when an import was started, by reason and column."""

    formats: Sequence[str] = ()
    by_group: dict[tuple[str, str], tuple[int, tuple[Rule, ...]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_group)

    def mend(self, mapper: Mapper, batch: Batch) -> tuple[Batch, list[MendedAtLoad]]:
        """The batch with its refused rows mended where that makes them readable, and which those were."""
        if not self:
            return batch, []
        cells: dict[int, list[str]] = {}
        first: dict[int, BadRow] = {}
        steps: dict[int, list[tuple[int, tuple[str, ...]]]] = {}
        waiting = [i for i in range(len(batch.rows)) if i not in batch.refused]
        for number in range(ROUNDS + 1):
            # Numbered instead of lined, so that each answer finds its row; the places are nobody's.
            rows = [cells.get(i, batch.rows[i]) for i in waiting]
            mapped = mapper.map(Batch(waiting, rows, batch.part), Places())
            waiting = []
            for bad in mapped.bad:
                i = bad.line
                known = self.by_group.get((bad.reason.code, bad.column)) if number < ROUNDS else None
                after = self._mended(mapper, cells.get(i, batch.rows[i]), known[1]) if known else None
                if known is None or after is None:
                    cells.pop(i, None)
                    continue
                first.setdefault(i, bad)
                cells[i] = after
                steps.setdefault(i, []).append((known[0], tuple(after)))
                waiting.append(i)
            if not waiting:
                break
        if not cells or len(cells) > MOST:
            return batch, []
        told = [
            MendedAtLoad(replace(first[i], line=batch.lines[i], place=None), tuple(steps[i]))
            for i in sorted(cells)
        ]
        return batch.with_rows([cells.get(i, row) for i, row in enumerate(batch.rows)]), told

    def words(self, kept_id: int) -> str:
        """Kept rules as a sentence, in the reader's language."""
        return next(words_of_rules(rules) for pk, rules in self.by_group.values() if pk == kept_id)

    def _mended(self, mapper: Mapper, row: list[str], rules: Sequence[Rule]) -> list[str] | None:
        """The row's cells after the rules; None when nothing changes or its width is not that of the header."""
        if len(row) != len(mapper.columns) or len(set(mapper.columns)) != len(mapper.columns):
            return None
        text = RowText("{}", self.formats)
        text.cells = dict(zip(mapper.columns, map(storable, row), strict=True))
        before = dict(text.cells)
        apply_rules(rules, text)
        return None if text.cells == before else list(text.cells.values())


def kept_for(held: Import, formats: Sequence[str]) -> KeptRules:
    """The rules that are applied to an import: those that stood when it was started, so a resumed one reads the same."""
    return kept_at(held.shop_id, held.mapping_name, formats, held.created_at)


def kept_at(shop_id: int, mapping: str, formats: Sequence[str], at: datetime) -> KeptRules:
    """The rules of a mapping (none: no rules) that stood at a moment."""
    if not mapping:
        return KeptRules(formats)
    rows = KeptMend.objects.filter(shop_id=shop_id, mapping=mapping, created_at__lte=at)
    rows = rows.filter(Q(removed_at=None) | Q(removed_at__gt=at)).order_by("id")
    found = KeptRules(formats)
    for row in rows:
        found.by_group[row.reason, row.column] = (row.pk, parse_rules(row.rules, origin=IMPORT))
    return found


def record(
    mended: Sequence[tuple[Quarantined, MendedAtLoad]], *, columns: Sequence[str], at: datetime
) -> None:
    """Put rows that were mended at a load on record, as settled entries. Repeatable: each stands once.

    An entry of the same row that waited since an earlier load is settled by it.
    """
    for start in range(0, len(mended), _AT_ONCE):
        part = {row.key: (row, one) for row, one in mended[start : start + _AT_ONCE]}
        for row, _one in part.values():
            row.state, row.settled_at, row.settled_by = REPLAYED, at, BY_KEPT_RULES
        with transaction.atomic():
            Quarantined.objects.bulk_create([row for row, _one in part.values()], ignore_conflicts=True)
            rows = Quarantined.objects.filter(key__in=part)
            rows.filter(state=WAITING).update(state=REPLAYED, settled_at=at, settled_by=BY_KEPT_RULES)
            Settlement.objects.bulk_create(
                [
                    Settlement(
                        shop_id=row.shop_id,
                        entry_id=pk,
                        kept_id=one.kept_id,
                        state=REPLAYED,
                        changes=differences(
                            dict(zip(columns, one.bad.cells, strict=False)),
                            dict(zip(columns, one.cells, strict=False)),
                        ),
                        at=at,
                        by=BY_KEPT_RULES,
                    )
                    for pk, key in rows.filter(state=REPLAYED).values_list("id", "key")
                    for row, one in (part[key],)
                ],
                ignore_conflicts=True,
            )
