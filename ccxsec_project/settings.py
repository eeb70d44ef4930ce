"""Every setting of the product, read from the environment or from `.env` (docs/settings.md).

The environment wins over `.env`. A relative path is taken from the folder of the checkout.
"""

import warnings
from zoneinfo import available_timezones

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from ccxsec_project.environment import (
    BASE_DIR,
    env,
    integer,
    long_secret,
    one_like,
    one_of,
    pairs,
    path,
    secret,
)
from ccxsec_project.server_addresses import LIMITS, checked_ldap_url, checked_redis_url
from certificates.host import own_names
from certificates.local_files import INSTALLATION, create_once, new_secret_key
from certificates.outgoing import Allowed
from certificates.syslog import checked_address

# --- Where things are -------------------------------------------------------------------------
# Everything that the product writes: database, keys, store, logs, static files.
CCXSEC_DATA = INSTALLATION.data = path("CCXSEC_DATA", BASE_DIR / "var")
# The folder in which a node's certificates and keys are in force (docs/architecture.md).
CCXSEC_STORE = path("CCXSEC_STORE", CCXSEC_DATA / "store")
# Master keys that seal every secret in the database; the environment wins over the file.
CCXSEC_MASTER_KEYS = secret("CCXSEC_MASTER_KEYS")
CCXSEC_MASTER_KEY_FILE = path("CCXSEC_MASTER_KEY_FILE", CCXSEC_DATA / "master.keys")
# Newest hash of the audit log, outside the database, so that a cut tail is seen.
CCXSEC_AUDIT_ANCHOR = path("CCXSEC_AUDIT_ANCHOR", CCXSEC_DATA / "audit.anchor")

# --- Serving ------------------------------------------------------------------------------------
# The address to serve at; empty: every address of the machine, IPv4 and IPv6. A path: a unix
# socket without TLS, for the proxy on this machine.
CCXSEC_BIND = env.str("CCXSEC_BIND", default="")
CCXSEC_PORT = integer("CCXSEC_PORT", 8443, least=1, most=65535)
CCXSEC_WEB_WORKERS = integer("CCXSEC_WEB_WORKERS", 2, least=1, most=256)
CCXSEC_WEB_THREADS = integer("CCXSEC_WEB_THREADS", 16, least=1, most=1024)
# What Prometheus must show to read /metrics (as a bearer token); empty: there is no such page.
CCXSEC_METRICS_TOKEN = long_secret("CCXSEC_METRICS_TOKEN", 32)
# Seconds without a sign of life after which the worker cluster is restarted.
CCXSEC_HEARTBEAT_LIMIT = integer("CCXSEC_HEARTBEAT_LIMIT", 180, least=3)
# Name and addresses of the local node at its first start; found by itself when empty.
CCXSEC_HOST_NAME = env.str("CCXSEC_HOST_NAME", default="")
CCXSEC_ADDRESSES = env.list("CCXSEC_ADDRESSES", default=[])
# The first administrator; an empty password means: make one and print it once.
CCXSEC_ADMIN_USER = env.str("CCXSEC_ADMIN_USER", default="admin")
CCXSEC_ADMIN_PASSWORD = secret("CCXSEC_ADMIN_PASSWORD")

# --- Signing in --------------------------------------------------------------------------------
# Failed attempts of a name from an address, after which it waits; ten times as many of an
# address with any name, and of a name from anywhere.
CCXSEC_LOCK_OUT_AFTER = integer("CCXSEC_LOCK_OUT_AFTER", 5, least=2, most=100)
CCXSEC_LOCK_OUT_SECONDS = integer("CCXSEC_LOCK_OUT_SECONDS", 15 * 60, least=1, most=24 * 3600)
# Seconds after which the password is asked again before something dangerous.
CCXSEC_REAUTHENTICATE_AFTER = integer("CCXSEC_REAUTHENTICATE_AFTER", 600, least=10, most=8 * 3600)
# Who must have a second factor; "administrators": who may configure the product.
CCXSEC_REQUIRE_SECOND_FACTOR = one_of(
    "CCXSEC_REQUIRE_SECOND_FACTOR",
    "nobody",
    ("nobody", "administrators", "everybody"),
    "administrators",
)

# --- OpenID Connect (docs/sign-in.md): off while there is no issuer ----------------------------
CCXSEC_OIDC_ISSUER = env.str("CCXSEC_OIDC_ISSUER", default="")
CCXSEC_OIDC_NAME = env.str("CCXSEC_OIDC_NAME", default="the identity provider")
CCXSEC_OIDC_CLIENT_ID = env.str("CCXSEC_OIDC_CLIENT_ID", default="")
CCXSEC_OIDC_CLIENT_SECRET = secret("CCXSEC_OIDC_CLIENT_SECRET")
CCXSEC_OIDC_SCOPE = env.str("CCXSEC_OIDC_SCOPE", default="openid profile")
# The claim with the provider's groups, and which of ours each of them is: theirs=ours,theirs=ours
CCXSEC_OIDC_GROUPS_CLAIM = env.str("CCXSEC_OIDC_GROUPS_CLAIM", default="groups")
CCXSEC_OIDC_GROUPS = pairs("CCXSEC_OIDC_GROUPS")
CCXSEC_OIDC_CA_FILE = env.str("CCXSEC_OIDC_CA_FILE", default="")

# --- An LDAP directory (docs/sign-in.md): off while there is no server --------------------------
CCXSEC_LDAP_URL = one_like("CCXSEC_LDAP_URL", "", checked_ldap_url)
# Where people are, and the attribute that holds the name that they sign in with.
CCXSEC_LDAP_BASE = env.str("CCXSEC_LDAP_BASE", default="")
CCXSEC_LDAP_NAME_ATTRIBUTE = env.str("CCXSEC_LDAP_NAME_ATTRIBUTE", default="uid")
# The account by which the product looks them up; empty: the directory tells everybody.
CCXSEC_LDAP_BIND_DN = env.str("CCXSEC_LDAP_BIND_DN", default="")
CCXSEC_LDAP_BIND_PASSWORD = secret("CCXSEC_LDAP_BIND_PASSWORD")
# Where their groups are (empty: as the people), how one names a member, and which of ours each is.
CCXSEC_LDAP_GROUP_BASE = env.str("CCXSEC_LDAP_GROUP_BASE", default="")
CCXSEC_LDAP_MEMBERS = env.str(
    "CCXSEC_LDAP_MEMBERS", default="(|(member={dn})(uniqueMember={dn})(memberUid={name}))"
)
CCXSEC_LDAP_GROUPS = pairs("CCXSEC_LDAP_GROUPS")
CCXSEC_LDAP_CA_FILE = env.str("CCXSEC_LDAP_CA_FILE", default="")
if CCXSEC_LDAP_BIND_DN and not CCXSEC_LDAP_BIND_PASSWORD:
    raise ImproperlyConfigured("CCXSEC_LDAP_BIND_DN needs CCXSEC_LDAP_BIND_PASSWORD")
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
if CCXSEC_LDAP_URL:
    if not CCXSEC_LDAP_BASE:
        raise ImproperlyConfigured("CCXSEC_LDAP_URL needs CCXSEC_LDAP_BASE, where people are")
    AUTHENTICATION_BACKENDS += ["ccxsec_project.authentication.directory_backend.DirectoryBackend"]

# Where the command was called from; set by the launcher, which changes to its own folder.
CCXSEC_CALLED_FROM = env.str("CCXSEC_CALLED_FROM", default="")

# What may be probed beside loopback and the cluster's own nodes: addresses, networks, host names.
CCXSEC_PROBE_ALLOWED = env.list("CCXSEC_PROBE_ALLOWED", default=[])
# The only places of mail server, webhook, log server, SFTP and SSH: addresses, networks, host
# names; empty: anywhere but where nobody may ask.
CCXSEC_OUTGOING_ALLOWED = env.list("CCXSEC_OUTGOING_ALLOWED", default=[])
for name in ("CCXSEC_PROBE_ALLOWED", "CCXSEC_OUTGOING_ALLOWED"):
    try:
        Allowed.of(globals()[name])
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None

# --- Policy -------------------------------------------------------------------------------------
# False refuses RSA 1024 and everything else that is marked "legacy".
CCXSEC_ALLOW_LEGACY = env.bool("CCXSEC_ALLOW_LEGACY", default=True)

# --- API ----------------------------------------------------------------------------------------
# The longest time, in days, for which an API token can be made.
CCXSEC_API_TOKEN_DAYS = integer("CCXSEC_API_TOKEN_DAYS", 365, least=1, most=3650)
# True: the paths of the original's API also take user name and password; a token always works.
CCXSEC_API_BASIC = env.bool("CCXSEC_API_BASIC", default=False)

# --- IPsec --------------------------------------------------------------------------------------
# Where the IKE daemon of this server listens: strongSwan's vici, a unix socket.
CCXSEC_IPSEC_SOCKET = env.str("CCXSEC_IPSEC_SOCKET", default="/var/run/charon.vici")
# How many days the history of negotiations is kept.
CCXSEC_IPSEC_HISTORY_DAYS = integer("CCXSEC_IPSEC_HISTORY_DAYS", 90, least=1, most=3650)

# --- Certificate Monitor ------------------------------------------------------------------------
# Where operators reach the product, for the links in messages; empty: its name and port.
CCXSEC_BASE_URL = env.str("CCXSEC_BASE_URL", default="")
# The mail server, where none is set on the page. Security: starttls, tls or none; port 0: the
# usual one.
CCXSEC_SMTP_HOST = env.str("CCXSEC_SMTP_HOST", default="")
CCXSEC_SMTP_PORT = integer("CCXSEC_SMTP_PORT", 0, most=65535)
CCXSEC_SMTP_SECURITY = one_of(
    "CCXSEC_SMTP_SECURITY", "starttls", ("starttls", "tls", "none"), "starttls"
)
CCXSEC_SMTP_USER = secret("CCXSEC_SMTP_USER")
CCXSEC_SMTP_PASSWORD = secret("CCXSEC_SMTP_PASSWORD")
CCXSEC_SMTP_FROM = env.str("CCXSEC_SMTP_FROM", default="")
# CA certificates in PEM that are trusted besides those of the system: mail server, webhook.
CCXSEC_SMTP_CA_FILE = env.str("CCXSEC_SMTP_CA_FILE", default="")
CCXSEC_WEBHOOK_CA_FILE = env.str("CCXSEC_WEBHOOK_CA_FILE", default="")
# Where syslog lines go, once they are switched on: a socket of this machine, or host:port (UDP).
CCXSEC_SYSLOG = one_like("CCXSEC_SYSLOG", "/dev/log", checked_address)

# --- Django -------------------------------------------------------------------------------------
DEBUG = env.bool("CCXSEC_DEBUG", default=False)
# Signs sessions and the worker's payloads: as secret as the private keys.
SECRET_KEY = secret("CCXSEC_SECRET_KEY") or create_once(CCXSEC_DATA / "secret.key", new_secret_key)
ALLOWED_HOSTS = env.list(
    "CCXSEC_ALLOWED_HOSTS", default=own_names(CCXSEC_HOST_NAME, *CCXSEC_ADDRESSES)
)
CSRF_TRUSTED_ORIGINS = env.list("CCXSEC_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "ccxsec_project.apps.ProjectConfig",
    "ccxsec_project.apps.SiteConfig",
    "ccxsec_project.authentication.apps.AuthenticationConfig",
    "certificates.apps.CertificatesConfig",
    "ipsec.apps.IpsecConfig",
    "bulk.apps.BulkConfig",
    "ccxsec_project.api.apps.ApiConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "crispy_forms",
    "django_q",
]
LOGIN_REDIRECT_URL = "admin:index"
MESSAGE_STORAGE = "ccxsec_project.language.MessageStorage"
MIDDLEWARE = [
    "ccxsec_project.access_log.AccessLog",
    # The next two are around all others, so that their answers carry the headers, too.
    "ccxsec_project.middleware.AnswerHeaders",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ccxsec_project.middleware.KnownMethods",
    "ccxsec_project.health.Probes",
    "ccxsec_project.api.gate.ApiGate",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ccxsec_project.language.ReadersLanguage",
    "ccxsec_project.outages.Sessions",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ccxsec_project.middleware.SessionLifetime",
    "ccxsec_project.authentication.middleware.SecondFactorRequired",
    "ccxsec_project.authentication.proof.ProofMiddleware",
    "ccxsec_project.middleware.UploadPlaces",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "ccxsec_project.urls"
WSGI_APPLICATION = "ccxsec_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

with warnings.catch_warnings(action="ignore"):  # what is wrong with it is said below, in one line
    DATABASES = {
        "default": env.db("DATABASE_URL", default=f"sqlite:///{CCXSEC_DATA / 'ccxsec.sqlite3'}")
    }
if "ENGINE" not in DATABASES["default"]:
    raise ImproperlyConfigured("DATABASE_URL is none like postgres://user:password@host/name")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "ccxsec_project.sqlite"
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # as with Django's own engine
    DATABASES["default"]["OPTIONS"] = {
        # A transaction takes the write lock at its start: the lock that operations rely on.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 10)
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Redis for the worker's queue and what processes share; empty: the database and each process.
REDIS_URL = one_like("REDIS_URL", "", checked_redis_url)
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "ccxsec_project.shared_cache.ForgetfulCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "ccxsec",
            "OPTIONS": {"serializer": "ccxsec_project.shared_cache.JsonSerializer"} | LIMITS,
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Who asks for none of these gets CCXSEC_LANGUAGE, and so do mails (docs/translating.md).
LANGUAGES = [("en", "English"), ("ja", "日本語")]
LANGUAGE_CODE = one_of("CCXSEC_LANGUAGE", "en", dict(LANGUAGES), "ja")
USE_I18N = True
USE_TZ = True
TIME_ZONE = one_of("CCXSEC_TIME_ZONE", "UTC", available_timezones(), "Europe/Berlin")

STATIC_URL = "/static/"
STATIC_ROOT = CCXSEC_DATA / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# What is uploaded stays in memory: a temporary file would hold it in the clear.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
# A chain has up to 4 MiB; it comes back in base64 when the operator installs what was checked.
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE = 7 * 1024 * 1024

CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "ccxsec"

# --- Security headers and cookies ---------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],  # dialogs and pages that refresh themselves
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
SECURE_SSL_REDIRECT = True
# A load balancer asks them by address, and may do so without TLS: they tell nothing secret.
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]
SECURE_HSTS_SECONDS = integer("CCXSEC_HSTS_SECONDS", 30 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Only behind a proxy that sets this header itself and is the only way in.
if env.bool("CCXSEC_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

SESSION_COOKIE_NAME = "__Host-ccxsec-session"
CSRF_COOKIE_NAME = "__Host-ccxsec-csrf"
LANGUAGE_COOKIE_NAME = "__Host-ccxsec-language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600  # seconds
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = 30 * 60  # seconds without a request
CCXSEC_SESSION_MAXIMUM = 8 * 3600  # seconds after the sign-in, whatever happens

# --- The worker ---------------------------------------------------------------------------------
Q_CLUSTER = {
    # A row of its schedule table may name any function: `certificates.queue_guard` lets our own
    # pass, and nothing else.
    "scheduler": True,
    "name": "ccxsec",
    "label": "Background worker",
    **(
        {"broker_class": "certificates.redis_queue.RedisQueue"} if REDIS_URL else {"orm": "default"}
    ),
    "workers": 2,
    "poll": 0.5,
    "timeout": 300,
    "retry": 360,
    "max_attempts": 2,
    "ack_failures": True,
    "catch_up": False,
    "guard_cycle": 1,
    "daemonize_workers": True,
    "save_limit": 50,
}

# --- Logs ---------------------------------------------------------------------------------------
DEFAULT_EXCEPTION_REPORTER_FILTER = "ccxsec_project.logs.SilentReporterFilter"
ACCESS = "ccxsec.access"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "ccxsec_project.logs.OneLineFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
        "json": {"()": "ccxsec_project.logs.JsonFormatter"},
    },
    "filters": {"unknown host": {"()": "ccxsec_project.logs.UnknownHost"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            # One record a line, or one JSON object a line.
            "formatter": one_of("CCXSEC_LOG_FORMAT", "line", ("line", "json"), "json"),
        }
    },
    "root": {
        "handlers": ["console"],
        "level": one_of("CCXSEC_LOG_LEVEL", "INFO", LOG_LEVELS, "INFO"),
    },
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django-q": {"level": "WARNING"},
        # One record for each answer, where it is asked for.
        ACCESS: {"level": "INFO" if env.bool("CCXSEC_ACCESS_LOG", default=False) else "CRITICAL"},
        # Its threads log traces of what is told in a sentence by who waits for them.
        "paramiko": {"level": "CRITICAL"},
        # A host that is none of ours is the client's mistake: a line, no trace.
        "django.security.DisallowedHost": {"filters": ["unknown host"]},
        # 403 and 404 are answers; what somebody did is in the audit log.
        "django.request": {"level": "ERROR"},
    },
}
