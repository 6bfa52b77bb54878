"""Django's settings, made from environment variables (see `environment.VARIABLES`).

A publisher's own project imports everything from here and may override it.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from standfirst.project import environment

PACKAGE = Path(__file__).resolve().parent
HOME = environment.folder("STANDFIRST_HOME", Path.cwd())
environment.load_file(HOME / ".env")

DEBUG = environment.flag("DEBUG")
STANDFIRST_DEMO = environment.flag("DEMO")
# `standfirst check` refuses to serve without a real key; this one only lets commands start.
SECRET_KEY = environment.text("SECRET_KEY") or "unsafe-" + "x" * 50
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
BASE_URL = environment.text("BASE_URL", "http://localhost:8000").rstrip("/")
ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS") or [urlsplit(BASE_URL).hostname or "localhost"]
TRUSTED_PROXIES = environment.words("TRUSTED_PROXIES")
EDGE_PURGE_URLS = environment.words("EDGE_PURGE_URLS")
# Set by `standfirst serve` for the processes behind the door, which only it can reach.
BEHIND_DOOR = os.environ.get("STANDFIRST_BEHIND_DOOR") == "1"
SECURE = BASE_URL.startswith("https://")

INSTALLED_APPS = [
    "standfirst.publication",
    "standfirst.members",
    "standfirst.subscriptions",
    "standfirst.access",
    "standfirst.articles",
    "standfirst.reading",
    "standfirst.library",
    "standfirst.newsletters",
    "standfirst.account",
    "standfirst.insights",
    "standfirst.project",
    "wagtail.contrib.settings",
    "wagtail.contrib.table_block",
    "wagtail.contrib.redirects",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django_filters",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_tasks",
    "django_tasks_db",
    "anymail",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "standfirst.publication.proxies.believe_our_own",
    "standfirst.reading.middleware.keep_pages",
    "standfirst.project.limits.no_oversized_forms",
    "django.middleware.security.SecurityMiddleware",
    "standfirst.project.safety.only_our_own_scripts",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "standfirst.publication.middleware.at_the_publications_place",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "standfirst.reading.middleware.tell_the_browser",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
]

ROOT_URLCONF = "standfirst.project.urls"
WSGI_APPLICATION = "standfirst.project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "standfirst.publication.context.publication",
            ],
        },
    },
]

# -- data -------------------------------------------------------------------------------------

DATABASES = {
    "default": environment.database(environment.text("DATABASE_URL"), HOME / "standfirst.sqlite3")
}

# Rate limits must be shared by every process: Redis where there is one, else the database.
_REDIS = environment.text("REDIS_URL")
_DATABASE_CACHE = {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache",
    "LOCATION": "standfirst_cache",
    # Many readers must not be able to push each other's counts out.
    "OPTIONS": {"MAX_ENTRIES": 200_000},
}
CACHES = {
    "default": {
        "BACKEND": "standfirst.publication.counting.RedisElseDatabase",
        "LOCATION": _REDIS,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
    }
    if _REDIS
    else _DATABASE_CACHE,
    "database": _DATABASE_CACHE,  # also counts while Redis is away
    "renditions": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}

# Kept pages and what the door knows, on this host's disk; may be deleted at any moment.
PAGE_STORE = environment.folder("PAGE_STORE", HOME / "pages")
PAGE_STORE_MAX_BYTES = environment.number("PAGE_STORE_MB", 2000) * 1_000_000

# The library's index, on this host's disk; may be deleted at any moment.
LIBRARY = environment.folder("LIBRARY", HOME / "library")
LIBRARY_FRESHNESS = environment.share("LIBRARY_FRESHNESS", 15)
LIBRARY_SEMANTIC = environment.flag("LIBRARY_SEMANTIC")

# Where a cluster keeps one index for all hosts instead; LIBRARY then holds this host's locks.
SEARCH_URL = environment.search(environment.text("SEARCH_URL"))

# How readers pay: Stripe, or its stand-in for trying things out.
STRIPE_KEY, STRIPE_API = environment.stripe(
    environment.text("STRIPE_KEY"), environment.text("STRIPE_API")
)
STRIPE_WEBHOOK_SECRETS = environment.words("STRIPE_WEBHOOK_SECRET")

# Searches of one member, of all visitors of a network, and of all its readers.
LIBRARY_LIMITS = {
    "member": {"minute": 90, "day": 2_000},
    "visitors": {"minute": 300, "day": 6_000},
    "network": {"minute": 900},
    # Phrases of readers who may not read everything; neighbours: 256 addresses (/24, /48).
    "phrases": {
        "member": {"minute": 60, "day": 300},
        "visitors": {"minute": 120, "day": 600},
        "neighbours": {"day": 4_000},
    },
}

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# -- members ----------------------------------------------------------------------------------

AUTH_USER_MODEL = "members.Member"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "django.contrib.auth.backends.ModelBackend",
    "sesame.backends.ModelBackend",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/account/"

ACCOUNT_ADAPTER = "standfirst.members.adapter.MemberAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_FORMS = {
    "login": "standfirst.members.forms.SignInForm",
    "request_login_code": "standfirst.members.forms.CodeRequestForm",
}
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_NOTIFICATIONS = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Actions of our own (join, choose) are counted by the same library: per network and per address.
ACCOUNT_RATE_LIMITS = {
    "join": "20/m/ip,5/h/key",
    "choose": "60/m/ip,30/m/user",
    "buy": "60/m/ip,30/m/user",
    "bought": "120/m/ip",
    "all_access": "60/m/ip,20/m/user",
    "withdraw": "60/m/ip",
    "withdraw_ask": "10/m/ip,5/h/key",
    # By whom the link names: mail programs unsubscribe many readers from few networks.
    "mail_preferences": "30/m/key",
    "confirm_code": "20/m/ip,10/h/user",
    "send_confirmation": "20/m/ip,3/10m/user",
    "sign_in_link": "20/m/ip",
    "change_address": "20/m/ip,5/h/user",
    "request_login_code": "20/m/ip,3/m/key,12/h/key",
}
MFA_ADAPTER = "standfirst.members.adapter.PasskeyAdapter"
MFA_FORMS = {
    "add_webauthn": "standfirst.members.passkeys.AddPasskeyForm",
    "login_webauthn": "standfirst.members.passkeys.PasskeySignInForm",
    "reauthenticate_webauthn": "standfirst.members.passkeys.PasskeyAgainForm",
}
MFA_SUPPORTED_TYPES = ["webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or STANDFIRST_DEMO
USERSESSIONS_TRACK_ACTIVITY = False

SESAME_TOKEN_NAME = "token"  # noqa: S105  the name of a field
SESAME_ONE_TIME = True
SESAME_MAX_AGE = 60 * 60
SESAME_INVALIDATE_ON_EMAIL_CHANGE = True

SESSION_COOKIE_AGE = 60 * 60 * 24 * 180
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
CSRF_FAILURE_VIEW = "standfirst.project.views.csrf_failure"

# -- the newsroom -----------------------------------------------------------------------------

WAGTAIL_SITE_NAME = "Standfirst"
WAGTAILADMIN_BASE_URL = BASE_URL
# Words looked for in headlines. Wagtail's index in the database took 17 s for a chooser's search
# among 50,000 articles, against some 0.1 s, and made loading them twice as long.
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database.fallback"}}
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAIL_PASSWORD_RESET_ENABLED = False  # colleagues are members: passwords and addresses are theirs
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False  # to change under /account/
WAGTAIL_EMAIL_MANAGEMENT_ENABLED = False
WAGTAIL_AUTO_UPDATE_PREVIEW_INTERVAL = 1000
WAGTAILADMIN_RICH_TEXT_EDITORS = {
    "default": {"WIDGET": "wagtail.admin.rich_text.DraftailRichTextArea"}
}
WAGTAILREDIRECTS_AUTO_CREATE = False  # fails on SQLite past 1,000 pages; articles redirect by slug

# -- language, mail, files --------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

for _name, _value in environment.email(environment.text("EMAIL_URL", "console:")).items():
    globals()[_name] = _value
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM", "Standfirst <post@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
MAIL_WEBHOOK_SECRET = environment.text("MAIL_WEBHOOK_SECRET")
ANYMAIL = {**globals().get("ANYMAIL", {}), **environment.webhook_secret(MAIL_WEBHOOK_SECRET)}
DKIM_KEY, DKIM_SELECTOR = (
    environment.text("DKIM_KEY"),
    environment.text("DKIM_SELECTOR", "standfirst"),
)
MAIL_SENDERS = environment.number("MAIL_SENDERS", 2)
MAIL_CONNECTIONS = environment.number("MAIL_CONNECTIONS", 4)
MAIL_JOURNALS = environment.folder("MAIL_JOURNALS", HOME / "journals")
MAIL_BOUNCES = environment.text("MAIL_BOUNCES")
BOUNCE_MAILBOX = environment.text("BOUNCE_MAILBOX")

MEDIA_ROOT = environment.folder("MEDIA_ROOT", HOME / "media")
MEDIA_URL = "/media/"
STATIC_ROOT = environment.folder("STATIC_ROOT", HOME / "static")
STATIC_URL = "/static/"
STATICFILES_DIRS = [PACKAGE / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_MAX_AGE = 3600
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# -- safety -----------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000  # a form, without its files
NEWSROOM_UPLOAD_MAX_SIZE = 50_000_000  # a form of the newsroom with its pictures
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # a long article's form in the newsroom
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "SAMEORIGIN"  # the newsroom's preview is a frame
# Readers' pages run our own scripts alone. Embeds come in frames; one that brings a script shows
# what it is without it.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: https:",
        "frame-src 'self' https:",
        "object-src 'none'",
        "base-uri 'none'",
        # Forms of ours lead on to where is paid or a card is changed; browsers hold that to this.
        f"form-action 'self' {STRIPE_API or 'https://checkout.stripe.com https://billing.stripe.com'}",
        "frame-ancestors 'self'",
    )
)
if SECURE:
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    CSRF_TRUSTED_ORIGINS = [BASE_URL]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"standfirst": {"level": "INFO"}},
}
