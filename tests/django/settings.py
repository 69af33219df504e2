"""A site as somebody runs it today, for the tests that change over to ours. The environment says which
database it has; everything else is Django's default, or what django-phone-auth asks for."""

import os

SECRET_KEY = os.environ["SITE_SECRET_KEY"]
SECRET_KEY_FALLBACKS = os.environ.get("SITE_SECRET_KEY_FALLBACKS", "").split()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = os.environ.get("SITE_USE_TZ") != "false"
TIME_ZONE = os.environ.get("SITE_TIME_ZONE", "America/Chicago")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "phonenumber_field",
    "phone_auth",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
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
ROOT_URLCONF = "pages"
AUTHENTICATION_BACKENDS = ["phone_auth.backend.CustomAuthBackend"]
if "SITE_SHARES_HASHES" in os.environ:
    PASSWORD_HASHERS = [
        "hashers.SharedArgon2PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/accounts/profile/"
LOGOUT_REDIRECT_URL = "/"

if "SITE_POSTGRES" in os.environ:
    from urllib.parse import parse_qs, unquote, urlsplit

    _url = urlsplit(os.environ["SITE_POSTGRES"])
    # As everybody else reads such a URL: a host among the parameters goes before the one in front of the path.
    _host = parse_qs(_url.query).get("host", [_url.hostname or ""])[0]
    _database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _url.path.lstrip("/"),
        "HOST": unquote(_host),
        "PORT": str(_url.port or parse_qs(_url.query).get("port", [""])[0]),
        "USER": unquote(_url.username or ""),
        "PASSWORD": unquote(_url.password or ""),
        "TIME_ZONE": os.environ.get("SITE_DATABASE_TIME_ZONE"),
    }
else:
    _database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SITE_SQLITE"],
        "OPTIONS": {"timeout": 20},
    }
DATABASES = {"default": _database}
