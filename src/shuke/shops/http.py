"""The API of shops and of their records: what I am in, members, keys, audit, jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Path, Query, Router, Schema

from shuke.kernel import clock
from shuke.records import jobs
from shuke.records import reads as records
from shuke.shops import actions, reads, today
from shuke.shops.access import OwnRequest, ShopRequest, api, own
from shuke.shops.roles import Deed, Role

router = Router()


class ShopOut(Schema):
    slug: str
    name: str
    zone: str
    currency: str
    category: str
    platforms: list[str]
    role: Role


class ShopChange(Schema):
    name: str | None = Field(None, max_length=120)
    category: str | None = Field(None, max_length=60)
    platforms: list[str] | None = None


class MemberOut(Schema):
    user_id: int
    email: str
    name: str
    role: Role
    joined_at: datetime
    has_joined: bool
    has_second_factor: bool


class MemberIn(Schema):
    email: str = Field(max_length=254)
    name: str = Field(max_length=120)
    role: Role


class InvitationOut(Schema):
    """`path` sets the password once; null when the person can sign in already."""

    user_id: int
    path: str | None


class RoleIn(Schema):
    role: Role


class NameIn(Schema):
    name: str = Field(min_length=1, max_length=50)


class ApiKeyIn(NameIn):
    role: Role


class WriteKeyOut(Schema):
    id: int
    key: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class ApiKeyOut(Schema):
    id: int
    prefix: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


class NewApiKeyOut(Schema):
    """`secret` is shown this once."""

    id: int
    secret: str


class AuditOut(Schema):
    id: int
    at: datetime
    actor_kind: str
    actor_name: str
    actor_role: str | None
    deed: str
    subject_kind: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPageOut(Schema):
    rows: list[AuditOut]
    count: int
    page: int
    size: int


class JobOut(Schema):
    id: int
    kind: str
    title: str
    state: str
    done: int
    total: int | None
    note: str
    error: str
    error_code: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    may_stop: bool
    may_resume: bool

    @staticmethod
    def resolve_title(job: records.JobView) -> str:
        return str(job.title)


class ErasureIn(Schema):
    """References as the shop's data writes them; at least one."""

    person_refs: list[str] = Field([], max_length=100)
    anonymous_refs: list[str] = Field([], max_length=100)


class ErasedOut(Schema):
    """How many things went from one store."""

    name: str
    title: str
    count: int

    @staticmethod
    def resolve_title(store: actions.StoreCount) -> str:
        return str(store.title)


Id = Annotated[int, Path(ge=1, le=2**63 - 1)]
Filter = Annotated[str | None, Query(None, max_length=80, pattern=r"^[a-z0-9_ .-]*$")]
Page = Query(1, ge=1, le=100_000)
Size = Query(50, ge=1, le=200)


def _shop_out(access: Any) -> dict[str, Any]:
    shop = access.shop
    return {
        "slug": shop.slug,
        "name": shop.name,
        "zone": shop.zone.key,
        "currency": shop.currency,
        "category": shop.category,
        "platforms": list(shop.platforms),
        "role": access.role,
    }


@router.get("/shops", response=list[ShopOut], operation_id="list_shops")
@own
def list_shops(request: OwnRequest) -> Any:
    """The shops that the key or the person is in."""
    return [_shop_out(access) for access in request.accesses]


@router.get("/shops/{shop}", response=ShopOut, operation_id="get_shop")
@api(Deed.VIEW_TODAY)
def get_shop(request: ShopRequest, shop: str) -> Any:
    """One shop, and the asker's role in it."""
    return _shop_out(request.access)


@router.patch("/shops/{shop}", response=ShopOut, operation_id="update_shop")
@api(Deed.MANAGE_SHOP)
def update_shop(request: ShopRequest, shop: str, change: ShopChange) -> Any:
    """Change name, category or platforms. Zone and currency are fixed."""
    access = request.access
    view = access.do(actions.update_shop, **change.dict(exclude_unset=True))
    return _shop_out(type(access)(view, access.role, access.actor))


@router.get("/shops/{shop}/members", response=list[MemberOut], operation_id="list_members")
@api(Deed.MANAGE_MEMBERS)
def list_members(request: ShopRequest, shop: str) -> Any:
    """Members, the most trusted first."""
    return list(reads.list_members(request.access.shop))


@router.post("/shops/{shop}/members", response={201: InvitationOut}, operation_id="invite_member")
@api(Deed.MANAGE_MEMBERS)
def invite_member(request: ShopRequest, shop: str, member: MemberIn) -> Any:
    """Add a person by e-mail; a new one gets a path under which the password is set once."""
    invitation = request.access.do(
        actions.invite_member, email=member.email, name=member.name, role=member.role
    )
    return 201, {"user_id": invitation.user.pk, "path": invitation.path}


@router.put("/shops/{shop}/members/{user_id}", response={204: None}, operation_id="change_role")
@api(Deed.MANAGE_MEMBERS)
def change_role(request: ShopRequest, shop: str, user_id: Id, change: RoleIn) -> Any:
    """Give a member another role."""
    request.access.do(actions.change_role, user_id=user_id, role=change.role)
    return 204, None


@router.delete("/shops/{shop}/members/{user_id}", response={204: None}, operation_id="remove_member")
@api(Deed.MANAGE_MEMBERS)
def remove_member(request: ShopRequest, shop: str, user_id: Id) -> Any:
    """Take a member out of the shop."""
    request.access.do(actions.remove_member, user_id=user_id)
    return 204, None


@router.get("/shops/{shop}/write-keys", response=list[WriteKeyOut], operation_id="list_write_keys")
@api(Deed.MANAGE_KEYS)
def list_write_keys(request: ShopRequest, shop: str) -> Any:
    """Write keys, revoked ones included."""
    return list(reads.list_write_keys(request.access.shop))


@router.post("/shops/{shop}/write-keys", response={201: WriteKeyOut}, operation_id="create_write_key")
@api(Deed.MANAGE_KEYS)
def create_write_key(request: ShopRequest, shop: str, key: NameIn) -> Any:
    """A key with which pages and apps send events."""
    row = request.access.do(actions.create_write_key, name=key.name)
    return 201, reads.write_key_view(row)


@router.delete("/shops/{shop}/write-keys/{key_id}", response={204: None}, operation_id="revoke_write_key")
@api(Deed.MANAGE_KEYS)
def revoke_write_key(request: ShopRequest, shop: str, key_id: Id) -> Any:
    """Refuse events under this key from now on."""
    request.access.do(actions.revoke_write_key, key_id=key_id)
    return 204, None


@router.get("/shops/{shop}/api-keys", response=list[ApiKeyOut], operation_id="list_api_keys")
@api(Deed.MANAGE_KEYS)
def list_api_keys(request: ShopRequest, shop: str) -> Any:
    """API keys, revoked ones included; secrets are not kept."""
    return list(reads.list_api_keys(request.access.shop))


@router.post("/shops/{shop}/api-keys", response={201: NewApiKeyOut}, operation_id="create_api_key")
@api(Deed.MANAGE_KEYS)
def create_api_key(request: ShopRequest, shop: str, key: ApiKeyIn) -> Any:
    """A key for a program, with a role not above the asker's own."""
    row, secret = request.access.do(actions.create_api_key, name=key.name, role=key.role)
    return 201, {"id": row.pk, "secret": secret}


@router.delete("/shops/{shop}/api-keys/{key_id}", response={204: None}, operation_id="revoke_api_key")
@api(Deed.MANAGE_KEYS)
def revoke_api_key(request: ShopRequest, shop: str, key_id: Id) -> Any:
    """Refuse the key from now on."""
    request.access.do(actions.revoke_api_key, key_id=key_id)
    return 204, None


@router.get("/shops/{shop}/audit", response=AuditPageOut, operation_id="list_audit")
@api(Deed.VIEW_AUDIT)
def list_audit(
    request: ShopRequest,
    shop: str,
    deed: Filter = None,
    subject_kind: Filter = None,
    page: int = Page,
    size: int = Size,
) -> Any:
    """Who did what, newest first."""
    return records.list_audit(
        request.access.shop.id, deed=deed, subject_kind=subject_kind, page=page, size=size
    )


class TodayLineOut(Schema):
    """One thing that waits for a person; `url` is the page of its deed."""

    title: str
    detail: str
    urgency: str
    deed: str
    url: str
    since: datetime | None


@router.get("/shops/{shop}/today", response=list[TodayLineOut], operation_id="list_today")
@api(Deed.VIEW_TODAY)
def list_today(request: ShopRequest, shop: str) -> Any:
    """What needs doing now, the most urgent first."""
    return [
        {
            "title": str(line.title),
            "detail": str(line.detail),
            "urgency": line.urgency.name,
            "deed": str(line.deed),
            "url": line.url,
            "since": line.at,
        }
        for line in today.all_lines(request.access, clock.now())
    ]


@router.get("/shops/{shop}/jobs", response=list[JobOut], operation_id="list_jobs")
@api(Deed.VIEW_JOBS)
def list_jobs(request: ShopRequest, shop: str, page: int = Page, size: int = Size) -> Any:
    """Jobs, newest first."""
    return list(records.list_jobs(request.access.shop.id, page=page, size=size))


@router.get("/shops/{shop}/jobs/{job_id}", response=JobOut, operation_id="get_job")
@api(Deed.VIEW_JOBS)
def get_job(request: ShopRequest, shop: str, job_id: Id) -> Any:
    """How far a job is."""
    return records.get_job(request.access.shop.id, job_id)


@router.post("/shops/{shop}/jobs/{job_id}/stop", response=JobOut, operation_id="stop_job")
@api(Deed.STOP_JOBS)
def stop_job(request: ShopRequest, shop: str, job_id: Id) -> Any:
    """Stop a job after its running chunk."""
    access = request.access
    jobs.request_stop(shop_id=access.shop.id, job_id=job_id, actor=access.actor, at=clock.now())
    return records.get_job(access.shop.id, job_id)


@router.post("/shops/{shop}/jobs/{job_id}/resume", response=JobOut, operation_id="resume_job")
@api(Deed.STOP_JOBS)
def resume_job(request: ShopRequest, shop: str, job_id: Id) -> Any:
    """Let a stopped or failed job go on from where it stood."""
    access = request.access
    jobs.resume(shop_id=access.shop.id, job_id=job_id, actor=access.actor, at=clock.now())
    return records.get_job(access.shop.id, job_id)


@router.post("/shops/{shop}/erasures", response=list[ErasedOut], operation_id="erase_person")
@api(Deed.ERASE_PERSON)
def erase_person(request: ShopRequest, shop: str, erasure: ErasureIn) -> Any:
    """Erase a person from every store of the shop, for good; how many things went, by store."""
    gone = request.access.do(
        actions.erase_person, person_refs=erasure.person_refs, anonymous_refs=erasure.anonymous_refs
    )
    return list(gone)
