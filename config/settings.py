"""Django's settings. Everything that differs between installations comes from the environment (`.env.example`)."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery.schedules import crontab

from config import environment as env
from config import logs, providers

BASE_DIR = Path(__file__).resolve().parent.parent
PRODUCT_NAME = "Docent"

DOCENT_ENV = env.kind()
IS_PRODUCTION = DOCENT_ENV == env.PRODUCTION
DOCENT_HOME = Path(env.text("DOCENT_HOME", str(BASE_DIR / ".local")))
DEBUG = False

DEFAULT_SECRET_KEY = "only-for-one-machine-and-refused-in-production"
DEFAULT_SEAL_KEYS = "1:b25seS1mb3Itb25lLW1hY2hpbmUtYW5kLXJlZnVzZWQ="
SECRET_KEY = env.text("SECRET_KEY", DEFAULT_SECRET_KEY)
SEAL_KEYS = env.seal_keys(env.text("SEAL_KEYS", DEFAULT_SEAL_KEYS))
PUBLIC_URL = env.address("PUBLIC_URL", f"http://127.0.0.1:{env.number('PORT', 8000, most=65_535)}").rstrip("/")
ALLOWED_HOSTS = env.text("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

# Applications of the shared schema, and those whose tables stand in every workspace's schema.
SHARED_APPS = [
    # Before django_tenants, whose pages for it have styles in the line, which the security policy forbids.
    "django.contrib.admin",
    "django_tenants",
    "config",
    "accounts",
    "billing",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "lucide",
]
TENANT_APPS = ["usage", "tasks", "agent"]
# The demo and its command do not exist in production.
if not IS_PRODUCTION:
    SHARED_APPS.append("devkit")
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL = "accounts.Workspace"
TENANT_LIMIT_SET_CALLS = True
DATABASE_ROUTERS = ["accounts.schemas.WorkspaceRouter", "django_tenants.routers.TenantSyncRouter"]
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

MIDDLEWARE = [
    "config.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.RefuseNul",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.impersonation_edge.ImpersonationMiddleware",
    "accounts.middleware.WorkspaceMiddleware",
    "billing.middleware.PlanGateMiddleware",
]
ROOT_URLCONF = "config.urls"
CSRF_FAILURE_VIEW = "config.views.forgery"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.product",
                "accounts.impersonation_edge.shown",
                "agent.shell.member",
            ],
        },
    }
]

# The owner migrates, fills the pool of schemas and erases; the web login serves. See docs/operations.md.
ALLOW_WEAK_ISOLATION = env.flag("ALLOW_WEAK_ISOLATION")
_owner_url = env.text("DATABASE_URL", "")
_web_url = env.text("DATABASE_WEB_URL", "") or (
    _owner_url if ALLOW_WEAK_ISOLATION else env.web_database_url(_owner_url, SECRET_KEY) if _owner_url else ""
)
DATABASES: dict[str, Any] = {
    "default": env.database(_web_url or "postgresql://docent_web@127.0.0.1/docent"),
}
DATABASES["default"]["OPTIONS"] |= {
    "roles": not ALLOW_WEAK_ISOLATION,
    "pool": {"min_size": 1, "max_size": env.number("DATABASE_POOL", 14), "max_lifetime": 600, "timeout": 10},
}
# Set by the web process alone: a job may wait.
if env.text("DATABASE_LOCK_SECONDS", ""):
    DATABASES["default"]["OPTIONS"]["options"] = f"-c lock_timeout={env.number('DATABASE_LOCK_SECONDS', 2)}s"
if _owner_url:
    DATABASES["owner"] = env.database(_owner_url)

# Of Django in the web process; payments have some of their own.
THREADS = env.number("THREADS", 8)
REDIS_URL = env.redis("REDIS_URL", "redis://127.0.0.1:6379/0")
CHROMA_URL = env.text("CHROMA_URL", "http://127.0.0.1:8001")
# Where the workers see Chroma's own files, if they do: those of erased workspaces are removed at once.
CHROMA_FILES = env.text("CHROMA_FILES", "")
EMBEDDER_DIR = env.folder("EMBEDDER_DIR", DOCENT_HOME / "embedder")
# How many ready schemas wait for the next sign-ups: twice the sign-ups expected during one refill.
WARM_SCHEMAS = env.number("WARM_SCHEMAS", 20)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())

# Notion: the real one unless the embedded emulator's address is given.
NOTION_API_URL = env.text("NOTION_API_URL", "https://api.notion.com").rstrip("/")
NOTION_VERSION = "2026-03-11"
NOTION_CLIENT_ID = env.text("NOTION_CLIENT_ID", "")
NOTION_CLIENT_SECRET = env.text("NOTION_CLIENT_SECRET", "")
# Instead of the one that `manage.py notion_webhook open` waits for.
NOTION_WEBHOOK_TOKEN = env.text("NOTION_WEBHOOK_TOKEN", "")
# How long a sync may be silent before another worker takes it over. One answer of Notion may take 60.
SYNC_LEASE_SECONDS = env.number("SYNC_LEASE_SECONDS", 90)
# The first pause after a failure of Notion; later ones grow.
NOTION_FIRST_PAUSE_SECONDS = env.decimal("NOTION_FIRST_PAUSE_SECONDS", 1, least=0)
NOTION_REQUESTS_PER_SECOND = env.decimal("NOTION_REQUESTS_PER_SECOND", 2.9, least=0.01)

# Signing in: one set of checks (allauth's) for pages and programs.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["accounts.passwords.Argon2id", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
ACCOUNT_SIGNUP_REDIRECT_URL = "connect"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {"signup": "billing.forms.SignupForm"}
EMAIL_VERIFICATION_REQUIRED = env.flag("EMAIL_VERIFICATION_REQUIRED", default=IS_PRODUCTION)
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_VERIFICATION_REQUIRED else "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
_networks = env.rates("LIMIT_SIGNUP_NETWORK", "20/d/key" if IS_PRODUCTION else "")
ACCOUNT_RATE_LIMITS = {
    "login_failed": env.rates("LIMIT_LOGIN_FAILED", "10/m/ip,5/5m/key"),
    "signup": env.rates("LIMIT_SIGNUP", "20/m/ip"),
    # For each network rather than address: a whole /24, or /64 of IPv6, belongs to one customer of a provider.
    **({"signup_network": _networks} if _networks else {}),
}
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_FORMS = {"authenticate": "accounts.second_factor.CodeForm", "activate_totp": "accounts.second_factor.SetUpForm"}
MFA_TOTP_ISSUER = PRODUCT_NAME
# One step of 30 seconds before and after, for clocks that differ.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_VERIFICATION_REQUIRED
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", 0, least=0)
# Without a proxy that vouches for it, anybody could say it of himself.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ALLAUTH_TRUSTED_PROXY_COUNT else None
# Mails of a single machine are shown on a page of its own, /mails, to anybody who can open it. Without an address to
# send them to, they are shown there alone.
SHOWS_MAILS = not IS_PRODUCTION and urlsplit(PUBLIC_URL).hostname in {"127.0.0.1", "localhost", "::1"}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_TIMEOUT = 10
if env.text("EMAIL_URL", ""):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    _mail = env.mail(env.text("EMAIL_URL"))
    EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.use_tls, _mail.use_ssl
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "Docent <docent@localhost>")
# Told of what waits for staff; empty: nobody.
STAFF_MAIL = env.text("STAFF_MAIL", "")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.AccessTokenAuthentication",
        "accounts.authentication.BrowserSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated", "billing.permissions.PlanIsOpen"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.negotiation.Negotiation",
    "EXCEPTION_HANDLER": "billing.refusals.handler",
    "DEFAULT_SCHEMA_CLASS": "config.schema.Schema",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=30),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": env.text("TOKEN_SIGNING_KEY", f"access tokens {SECRET_KEY}"),
    "AUDIENCE": "docent",
    "ISSUER": "docent",
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Docent",
    "DESCRIPTION": "Ask your Notion workspace, with sources. Errors are RFC 9457 problem documents.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
        "config.openapi.describe_problems",
        "config.examples.show",
        "accounts.scopes.describe",
    ],
}

# Celery carries ids only; what is to be done stands in Postgres (`accounts.Job`).
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A child reads the model before it takes work; Celery's own four seconds are too few on a busy machine.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 60
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_timeout": 10}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-jobs": {"task": "accounts.jobs.sweep", "schedule": 5.0},
    "fill-pool": {"task": "accounts.jobs.fill_pool", "schedule": 30.0},
    "process-payment-events": {"task": "billing.jobs.process_events", "schedule": 30.0},
    "reconcile-payments": {"task": "billing.jobs.reconcile", "schedule": crontab(hour="3", minute="30")},
    "ask-unheard-renewals": {"task": "billing.jobs.ask_unheard", "schedule": 300.0},
    "tell-payment-contacts": {"task": "billing.jobs.tell_contacts", "schedule": 60.0},
    "take-notion-events": {"task": "agent.jobs.take_events", "schedule": 15.0},
    "forget-notion-events": {"task": "agent.jobs.forget_events", "schedule": 3600.0},
    "send-mails": {"task": "accounts.jobs.send_mails", "schedule": 10.0},
    "remind": {"task": "billing.jobs.remind", "schedule": 60.0},
    "withdraw-lapsed-wishes": {"task": "billing.jobs.withdraw_lapsed", "schedule": 60.0},
    "look-after-syncs": {"task": "agent.jobs.look_after_syncs", "schedule": 30.0},
    "look-after-deleted": {"task": "agent.jobs.look_after_deleted", "schedule": 60.0},
    "erase-ended": {"task": "agent.jobs.erase_ended", "schedule": 900.0},
    "end-impersonations": {"task": "accounts.jobs.end_impersonations", "schedule": 60.0},
    "forget-expired": {"task": "accounts.jobs.forget_expired", "schedule": 3600.0},
}

# The manual gateway applies a change of plan at once; on a hosted installation only staff may approve one.
BILLING_GATEWAY = env.text("BILLING_GATEWAY", "manual")
STRIPE_API_URL = env.text("STRIPE_API_URL", "https://api.stripe.com")
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY", "")
# Several while one is replaced by the next.
STRIPE_WEBHOOK_SECRETS = [part.strip() for part in env.text("STRIPE_WEBHOOK_SECRETS", "").split(",") if part.strip()]
TRIAL_DAYS = env.number("TRIAL_DAYS", 7, most=3_650)
TRIAL_REQUESTS = env.number("TRIAL_REQUESTS", 120, least=0)
TRIAL_QUESTIONS_A_MINUTE = env.number("TRIAL_QUESTIONS_A_MINUTE", 30)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles" if IS_PRODUCTION else None
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# A form of the plan page is answered with the address where one pays; the stand-in's only on one machine.
_payment_pages = ["https://checkout.stripe.com", "https://billing.stripe.com"] if BILLING_GATEWAY == "stripe" else []
if BILLING_GATEWAY == "stripe" and not IS_PRODUCTION and STRIPE_API_URL != "https://api.stripe.com":
    _payment_pages = [STRIPE_API_URL]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'", *_payment_pages],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PRODUCTION
if IS_PRODUCTION:
    # Browsers take such a cookie from this very host alone, over TLS.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    # Without a proxy that says so, no request would ever count as one over TLS.
    SECURE_SSL_REDIRECT = ALLAUTH_TRUSTED_PROXY_COUNT > 0
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
# To be built into browsers is for who owns the domain to ask for, and hard to take back.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOG_FORMAT = env.one_of("LOG_FORMAT", "json" if IS_PRODUCTION else "text", tuple(logs.FORMATS))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": logs.FORMATS[LOG_FORMAT]}},
    "filters": {"without address": {"()": logs.WithoutAddress}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.one_of("LOG_LEVEL", "INFO", LEVELS)},
    # httpx writes every address at INFO, and Notion's callback addresses hold one-time codes.
    "loggers": {
        **{name: {"level": "WARNING"} for name in ("httpx", "httpcore", "httpx2", "httpcore2", "stripe")},
        **{name: {"filters": ["without address"]} for name in ("django.request", "django.security.csrf")},
    },
}

# Asking: how passages are chosen, and how long one run may take.
RETRIEVAL_DENSE_WEIGHT = env.decimal("RETRIEVAL_DENSE_WEIGHT", 0.5, least=0, most=1)
RETRIEVAL_LIMIT = env.number("RETRIEVAL_LIMIT", 8)
RUN_TIME_LIMIT = env.number("RUN_TIME_LIMIT", 60)
# Whatever hangs beyond its limit is ended from outside.
RUN_HARD_TIME_LIMIT = RUN_TIME_LIMIT + 30
# Shorter than a client waits (config.waiting), so that it still hears of a run whose worker was killed.
RUN_LEASE_SECONDS = env.number("RUN_LEASE_SECONDS", 30)
# How long quota is reserved for a run. config.checks insists that it outlives the run.
HOLD_LIFE_SECONDS = 15 * 60
# How many clients may wait or stream in one web process; each holds a connection to Redis and nothing else.
STREAM_CLIENTS = env.number("STREAM_CLIENTS", 5_000)
# The models that may answer beside our own, which needs no key: see docs/models.md.
MODELS = providers.read(env.text("MODELS", ""))
# For whoever chose none; empty: our own. Then those that take over when it fails.
MODEL = env.text("MODEL", "")
MODEL_FALLBACK = [name.strip() for name in env.text("MODEL_FALLBACK", "").split(",") if name.strip()]
# Where a workspace may use a key of its own, beside the vendors.
MODEL_ADDRESSES = providers.addresses("MODEL_ADDRESSES", env.text("MODEL_ADDRESSES", ""))
# A model that says nothing for so long has failed.
MODEL_SILENCE_SECONDS = env.decimal("MODEL_SILENCE_SECONDS", 20, least=0.1)
