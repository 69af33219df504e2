//! What the program was told: arguments, environment, a file, and defaults, in this order.
//!
//! Everything is read once, at start, and checked as a whole: whatever is wrong is named with the
//! place it stands at, all mistakes at once. Nothing else in the program reads the environment.

pub(crate) mod duration;
mod error;
mod file;
mod kinds;
mod names;
mod setting;
mod source;
mod sources;
mod table;
mod together;
mod value;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use phone_auth::core::outbox::WorkerOptions;
use phone_auth::core::settings::Settings;
use phone_auth::delivery::CarriesTo;

pub(crate) use error::{ConfigurationError, Mistake};
pub(crate) use kinds::Success;
pub(crate) use source::{PREFIX, Source};
pub(crate) use sources::Sources;
pub(crate) use table::{
    Configuration, DjangoSettings, MessageSettings, NatsSettings, SETTINGS, ServerSettings,
    SmsSettings, SmtpSettings, WebhookSettings,
};

use crate::arguments::SettingArguments;
use crate::secrets::secret_file;
use value::Given;

/// What goes with settings that may come later is not judged when it is read: see `together`.
const GO_WITH_OTHERS: [&str; 6] = [
    "conceal_accounts",
    "hidden_sign_up_fields",
    "login_by_code",
    "require_verified",
    "short_session_lifetime",
    "sign_up_by_code",
];

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
        let environment: Vec<_> = environment.into_iter().collect();
        let misspelt = misspelt(&environment);
        let variables = ours(environment);
        if let Some((path, at)) = named_file(arguments, &variables) {
            reading.file(&path, &at);
        }
        reading.environment(&variables);
        reading.mistakes.extend(misspelt);
        reading.arguments(arguments);
        let mut mistakes = reading.mistakes;
        if mistakes.is_empty() {
            mistakes = together::mistakes(&reading.configuration);
        }
        if !mistakes.is_empty() {
            return Err(ConfigurationError { mistakes });
        }
        let mut configuration = reading.configuration;
        if !configuration.sources.is_set("login_redirect_url") {
            let profile = format!("{}profile/", configuration.site.mount);
            configuration.accounts.login_redirect_url = profile;
        }
        Ok(configuration)
    }
}

impl Configuration {
    /// The settings of accounts, with how often what may be done.
    pub(crate) fn account_settings(&self) -> Settings {
        let mut settings = self.accounts.clone();
        settings.limits = self.limits.clone();
        if self.sms.url.is_some() || self.sms.twilio_account_sid.is_some() {
            let all = CarriesTo::all(self.sms.carries);
            let by_prefix = self.sms.carries_by_prefix.iter();
            settings.phone_carries = by_prefix.fold(all, |all, (prefix, carries)| {
                all.by_prefix(prefix.as_str(), *carries)
            });
        }
        settings
    }
}

impl ServerSettings {
    /// Whether only this machine can reach the address.
    pub(crate) fn is_loopback(&self) -> bool {
        self.addr.ip().to_canonical().is_loopback()
    }
}

impl MessageSettings {
    /// How a worker of this process works.
    pub(crate) fn worker(&self) -> WorkerOptions {
        let mut options = WorkerOptions::default();
        options.lease = self.outbox_lease;
        options.receiver_timeout = self.receiver_timeout;
        options
    }
}

/// A configuration half read, and what was wrong so far.
#[derive(Default)]
struct Reading {
    configuration: Configuration,
    mistakes: Vec<Mistake>,
}

impl Reading {
    fn file(&mut self, path: &Path, at: &Source) {
        let file = match file::read(path.to_owned(), at) {
            Ok(file) => file,
            Err(mistake) => return self.mistakes.push(mistake),
        };
        let mut secret = None;
        file.for_each(|name, value, place| {
            let setting = names::find(name).filter(|it| value.holds_a_secret(it.secrecy));
            if let Some(setting) = setting {
                secret.get_or_insert((setting.name, place.clone()));
            }
            self.take(name, value, place);
        });
        // With a secret in it the file is one, and is held to what those are.
        match (secret, file.others) {
            (Some((setting, at)), Err(kind)) => self.mistakes.push(Mistake::Refused {
                setting,
                at,
                why: format!("this is a secret, and the file that it stands in {kind}"),
            }),
            (Some(_), Ok(Some(mode))) => {
                secret_file::warn_of_readers("file of settings, with secrets in it,", path, mode);
            }
            _ => {}
        }
    }

    fn environment(&mut self, variables: &[(String, OsString)]) {
        for (name, value) in variables {
            // A name of ours that nobody knows is refused, however little it is like one that is known: anyone who wrote
            // `PHONE_AUTH_DB` would else be served from a new and empty database.
            let known = names::of_variable(name);
            if names::is_of_kubernetes(name, value) {
                // Nobody's mistake, which does not hide what another source says.
                if known.is_some() {
                    tracing::warn!(
                        "{} is the address of a service of Kubernetes, and is left alone",
                        variable(name)
                    );
                }
            } else if let Some(setting) = known {
                if is_in_quotes(value) {
                    self.mistakes.push(Mistake::Refused {
                        setting: setting.name,
                        at: variable(name),
                        why: IN_QUOTES.to_owned(),
                    });
                    continue;
                }
                self.take_os(setting.name, value, variable(name));
            } else if name != "config" && !names::is_of_tests(name) {
                self.take_os(name, value, variable(name));
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
                meant: names::nearest(name)
                    .and_then(|nearest| {
                        if in_capitals {
                            return Some(format!("{PREFIX}{}", nearest.to_ascii_uppercase()));
                        }
                        names::of_variable(&nearest).map(|setting| setting.name.to_owned())
                    })
                    .or_else(|| {
                        let section = names::nearest_section(name).filter(|_| !in_capitals)?;
                        Some(section.to_owned())
                    }),
            });
            return;
        };
        let mut changed = self.configuration.clone();
        let is_taken =
            !given.has_byte_order_mark() && (setting.take)(&mut changed, given).is_some();
        let right = if is_taken {
            let error = changed.accounts.validate().err();
            let of_itself = error.filter(|error| {
                error.setting() == setting.name && !GO_WITH_OTHERS.contains(&setting.name)
            });
            of_itself.map(|error| error.expected())
        } else {
            Some(setting.right)
        };
        if let Some(right) = right {
            self.mistakes.push(Mistake::BadValue {
                setting: setting.name,
                at,
                got: given.got(setting.secrecy),
                right,
            });
            return;
        }
        changed.sources.note(setting.name, at);
        self.configuration = changed;
    }
}

/// What is said of a value in quotes.
const IN_QUOTES: &str = "it stands in quotes, which a shell would have taken off and nothing else does; leave them out (a \
                         value that has them can stand in the file of settings)";

/// Whether a value as a whole stands in quotes, as one in a file of variables that no shell reads.
fn is_in_quotes(value: &OsString) -> bool {
    let bytes = value.as_encoded_bytes();
    [b'"', b'\''].iter().any(|quote| {
        let inner = bytes.strip_prefix(&[*quote]);
        let inner = inner.and_then(|rest| rest.strip_suffix(&[*quote]));
        inner.is_some_and(|inner| !inner.contains(quote))
    })
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

/// The variables that name a setting after another spelling of our prefix, such as `PHONEAUTH_SITE_URL`. Passed over, they
/// would let a new and empty site start in place of the one that is meant.
fn misspelt(environment: &[(OsString, OsString)]) -> Vec<Mistake> {
    let mut mistakes: Vec<_> = environment
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| !name.starts_with(PREFIX))?;
            let meant = names::of_misspelt_variable(name)?;
            if names::is_of_kubernetes(&meant, value) {
                return None;
            }
            let at = Source::Environment {
                variable: name.to_owned(),
            };
            Some((name.to_owned(), meant, at))
        })
        .collect();
    mistakes.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let unknown = |(name, meant, at): (String, String, Source)| Mistake::Unknown {
        name,
        at,
        meant: Some(format!("{PREFIX}{}", meant.to_ascii_uppercase())),
    };
    mistakes.into_iter().map(unknown).collect()
}

fn variable(name: &str) -> Source {
    Source::Environment {
        variable: format!("{PREFIX}{}", name.to_ascii_uppercase().replace('.', "_")),
    }
}
