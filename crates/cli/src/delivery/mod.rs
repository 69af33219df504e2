//! The ready receivers as the settings describe them.

mod nats;
mod sms;
mod smtp;
mod webhook;

use std::error::Error;
use std::path::{Path, PathBuf};

use phone_auth::SiteOrigin;
use phone_auth::delivery::nats::Nats;
use phone_auth::delivery::sms_gateway::SmsGateway;
use phone_auth::delivery::smtp::Smtp;
use phone_auth::delivery::webhook::Webhook;
use phone_auth::delivery::{self, Secret};
use phone_auth::signals::{MessageSignal, SignalsBuilder};

use crate::configuration::{Configuration, Sources};
use crate::exit::Failure;
use crate::secrets::secret_file;
use crate::terminal::visible::Visible;

/// What a receiver is told besides its section.
#[derive(Clone, Copy)]
struct Site<'a> {
    /// What links begin with.
    origin: &'a SiteOrigin,
    name: Option<&'a str>,
    /// Where its settings were set.
    sources: &'a Sources,
}

/// The state of the ready receivers that the settings turn on.
pub(crate) struct Delivery {
    smtp: Option<Smtp>,
    sms: Option<SmsGateway>,
    webhook: Option<Webhook>,
    nats: Option<Nats>,
}

impl Delivery {
    /// Builds what the settings turn on. Links begin with this origin.
    ///
    /// # Errors
    /// A sentence for each section that will not do.
    pub(crate) fn build(
        configuration: &Configuration,
        origin: &SiteOrigin,
    ) -> Result<Self, Failure> {
        let site = Site {
            origin,
            name: configuration.site.name.as_deref(),
            sources: &configuration.sources,
        };
        Ok(Self {
            smtp: smtp::build(&configuration.smtp, site)?,
            sms: sms::build(&configuration.sms, site)?,
            webhook: webhook::build(&configuration.webhook, site)?,
            nats: nats::build(&configuration.nats, site)?,
        })
    }

    /// Gives a dispatcher that state. The other ready receivers are idle without theirs.
    pub(crate) fn provide(self, mut dispatcher: SignalsBuilder) -> SignalsBuilder {
        dispatcher = provide(dispatcher, self.smtp);
        dispatcher = provide(dispatcher, self.sms);
        dispatcher = provide(dispatcher, self.webhook);
        provide(dispatcher, self.nats)
    }
}

/// Gives a receiver its state, if there is one.
fn provide<T: Send + Sync + 'static>(
    dispatcher: SignalsBuilder,
    state: Option<T>,
) -> SignalsBuilder {
    match state {
        Some(state) => dispatcher.provide(state),
        None => dispatcher,
    }
}

/// A ready receiver that the settings turn on.
pub(crate) struct Target<'a> {
    /// Its id.
    pub(crate) receiver: &'static str,
    /// The signals that it was told to take, if not all that it can.
    signals: Option<&'a [MessageSignal]>,
    /// How it sends and to where, for operators.
    pub(crate) sender: String,
}

/// The ready receivers that the settings turn on.
pub(crate) fn targets(configuration: &Configuration) -> Vec<Target<'_>> {
    let Configuration {
        smtp,
        sms,
        webhook,
        nats,
        ..
    } = configuration;
    let gateway = match &sms.twilio_account_sid {
        Some(_sid) => Some("Twilio".to_owned()),
        None => sms.url.as_deref().map(host),
    };
    let target = |receiver, name, place: Option<String>, signals| {
        place.map(|place| Target {
            receiver,
            signals,
            sender: format!("{name} ({})", Visible(&place)),
        })
    };
    [
        target(delivery::smtp::RECEIVER, "SMTP", smtp.host.clone(), None),
        target(
            delivery::sms_gateway::RECEIVER,
            "SMS gateway",
            gateway,
            None,
        ),
        target(
            delivery::webhook::RECEIVER,
            "webhook",
            webhook.url.as_deref().map(host),
            Some(&*webhook.signals.0),
        ),
        target(
            delivery::nats::RECEIVER,
            "NATS",
            nats.url.as_deref().map(hosts),
            Some(&*nats.signals.0),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Target<'_> {
    /// Whether it takes the messages of a signal, if the receiver can.
    pub(crate) fn takes(&self, signal: &str) -> bool {
        self.signals
            .is_none_or(|signals| signals.iter().any(|taken| taken.name() == signal))
    }
}

/// The host in a URL; what else stands there may be a key.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.to_owned()
}

/// The hosts in URLs with commas between them.
fn hosts(urls: &str) -> String {
    let hosts: Vec<_> = urls.split(',').map(|url| host(url.trim())).collect();
    hosts.join(", ")
}

/// Whether a receiver is a ready one that the settings do not turn on for a signal.
pub(crate) fn is_off(configuration: &Configuration, receiver: &str, signal: &str) -> bool {
    let is_on = |target: &Target<'_>| target.receiver == receiver && target.takes(signal);
    delivery::RECEIVERS.contains(&receiver) && !targets(configuration).iter().any(is_on)
}

/// What a file with a secret must be.
const SECRET_FILE: &str = "a file that only its owner can write, with the secret in it";

impl Site<'_> {
    /// The secret that was given, or the one in the file that was.
    fn secret(
        self,
        text: Option<&Secret>,
        file: Option<&PathBuf>,
        setting: &str,
    ) -> Result<Option<Secret>, Failure> {
        let Some(path) = file else {
            return Ok(text.cloned());
        };
        let text = secret_file::read(path);
        let text = text.map_err(|error| self.wrong(setting, SECRET_FILE, error))?;
        Ok(Some(Secret::new(text)))
    }

    /// The secret in a file that has lines, if one was given.
    fn secret_lines(
        self,
        file: Option<&PathBuf>,
        setting: &str,
    ) -> Result<Option<Secret>, Failure> {
        let text = file.map(|path| secret_file::read_lines(path)).transpose();
        let text = text.map_err(|error| self.wrong(setting, SECRET_FILE, error))?;
        Ok(text.map(Secret::new))
    }

    /// The bytes of a file of certificates.
    fn certificates(self, path: &Path, setting: &str) -> Result<Vec<u8>, Failure> {
        let right = "a file of certificates in PEM that can be read";
        std::fs::read(path).map_err(|error| self.wrong(setting, right, error))
    }

    /// The failure of a setting that says what will not do.
    fn wrong(
        self,
        setting: &str,
        right: &str,
        error: impl Error + Send + Sync + 'static,
    ) -> Failure {
        Failure::wrong_at(setting, self.sources.of(setting), right, error)
    }
}
