"""A shop with one real object of every kind, for the walk: and how the walk's samples name them.

Every text of a shop holds its mark, so that an answer that tells another shop's anything is seen to.
"""

from __future__ import annotations

import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from django.apps import apps
from django_scopes import scope, scopes_disabled

from shuke.audience.customers import actions as customers
from shuke.audience.forecast.tests.furnished import furnish_forecast
from shuke.audience.identities.tests.furnished import furnish_identities
from shuke.audience.segments import actions as segments
from shuke.intake import actions as intake
from shuke.intake import reads as desk
from shuke.intake.files import actions as files
from shuke.kernel import clock
from shuke.kernel.surrogates import surrogate
from shuke.records import jobs
from shuke.records.actor import Actor
from shuke.rulebook import actions as rulebook
from shuke.shops import actions as shops
from shuke.shops.roles import Role
from shuke.traffic.alerts import actions as alerts
from shuke.traffic.alerts.tests.raised import raise_one
from shuke.traffic.funnels import actions as funnels
from shuke.traffic.funnels.shapes import Funnel, Step, dump_funnel
from shuke.traffic.routes import actions as routes

ROOT = Path(__file__).resolve().parent

SAMPLES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "walk_samples.yaml").read_text(encoding="utf-8"))
ACTOR = Actor.system("tests")
PERSON = "anna-of-both"  # a customer of every shop that is furnished: gone from one, she stays in the others
HEADER = "order,at,buyer,n,price\n"
RULE, METRIC = "common.visits.idle_minutes", "bounce_visitor"


def mark_of(shop) -> str:
    return f"only{shop.slug}s"


def furnish(shop) -> dict[str, Any]:
    """One object of every kind that an address or a body can name, by the name that the samples use."""
    mark, at = mark_of(shop), clock.now()
    common = {"shop": shop, "actor": ACTOR, "at": at}
    found: dict[str, Any] = {"metric_id": METRIC, "rule_id": RULE, "person": PERSON, "mark": mark}
    with scope(shop=shop.id):
        found |= _people_and_keys(common, mark)
        found |= _imports(common, mark)
        found |= _mends(common, mark, found)
        found |= _reports(common, mark)
        found |= _routes(common, mark)
        found |= _segments(common, mark)
        found |= _alerts(common, mark)
        today = at.astimezone(shop.zone).date()
        rulebook.change_rule(**common, rule_id=RULE, since=today + timedelta(days=2), value=17)
        found |= _funnels(common, mark)
        found["buyer_id"] = surrogate(shop.id, "person", PERSON)
        found |= furnish_identities(shop, mark)
        found |= furnish_forecast(shop, mark, date(2026, 3, 10), at)
    tom = surrogate(shop.id, "person", f"{mark}-tom")
    customers.give_tag(**common, customer_ids=[tom], tag="walked")
    found["customer"] = str(tom)
    found["coming_day"] = (today + timedelta(days=3)).isoformat()
    found["coming_moment"] = (at + timedelta(days=3)).isoformat()
    return found


def _people_and_keys(common: dict[str, Any], mark: str) -> dict[str, Any]:
    user = shops.create_user(
        email=f"{mark}@example.com",
        name=mark,
        password="correct horse 7 staple",
        actor=ACTOR,
        at=common["at"],
    )
    shops.add_member(**common, user=user, role=Role.OPERATOR)
    invited = shops.invite_member(
        **common, email=f"new.{mark}@example.com", name=f"new {mark}", role=Role.OPERATOR
    )
    api_key, _secret = shops.create_api_key(**common, name=f"api {mark}", role=Role.ANALYST)
    return {
        "user_id": user.pk,
        "invited": invited.user.pk,
        "write_key": shops.create_write_key(**common, name=f"write {mark}").pk,
        "api_key": api_key.pk,
    }


def _spec(name: str) -> dict[str, Any]:
    columns = {"order_ref": "order", "at": "at", "buyer_ref": "buyer", "quantity": "n", "unit_price": "price"}
    return {"v": 1, "name": name, "kind": "orders", "columns": columns}


def _imports(common: dict[str, Any], mark: str) -> dict[str, Any]:
    """A mapping with an import that is done, one with an import that waits, one with an import that is stopped."""
    lines = [f"{mark}-1,2026-03-01,{PERSON},1,5", f"{mark}-2,2026-03-02,{mark}-tom,2,5"]
    lines += [f"{mark}-{number},0{number}.03.2026,{mark}-tom,1,5" for number in range(3, 6)]
    content = (HEADER + "\n".join(lines) + "\n").encode()
    upload = files.upload_file(**common, content=io.BytesIO(content), name=f"{mark}.csv")
    imports = {}
    for name in ("book", "waiting", "stopped"):
        files.save_mapping(**common, spec=_spec(f"{name}_{mark}"))
        imports[name] = files.start_import(
            **common, files={"": upload.sha256}, mapping=f"{name}_{mark}", choices={}
        )
    jobs.run_to_end(imports["book"].job_id)
    files.stop_import(**common, import_id=imports["stopped"].id)
    new, changed = _spec(f"new_{mark}"), {**_spec(f"book_{mark}"), "currency": "EUR"}
    return {
        "upload": upload.sha256,
        "mapping": f"book_{mark}",
        "import": imports["book"].id,
        "waiting_import": imports["waiting"].id,
        "stopped_import": imports["stopped"].id,
        "job": imports["waiting"].job_id,
        "stopped_job": imports["stopped"].job_id,
        "new_spec": new,
        "new_spec_text": json.dumps(new),
        "changed_spec_text": json.dumps(changed),
        "draft": f"draft_{mark}",
    }


def _mends(common: dict[str, Any], mark: str, found: dict[str, Any]) -> dict[str, Any]:
    """Rows that wait, one that is settled, a mend that waits, one that is stopped, and rules that are kept."""
    rows = desk.list_quarantined(common["shop"], import_id=found["import"]).rows
    group = desk.Group("import", rows[0].reason, found["mapping"], rows[0].column)
    rule = {
        "rule": "replace",
        "column": "buyer",
        "old": f"{mark}-tom",
        "new": f"{mark}-tim",
        "is_part": False,
    }
    intake.drop(**common, ids=[rows[-1].id], note=mark)
    mend = intake.start_mend(**common, group=group, rules=[rule], is_kept=True)
    stopped = intake.start_mend(**common, group=group, rules=[rule])
    intake.stop_mend(**common, mend_id=stopped.pk)
    return {
        "quarantined": rows[0].id,
        "settled": rows[-1].id,
        "mended": rows[0].payload.replace("05.03.2026", "2026-03-05"),
        "reason": rows[0].reason,
        "column": rows[0].column,
        "mend": mend.pk,
        "stopped_mend": stopped.pk,
        "kept": desk.list_kept(common["shop"])[0].id,
        "drop_rules": [{"rule": "drop", "note": "walk"}],
        "drop_rules_text": json.dumps([{"rule": "drop", "note": "walk"}]),
    }


def _funnels(common: dict[str, Any], mark: str) -> dict[str, Any]:
    """A saved funnel, and one that is archived."""
    funnel = Funnel((Step("view"), Step("track", "Product Added")))
    saved = funnels.save_funnel(**common, name=f"funnel {mark}", funnel=funnel)
    archived = funnels.save_funnel(**common, name=f"old {mark}", funnel=funnel)
    funnels.archive_funnel(**common, funnel_id=archived.id)
    return {
        "funnel": saved.id,
        "archived_funnel": archived.id,
        "funnel_form": dump_funnel(funnel),
        "funnel_text": json.dumps(dump_funnel(funnel)),
    }


def _segments(common: dict[str, Any], mark: str) -> dict[str, Any]:
    """A segment in use, and one that is archived."""
    bought = {"v": 2, "tally": "orders", "measure": "count", "op": "ge", "value": 1}
    kept, old = (
        segments.save_segment(**common, name=f"{name} {mark}", condition=bought) for name in ("seg", "past")
    )
    segments.archive_segment(**common, key=old.key)
    return {"segment": kept.key, "archived_segment": old.key}


def _routes(common: dict[str, Any], mark: str) -> dict[str, Any]:
    """A planned route in use, and one that is archived."""
    steps = [{"kind": "page", "value": f"/{mark}"}, {"kind": "order", "share": 0.5}]
    route, old = (routes.save_route(**common, name=f"{name} {mark}", steps=steps) for name in ("way", "old"))
    routes.archive_route(**common, route_id=old.id)
    return {"route": route.id, "archived_route": old.id}


def _alerts(common: dict[str, Any], mark: str) -> dict[str, Any]:
    """A rule of the shop's own, and an open alert with its course."""
    rule = alerts.create_rule(
        **common, kind="unusual", metric="visits", direction="rise", condition=None, readers=[]
    )
    alert = raise_one(common["shop"], f"visits|channel={mark}", at=common["at"])
    return {"alert": alert.id, "alert_rule": rule.id}


def _reports(common: dict[str, Any], mark: str) -> dict[str, Any]:
    """A report of keywords and an industry table, so that their pages have something to show."""
    keyword = f"day,keyword,bid,quality,impressions,clicks,cost,next bid,next quality\n2026-03-01,{mark},1,8,0,0,0,1,9\n"
    industry = f"period,industry,channel,visitor share\n2026-03-01~2026-03-31,{mark},Live stream,40%\n"
    for name, text in (("keywords_plain", keyword), ("industry_plain", industry)):
        upload = files.upload_file(**common, content=io.BytesIO(text.encode()), name=f"{name}_{mark}.csv")
        started = files.start_import(**common, files={"": upload.sha256}, mapping=name, choices={})
        jobs.run_to_end(started.job_id)
    return {"channel": "live"}


def filled(sample: Any, objects: dict[str, Any], own: dict[str, Any] | None = None) -> Any:
    """A sample with the objects in the place of their names: `$upload` is the object, `$own.mapping` always the asker's."""
    if isinstance(sample, dict):
        return {key: filled(value, objects, own) for key, value in sample.items()}
    if isinstance(sample, list):
        return [filled(value, objects, own) for value in sample]
    if isinstance(sample, str) and sample.startswith("$own."):
        return (own or objects)[sample[5:]]
    return objects[sample[1:]] if isinstance(sample, str) and sample.startswith("$") else sample


def named_in(sample: Any) -> set[str]:
    """The objects that a sample names and that are not always the asker's own."""
    if isinstance(sample, dict):
        sample = list(sample.values())
    if isinstance(sample, list):
        return set().union(*map(named_in, sample)) if sample else set()
    is_name = isinstance(sample, str) and sample.startswith("$") and not sample.startswith("$own.")
    return {sample[1:]} if is_name else set()


def state(but: frozenset[str] = frozenset()) -> dict[tuple[str, Any], tuple[Any, ...]]:
    """Every value of every row of ours, by model and shop (None: of no shop)."""
    found: dict[tuple[str, Any], list[Any]] = {}
    with scopes_disabled():
        for model in apps.get_models():
            if not model.__module__.startswith("shuke.") or model._meta.label in but:
                continue
            names = [field.attname for field in model._meta.concrete_fields]
            place = names.index("shop_id") if "shop_id" in names else None
            if model._meta.label == "shops.Shop":
                place = names.index("id")
            for row in model._base_manager.order_by("pk").values_list(*names):
                shop_id = None if place is None else row[place]
                found.setdefault((model._meta.label, shop_id), []).append(repr(row))
    return {key: tuple(rows) for key, rows in found.items()}


def of_shop(found: dict[tuple[str, Any], tuple[Any, ...]], shop) -> dict[str, tuple[Any, ...]]:
    return {label: rows for (label, shop_id), rows in found.items() if shop_id == shop.id}
