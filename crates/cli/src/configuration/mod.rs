//! What the program was told: arguments, environment, a file, and defaults, in this order.
//!
//! Everything is read once, at start, and checked as a whole: whatever is wrong is named with the
//! place it stands at, all mistakes at once. Nothing else in the program reads the environment.

pub(crate) mod delivery;
mod django;
pub(crate) mod duration;
mod error;
mod file;
mod names;
mod running;
mod setting;
mod source;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth::SiteOrigin;
use phone_auth::core::accounts::WorkerOptions;
use phone_auth::core::password::DjangoIterations;
use phone_auth::core::settings::Settings;
use phone_auth::tokens::django::{DJANGO_LIFETIME, TimeZone};

pub(crate) use error::{ConfigurationError, Mistake};
pub(crate) use setting::all as settings;
pub(crate) use source::{PREFIX, Source};

use crate::arguments::SettingArguments;
use crate::database_name::{DatabaseName, DatabaseServer};
use delivery::DeliverySettings;
use value::Given;

/// All settings, checked one by one and together.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting, and goes with no other"
)]
pub(crate) struct Configuration {
    pub(crate) addr: SocketAddr,
    pub(crate) database: DatabaseName,
    pub(crate) database_busy_timeout: Duration,
    pub(crate) database_server: DatabaseServer,
    pub(crate) site_url: Option<SiteOrigin>,
    pub(crate) secret_key_file: Option<PathBuf>,
    pub(crate) secret_key_fallback_files: Vec<PathBuf>,
    pub(crate) site_name: Option<String>,
    pub(crate) templates: Option<PathBuf>,
    pub(crate) accounts: Settings,
    pub(crate) session_cookie_name: String,
    pub(crate) host_cookies: Option<bool>,
    pub(crate) trusted_origins: Vec<SiteOrigin>,
    pub(crate) django_sessions: bool,
    pub(crate) django_session_cookie_name: String,
    pub(crate) django_session_cookie_domain: Option<String>,
    pub(crate) django_auth_backend: String,
    pub(crate) django_auth_backends: Option<Vec<String>>,
    pub(crate) accept_django_tokens_until: Option<DateTime<Utc>>,
    pub(crate) django_secret_key_file: Option<PathBuf>,
    pub(crate) django_secret_key_fallback_files: Vec<PathBuf>,
    pub(crate) django_time_zone: TimeZone,
    pub(crate) django_use_tz: bool,
    pub(crate) django_database_time_zone: Option<TimeZone>,
    pub(crate) django_password_reset_timeout: Duration,
    pub(crate) danger_accept_md5_passwords: bool,
    pub(crate) django_hash_iterations: Option<DjangoIterations>,
    pub(crate) hashing_queue: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_client: Option<usize>,
    pub(crate) header_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) keep_alive_timeout: Duration,
    pub(crate) shutdown_grace: Duration,
    pub(crate) receiver_timeout: Duration,
    pub(crate) outbox_worker: bool,
    pub(crate) outbox_lease: Duration,
    pub(crate) switched_off_receivers: Vec<String>,
    pub(crate) unreceived: Vec<&'static str>,
    pub(crate) development: Option<bool>,
    pub(crate) delivery: DeliverySettings,
    /// Where each setting that somebody set was set last.
    sources: BTreeMap<&'static str, Source>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 8000).into(),
            database: DatabaseName::Sqlite(PathBuf::from("phone-auth.sqlite3")),
            database_busy_timeout: Duration::from_secs(5),
            database_server: DatabaseServer::default(),
            site_url: None,
            secret_key_file: None,
            secret_key_fallback_files: Vec::new(),
            site_name: None,
            templates: None,
            accounts: Settings::default(),
            session_cookie_name: "sessionid".to_owned(),
            host_cookies: None,
            trusted_origins: Vec::new(),
            django_sessions: false,
            django_session_cookie_name: "sessionid".to_owned(),
            django_session_cookie_domain: None,
            django_auth_backends: None,
            django_auth_backend: "phone_auth.backend.CustomAuthBackend".to_owned(),
            accept_django_tokens_until: None,
            django_secret_key_file: None,
            django_secret_key_fallback_files: Vec::new(),
            django_time_zone: TimeZone::DJANGO_DEFAULT,
            django_use_tz: true,
            django_database_time_zone: None,
            django_password_reset_timeout: DJANGO_LIFETIME,
            danger_accept_md5_passwords: false,
            django_hash_iterations: None,
            hashing_queue: 64,
            max_connections: 1000,
            max_connections_per_client: None,
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_secs(30),
            keep_alive_timeout: Duration::from_secs(75),
            shutdown_grace: Duration::from_secs(30),
            receiver_timeout: Duration::from_secs(30),
            outbox_worker: true,
            outbox_lease: Duration::from_secs(15),
            switched_off_receivers: Vec::new(),
            unreceived: Vec::new(),
            development: None,
            delivery: DeliverySettings::default(),
            sources: BTreeMap::new(),
        }
    }
}

impl Configuration {
    /// Reads the file, then the environment, then the arguments; what comes later goes before.
    ///
    /// # Errors
    /// Every mistake there is, also in a value that another source overrides.
    pub(crate) fn load(
        arguments: &SettingArguments,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigurationError> {
        let mut reading = Reading::default();
        let variables = ours(environment);
        if let Some((path, at)) = named_file(arguments, &variables) {
            reading.file(path, &at);
        }
        reading.environment(&variables);
        reading.arguments(arguments);
        let mut mistakes = reading.mistakes;
        if mistakes.is_empty() {
            mistakes = delivery::mistakes(&reading.configuration);
        }
        if !mistakes.is_empty() {
            return Err(ConfigurationError { mistakes });
        }
        Ok(reading.configuration)
    }

    /// Whether somebody set a setting.
    pub(crate) fn is_set(&self, setting: &str) -> bool {
        self.sources.contains_key(setting)
    }

    /// The first of these settings that was set; else the first.
    pub(crate) fn first_set<'a>(&self, settings: &[&'a str]) -> &'a str {
        let set = settings.iter().find(|setting| self.is_set(setting));
        set.or(settings.first()).copied().unwrap_or_default()
    }

    /// Where a setting was set.
    pub(crate) fn source_of(&self, setting: &str) -> Source {
        self.sources
            .get(setting)
            .cloned()
            .unwrap_or(Source::Default)
    }

    /// Whether only this machine can reach the address.
    pub(crate) fn is_loopback(&self) -> bool {
        self.addr.ip().to_canonical().is_loopback()
    }

    /// How a worker of this process works.
    pub(crate) fn worker(&self) -> WorkerOptions {
        let mut options = WorkerOptions::default();
        options.lease = self.outbox_lease;
        options.receiver_timeout = self.receiver_timeout;
        options
    }

    /// The mistake that a setting does not go with the others.
    pub(crate) fn refuse(&self, setting: &'static str, why: impl Into<String>) -> Mistake {
        Mistake::Refused {
            setting,
            at: self.source_of(setting),
            why: why.into(),
        }
    }
}

/// A configuration half read, and what was wrong so far.
#[derive(Default)]
struct Reading {
    configuration: Configuration,
    mistakes: Vec<Mistake>,
}

impl Reading {
    fn file(&mut self, path: PathBuf, at: &Source) {
        match file::read(path, at) {
            Ok(file) => file.for_each(|name, value, place| self.take(name, value, place)),
            Err(mistake) => self.mistakes.push(mistake),
        }
    }

    fn environment(&mut self, variables: &[(String, OsString)]) {
        for (name, value) in variables {
            // Other programs use this prefix too. So a name is refused only if it looks like one of ours misspelt.
            if let Some(setting) = names::of_variable(name) {
                self.take_os(setting.name, value, variable(name));
            } else if name == "config" || names::is_of_kubernetes(name, value) {
                // Read already, or nobody's mistake.
            } else if names::nearest(name).is_some() {
                self.take_os(name, value, variable(name));
            } else {
                tracing::warn!("{} is no setting, and is left alone", variable(name));
            }
        }
    }

    fn arguments(&mut self, arguments: &SettingArguments) {
        for (name, value) in arguments.given() {
            self.take_os(name, value, Source::Argument { name });
        }
    }

    fn take_os(&mut self, name: &str, value: &OsString, at: Source) {
        self.take(name, &Given::of_system(value), at);
    }

    fn take(&mut self, name: &str, given: &Given<'_>, at: Source) {
        let Some(setting) = names::find(name) else {
            let in_capitals = matches!(at, Source::Environment { .. });
            self.mistakes.push(Mistake::Unknown {
                name: name.to_owned(),
                at,
                meant: names::nearest(name).and_then(|nearest| {
                    if in_capitals {
                        return Some(format!("{PREFIX}{}", nearest.to_ascii_uppercase()));
                    }
                    names::of_variable(&nearest).map(|setting| setting.name.to_owned())
                }),
            });
            return;
        };
        let mut changed = self.configuration.clone();
        let right = if (setting.take)(&mut changed, given).is_none() {
            Some(setting.right)
        } else {
            changed
                .accounts
                .validate()
                .err()
                .map(|error| error.expected())
        };
        if let Some(right) = right {
            self.mistakes.push(Mistake::Wrong {
                setting: setting.name,
                at,
                got: given.got(setting.secrecy()),
                right,
            });
            return;
        }
        changed.sources.insert(setting.name, at);
        self.configuration = changed;
    }
}

/// The file of settings and who named it.
fn named_file(
    arguments: &SettingArguments,
    variables: &[(String, OsString)],
) -> Option<(PathBuf, Source)> {
    if let Some(path) = &arguments.config {
        return Some((path.clone(), Source::Argument { name: "config" }));
    }
    let (name, path) = variables.iter().find(|(name, _)| name == "config")?;
    Some((PathBuf::from(path), variable(name)))
}

/// The variables that begin with our prefix, by the names of settings, in a fixed order. One that is empty is not
/// set: `${NAME:-}` in a file of Compose makes it so, and there is no other way to leave one out there.
fn ours(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(String, OsString)> {
    let mut variables: Vec<_> = environment
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| {
            let name = name.to_string_lossy().to_string();
            let name = name.strip_prefix(PREFIX)?.to_ascii_lowercase();
            Some((name, value))
        })
        .collect();
    variables.sort();
    variables
}

fn variable(name: &str) -> Source {
    Source::Environment {
        variable: format!("{PREFIX}{}", name.to_ascii_uppercase().replace('.', "_")),
    }
}
