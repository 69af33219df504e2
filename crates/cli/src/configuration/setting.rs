//! The settings: their names, what is right for each, and where it goes.
//!
//! This table is all there is: the file, the environment, the arguments, the messages about wrong
//! values and `phone-auth settings` read it.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use phone_auth::SiteOrigin;
use phone_auth::core::settings::Methods;

use super::Configuration;
use super::delivery;
use super::django;
use super::running;
use super::value::Given;
use crate::database_name::DatabaseName;
use crate::mode::MESSAGES;

/// Takes a value, or does not because it is wrong.
type Take = fn(&mut Configuration, &Given<'_>) -> Option<()>;

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in a file, after the name of its section and a dot if it stands in one.
    pub(crate) name: &'static str,
    /// What a right value is, in words that end the sentence "x is not …".
    pub(crate) right: &'static str,
    /// What it is when nobody sets it.
    pub(crate) default: &'static str,
    /// What it does.
    pub(crate) does: &'static str,
    pub(super) take: Take,
}

pub(super) const YES_OR_NO: &str = "true or false";
pub(super) const TIME: &str = "a time such as \"14 days\", \"90m\" or a number of seconds, longer than none and at most 10 years";
const PATH_HERE: &str = "a path on this site such as /accounts/profile/";
pub(super) const FILE: &str = "the path of a file";
/// What a choice of messages must be.
pub(super) const SIGNALS: &str =
    "one or more of reset_password_email, reset_password_phone, verify_email, verify_phone";

/// Every setting there is, in the order in which they are listed.
pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    SITE.iter()
        .chain(running::SETTINGS)
        .chain(django::SETTINGS)
        .chain(delivery::settings())
}

/// The settings of the site itself, which stand in no section, as those beside Django do.
static SITE: &[Setting] = &[
    Setting {
        name: "addr",
        right: "an IP address and a port such as 127.0.0.1:8000 or [::1]:0",
        default: "127.0.0.1:8000",
        does: "where to listen; port 0 takes any free port",
        take: |to, given| put(&mut to.addr, address(given.text()?)),
    },
    Setting {
        name: "database",
        right: "a database such as sqlite:phone-auth.sqlite3 or postgres://user@host/database",
        default: "sqlite:phone-auth.sqlite3",
        does: "the database: a file, made if it is not there, or one on a server of PostgreSQL",
        take: |to, given| put(&mut to.database, database(given)),
    },
    Setting {
        name: "database_busy_timeout",
        right: "a time such as \"5 s\" or a number of seconds, longer than none and at most 10 minutes",
        default: "5 s",
        does: "how long a request waits for a locked database, or for a connection or an answer of a server, before it answers 503",
        take: |to, given| put(&mut to.database_busy_timeout, some_wait(given)),
    },
    Setting {
        name: "database_connections",
        right: "a number from 1 to 1000",
        default: "10",
        does: "how many connections to a server of PostgreSQL there are at most",
        take: |to, given| {
            let connections = number(given, 1..=1000)?;
            let connections = u32::try_from(connections).ok().and_then(NonZeroU32::new);
            put(&mut to.database_server.connections, connections)
        },
    },
    Setting {
        name: "database_pooler",
        right: YES_OR_NO,
        default: "false",
        does: "whether the URL leads to a proxy such as PgBouncer that gives each transaction another connection",
        take: |to, given| put(&mut to.database_server.is_pooler, given.boolean()),
    },
    Setting {
        name: "site_url",
        right: "an origin such as https://example.org: http or https, a host, perhaps a port, no path",
        default: "the address listened on, if that is loopback",
        does: "what stands before the path of every link that is sent",
        take: |to, given| {
            put(
                &mut to.site_url,
                SiteOrigin::parse(given.text()?).ok().map(Some),
            )
        },
    },
    Setting {
        name: "site_name",
        right: "a name",
        default: "the host of site_url",
        does: "what the site is called at the top of its pages",
        take: |to, given| put(&mut to.site_name, given.text().map(str::to_owned).map(Some)),
    },
    Setting {
        name: "secret_key_file",
        right: FILE,
        default: "the database's name with .key, made for a database that has no key",
        does: "the file that holds the secret key; only its owner may read it",
        take: |to, given| put(&mut to.secret_key_file, given.path().map(Some)),
    },
    Setting {
        name: "secret_key_fallback_files",
        right: "a list of paths of files",
        default: "none",
        does: "files with older keys that are still accepted, while a key is being replaced",
        take: |to, given| put(&mut to.secret_key_fallback_files, given.paths()),
    },
    Setting {
        name: "templates",
        right: "the path of a folder that exists",
        default: "none",
        does: "a folder whose templates replace ours, one by one",
        take: |to, given| put(&mut to.templates, folder(given).map(Some)),
    },
    Setting {
        name: "authentication_methods",
        right: "one or more of phone, email, username",
        default: "phone, email, username",
        does: "what people may log in and reset their password by",
        take: |to, given| put(&mut to.accounts.authentication_methods, methods(given)),
    },
    Setting {
        name: "register_username_required",
        right: YES_OR_NO,
        default: "true",
        does: "whether one must choose a username to sign up",
        take: |to, given| put(&mut to.accounts.register_username_required, given.boolean()),
    },
    Setting {
        name: "register_email_required",
        right: YES_OR_NO,
        default: "true",
        does: "whether one must have an e-mail address to sign up",
        take: |to, given| put(&mut to.accounts.register_email_required, given.boolean()),
    },
    Setting {
        name: "register_fname_required",
        right: YES_OR_NO,
        default: "true",
        does: "whether one must give a first name to sign up",
        take: |to, given| put(&mut to.accounts.register_fname_required, given.boolean()),
    },
    Setting {
        name: "register_lname_required",
        right: YES_OR_NO,
        default: "true",
        does: "whether one must give a last name to sign up",
        take: |to, given| put(&mut to.accounts.register_lname_required, given.boolean()),
    },
    Setting {
        name: "register_confirm_password_required",
        right: YES_OR_NO,
        default: "true",
        does: "whether one must type the password twice to sign up",
        take: |to, given| {
            put(
                &mut to.accounts.register_confirm_password_required,
                given.boolean(),
            )
        },
    },
    Setting {
        name: "login_redirect_url",
        right: PATH_HERE,
        default: "/accounts/profile/",
        does: "where one goes after logging in",
        take: |to, given| put(&mut to.accounts.login_redirect_url, path_here(given)),
    },
    Setting {
        name: "logout_redirect_url",
        right: PATH_HERE,
        default: "/",
        does: "where one goes after logging out",
        take: |to, given| put(&mut to.accounts.logout_redirect_url, path_here(given)),
    },
    Setting {
        name: "session_lifetime",
        right: TIME,
        default: "14 days",
        does: "how long one stays logged in",
        take: |to, given| put(&mut to.accounts.session_lifetime, some_time(given)),
    },
    Setting {
        name: "session_cookie_name",
        right: "the name of a cookie, such as sessionid, without the prefix __Host-",
        default: "sessionid",
        does: "what the session cookie is called; programs that share a host need names that differ",
        take: |to, given| put(&mut to.session_cookie_name, text(given)),
    },
    Setting {
        name: "host_cookies",
        right: YES_OR_NO,
        default: "true on an https site that shares no sessions with Django",
        does: "whether the names of cookies begin with __Host-, so that no other host of the domain can set them",
        take: |to, given| put(&mut to.host_cookies, given.boolean().map(Some)),
    },
    Setting {
        name: "trusted_origins",
        right: "a list of origins such as https://app.example.org",
        default: "none",
        does: "other origins whose pages may send forms to this site; its own always may",
        take: |to, given| put(&mut to.trusted_origins, origins(given)),
    },
    Setting {
        name: "reset_email_lifetime",
        right: TIME,
        default: "24 hours",
        does: "how long a reset link sent by e-mail works",
        take: |to, given| put(&mut to.accounts.reset_email_lifetime, some_time(given)),
    },
    Setting {
        name: "reset_phone_lifetime",
        right: TIME,
        default: "10 minutes",
        does: "how long a reset link sent to a phone works",
        take: |to, given| put(&mut to.accounts.reset_phone_lifetime, some_time(given)),
    },
    Setting {
        name: "verify_email_lifetime",
        right: TIME,
        default: "24 hours",
        does: "how long a verification link sent by e-mail works",
        take: |to, given| put(&mut to.accounts.verify_email_lifetime, some_time(given)),
    },
    Setting {
        name: "verify_phone_lifetime",
        right: TIME,
        default: "10 minutes",
        does: "how long a verification link sent to a phone works",
        take: |to, given| put(&mut to.accounts.verify_phone_lifetime, some_time(given)),
    },
    Setting {
        name: "verify_by_click",
        right: YES_OR_NO,
        default: "false",
        does: "whether a verification link shows a button instead of verifying when opened",
        take: |to, given| put(&mut to.accounts.verify_by_click, given.boolean()),
    },
    Setting {
        name: "max_addresses",
        right: "a number from 1 to 100",
        default: "10",
        does: "how many e-mail addresses and phone numbers, together, one may have to add another",
        take: |to, given| put(&mut to.accounts.max_addresses, small(given, 1..=100)),
    },
    Setting {
        name: "max_unverified_addresses",
        right: "a number from 1 to 100",
        default: "5",
        does: "how many of them may be unverified to add another",
        take: |to, given| {
            put(
                &mut to.accounts.max_unverified_addresses,
                small(given, 1..=100),
            )
        },
    },
];

impl Setting {
    /// The name of its variable of the environment, in small letters and without the prefix: with `_` for the dot.
    pub(super) fn in_variable(&self) -> String {
        self.name.replace('.', "_")
    }
}

pub(super) fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

/// A database by its name. The path of a file need not be UTF-8.
fn database(given: &Given<'_>) -> Option<DatabaseName> {
    match given.path_after("sqlite:") {
        Some(path) => DatabaseName::file(path),
        None => DatabaseName::parse(given.text()?),
    }
}

/// An address to listen on; `localhost` is understood, other names are not looked up.
fn address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
    }
    text.parse().ok()
}

pub(super) fn text(given: &Given<'_>) -> Option<String> {
    given.text().map(str::to_owned)
}

pub(super) fn texts(given: &Given<'_>) -> Option<Vec<String>> {
    Some(given.list()?.into_iter().map(str::to_owned).collect())
}

fn origins(given: &Given<'_>) -> Option<Vec<SiteOrigin>> {
    let origins = given.list()?.into_iter();
    origins
        .map(|origin| SiteOrigin::parse(origin).ok())
        .collect()
}

pub(super) fn folder(given: &Given<'_>) -> Option<PathBuf> {
    let path = given.path()?;
    path.is_dir().then_some(path)
}

/// The methods named. That there is one at all, core sees to.
fn methods(given: &Given<'_>) -> Option<Methods> {
    let mut methods = Methods {
        phone: false,
        email: false,
        username: false,
    };
    for method in given.list()? {
        match method {
            "phone" => methods.phone = true,
            "email" => methods.email = true,
            "username" => methods.username = true,
            _ => return None,
        }
    }
    Some(methods)
}

/// Some of the four signals.
pub(super) fn messages(given: &Given<'_>) -> Option<Vec<&'static str>> {
    let known = |name: &str| MESSAGES.into_iter().find(|signal| *signal == name);
    given.list()?.into_iter().map(known).collect()
}

/// A text. That it is a path on this site, core sees to.
fn path_here(given: &Given<'_>) -> Option<String> {
    given.text().map(str::to_owned)
}

pub(super) fn some_time(given: &Given<'_>) -> Option<Duration> {
    given.duration().filter(|duration| !duration.is_zero())
}

/// A time that somebody waits.
fn some_wait(given: &Given<'_>) -> Option<Duration> {
    some_time(given).filter(|duration| *duration <= Duration::from_mins(10))
}

pub(super) fn number(given: &Given<'_>, range: std::ops::RangeInclusive<usize>) -> Option<usize> {
    let number = usize::try_from(given.number()?).ok()?;
    range.contains(&number).then_some(number)
}

fn small(given: &Given<'_>, range: std::ops::RangeInclusive<usize>) -> Option<u32> {
    number(given, range).and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for (at, setting) in all().enumerate() {
            let name = setting.in_variable();
            let first = all().position(|other| other.in_variable() == name);
            assert_eq!(first, Some(at), "{}", setting.name);
        }
    }

    #[test]
    fn default_texts_give_defaults() {
        for setting in all() {
            let Some(text) = literal(setting.default) else {
                continue;
            };
            let mut configuration = Configuration::default();
            let taken = (setting.take)(&mut configuration, &Given::Text(text));
            assert_eq!(taken, Some(()), "{}", setting.name);
            assert_eq!(configuration, Configuration::default(), "{}", setting.name);
        }
    }

    /// The default as a value, unless it is a description.
    fn literal(default: &str) -> Option<&str> {
        let describes =
            default == "none" || default.starts_with("the ") || default.contains(" on ");
        (!describes).then_some(default)
    }
}
