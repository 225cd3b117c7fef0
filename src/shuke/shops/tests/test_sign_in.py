"""Sign-in over its real addresses: lockout, second factor, invited only, the one-time link, the password change."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from axes.models import AccessAttempt
from django.conf import settings as live
from django.test import Client

from shuke.kernel import clock
from shuke.records.actor import Actor
from shuke.shops import actions
from shuke.shops.models import User
from shuke.shops.sign_in import client_username

pytestmark = [pytest.mark.django_db, pytest.mark.row("E3")]

SYSTEM = Actor.system("tests")
PASSWORD = "correct horse 7 staple"
LIMIT = live.AXES_FAILURE_LIMIT


@pytest.fixture
def owner(site, shop, member_of):
    return member_of(shop, "owner")


def _sign_in(browser, email, password=PASSWORD, **given):
    return browser.post("/accounts/login/", {"login": email, "password": password}, **given)


def _is_in(browser) -> bool:
    return browser.get("/").content == b"home True"


def _code(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return format_hotp_value(hotp_value(secret, counter))


@pytest.fixture
def second_factor(owner):
    """The owner's secret of the second factor, and the recovery codes."""
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    TOTP.activate(owner, secret)
    codes = RecoveryCodes.activate(owner)
    return secret, codes.get_unused_codes()


def test_sign_in__right_password__whatever_the_case_of_the_address(site, owner):
    answer = _sign_in(site, owner.email.upper())
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert _is_in(site)
    assert site.post("/accounts/logout/").status_code == 302
    assert not _is_in(site)


@pytest.mark.parametrize(
    "next_page", ["https://evil.example.com/", "//evil.example.com/", "javascript:alert(1)"]
)
def test_sign_in__told_to_go_elsewhere__stays_here(site, owner, next_page):
    answer = site.post("/accounts/login/", {"login": owner.email, "password": PASSWORD, "next": next_page})
    assert answer.headers["Location"] == "/"


def test_sign_in__wrong_password_or_unknown_address__say_the_same(site, owner):
    wrong = _sign_in(site, owner.email, "wrong")
    unknown = _sign_in(site, "nobody@example.com", "wrong")
    assert (wrong.status_code, wrong.content) == (unknown.status_code, unknown.content)
    assert b"errors" in wrong.content
    assert not _is_in(site)


def test_sign_in__too_many_failures__locks_this_address_and_person_only(site, owner, shop, member_of):
    other = member_of(shop, "analyst")
    for number in range(LIMIT):
        assert not _is_in(site)
        email = owner.email.upper() if number % 2 else owner.email  # not a way around
        answer = _sign_in(site, email, "wrong")
    assert (answer.status_code, answer.content) == (429, b"locked 15")
    assert _sign_in(site, owner.email).status_code == 429
    assert not _is_in(site)
    assert _sign_in(Client(), other.email).status_code == 302
    assert _sign_in(Client(), owner.email, REMOTE_ADDR="192.0.2.9").status_code == 302


def test_sign_in__success_before_the_limit__starts_the_count_again(site, owner):
    for _round in range(3):
        for _try in range(LIMIT - 1):
            _sign_in(site, owner.email, "wrong")
        assert _sign_in(site, owner.email).status_code == 302
        site.post("/accounts/logout/")


def test_failures__what_is_kept__holds_no_password(site, owner):
    _sign_in(site, owner.email, "my secret mistake")
    attempt = AccessAttempt.objects.get()
    assert attempt.username == owner.email
    assert "my secret mistake" not in str(AccessAttempt.objects.values().get())


@pytest.mark.parametrize("page", ["email", "confirm-email", "confirm-email/x", "login/code/confirm"])
def test_pages_that_would_write_letters__are_not_there(site, owner, page):
    _sign_in(site, owner.email)
    assert site.get(f"/accounts/{page}/").status_code == 404


def test_password_reset__asked_by_anyone__writes_no_letter(site, owner, mailoutbox):
    assert site.get("/accounts/password/reset/").content == b"closed"
    assert site.post("/accounts/password/reset/", {"email": owner.email}).status_code == 405
    assert mailoutbox == []


def test_sign_up__is_closed(site):
    assert site.get("/accounts/signup/").content == b"closed"
    site.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.exists()


def test_sign_in__second_factor__needs_the_code_and_takes_it_once(site, owner, second_factor):
    secret, _codes = second_factor
    answer = _sign_in(site, owner.email)
    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"
    assert not _is_in(site)
    code = _code(secret)
    assert site.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert _is_in(site)

    again = Client()
    _sign_in(again, owner.email)
    assert b"errors" in again.post("/accounts/2fa/authenticate/", {"code": code}).content
    assert not _is_in(again)


def test_sign_in__recovery_code__works_once(site, owner, second_factor):
    _secret, codes = second_factor
    _sign_in(site, owner.email)
    assert site.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 302
    assert _is_in(site)
    again = Client()
    _sign_in(again, owner.email)
    again.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert not _is_in(again)


def test_sign_in__wrong_codes__lock_as_wrong_passwords_do(site, owner, second_factor):
    """The limiter of the library counts in the memory of one process; this count is everybody's."""
    _secret, codes = second_factor
    _sign_in(site, owner.email)
    for _try in range(LIMIT - 1):
        assert site.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert site.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 429
    assert site.post("/accounts/2fa/authenticate/", {"code": codes[0]}).status_code == 429
    assert not _is_in(site)
    assert _sign_in(Client(), owner.email).status_code == 429


def test_second_factor__switched_on_over_its_page__is_asked_for(site, owner):
    _sign_in(site, owner.email)
    address = "/accounts/2fa/totp/activate/"
    asks_again = site.get(address).headers["Location"]
    assert asks_again.startswith("/accounts/reauthenticate/")
    assert b"errors" in site.post(asks_again, {"password": "wrong"}).content
    assert site.post(asks_again, {"password": PASSWORD}).headers["Location"] == address
    page = site.get(address)
    secret = page.context["form"].secret
    assert site.post("/accounts/2fa/totp/activate/", {"code": _code(secret)}).status_code == 302
    assert Authenticator.objects.filter(user=owner, type=Authenticator.Type.TOTP).exists()
    assert _sign_in(Client(), owner.email).headers["Location"] == "/accounts/2fa/authenticate/"


def test_invitation__its_link__sets_the_password_once_and_lets_in(site, shop, owner):
    actor = Actor("member", owner.pk, owner.name, "owner")
    invitation = actions.invite_member(
        shop=shop, email="new@example.com", name="New", role="support", actor=actor, at=clock.now()
    )
    assert _sign_in(site, "new@example.com", "").status_code == 200
    form = site.get(invitation.path, follow=True)
    address = form.redirect_chain[-1][0]
    weak = site.post(address, {"password1": "1234", "password2": "1234"})
    assert b"errors" in weak.content
    assert site.post(address, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    assert _sign_in(site, "new@example.com").status_code == 302
    assert site.get(f"/s/{shop.slug}/view_customers/").status_code == 200

    other = Client()
    lapsed = other.get(invitation.path, follow=True)
    assert b"lapsed" in lapsed.content
    other.post(lapsed.redirect_chain[-1][0] if lapsed.redirect_chain else invitation.path,
               {"password1": "taken over 9 now", "password2": "taken over 9 now"})  # fmt: skip
    assert User.objects.get(email="new@example.com").check_password(PASSWORD)


def test_invitation__changed_link__is_refused(site, shop):
    invitation = actions.invite_member(
        shop=shop, email="new@example.com", name="New", role="support", actor=SYSTEM, at=clock.now()
    )
    head, _dash, token = invitation.path.rstrip("/").rpartition("-")
    assert b"lapsed" in site.get(f"{head}-{token[::-1]}/", follow=True).content


def test_password_change__needs_the_old_one__and_ends_other_sessions(site, owner):
    other = Client()
    for browser in (site, other):
        _sign_in(browser, owner.email)
    new = "another long 9 phrase"
    given = {"oldpassword": "wrong", "password1": new, "password2": new}
    assert b"errors" in site.post("/accounts/password/change/", given).content
    assert _is_in(other)
    assert site.post("/accounts/password/change/", given | {"oldpassword": PASSWORD}).status_code == 302
    assert not _is_in(other)
    assert _sign_in(other, owner.email, new).status_code == 302


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({"email": " Li@Example.com "}, "li@example.com"),
        ({"username": "LI@example.com"}, "li@example.com"),
        ({"login": "li@example.com"}, "li@example.com"),
        ({}, ""),
        (None, ""),
    ],
)
def test_client_username__any_form__is_one_name(credentials, expected):
    assert client_username(None, credentials) == expected


def test_site__headers__forbid_frames_and_foreign_content(site):
    answer = site.get("/accounts/login/")
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
