"""The API at /api/v1/: the rooms' routers under one roof, one form of error, described as OpenAPI.

Everything is declared here that holds for all operations: the errors that each may answer, and their form
`{code, message, field, value, remedy}`. The page of documentation is served from this machine.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError

from shuke.audience.contacts.http import router as contacts
from shuke.audience.customers.http import router as customers
from shuke.audience.forecast.http import router as forecast
from shuke.audience.identities.http import router as identities
from shuke.audience.segments.http import router as segments
from shuke.audience.value.http import router as customer_value
from shuke.commerce.http import router as commerce
from shuke.intake.http import router as intake
from shuke.kernel.errors import ShukeError
from shuke.project.plain_text import PlainTextParser
from shuke.rulebook.http import router as rulebook
from shuke.shops import repeats
from shuke.shops.http import router as shops
from shuke.traffic.alerts.http import router as alerts
from shuke.traffic.flows.http import router as flows
from shuke.traffic.funnels.http import router as funnels
from shuke.traffic.http import router as traffic
from shuke.traffic.http_cohorts import router as cohorts
from shuke.traffic.http_tracked import router as tracker
from shuke.traffic.items.http import router as items
from shuke.traffic.peers.http import router as peers
from shuke.traffic.routes.http import router as routes
from shuke.traffic.search_ads.http import router as search_ads
from shuke.traffic.single_pages.http import router as single_pages

ROUTERS = {
    "shops": shops,
    "traffic": traffic,
    "cohorts": cohorts,
    "flows": flows,
    "tracker": tracker,
    "items": items,
    "funnels": funnels,
    "alerts": alerts,
    "routes": routes,
    "single_pages": single_pages,
    "search_ads": search_ads,
    "peers": peers,
    "identities": identities,
    "customer_value": customer_value,
    "forecast": forecast,
    "contacts": contacts,
    "segments": segments,
    "commerce": commerce,
    "intake": intake,
    "rulebook": rulebook,
    # After those whose addresses begin like a customer's.
    "customers": customers,
}
ERRORS = (400, 401, 403, 404, 409, 422, 429)


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": repeats.HEADER,
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": repeats.LONGEST},
    "description": "The same key and body within 48 hours gets the first answer again; another body 409.",
}


class Refusal(Schema):
    """What every refused request answers."""

    code: str
    message: str
    field: str = ""
    value: str = ""
    remedy: str = ""


class ShukeAPI(NinjaAPI):
    """Names each operation in the schema and declares the refusals that any may answer."""

    def get_openapi_schema(self, *args: Any, **kwargs: Any) -> Any:
        schema = super().get_openapi_schema(*args, **kwargs)
        schema["components"]["schemas"]["Refusal"] = Refusal.json_schema()
        answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                content = operation.get("requestBody", {}).get("content", {})
                if method == "post" and "{shop}" in path and "multipart/form-data" not in content:
                    operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
                for status in ERRORS:
                    operation["responses"].setdefault(status, {"description": "Refused", "content": answer})
        return schema


api = ShukeAPI(
    title="Shuke 熟客",
    version="1",
    urls_namespace="api",
    description=(
        "Facts, metrics and rules of a shop. Sign in, or send `Authorization: Bearer <API key>`. "
        "Events come by the Segment spec to `/v1/batch`, `/v1/track`, `/v1/page` and the like, with a write key in basic "
        "auth or as `writeKey` in the body; the page tracker at `/t.js` sends them from a shop's pages."
    ),
    parser=PlainTextParser(),
)
for room, router in ROUTERS.items():
    api.add_router("", router, tags=[room])


def _refuse(request: HttpRequest, status: int, **content: Any) -> HttpResponse:
    return api.create_response(request, Refusal(**content).model_dump(), status=status)


@api.exception_handler(ShukeError)
def answer_refusal(request: HttpRequest, error: ShukeError) -> HttpResponse:
    """A refused deed or a bad value: its own status and words."""
    return _refuse(request, error.status, **error.as_dict())


@api.exception_handler(ValidationError)
def answer_unreadable(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A request that does not have the declared form: the first place that is wrong, named."""
    first = error.errors[0] if error.errors else {}
    place = ".".join(str(part) for part in first.get("loc", ())[1:])
    return _refuse(request, 422, code="unreadable", message=str(first.get("msg", "")), field=place)


@api.exception_handler(HttpError)
def answer_unparsed(request: HttpRequest, error: HttpError) -> HttpResponse:
    """A body that could not be parsed: what our parser refused in it, or that it is no JSON."""
    if isinstance(error.__cause__, ShukeError):
        return answer_refusal(request, error.__cause__)
    if error.status_code == 400:
        return _refuse(
            request,
            400,
            code="not_json",
            field="body",
            message=_("The body is not JSON."),
            remedy=_("Send one JSON object in UTF-8."),
        )
    return _refuse(request, error.status_code, code="refused", message=str(error))
