"""Settings, read from the environment. A fresh checkout needs none: state lies in SHUKE_HOME (default ./var).

SHUKE_HOME      folder of database, journal, lake, uploads and the generated secret key
DATABASE_URL    e.g. postgres://user@host/name; default: SQLite in SHUKE_HOME
SHUKE_LAKE      where sealed facts lie: a folder (default: lake in SHUKE_HOME) or s3://bucket/prefix
SHUKE_HOSTS     comma-separated host names that pages answer to (default: localhost, 127.0.0.1, [::1])
SHUKE_HTTPS     1 behind TLS: secure cookies, HSTS
SHUKE_URL       where people open the pages, e.g. https://shuke.example: the links in letters begin with it
SHUKE_MAIL      mail server for letters about alerts, smtp://user:password@host:587?tls=1; default: no letters are sent
SHUKE_MAIL_FROM the sender's address of letters
SHUKE_PREPARED_BYTES  most that days prepared for funnels may take of the disk (default: 8 GiB)
SHUKE_DEMO      1 in a demo installation: its clock may be moved
WAREHOUSE_ENGINE  duckdb (default) or spark: what answers every question
SPARK_MASTER    address of a Spark cluster, spark://host:7077; default: local[*], in the process itself
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from shuke.kernel.durable import sync_folder

IS_TESTING = "pytest" in sys.modules
if IS_TESTING:
    # A run of the tests never meets the state of an installation, nor another run's.
    os.environ["SHUKE_HOME"] = tempfile.mkdtemp(prefix="shuke-test-")
    atexit.register(shutil.rmtree, os.environ["SHUKE_HOME"], ignore_errors=True)
HOME = Path(os.environ.setdefault("SHUKE_HOME", str(Path.cwd() / "var"))).resolve()
HOME.mkdir(parents=True, exist_ok=True)
IS_DEMO = os.environ.get("SHUKE_DEMO") == "1"
IS_HTTPS = os.environ.get("SHUKE_HTTPS") == "1"


def _secret_key() -> str:
    """Made once per installation, readable by its owner only.

    The name appears with its whole content, and once: of several processes at the very first start one gives the key.
    """
    path = HOME / "secret_key"
    if not path.exists():
        fd, part = tempfile.mkstemp(prefix=".secret_key.", dir=HOME)  # 0600
        try:
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(50))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
            sync_folder(HOME)
        finally:
            os.unlink(part)
    return path.read_text().strip()


SECRET_KEY = os.environ.get("SHUKE_SECRET_KEY") or _secret_key()
DEBUG = False
ALLOWED_HOSTS = os.environ.get("SHUKE_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if IS_HTTPS]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "django_q",
    "django_htmx",
    "django_tables2",
    "ninja",
    "rest_framework_api_key",
    "rules.apps.AutodiscoverRulesConfig",
    "csp",
    "shuke.records",
    "shuke.conditions",
    "shuke.shops",
    "shuke.rulebook",
    "shuke.warehouse",
    "shuke.commerce",
    "shuke.traffic",
    "shuke.traffic.alerts",
    "shuke.traffic.funnels",
    "shuke.traffic.routes",
    "shuke.traffic.single_pages",
    "shuke.traffic.entrances",
    "shuke.traffic.flows",
    "shuke.traffic.items",
    "shuke.traffic.search_ads",
    "shuke.traffic.peers",
    "shuke.audience",
    "shuke.audience.contacts",  # before identities: an erasure asks them whose a point is
    "shuke.audience.identities",
    "shuke.audience.value",
    "shuke.audience.forecast",
    "shuke.audience.customers",
    "shuke.audience.segments",
    "shuke.intake",
    "shuke.console",
    "shuke.project",
    # A shop's own pages, for people who try Shuke: in a demo, and nowhere else.
    *(["shuke.demo_shop"] if IS_DEMO or IS_TESTING else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "shuke.console.middleware.ReaderLanguage",
    "shuke.console.middleware.PlainErrors",
    "shuke.project.plain_text.PlainText",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "shuke.project.urls"
WSGI_APPLICATION = "shuke.project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Ours before those of the sign-in package: its pages wear the console's look.
        "DIRS": [Path(__file__).resolve().parent.parent / "console" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shuke.console.context.frame",
            ]
        },
    }
]

# Database: SQLite in WAL mode; every write transaction takes the lock at its start (IMMEDIATE), so none deadlocks.
DATABASES = {
    "default": dj_database_url.config(default=f"sqlite:///{HOME / 'shuke.sqlite3'}", conn_max_age=600)
}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
    }
    # A file, as in real life: threads and processes of a test then wait for one another as they would there.
    DATABASES["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Sign-in
AUTH_USER_MODEL = "shops.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "rules.permissions.ObjectPermissionBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
if IS_TESTING:  # a good hash is slow on purpose; tests make many people
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "shuke.shops.sign_in.InvitedOnlyAdapter"
ACCOUNT_RATE_LIMITS = {
    "login_failed": False
}  # django-axes counts failed sign-ins; two counters would disagree
ACCOUNT_LOGOUT_ON_GET = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "shuke.shops.sign_in.CodeForm",
    "reauthenticate": "shuke.shops.sign_in.CodeAgainForm",
}
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "shuke.shops.sign_in.client_username"
AXES_LOCKOUT_CALLABLE = "shuke.shops.sign_in.locked_out"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 31536000 if IS_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Language: message ids are English; 简体中文 beside each room in its locale folder.
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "shuke_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
SITE_NAME = _("Shuke")

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("SHUKE_STATIC", HOME / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_TESTING
        else "shuke.project.static_files.PreparedStaticFiles"
    },
}
WHITENOISE_USE_FINDERS = IS_TESTING
UPLOADS = HOME / "uploads"
FILE_UPLOAD_HANDLERS = [
    "shuke.intake.files.receiving.AllowedFiles",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
SITE_URL = os.environ.get("SHUKE_URL", "")
# Letters are about alerts only, and only where a mail server is named; one that a package would write by itself must not
# end up in the logs, token and all.
_mail = urlsplit(os.environ.get("SHUKE_MAIL", ""))
if _mail.hostname:
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _mail.hostname
    EMAIL_PORT = _mail.port or 25
    EMAIL_HOST_USER = unquote(_mail.username or "")
    EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
    EMAIL_USE_TLS = "tls=1" in _mail.query
    EMAIL_USE_SSL = "ssl=1" in _mail.query
    EMAIL_TIMEOUT = 20
else:
    EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
DEFAULT_FROM_EMAIL = os.environ.get("SHUKE_MAIL_FROM", "shuke@localhost")

# Work outside a request. A chunk lasts seconds; one that is not done after `timeout` was killed and runs again.
Q_CLUSTER = {
    "name": "shuke",
    "orm": "default",
    "workers": 1,
    "timeout": 240,
    "retry": 300,
    "poll": 0.5,
    "recycle": 100,
    "max_attempts": 0,
    "ack_failures": True,
    "catch_up": False,
    "label": "shuke",
    "save_limit": 200,
}

# The two tiers of facts
JOURNAL = HOME / "journal"
# Days prepared for funnels, of all shops; above it those go that were not asked for longest.
PREPARED_BYTES = int(os.environ.get("SHUKE_PREPARED_BYTES", 8 * 1024**3))
JOURNAL_BYTES = int(os.environ.get("SHUKE_JOURNAL_BYTES", 4 * 1024**3))  # above it senders are told to wait
_lake = os.environ.get("SHUKE_LAKE", str(HOME / "lake")).rstrip("/")
LAKE: Path | str = _lake if "://" in _lake else Path(_lake)
OPEN_TIER = HOME / "open"
LOCKS = HOME / "locks"
WAREHOUSE_ENGINE = os.environ.get("WAREHOUSE_ENGINE", "duckdb")
SPARK_MASTER = os.environ.get("SPARK_MASTER", "local[*]")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("SHUKE_LOG", "INFO")},
    "loggers": {"django.security.DisallowedHost": {"level": "CRITICAL"}, "axes": {"level": "WARNING"}},
}
