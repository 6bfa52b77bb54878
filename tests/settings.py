"""Settings for tests: quick, on SQLite, or on PostgreSQL where DATABASE_URL names one."""

import os
import tempfile

os.environ.setdefault("STANDFIRST_HOME", tempfile.mkdtemp(prefix="standfirst-test-"))
os.environ.setdefault("SECRET_KEY", "for-tests-only-" + "x" * 50)
os.environ.setdefault("DEMO", "1")
os.environ.setdefault("BASE_URL", "http://testserver")

from standfirst.project.settings import *  # noqa: F403
from standfirst.project.settings import DATABASES, HOME, STORAGES

ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "renditions": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "r"},
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, so that threads and processes can attack it as they would in earnest.
    DATABASES["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}
