//! The settings for a site beside, or after, one that Django runs.

use phone_auth::core::password::DjangoIterations;
use phone_auth::tokens::django::TimeZone;

use super::setting::{FILE, Setting, TIME, YES_OR_NO, put, some_time, text, texts};
use super::value::Given;

/// All of them.
pub(super) static SETTINGS: &[Setting] = &[
    Setting {
        name: "django_secret_key_file",
        right: FILE,
        default: "none",
        does: "the file that holds the SECRET_KEY of the Django site that is left behind",
        take: |to, given| put(&mut to.django_secret_key_file, given.path().map(Some)),
    },
    Setting {
        name: "django_secret_key_fallback_files",
        right: "a list of paths of files",
        default: "none",
        does: "files with its SECRET_KEY_FALLBACKS, in their order",
        take: |to, given| put(&mut to.django_secret_key_fallback_files, given.paths()),
    },
    Setting {
        name: "django_sessions",
        right: YES_OR_NO,
        default: "false",
        does: "whether one who is logged in at the Django site is logged in here, and the other way round",
        take: |to, given| put(&mut to.django_sessions, given.boolean()),
    },
    Setting {
        name: "django_session_cookie_name",
        right: "the name of a cookie",
        default: "sessionid",
        does: "its SESSION_COOKIE_NAME, which the cookie has here too while sessions are shared",
        take: |to, given| put(&mut to.django_session_cookie_name, text(given)),
    },
    Setting {
        name: "django_session_cookie_domain",
        right: "a domain such as example.org",
        default: "none",
        does: "its SESSION_COOKIE_DOMAIN, if it has one; the host of site_url must be in it",
        take: |to, given| put(&mut to.django_session_cookie_domain, text(given).map(Some)),
    },
    Setting {
        name: "django_auth_backend",
        right: "the path of a class",
        default: "phone_auth.backend.CustomAuthBackend",
        does: "one of its AUTHENTICATION_BACKENDS, named in the sessions that begin here",
        take: |to, given| put(&mut to.django_auth_backend, text(given)),
    },
    Setting {
        name: "django_auth_backends",
        right: "a list of paths of classes",
        default: "the one above, and django.contrib.auth.backends.ModelBackend",
        does: "its AUTHENTICATION_BACKENDS: whom another class has let in there is nobody here",
        take: |to, given| put(&mut to.django_auth_backends, texts(given).map(Some)),
    },
    Setting {
        name: "accept_django_tokens_until",
        right: "a time with its offset from UTC such as 2026-12-01T00:00:00Z",
        default: "none",
        does: "until when links that the Django site has sent still work; they can be forged, so a few days",
        take: |to, given| put(&mut to.accept_django_tokens_until, given.time().map(Some)),
    },
    Setting {
        name: "django_time_zone",
        right: "the name of a time zone such as Europe/Berlin or UTC",
        default: "America/Chicago",
        does: "its TIME_ZONE, by whose clock its links grow old; Django's own default",
        take: |to, given| {
            put(
                &mut to.django_time_zone,
                TimeZone::named(given.text()?).ok(),
            )
        },
    },
    Setting {
        name: "django_use_tz",
        right: YES_OR_NO,
        default: "true",
        does: "its USE_TZ: whether the times in its database are UTC; if not, those in a SQLite file are read and written in its zone",
        take: |to, given| put(&mut to.django_use_tz, given.boolean()),
    },
    Setting {
        name: "django_database_time_zone",
        right: "the name of a time zone such as Europe/Berlin or UTC",
        default: "none",
        does: "the TIME_ZONE among its DATABASES, if it has one there",
        take: |to, given| {
            put(
                &mut to.django_database_time_zone,
                TimeZone::named(given.text()?).ok().map(Some),
            )
        },
    },
    Setting {
        name: "django_password_reset_timeout",
        right: TIME,
        default: "3 days",
        does: "its PASSWORD_RESET_TIMEOUT: for how long its links work, those for verification too",
        take: |to, given| put(&mut to.django_password_reset_timeout, some_time(given)),
    },
    Setting {
        name: "danger_accept_md5_passwords",
        right: YES_OR_NO,
        default: "false",
        does: "whether hashes that Django made with MD5 let in; a log-in replaces them",
        take: |to, given| put(&mut to.danger_accept_md5_passwords, given.boolean()),
    },
    Setting {
        name: "django_hash_iterations",
        right: "a number from 1 to 3000000",
        default: "none",
        does: "the most iterations of a pbkdf2_sha256 hash in the database: every refused log-in then takes as long as one by that, and no clock tells whose hash is Django's",
        take: |to, given| put(&mut to.django_hash_iterations, iterations(given).map(Some)),
    },
];

fn iterations(given: &Given<'_>) -> Option<DjangoIterations> {
    let number = u32::try_from(given.number()?).ok()?;
    DjangoIterations::new(number)
}
