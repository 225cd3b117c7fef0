"""Law: whatever is said, undone, said again, late or erased, in any order, the map is what a plain recount says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.db import transaction
from django_scopes import scope
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from shuke.audience.identities import actions, personal, reads, storing
from shuke.audience.identities.decisions import Crowd
from shuke.audience.identities.errors import SameCustomer, SharedIdentity
from shuke.audience.identities.kinds import Kind, Origin
from shuke.audience.identities.models import Identity, Link
from shuke.audience.identities.names import Name
from shuke.audience.identities.tests.oracle import Statement, recount
from shuke.kernel.surrogates import surrogate
from shuke.records.actor import Actor

pytestmark = [pytest.mark.django_db, pytest.mark.row("A1")]

START = datetime(2026, 5, 1, tzinfo=UTC)
WHO = Actor.system("tests")
CROWD = Crowd(of_person=4, of_other=3, suggests=3)
KINDS = (Kind.PERSON, Kind.VISITOR, Kind.PHONE)
NAMES = [
    (kind, f"{kind.value[:2]}{n}") for kind, most in zip(KINDS, (4, 3, 3), strict=True) for n in range(most)
]
REACHED: Counter[str] = Counter()


def _steps(seed: int) -> list[tuple[str, object]]:
    """What happens to a shop: drawn evenly, since chance alone rarely fills a device with several people."""
    draw = Random(seed)

    def name() -> int:
        return draw.randrange(len(NAMES))

    steps: list[tuple[str, object]] = []
    for _ in range(draw.randint(10, 16)):
        kind = draw.choices(("say", "again", "merge", "split", "erase"), (6, 1, 5, 4, 2))[0]
        what: object = None
        if kind == "say":
            what = [(name(), name(), draw.randrange(40)) for _ in range(draw.randint(1, 6))]
        elif kind == "merge":  # mostly of people: others are often one customer already
            among = 4 if draw.random() < 0.6 else len(NAMES)
            what = (draw.randrange(among), draw.randrange(among), draw.randrange(40))
        elif kind == "split":
            what = draw.randrange(30)
        elif kind == "erase":
            what = name()
        steps.append((kind, what))
    return steps


class _World:
    """The shop, and what a slow book-keeper remembers of what was said to it."""

    def __init__(self, shop):
        self.shop = shop
        self.names = [Name(surrogate(shop.id, k.value, ref), k, ref, ref) for k, ref in NAMES]
        self.said: dict[frozenset, datetime] = {}
        self.undone: set[frozenset] = set()
        self.hands: dict[int, tuple[int, int, datetime]] = {}

    def do(self, step):
        kind, what = step
        getattr(self, kind)(what)
        self.check(kind)

    def say(self, triples):
        rows = []
        for one, other, minutes in triples:
            kinds = {self.names[one].kind, self.names[other].kind}
            if one == other or kinds == {Kind.PERSON}:
                continue
            at = START + timedelta(minutes=minutes)
            rows.append(storing.Said(self.names[one], self.names[other], Origin.IDENTIFY, "api", at, at))
            pair = frozenset((one, other))
            REACHED["late"] += pair in self.said and at < self.said[pair]
            REACHED["repeated"] += pair in self.said
            REACHED["said again after it was undone"] += pair in self.undone
            self.said[pair] = min(at, self.said.get(pair, at))
        with scope(shop=self.shop.id):
            storing.write(storing.register_of(self.shop.id), rows, [], CROWD)

    def again(self, _none):
        """Every fact once more, in one batch."""
        before = self._rows()
        self.say([(*sorted(pair), int((at - START).seconds / 60)) for pair, at in self.said.items()])
        assert self._rows() == before

    def _rows(self):
        with scope(shop=self.shop.id):
            return (
                sorted(Identity.objects.values_list()),
                sorted(Link.objects.values_list()),
            )

    def merge(self, what):
        one, other, minutes = what
        ids = [self.names[n].id for n in (one, other)]
        with scope(shop=self.shop.id):
            if Identity.objects.filter(id__in=ids).count() < len(set(ids)):
                return
        at = START + timedelta(minutes=minutes)
        try:
            link = actions.merge(shop=self.shop, one_id=ids[0], other_id=ids[1], actor=WHO, at=at)
        except (SameCustomer, SharedIdentity):
            REACHED["merge refused"] += 1
            return
        REACHED["merge of two people"] += {link.one.kind, link.other.kind} == {Kind.PERSON}
        place = {name.id: n for n, name in enumerate(self.names)}
        self.hands[link.id] = (place[link.one.id], place[link.other.id], at)
        assert reads.customer_of(self.shop, link.one.id) == reads.customer_of(self.shop, link.other.id)
        anchors = reads.anchors_of(self.shop, reads.customer_of(self.shop, link.one.id))
        assert {link.one.id, link.other.id} <= set(anchors)

    def split(self, number):
        with scope(shop=self.shop.id):
            live = list(Link.objects.filter(undone_at=None).order_by("id"))
        if not live:
            return
        by_hand = [row for row in live if row.pk in self.hands]
        row = by_hand[0] if by_hand and number % 2 else live[number % len(live)]
        actions.split(shop=self.shop, link_id=row.pk, actor=WHO, at=START)
        if row.pk in self.hands:
            del self.hands[row.pk]
            REACHED["merge undone"] += 1
        else:
            place = {name.id: n for n, name in enumerate(self.names)}
            self.undone.add(frozenset((place[row.one_id], place[row.other_id])))
            REACHED["fact undone"] += 1

    def erase(self, number):
        if self.names[number].kind is Kind.PHONE:
            return
        gone = personal.erase_ids(self.shop, [self.names[number].id], START)
        with scope(shop=self.shop.id):
            left = set(Identity.objects.values_list("id", flat=True))
        stays = {n for n, name in enumerate(self.names) if name.id in left}
        assert number not in stays
        REACHED["erased"] += gone > 0
        self.said = {pair: at for pair, at in self.said.items() if pair <= stays}
        self.undone = {pair for pair in self.undone if pair <= stays}
        self.hands = {key: h for key, h in self.hands.items() if {h[0], h[1]} <= stays}

    def check(self, kind):
        statements = [
            Statement(NAMES[min(pair)], NAMES[max(pair)], False, at)
            for pair, at in self.said.items()
            if pair not in self.undone
        ] + [Statement(NAMES[one], NAMES[other], True, at) for one, other, at in self.hands.values()]
        ids = {name: self.names[n].id for n, name in enumerate(NAMES)}
        led = recount(statements, most_of_person=CROWD.of_person, most_of_other=CROWD.of_other, ids=ids)
        expected = {ids[name]: ids[lead] for name, lead in led.items() if name != lead}
        table = reads.customer_map(self.shop)
        told = dict(zip(table["identity_id"].to_pylist(), table["customer_id"].to_pylist(), strict=True))
        if told != expected:
            names = {i: n for n, i in ids.items()}
            told_names = {names[k][1]: names[v][1] for k, v in told.items()}
            want = {names[k][1]: names[v][1] for k, v in expected.items()}
            raise AssertionError(
                (kind, told_names, want, [(s.one[1], s.other[1], s.is_hand, s.at.minute) for s in statements])
            )
        assert table["identity_id"].to_pylist() == sorted(told)
        REACHED["customers of several"] += bool(expected)
        with scope(shop=self.shop.id):
            REACHED["shared"] += Identity.objects.filter(is_shared=True).exists()
            REACHED["crowded"] += Identity.objects.filter(is_crowded=True).exists()


def test_map__any_interleaving__equals_a_plain_recount(make_shop, monkeypatch):
    shop = make_shop("linen")
    monkeypatch.setattr(actions, "crowd_of", lambda *_: CROWD)
    monkeypatch.setattr(personal, "crowd_of", lambda *_: CROWD)
    _run(shop, examples=16)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_map__any_interleaving_many_times__equals_a_plain_recount(make_shop, monkeypatch):
    shop = make_shop("linen")
    monkeypatch.setattr(actions, "crowd_of", lambda *_: CROWD)
    monkeypatch.setattr(personal, "crowd_of", lambda *_: CROWD)
    _run(shop, examples=1000)


def _run(shop, *, examples):
    REACHED.clear()

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.integers(0, 2**40))
    def law(seed):
        with transaction.atomic():
            world = _World(shop)
            for step in _steps(seed):
                world.do(step)
            transaction.set_rollback(True)

    law()
    print(dict(REACHED))
    for kind in (
        "late", "repeated", "said again after it was undone", "merge of two people", "merge undone",
        "fact undone", "erased", "customers of several", "shared", "crowded",
    ):  # fmt: skip
        assert REACHED[kind] >= examples / 25, (kind, dict(REACHED))
