"""This room's tests bring their own addresses and bare templates, so they need none of the faces above."""

from __future__ import annotations

import copy

import pytest
from django.core.cache import cache

_FORM = "{% if form.errors %}errors:{{ form.errors.as_json }}{% endif %}"
_BARE = {
    "account/login.html": f"sign in {_FORM}",
    "account/locked_out.html": "locked {{ minutes }}",
    "account/signup_closed.html": "closed",
    "account/password_change.html": f"change {_FORM}",
    "account/password_reset_from_key.html": f"set {{% if token_fail %}}lapsed{{% endif %}} {_FORM}",
    "account/password_reset_from_key_done.html": "set",
    "account/reauthenticate.html": f"again {_FORM}",
    "mfa/authenticate.html": f"code {_FORM}",
    "mfa/index.html": "factors",
    "mfa/totp/activate_form.html": f"activate {_FORM}",
    "mfa/recovery_codes/index.html": "codes",
    "403_csrf.html": "forged",
    "404.html": "nothing here",
    "403.html": "not allowed",
    "counted.html": "{{ count }}",
}


@pytest.fixture
def site(db, settings, client):
    """A browser on a site made of this room alone."""
    cache.clear()  # the library counts requests by address there
    settings.ROOT_URLCONF = "shuke.shops.tests.urls"
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["APP_DIRS"] = False
    templates[0]["OPTIONS"]["loaders"] = [
        ("django.template.loaders.locmem.Loader", _BARE),
        "django.template.loaders.app_directories.Loader",
    ]
    settings.TEMPLATES = templates
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith("shuke.")]
    return client
